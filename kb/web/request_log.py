"""Counts and log lines of requests, each under a number that its reader sees too.

The counts of all web processes are in one piece of shared memory that is made before the first
fork: each process adds to a place of its own, and whichever is asked reads them all. No file is
written and no database asked, so that counting holds up no request; a process that is replaced
leaves its counts to its successor. They begin at zero when the site starts.

A line has method, path, status, time and size. The path is shown as its route writes it, with the
parts that name an article, a ticket or a table; what opens a private page is hidden, and so is what
came after "?". The number is the caller's X-Request-Id where that is valid.
"""

from __future__ import annotations

import logging
import mmap
import os
import re
import secrets
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from threading import Lock
from time import perf_counter
from typing import Any
from urllib.parse import quote

from flask import Flask, request
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from kb.connectors.files import MASK, masked
from kb.logs import request_id
from kb.web.headers import PERSONAL

# -- Request counts --


OTHER = "none"  # an address that no route has
CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_ROW = len(CLASSES) + len(BUCKETS_S) + 2  # plus those over the last bucket, and the sum of seconds
_NUMBER = 8  # bytes of a float, which counts up to 2**53 exactly
PREFIX = "tierzero_http_"


class Counting(Collector):
    """The counts of one site. `places` is how many processes may count at the same time."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._lock = Lock()
        self._place = 0
        self.begin(())

    def begin(self, routes: Iterable[str]) -> None:
        """Count these routes from zero; call this before any process is forked."""
        self._routes = {name: row for row, name in enumerate(sorted({*routes, OTHER}))}
        self._size = 1 + len(self._routes) * _ROW  # the process's id, then its counts
        self._memory = memoryview(mmap.mmap(-1, self._places * self._size * _NUMBER)).cast("d")

    def take_place(self, place: int) -> None:
        """Let this process, just forked, count at `place`, which no other living process has."""
        self._place = min(place, self._places - 1)
        self._lock = Lock()
        self._memory[self._place * self._size] = os.getpid()

    def add(self, route: str, status: str, seconds: float) -> None:
        """Count one request that ended with `status` ("200") after `seconds`."""
        row = self._routes.get(route, self._routes[OTHER])
        start = self._place * self._size + 1 + row * _ROW
        kind = min(max(int(status[:1]) - 1, 0), len(CLASSES) - 1)
        bucket = start + len(CLASSES) + bisect_left(BUCKETS_S, seconds)
        with self._lock:
            self._memory[start + kind] += 1
            self._memory[bucket] += 1
            self._memory[start + _ROW - 1] += seconds

    def pids(self) -> dict[int, int]:
        """Return the ids of the processes by place; one that has ended may be among them."""
        every = {place: int(self._memory[place * self._size]) for place in range(self._places)}
        return {place: pid for place, pid in every.items() if pid}

    def collect(self) -> Iterator[Metric]:
        """Yield the counts of all processes, for the routes that were asked for."""
        requests = CounterMetricFamily(
            f"{PREFIX}requests", "Requests answered, by route.", labels=["route", "status"]
        )
        times = HistogramMetricFamily(
            f"{PREFIX}request_duration_seconds", "How long answers took.", labels=["route"]
        )
        for name, row in self._routes.items():
            counts = self._sums(row)
            by_class, by_time = counts[: len(CLASSES)], counts[len(CLASSES) : -1]
            if not sum(by_class):
                continue
            for kind, number in zip(CLASSES, by_class, strict=True):
                if number:
                    requests.add_metric([name, kind], number)
            times.add_metric([name], _cumulative(by_time), counts[-1])
        yield requests
        yield times

    def _sums(self, row: int) -> list[float]:
        starts = [place * self._size + 1 + row * _ROW for place in range(self._places)]
        return [sum(self._memory[start + at] for start in starts) for at in range(_ROW)]


def _cumulative(counts: Sequence[float]) -> list[tuple[str, float]]:
    found, total = [], 0.0
    for edge, number in zip((*map(str, BUCKETS_S), "+Inf"), counts, strict=True):
        total += number
        found.append((edge, total))
    return found


# -- Request log --


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
    """WSGI middleware that counts and logs each request."""

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
    """Return a path without a route, masked where it may hold a secret or words."""
    if not path.startswith(_CLOSED) and len(path) <= LONGEST_PATH and _PLAIN.fullmatch(path):
        return masked(path)
    return MASK
