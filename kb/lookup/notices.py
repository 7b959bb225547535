"""Whom to tell that what they committed does not go live as they meant.

Promises one notice for each problem that withholds an article, addressed to who changed the file
last, and none for what was wrong before anybody was told of anything. Knows no mail.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from kb.content.problem import Problem
from kb.content.sources.source import Source

MOST = 50  # notices of one publish; beyond that something is wrong with the whole, not with a file
# Problems that refuse nothing and yet keep an article from those for whom it was written.
_WITHHOLDING = frozenset({"audience", "status", "schedule"})


@dataclass(frozen=True, slots=True)
class Notice:
    """A problem, and the commit that brought it with the name and address in it."""

    path: str
    line: int
    code: str
    message: str
    hint: str
    commit: str
    name: str
    address: str

    def to_row(self) -> dict[str, Any]:
        """Return the notice as a JSON-able mapping."""
        return asdict(self)


def notices(
    source: Source,
    problems: Collection[Problem],
    *,
    known: Collection[str],
    fresh: Collection[str],
    before: Collection[Notice],
) -> list[Notice]:
    """Return who is to be told what.

    `fresh` are the commits of this publish and `known` those of the one before; where nothing is
    known nobody is told. What `before` tells of and is still so stays.
    """
    told = {(each.path, each.code, each.commit) for each in before}
    new = set(fresh) - set(known) if known else set()
    return [
        each
        for each in _addressed(source, problems)
        if each.commit in new or (each.path, each.code, each.commit) in told
    ]


def _addressed(source: Source, problems: Collection[Problem]) -> Iterator[Notice]:
    withheld = [each for each in problems if each.refused or each.code in _WITHHOLDING]
    for problem in withheld[:MOST]:
        writer = source.writer(problem.path)
        if writer is not None and "@" in writer.address:
            yield Notice(
                path=problem.path,
                line=problem.line or 0,
                code=problem.code,
                message=problem.message,
                hint=problem.hint,
                commit=writer.commit,
                name=writer.name,
                address=writer.address,
            )
