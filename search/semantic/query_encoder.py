"""Encodes queries without letting a missing, damaged, slow or hanging model stop a search.

The answer, a vector or the reason why there is none, comes within the given number of seconds. The
model loads and runs in a daemon thread, so that a hang blocks neither a search nor the process.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from search.errors import SearchError
from search.semantic.encoder import Encoder, Vectors

Loader = Callable[[], Encoder]
Answer = Callable[[], tuple[Vectors | None, str]]
# After a hang the model is left alone this long before another try, in seconds.
PAUSE = 30.0
# Seconds until a model that failed to load is tried again, as its files may have been repaired;
# doubled after each failure, up to the second value.
AGAIN, SELDOM = 5.0, 60.0
REMEMBERED = 512
# The most seconds that a search waits until the model has taken its text: otherwise the search may
# hold the interpreter for 5 ms (`sys.getswitchinterval`) before the model begins.
HANDOVER = 0.01


@dataclass(slots=True)
class _Job:
    text: str
    taken: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)
    vector: Vectors | None = None
    reason: str = ""


class QueryEncoder:
    """The only access to the model for searches."""

    def __init__(
        self, loader: Loader | None, *, load_seconds: float = 5.0, query_seconds: float = 1.0
    ) -> None:
        self._loader = loader
        self._load_seconds = load_seconds
        self._query_seconds = query_seconds
        self._lock = threading.Lock()
        self._memory: OrderedDict[str, Vectors] = OrderedDict()
        self._reset()

    def _reset(self) -> None:
        self._process = os.getpid()
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._ready = threading.Event()
        self._encoder: Encoder | None = None
        self._failure = ""
        self._again_at, self._pause = 0.0, AGAIN
        self._started = 0.0
        self._rest_until = 0.0

    def start(self) -> None:
        """Begin loading, unless that has begun in this process."""
        with self._lock:
            if self._process != os.getpid():
                self._reset()
            if self._started == 0.0 and self._loader is not None:
                self._started = time.monotonic()
                threading.Thread(target=self._work, name="query-encoder", daemon=True).start()

    def reason(self, fingerprint: str) -> str:
        """Return why there can be no vector now, "" when there can be one."""
        if self._loader is None:
            return "No model is configured."
        self.start()
        left = self._started + self._load_seconds - time.monotonic()
        if not self._ready.wait(max(0.0, left)):
            return "The model is taking too long to load."
        if self._encoder is None:
            self._try_again()
            return self._failure
        if self._encoder.fingerprint != fingerprint:
            return "The index was built with another model; build it again."
        resting = time.monotonic() < self._rest_until
        return "The model stopped answering; it is tried again shortly." if resting else ""

    def _try_again(self) -> None:
        """Load the model again in the background when enough time has passed since it failed."""
        with self._lock:
            if time.monotonic() < self._again_at:
                return
            self._again_at = float("inf")
        threading.Thread(target=self._work, name="query-encoder", daemon=True).start()

    def begin(self, text: str, fingerprint: str) -> Answer:
        """Begin to encode a query; return a function that waits for the vector and returns it and
        "", or None and the reason.
        """
        if reason := self.reason(fingerprint):
            return lambda: (None, reason)
        if (known := self._recall(text)) is not None:
            return lambda: (known, "")
        job, until = _Job(text), time.monotonic() + self._query_seconds
        self._jobs.put(job)
        job.taken.wait(HANDOVER)
        return lambda: self._end(job, until)

    def _end(self, job: _Job, until: float) -> tuple[Vectors | None, str]:
        if not job.done.wait(max(0.0, until - time.monotonic())):
            self._abandon()
            return None, "The model did not answer in time."
        if job.vector is not None:
            self._remember(job.text, job.vector)
        return job.vector, job.reason

    def _recall(self, text: str) -> Vectors | None:
        with self._lock:
            return self._memory.get(text)

    def _remember(self, text: str, vector: Vectors) -> None:
        with self._lock:
            self._memory[text] = vector
            if len(self._memory) > REMEMBERED:
                self._memory.popitem(last=False)

    def _abandon(self) -> None:
        """Abandon the hanging thread and pause; the next attempt uses a new one."""
        with self._lock:
            if time.monotonic() < self._rest_until:
                return
            self._rest_until = time.monotonic() + PAUSE
            self._jobs = queue.SimpleQueue()
            threading.Thread(target=self._serve, args=(self._jobs,), daemon=True).start()

    def _work(self) -> None:
        try:
            assert self._loader is not None
            self._encoder = self._loader()
        except SearchError as error:
            self._failure = error.message
        except Exception as error:  # whatever a model library raises, searches continue
            self._failure = f"The model cannot be loaded: {type(error).__name__}."
        if self._encoder is None:
            self._again_at = time.monotonic() + self._pause
            self._pause = min(SELDOM, 2 * self._pause)
        self._ready.set()
        if self._encoder is not None:
            self._serve(self._jobs)

    def _serve(self, jobs: queue.SimpleQueue[_Job]) -> None:
        assert self._encoder is not None
        while jobs is self._jobs:
            job = jobs.get()
            job.taken.set()
            try:
                job.vector = self._encoder.encode_query(job.text)
            except Exception as error:  # as above
                job.reason = f"The model failed: {type(error).__name__}."
            job.done.set()
