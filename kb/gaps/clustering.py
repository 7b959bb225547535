"""Groups failed searches by meaning, and recognises known gaps in the new groups.

Without a model a question's vector is made of the stems of its words, whose signs come from a hash
(signed random projection of the bag of stems: W. Johnson and J. Lindenstrauss, 1984), so that the
cosine of two vectors is nearly the share of stems in common.

The distance of two groups is the mean of 1 - cosine over all their pairs (UPGMA). For unit vectors
that is 1 - a.b, where a and b are the groups' mean vectors, so no matrix of all pairs is kept. Two
groups that are each other's nearest may be joined in any order (average linkage is reducible: F.
Murtagh, 1983), hence all such pairs of a round are joined at once. A group whose nearest is farther
than `cut` will never have a nearer one and is done. The same vectors in the same order give the
same groups, whatever their number.

A group is one gap at most, and every gap that was merged, split or faded is accounted for. A
question that a person moved stays where it was put; a gap that a person sorted or changed keeps its
questions and is never merged into another; one person alone makes no new gap.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from kb.tracking.query_text import folded
from search.text.analysis import stem, stop_words

# -- Vectors without a model --


MODEL = "stems-1"
WIDTH = 512  # the error of a cosine is about 1 / sqrt(512) = 0.04


def vectors(texts: Sequence[str], languages: Sequence[str]) -> Vectors:
    """Return one unit vector per text: float32, shape (n, 512)."""
    found = np.zeros((len(texts), WIDTH), np.float32)
    for row, (text, language) in enumerate(zip(texts, languages, strict=True)):
        for each in sorted(stems(text, language or "en")):
            found[row] += _signs(each)
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    unit: Vectors = np.divide(found, lengths, out=found, where=lengths > 0)
    return unit


def stems(text: str, language: str) -> frozenset[str]:
    """Return the stems of words that carry meaning, or of all words where all are common."""
    every = folded(text).split()
    telling = [word for word in every if word not in stop_words(language)] or every
    return frozenset(stem(word, language) for word in telling)


@lru_cache(maxsize=50_000)
def _signs(word: str) -> Vectors:
    bits = hashlib.shake_128(word.encode()).digest(WIDTH // 8)
    signs = np.unpackbits(np.frombuffer(bits, np.uint8)).astype(np.float32)
    row: Vectors = 2 * signs - 1
    return row


# -- Average linkage --


Vectors = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]

# Mean distance of two groups up to which they ask for the same thing; see docs/gaps.md.
CUT = 0.5
# The same for vectors of stems alone, where fewer words in common mean as much.
CUT_STEMS = 0.6
BLOCK = 512  # rows compared at a time: 512 x 100,000 similarities are 0.2 GB
# Similarities are rounded: the last bits of a product depend on the machine.
DECIMALS = 5
FREE = -1
# Most vectors compared pair by pair: time grows with their number squared; see docs/gaps.md.
MOST = 30_000


@dataclass(slots=True)
class _Groups:
    """Groups to be joined: sums (n, d) and sizes (n,) of their vectors, their seed or FREE."""

    sums: Vectors
    sizes: npt.NDArray[np.float32]
    seeds: Numbers

    @property
    def means(self) -> Vectors:
        return self.sums / self.sizes[:, None]


def grouped(vectors: Vectors, *, cut: float = CUT, seeds: Sequence[int] | Numbers = ()) -> Numbers:
    """Return the number of each vector's group, shape (n,), numbered in order of first members.

    `vectors` (n, d) are of length 1. Vectors of one seed (0, 1, ...; FREE for none) begin together,
    and two seeds never meet in one group.
    """
    count = len(vectors)
    if not count:
        return np.zeros(0, np.int64)
    given = np.asarray(seeds, np.int64) if len(seeds) else np.full(count, FREE, np.int64)
    labels, groups = _beginning(np.asarray(vectors, np.float32), given)
    active = stale = np.arange(len(groups.sizes))
    nearest, distance = np.zeros(len(active), np.int64), np.zeros(len(active), np.float32)
    while len(active) > 1:
        nearest[stale], distance[stale] = _nearest(groups, stale, active)
        active = active[distance[active] <= cut]
        joined = _mutual(active, nearest)
        if not len(joined):
            break
        labels = _join(groups, labels, joined)
        active = np.setdiff1d(active, joined[:, 1], assume_unique=True)
        stale = active[np.isin(active, joined) | np.isin(nearest[active], joined)]
    return _in_order(labels)


def grouped_in_time(
    vectors: Vectors,
    weights: Sequence[int],
    *,
    cut: float = CUT,
    seeds: Sequence[int] = (),
    most: int = MOST,
) -> Numbers:
    """Return the same as `grouped` for up to `most` vectors. Of more, `most` are grouped: those
    with a seed first, then the heaviest, of equal ones the later. Each of the others joins the
    group whose centre is nearest within `cut`, or stays alone.
    """
    count = len(vectors)
    if count <= most:
        return grouped(vectors, cut=cut, seeds=seeds)
    given = np.asarray(seeds, np.int64) if len(seeds) else np.full(count, FREE, np.int64)
    order = np.lexsort((-np.arange(count), -np.asarray(weights), given == FREE))
    first, rest = np.sort(order[:most]), np.sort(order[most:])
    labels = np.full(count, FREE, np.int64)
    labels[first] = grouped(vectors[first], cut=cut, seeds=given[first])
    groups = labels.max() + 1
    centres = np.zeros((groups, vectors.shape[1]), np.float32)
    np.add.at(centres, labels[first], vectors[first])
    centres /= np.bincount(labels[first], minlength=groups).astype(np.float32)[:, None]
    labels[rest] = joining(vectors[rest], centres, cut=cut)
    alone = labels == FREE
    labels[alone] = groups + np.arange(int(alone.sum()))
    return _in_order(labels)


def _beginning(vectors: Vectors, seeds: Numbers) -> tuple[Numbers, _Groups]:
    """Return the first label of each vector and the groups: one per seed, one per free vector."""
    count = len(vectors)
    own = np.arange(count)
    first: dict[int, int] = {}
    for row in np.flatnonzero(seeds != FREE):
        own[row] = first.setdefault(int(seeds[row]), int(row))
    kept, labels = np.unique(own, return_inverse=True)
    sums = np.zeros((len(kept), vectors.shape[1]), np.float32)
    np.add.at(sums, labels, vectors)
    sizes = np.bincount(labels, minlength=len(kept)).astype(np.float32)
    return labels, _Groups(sums, sizes, seeds[kept])


def _nearest(
    groups: _Groups, asked: Numbers, among: Numbers
) -> tuple[Numbers, npt.NDArray[np.float32]]:
    """Return for each group asked about the nearest of the others and its distance; ties go to the
    first.
    """
    means, others = groups.means[asked], groups.means[among].T
    own = np.searchsorted(among, asked)
    mine, theirs = groups.seeds[asked] != FREE, groups.seeds[among] != FREE
    nearest = np.zeros(len(asked), np.int64)
    distance = np.zeros(len(asked), np.float32)
    for start in range(0, len(asked), BLOCK):
        rows = slice(start, start + BLOCK)
        alike = means[rows] @ others
        places = np.arange(len(alike))
        alike[places, own[rows]] = -np.inf
        if mine[rows].any():
            alike[np.ix_(mine[rows], theirs)] = -np.inf
        np.round(alike, DECIMALS, out=alike)
        best = alike.argmax(axis=1)
        nearest[rows], distance[rows] = among[best], 1 - alike[places, best]
    return nearest, distance


def _mutual(active: Numbers, nearest: Numbers) -> Numbers:
    """Return the pairs (m, 2) of active groups that are each other's nearest, the lower first."""
    other = nearest[active]
    mutual = (nearest[other] == active) & (active < other) & np.isin(other, active)
    return np.stack([active[mutual], other[mutual]], axis=1)


def _join(groups: _Groups, labels: Numbers, pairs: Numbers) -> Numbers:
    """Add the second group of each pair to the first; return the labels after it."""
    left, right = pairs[:, 0], pairs[:, 1]
    groups.sums[left] += groups.sums[right]
    groups.sizes[left] += groups.sizes[right]
    groups.seeds[left] = np.maximum(groups.seeds[left], groups.seeds[right])
    becomes = np.arange(len(groups.sizes))
    becomes[right] = left
    return becomes[labels]


def _in_order(labels: Numbers) -> Numbers:
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    numbers: Numbers = rank[inverse]
    return numbers


def centre(vectors: Vectors) -> Vectors:
    """Return the mean (d,) of unit vectors (n, d); the longer it is, the more alike they are."""
    mean: Vectors = np.asarray(vectors, np.float32).mean(axis=0)
    return mean


def joining(vectors: Vectors, centres: Vectors, *, cut: float = CUT) -> Numbers:
    """Return for each vector (n, d) the number of the nearest centre (m, d), FREE beyond `cut`.

    A vector's mean distance from a group's members is 1 - vector.centre: that of average linkage.
    """
    if not len(vectors) or not len(centres):
        return np.full(len(vectors), FREE, np.int64)
    found = np.full(len(vectors), FREE, np.int64)
    for start in range(0, len(vectors), BLOCK):
        alike = np.round(vectors[start : start + BLOCK] @ centres.T, DECIMALS)
        best = alike.argmax(axis=1)
        near = 1 - alike[np.arange(len(best)), best] <= cut
        found[start : start + BLOCK] = np.where(near, best, FREE)
    return found


# -- Known gaps in new groups --


# Over this share of a gap's questions in one group, the gap became that group; over this share
# of a group's questions from one gap, the group came from that gap.
MOSTLY = 0.5


@dataclass(frozen=True, slots=True)
class MatchedGroups:
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
) -> MatchedGroups:
    """Return which group is which gap. `before` maps a question to its gap, `groups` a question to
    its new group, `kept` a group that began as a gap which a person changed to that gap.

    The rest is matched greedily: the pair with the greatest share in common (Jaccard) first.
    """
    shared = Counter((before[key], group) for key, group in groups.items() if key in before)
    of_gap = Counter(before[key] for key in groups if key in before)
    of_group = Counter(groups[key] for key in groups if key in before)
    gap_of = _greedy(shared, of_gap, of_group, kept=kept)
    held = set(gap_of.values())
    became, faded = _what_became(shared, of_gap, set(before.values()) - held)
    came_from = _origins(shared, of_group, set(groups.values()) - set(gap_of))
    return MatchedGroups(gap_of, became, came_from, faded)


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


# -- Full and incremental grouping --


FEWEST = 2  # people that it takes to make a group a new gap


@dataclass(frozen=True, slots=True)
class QueryGroup:
    """Searches by the same words: who made them, the gap they are in ("" for none), and whether a
    person put them there (`fixed`).
    """

    key: str
    visitors: frozenset[str]
    gap_id: str = ""
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Partition:
    """`groups` maps each question that is in a group to it; `matched` says which group is which
    gap.
    """

    groups: Mapping[str, int] = field(default_factory=dict)
    matched: MatchedGroups = field(default_factory=MatchedGroups)


def whole(
    questions: Sequence[QueryGroup], vectors: Vectors, *, touched: Collection[str], cut: float
) -> Partition:
    """Return all questions grouped again; `vectors` (n, d) are theirs, `touched` the gaps whose
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
    return _without_few(Partition(groups, found), used)


def added(
    questions: Sequence[QueryGroup], vectors: Vectors, centres: Mapping[str, Vectors], *, cut: float
) -> Partition:
    """Return the questions grouped: one in a gap stays, one in none joins the nearest centre, and
    the rest are grouped among themselves.
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
    return _without_few(Partition(groups, MatchedGroups(gap_of)), questions)


def _without_few(parted: Partition, questions: Sequence[QueryGroup]) -> Partition:
    """Return the partition without new groups of fewer than FEWEST people."""
    people: dict[int, set[str]] = {}
    for one in questions:
        if one.key in parted.groups:
            people.setdefault(parted.groups[one.key], set()).update(one.visitors)
    gap_of = parted.matched.gap_of
    enough = {group for group, them in people.items() if group in gap_of or len(them) >= FEWEST}
    groups = {key: group for key, group in parted.groups.items() if group in enough}
    return replace(parted, groups=groups)
