"""Questions into groups, as a whole or by what is new, with known gaps recognised.

Promises that a question a person moved stays where it was put, that a gap a person sorted or gave
a meaning keeps its questions and never melts into another, and that one person alone makes no new
gap. Pure; knows no database.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from kb.gaps.grouping import FREE, Vectors, grouped_in_time, joining
from kb.gaps.identity import Matched, matched

FEWEST = 2  # people in a group before it is a gap of its own


@dataclass(frozen=True, slots=True)
class Question:
    """Searches by the same words: who made them, the gap they are in ("" for none), and whether a
    person put them there (`fixed`).
    """

    key: str
    visitors: frozenset[str]
    gap_id: str = ""
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Parted:
    """`groups` names the group of each question that is in one; `matched` says which is whose."""

    groups: Mapping[str, int] = field(default_factory=dict)
    matched: Matched = field(default_factory=Matched)


def whole(
    questions: Sequence[Question], vectors: Vectors, *, touched: Collection[str], cut: float
) -> Parted:
    """Return all questions grouped anew; `vectors` (n, d) are theirs, `touched` the gaps whose
    questions stay together.
    """
    rows = [row for row, one in enumerate(questions) if one.gap_id or not one.fixed]
    used = [questions[row] for row in rows]
    sorted_by_hand = {one.gap_id for one in used if one.fixed} | set(touched)
    held = sorted({one.gap_id for one in used if one.gap_id in sorted_by_hand})
    number = {gap_id: at for at, gap_id in enumerate(held)}
    seeds = [number.get(one.gap_id, FREE) for one in used]
    weights = [len(one.visitors) for one in used]
    found_labels = grouped_in_time(vectors[rows], weights, cut=cut, seeds=seeds)
    labels = [int(label) for label in found_labels]
    groups = {one.key: label for one, label in zip(used, labels, strict=True)}
    kept = {label: held[seed] for label, seed in zip(labels, seeds, strict=True) if seed != FREE}
    before = {one.key: one.gap_id for one in used if one.gap_id}
    found = matched(before, groups, kept=kept)
    return _without_few(Parted(groups, found), used)


def added(
    questions: Sequence[Question], vectors: Vectors, centres: Mapping[str, Vectors], *, cut: float
) -> Parted:
    """Return the questions with those that are in no gap joined to the nearest centre, or grouped
    among themselves.
    """
    ids = sorted(centres)
    free = [row for row, one in enumerate(questions) if not one.gap_id and not one.fixed]
    gap_of = dict(enumerate(sorted({one.gap_id for one in questions if one.gap_id} | set(ids))))
    group_of = {gap_id: group for group, gap_id in gap_of.items()}
    groups = {one.key: group_of[one.gap_id] for one in questions if one.gap_id}
    known = np.stack([centres[each] for each in ids]) if ids else np.zeros((0, 0), np.float32)
    rest: list[int] = []
    for row, near in zip(free, joining(vectors[free], known, cut=cut), strict=True):
        if near == FREE:
            rest.append(row)
        else:
            groups[questions[row].key] = group_of[ids[near]]
    weights = [len(questions[row].visitors) for row in rest]
    for row, label in zip(rest, grouped_in_time(vectors[rest], weights, cut=cut), strict=True):
        groups[questions[row].key] = len(gap_of) + int(label)
    return _without_few(Parted(groups, Matched(gap_of)), questions)


def _without_few(parted: Parted, questions: Sequence[Question]) -> Parted:
    """Return it without the new groups that too few people are in."""
    people: dict[int, set[str]] = {}
    for one in questions:
        if one.key in parted.groups:
            people.setdefault(parted.groups[one.key], set()).update(one.visitors)
    gap_of = parted.matched.gap_of
    enough = {group for group, them in people.items() if group in gap_of or len(them) >= FEWEST}
    groups = {key: group for key, group in parted.groups.items() if group in enough}
    return replace(parted, groups=groups)
