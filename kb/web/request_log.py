"""One line for every request, under a number that its reader sees too.

The line has method, path, status, time and size. A path is shown as its route writes it, with the
parts that name an article, a ticket or a table; what opens a private page is hidden, and so is
what came after "?". The number is the caller's X-Request-Id where that is one.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from time import perf_counter
from typing import Any
from urllib.parse import quote

from flask import Flask, request

from kb.connectors.files import MASK, masked
from kb.logs import request_id
from kb.web.counting import Counting
from kb.web.headers import PERSONAL

log = logging.getLogger("kb.request")

HEADER = "X-Request-Id"
LONGEST_PATH = 200
PROBES = frozenset({"operator.healthz", "operator.readyz"})
_ID = re.compile(r"[A-Za-z0-9._+/=:-]{8,128}", re.ASCII)
_VARIABLE = re.compile(r"<(?:[^<>:]*:)?(\w+)>")
# Parts of addresses that open nothing by themselves; any other is hidden.
_OPEN = frozenset({"slug", "name", "number", "table", "page", "action", "ext", "filename", "key"})
_PLAIN = re.compile(r"[A-Za-z0-9/._~-]*", re.ASCII)
_CLOSED = (*PERSONAL, "/previews/", "/tickets/")
_ROUTE = "kb.route"
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})
_MESSAGE = "%s %s %s %.1f ms %s bytes"

Wsgi = Callable[[Any, Any], Iterable[bytes]]


class RequestLog:
    """A WSGI program around the site's."""

    def __init__(self, inner: Wsgi, counting: Counting) -> None:
        self._inner, self._counting = inner, counting

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer the request, then write its line."""
        began, name = perf_counter(), _named(environ.get("HTTP_X_REQUEST_ID", ""))
        sent: list[Any] = ["500", ""]
        request_id.set(name)

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            sent[:] = status[:3], next((v for k, v in headers if k == "Content-Length"), "")
            return start_response(status, [*headers, (HEADER, name)], *more)

        try:
            return self._inner(environ, start)
        finally:
            self._note(environ, *sent, seconds=perf_counter() - began)
            request_id.set("")

    def _note(self, environ: Mapping[str, Any], status: str, size: str, *, seconds: float) -> None:
        endpoint, rule, values = environ.get(_ROUTE, ("", "", {}))
        method = environ.get("REQUEST_METHOD", "")
        method = method if method in _METHODS else "other"
        self._counting.add(endpoint, status, seconds)
        level = logging.DEBUG if endpoint in PROBES else logging.INFO
        if not log.isEnabledFor(level):
            return
        body = 0 if method == "HEAD" or status == "304" else int(size or 0)
        shown = _by_rule(rule, values) if rule else _unmatched(environ.get("PATH_INFO", ""))
        facts = (method, shown, int(status), round(1000 * seconds, 1), body)
        method, path, code, ms, size_sent = facts
        more = {"method": method, "path": path, "route": endpoint, "status": code}
        log.log(level, _MESSAGE, *facts, extra=more | {"ms": ms, "bytes": size_sent})


def init_app(app: Flask) -> None:
    """Note which route each request takes, and give pages its number."""

    @app.before_request
    def _route() -> None:
        rule = request.url_rule
        request.environ[_ROUTE] = (
            request.endpoint or "",
            rule.rule if rule else "",
            request.view_args or {},
        )

    @app.context_processor
    def _number() -> dict[str, str]:
        return {"request_number": request_id.get()}


def _named(given: str) -> str:
    return given if _ID.fullmatch(given) else secrets.token_hex(8)


def _by_rule(rule: str, values: Mapping[str, Any]) -> str:
    def part(found: re.Match[str]) -> str:
        value = str(values.get(found[1], ""))
        return value if found[1] in _OPEN and _PLAIN.fullmatch(value) else MASK

    return quote(_VARIABLE.sub(part, rule)[:LONGEST_PATH], safe="/().~")


def _unmatched(path: str) -> str:
    """Return a path that leads nowhere, as far as nothing in it may be a secret or a word."""
    if not path.startswith(_CLOSED) and len(path) <= LONGEST_PATH and _PLAIN.fullmatch(path):
        return masked(path)
    return MASK
