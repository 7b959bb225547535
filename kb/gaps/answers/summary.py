"""What commits answered, as authors and leads may see it; pure.

Promises words only where as many people as the setting k_anonymity asks used them; all others are
counts. Knows no database.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from kb.gaps.answers.answer import Answered
from kb.tracking.query_text import favourite


@dataclass(frozen=True, slots=True)
class Asked:
    """Words that `people` distinct people searched for."""

    words: str
    people: int


@dataclass(frozen=True, slots=True)
class Brought:
    """What an article answers since a commit: `questions` are those that may be shown, most people
    first; `others` counts the wordings that may not.
    """

    commit: str
    article: str
    at: datetime
    people: int
    searches: int
    questions: tuple[Asked, ...]
    others: int


def brought(rows: Iterable[Answered], *, k: int) -> tuple[Brought, ...]:
    """Return what each commit and article answered, the latest first."""
    rows = tuple(rows)
    shown = _shown(rows, k)
    groups: dict[tuple[str, str], list[Answered]] = {}
    for row in rows:
        groups.setdefault((row.commit, row.article), []).append(row)
    found = [_brought(each, shown) for each in groups.values()]
    return tuple(sorted(found, key=lambda one: (one.at, one.article), reverse=True))


def _shown(rows: Sequence[Answered], k: int) -> dict[str, str]:
    """Return by key the words that enough people used."""
    by_key: dict[str, list[Answered]] = {}
    for row in rows:
        by_key.setdefault(row.words_key, []).append(row)
    return {
        key: favourite((row.words, row.visitor) for row in same)
        for key, same in by_key.items()
        if _people(same) >= k and any(row.words for row in same)
    }


def _brought(rows: Sequence[Answered], shown: dict[str, str]) -> Brought:
    keys = dict.fromkeys(row.words_key for row in rows)
    questions = [
        Asked(shown[key], _people(row for row in rows if row.words_key == key))
        for key in keys
        if key in shown
    ]
    return Brought(
        commit=rows[0].commit,
        article=rows[0].article,
        at=max(row.answered_at for row in rows),
        people=_people(rows),
        searches=len(rows),
        questions=tuple(sorted(questions, key=lambda each: (-each.people, each.words))),
        others=len(keys) - len(questions),
    )


def _people(rows: Iterable[Answered]) -> int:
    return len({row.visitor for row in rows})
