"""Whether the files of an open generation are still as they were when they were verified.

A look costs a `stat` a file. Only a file that looks otherwise than before is read and compared with
its SHA-256: a copy of the folder, or a date set anew, is no damage.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from search.errors import SearchError
from search.index import manifest
from search.index.manifest import Manifest, is_held
from search.semantic.encoder import file_sha256

WHOLE, BAD = "gen-", "damaged-"  # how the folders of generations are named


@dataclass(frozen=True, slots=True)
class Looks:
    """What `stat` tells of a file: bytes, time of the last change in ns, and which file it is."""

    size: int
    changed: int
    inode: int


@dataclass(frozen=True, slots=True)
class Damage:
    """What became of one file. `reaches`: what is in memory no longer hides it from searches."""

    file: str
    how: str
    reaches: bool = False

    def __str__(self) -> str:
        return f"{self.file} {self.how}"


def looks_of(path: Path) -> Looks | None:
    """Return how a file looks now, None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return Looks(found.st_size, found.st_mtime_ns, found.st_ino)


def looks(folder: Path) -> dict[str, Looks]:
    """Return relative path -> looks of every file in a folder."""
    names = [os.path.join(place, name) for place, _, files in os.walk(folder) for name in files]
    found = {os.path.relpath(name, folder): looks_of(Path(name)) for name in names}
    return {name.replace(os.sep, "/"): each for name, each in found.items() if each}


def told(before: int, now: Looks | None) -> str:
    """Return in words what became of a file that had `before` bytes."""
    if now is None:
        return "is gone"
    if now.size == 0:
        return "is empty"
    if now.size < before:
        return f"was cut from {before:,} to {now.size:,} bytes"
    return "holds other bytes than were written"


def mapped(seen: Mapping[str, Looks]) -> tuple[str, ...]:
    """Return the files that an open generation reads from disk, not from memory."""
    return tuple(name for name in seen if not _in_memory(name, seen))


def damage(
    folder: Path, facts: Manifest, seen: dict[str, Looks], *, of: Iterable[str] | None = None
) -> Damage | None:
    """Return what is damaged of a generation that was verified when its files looked as `seen`, the
    worst where it is several; `seen` is brought up to date where a file merely looks otherwise.
    `of` names the files to look at (default: all).
    """
    found = None
    if not folder.exists():
        aside = folder.with_name(folder.name.replace(WHOLE, BAD, 1))
        found = Damage("its folder", "was set aside" if aside.exists() else "is gone")
        folder = aside
    for name in tuple(seen if of is None else of):
        before, now = seen[name], looks_of(folder / name)
        if now == before:
            continue
        if now is not None and _is_good(folder, name, facts):
            seen[name] = now
            continue
        # A file that is gone stays open where it is mapped; one that was cut or written over does
        # not stay as it was.
        reaches = now is not None and not _in_memory(name, seen)
        this = Damage(name, told(before.size, now), reaches)
        if reaches:
            return this
        found = found or this
    return found


def _in_memory(name: str, seen: Mapping[str, Looks]) -> bool:
    """Return whether an open generation holds the file's content in memory."""
    place, slash, _ = name.rpartition("/")
    together = [each for each in seen if slash and each.startswith(f"{place}/")]
    if place == "whoosh":  # all of it or nothing: search.index.keyword.open_index
        return all(is_held(seen[each].size) for each in together)
    return name == manifest.NAME or place == manifest.EXTRA or is_held(seen[name].size)


def _is_good(folder: Path, name: str, facts: Manifest) -> bool:
    try:
        if name == manifest.NAME:
            return manifest.read(folder) == facts
        return file_sha256(folder / name) == facts.files.get(name)
    except (OSError, SearchError):
        return False
