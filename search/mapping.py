"""Arrays that map from disk.

Promises that opening reads nothing, and plain arrays: slices of NumPy's own memmap cost ten times
as much. Knows nothing of what they hold.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


def mapped(path: Path) -> npt.NDArray[Any]:
    """Return the array in a file written by `np.save`, read-only."""
    return np.asarray(np.load(path, mmap_mode="r"))
