"""A file that takes events while the database cannot.

An appended line is on disk when `append` returns. Several processes may append while one drains,
and a kill at any point loses no complete line. Drained events are written to the database once
each, by their ids.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from kb.tracking.events import Event, EventKind

_FIELDS = ("id", "visitor", "user_id", "search_id", "article", "words", "words_key", "left_out")

Put = Callable[[Sequence[Event]], Sequence[Event]]


class Spool:
    """`events.jsonl` in a folder, its locks, and the batches being replayed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "events.jsonl"
        self._unreadable = folder / "unreadable.jsonl"

    def append(self, *events: Event) -> list[tuple[Event, Exception]]:
        """Write each event as one line and sync once; return those that could not be written, each
        with the reason.
        """
        lines, refused = list[str](), list[tuple[Event, Exception]]()
        for event in events:
            try:
                lines.append(to_line(event))
            except (TypeError, ValueError) as problem:
                refused.append((event, problem))
        try:
            with self._locked():
                self._write(self._file, lines)
        except OSError as problem:
            return [(event, problem) for event in events]
        return refused

    def waiting(self) -> bool:
        """Return whether anything waits to be replayed."""
        return self._file.exists() or any(self.folder.glob("batch-*.jsonl"))

    def count(self) -> int:
        """Return how many lines wait to be replayed."""
        waiting = [self._file, *self.folder.glob("batch-*.jsonl")]
        return sum(_lines(file) for file in waiting)

    def drain(self, put: Put) -> tuple[Event, ...]:
        """Give every waiting batch to `put` and delete it when `put` returns; return the events.

        `put` returns the events that the database will never accept. A batch survives a kill
        between `put` and its deletion, and is then given again. Unreadable lines and events never
        accepted are set aside in `unreadable.jsonl`.
        """
        if not self.waiting():
            return ()
        with self._locked("draining"):
            with self._locked():  # appends wait only for this rename
                if self._file.exists():
                    os.replace(self._file, self.folder / f"batch-{_next(self.folder)}.jsonl")
            return tuple(self._give(put))

    def _give(self, put: Put) -> Iterator[Event]:
        for batch in sorted(self.folder.glob("batch-*.jsonl")):
            found, bad = _read(batch)
            refused = put(found)
            if bad := [*bad, *map(to_line, refused)]:
                self._write(self._unreadable, bad)
            batch.unlink()
            yield from (event for event in found if event not in refused)

    def _write(self, file: Path, lines: Sequence[str]) -> None:
        created = not file.exists()
        with file.open("ab+") as out:
            if out.seek(0, os.SEEK_END) and _torn(file):
                out.write(b"\n")  # a kill cut off the last line
            out.write("".join(line + "\n" for line in lines).encode())
            out.flush()
            os.fsync(out.fileno())
        if created:
            _sync_folder(self.folder)

    @contextmanager
    def _locked(self, name: str = "appending") -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / f"{name}.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _lines(file: Path) -> int:
    """Return how many lines a file has, 0 if another process has just removed it."""
    try:
        with file.open("rb") as read:
            return sum(1 for line in read if line.strip())
    except FileNotFoundError:
        return 0


def to_line(event: Event) -> str:
    """Return the event as one line of JSON."""
    row = {name: getattr(event, name) for name in _FIELDS}
    row |= {"at": event.at.isoformat(), "kind": event.kind.value, "data": dict(event.data)}
    return json.dumps(row, separators=(",", ":"))


def from_line(line: str) -> Event:
    """Return the event in a line; ValueError, KeyError or TypeError when there is none."""
    row: Any = json.loads(line)
    if not isinstance(row, dict):
        raise TypeError("an event is a JSON object")
    at = datetime.fromisoformat(row.pop("at"))
    if at.tzinfo is None:
        raise ValueError("times must be aware")
    return Event(at=at, kind=EventKind(row.pop("kind")), **row)


def _read(batch: Path) -> tuple[list[Event], list[str]]:
    found: list[Event] = []
    bad: list[str] = []
    for line in batch.read_bytes().decode("utf-8", "replace").split("\n"):
        try:
            found += [from_line(line)] if line.strip() else []
        except (ValueError, KeyError, TypeError):
            bad.append(line)
    return found, bad


def _torn(file: Path) -> bool:
    with file.open("rb") as read:
        read.seek(-1, os.SEEK_END)
        return read.read(1) != b"\n"


def _next(folder: Path) -> str:
    taken = [int(file.stem.removeprefix("batch-")) for file in folder.glob("batch-*.jsonl")]
    return f"{max(taken, default=0) + 1:06d}"


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
