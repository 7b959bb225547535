"""Which of two models compares a query with an article, and one scale for the cosines of both.

English with English goes through the first model, which is better there; every other pair of
languages goes through the second, a multilingual one, where the index has its vectors. Without the
second model the first compares everything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from search.index.opened import Generation
from search.semantic.encoder import Encoder, Vectors, other_of
from search.semantic.vectors import Nearest
from search.text.analysis import base_language
from search.text.lexicon import ENGLISH, Lexicon

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]
Wanted = Callable[[], npt.NDArray[np.int64]]
# Cosines of multilingual-e5-small and those of all-MiniLM-L6-v2 that are as rare (quantiles of all
# pairs of questions and passages of two judged English sets).
_THEIRS = (0.76, 0.79, 0.81, 0.84, 0.86, 0.88, 0.91, 0.93, 1.0)
# The usual median cosine of a question with articles, the share of the difference that counts, and
# what pairs of two languages lack.
USUAL, SHARE, ABROAD = 0.82, 0.25, 0.02
_OURS = (-0.1, 0.0, 0.06, 0.22, 0.37, 0.53, 0.73, 0.82, 1.0)


def on_scale(cosines: Floats) -> Floats:
    """Return cosines of the second model on the scale of the first."""
    return np.interp(cosines, _THEIRS, _OURS).astype(np.float32)


@dataclass(frozen=True, slots=True)
class QueryVectors:
    """A query as each model reads it, None where it does not; `english`: it may be English, and
    `sure` when each of its words is. `languages` are those that it may be in, none when nothing
    tells.
    """

    main: Vectors | None
    other: Vectors | None = None
    english: bool = True
    sure: bool = True
    languages: frozenset[str] = frozenset()


def vectors_of(generation: Generation, encoder: Encoder | None, text: str) -> QueryVectors:
    """Return the vectors of a query, computed now."""
    if encoder is None or generation.meaning is None:
        return QueryVectors(None)
    lexicon = generation.lexicon
    other = other_of(encoder) if generation.other_meaning else None
    english = other is None or may_be_english(lexicon, text)
    sure = other is None or (english and lexicon.is_english(text))
    needed = other is not None and needs_other(generation, sure=sure)
    return QueryVectors(
        encoder.encode_query(text) if english else None,
        other.encode_query(text) if other is not None and needed else None,
        english,
        sure,
        lexicon.spoken_in(text),
    )


def needs_other(generation: Generation, *, sure: bool) -> bool:
    """Return whether the second model compares anything with a query that is `sure` to be English
    or not.
    """
    return not sure or not bool(generation.in_english.all())


def may_be_english(lexicon: Lexicon, text: str) -> bool:
    """Return whether no other language of the articles knows more of a query's words than English;
    English has no accents, and no other script.
    """
    return text.isascii() and ENGLISH in lexicon.spoken_in(text)


def nearest(
    generation: Generation,
    vectors: QueryVectors,
    *,
    allowed: Mask,
    wanted: Callable[[Mask], Wanted],
) -> Nearest:
    """Return the cosines of a query with articles and passages. `wanted(mask)` gives the articles
    among those of a mask to compare whatever the graph finds.
    """
    main, other = generation.meaning, generation.other_meaning
    if other is None or vectors.other is None:
        if main is None or vectors.main is None:
            return _nothing(generation)
        return main.nearest(vectors.main, allowed=allowed, wanted=wanted(allowed))
    inside = generation.in_english
    english = main is not None and vectors.main is not None and vectors.english
    rest = allowed & ~inside if english and vectors.sure else allowed
    theirs = _scaled(
        generation,
        other.nearest(vectors.other, allowed=rest, wanted=wanted(rest)),
        vectors.languages,
    )
    if main is None or vectors.main is None or not english:
        return theirs
    ours = main.nearest(vectors.main, allowed=allowed & inside, wanted=wanted(allowed & inside))
    if not vectors.sure:
        return _nearer(ours, theirs)
    share = (allowed & inside).sum() / max(1, allowed.sum())
    passages = inside[generation.passage_documents]
    return Nearest(
        np.where(inside, ours.articles, theirs.articles),
        np.where(passages, ours.passages, theirs.passages),
        float(share * ours.median + (1 - share) * theirs.median),
    )


def _nearer(ours: Nearest, theirs: Nearest) -> Nearest:
    """Return the higher cosine of both models: nothing tells which of them reads the query."""
    return Nearest(
        np.maximum(ours.articles, theirs.articles),
        np.maximum(ours.passages, theirs.passages),
        max(ours.median, theirs.median),
    )


def _scaled(generation: Generation, found: Nearest, languages: frozenset[str]) -> Nearest:
    """Return cosines on the first model's scale; what was not compared stays 0.

    A text may be near to everything: a quarter of what the median is over the usual counts off.
    Texts of two languages that mean the same are a little less near than those of one.
    """
    column = generation.documents.language
    abroad = [base_language(name) not in languages for name in column.names]
    shift = SHARE * (USUAL - found.median) if found.median else 0.0
    more = np.array([shift + ABROAD * far for far in abroad], np.float32)[column.numbers]
    articles = on_scale(found.articles + more) * (found.articles != 0)
    passages = on_scale(found.passages + more[generation.passage_documents])
    return Nearest(
        articles,
        passages * (found.passages != 0),
        float(on_scale(np.array([found.median + shift], np.float32))[0]),
    )


def _nothing(generation: Generation) -> Nearest:
    size, passages = len(generation.documents), len(generation.passages)
    return Nearest(np.zeros(size, np.float32), np.zeros(passages, np.float32), 0.0)
