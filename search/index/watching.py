"""Detects damage to the files of an open generation since they were verified.

A check costs one `stat` a file. Only a file whose stat changed is read and compared with its
SHA-256, so a copied folder or a new date is not damage.
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
    """What `stat` says of a file: size in bytes, time of the last change in ns, and inode."""

    size: int
    changed: int
    inode: int


@dataclass(frozen=True, slots=True)
class Damage:
    """How one file is damaged. `reaches`: searches read the damaged data, not a copy in memory."""

    file: str
    how: str
    reaches: bool = False

    def __str__(self) -> str:
        return f"{self.file} {self.how}"


def looks_of(path: Path) -> Looks | None:
    """Return the present stat of a file, None when there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return Looks(found.st_size, found.st_mtime_ns, found.st_ino)


def looks(folder: Path) -> dict[str, Looks]:
    """Return relative path -> stat of every file in a folder."""
    names = [os.path.join(place, name) for place, _, files in os.walk(folder) for name in files]
    found = {os.path.relpath(name, folder): looks_of(Path(name)) for name in names}
    return {name.replace(os.sep, "/"): each for name, each in found.items() if each}


def told(before: int, now: Looks | None) -> str:
    """Return in words how a file that had `before` bytes is damaged."""
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
    """Return the damage to a generation that was verified when its files looked as `seen`, one that
    reaches searches first. `seen` is updated for files that changed but are good. `of` names the
    files to check (default: all).
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
        # A deleted file stays readable where it is mapped; a cut or overwritten one does not.
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
    if place == "whoosh":  # all or nothing, see search.index.keyword.open_index
        return all(is_held(seen[each].size) for each in together)
    return name == manifest.NAME or place == manifest.EXTRA or is_held(seen[name].size)


def _is_good(folder: Path, name: str, facts: Manifest) -> bool:
    try:
        if name == manifest.NAME:
            return manifest.read(folder) == facts
        return file_sha256(folder / name) == facts.files.get(name)
    except (OSError, SearchError):
        return False
