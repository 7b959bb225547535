"""Files of a generation: held in memory or mapped from disk, and shared with the one before.

A small file is read when it is opened: whatever then becomes of it on disk, what was read stays. A
large one is mapped, so that processes share it and opening reads nothing; a process that touches a
mapped file which was cut short is killed by the kernel (SIGBUS). Arrays are plain ones: slices of
NumPy's own memmap cost ten times as much.
"""

from __future__ import annotations

import mmap
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

# Files of up to so many bytes are held in memory: all of a site of a thousand articles, 24 MB a
# process. Of ten thousand articles the vectors and the largest tables stay mapped.
HELD = 8 * 1024 * 1024


def is_held(size: int) -> bool:
    """Return whether a file of so many bytes is read into memory when it is opened."""
    return size <= HELD


def mapped(path: Path) -> npt.NDArray[Any]:
    """Return the array in a file written by `np.save`, read-only."""
    if is_held(path.stat().st_size):
        array: npt.NDArray[Any] = np.load(path)
        array.flags.writeable = False
        return array
    return np.asarray(np.load(path, mmap_mode="r"))


def text_of(path: Path) -> mmap.mmap | bytes:
    """Return the bytes of a file, to be sliced."""
    with path.open("rb") as file:
        if is_held(os.fstat(file.fileno()).st_size):
            return file.read()
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def shared(source: Path | str, target: Path | str) -> None:
    """Put a file that never changes into another folder too: a link, or else a copy."""
    try:
        os.link(source, target)
    except OSError:  # a file system without links
        shutil.copy2(source, target)
