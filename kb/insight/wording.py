"""Which of several wordings stands for all.

Promises the same choice from the same uses in any order. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping


def favourite(used: Iterable[tuple[str | None, str]]) -> str:
    """Return the wording that most people used, "" when none is kept; pairs (words, visitor)."""
    by_people = Counter(
        words for words, _ in {(words, visitor) for words, visitor in used if words}
    )
    return most_used(by_people)


def most_used(people: Mapping[str, int]) -> str:
    """Return the wording of most people, "" of none."""
    return min(people, key=lambda words: (-people[words], words)) if people else ""
