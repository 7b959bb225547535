"""Questions grouped by meaning: average linkage, exact, in little memory.

Promises the same groups for the same vectors in the same order, whatever their number, and that
questions a person put together stay together. Pure: vectors in, numbers of groups out.

The distance of two groups is the mean of 1 - cosine over all their pairs (UPGMA). For unit vectors
that is 1 - a.b, where a and b are the groups' mean vectors, so no matrix of all pairs is kept. Two
groups that are each other's nearest may be joined in any order (average linkage is reducible: F.
Murtagh, 1983), hence all such pairs of a round are joined at once. A group whose nearest is farther
than `cut` will never have a nearer one and is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]

# Mean distance of two groups up to which they ask for the same thing; see docs/gaps.md.
CUT = 0.5
# The same where groups are made by stems alone: fewer words in common say as much.
CUT_STEMS = 0.6
BLOCK = 512  # rows compared at a time: 512 x 100,000 similarities are 0.2 GB
# Differences under this are equal: what the last bits of a product are depends on the machine.
DECIMALS = 5
FREE = -1
# Vectors compared pair by pair: time grows with the square of their number; see docs/gaps.md.
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
    """Return the same as `grouped` for up to `most` vectors. Of more, the heaviest are grouped, the
    later of equal ones first, and all that have a seed; each of the others joins the group whose
    centre is nearest within `cut`, or stays alone.
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
    """Return the first label of each vector and the groups: one a seed, one a free vector."""
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
    """Return the mean (d,) of unit vectors (n, d); its length says how alike they are."""
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
