"""Finds articles that say the same, by their words and, where there are vectors, by their meaning.

Gives pairs in one language that the same reader could meet, with how alike they are. Words are
compared by the engine's own sketches (`search.index.duplicates`), meaning by the mean of the
vectors that an index holds of each article.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from kb.content.article import Article
from kb.content.lint.page import SourcePage
from kb.content.problem import Problem
from search.index.duplicates import Sketches, sketch

if TYPE_CHECKING:
    from search.index.opened import Generation


# Half of all runs of five words. The shipped articles share a template and have no such pair.
NEAR = 0.5
# The two nearest shipped articles, on one subject but not duplicates, reach 0.928.
MEANING = 0.93
Vectors = npt.NDArray[np.float32]


def alike_by_words(
    shelf: Sequence[tuple[SourcePage, Article]], kept: Path | None = None
) -> Iterator[Problem]:
    """Yield pairs of articles that share their text, or most of it; each at the later path.

    Sketches of unchanged articles are read from the file `kept`, which is then updated.
    """
    sketches = _sketches([article for _, article in shelf], kept)
    for at in range(1, len(shelf)):
        if not sketches[at].any():
            continue
        shares = (sketches[:at, 1:] == sketches[at, 1:]).mean(axis=1)
        for other in np.flatnonzero((shares >= NEAR) & sketches[:at].any(axis=1)).tolist():
            yield from _pair(shelf[at], shelf[other], float(shares[other]))


def _sketches(articles: Sequence[Article], kept: Path | None) -> Sketches:
    names = [f"{article.blob} {article.recipe} {article.title}" for article in articles]
    before = _kept(kept) if kept else {}
    rows = [
        before[name] if name in before else sketch(article.to_document())
        for name, article in zip(names, articles, strict=True)
    ]
    found = np.array(rows, np.uint32)
    if kept and names and not before.keys() >= set(names):
        with suppress(OSError), kept.open("wb") as file:
            np.savez(file, names=np.array(names), sketches=found)
    return found


def _kept(file: Path) -> dict[str, Sketches]:
    """Return the kept sketches by name; none if the file is absent or damaged."""
    try:
        with np.load(file, allow_pickle=False) as held:
            return dict(zip(held["names"].tolist(), held["sketches"], strict=True))
    except (OSError, ValueError, KeyError, BadZipFile):
        return {}


def _pair(
    later: tuple[SourcePage, Article], first: tuple[SourcePage, Article], share: float
) -> Iterator[Problem]:
    (page, article), (other, former) = later, first
    if article.language != former.language:
        return
    if share >= 1.0:
        message = f"Its text is that of {other.path}."
        yield page.problem("copy", 1, message, "Keep one, and name the other in “redirect_from”.")
    else:
        message = f"About {share:.0%} of its text is in {other.path} too."
        hint = "Join the two, or link to one from the other."
        yield page.problem("near-copy", 1, message, hint)


def alike_by_meaning(
    shelf: Sequence[tuple[SourcePage, Article]], index: Generation, about: Collection[str]
) -> Iterator[Problem]:
    """Yield pairs whose vectors are nearer than is usual for articles on one subject; at least one
    of the two is from a file in `about`.
    """
    known = [(page, article) for page, article in shelf if article.slug in index.ordinals]
    means = mean_vectors(index)
    rows = np.array([index.ordinals[article.slug] for _, article in known], np.int64)
    for at in range(1, len(known)):
        cosines = means[rows[:at]] @ means[rows[at]]
        for other in np.flatnonzero(cosines >= MEANING).tolist():
            (page, article), (first, former) = known[at], known[other]
            told = page.path in about or first.path in about
            if article.language != former.language or not told:
                continue
            message = f"It means nearly what {first.path} does (likeness {cosines[other]:.2f})."
            hint = "Say in both titles what sets them apart, or join them."
            yield page.problem("same-meaning", 1, message, hint)


def mean_vectors(index: Generation) -> Vectors:
    """Return the normalised mean of the vectors of each article of an index."""
    from search.semantic.vectors import load_rows, load_vectors

    documents, vectors = load_rows(index.path).documents, load_vectors(index.path)
    sums = np.zeros((len(index.documents), vectors.shape[1]), np.float32)
    np.add.at(sums, documents, vectors)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    found: Vectors = (sums / np.maximum(lengths, 1e-9)).astype(np.float32)
    return found
