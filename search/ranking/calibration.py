"""Fits the confidence to a corpus without labels: how likely it is that the corpus answers a query.

The corpus is asked queries made from itself, an article's title or one of its sentences. With that
text left out, the article still answers; with the whole article and its near-duplicates left out,
nothing does. Nothing answers the questions on unrelated subjects either (`elsewhere.txt`). The
score by `confidence.PRIOR` is shifted and scaled to fit these (Platt 1999), which never reorders
queries, and held near the prior, so that a corpus of twenty articles gets a sensible fit and one
without data the prior itself. The objective is concave with one maximum: the same corpus and model
always give the same coefficients.

It cannot know what people will ask: the share of queries without an answer is assumed
(`confidence.OUTSIDE`), and a synthetic query is not a real one. See docs/decisions/0008.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from search.evaluation.measures import auroc, brier, calibration_error
from search.index.keyword import article_fields
from search.index.opened import Generation
from search.ranking import keyword_scores
from search.ranking.conditions import constraints
from search.ranking.confidence import (
    OUTSIDE,
    PRIOR,
    VERSION,
    Calibration,
    Evidence,
    confidence,
    features,
)
from search.ranking.hybrid import Mask, Signals, collect, rank, requests_for
from search.ranking.keyword_scores import Part
from search.ranking.lanes import on_scale, vectors_of
from search.semantic.encoder import Encoder, Progress, Vectors, other_of, silent
from search.text.analysis import document_terms
from search.text.passages import Passage, passage_text
from search.text.pasted import bounded
from search.text.query import Request
from search.types import Document, Mode

# -- Logistic regression with a Gaussian prior, by Newton's method --


Doubles = npt.NDArray[np.float64]
_STEPS = 50
_CLOSE = 1e-8
_LARGEST = 50.0


def probabilities(rows: Doubles, coefficients: Doubles) -> Doubles:
    """Return sigmoid(c0 + rows @ c1..), shape (n,); `rows` (n, k), `coefficients` (k + 1,)."""
    value = coefficients[0] + rows @ coefficients[1:]
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(value, -_LARGEST, _LARGEST))), np.float64)


def fit(
    rows: Doubles, labels: Doubles, *, weights: Doubles, prior: Doubles, precision: Doubles
) -> Doubles:
    """Return the coefficients (k + 1,) that maximise the weighted log likelihood less sum(precision
    * (c - prior)^2) / 2, by iteratively reweighted least squares (Hastie, Tibshirani, Friedman, The
    Elements of Statistical Learning, 4.4.1). `precision` must be positive.
    """
    known = np.column_stack([np.ones(len(rows)), rows])
    found = prior.astype(np.float64)
    for _ in range(_STEPS):
        sure = probabilities(rows, found)
        slope = known.T @ (weights * (labels - sure)) - precision * (found - prior)
        curve = (known * (weights * sure * (1 - sure))[:, None]).T @ known + np.diag(precision)
        step = np.linalg.solve(curve, slope)
        found = found + step * min(1.0, 5.0 / max(1e-12, float(np.abs(step).max())))
        if float(np.abs(step).max()) < _CLOSE:
            break
    return np.asarray(found, np.float64)


# -- Calibration --


# How many articles queries are made from, and how many generic questions are asked besides.
SAMPLE = 150
GENERIC = 80
# With fewer articles the prior is better than any fit.
FEWEST = 20
# Precisions of the prior's shift (deviation about 0.7) and scale (about a quarter).
PRECISION = (6.0, 45.0)
# An article with at least this cosine to the one left out would answer in its place.
DUPLICATE = 0.85
# How many near-by questions may pass the floor: about as many as a desk's articles do answer.
PASSED = 15
# Positive, so that more evidence never makes an answer less likely.
LEAST_STRETCH = 0.1
# Under the lower one a question is rather not answered, whatever a small corpus shows.
LOWEST_FLOOR, HIGHEST_FLOOR = 0.5, 0.85
FOLDS = 5
_SENTENCE = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])|\n+")
_LEAST_WORDS, _MOST_WORDS = 4, 25
_SEED = 8


class QuerySource(StrEnum):
    """The part of an article that a synthetic query was made from."""

    TITLE = "title"
    ANSWER = "answer"
    SENTENCE = "sentence"


@dataclass(frozen=True, slots=True)
class SyntheticQuery:
    """A query made from an article: its text, and the `rest` of the passage without it."""

    document: int
    passage: int
    text: str
    rest: str
    source: QuerySource


@dataclass(frozen=True, slots=True)
class LabelledEvidence:
    """Evidence for a synthetic query in both kinds of search; a `group` stays in one fold."""

    hybrid: Evidence
    words: Evidence
    answered: bool
    group: int
    generic: bool = False
    nearby: bool = False


@lru_cache(maxsize=1)
def elsewhere() -> tuple[str, ...]:
    """Return questions on other subjects than a service desk's, in English and Spanish."""
    return _lines("elsewhere.txt")


@lru_cache(maxsize=1)
def nearby() -> tuple[str, ...]:
    """Return questions on a service desk's subjects and those beside it, which most sets of
    articles do not answer, in English and Spanish.
    """
    return _lines("nearby.txt")


def _lines(name: str) -> tuple[str, ...]:
    text = Path(__file__).with_name(name).read_text("utf-8")
    return tuple(line for line in text.splitlines() if line)


def calibrate(
    generation: Generation, encoder: Encoder | None, *, progress: Progress = silent
) -> Calibration:
    """Return the calibration of an opened generation.

    Queries are made from about SAMPLE articles, whatever the corpus's size. Without an encoder or
    vectors only keyword search is fitted; with fewer than FEWEST articles the prior is returned.
    """
    if len(generation.documents) < FEWEST:
        return replace(PRIOR, articles=len(generation.documents))
    rows = judged(generation, encoder if generation.meaning else None, progress=progress)
    if not any(row.answered for row in rows):
        return PRIOR
    meaning = generation.meaning is not None and encoder is not None
    words, floor_words, _ = _fitted(rows, meaning=False)
    fresh = replace(PRIOR, words=words, floor_words=floor_words)
    if meaning:
        coefficients, floor, sure = _fitted(rows, meaning=True)
        ranks, squares, off = _measured(rows, sure)
        fresh = replace(fresh, meaning=coefficients, floor=floor)
        fresh = replace(fresh, auroc=ranks, brier=squares, ece=off)
    answered = sum(row.answered for row in rows)
    return replace(
        fresh,
        answerable=answered,
        unanswerable=len(rows) - answered,
        articles=len(generation.documents),
    )


def still_good(held: Mapping[str, Any], articles: int) -> bool:
    """Return whether a calibration kept as JSON still fits this many articles (within a tenth)."""
    known = int(held.get("articles", 0))
    return held.get("version") == VERSION and 0.9 * known <= articles <= 1.1 * known


def judged(
    generation: Generation, encoder: Encoder | None, *, progress: Progress = silent
) -> list[LabelledEvidence]:
    """Return the evidence for queries of known truth: made from the corpus, and generic ones."""
    made = _sample(generation)
    rows: list[LabelledEvidence] = []
    for done, one in enumerate(made, 1):
        rows += _both(generation, encoder, one)
        progress("calibrate", done, len(made))
    everywhere = np.ones(len(generation.documents), bool)
    step = max(1, round(len(elsewhere()) / GENERIC))
    asked = [*elsewhere()[::step], *nearby()]
    for number, text in enumerate(asked):
        signals = _signals(generation, encoder, text)
        row = _evidence(generation, signals, everywhere, answered=False, group=-1 - number)
        rows.append(replace(row, nearby=number >= len(asked) - len(nearby())))
    return rows


def _sample(generation: Generation) -> list[SyntheticQuery]:
    """Return queries made from a fixed sample of articles: a title and a sentence by turns."""
    chance = np.random.default_rng(_SEED)
    starts = generation.passage_starts
    drawn = chance.permutation(len(generation.documents))[:SAMPLE]
    rows: list[SyntheticQuery] = []
    for turn, number in enumerate(drawn.tolist()):
        span = range(int(starts[number]), int(starts[number + 1]))
        if span:
            passage = int(chance.choice(span))
            rows += _made(generation, number, passage, title=turn % 2 == 0, chance=chance)
    return rows


def _made(
    generation: Generation, number: int, passage: int, *, title: bool, chance: np.random.Generator
) -> Iterator[SyntheticQuery]:
    document = generation.documents[number]
    place = Passage(*generation.passages[passage].tolist())
    body = document.sections[place.section].text[place.start : place.end]
    if len(document.answers) > 1:
        chosen = document.answers[int(chance.integers(len(document.answers)))]
        yield SyntheticQuery(number, passage, bounded(chosen), body, QuerySource.ANSWER)
        return
    if title and document.title.strip():
        yield SyntheticQuery(number, passage, bounded(document.title), body, QuerySource.TITLE)
        return
    sentences = [s.strip() for s in _SENTENCE.split(body)]
    fit = [s for s in sentences if _LEAST_WORDS <= len(s.split()) <= _MOST_WORDS]
    if len(sentences) > 1 and fit:
        chosen = fit[int(chance.integers(len(fit)))]
        rest = passage_text(document, place).replace(" ".join(chosen.split()), " ", 1)
        yield SyntheticQuery(number, passage, bounded(chosen), rest, QuerySource.SENTENCE)


def _both(
    generation: Generation, encoder: Encoder | None, one: SyntheticQuery
) -> Iterator[LabelledEvidence]:
    """Yield the query's evidence with its article (less the query's own words) and without it."""
    signals = _signals(generation, encoder, one.text)
    everywhere = np.ones(len(generation.documents), bool)
    less = _without_words(generation, encoder, signals, one)
    yield _evidence(generation, less, everywhere, answered=True, group=one.document)
    others = ~_alike(generation, one.document)
    yield _evidence(generation, signals, others, answered=False, group=one.document)


def _signals(generation: Generation, encoder: Encoder | None, text: str) -> Signals:
    vectors = vectors_of(generation, encoder, text)
    asked = constraints(text)
    requests = requests_for(generation, asked)
    allowed = np.ones(len(generation.documents), bool)
    found = collect(generation, asked, requests=requests, vectors=lambda: vectors, allowed=allowed)
    return replace(found, title=np.zeros_like(found.title))


def _evidence(
    generation: Generation, signals: Signals, allowed: Mask, *, answered: bool, group: int
) -> LabelledEvidence:
    seen = _masked(generation, signals, allowed)
    hybrid, words = (rank(generation, seen, mode=m).evidence for m in (Mode.HYBRID, Mode.KEYWORD))
    return LabelledEvidence(hybrid, words, answered, group, group < 0)


def _masked(generation: Generation, signals: Signals, allowed: Mask) -> Signals:
    """Return the signals as if only the allowed articles existed."""
    inside = allowed[generation.passage_documents]
    return replace(
        signals,
        keyword=signals.keyword * allowed,
        coverage=signals.coverage * allowed,
        exact=signals.exact * allowed,
        steps=signals.steps * allowed,
        adjacent=signals.adjacent * allowed,
        typed=signals.typed * allowed,
        passage_keyword=signals.passage_keyword * inside,
        cosines=signals.cosines * allowed,
        passage_cosines=signals.passage_cosines * inside,
    )


def _alike(generation: Generation, number: int) -> Mask:
    """Return a mask of the article and its near-duplicates: of its title, or with a near vector."""
    row = np.zeros(len(generation.documents), bool)
    row[number] = True
    row[generation.titled(generation.documents[number].title)] = True
    if generation.meaning is not None:
        first = generation.meaning.first(number)
        near = generation.meaning.nearest(first, allowed=~row, wanted=lambda: np.empty(0, np.int64))
        row |= near.articles >= DUPLICATE
    return row


def _without_words(
    generation: Generation, encoder: Encoder | None, signals: Signals, one: SyntheticQuery
) -> Signals:
    """Return the signals as if the article did not contain the text of the query."""
    keyword, coverage = signals.keyword.copy(), signals.coverage.copy()
    document = generation.documents[one.document]
    held = _terms_left(document, one)
    share = _coverage(generation, signals.requests, document, held)
    before = float(coverage[one.document])
    keyword[one.document] *= share / before if before else 0.0
    coverage[one.document] = share
    parts = tuple(_without(part, document, one.document, held) for part in signals.parts)
    less = replace(signals, keyword=keyword, coverage=coverage, parts=parts)
    return _less_near(generation, encoder, less, one) if encoder else less


def _less_near(
    generation: Generation, encoder: Encoder, signals: Signals, one: SyntheticQuery
) -> Signals:
    document, parts = generation.documents[one.document], signals.passage_cosines.copy()
    own = np.flatnonzero(generation.passage_documents == one.document)
    answers = [bounded(text) for text in document.answers]
    kept = {
        QuerySource.TITLE: [one.rest],
        QuerySource.SENTENCE: [one.rest, document.title or one.rest],
        QuerySource.ANSWER: [document.title, *(text for text in answers if text != one.text)],
    }[one.source]
    fresh = _cosines(generation, encoder, kept, one)
    if one.source is QuerySource.TITLE:
        parts[own] = 0.0  # each passage's vector includes the title
    if one.source is not QuerySource.ANSWER:
        parts[one.passage] = fresh[0]
    cosines = signals.cosines.copy()
    cosines[one.document] = max(float(parts[own].max()), float(fresh.max()))
    return replace(signals, cosines=cosines, passage_cosines=parts)


def _cosines(
    generation: Generation, encoder: Encoder, texts: Sequence[str], one: SyntheticQuery
) -> Vectors:
    """Return the cosines of the query with texts in the language of its article."""
    other = other_of(encoder) if generation.other_meaning else None
    if other is None or generation.in_english[one.document]:
        found: Vectors = encoder.encode_documents(texts) @ encoder.encode_query(one.text)
        return found
    return on_scale(other.encode_documents(texts) @ other.encode_query(one.text))


def _terms_left(document: Document, one: SyntheticQuery) -> frozenset[str]:
    """Return the terms of an article without the text that the query was made from."""
    texts = article_fields(document)
    if one.source is QuerySource.ANSWER:
        texts["answers"] = "\n".join(a for a in document.answers if bounded(a) != one.text)
    else:
        title = one.source is QuerySource.TITLE
        texts["title" if title else "body"] = "" if title else one.rest
    return frozenset(
        term
        for text in texts.values()
        for row in document_terms(text, document.language)
        for term in row
    )


def _without(part: Part, document: Document, number: int, held: frozenset[str]) -> Part:
    """Return what was asked for as if an article had only the terms in `held`."""
    if part.language != document.language or not held.isdisjoint(part.terms):
        return part
    return replace(part, held=part.held[part.held != number])


def _coverage(
    generation: Generation,
    requests: Sequence[Request],
    document: Document,
    held: frozenset[str],
) -> float:
    """Return the coverage of the query by an article that has the terms in `held`."""
    own = [request for request in requests if request.language == document.language]
    return max((_share(generation, request, held) for request in own), default=0.0)


def _share(generation: Generation, request: Request, held: frozenset[str]) -> float:
    mass = found = 0.0
    for sought in request.sought:
        if sought.asked:
            rows = (generation.articles.find(request.language, t)[0] for t in sought.alternatives)
            df = max(len(row) for row in rows)
            told = keyword_scores.information(df, sought, size=len(generation.documents))
            mass += told
            found += told * bool(held & set(sought.alternatives))
    return found / mass if mass else 0.0


def _fitted(
    rows: Sequence[LabelledEvidence], *, meaning: bool
) -> tuple[tuple[float, ...], float, Doubles]:
    """Return the coefficients fitted to all rows, the floor, and each row's probability when held
    out.
    """
    given = np.array([features(r.hybrid if meaning else r.words, meaning=meaning) for r in rows])
    labels = np.array([row.answered for row in rows], np.float64)
    weights = weights_of(rows)
    folds = np.array([row.group % FOLDS for row in rows])
    sure = np.zeros(len(rows))
    for fold in range(FOLDS):
        kept = folds != fold
        found = _platt(given[kept], labels[kept], weights[kept], meaning=meaning)
        sure[~kept] = probabilities(given[~kept], found)
    every = _platt(given, labels, weights, meaning=meaning)
    coefficients = tuple(round(float(c), 4) for c in every)
    return coefficients, _floor(rows, coefficients, meaning=meaning), sure


def _floor(
    rows: Sequence[LabelledEvidence], coefficients: tuple[float, ...], *, meaning: bool
) -> float:
    """Return the confidence that PASSED of the near-by questions reach."""
    kind = replace(PRIOR, meaning=coefficients, words=coefficients)
    evidence = [(row.hybrid if meaning else row.words) for row in rows if row.nearby]
    near = sorted((confidence(one, kind, meaning=meaning) for one in evidence), reverse=True)
    return round(min(HIGHEST_FLOOR, max(LOWEST_FLOOR, near[PASSED])), 4)


def _platt(given: Doubles, labels: Doubles, weights: Doubles, *, meaning: bool) -> Doubles:
    """Return the prior's coefficients, shifted and scaled to fit the rows."""
    prior = np.array(PRIOR.meaning if meaning else PRIOR.words)
    scores = (prior[0] + given @ prior[1:])[:, None]
    same, precision = np.array([0.0, 1.0]), np.array(PRECISION)
    move, stretch = fit(scores, labels, weights=weights, prior=same, precision=precision)
    fitted: Doubles = max(float(stretch), LEAST_STRETCH) * prior
    fitted[0] += move
    return fitted


def weights_of(rows: Sequence[LabelledEvidence]) -> Doubles:
    """Return weights whose sum over rows with an answer is their number, so that few articles count
    for little; rows without one make up OUTSIDE of the whole, half of that generic ones.
    """
    kinds = np.array([0 if row.answered else 2 if row.generic else 1 for row in rows])
    shares = (1 - OUTSIDE, OUTSIDE / 2, OUTSIDE / 2)
    weights = np.zeros(len(rows))
    for kind, share in enumerate(shares):
        weights[kinds == kind] = share / max(1, int((kinds == kind).sum()))
    return weights * int((kinds == 0).sum()) / (1 - OUTSIDE)


def _measured(
    rows: Sequence[LabelledEvidence], sure: Doubles
) -> tuple[float | None, float | None, float | None]:
    """Return AUROC, Brier score and expected calibration error."""
    labels, weights, given = [row.answered for row in rows], weights_of(rows), sure.tolist()
    kinds = np.array(labels)
    return (
        auroc(sure[kinds].tolist(), sure[~kinds].tolist()),
        brier(given, labels, weights=weights.tolist()),
        calibration_error(given, labels, weights=weights.tolist()),
    )
