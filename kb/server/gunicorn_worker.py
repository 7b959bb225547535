"""The worker class of `kb serve`: gunicorn manages the processes, waitress the connections.

One thread of each process reads from all connections at once and passes a request to another thread
when it is complete; it also sends the answers. So a connection that says nothing, or sends or reads
slowly, holds no thread (docs/decisions/0016).
"""

from __future__ import annotations

import logging
import mmap
import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from gunicorn.workers.base import Worker
from waitress import wasyncore
from waitress.server import BaseWSGIServer, create_server

from kb.connectors.files import masked

SILENT_S = 30  # a connection that sends nothing so long is closed
WHOLE_S = 60.0  # so is one whose request is not whole by then, however steadily it drips
CONNECTIONS = 500  # per process; each costs a file and, at worst, the sizes below
# Bytes. Flask's own limit on a body is lower and refuses it in words, for which it must have been
# read; beyond 256 KiB it waits in a file.
HEAD, BODY, IN_MEMORY = 32 * 1024, 4 * 1024 * 1024, 256 * 1024
ARRIVING_S = 1.0  # from connecting to the request; a client cut off in between sees an error
STEP_S = 0.5  # between two checks for a signal to stop
LEFT_S = 0.01  # how long a connection is left to a process that holds fewer


class Sharing:
    """How many connections each web process holds, in memory made before the fork.

    All processes listen on one socket, and whichever wakes first would take most connections: with
    two processes one was seen to hold seven of eight, and half of the machine idle.
    """

    PLACES = 128
    FRESH_S = 2 * STEP_S  # a process whose entry is older takes no connections now

    def __init__(self) -> None:
        self._memory = memoryview(mmap.mmap(-1, self.PLACES * 16)).cast("d")

    def tell(self, place: int, held: int, now: float) -> None:
        """Write how many connections the process at `place` holds at `now`, in seconds of the
        machine's monotonic clock.
        """
        self._memory[2 * place], self._memory[2 * place + 1] = held, now

    def leave(self, place: int) -> None:
        """Mark the process at `place` as taking no more connections."""
        self._memory[2 * place + 1] = 0.0

    def fewest(self, place: int, now: float) -> float:
        """Return the fewest connections that another process holds, infinity without others."""
        pairs = zip(self._memory[::2], self._memory[1::2], strict=True)
        others = (
            held
            for other, (held, at) in enumerate(pairs)
            if other != place and at and now - at <= self.FRESH_S
        )
        return min(others, default=float("inf"))


_SHARING = Sharing()


class BufferedWorker(Worker):  # type: ignore[misc]
    """A gunicorn worker with as many threads as the setting says."""

    place = 0  # unique among living processes

    def run(self) -> None:
        """Answer until told to stop; then let what was begun end within the grace period."""
        _quieten()
        sockets: dict[int, Any] = {}
        create_server(
            self.wsgi,
            map=sockets,
            sockets=[each.sock for each in self.sockets],
            threads=self.cfg.threads,
            connection_limit=CONNECTIONS,
            channel_timeout=SILENT_S,
            cleanup_interval=SILENT_S // 3,
            max_request_header_size=HEAD,
            max_request_body_size=BODY,
            inbuf_overflow=IN_MEMORY,
            asyncore_use_poll=True,
            clear_untrusted_proxy_headers=False,  # kb.web.site_address decides
            log_socket_errors=False,  # of readers who went away
            ident="",
            server_name="localhost",
        )
        began: dict[Any, float] = {}
        fair = Fair(sockets, min(self.place, _SHARING.PLACES - 1))
        while self.alive and self.ppid == os.getppid():
            self._step(sockets, fair.wait())
            end_slow(sockets, began, time.monotonic())
        fair.end()
        self._end(sockets)

    def _step(self, sockets: dict[int, Any], seconds: float = STEP_S) -> None:
        self.notify()
        wasyncore.loop(timeout=seconds, use_poll=True, map=sockets, count=1)

    def _end(self, sockets: dict[int, Any]) -> None:
        """Accept no more connections, and answer what has arrived."""
        found = servers(sockets)
        for server in found:
            server.del_channel(sockets)
        begun = time.monotonic()
        while is_needed(sockets, time.monotonic() - begun, self.cfg.graceful_timeout):
            self._step(sockets)
        for server in found:
            server.task_dispatcher.shutdown(timeout=1)


class Fair:
    """Leaves a new connection for LEFT_S to other processes while one of them holds fewer; then
    takes it if it is still there, so that a process that hangs keeps nobody waiting.
    """

    def __init__(self, sockets: dict[int, Any], place: int, sharing: Sharing = _SHARING) -> None:
        self._sockets, self._place, self._sharing = sockets, place, sharing
        self._until = 0.0  # until when connections are left to others; 0: they are not
        self._accepts = [(server, server.handle_accept) for server in servers(sockets)]
        for server, accept in self._accepts:
            server.handle_accept = partial(self._arrived, accept)

    def _arrived(self, accept: Callable[[], None]) -> None:
        now = time.monotonic()
        if not self._holds_more(now):
            accept()
            return
        self._until = now + LEFT_S
        for server, _ in self._accepts:
            server.accepting = False

    def wait(self) -> float:
        """Publish how many connections there are; return for how many seconds to wait for more."""
        now = time.monotonic()
        if not self._until:
            self._tell(now)
            return STEP_S
        if self._holds_more(now) and now < self._until:
            return self._until - now
        self._until = 0.0
        for server, accept in self._accepts:
            server.accepting = True
            accept()  # does nothing where the connection is gone
        return STEP_S

    def end(self) -> None:
        """Stop others from leaving connections to this process: it takes no more."""
        self._sharing.leave(self._place)

    def _holds_more(self, now: float) -> bool:
        return self._tell(now) > self._sharing.fewest(self._place, now)

    def _tell(self, now: float) -> int:
        held = len(channels(self._sockets))
        self._sharing.tell(self._place, held, now)
        return held


def servers(sockets: dict[int, Any]) -> list[Any]:
    """Return the servers among waitress's sockets."""
    return [each for each in sockets.values() if isinstance(each, BaseWSGIServer)]


def channels(sockets: dict[int, Any]) -> list[Any]:
    """Return the connections among waitress's sockets."""
    return [each for each in sockets.values() if hasattr(each, "requests")]


def is_needed(sockets: dict[int, Any], passed: float, grace: float) -> bool:
    """Return whether somebody is still to be answered, `passed` seconds after the last accept: a
    request has arrived or, for ARRIVING_S, may be on its way. Never after `grace` seconds.
    """
    held = channels(sockets)
    return passed < grace and (any(map(is_busy, held)) or (bool(held) and passed < ARRIVING_S))


def is_busy(channel: Any) -> bool:
    """Return whether a request on this connection is being read or answered."""
    return bool(channel.requests or channel.request or channel.total_outbufs_len)


def end_slow(sockets: dict[int, Any], began: dict[Any, float], now: float) -> None:
    """Close connections whose request has been arriving for longer than WHOLE_S; `began` holds
    since when, in seconds of a monotonic clock.
    """
    reading = {each for each in channels(sockets) if each.request is not None}
    for gone in began.keys() - reading:
        del began[gone]
    for channel in reading:
        if now - began.setdefault(channel, now) > WHOLE_S:
            channel.will_close = True


class _Masked(logging.Filter):
    """Takes secret links out of what waitress logs of a request that failed."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the arguments; every record passes."""
        given = record.args if isinstance(record.args, tuple) else ()
        record.args = tuple(masked(each) if isinstance(each, str) else each for each in given)
        return True


def _quieten() -> None:
    log = logging.getLogger("waitress")
    log.addFilter(_Masked())
    # It would warn whenever a request waits for a thread.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
