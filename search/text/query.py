"""Turns what a person typed into the terms to look up.

Whatever is typed, at most 24 terms are looked up (`search.text.pasted` bounds the text itself), and
no character is syntax here except the double quotes around a phrase.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from search.text.analysis import (
    CODE,
    LONGEST_TERM,
    base_language,
    canonical,
    capital_name,
    codes,
    fold,
    grouped_numbers,
    has_humps,
    is_code,
    is_hex,
    is_pair,
    pair_code,
    pair_verb,
    parts,
    pieces,
    short_hex,
    spellings,
    stem,
    stop_words,
    terms,
)
from search.text.lexicon import COMPOUNDING, Lexicon
from search.text.numbered import Numbered, error_term, numbered
from search.text.tokens import Token, normal, query_tokens, tokens

MAX_CHARACTERS = 300
MAX_TERMS = 24
# Of a question with more words than MAX_TERMS the most telling ones are looked up; some room is
# left for codes and joined words.
MAX_TOKENS, MOST_CONTENT = 64, 20
JOINED_WEIGHT = 0.15
# A piece of at most this many letters is not a word of its own: "wi fi", "e mail".
FRAGMENT = 2
# With fewer hexadecimal digits and no 0x it may be any number.
SHORT_HEX = 6
# Up to this many digits a bare number is rather a model, an office or a year than an error.
SHORT_NUMBER = 4
# A name typed with spaces ("java home") is at most this many words.
NAME_WORDS = 5
MOST_PHRASES = 2
# Words such as "how" and "my" say little in a question, but some questions have no others.
STOP_WEIGHT = 0.2
PART_WEIGHT = 0.5
SYNONYM_WEIGHT = 0.5
UNFINISHED_WEIGHT = 0.8
# A name in capitals is what the query is about: "contact IT".
NAME_WEIGHT = 2.0
KIND_WEIGHT = 0.7
_QUOTED = re.compile(r'["“”«»„]([^"“”«»„]{2,})["“”«»„]')
_YEAR = re.compile(r"(?:19|20)\d\d")
# Amounts, ordinals, times and small decimals (2nd, 64-bit, 1.5gb, 10:30) name nothing.
_AMOUNT = re.compile(r"\d{1,3}-?[^\W\d]+|\d\.\d[^\W\d]*|\d{1,2}:\d\d[^\W\d]*")
_SUFFIXED = ("++", "#")
# A version; a model, of letters and at most four digits; a code that names an error or an update.
_VERSION = re.compile(r"[vV]?\d{1,4}(?:\.\d{1,5}){1,3}")
_MODEL = re.compile(r"[^\W\d]{1,12}-?\d{1,4}[^\W\d]{0,3}")
_NAMED_CODE = re.compile(r"(?:kb|cve|ora|err|error|e|ms|aadsts|event)-?_?\d", re.IGNORECASE)
_ERROR = re.compile(r"[^\W\d]{1,12}[-_]?\d{4,}[^\W\d]?|[^\W\d]{2,12}(?:[-_]\d{2,}){1,2}|\d{5,}")
# Words before the number of an error, an event or an update.
_KIND_TEXT = """
code codes codigo error errors errore erreur fehler fehlercode http kb event evento status stop
exception bug fault falla fallo incident ticket update
"""
_KINDS = frozenset(_KIND_TEXT.split())
# isValid, FileNotFoundException; not iPhone, macOS, OneDrive, which are words like others.
_FUNCTION = re.compile(r"(?:[a-z]{2,}(?:[A-Z][a-z]+)+|(?:[A-Z][a-z]+){3,})(?:\(\))?")

Synonyms = Mapping[str, Sequence[Sequence[str]]]
# For each place in a phrase the terms that must be there, the most specific last.
PhraseRows = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Sought:
    """One thing looked for: the terms that match it, each with a weight in (0, 2].

    `asked` is false for what was added to the query: an article without it lacks nothing. `telling`
    are the terms that show that an article has it, () when each does; when there are `pairs` of
    characters, each counts for itself.
    """

    surface: str
    alternatives: Mapping[str, float]
    asked: bool = True
    telling: tuple[str, ...] = ()
    pairs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Identifier:
    """A code in the query: its `exact` canonical terms, and `loose` ones for when no article has
    those. A `weak` one (a version, a model) may be incidental to the question; a `telling` one (the
    code of an error or an update) never is.
    """

    surface: str
    exact: tuple[str, ...]
    loose: tuple[str, ...] = ()
    weak: bool = False
    telling: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """A query as understood in one language; `numbered` are its small numbers after their kind."""

    language: str
    sought: tuple[Sought, ...]
    identifiers: tuple[Identifier, ...] = ()
    phrases: tuple[PhraseRows, ...] = field(default=())
    numbered: tuple[Numbered, ...] = ()


def folded(synonyms: Synonyms) -> Synonyms:
    """Return the synonyms with every name folded, as `understand` expects them."""
    return {
        language: tuple(
            tuple(" ".join(fold(token.surface) for token in tokens(name)) for name in group)
            for group in groups
        )
        for language, groups in synonyms.items()
    }


def understand(
    text: str,
    language: str,
    *,
    synonyms: Synonyms | None = None,
    lexicon: Lexicon | None = None,
    unfinished: bool = False,
) -> Request:
    """Return what `text` asks for, read as `language`. `text` must be bounded and the synonyms
    folded. With a `lexicon` parts of compounds are found, and when `unfinished` words that begin
    like the last one.
    """
    found = query_tokens(text)[:MAX_TOKENS]
    stops = stop_words(language)
    names = _capitals(text, found, language)
    content = [t for t in found if fold(t.surface) not in stops]
    if len(content) > MOST_CONTENT and lexicon is not None:
        content = _telling(content, lexicon)
    groups = _groups(found, (synonyms or {}).get(language, ()))
    verbs = _verbs(found, language)
    sought = [
        _with_synonyms(_sought(t.surface, language, verb=verbs.get(t, "")), groups, language)
        for t in content
    ]
    if lexicon is not None:
        sought = [_with_compounds(one, lexicon, language) for one in sought]
        if unfinished and content and content[-1] is found[-1]:
            sought[-1] = _with_beginning(sought[-1], lexicon, language)
    sought += names
    alone = not (content or names)
    sought += _lesser([t for t in found if t not in content], language, alone=alone)
    numbers = _whole_numbers(text, found)
    sought += _numbers(numbers, found)
    small = numbered(found)
    sought += _errors(small)
    sought += _joined(found, language, stops=stops)
    sought += _spaced(content)
    sought += _others(groups, found, language=language)
    kept = tuple(one for one in sought if one.alternatives)[:MAX_TERMS]
    named = _with_numbers(identifiers(found, language), numbers.values())
    called = tuple(Identifier(one.surface, tuple(one.alternatives), weak=True) for one in names)
    every = (*_with_errors(named, small), *called)
    return Request(language, kept, every, phrases(text, language), small)


def _errors(small: Sequence[Numbered]) -> list[Sought]:
    """Return the rows of tables that say what an error of a small number is."""
    return [
        Sought(one.number, {error_term(one.number): 1.0}, asked=False)
        for one in small
        if one.is_error
    ]


def _with_errors(named: Sequence[Identifier], small: Sequence[Numbered]) -> tuple[Identifier, ...]:
    """Return the identifiers, and the numbers of errors as such, whose row counts as exact."""
    terms_of = {
        one.number: (CODE + one.kind + one.number, error_term(one.number))
        for one in small
        if one.is_error
    }
    rows = [
        replace(one, exact=tuple(dict.fromkeys((*one.exact, *terms_of.pop(one.surface, ())))))
        for one in named
    ]
    more = (Identifier(number, exact) for number, exact in terms_of.items())
    return (*rows, *more)


def _telling(content: Sequence[Token], lexicon: Lexicon) -> list[Token]:
    """Return the words of a long question that tell most, in the order of the question."""
    worth = {token: lexicon.worth(token.surface) for token in content}
    best = sorted(content, key=lambda token: (not is_code(token.surface), -worth[token]))
    kept = set(best[:MOST_CONTENT])
    return [token for token in content if token in kept]


def _with_numbers(named: Sequence[Identifier], numbers: Collection[str]) -> tuple[Identifier, ...]:
    """Return the identifiers with numbers in groups whole instead of in pieces."""
    pieces = [one for one in named if not _within(one.surface, numbers)]
    return (*pieces, *(Identifier(code[1:], (code,)) for code in numbers))


def _within(surface: str, numbers: Collection[str]) -> bool:
    digits = "".join(filter(str.isdigit, surface)).lstrip("0")
    return not any(map(str.isalpha, surface)) and any(digits in code for code in numbers)


def content_words(request: Request) -> int:
    """Return how many of the things asked for are not stop words."""
    asked = (s for s in request.sought if s.asked)
    return sum(max(one.alternatives.values()) > STOP_WEIGHT for one in asked)


def _verbs(found: Sequence[Token], language: str) -> dict[Token, str]:
    """Return the verbs that are followed by their particle, with both as one term."""
    pairs = (
        (left, pair_verb(left.surface, right.surface, language)) for left, right in pairwise(found)
    )
    return {left: verb for left, verb in pairs if verb}


def _sought(surface: str, language: str, *, verb: str) -> Sought:
    found = terms(surface, language)
    if is_code(surface):
        named = list(codes(surface))
        kept = named if is_hex(surface) else [t for t in found if len(t) > 1 or len(found) == 1]
        weights = dict.fromkeys(kept or found, PART_WEIGHT)
        whole = named[-1] if named else found[-1]
        weights[whole] = 1.0
        more = (short_hex(whole[1:]),) if is_hex(surface) else _nearby(normal(surface))
        telling = dict.fromkeys([whole, *(term for term in more if term in weights)])
        return Sought(surface, weights, telling=tuple(telling))
    if pairs := tuple(term for term in found if is_pair(term)):
        weights = dict.fromkeys(found, 1.0 / max(1.0, len(found) ** 0.5))
        return Sought(surface, weights, pairs=pairs)
    if len(found) == 1:
        own = spellings(surface, language)
        return Sought(surface, dict.fromkeys((*own, verb) if verb else own, 1.0))
    weights = dict.fromkeys(found, 1.0 / max(1.0, len(found) ** 0.5))
    if has_humps(surface) or _hangs_together(surface, language):
        weights[found[-1]] = 1.0
    return Sought(surface, weights)


def _hangs_together(surface: str, language: str) -> bool:
    """Return whether a part of a compound means nothing alone: "log-on", "e-mail", "wi-fi"."""
    words = parts(normal(surface), language)
    return surface[:1].isalpha() and any(
        len(word) <= FRAGMENT or fold(word) in stop_words(language) for word in words
    )


def _capitals(text: str, found: Sequence[Token], language: str) -> list[Sought]:
    """Return the stop words that capitals among lower case make names: IT, US, "To Do"."""
    if text.isupper():
        return []
    lefts = ["", *(token.surface for token in found)]
    named = [
        (left, token.surface, capital_name(left, token.surface, language))
        for left, token in zip(lefts, found, strict=False)
    ]
    return [
        Sought(f"{left} {right}" if " " in term else right, {term: NAME_WEIGHT})
        for left, right, term in named
        if term
    ]


def _numbers(numbers: Mapping[int, str], found: Sequence[Token]) -> list[Sought]:
    """Return the numbers that are written in groups, in one piece."""
    return [Sought(found[at].surface, {code: 1.0}, asked=False) for at, code in numbers.items()]


def _whole_numbers(text: str, found: Sequence[Token]) -> dict[int, str]:
    """Return the code of each number in groups by the position of its last group."""
    rows = grouped_numbers(text, found)
    return {at: code for at, code in rows.items() if not rows.get(at + 1, "").startswith(code)}


def _lesser(stops: Sequence[Token], language: str, *, alone: bool) -> list[Sought]:
    """Return the stop words, with little weight unless the query has nothing else."""
    weight = 1.0 if alone else STOP_WEIGHT
    rows = (terms(token.surface, language) for token in stops)
    return [
        Sought(t.surface, dict.fromkeys(row, weight)) for t, row in zip(stops, rows, strict=True)
    ]


def _joined(found: Sequence[Token], language: str, *, stops: Collection[str]) -> list[Sought]:
    """Return neighbouring words written as one: "ORA 12541", "wi fi", "log in"."""
    rows = []
    for left, right in pairwise(found):
        surface = f"{left.surface} {right.surface}"
        if pair := pair_code(left.surface, right.surface):
            rows.append(Sought(surface, {pair: 1.0}, asked=False))
        elif fold(left.surface) not in stops and (left.surface + right.surface).isalpha():
            joined = stem(normal(left.surface + right.surface), language)
            weight = 1.0 if len(left.surface) <= FRAGMENT else JOINED_WEIGHT
            rows.append(Sought(surface, {joined: weight}, asked=False))
    return rows


def _spaced(content: Sequence[Token]) -> list[Sought]:
    """Return the name that the whole query makes when written as one word ("java home")."""
    words = [normal(token.surface) for token in content]
    if not 2 <= len(words) <= NAME_WORDS or not all(word.isalpha() for word in words):
        return []
    code = CODE + canonical("".join(words))[:LONGEST_TERM]
    return [Sought(" ".join(words), {code: 1.0}, asked=False)]


def _groups(found: Sequence[Token], synonyms: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """Return the synonym groups (folded names) of which the query contains a name."""
    line = _line(found)
    return [group for group in synonyms if any(name and f" {name} " in line for name in group)]


def _line(found: Sequence[Token]) -> str:
    return f" {' '.join(fold(token.surface) for token in found)} "


def _with_synonyms(one: Sought, groups: Sequence[Sequence[str]], language: str) -> Sought:
    """Return a word with the terms of its synonyms, at lower weight: any of them matches."""
    more: dict[str, float] = {}
    for group in groups:
        if fold(one.surface) in group:
            for name in group:
                more |= _name_terms(name, language)
    return Sought(one.surface, {**more, **one.alternatives}) if more else one


def _with_compounds(one: Sought, lexicon: Lexicon, language: str) -> Sought:
    """Return a word with the compounds that contain it, and a compound with its parts, at lower
    weight. The last part says what a thing is: a network printer is a printer.
    """
    if base_language(language) not in COMPOUNDING:
        return one
    word = fold(one.surface)
    parts = () if lexicon.has(word, language) else lexicon.parts(word, language)
    kinds = _with(one, lexicon.kinds(word, language), KIND_WEIGHT, language)
    return _with(kinds, [*lexicon.compounds(word, language), *parts], PART_WEIGHT, language)


def _with_beginning(one: Sought, lexicon: Lexicon, language: str) -> Sought:
    """Return a half-typed word with the words that begin like it."""
    return _with(one, lexicon.beginning(fold(one.surface), language), UNFINISHED_WEIGHT, language)


def _with(one: Sought, words: Sequence[str], weight: float, language: str) -> Sought:
    more = dict.fromkeys((stem(word, language) for word in words), weight)
    return replace(one, alternatives={**more, **one.alternatives}) if more else one


def _name_terms(name: str, language: str) -> dict[str, float]:
    stops = stop_words(language)
    words = [token.surface for token in query_tokens(name)]
    telling = [word for word in words if fold(word) not in stops] or words
    found = [term for word in telling for term in terms(word, language)]
    return dict.fromkeys(found, SYNONYM_WEIGHT / max(1, len(found)) ** 0.5)


def _others(
    groups: Sequence[Sequence[str]], found: Sequence[Token], *, language: str
) -> list[Sought]:
    """Return the synonyms of a name of several words that the query contains."""
    line = _line(found)
    return [
        Sought(name, _name_terms(name, language), asked=False)
        for group in groups
        if any(" " in name and f" {name} " in line for name in group)
        for name in group
        if f" {name} " not in line
    ]


def identifiers(found: Sequence[Token], language: str) -> tuple[Identifier, ...]:
    """Return the codes that an article must contain to rank first: numbers of four digits or more,
    or of three after a word for their kind (HTTP 502), mixed letters and digits, dotted and
    underscored names, flags, C++ and isValid(). Not bare years, short numbers such as "3" or "10",
    nor amounts.
    """
    rows = []
    for left, token in zip([None, *found], found, strict=False):
        kind = left.surface if left and fold(left.surface) not in stop_words(language) else ""
        pair = pair_code(kind, token.surface) if kind else ""
        if one := _identifier(normal(token.surface), pair=pair, language=language):
            sure = bool(pair) and fold(kind) in _KINDS
            weak = not sure and _is_weak(one.surface)
            telling = sure or (not weak and _is_telling(one.surface))
            rows.append(replace(one, weak=weak, telling=telling))
    return tuple(rows)


def _is_weak(text: str) -> bool:
    """Return whether a code is a version, a model or a name such as C# rather than an error, an
    update or an address: 2.14.3, v11, T480, iPhone12, .NET.
    """
    if is_hex(text) or _NAMED_CODE.match(text):
        return False
    if text.isdigit():
        return len(text) <= SHORT_NUMBER
    if text.endswith(_SUFFIXED) or text[:1] == ".":
        return True
    return _VERSION.fullmatch(text) is not None or _MODEL.fullmatch(text) is not None


def _is_telling(text: str) -> bool:
    """Return whether a code names one error, update or fault: ORA-12541, KB5034441, 0x80070643."""
    return is_hex(text) or _NAMED_CODE.match(text) is not None or bool(_ERROR.fullmatch(text))


def _identifier(text: str, *, pair: str, language: str) -> Identifier | None:
    if text.endswith(_SUFFIXED):
        return Identifier(text, (fold(text),))
    if _FUNCTION.fullmatch(text):
        return Identifier(text, (stem("".join(parts(text, language)), language),))
    if text.isdigit():
        return _number(text, pair)
    whole = canonical(text)
    if not is_code(text) or len(whole) < 3 or _AMOUNT.fullmatch(fold(text)):
        return Identifier(text, (pair,)) if pair else None
    if is_hex(text) and len(whole) < SHORT_HEX:
        return Identifier(text, (short_hex(whole),))
    return Identifier(text, (CODE + whole[:LONGEST_TERM],), _nearby(text))


def _number(text: str, pair: str) -> Identifier | None:
    if len(text) < 3 or _YEAR.fullmatch(text):
        return None
    if len(text) == 3:
        return Identifier(text, (pair,)) if pair else None
    return Identifier(text, (pair or CODE + text,), (CODE + text,))


def _nearby(text: str) -> tuple[str, ...]:
    """Return the codes to use when no article has the whole one: the person of an address, the file
    of a path, a number without its letters, a version that begins like this one.
    """
    found = pieces(text)
    if "\\" in text:
        found = text.split("\\")[-1:]
    elif "@" in text and ":" not in text:
        found = found[:1]
    near = [CODE + canonical(piece) for piece in found if is_code(piece)]
    if not found:
        near = [code for code in codes(text) if code[-1] != "."]
    kept = (code for code in near if len(code) > 4 and not _YEAR.fullmatch(code[1:]))
    return (*dict.fromkeys(kept), f"{CODE}{canonical(text)}.")


def phrases(text: str, language: str) -> tuple[PhraseRows, ...]:
    """Return the quoted phrases of a query.

    A single stop word in quotes (the field "from") is not a phrase: half the corpus contains it.
    """
    stops = stop_words(language)
    found = [
        quoted
        for quoted in _QUOTED.findall(text)[:MOST_PHRASES]
        if fold(quoted.strip()) not in stops
    ]
    return tuple(row for quoted in found if (row := phrase_rows(quoted, language)))


def phrase_rows(text: str, language: str) -> PhraseRows:
    """Return the terms at each place of a phrase: the whole of a token, or every pair of
    characters of a run without spaces."""
    found = [terms(token.surface, language) for token in query_tokens(text)[:MAX_TOKENS]]
    return tuple(tuple(t for t in row[:-1] if is_pair(t)) + row[-1:] for row in found if row)


def surface_parts(surface: str, language: str) -> list[str]:
    """Return the folded words inside a token, for spelling."""
    return [fold(part) for part in parts(normal(surface), language)]
