"""Which of the new groups is which known gap: numbers survive every grouping.

Promises the same answer for the same groups, at most one group a gap, and an account of every gap
that was merged, split or faded. Pure; knows no database.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

MOSTLY = 0.5  # share of a gap's questions in one group from which that group is what became of it


@dataclass(frozen=True, slots=True)
class Matched:
    """What became of gaps and where groups come from.

    `gap_of`: group to gap; `became`: gap to the group that took most of it; `came_from`: new group
    to the gap that most of it was in; `faded`: gaps without a question left, or scattered.
    """

    gap_of: Mapping[int, str] = field(default_factory=dict)
    became: Mapping[str, int] = field(default_factory=dict)
    came_from: Mapping[int, str] = field(default_factory=dict)
    faded: tuple[str, ...] = ()


def matched(
    before: Mapping[str, str], groups: Mapping[str, int], *, kept: Mapping[int, str]
) -> Matched:
    """Return who is who. `before` maps a question to its gap, `groups` a question to its new group,
    `kept` the groups that began as a gap which a person has given a meaning.

    The rest is matched greedily: the pair with the greatest share in common (Jaccard) first.
    """
    shared = Counter((before[key], group) for key, group in groups.items() if key in before)
    of_gap = Counter(before[key] for key in groups if key in before)
    of_group = Counter(groups[key] for key in groups if key in before)
    gap_of = _greedy(shared, of_gap, of_group, kept=kept)
    held = set(gap_of.values())
    became, faded = _what_became(shared, of_gap, set(before.values()) - held)
    came_from = _origins(shared, of_group, set(groups.values()) - set(gap_of))
    return Matched(gap_of, became, came_from, faded)


def _greedy(
    shared: Mapping[tuple[str, int], int],
    of_gap: Mapping[str, int],
    of_group: Mapping[int, int],
    *,
    kept: Mapping[int, str],
) -> dict[int, str]:
    gap_of, taken = dict(kept), set(kept.values())

    def jaccard(pair: tuple[str, int]) -> float:
        return shared[pair] / (of_gap[pair[0]] + of_group[pair[1]] - shared[pair])

    for gap, group in sorted(shared, key=lambda pair: (-jaccard(pair), -shared[pair], pair)):
        if gap not in taken and group not in gap_of:
            gap_of[group] = gap
            taken.add(gap)
    return gap_of


def _what_became(
    shared: Mapping[tuple[str, int], int], of_gap: Mapping[str, int], lost: Collection[str]
) -> tuple[dict[str, int], tuple[str, ...]]:
    became: dict[str, int] = {}
    for (gap, group), count in sorted(shared.items(), key=lambda item: (-item[1], item[0])):
        if gap in lost and gap not in became and count > MOSTLY * of_gap[gap]:
            became[gap] = group
    return became, tuple(sorted(gap for gap in lost if gap not in became))


def _origins(
    shared: Mapping[tuple[str, int], int], of_group: Mapping[int, int], new: Collection[int]
) -> dict[int, str]:
    origins: dict[int, str] = {}
    for (gap, group), count in sorted(shared.items(), key=lambda item: (-item[1], item[0])):
        if group in new and group not in origins and count > MOSTLY * of_group[group]:
            origins[group] = gap
    return origins
