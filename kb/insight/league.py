"""Articles beside each other: what was opened, what resolved, what a ticket followed.

Promises that an article of few readers is not first or last by chance: its resolved share leans on
that of all articles. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kb.insight.days.tally import Tally
from kb.insight.figure import Figure, share

# How many readings of the average article an article starts with.
PRIOR = 10


@dataclass(frozen=True, slots=True)
class ArticleRow:
    """One article over the range; each count is of closed episodes. `leaning` is the resolved share
    as it is with PRIOR episodes of the average article added, None where nothing was opened at all.
    """

    slug: str
    opened: int
    read: int
    resolved: int
    unhelpful: int
    failed: Figure
    share: Figure
    leaning: float | None
    reasons: Mapping[str, int] = field(default_factory=dict)


def league(whole: Tally) -> tuple[ArticleRow, ...]:
    """Return one row for each article opened or judged in closed episodes, most opened first."""
    opened = sum(marks["opened"] for marks in whole.marks.values())
    resolved = sum(_resolved(marks) for marks in whole.marks.values())
    average = resolved / opened if opened else None
    reasons: dict[str, dict[str, int]] = {}
    for (slug, reason), number in whole.reasons.items():
        reasons.setdefault(slug, {})[reason] = number
    rows = [
        _row(slug, marks, average, reasons.get(slug, {})) for slug, marks in whole.marks.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.opened, row.slug)))


def _resolved(marks: Mapping[str, int]) -> int:
    """Return resolved episodes in which it was opened; a vote can come by another way."""
    return min(marks["resolved"], marks["opened"])


def _row(
    slug: str, marks: Mapping[str, int], average: float | None, reasons: Mapping[str, int]
) -> ArticleRow:
    opened, resolved = marks["opened"], _resolved(marks)
    return ArticleRow(
        slug=slug,
        opened=opened,
        read=marks["read"],
        resolved=marks["resolved"],
        unhelpful=marks["unhelpful"],
        failed=share("article_failed", marks["ticketed"], marks["read"]),
        share=share("article_share", resolved, opened),
        leaning=None if average is None else (resolved + PRIOR * average) / (opened + PRIOR),
        reasons=reasons,
    )
