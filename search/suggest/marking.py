"""Which parts of a text are marked as what was typed.

Letters are counted in the text as it is written, whatever folding did to their number: typed "oe"
marks the one letter of "œuvre", and a mark never ends between a letter and its accent.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from search.suggest.offers import Prefixes
from search.suggest.readings import LONGEST, SPACELESS, WORD, Kind, Phrase, Reading, edits_of
from search.text.analysis import fold
from search.text.tokens import Token, normal, tokens

SHORT = 2  # letters; such a word is marked inside a longer one only where nothing else can be meant
LONGEST_CUT = 256  # characters of a token whose letters are told apart
_JOINS = frozenset("-‑'’._")  # between two parts of a name that are both marked
_ZWJ = "\u200d"

Span = tuple[int, int]


class Understood(NamedTuple):
    """How a text was found: by which readings, and whether an edit was needed."""

    readings: tuple[Reading, ...] = ()
    corrected: bool = False


class _Word(NamedTuple):
    """A folded word of a text: where it starts, and where each of its letters ends."""

    letters: str
    start: int
    ends: tuple[int, ...]

    @property
    def span(self) -> Span:
        return self.start, self.ends[-1]


def marked(text: str, sought: Understood) -> tuple[str, ...]:
    """Return the text in parts that are not marked and marked by turns, the first not marked.

    The first reading whose every word is there is marked. Where none is, so that another text of
    the article was found, the words of it that are not common are marked.
    """
    words = [word for token in tokens(text) for word in _cut(token)]
    for reading in sought.readings:
        found = [_spans(item, words, alone=False) for item in _runs(reading.words)]
        if all(found):
            return _parts(text, chain.from_iterable(found))
    telling = [one for one in sought.readings if one.kind is not Kind.SYNONYM][-1:]
    spans: list[Span] = []
    for forms in chain.from_iterable(one.words for one in telling):
        here = _spans((forms,), words, alone=True)
        spans += here or (_near(forms[0], words) if sought.corrected else [])
    return _parts(text, spans)


def _cut(token: Token) -> Iterator[_Word]:
    """Yield the words within a token, and its parts also as one word."""
    surface, folded = token.surface, fold(normal(token.surface))
    if len(surface) > LONGEST_CUT or not folded:
        return
    begins, ends = _places(surface, len(folded))
    found = [
        _Word(
            match.group()[:LONGEST],
            token.start + begins[match.start()],
            tuple(token.start + ends[at] for at in range(*match.span())),
        )
        for match in WORD.finditer(folded)
    ] or [_Word(folded[:LONGEST], token.start, (token.end,) * len(folded))]
    yield from found
    letters = "".join(word.letters for word in found)
    if len(found) > 1 and not SPACELESS.search(letters):
        yield _Word(letters, found[0].start, tuple(end for word in found for end in word.ends))


def _places(surface: str, length: int) -> tuple[Sequence[int], Sequence[int]]:
    """Return where each folded letter of a token begins and ends in it as it is written."""
    if surface.isascii():
        return range(length), range(1, length + 1)
    begins, ends = [0] * length, [len(surface)] * length
    done = 0
    for at in range(1, len(surface) + 1):
        now = min(len(fold(normal(surface[:at]))), length)
        for letter in range(done, now):
            begins[letter], ends[letter] = at - 1, at
        if now == done and done:  # an accent or another sign of the letter before
            ends[done - 1] = at
        done = max(done, now)
    return begins, ends


def _runs(words: Sequence[Phrase]) -> Iterator[tuple[Phrase, ...]]:
    """Yield each word's forms, those of neighbouring characters without spaces together."""
    run: list[Phrase] = []
    for forms in words:
        if SPACELESS.fullmatch(forms[0]):
            run.append(forms)
            continue
        if run:
            yield tuple(run)
            run = []
        yield (forms,)
    if run:
        yield tuple(run)


def _spans(item: Sequence[Phrase], words: Sequence[_Word], *, alone: bool) -> list[Span]:
    """Return where a word is, or characters that follow each other, else each of them.

    `alone`: a short word counts only where it is a whole word.
    """
    if len(item) > 1:
        wanted = [forms[0] for forms in item]
        places = (words[at : at + len(wanted)] for at in range(len(words) - len(wanted) + 1))
        together = [
            (place[0].start, place[-1].ends[-1])
            for place in places
            if [word.letters for word in place] == wanted
        ]
        each = [_spans((forms,), words, alone=alone) for forms in item]
        return together or (list(chain.from_iterable(each)) if all(each) else [])
    typed, *stems = item[0]
    whole = [word.span for word in words if word.letters == typed]
    if len(typed) <= SHORT and (whole or alone):
        return whole
    begun = [
        (word.start, word.ends[len(typed) - 1]) for word in words if word.letters.startswith(typed)
    ]
    return begun or [word.span for word in words if word.letters.startswith(tuple(stems))]


def _near(typed: str, words: Sequence[_Word]) -> list[Span]:
    """Return the words that were meant by one that has a slip: those that need the fewest edits."""
    edits = edits_of(typed)
    if not edits:
        return []
    letters = sorted({word.letters[:LONGEST] for word in words})
    need: dict[str, int] = {}
    for low, high, count in Prefixes.of(letters).near(typed, edits):
        need |= dict.fromkeys(letters[low:high], count)
    best = min(need.values(), default=0)
    return [word.span for word in words if need.get(word.letters[:LONGEST]) == best]


def _parts(text: str, spans: Iterable[Span]) -> tuple[str, ...]:
    parts, done = list[str](), 0
    for start, end in sorted(spans):
        end = _past_marks(text, end)
        if end <= done:
            continue
        if parts and (
            start <= done or text[done:start] in _JOINS
        ):  # it goes on where the last mark ended
            parts[-1] += text[done:end]
        else:
            parts += [text[done:start], text[start:end]]
        done = end
    return (*parts, text[done:])


def _past_marks(text: str, end: int) -> int:
    """Return the end moved past the accents and vowel signs of the letter before it."""
    while end < len(text) and (unicodedata.category(text[end])[0] == "M" or text[end] == _ZWJ):
        end += 1
    return end
