"""Render articles in processes that can be killed.

Every job gives a result or a reason, in order, whatever its text does to the process that renders
it: one that takes longer than the limit is killed, one that dies is replaced, and the other jobs go
on.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from kb.content.link_targets import Directory
from kb.content.rendering import Rendered, RenderJob

LIMIT = 5.0  # seconds an article may take; ordinary ones take 0.01
_START_LIMIT = 60.0  # seconds to start Python on a machine that is busy
_FEW = 12  # jobs that one process finishes before two could start
_ROOT = Path(__file__).resolve().parents[2]


def _silent(count: int) -> None:
    """Report nothing."""


def render_all(
    jobs: Iterable[RenderJob],
    directory: Directory,
    *,
    limit: float = LIMIT,
    processes: int | None = None,
    done: Callable[[int], None] = _silent,
) -> list[Rendered | str]:
    """Return for each job its result, or why there is none; `done` gets the running count."""
    work = list(jobs)
    if not work:
        return []
    wanted = processes or (1 if len(work) <= _FEW else min(4, os.cpu_count() or 1))
    return _Run(work, directory, limit, done).run(wanted)


class Standby:
    """One running process that knows `directory` and renders single articles at once."""

    def __init__(self, directory: Directory) -> None:
        self._worker = _Worker(_greeting(directory))
        self._worker.ready()

    def render(self, job: RenderJob, limit: float = LIMIT) -> Rendered | str:
        """Return the result, or the reason why there is none."""
        return self._worker.render(job, limit)

    def stop(self) -> None:
        """End the process."""
        self._worker.stop()


def _greeting(directory: Directory) -> bytes:
    return json.dumps(directory.to_row()).encode() + b"\n"


class _Run:
    def __init__(
        self, work: list[RenderJob], directory: Directory, limit: float, done: Callable[[int], None]
    ) -> None:
        self._work, self._limit, self._done = work, limit, done
        self._greeting = _greeting(directory)
        self._left: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._results: list[Rendered | str] = ["it was not rendered"] * len(work)
        self._finished = 0
        self._lock = threading.Lock()
        self._errors: list[BaseException] = []

    def run(self, processes: int) -> list[Rendered | str]:
        for number in range(len(self._work)):
            self._left.put(number)
        threads = [threading.Thread(target=self._serve, daemon=True) for _ in range(processes)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._errors:
            raise self._errors[0]
        return self._results

    def _serve(self) -> None:
        worker = _Worker(self._greeting)
        try:
            while True:
                number = self._left.get_nowait()
                self._results[number] = worker.render(self._work[number], self._limit)
                with self._lock:
                    self._finished += 1
                    self._done(self._finished)
        except queue.Empty:
            pass
        except BaseException as error:
            self._errors.append(error)
        finally:
            worker.stop()


class _Worker:
    """One process at a time, started again after it was killed or died."""

    def __init__(self, greeting: bytes) -> None:
        self._greeting = greeting
        self._process: subprocess.Popen[bytes] | None = None

    def ready(self) -> subprocess.Popen[bytes]:
        """Return the process, starting it if it is not running."""
        if self._process is None:
            self._process = self._start()
        return self._process

    def render(self, job: RenderJob, limit: float) -> Rendered | str:
        row = self._ask(self.ready(), json.dumps(job.to_row()).encode() + b"\n", limit)
        if isinstance(row, str):
            self.stop()
            return row
        return str(row["failed"]) if "failed" in row else Rendered.from_row(row)

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        with contextlib.suppress(BrokenPipeError, ValueError):
            process.communicate()

    def _start(self) -> subprocess.Popen[bytes]:
        paths = [str(_ROOT), os.environ.get("PYTHONPATH", "")]
        process = subprocess.Popen(
            [sys.executable, "-m", "kb.content.rendering_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        )
        row = self._ask(process, self._greeting, _START_LIMIT)
        if isinstance(row, str):
            process.kill()
            process.communicate()
            raise RuntimeError(f"The process that renders articles cannot start: {row}.")
        return process

    @staticmethod
    def _ask(process: subprocess.Popen[bytes], line: bytes, limit: float) -> dict[str, Any] | str:
        """Return the answer, or why there is none; killing the process ends both pipes."""
        assert process.stdin is not None
        assert process.stdout is not None
        late = threading.Event()

        def kill() -> None:
            late.set()
            process.kill()

        watch = threading.Timer(limit, kill)
        watch.daemon = True
        watch.start()
        try:
            process.stdin.write(line)
            process.stdin.flush()
            answer = process.stdout.readline()
        except (BrokenPipeError, OSError):
            answer = b""
        finally:
            watch.cancel()
        if late.is_set():
            return f"it takes longer than {limit:g} seconds"
        if not answer.endswith(b"\n"):
            return "the process that rendered it died"
        row: dict[str, Any] = json.loads(answer)
        return row
