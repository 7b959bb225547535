"""The kind of web process that `kb serve` runs: gunicorn keeps the processes, waitress the sockets.

One thread of each process reads from all connections at once and hands a request to one of the
others when all of it is there; it also sends the answers. So a connection that says nothing, or
little at a time, or reads slowly, holds no thread (docs/decisions/0016).
"""

from __future__ import annotations

import logging
import os
import time
from typing import Any

from gunicorn.workers.base import Worker
from waitress import wasyncore
from waitress.server import BaseWSGIServer, create_server

from kb.connectors.files import masked

SILENT_S = 30  # a connection that sends nothing so long is closed
WHOLE_S = 60.0  # a request that is not whole by then too, however steadily it drips
CONNECTIONS = 500  # of one process; each costs a file and, at worst, the two sizes below
# Bytes. Flask takes less of a body and says so in words, for which it must have been read; beyond
# 256 KiB it waits in a file.
HEAD, BODY, IN_MEMORY = 32 * 1024, 4 * 1024 * 1024, 256 * 1024
ARRIVING_S = 1.0  # from connecting to the request; who is cut off in between is told of an error
STEP_S = 0.5  # between two looks for a signal to stop


class BufferedWorker(Worker):  # type: ignore[misc]
    """Answers from as many threads as the setting says."""

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
            clear_untrusted_proxy_headers=False,  # Flask decides which are believed
            log_socket_errors=False,  # of readers who went away
            ident="",
            server_name="localhost",
        )
        began: dict[Any, float] = {}
        while self.alive and self.ppid == os.getppid():
            self._step(sockets)
            end_slow(sockets, began, time.monotonic())
        self._end(sockets)

    def _step(self, sockets: dict[int, Any]) -> None:
        self.notify()
        wasyncore.loop(timeout=STEP_S, use_poll=True, map=sockets, count=1)

    def _end(self, sockets: dict[int, Any]) -> None:
        """Accept no more, and answer what is there."""
        servers = [each for each in sockets.values() if isinstance(each, BaseWSGIServer)]
        for server in servers:
            server.del_channel(sockets)
        begun = time.monotonic()
        while is_needed(sockets, time.monotonic() - begun, self.cfg.graceful_timeout):
            self._step(sockets)
        for server in servers:
            server.task_dispatcher.shutdown(timeout=1)


def channels(sockets: dict[int, Any]) -> list[Any]:
    """Return the connections among waitress's sockets."""
    return [each for each in sockets.values() if hasattr(each, "requests")]


def is_needed(sockets: dict[int, Any], passed: float, grace: float) -> bool:
    """Return whether somebody is still to be answered, `passed` seconds after no more connections
    are accepted: a request that is here, or for ARRIVING_S one that is on its way.
    """
    held = channels(sockets)
    return passed < grace and (any(map(is_busy, held)) or (bool(held) and passed < ARRIVING_S))


def is_busy(channel: Any) -> bool:
    """Return whether a request on this connection is being read or answered."""
    return bool(channel.requests or channel.request or channel.total_outbufs_len)


def end_slow(sockets: dict[int, Any], began: dict[Any, float], now: float) -> None:
    """Close connections whose request has been coming in for longer than WHOLE_S; `began` holds
    since when, in seconds by a monotonic clock.
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
    # A request that waits for a thread is no event.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
