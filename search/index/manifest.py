"""The manifest of a generation, and access to its files.

The manifest lists every file's SHA-256 and is written last: it makes a folder a generation, and
`verify` finds every changed, missing, truncated or added file by it. A small file is read into
memory when it is opened, so later damage on disk does not reach it. A large one is mapped, so that
processes share it and opening reads nothing; but a process that touches a mapped file which was cut
short is killed by the kernel (SIGBUS). Arrays are plain ones: slices of NumPy's own memmap cost ten
times as much.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from search.errors import SearchError
from search.semantic.encoder import file_sha256

# -- Files of a generation --


# Files of up to this many bytes are held in memory: all of a site of a thousand articles (24 MB a
# process). With ten thousand articles the vectors and the largest tables stay mapped.
HELD = 8 * 1024 * 1024


def is_held(size: int) -> bool:
    """Return whether a file of this many bytes is read into memory when it is opened."""
    return size <= HELD


def mapped(path: Path) -> npt.NDArray[Any]:
    """Return the array in a file written by `np.save`, read-only."""
    if is_held(path.stat().st_size):
        array: npt.NDArray[Any] = np.load(path)
        array.flags.writeable = False
        return array
    return np.asarray(np.load(path, mmap_mode="r"))


def text_of(path: Path) -> mmap.mmap | bytes:
    """Return the content of a file as bytes or a map that can be sliced."""
    with path.open("rb") as file:
        if is_held(os.fstat(file.fileno()).st_size):
            return file.read()
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def shared(source: Path | str, target: Path | str) -> None:
    """Link a file that never changes into another folder, or copy it where links do not work."""
    try:
        os.link(source, target)
    except OSError:  # a file system without links
        shutil.copy2(source, target)


# -- The manifest --


NAME = "manifest.json"
EXTRA = "extra"  # the folder for files that the caller keeps with a generation
# A generation of another format is not opened; the index is built anew.
FORMAT = 2


@dataclass(frozen=True, slots=True)
class Manifest:
    """Facts about one generation, and the SHA-256 of every other file in its folder. The `other_`
    fields are about the model for texts in other languages than English: "" where none is needed.
    """

    id: str
    commit: str
    documents: int
    passages: int
    languages: tuple[str, ...]
    fingerprint: str
    degraded: str
    floor: float
    recipe: str = ""
    other_fingerprint: str = ""
    other_degraded: str = ""
    calibration: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    format: int = FORMAT


def hashes(folder: Path, linked: Mapping[int, str] | None = None) -> dict[str, str]:
    """Return relative path -> SHA-256 of every file in a folder except the manifest.

    `linked` holds hashes that are already known, by inode.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = ((path.relative_to(folder).as_posix(), path) for path in paths)
    known = linked or {}
    return {
        name: known.get(path.stat().st_ino) or file_sha256(path)
        for name, path in names
        if name != NAME
    }


def by_inode(folder: Path, manifest: Manifest) -> dict[int, str]:
    """Return the hashes of a verified generation by inode, for files that are linked to it."""
    return {(folder / name).stat().st_ino: held for name, held in manifest.files.items()}


def write(folder: Path, manifest: Manifest) -> None:
    """Write the manifest after everything else is safely on disk."""
    for path in folder.rglob("*"):
        _sync(path)
    target = folder / NAME
    held = asdict(manifest)
    text = json.dumps({"seal": _seal(held), **held}, indent=1, ensure_ascii=False)
    target.write_text(text, "utf-8")
    _sync(target)
    _sync(folder)


def _seal(held: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the manifest's own content, which may be damaged too."""
    line = json.dumps(held, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(line.encode()).hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read(folder: Path) -> Manifest:
    """Return a folder's manifest; SearchError when it cannot be read or is of another format."""
    hint = "The index is built again from the articles: run `kb publish`."
    try:
        held = json.loads((folder / NAME).read_text("utf-8"))
        if held.pop("seal") != _seal(held):
            raise ValueError("seal")
        held["languages"] = tuple(held["languages"])
        manifest = Manifest(**held)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise SearchError(
            f"Index generation {folder.name} has no readable manifest.", hint
        ) from error
    if manifest.format != FORMAT:
        raise SearchError(f"Index generation {folder.name} is of another format.", hint)
    return manifest


def verify(folder: Path) -> Manifest:
    """Return the manifest when every file is as recorded; SearchError naming one that is not."""
    manifest = read(folder)
    found = hashes(folder)
    for name in sorted({*manifest.files, *found}):
        if manifest.files.get(name) != found.get(name):
            raise SearchError(
                f"Index generation {folder.name} is damaged: {name} {how(folder, name, manifest)}.",
                "The last good generation serves meanwhile; run `kb publish` to build a new one.",
            )
    return manifest


def how(folder: Path, name: str, manifest: Manifest) -> str:
    """Return in words how a file differs from what the manifest says."""
    if name not in manifest.files:
        return "was added"
    try:
        size = (folder / name).stat().st_size
    except OSError:
        return "is gone"
    return "holds other bytes than were written" if size else "is empty"
