"""Where publishing stands: what was last looked at, what was refused, what is pinned.

Promises one small file in the data folder, replaced in one step, that a fresh data folder does
without, and one publisher at a time. Knows no article and no generation.
"""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from kb.errors import StoreError

FILE, LOCK, WAKE = "publishing.json", "publishing.lock", "publish-now"


@dataclass(frozen=True, slots=True)
class Pin:
    """A rollback: `generation`, of `commit`, stays live while the articles say `away`."""

    generation: str
    commit: str
    away: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why `commit` did not go live; `content` names the articles it was said of."""

    commit: str
    content: str
    reason: str
    hint: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What the last publish found. `seen` are the newest commits that are live in `generation`,
    newest first, those that changed no article included; `unfetched` says why the remote did not
    answer; `trouble` why nothing could be published, `gone` that the branch is not there any more.
    """

    seen: tuple[str, ...] = ()
    pin: Pin | None = None
    refusal: Refusal | None = None
    unfetched: str = ""
    generation: str = ""
    trouble: str = ""
    gone: bool = False

    @property
    def wrong(self) -> str:
        """Return what keeps newer articles from readers, in words for anybody; "" for nothing."""
        if self.gone:
            return "the branch that is published is gone; what was live stays"
        if self.trouble:
            return "the articles cannot be read or published; what was live stays"
        if self.refusal:
            return self.refusal.reason
        return "a repository of articles could not be fetched from" if self.unfetched else ""


def read_standing(data: Path) -> Standing:
    """Return what is noted in the data folder; nothing noted where it cannot be read."""
    try:
        held = json.loads((data / FILE).read_text("utf-8"))
        pin, refusal = held.pop("pin"), held.pop("refusal")
        return Standing(
            pin=Pin(**pin) if pin else None,
            refusal=Refusal(**refusal) if refusal else None,
            seen=tuple(held.pop("seen")),
            **held,
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return Standing()


def note(data: Path, standing: Standing) -> None:
    """Keep what was found, durably; the same as before is not written again."""
    if read_standing(data) == standing:
        return
    _replace(data / FILE, json.dumps(asdict(standing), ensure_ascii=False, indent=1))


@contextmanager
def alone(data: Path) -> Iterator[int]:
    """Hold the publishers' lock, waiting for it; give its file descriptor, for who inherits it."""
    with _opened(data) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def _opened(data: Path) -> IO[str]:
    try:
        data.mkdir(parents=True, exist_ok=True)
        return (data / LOCK).open("w")
    except OSError as problem:
        raise _unwritable(data, problem) from None


def wake(data: Path) -> None:
    """Ask the worker on this machine to publish now rather than at its next look."""
    _replace(data / WAKE, uuid.uuid4().hex)


def wish(data: Path) -> str:
    """Return the last such wish, "" where nobody ever asked; another wish is another text."""
    try:
        return (data / WAKE).read_text("utf-8")
    except (OSError, ValueError):
        return ""


def _replace(file: Path, text: str) -> None:
    fresh = file.with_name(f"{file.name}.{uuid.uuid4().hex[:8]}.new")
    try:
        with fresh.open("w", encoding="utf-8") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(fresh, file)
    except OSError as problem:
        fresh.unlink(missing_ok=True)
        raise _unwritable(file.parent, problem) from None


def _unwritable(data: Path, problem: OSError) -> StoreError:
    return StoreError(
        f"The data folder {data} cannot be written: {problem.strerror}.",
        "Give this user the right to write there, or set KB_DATA to another folder.",
    )
