"""Text to terms: what makes two spellings the same thing to look for.

Promises that an article and a query go through the same rules: NFKC, case and accents folded,
stems by language, names cut into their parts and also kept whole, codes kept in one canonical
spelling under a `#`, scripts without spaces cut into pairs of characters. Knows no index.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache

from whoosh.lang import has_stemmer, stemmer_for_language
from whoosh.lang.stopwords import stoplists

from search.tokens import Token, normal, tokens

CODE = "#"
LONGEST_TERM = 64
# Scripts written without spaces, as the inside of a character class.
SPACELESS_LETTERS = (
    "\u0e00-\u0e7f\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003134f"
)
_SPACELESS = re.compile(f"[{SPACELESS_LETTERS}]+")
_SEPARATOR = re.compile(r"[^\w\u0900-\u0dff]+|_+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")
_LETTERS_DIGITS = re.compile(r"(?<=[^\W\d])(?=\d)|(?<=\d)(?=[^\W\d])")
_HEX = re.compile(r"0x(?=[0-9a-f]{3,}$)")
_VERSION = re.compile(r"v?(\d+(?:\.\d+)+)")
_ELISION = {"fr", "it", "ca"}
_POSSESSIVE = re.compile(r"['’]s?$")
_EN_TEXT = """
a about am an and any are as at be been being but by can could did do does doing for from had
has have having he her here him his how i if im in into is it its me my myself no of on or our
please she should so some than that the their them then there these they this those to too us
was we were what when where which while who whom whose why will with would you your ive id cant
dont doesnt didnt isnt wont
"""
_EN_MORE = frozenset(_EN_TEXT.split())
# "not" and "no" change what a fault is; words such as "off", "out", "up" are half of a verb.
_KEPT = frozenset({"not", "off", "out", "up", "down", "new", "all", "again", "using", "can't"})


@lru_cache(maxsize=32)
def stop_words(language: str) -> frozenset[str]:
    """Return the folded words of `language` too common to look for; empty when unknown."""
    listed = stoplists.get(language, frozenset())
    words = frozenset(fold(word) for word in listed)
    return (words | _EN_MORE) - _KEPT if language == "en" else words


@lru_cache(maxsize=32)
def _stemmer(language: str) -> Callable[[str], str]:
    if not has_stemmer(language):
        return str
    stem: Callable[[str], str] = stemmer_for_language(language)
    return stem


def fold(text: str) -> str:
    """Return `text` case-folded and without the accents of alphabetic scripts.

    A mark stays where it makes another letter of the script: Cyrillic й, Indic vowel signs.
    """
    kept: list[str] = []
    for char in unicodedata.normalize("NFD", text.casefold().replace("ё", "е")):
        if unicodedata.combining(char) and not _keeps_mark(char, kept):
            continue
        kept.append(char)
    return unicodedata.normalize("NFC", "".join(kept)).translate(_ARABIC)


def _keeps_mark(char: str, before: list[str]) -> bool:
    return "\u0900" <= char <= "\u0eff" or (bool(before) and "\u0400" <= before[-1] <= "\u04ff")


_ARABIC = str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ى": "ي", "ة": "ه", "ـ": ""})


@lru_cache(maxsize=200_000)
def stem(word: str, language: str) -> str:
    """Return the folded stem of one word: what its inflections share."""
    try:
        stemmed = _stemmer(language)(word.casefold())
    except (IndexError, KeyError, ValueError):  # some stemmers fail on letters not their own
        stemmed = word
    return fold(stemmed)[:LONGEST_TERM] or fold(word)[:LONGEST_TERM]


def canonical(surface: str) -> str:
    """Return the one spelling of a code: lower case, no separators but a version's dots, no 0x."""
    text = _HEX.sub("", fold(surface))
    version = _VERSION.fullmatch(text)
    return version.group(1) if version else re.sub(r"[^\w]|_", "", text)


def is_code(surface: str) -> bool:
    """Say whether a token is a name or number to be found exactly rather than a word."""
    digits = sum(char.isdigit() for char in surface)
    if digits:
        return digits >= 3 or digits < len(surface)
    return "_" in surface or "\\" in surface or ("." in surface and len(surface) > 4)


def parts(surface: str, language: str) -> list[str]:
    """Return the words inside a token: by separators, then by case."""
    text = surface.replace("’", "'")
    if language in _ELISION:
        text = text.replace("'", " ")
    text = _POSSESSIVE.sub("", text).replace("'", "")
    pieces = [piece for piece in _SEPARATOR.split(text) if piece]
    return [part for piece in pieces for part in _CAMEL.split(piece) if part]


@lru_cache(maxsize=400_000)
def terms(surface: str, language: str) -> tuple[str, ...]:
    """Return the terms one token stands for, words first, without repeats.

    "ORA-12541" gives ("ora", "12541", "#12541", "#ora12541"); "Wi-Fi" gives ("wi", "fi", "wifi").
    """
    text = normal(surface)
    words = parts(text, language)
    found = [term for word in words for term in _word_terms(word, language)]
    if len(words) > 1 and not any(char.isdigit() for char in text):
        found.append(stem("".join(words), language))
    if text[-1:] in {"+", "#"} or not found:
        found.append(fold(text)[:LONGEST_TERM])  # C++ and C# are not C; a picture has no letters
    return tuple(dict.fromkeys(term for term in [*found, *codes(text)] if term))


def codes(surface: str) -> Iterator[str]:
    """Yield the canonical codes in a token, the most telling last."""
    if not is_code(surface):
        return
    whole = canonical(surface)
    for number in re.findall(r"\d{4,}", whole):
        if number != whole:
            yield CODE + number
    if len(whole) >= 2:
        yield CODE + whole[:LONGEST_TERM]


def _word_terms(word: str, language: str) -> list[str]:
    found: list[str] = []
    for piece in _scripts(word):
        if _SPACELESS.fullmatch(piece):
            found.extend(_grams(piece))
            continue
        split = _LETTERS_DIGITS.split(piece)
        found.extend(stem(part, language) for part in split)
        if len(split) > 1:
            found.append(fold(piece)[:LONGEST_TERM])
    return found


def _scripts(word: str) -> list[str]:
    """Return `word` cut where a script without spaces begins or ends."""
    cut, last = [], 0
    for match in _SPACELESS.finditer(word):
        cut += [word[last : match.start()], match.group()]
        last = match.end()
    return [piece for piece in [*cut, word[last:]] if piece]


def _grams(run: str) -> list[str]:
    folded = fold(run)
    return [*folded, *(folded[i : i + 2] for i in range(len(folded) - 1))]


def pair_code(left: str, right: str) -> str:
    """Return the code that two neighbouring tokens spell ("ORA 12541"), "" when they spell none."""
    number = normal(right)
    if not (number.replace(".", "").isdigit() and left.isalpha() and len(left) <= 12):
        return ""
    return CODE + fold(normal(left)) + canonical(number)


def document_terms(text: str, language: str) -> list[tuple[str, ...]]:
    """Return the terms at each position of a text: one tuple a token."""
    rows: list[tuple[str, ...]] = []
    previous: Token | None = None
    for token in tokens(text):
        found = terms(token.surface, language)
        pair = pair_code(previous.surface, token.surface) if previous else ""
        rows.append((*found, pair) if pair else found)
        previous = token
    return rows
