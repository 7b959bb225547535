"""`kb serve`: the site under gunicorn, with `kb worker` in a process beside it.

A port that is taken is reported before anything else happens. The worker is started again when it
dies, both end together, and nothing people typed is logged.
"""

from __future__ import annotations

import gc
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from kb import health
from kb.config.settings import ROWS, Settings, load
from kb.connectors.files import masked
from kb.errors import ConfigError
from kb.server.gunicorn_worker import BufferedWorker
from kb.server.startup_page import listen
from search.errors import SearchError

log = logging.getLogger(__name__)

GRACE_S = 10  # given to requests and to the worker when the site stops
REQUEST_S = 60  # a web process that answers nobody this long is replaced
# Pause before the worker is restarted; doubled each time it dies young or does not start.
RESTART_S, LONGEST_RESTART_S = 1.0, 60.0
YOUNG_S = 30.0
BRIEF_S, SLOWEST_S = 5.0, 2.0  # a process dead within BRIEF_S is replaced after a pause
SHARED_MEMORY = "/dev/shm"  # noqa: S108 - gunicorn makes its files there safely


def check_address(settings: Settings) -> None:
    """Raise PortError unless the address can be listened on."""
    listen(settings).close()


class _Companion:
    """The `kb worker` process, restarted when it ends unasked or cannot be started. What keeps it
    from starting is written to the data folder, where /readyz finds it.
    """

    def __init__(self, data: Path) -> None:
        self._data = data
        self._ended = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, daemon=True, name="companion")
        self._starting = threading.Lock()
        self._anew = threading.Event()

    def start(self) -> None:
        """Start it, and keep it running."""
        # A web process forked during Popen would keep open, for as long as it lives, the pipe on
        # which Popen waits; so neither begins before the other is done.
        release = self._starting.release
        os.register_at_fork(
            before=self._starting.acquire, after_in_parent=release, after_in_child=release
        )
        self._thread.start()

    def _keep(self) -> None:
        pause = RESTART_S
        while not self._ended.is_set():
            begun = time.monotonic()
            told = self._live_and_die()
            if time.monotonic() - begun > YOUNG_S:
                pause = RESTART_S
            if self._ended.is_set():
                return
            if self._anew.is_set():
                self._anew.clear()
                continue
            log.warning("%s; it is started again in %.0f s", told, pause)
            self._ended.wait(pause)
            pause = min(2 * pause, LONGEST_RESTART_S)

    def _live_and_die(self) -> str:
        """Run the worker to its end; return how it ended, as the beginning of a sentence."""
        command = [sys.executable, "-m", "kb.cli", "worker", "--parent", str(os.getpid())]
        try:
            with self._starting:
                self._process = subprocess.Popen(command)  # noqa: S603 - our own module, no input
        except OSError as problem:  # no memory, no more processes, a program that may not be run
            why = problem.strerror or type(problem).__name__
            health.beat(self._data, fault=f"it cannot be started: {why}")
            return f"the worker cannot be started: {why}"
        status = self._process.wait()
        if not self._ended.is_set() and status > 0:  # an error, which is in the log; not a signal
            health.beat(self._data, fault=f"it ended with exit code {status}")
        return f"the worker ended with {status}"

    def again(self) -> None:
        """Restart it after its current job, with the settings as they are now."""
        if self._process and self._process.poll() is None:
            self._anew.set()
            self._process.terminate()

    def stop(self) -> None:
        """End it, and wait until it has ended."""
        self._ended.set()
        if self._process and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()


class _Log(Logger):  # type: ignore[misc]
    """Gunicorn's log without what people typed and without secret links. Gunicorn itself would
    quote requests that it cannot read, and the address of one that fails.
    """

    def setup(self, cfg: Any) -> None:
        """Log as the rest of the site does, see `kb.logs`."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True

    def warning(self, msg: Any, *args: Any, **options: Any) -> None:
        text = str(msg)
        if text.startswith("Invalid request"):
            why = text.partition(": ")[2].partition(":")[0].partition("'")[0]
            text = f"An invalid request was refused: {why}"
        super().warning(text, *args, **options)

    def exception(self, msg: Any, *args: Any, **options: Any) -> None:
        paths = (masked(arg.partition("?")[0]) if isinstance(arg, str) else arg for arg in args)
        super().exception(msg, *paths, **options)


class _Site(BaseApplication):  # type: ignore[misc]
    """Gunicorn, configured by our settings alone."""

    def __init__(self, settings: Settings, companion: _Companion, listener: socket.socket) -> None:
        self._settings = settings
        self._descriptor = listener.detach()  # gunicorn makes its own socket of it
        self._companion = companion
        self.callable: Any = None
        super().__init__()

    def load_config(self) -> None:
        settings, births = self._settings, _Births()
        options: dict[str, Any] = {
            "bind": f"fd://{self._descriptor}",
            "workers": settings.workers,
            "threads": settings.threads,
            "worker_class": BufferedWorker,
            "worker_tmp_dir": _in_memory(),
            "preload_app": True,  # imported once; threads begin after the fork
            "timeout": REQUEST_S,
            "graceful_timeout": GRACE_S,
            "proc_name": "tier-zero",
            # Only kb.web.site_address decides which proxies are believed (setting trusted_proxies).
            "forwarded_allow_ips": "",
            "pre_fork": births.before,
            "child_exit": births.after,
            "when_ready": lambda _arbiter: self._companion.start(),
            "on_exit": lambda _arbiter: self._companion.stop(),
            "post_fork": _count,
            "post_worker_init": _warm,
            "worker_exit": _leave,
            "loglevel": "warning",
            "logger_class": _Log,
            "control_socket_disable": True,  # would be an unwanted socket in the home folder
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        from kb.app import create_app

        return create_app(self._settings)

    def reload(self) -> None:
        """Reload the settings (SIGHUP); keep those of before where the new ones cannot be used. In
        both cases gunicorn then replaces the web processes one after another.
        """
        before, site = self._settings, self.callable
        try:
            self._settings = _reloaded(before)
            self.callable = self.load()
        except Exception as problem:  # whatever is wrong, the site goes on
            self._settings, self.callable = before, site
            log.error("the settings stay as they were: %s", problem)
            return
        super().reload()
        self._companion.again()
        log.info("the settings were read again")


def _in_memory() -> str | None:
    """Return the folder for gunicorn's heartbeat files, None for the default: in memory, so that a
    busy disk makes no web process look dead.
    """
    return SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK | os.X_OK) else None


def _reloaded(before: Settings) -> Settings:
    """Return the settings as they are now. Raise ConfigError for changes that need a restart."""
    found = load()
    names = sorted(row.name for row in ROWS if row.restart)
    held = [name for name in names if getattr(found, name) != getattr(before, name)]
    if held:
        raise ConfigError(f"{', '.join(held)} cannot change while the site runs.", "Restart it.")
    return found


def _place(arbiter: Any, worker: Any) -> None:
    """Give a new web process the first counting place that no living one has."""
    taken = {each.place for each in arbiter.WORKERS.values()}
    worker.place = next(place for place in range(len(taken) + 1) if place not in taken)


def _count(_arbiter: Any, worker: Any) -> None:
    worker.app.wsgi().extensions["counting"].take_place(worker.place)


def _warm(worker: Any) -> None:
    """Open the index and load the model before the first request. A damaged index stops no process:
    pages that need none go on, and gunicorn would end the whole site when a process cannot start.
    """
    parts = worker.app.wsgi().extensions["services"]
    try:
        parts.engine.warm()
        parts.library()
    except SearchError as problem:
        log.error("%s Pages that need the index wait until it is rebuilt.", problem.message)
    except Exception:
        log.exception("a web process starts without having opened the index")
    # What is loaded by now stays. Searching it for garbage again and again would stop all threads
    # of the process for 60 ms and more each time.
    gc.collect()
    gc.freeze()


class _Births:
    """Delays the replacement of web processes that die young: each costs a second of processor."""

    def __init__(self) -> None:
        self._born: dict[int, float] = {}
        self._young = 0  # early deaths in a row

    def before(self, arbiter: Any, worker: Any) -> None:
        """Wait a little after early deaths, then give this process its place."""
        _place(arbiter, worker)
        if self._young:
            time.sleep(min(SLOWEST_S, 0.1 * 2**self._young))
        self._born[worker.age] = time.monotonic()

    def after(self, _arbiter: Any, worker: Any) -> None:
        """Note a death."""
        lived = time.monotonic() - self._born.pop(worker.age, 0.0)
        self._young = min(self._young + 1, 8) if lived < BRIEF_S else 0


def _leave(_arbiter: Any, worker: Any) -> None:
    """End a web process at once, with the exit status it was about to have.

    The model's runtime may be starting its threads; C++ destroying its globals under them would
    abort the process. Once waiting events are written, nothing is left to do.
    """
    leaving = sys.exc_info()[1]
    if worker.booted:
        worker.app.wsgi().extensions["services"].recorder.flush()
    status = leaving.code if isinstance(leaving, SystemExit) else 1
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else 0)


def run(settings: Settings, listener: socket.socket) -> None:
    """Serve on the listening socket until stopped."""
    _Site(settings, _Companion(settings.data), listener).run()
