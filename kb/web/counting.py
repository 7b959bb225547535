"""How many requests there were, of which routes, how they ended and how long they took.

The counts of all web processes lie in one piece of shared memory that exists before the first of
them is forked: each process adds to a place of its own, and whoever is asked reads them all. No
file is written and no database asked, so that counting holds up no request; a process that is
replaced leaves its counts to the one in its place. They begin at nought when the site starts.
"""

from __future__ import annotations

import mmap
import os
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from threading import Lock

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

OTHER = "none"  # an address that no route has
CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_ROW = len(CLASSES) + len(BUCKETS_S) + 2  # and those over the last bucket, and the sum of seconds
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
        """Count these routes from nought; before any process is forked."""
        self._routes = {name: row for row, name in enumerate(sorted({*routes, OTHER}))}
        self._size = 1 + len(self._routes) * _ROW  # the process's id, then its counts
        self._memory = memoryview(mmap.mmap(-1, self._places * self._size * _NUMBER)).cast("d")

    def take_place(self, place: int) -> None:
        """Let this process, just forked, count at `place`, which no other living one has."""
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
        """Return the ids of the processes by their places; one that ended may be among them."""
        every = {place: int(self._memory[place * self._size]) for place in range(self._places)}
        return {place: pid for place, pid in every.items() if pid}

    def collect(self) -> Iterator[Metric]:
        """Give the counts of all processes, of the routes that were asked for."""
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
