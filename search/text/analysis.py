"""Turns text into terms, the forms under which words are indexed and looked up.

Articles and queries go through the same rules: NFKC, case and accents folded, stems by language,
names split into their parts and also kept whole, codes in one canonical spelling after a `#`,
scripts without spaces cut into pairs of characters. Articles also get the terms of their words
typed without accents, and of verbs such as "log on" written as one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from whoosh.lang import has_stemmer, stemmer_for_language
from whoosh.lang.stopwords import stoplists

from search.text.tokens import Token, composed, normal, tokens

CODE = "#"
# Before a stop word in capitals that is a name: IT, US, "To Do".
NAME = "^"
LONGEST_TERM = 64
LONGEST_CAPITALS = 3
# A number written in groups, such as one to call, has this many digits.
LEAST_DIGITS, MOST_DIGITS = 6, 15
_GROUPS = re.compile(r"\d+(?:[-._]\d+)*")
_BETWEEN = re.compile(r"[ \u00a0\u202f]?[-–/. )(]{0,3}[ \u00a0\u202f]?")
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
_V = re.compile(r"v(?=\d+\.\d)")
_NUMBERS = re.compile(r"\d+(?:\.\d+)+")
_HARDWARE = re.compile(r"[0-9a-f]{4}(?:\.[0-9a-f]{4}){2}")
_HIVES = {
    "hkey_local_machine": "hklm",
    "hkey_current_user": "hkcu",
    "hkey_classes_root": "hkcr",
    "hkey_users": "hku",
    "hkey_current_config": "hkcc",
}
_LEADING = re.compile(r"--?|\.")
# A dot counts between two digits only: 2.14.3 is not 2143, while sam.lee may be samlee.
_SEPARATES = re.compile(r"(?<!\d)\.|\.(?!\d)|[^\w.]|_")
_NO_BREAK = re.compile("(?<=[\u0600-\u06ff])\u200c(?=[\u0600-\u06ff])")
_PARTICLES = frozenset({"in", "on", "off", "out", "up", "down", "back", "over"})
_VERB_TEXT = """
add back call check clean cut drop follow lock log look opt pick plug pop print roll set shut sign
start time turn
"""
# Verbs that are written as one with their particle ("logon", "setup") when they name a thing.
_VERBS = frozenset(_VERB_TEXT.split())
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
# Not stop words: "not" and "no" change what a fault is; "off", "out", "up" are half of a verb.
_KEPT = frozenset({"not", "off", "out", "up", "down", "new", "all", "again", "using", "can't"})


def base_language(language: str) -> str:
    """Return a language without its region or script: "pt" for "pt-BR"."""
    return language.replace("_", "-").partition("-")[0].lower()


@lru_cache(maxsize=32)
def stop_words(language: str) -> frozenset[str]:
    """Return the folded words of `language` too common to look for; empty when unknown."""
    base = base_language(language)
    words = frozenset(fold(word) for word in stoplists.get(base, frozenset()))
    return (words | _EN_MORE) - _KEPT if base == "en" else words


@lru_cache(maxsize=32)
def _stemmer(language: str) -> Callable[[str], str]:
    base = base_language(language)
    if not has_stemmer(base):
        return str
    stem: Callable[[str], str] = stemmer_for_language(base)
    return stem


def fold(text: str) -> str:
    """Return `text` case-folded and without the accents of alphabetic scripts.

    A mark stays where it makes another letter of the script: Cyrillic й, Indic vowel signs.
    """
    lower = text.casefold()
    if lower.isascii():
        return lower
    kept: list[str] = []
    for char in composed("NFD", composed("NFC", lower).translate(_SAME)):
        # There is no mark before U+0300, so most letters need no further check.
        if char >= "\u0300" and unicodedata.combining(char) and not _keeps_mark(char, kept):
            continue
        kept.append(char)
    return composed("NFC", "".join(kept)).translate(_ARABIC)


def is_latin(text: str) -> bool:
    """Return whether most letters of a text are Latin ones."""
    if text.isascii():
        return True
    letters = [char for char in text if char.isalpha()]
    latin = sum(char < "\u0250" or "\u1e00" <= char <= "\u1eff" for char in letters)
    return 2 * latin >= len(letters)


def _keeps_mark(char: str, before: list[str]) -> bool:
    if char == _NUKTA:
        return False
    return "\u0900" <= char <= "\u0eff" or (bool(before) and "\u0400" <= before[-1] <= "\u04ff")


# Letters that stay when accents are removed, and what people without that key type instead.
_SAME = str.maketrans(
    {"ё": "е", "ø": "o", "œ": "oe", "æ": "ae", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "þ": "th"}
    | {"ħ": "h", "ŋ": "n", "ŧ": "t", "ँ": "ं"}
)
_NUKTA = "\u093c"  # often left out: फ़ोन is also written फोन
# One letter each for what Arabic and Persian keyboards and spellers write differently.
_ARABIC = str.maketrans(
    {"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه", "ـ": ""}
)


@lru_cache(maxsize=200_000)
def stem(word: str, language: str) -> str:
    """Return the folded stem of one word: what its inflections share."""
    try:
        stemmed = _stemmer(language)(word.casefold())
    except (IndexError, KeyError, ValueError):  # some stemmers fail on foreign letters
        stemmed = word
    return fold(stemmed)[:LONGEST_TERM] or fold(word)[:LONGEST_TERM]


def canonical(surface: str) -> str:
    """Return the one spelling of a code: lower case, no separators except dots between digits, no
    0x, no v before a version. The sign that opens a flag or ".NET" stays.
    """
    text = _HEX.sub("", fold(surface))
    if _HARDWARE.fullmatch(text):
        return text.replace(".", "")
    hive, _, rest = text.partition("\\")
    text = _HIVES[hive] + rest if hive in _HIVES else _V.sub("", text)
    lead = _LEADING.match(text)
    return (lead.group() if lead else "") + _SEPARATES.sub("", text)


def is_code(surface: str) -> bool:
    """Return whether a token is a name or number to be found exactly, rather than a word."""
    digits = sum(char.isdigit() for char in surface)
    if digits:
        return digits >= 3 or digits < len(surface)
    if surface[:1] in {"-", "."} or not {"_", "\\", "@"}.isdisjoint(surface) or "::" in surface:
        return True
    return "." in surface and len(surface) > 4


def parts(surface: str, language: str) -> list[str]:
    """Return the words inside a token: by separators, then by case."""
    return [part for word in _written(surface, language) for part in _CAMEL.split(word) if part]


def _written(surface: str, language: str) -> list[str]:
    """Return the words inside a token by separators alone."""
    text = surface.replace("’", "'")
    if base_language(language) in _ELISION:
        text = text.replace("'", " ")
    text = _POSSESSIVE.sub("", text).replace("'", "")
    return [word for word in _SEPARATOR.split(text) if word]


@lru_cache(maxsize=400_000)
def terms(surface: str, language: str) -> tuple[str, ...]:
    """Return the terms one token stands for, words first, without repeats.

    "ORA-12541" gives ("ora", "12541", "#12541", "#ora12541"); "Wi-Fi" gives ("wi", "fi", "wifi").
    """
    text = normal(_NO_BREAK.sub("-", surface))
    words = parts(text, language)
    found = [term for word in words for term in _word_terms(word, language)]
    if len(words) > 1 and not any(char.isdigit() for char in text):
        humps = [word for word in _written(text, language) if _CAMEL.search(word)]
        found += [stem(word, language) for word in (*humps, "".join(words))]
    if text[-1:] in {"+", "#"} or not found:
        found.append(fold(text)[:LONGEST_TERM])  # C++ and C# are not C; a picture has no letters
    return tuple(dict.fromkeys(term for term in [*found, *codes(text)] if term))


@lru_cache(maxsize=400_000)
def spellings(surface: str, language: str) -> tuple[str, ...]:
    """Return the terms of a token in an article: its own, and those of its words typed without
    accents, whose stem may differ ("informacion" keeps its end, "información" does not).
    """
    own = terms(surface, language)
    if surface.isascii():
        return own
    words = parts(normal(surface), language)
    plain = (stem(folded, language) for word in words if (folded := fold(word)) != word.casefold())
    return tuple(dict.fromkeys([*own, *(t for t in plain if t and not _SPACELESS.search(t))]))


def codes(surface: str) -> Iterator[str]:
    """Yield the canonical codes in a token, the most specific (the whole) last.

    Parts that are codes themselves come first (the host of an address, the file of a path, the
    number of a ticket), then the beginnings of a version, which end in a dot ("#2.14.").
    """
    if not is_code(surface):
        return
    whole = canonical(surface)
    if is_hex(surface):
        yield short_hex(whole)
    else:
        numbers = re.findall(r"\d{4,}", surface)
        yield from (CODE + number for number in numbers if number != whole)
    for piece in pieces(surface):
        yield from (code for code in codes(piece) if len(code) > 3)
    folders = surface.split("\\")
    yield from (CODE + canonical("\\".join(folders[n:])) for n in range(1, len(folders) - 1))
    if _NUMBERS.fullmatch(whole):
        numbers = whole.split(".")
        yield from (f"{CODE}{'.'.join(numbers[:n])}." for n in range(2, len(numbers)))
    elif "." in whole[1:]:
        yield CODE + whole.replace(".", "")[:LONGEST_TERM]
    if len(whole) >= 2:
        yield CODE + whole[:LONGEST_TERM]


def short_hex(digits: str) -> str:
    """Return the code of a hexadecimal number without its leading zeros: 0x116 is 0x00000116."""
    return f"{CODE}0x{digits.lstrip('0')}"


def has_humps(surface: str) -> bool:
    """Return whether a token is several words in camel case (isValid, OneDrive)."""
    return surface.isalpha() and _CAMEL.search(surface) is not None


def is_hex(surface: str) -> bool:
    """Return whether a token is a hexadecimal number with its prefix."""
    return _HEX.match(fold(surface)) is not None


def pieces(surface: str) -> list[str]:
    """Return the parts of an address, a path or a host name, [] for anything else."""
    for separator in (":", "\\", "@"):
        if separator in surface:
            return [piece for piece in surface.split(separator) if piece]
    labels = surface.split(".")
    named = len(labels) > 1 and all(any(c.isalpha() for c in label) for label in labels)
    return labels if named else []


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


def is_pair(term: str) -> bool:
    """Return whether a term is two characters of a script without spaces."""
    return len(term) == 2 and _SPACELESS.fullmatch(term) is not None


def pair_code(left: str, right: str) -> str:
    """Return the code that two neighbouring tokens form ("ORA 12541"), "" when they form none."""
    number = normal(right)
    longest = 12 if number.replace(".", "").isdigit() else 4  # "WD 19TB" but not "about 19TB"
    if not (number[:1].isdigit() and number.replace(".", "").isalnum() and left.isalpha()):
        return ""
    return CODE + fold(normal(left)) + canonical(number) if len(left) <= longest else ""


def pair_verb(left: str, right: str, language: str) -> str:
    """Return an English verb and its particle as one term ("logged on": "logon"), "" for others."""
    if base_language(language) != "en" or fold(right) not in _PARTICLES:
        return ""
    verb = stem(left, language)
    return verb + fold(right) if verb in _VERBS else ""


def capital_name(left: str, right: str, language: str) -> str:
    """Return the term of a stop word in capitals (IT, US, ID), or of two that begin with capitals
    ("To Do"), "" for anything else. `left` is the token before, "" when there is none.
    """
    stops = stop_words(language)
    if 2 <= len(right) <= LONGEST_CAPITALS and right.isupper() and fold(right) in stops:
        return NAME + fold(right)
    both = left.istitle() and right.istitle() and min(len(left), len(right)) > 1
    if both and fold(left) in stops and fold(right) in stops:
        return f"{NAME}{fold(left)} {fold(right)}"
    return ""


def grouped_numbers(text: str, found: Sequence[Token]) -> dict[int, str]:
    """Return the code of each number written in groups of digits ("0800 123 456", "(030) 44-55"),
    by the position of its last token; a sign or zeros before it do not count.
    """
    rows: dict[int, str] = {}
    digits, end, groups = "", -1, 0
    for at, token in enumerate(found):
        own = token.surface[0].isdecimal() and _GROUPS.fullmatch(token.surface) is not None
        between = text[end : token.start] if digits and end >= 0 else ""
        if not own or (digits and not _BETWEEN.fullmatch(between)):
            digits, groups = "", 0
        if own:
            more = "".join(filter(str.isdigit, token.surface))
            digits, end, groups = digits + more, token.end, groups + 1 + (more != token.surface)
            whole = digits.lstrip("0")
            written = groups > 1 or whole != digits
            if written and LEAST_DIGITS <= len(whole) <= MOST_DIGITS:
                rows[at] = CODE + whole
    return rows


def document_terms(text: str, language: str) -> list[tuple[str, ...]]:
    """Return the terms at each position of a text: one tuple a token."""
    rows: list[tuple[str, ...]] = []
    left, loud = "", text.isupper()
    found = list(tokens(text))
    numbers = grouped_numbers(text, found)
    for at, token in enumerate(found):
        right = token.surface
        own = spellings(right, language)
        if right[0].islower() and right not in _PARTICLES:  # most words: nothing is to be added
            rows.append(own)
        else:
            pairs = (pair_code(left, right), pair_verb(left, right, language)) if left else ()
            name = "" if loud else capital_name(left, right, language)
            more = (*pairs, name, numbers.get(at, ""))
            rows.append((*own, *(term for term in more if term)))
        left = right
    return rows
