"""Which of several wordings stands for all.

Promises the same choice from the same uses in any order. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


def favourite(used: Iterable[tuple[str | None, str]]) -> str:
    """Return the wording that most people used, "" when none is kept; pairs (words, visitor)."""
    by_people = Counter(
        words for words, _ in {(words, visitor) for words, visitor in used if words}
    )
    return min(by_people, key=lambda words: (-by_people[words], words)) if by_people else ""
