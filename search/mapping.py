"""Files of a generation: arrays that map from disk, and files shared with the one before.

Promises that opening reads nothing, and plain arrays: slices of NumPy's own memmap cost ten times
as much. Knows nothing of what the files hold.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


def mapped(path: Path) -> npt.NDArray[Any]:
    """Return the array in a file written by `np.save`, read-only."""
    return np.asarray(np.load(path, mmap_mode="r"))


def shared(source: Path | str, target: Path | str) -> None:
    """Put a file that never changes into another folder too: a link, or else a copy."""
    try:
        os.link(source, target)
    except OSError:  # a file system without links
        shutil.copy2(source, target)
