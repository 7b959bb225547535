"""The best of many scores without sorting them: pure arithmetic.

Promises the same values as sorting would give. Knows no article.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
# Scores are looked at in blocks of so many: one maximum each.
BLOCK = 128


def highest(values: Floats, place: int) -> Floats:
    """Return the `place` highest values over 0 (fewer where there are fewer), in no order.

    The best of every block are had quickly; nothing under the `place`-th of these is among the
    best, and what is left is little.
    """
    blocks, least = len(values) // BLOCK, np.float32(0.0)
    if blocks >= 2 * place:
        best = values[: blocks * BLOCK].reshape(blocks, BLOCK).max(axis=1)
        least = np.partition(best, blocks - place)[blocks - place]
    values = values[values >= least] if least > 0 else values[values > 0]
    if len(values) <= place:
        return values
    found: Floats = np.partition(values, len(values) - place)[len(values) - place :]
    return found
