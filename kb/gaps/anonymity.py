"""Decides which searched words may be shown; nothing else does.

Nothing is shown of a gap that fewer than `k` people are in. In larger gaps every word that is shown
was used there by `k` people or more; other words become "…" (docs/decisions/0013). Words of grammar
("how", "to", "the") say nothing about anybody and stay.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kb.gaps.model import FailedQuery
from kb.tracking.query_text import favourite, folded
from search.text.analysis import stem, stop_words

HIDDEN = "…"
_PIECE = re.compile(r"\S+")
_REPEATED = re.compile(rf"{HIDDEN}(?:\s+{HIDDEN})+")


@dataclass(frozen=True, slots=True)
class ShownWords:
    """Searches by the same words as they may be shown: `words` holds "…" for what may not."""

    words_key: str
    words: str
    people: int
    searches: int
    whole: bool  # nothing of it is hidden


def people_by_word(failed: Iterable[FailedQuery]) -> dict[str, int]:
    """Return for each stem of the searches how many distinct people used it."""
    people: dict[str, set[str]] = defaultdict(set)
    for one in failed:
        for word in folded(one.words).split():
            people[_stem(word, one.language)].add(one.visitor)
    return {word: len(visitors) for word, visitors in people.items()}


def masked(words: str, language: str, people: Mapping[str, int], *, k: int) -> str:
    """Return the words with each that fewer than `k` people used as "…"; "" when none is left."""
    shown = _PIECE.sub(lambda m: _piece(m.group(), language, people, k=k), words)
    shown = _REPEATED.sub(HIDDEN, shown).strip()
    return "" if _says_nothing(shown, language) else shown


def _says_nothing(shown: str, language: str) -> bool:
    common = stop_words(language or "en")
    return all(word in common for word in folded(shown.replace(HIDDEN, " ")).split())


def _piece(piece: str, language: str, people: Mapping[str, int], *, k: int) -> str:
    """Return one run of characters between spaces, whole or hidden: "a@b" is one piece."""
    found = folded(piece).split()
    common = stop_words(language or "en")
    open_ = all(word in common or people.get(_stem(word, language), 0) >= k for word in found)
    return piece if open_ else HIDDEN


def _stem(word: str, language: str) -> str:
    return stem(word, language or "en")


def shown(failed: Iterable[FailedQuery], *, k: int) -> tuple[ShownWords, ...]:
    """Return the wordings of one gap as they may be shown, most people first.

    () when fewer than `k` people are in the gap. A wording of which nothing may be shown has
    `words` "…" and still counts.
    """
    rows = tuple(failed)
    if len({one.visitor for one in rows}) < k:
        return ()
    people = people_by_word(rows)
    by_key: dict[str, list[FailedQuery]] = {}
    for one in rows:
        by_key.setdefault(one.words_key, []).append(one)
    found = [_shown(key, own, people, k=k) for key, own in by_key.items()]
    return tuple(sorted(found, key=lambda one: (-one.people, -one.searches, one.words_key)))


def _shown(key: str, own: list[FailedQuery], people: Mapping[str, int], *, k: int) -> ShownWords:
    words = favourite((one.words, one.visitor) for one in own)
    count = len({one.visitor for one in own})
    plain = words if count >= k else masked(words, own[0].language, people, k=k)
    return ShownWords(key, plain or HIDDEN, count, len(own), whole=bool(words) and plain == words)


def label(wordings: Iterable[ShownWords]) -> str:
    """Return the whole wording most people used, else the one with least hidden; "" if none."""
    told = [one for one in wordings if one.words != HIDDEN]
    best = min(told, key=_telling, default=None)
    return best.words[:200] if best else ""


def _telling(one: ShownWords) -> tuple[int, int, int, int, str]:
    hidden = one.words.count(HIDDEN)
    return (-one.people if one.whole else 0, hidden, -one.people, len(one.words), one.words)
