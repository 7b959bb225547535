"""What the site's address answers while `kb serve` makes the site ready.

The address is taken before anything else is done and handed on when the site is ready, so that no
reader and no health check meets a closed port. `/healthz` answers as usual; every other page is a
plain 503 that says how far the work is.
"""

from __future__ import annotations

import errno
import html
import json
import socket
import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

from waitress import wasyncore
from waitress.server import create_server

from kb.config.settings import Settings
from kb.errors import PortError
from kb.server.gunicorn_worker import is_needed

AGAIN_S = 5  # after which a browser reloads by itself
ENDING_S = 2.0  # for answers still under way when the site is ready
BACKLOG = 2048
STAGES = {
    "migrate": "The database is being brought up to date",
    "fetch": "The articles are being fetched",
    "read": "The articles are being read",
    "render": "The articles are being rendered",
    "index": "The articles are being indexed",
    "encode": "The articles are being read for search by meaning",
    "calibrate": "The search is being adjusted to the articles",
    "prepare": "The model for search by meaning is being prepared",
}
OTHER = "The articles are being brought up to date"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_PROGRAMS = ("/api/", "/hooks/", "/metrics", "/suggest")


def listen(settings: Settings) -> socket.socket:
    """Return a socket that listens on the site's address; PortError when it cannot."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    found = socket.socket(family)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((settings.host, settings.port))
        found.listen(BACKLOG)
    except OSError as problem:
        found.close()
        raise _refused(settings, problem) from None
    return found


def _refused(settings: Settings, problem: OSError) -> PortError:
    if problem.errno == errno.EADDRINUSE:
        return PortError(
            f"Port {settings.port} is taken.",
            "Stop what listens there, or choose another: KB_PORT=8001 make serve",
        )
    return PortError(
        f"{settings.host}:{settings.port} cannot be listened on: {problem.strerror}.",
        "Set KB_HOST and KB_PORT to an address of this machine; ports below 1024 need root.",
    )


class Starting:
    """A context manager that answers on the site's address while the site is made ready.

    When it is left, `listener` keeps listening, for the site; left by an error, it closes the
    address.
    """

    def __init__(self, settings: Settings) -> None:
        self.listener = listen(settings)
        self._site, self._root = settings.site_name, settings.site.path
        self._first = not (settings.generations / "CURRENT").exists()
        self._told = OTHER + "."
        self._ready = threading.Event()
        self._sockets: dict[int, Any] = {}
        self._server = create_server(
            self._answer,
            map=self._sockets,
            sockets=[self.listener.dup()],
            threads=1,
            asyncore_use_poll=True,
            log_socket_errors=False,
            ident="",
        )
        self._thread = threading.Thread(target=self._serve, name="starting", daemon=True)

    def progress(self, stage: str, done: int, total: int) -> None:
        """Note how far the work is."""
        text = STAGES.get(stage, OTHER)
        if self._first and stage != "migrate":
            text += " for the first time"
        self._told = f"{text}: {done} of {total}." if total > 1 else f"{text}."

    def __enter__(self) -> Starting:
        """Start answering."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop answering; new connections wait for the site."""
        self._ready.set()
        self._thread.join(2 * ENDING_S)
        if problem is not None:
            self.listener.close()

    def _serve(self) -> None:
        while not self._ready.is_set():
            wasyncore.loop(timeout=0.2, use_poll=True, map=self._sockets, count=1)
        self._server.del_channel(self._sockets)
        begun = time.monotonic()
        while is_needed(self._sockets, time.monotonic() - begun, ENDING_S):
            wasyncore.loop(timeout=0.1, use_poll=True, map=self._sockets, count=1)
        self._server.task_dispatcher.shutdown(timeout=1)
        wasyncore.close_all(self._sockets)
        self._server.socket.close()

    def _answer(
        self, request: dict[str, Any], start: Callable[[str, list[tuple[str, str]]], Any]
    ) -> Iterable[bytes]:
        """Answer one request, by WSGI."""
        path, method = request.get("PATH_INFO", ""), request["REQUEST_METHOD"]
        if path.startswith(f"{self._root}/"):  # where the proxy leaves the path in
            path = path.removeprefix(self._root)
        kind = "application/json"
        status, more = "503 Service Unavailable", [("Retry-After", str(AGAIN_S))]
        if path == "/healthz":
            status, more, text = "200 OK", [], json.dumps({"status": "ok"})
        elif path == "/readyz":
            checks = {"starting": {"ok": False, "detail": self._told}}
            text = json.dumps({"status": "not ready", "checks": checks})
        elif path.startswith(_PROGRAMS):
            told = {"status": 503, "message": "The site is starting", "hint": self._told}
            text = json.dumps({"error": told | {"fields": {}}})
        else:
            kind, text = "text/html; charset=utf-8", self._page(sent=method not in SAFE)
            more += [("Refresh", str(AGAIN_S))] if method == "GET" else []
        body = text.encode()
        start(
            status,
            [
                ("Content-Type", kind),
                ("Content-Length", str(len(body))),
                *more,
                ("Cache-Control", "no-store"),
                ("X-Content-Type-Options", "nosniff"),
                ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
            ],
        )
        return [b""] if method == "HEAD" else [body]

    def _page(self, *, sent: bool) -> str:
        lost = "Nothing was sent or changed. " if sent else ""
        site, told = html.escape(self._site), html.escape(self._told)
        return (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width"><title>{site} is starting</title>'
            f"</head><body><main><h1>{site} is starting</h1><p>{told}</p>"
            f"<p>{lost}Please try again in a moment.</p>"
            "</main></body></html>\n"
        )
