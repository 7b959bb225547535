"""A person's words to the terms that are looked up.

Promises bounds (200 characters, 24 terms) whatever is typed, and that no character of the query
is read as syntax but the double quote around a phrase. Knows no index.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from search.analysis import (
    CODE,
    canonical,
    codes,
    fold,
    is_code,
    pair_code,
    parts,
    stem,
    stop_words,
    terms,
)
from search.tokens import Token, normal, tokens

MAX_CHARACTERS = 200
MAX_TERMS = 24
JOINED_WEIGHT = 0.15
# Words such as "how" and "my" say a little in a question, and are all there is in some.
STOP_WEIGHT = 0.2
PART_WEIGHT = 0.5
SYNONYM_WEIGHT = 0.5
_QUOTED = re.compile(r'["“”«»„]([^"“”«»„]{2,})["“”«»„]')
_YEAR = re.compile(r"(?:19|20)\d\d")

Synonyms = Mapping[str, Sequence[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Sought:
    """One thing looked for: terms that stand for it, each with a weight in (0, 1].

    `asked` is false for what we added ourselves: an article without it lacks nothing.
    """

    surface: str
    alternatives: Mapping[str, float]
    asked: bool = True


@dataclass(frozen=True, slots=True)
class Identifier:
    """A code that the query names: `exact` canonical terms; `loose` when no article holds those."""

    surface: str
    exact: tuple[str, ...]
    loose: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """A query understood in one language."""

    language: str
    sought: tuple[Sought, ...]
    identifiers: tuple[Identifier, ...] = ()
    phrases: tuple[tuple[str, ...], ...] = field(default=())


def bounded(text: str) -> str:
    """Return the words that are searched: one line, normal spelling, at most 200 characters."""
    return " ".join(normal(text[: 4 * MAX_CHARACTERS]).split())[:MAX_CHARACTERS].strip()


def query_tokens(text: str) -> list[Token]:
    """Return at most 24 tokens of a bounded query."""
    return list(tokens(text))[:MAX_TERMS]


def understand(text: str, language: str, *, synonyms: Synonyms | None = None) -> Request:
    """Return what `text` asks for, read as `language`. `text` is bounded already."""
    found = query_tokens(text)
    stops = stop_words(language)
    content = [t for t in found if fold(t.surface) not in stops]
    groups = _groups(found, language, synonyms=synonyms or {})
    sought = [_with_synonyms(_sought(t.surface, language), groups, language) for t in content]
    sought += _lesser([t for t in found if t not in content], language, alone=not content)
    sought += _joined(found, language, stops=stops)
    sought += _others(groups, found, language=language)
    kept = tuple(one for one in sought if one.alternatives)[:MAX_TERMS]
    return Request(language, kept, identifiers(found), phrases(text, language))


def content_words(request: Request) -> int:
    """Return how many of the things asked for are no stop words."""
    asked = (s for s in request.sought if s.asked)
    return sum(max(one.alternatives.values()) > STOP_WEIGHT for one in asked)


def _sought(surface: str, language: str) -> Sought:
    found = terms(surface, language)
    if is_code(surface):
        named = list(codes(surface))
        weights = dict.fromkeys(found, PART_WEIGHT)
        weights[named[-1] if named else found[-1]] = 1.0
        return Sought(surface, weights)
    share = 1.0 if len(found) == 1 else 1.0 / max(1.0, len(found) ** 0.5)
    return Sought(surface, dict.fromkeys(found, share))


def _lesser(stops: Sequence[Token], language: str, *, alone: bool) -> list[Sought]:
    """Return stop words, at little weight unless the query has nothing else."""
    weight = 1.0 if alone else STOP_WEIGHT
    rows = (terms(token.surface, language) for token in stops)
    return [
        Sought(t.surface, dict.fromkeys(row, weight)) for t, row in zip(stops, rows, strict=True)
    ]


def _joined(found: Sequence[Token], language: str, *, stops: Collection[str]) -> list[Sought]:
    """Return neighbours written as one: "ORA 12541", "wi fi", "log in"."""
    rows = []
    for left, right in pairwise(found):
        surface = f"{left.surface} {right.surface}"
        if pair := pair_code(left.surface, right.surface):
            rows.append(Sought(surface, {pair: 1.0}, asked=False))
        elif surface.replace(" ", "").isalpha() and fold(left.surface) not in stops:
            joined = stem(normal(left.surface + right.surface), language)
            rows.append(Sought(surface, {joined: JOINED_WEIGHT}, asked=False))
    return rows


def _groups(found: Sequence[Token], language: str, *, synonyms: Synonyms) -> list[tuple[str, ...]]:
    """Return the groups of folded names of which the query holds at least one."""
    line = _line(found)
    folded = [
        tuple(" ".join(fold(token.surface) for token in tokens(name)) for name in group)
        for group in synonyms.get(language, ())
    ]
    return [group for group in folded if any(name and f" {name} " in line for name in group)]


def _line(found: Sequence[Token]) -> str:
    return f" {' '.join(fold(token.surface) for token in found)} "


def _with_synonyms(one: Sought, groups: Sequence[tuple[str, ...]], language: str) -> Sought:
    """Return a word with what its synonyms add, at lower weight: any of them is what was asked."""
    more: dict[str, float] = {}
    for group in groups:
        if fold(one.surface) in group:
            for name in group:
                more |= _name_terms(name, language)
    return Sought(one.surface, {**more, **one.alternatives}) if more else one


def _name_terms(name: str, language: str) -> dict[str, float]:
    found = [term for token in tokens(name) for term in terms(token.surface, language)]
    return dict.fromkeys(found, SYNONYM_WEIGHT / max(1, len(found)) ** 0.5)


def _others(
    groups: Sequence[tuple[str, ...]], found: Sequence[Token], *, language: str
) -> list[Sought]:
    """Return the other names of what the query names in several words."""
    line = _line(found)
    return [
        Sought(name, _name_terms(name, language), asked=False)
        for group in groups
        if any(" " in name and f" {name} " in line for name in group)
        for name in group
        if f" {name} " not in line
    ]


def identifiers(found: Sequence[Token]) -> tuple[Identifier, ...]:
    """Return the codes that an answer must hold to be first: numbers of four digits or more,
    mixed letters and digits, dotted and underscored names; not a bare year, not "3" or "10"."""
    rows = []
    for left, token in zip([None, *found], found, strict=False):
        pair = pair_code(left.surface, token.surface) if left else ""
        if one := _identifier(token.surface, pair):
            rows.append(one)
    return tuple(rows)


def _identifier(surface: str, pair: str) -> Identifier | None:
    text = normal(surface)
    bare = text.isdigit()
    if not is_code(text) or (bare and (len(text) < 4 or _YEAR.fullmatch(text))):
        return None
    named = tuple(codes(text))
    exact = (pair,) if bare and pair else named[-1:]
    return Identifier(surface, exact, named) if len(canonical(text)) >= 3 else None


def phrases(text: str, language: str) -> tuple[tuple[str, ...], ...]:
    """Return the quoted phrases of a query, each as the term of every word in it.

    A single stop word in quotes (the field "from") is no phrase: half the corpus holds it.
    """
    rows = []
    for quoted in _QUOTED.findall(text)[:4]:
        found = [terms(token.surface, language) for token in tokens(quoted)]
        if len(found) > 1 or fold(quoted.strip()) not in stop_words(language):
            rows.append(tuple(_telling(row) for row in found if row))
    return tuple(row for row in rows if row)


def _telling(row: tuple[str, ...]) -> str:
    return row[-1] if row[-1].startswith(CODE) else row[0]


def surface_parts(surface: str, language: str) -> list[str]:
    """Return the folded words inside a token, for spelling."""
    return [fold(part) for part in parts(normal(surface), language)]
