"""Bounds what a person typed or pasted: 300 characters are looked up, chosen from 2,000.

A longer text, such as a mail, a ticket, a command or a trace, is looked up by its first line, its
codes, its last line and the words that tell most in these articles; the model reads all of it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from math import log

from search.text.analysis import LONGEST_TERM, fold
from search.text.query import MAX_CHARACTERS, MAX_TERMS, identifiers
from search.text.tokens import normal, tokens

# How much of a long text is read, and how many codes are taken from it.
MAX_PASTED = 2000
MOST_CODES = 4
FIRST_LINE, LAST_LINE = 90, 60
# How much a word tells of what to look for in these articles, 0 for nothing (`Lexicon.worth`).
Worth = Callable[[str], float]
_LINE = re.compile(r"[\r\n]+|(?<=[.!?])\s+(?=[^\W\d_])")
_GREETING = re.compile(
    r"(?:hello|hi|hey|dear|good (?:morning|afternoon|evening|day)|hola|buen[oa]s|estimad|bonjour"
    r"|hallo|guten|sehr geehrte|i hope you|espero que)\b",
    re.IGNORECASE,
)
# A line of a few words that ends a letter: thanks, regards, a name after them.
_CLOSING = re.compile(
    r"(?:(?:many |best |kind |warm )?(?:thanks|thank you|thx|regards|wishes)|cheers|sincerely|yours"
    r"|please (?:help|advise|let me know)|looking forward|sent from my|(?:muchas )?gracias|saludos"
    r"|un saludo|atentamente|cordial|merci|danke|vielen dank|mit freundlichen|viele gr|mfg)\b",
    re.IGNORECASE,
)
_CLOSING_WORDS = 8
# After a closing, lines of at most this many words are names and addresses.
_NAME_WORDS = 4


def bounded(text: str, worth: Worth | None = None) -> str:
    """Return the text that is looked up: one line, NFKC, at most 300 characters. Without `worth`
    a long text is looked up by its lines and codes alone.
    """
    read = _read(text)
    line = " ".join(read.split())
    return (
        line if len(line) <= MAX_CHARACTERS else _told(_lines(read), worth) or line[:MAX_CHARACTERS]
    )


def is_long(text: str) -> bool:
    """Return whether only a part of a text is looked up."""
    return len(" ".join(_read(text).split())) > MAX_CHARACTERS


def whole(text: str) -> str:
    """Return what the model reads of a long text: one line, at most 2,000 characters, without
    greeting and closing.
    """
    read = _read(text)
    return " ".join(_lines(read)) or " ".join(read.split())


def _read(text: str) -> str:
    return normal(text[: 4 * MAX_PASTED])[:MAX_PASTED]


def _lines(read: str) -> list[str]:
    """Return the lines of a text, or its sentences, that say something: neither greeting nor
    closing.
    """
    kept, closed = list[str](), False
    for one in (" ".join(line.split()) for line in _LINE.split(read)):
        words = len(list(tokens(one)))
        if not words or _GREETING.match(one):
            continue
        closing = words <= _CLOSING_WORDS and _CLOSING.match(one) is not None
        if not closing and not (closed and words <= _NAME_WORDS):
            kept.append(one)
        closed = closed or closing
    return kept


def _told(lines: Sequence[str], worth: Worth | None) -> str:
    """Return what tells most in a long text, in the order of the text."""
    if not lines:
        return ""
    first, last = lines[0], lines[-1]
    more = "" if len(lines) == 1 and len(first) <= FIRST_LINE else last
    start, end = _words(first, FIRST_LINE), _words(more, LAST_LINE, end=True)
    named = [one for one in _codes_of(lines) if all(one not in line for line in (start, end))]
    said = " ".join(filter(None, [start, *named, end]))
    telling = list(_telling(lines, said, worth)) if worth else []
    return _fitting([start, *named, *telling, end])


def _fitting(pieces: Sequence[str]) -> str:
    """Return the pieces that fit into a query, the last one before those in the middle."""
    *front, end = pieces
    left = MAX_CHARACTERS - len(end) - 1
    line = ""
    for piece in filter(None, front):
        if len(line) + len(piece) + 1 <= left:
            line = f"{line} {piece}" if line else piece
    return f"{line} {end}".strip()[:MAX_CHARACTERS]


def _telling(lines: Sequence[str], said: str, worth: Worth) -> Iterator[str]:
    """Yield the words that tell most and are not said yet, in the order of the text."""
    known = {fold(token.surface) for token in tokens(said)}
    told = sum(worth(word) > 0 for word in known)
    every = [token.surface for token in chain.from_iterable(map(tokens, lines))]
    counts = Counter(fold(surface) for surface in every)
    tells = {word: (1 + log(n)) * worth(word) for word, n in counts.items() if word not in known}
    best = sorted(filter(tells.get, tells), key=lambda word: -tells[word])
    chosen = set(best[: max(0, MAX_TERMS - told)])
    for surface in every:
        if fold(surface) in chosen:
            chosen.discard(fold(surface))
            yield surface


def _words(line: str, most: int, *, end: bool = False) -> str:
    """Return the whole words that fit at the beginning of a line, or at its end."""
    if len(line) <= most:
        return line
    if end:
        return line[-most:].partition(" ")[2] or line[-most:]
    return line[:most].rpartition(" ")[0] or line[:most]


def _codes_of(lines: Sequence[str]) -> list[str]:
    """Return the codes of a text with digits, as written: those of errors before versions and
    models, later ones first.
    """
    found: dict[str, bool] = {}
    for line in reversed(lines):
        for one in reversed(identifiers(list(tokens(line)), "en")):
            if any(char.isdigit() for char in one.surface) and len(one.surface) <= LONGEST_TERM:
                found.setdefault(one.surface, one.weak or "." in one.surface)
    return sorted(found, key=lambda code: found[code])[:MOST_CODES]
