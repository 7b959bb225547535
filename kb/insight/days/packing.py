"""The counts of a day as JSON and bytes, and back.

Promises that what comes back equals what went in. Pure; articles' marks have rows of their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import numpy as np

from kb.insight.days.tally import EXPOSED, FAILED, Asked, Kind, Tally, Waited

_TUPLES: Mapping[str, Callable[..., Any]] = {"kinds": Kind, "waited": Waited, "asked": Asked}
_ARRAYS: Mapping[str, Any] = {
    "people": np.dtype("<u8"), "ticketed": np.dtype("<u8"), "exposed": EXPOSED, "failed": FAILED,
}  # fmt: skip


def packed(tally: Tally) -> dict[str, Any]:
    """Return the columns that keep a tally: `counts`, JSON-able, and bytes for the others."""
    counts: dict[str, Any] = {
        name: sorted([*key, count] for key, count in getattr(tally, name).items())
        for name in (*_TUPLES, "reasons")
    }
    for name in ("ranks", "took", "sums"):
        counts[name] = {str(key): n for key, n in sorted(getattr(tally, name).items()) if n}
    counts["last_end"] = tally.last_end.isoformat() if tally.last_end else ""
    return {"counts": counts} | {
        name: getattr(tally, name).astype(kind).tobytes() for name, kind in _ARRAYS.items()
    }


def unpacked(columns: Mapping[str, Any]) -> Tally:
    """Return the tally of these columns; one that was not read counts as empty."""
    counts = columns["counts"]
    found = Tally(
        reasons=Counter({(row[0], row[1]): row[2] for row in counts["reasons"]}),
        ranks=Counter({int(key): n for key, n in counts["ranks"].items()}),
        took=Counter({int(key): n for key, n in counts["took"].items()}),
        sums=Counter(counts["sums"]),
        last_end=datetime.fromisoformat(counts["last_end"]) if counts["last_end"] else None,
    )
    for name, kind in _TUPLES.items():
        setattr(found, name, Counter({kind(*row[:-1]): row[-1] for row in counts[name]}))
    for name, dtype in _ARRAYS.items():
        if columns.get(name):
            setattr(found, name, np.frombuffer(columns[name], dtype))
    return found
