"""Ranks one query against one generation: signals from words and meaning, fused into an order.

Articles outside `allowed` neither appear nor affect the scores of others. The query's vector is
given by the caller, or None for keywords alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from search.index.opened import Generation
from search.ranking import conditions, fusion, keyword_scores, lanes
from search.ranking.conditions import Constraints
from search.ranking.confidence import Evidence
from search.ranking.keyword_scores import adjacent, as_typed
from search.ranking.lanes import QueryVectors, Wanted
from search.semantic.vectors import Nearest
from search.text.analysis import base_language, is_latin, terms
from search.text.query import MOST_PHRASES, Request, content_words, understand
from search.text.tokens import normal, query_tokens
from search.types import Mode

# -- The highest of many scores --


Floats = npt.NDArray[np.float32]
# Scores are taken in blocks of this many, each with its maximum.
BLOCK = 128


def highest(values: Floats, place: int) -> Floats:
    """Return the `place` highest values over 0 (fewer where there are fewer), in no order.

    Gives the same values as sorting: none below the `place`-th highest maximum of a block can be
    among them, and few values remain above it.
    """
    blocks, least = len(values) // BLOCK, np.float32(0.0)
    if blocks >= 2 * place:
        best = values[: blocks * BLOCK].reshape(blocks, BLOCK).max(axis=1)
        least = np.partition(best, blocks - place)[blocks - place]
    values = values[values >= least] if least > 0 else values[values > 0]
    if len(values) <= place:
        return values
    found: Floats = np.partition(values, len(values) - place)[len(values) - place :]
    return found


# -- Signals and ranking --


Mask = npt.NDArray[np.bool_]

# Weight of the best passage's score beside the article's: one rich section over many hints.
PASSAGE_SHARE = 0.5
# An article without any of the words is a hit from this cosine on (with the bundled model,
# unrelated pairs are under 0.25, paraphrases over 0.5).
SIMILAR = 0.35
# The same for a single word that nothing knows, such as the name of a product.
UNKNOWN = 0.6
# The same where the second model compares: words of another language match less often.
SIMILAR_ELSEWHERE = 0.25
# The same by meaning alone, as a share of the best.
RATHER_NEAR = 0.5
PREFERRED_LANGUAGE = 0.05
# For an article in the language of the query, the nearer the more: of two translations it is the
# one to read.
SAME_LANGUAGE = 0.2
# What is left of coverage where no article is in the language of the query.
OF_NAMES = 0.2
# From this many words on a query that nothing knows is in another language.
SENTENCE = 2
# Beyond the first ALWAYS_SHOWN hits, a hit needs the share TAIL of the best one's score.
ALWAYS_SHOWN = 10
# How many of the best keyword hits have their vectors compared whatever the graph finds.
LOOKED_AT = 60
TAIL = 0.4
# In a query of more words than this, a version or a model may be incidental: it counts this much.
FEW_WORDS, INCIDENTAL = 3, 0.1
# So does a name that a larger share of the articles has, such as the product that all are about.
COMMON = 0.2
# Scores that are equal to this many decimals count as equal.
TIE = 4


@dataclass(frozen=True, slots=True)
class Signals:
    """Raw scores of every article (n,) and passage (m,); zero outside `allowed`."""

    keyword: Floats
    coverage: Floats
    exact: Floats
    title: Mask
    passage_keyword: Floats
    cosines: Floats
    passage_cosines: Floats
    adjacent: Floats
    typed: Floats
    requests: tuple[Request, ...]
    steps: Floats
    median: float = 0.0
    absent: float = 0.0
    unnamed: bool = False
    unread: bool = False
    read: bool = False
    english: bool = True
    second: bool = False
    spoken_in: frozenset[str] = frozenset()
    parts: tuple[keyword_scores.Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Ranking:
    """Article numbers, best first, with the fused scores, their signals and the evidence."""

    order: npt.NDArray[np.int64]
    fused: Floats
    signals: Signals
    weight: float
    evidence: Evidence


def requests_for(generation: Generation, asked: Constraints) -> list[Request]:
    """Return the query as understood in each language of the corpus."""
    lexicon = generation.lexicon
    unfinished = lexicon.is_unfinished(asked.text)
    requests = [
        understand(
            asked.text,
            language,
            synonyms=generation.synonyms,
            lexicon=lexicon,
            unfinished=unfinished,
        )
        for language in generation.manifest.languages
    ]
    most = MOST_PHRASES - asked.quoted  # phrases cost most: one limit for all of them
    requests = [replace(request, phrases=request.phrases[:most]) for request in requests]
    return [_with_beginnings(generation, request, asked) for request in requests]


def _with_beginnings(generation: Generation, request: Request, asked: Constraints) -> Request:
    if not any(one.starts for group in asked.every for one in group):
        return request
    found = conditions.expanded(generation.whoosh, asked, request.language)
    return replace(request, sought=(*request.sought, *found))


def _permitted(generation: Generation, asked: Constraints, allowed: Mask) -> Mask:
    """Return the allowed articles that meet the conditions in the query."""
    if not asked:
        return allowed
    row = np.zeros(len(generation.documents), bool)
    languages = generation.manifest.languages
    row[generation.numbered(conditions.satisfying(generation.whoosh, asked, languages))] = True
    return row & allowed


def collect(
    generation: Generation,
    asked: Constraints,
    *,
    requests: Sequence[Request],
    vectors: Callable[[], QueryVectors],
    allowed: Mask,
) -> Signals:
    """Return the raw signals of a query. `vectors` is called last."""
    size, passages = len(generation.documents), len(generation.passages)
    allowed = _permitted(generation, asked, allowed)
    words = keyword_scores.match(generation.articles, requests, size=size)
    parts = keyword_scores.scores(generation.passage_terms, requests, size=passages)
    coded = keyword_scores.held(generation.articles, requests, size=size)
    exact, steps = _exact(generation, requests, coded, allowed=allowed)
    languages = [request.language for request in requests]
    pairs = adjacent(generation.pairs, asked.text, languages=languages, size=size)
    typed = as_typed(generation.words, asked.text, languages=languages, size=size)
    read = vectors()
    near = _nearest(generation, read, words.scores, allowed=allowed)
    inside = allowed[generation.passage_documents] if passages else np.zeros(0, bool)
    return Signals(
        keyword=words.scores * allowed,
        coverage=words.coverage * allowed,
        exact=exact,
        title=_titled(generation, asked.text, size=size) & allowed,
        passage_keyword=parts * inside,
        cosines=near.articles * allowed,
        passage_cosines=near.passages * inside,
        adjacent=pairs * allowed,
        typed=typed * allowed,
        requests=tuple(requests),
        median=near.median,
        steps=steps,
        absent=words.absent,
        unnamed=_unnamed(generation, asked.text, requests, coded, allowed=allowed),
        unread=read.other is None and not is_latin(asked.text),
        read=generation.lexicon.is_english(asked.text),
        english=read.other is None or (read.english and read.sure),
        second=read.other is not None,
        parts=words.parts,
        spoken_in=_languages(generation, asked.text, requests),
    )


def _languages(generation: Generation, text: str, requests: Sequence[Request]) -> frozenset[str]:
    """Return the languages that a query may be in; one of codes alone is in none."""
    named = {one.surface for request in requests for one in request.identifiers}
    if named and all(normal(token.surface) in named for token in query_tokens(text)):
        return frozenset()
    return generation.lexicon.spoken_in(text)


def _nearest(
    generation: Generation, vectors: QueryVectors, scores: Floats, *, allowed: Mask
) -> Nearest:
    def wanted(among: Mask) -> Wanted:
        def best() -> npt.NDArray[np.int64]:
            held = np.flatnonzero(scores * among)
            if len(held) > LOOKED_AT:
                held = held[np.argpartition(-scores[held], LOOKED_AT)[:LOOKED_AT]]
            return held

        return best

    return lanes.nearest(generation, vectors, allowed=allowed, wanted=wanted)


def _titled(generation: Generation, text: str, *, size: int) -> Mask:
    row = np.zeros(size, bool)
    row[generation.titled(text)] = True
    return row


def _exact(
    generation: Generation,
    requests: Sequence[Request],
    coded: Mapping[str, Mask],
    *,
    allowed: Mask,
) -> tuple[Floats, Floats]:
    """Return the share of the query's codes and phrases in each article, and their number, in which
    a version or model counts little beside a question. `coded` has the articles with each code.
    """
    size, worth = len(generation.documents), _worth(requests)
    most = max(2.0, COMMON * float(allowed.sum()))
    found = [
        (row, worth.get(code, _rare(code, row & allowed, most))) for code, row in coded.items()
    ]
    found += [(_phrase(generation, requests, number), 1.0) for number in range(_phrases(requests))]
    exact, steps = np.zeros(size, np.float32), np.zeros(size, np.float32)
    for row, each in found:
        here = row & allowed
        exact += here
        steps += np.float32(each) * here
    return exact / np.float32(max(1, len(found))), steps


def _content(requests: Sequence[Request]) -> int:
    """Return how many words of a query are no stop words in the language that has the most."""
    return min((content_words(request) for request in requests), default=0)


def _rare(code: str, row: Mask, most: float) -> float:
    """Return INCIDENTAL for a name such as login.gov that more than `most` articles have."""
    return INCIDENTAL if "." in code and row.sum() > most else 1.0


def _worth(requests: Sequence[Request]) -> dict[str, float]:
    """Return what each code counts for: INCIDENTAL for one that is not what the query is about."""
    words = _content(requests)
    weak = {one.surface for request in requests for one in request.identifiers if one.weak}
    return dict.fromkeys(weak, INCIDENTAL) if words > FEW_WORDS else {}


def _phrases(requests: Sequence[Request]) -> int:
    return max((len(request.phrases) for request in requests), default=0)


def _phrase(generation: Generation, requests: Sequence[Request], number: int) -> Mask:
    row = np.zeros(len(generation.documents), bool)
    for request in requests:
        if number < len(request.phrases):
            query = conditions.phrase_query(request.phrases[number], request.language)
            row[generation.numbered(conditions.matching(generation.whoosh, query))] = True
    return row


def rank(generation: Generation, signals: Signals, *, mode: Mode, prefer: str = "") -> Ranking:
    """Return the ranking of the articles that match, by words, meaning or both."""
    words = _keyword_share(generation, signals)
    meaning = fusion.meaning_share(signals.cosines, signals.median)
    spoken = _spoken_languages(generation, signals.spoken_in)
    foreign = signals.second and not _is_unknown(signals) and not spoken.any()
    read = signals.read and not foreign and not _is_nearest_abroad(generation, signals)
    weight = _weight(signals, mode=mode, foreign=foreign, read=read)
    exact = None if mode is Mode.SEMANTIC else _steps(signals)
    fused = fusion.fuse(words, meaning, weight=weight, exact=exact)
    if mode is not Mode.SEMANTIC:
        fused = fused + fusion.ADJACENT * signals.adjacent + fusion.AS_TYPED * signals.typed
    if prefer:
        fused = fused + PREFERRED_LANGUAGE * _in_language(generation, prefer)
    if len(generation.manifest.languages) > 1 and mode is not Mode.KEYWORD:
        own = _spoken_languages(generation, _preferred(signals.spoken_in, prefer))
        fused = fused + SAME_LANGUAGE * own * np.maximum(words, meaning) ** 2
    hits = np.flatnonzero(_matches(generation, signals, mode=mode))
    order = _worth_showing(hits, fused, generation.documents.changed)
    evidence = _evidence(generation, signals, order, meaning=meaning)
    return Ranking(order, fused, signals, weight, evidence)


def _worth_showing(
    hits: npt.NDArray[np.int64], fused: Floats, changed: npt.NDArray[np.int32]
) -> npt.NDArray[np.int64]:
    """Return the hits in order without their long tail: one common word is no answer. Of equal
    scores the article changed last comes first.
    """
    scores = fused[hits]
    if len(hits) > ALWAYS_SHOWN:
        best = highest(scores, ALWAYS_SHOWN)
        tenth = best.min() if len(best) == ALWAYS_SHOWN else 0.0
        worth = scores >= min(tenth, TAIL * scores.max())
        hits, scores = hits[worth], scores[worth]
    return hits[np.lexsort((-changed[hits], -np.round(scores, TIE)))]


def _steps(signals: Signals) -> Floats:
    """Return the number of the query's codes in each article; a title equal to the query counts as
    all.
    """
    most = np.float32(max(1.0, float(signals.steps.max(initial=0.0))))
    steps: Floats = np.maximum(signals.steps, signals.title * most)
    return steps


def _keyword_share(generation: Generation, signals: Signals) -> Floats:
    whole = fusion.keyword_share(signals.keyword)
    best = np.zeros_like(whole)
    held = np.flatnonzero(signals.passage_keyword > 0)
    if len(held):  # the passages of an article are adjacent
        owners = generation.passage_documents[held]
        heads = np.flatnonzero(np.diff(owners, prepend=-1))
        best[owners[heads]] = np.maximum.reduceat(signals.passage_keyword[held], heads)
    return fusion.keyword_share(whole + PASSAGE_SHARE * fusion.keyword_share(best))


def _is_nearest_abroad(generation: Generation, signals: Signals) -> bool:
    """Return whether the nearest article is in another language than the query."""
    return bool(len(signals.cosines)) and _is_abroad(
        generation, signals, int(signals.cosines.argmax())
    )


def _weight(signals: Signals, *, mode: Mode, foreign: bool, read: bool) -> float:
    if mode is not Mode.HYBRID:
        return 1.0 if mode is Mode.SEMANTIC else 0.0
    cosines = signals.cosines
    spread = float(cosines.max(initial=0.0)) - signals.median
    coverage = float(signals.coverage.max(initial=0.0))
    if foreign:  # then only names can be the same in query and article
        coverage *= OF_NAMES
    known = fusion.FusionSignals(
        coverage=coverage,
        spread=spread,
        median=signals.median,
        coded=bool(signals.steps.max(initial=0.0) >= 1),
        unread=signals.unread,
        read=read,
        words=_content(signals.requests),
    )
    return fusion.meaning_weight(known)


def _in_language(generation: Generation, language: str) -> Floats:
    return generation.documents.language.among({language}).astype(np.float32)


def _preferred(languages: frozenset[str], prefer: str) -> frozenset[str]:
    """Return the languages whose articles come first: the person's own, where the query may be in
    it.
    """
    own = base_language(prefer) if prefer else ""
    return frozenset({own}) if own and (not languages or own in languages) else languages


def _spoken_languages(generation: Generation, languages: frozenset[str]) -> Floats:
    """Return 1 for the articles in one of these languages, without regions, else 0."""
    names = generation.documents.language.names
    wanted = [name for name in names if base_language(name) in languages]
    return generation.documents.language.among(wanted).astype(np.float32)


def _is_unknown(signals: Signals) -> bool:
    """Return whether the query is one word that nothing knows, which a model can only guess at. A
    word with accents is rather of another language than the name of a product.
    """
    if signals.spoken_in:
        return False
    asked = [[one.surface for one in r.sought if one.asked] for r in signals.requests]
    most = max(asked, key=len, default=[])
    return len(most) < SENTENCE and all(map(str.isascii, most))


def _matches(generation: Generation, signals: Signals, *, mode: Mode) -> Mask:
    # What is far from a name that no article has, and has no other word of the query, is no hit.
    named = signals.unnamed and not signals.coverage.any()
    unknown = _is_unknown(signals) or named
    near = signals.cosines >= (UNKNOWN if unknown else SIMILAR)
    if generation.other_meaning is not None and not unknown:
        second = ~generation.in_english if signals.english else np.ones(len(near), bool)
        near |= (signals.cosines >= SIMILAR_ELSEWHERE) & second
    if mode is Mode.SEMANTIC:  # without words the nearest are all there is
        near |= signals.cosines >= RATHER_NEAR * signals.cosines.max(initial=1e-6)
        return near
    return (signals.keyword > 0) | (signals.exact > 0) | near


def _unnamed(
    generation: Generation,
    text: str,
    requests: Sequence[Request],
    coded: Mapping[str, Mask],
    *,
    allowed: Mask,
) -> bool:
    """Return whether the query has a code, or the name of a product, that no article has."""
    codes = {one.surface for request in requests for one in request.identifiers if one.telling}
    if codes:  # a pasted trace has names that nobody explains beside the one that matters
        return not any((coded[code] & allowed).any() for code in codes)
    names = generation.lexicon.absent_names(text, allowed)
    return bool(names) and not _known_otherwise(generation, requests, names)


def _known_otherwise(
    generation: Generation, requests: Sequence[Request], names: Collection[str]
) -> bool:
    """Return whether articles have a synonym of each name."""
    found = {
        one.surface
        for request in requests
        for one in request.sought
        if one.surface in names
        and any(
            len(generation.articles.find(request.language, term)[0])
            for term in one.alternatives.keys() - set(terms(one.surface, request.language))
        )
    }
    return len(found) == len(names)


def _language(generation: Generation, article: int) -> str:
    column = generation.documents.language
    return str(column.names[column.numbers[article]])


def _is_abroad(generation: Generation, signals: Signals, article: int) -> bool:
    """Return whether the second model compared an article in another language than the query's. A
    single word that nothing knows is in no language.
    """
    if not signals.second or _is_unknown(signals):
        return False
    return base_language(_language(generation, article)) not in signals.spoken_in


def _spoken(generation: Generation, signals: Signals, best: int, nearest: float) -> float:
    """Return the share of the query's information in the best passage of an article. Of one in
    another language than the query it is what goes with such a cosine.
    """
    if _is_abroad(generation, signals, best):
        return min(1.0, max(0.0, nearest))
    language = _language(generation, best)
    starts = generation.passage_starts
    span = range(int(starts[best]), int(starts[best + 1]))
    return keyword_scores.spoken(
        generation.passage_terms, signals.parts, language=language, article=best, span=span
    )


def _evidence(
    generation: Generation,
    signals: Signals,
    order: npt.NDArray[np.int64],
    *,
    meaning: Floats,
) -> Evidence:
    cosines, near = signals.cosines, signals.passage_cosines
    best = int(order[0]) if len(order) else -1
    nearest = float(cosines.max(initial=0.0))
    spoken = _spoken(generation, signals, best, nearest) if best >= 0 else 0.0
    abroad = best >= 0 and _is_abroad(generation, signals, best)
    return Evidence(
        nearest=nearest,
        margin=nearest - _highest(cosines, 10),
        support=_highest(near, 3),
        coverage=spoken if abroad else float(signals.coverage[best]) if best >= 0 else 0.0,
        spoken=spoken,
        absent=1.0 - spoken if abroad else signals.absent,
        unnamed=signals.unnamed,
        agreed=best >= 0 and bool(meaning[best] >= 1.0) and best == int(np.argmax(signals.keyword)),
        exact=bool(signals.exact.max(initial=0.0) >= 1.0),
        title=bool(signals.title.any()),
    )


def _highest(values: Floats, place: int) -> float:
    """Return the `place`-th highest value, the lowest if there are fewer, 0 if there are none."""
    found = highest(values, place)
    return float(found.min()) if len(found) else 0.0
