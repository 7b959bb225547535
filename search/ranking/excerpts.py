"""Makes the snippet of a passage: the unit that answers first, then its neighbours.

Sentences, steps, rows and lines of code are shown whole, in two or three lines; what is longer than
that is cut between words, with "…" where something is left out. Everything from the article is
escaped and `<mark>` is the only markup.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import NamedTuple

from search.ranking.units import (
    COMMAND,
    POINTS,
    ROW,
    STEPS,
    TEXT,
    Cut,
    RowCell,
    SnippetUnit,
    cut,
    headings,
)
from search.text.analysis import CODE, fold, is_pair, spellings
from search.text.numbered import Numbered
from search.text.scanning import Scan, words_beginning
from search.text.tokens import Token
from search.types import Section, SnippetBlock

# Characters of a snippet; of a piece of a unit that is longer than that; lines.
LONGEST, TARGET, MOST_LINES = 260, 230, 3
# A snippet shorter than this goes on with a part of the next sentence.
SHORT = 90
# How many starting points are tried in a unit that is too long.
MOST_WINDOWS = 40
# What tells a person to do something is shown before what leads to it.
INSTRUCTION, LEAD, OPENING = 1.15, 0.75, 0.9
# A word shares its first two letters with its stem, and three if the stem is at least this long.
LONG_STEM = 5
_LEADS = (":", "?", "：", "？", "؟")
_BETWEEN = frozenset(" ,;:.!?)]»”–—·|、。，；：！？」』）")
_AFTER_NUMBER = frozenset(" :.)–—-=,：．、）")


@dataclass(frozen=True)
class Wanted:
    """What to mark: each term with the thing asked for that it is a form of, by number, the
    information in each of these, and the small numbers that were asked for after their kind.
    """

    terms: Mapping[str, int]
    weights: tuple[float, ...]
    numbers: tuple[Numbered, ...] = ()

    def worth(self, groups: int) -> float:
        """Return the information in the things asked for whose bits are set."""
        if (known := self._worths.get(groups)) is None:
            bits = (at for at in range(len(self.weights)) if groups >> at & 1)
            known = self._worths[groups] = sum(self.weights[at] for at in bits)
        return known

    @cached_property
    def _worths(self) -> dict[int, float]:
        return {}

    @cached_property
    def initials(self) -> frozenset[str]:
        """The letters with which a word that may be meant begins."""
        stems = (term.lstrip(CODE) for term in self.terms)
        found = {stem[: 3 if len(stem) >= LONG_STEM else 2] for stem in stems} - {""}
        # A stemmer may turn a y into an i ("dying": "die").
        return frozenset(found | {one[:-1] + "y" for one in found if one[-1] == "i"})


class Found(NamedTuple):
    """A place to mark, and the things asked for that it is, a bit for each."""

    start: int
    end: int
    groups: int


class Excerpt(NamedTuple):
    """A snippet on one line, as HTML, and its blocks."""

    html: str
    blocks: tuple[SnippetBlock, ...]


def wanted_terms(terms: Iterable[str]) -> Wanted:
    """Return what to mark when each term counts alike."""
    every = dict.fromkeys(terms)
    return Wanted({term: at for at, term in enumerate(every)}, (1.0,) * len(every))


def excerpt(section: Section, start: int, end: int, wanted: Wanted, *, language: str) -> Excerpt:
    """Return the snippet of the passage `start:end` of a section."""
    held = cut(section.text, section.shape, start, end, language)
    if not held.units:
        return Excerpt("", ())
    found = found_in(held.scan, wanted, language=language)
    best, numbered = _best(held, section, found, wanted)
    if numbered:
        found = _same_number(held.units[best], found, numbered, held.text)
    blocks = _blocks(held, section, found, _chosen(held, found, best))
    return Excerpt(_on_one_line(blocks), blocks)


# -- What is marked --


def found_in(text: Scan, wanted: Wanted, *, language: str) -> list[Found]:
    """Return the places to mark, in order."""
    terms_of, known, rows = wanted.terms, wanted.terms.keys(), list[Found]()
    for match in words_beginning(text, wanted.initials):
        surface = match.group()
        own = spellings(surface, language)
        if known.isdisjoint(own):
            continue
        if surface.isascii() or not any(map(is_pair, own)):
            rows.append(Found(match.start(), match.end(), _bits(own, terms_of)))
        else:
            rows += _runs(Token(surface, match.start(), match.end()), own, wanted)
    return rows


def _bits(terms: Iterable[str], groups: Mapping[str, int]) -> int:
    found = 0
    for term in terms:
        if term in groups:
            found |= 1 << groups[term]
    return found


def _runs(token: Token, own: Sequence[str], wanted: Wanted) -> list[Found]:
    """Return of a word without spaces the runs of characters whose pairs are wanted: a single
    shared character is no match.
    """
    folded, terms_of = fold(token.surface), wanted.terms
    if len(folded) != len(token.surface):
        return [Found(token.start, token.end, _bits(own, terms_of))]
    runs: list[list[int]] = []
    groups_of: list[int] = []
    for at in range(len(folded) - 1):
        pair = folded[at : at + 2]
        if pair in terms_of and is_pair(pair):
            if not runs or at > runs[-1][1]:
                runs.append([at, at])
                groups_of.append(0)
            runs[-1][1] = at + 2
            groups_of[-1] |= 1 << terms_of[pair]
    return [
        Found(token.start + left, token.start + right, groups)
        for (left, right), groups in zip(runs, groups_of, strict=True)
    ]


def _same_number(unit: SnippetUnit, found: Sequence[Found], number: str, text: str) -> list[Found]:
    """Return the places without digits, and of those with digits the number itself in the unit."""
    return [
        one
        for one in found
        if not any(map(str.isdigit, text[one.start : one.end]))
        or (text[one.start : one.end] == number and unit.start <= one.start < unit.end)
    ]


# -- What is shown --


def _best(held: Cut, section: Section, found: Sequence[Found], wanted: Wanted) -> tuple[int, str]:
    """Return which unit answers, and the number that was asked for if it is the one with it."""
    for at, unit in enumerate(held.units if wanted.numbers else ()):
        if number := _number_of(held, unit, wanted.numbers):
            return at, number
    best, most, at, count = 0, 0.0, 0, len(found)
    for place, unit in enumerate(held.units):
        first, groups, end = at, 0, unit.end
        while at < count and found[at].start < end:
            groups |= found[at].groups
            at += 1
        if groups:
            worth = wanted.worth(groups) + 0.01 * (at - first)
            worth *= _prior(unit, held.text, section, first=not place)
            if worth > most:
                best, most = place, worth
        if at == count:
            break
    return _after_leads(held.units, best, told=most > 0), ""


def _after_leads(units: Sequence[SnippetUnit], best: int, *, told: bool) -> int:
    """Return the unit to begin with: the headings of a table say nothing without a row, and what
    only leads says nothing where no word is found.
    """
    while best + 1 < len(units) and units[best].leads and (units[best].kind == ROW or not told):
        best += 1
    return best


def _prior(unit: SnippetUnit, text: str, section: Section, *, first: bool) -> float:
    """Return how much more or less a unit is likely to answer than its words say."""
    if unit.leads or text.endswith(_LEADS, unit.start, unit.end):
        return LEAD
    if unit.kind == TEXT:
        return OPENING if first and not section.path else 1.0
    return INSTRUCTION


def _number_of(held: Cut, unit: SnippetUnit, numbers: Sequence[Numbered]) -> str:
    """Return the wanted number that a unit is the row, the step or the point of, "" for none."""
    for one in numbers:
        if unit.kind == ROW:
            cells = held.cells[unit.start]
            if any(held.text[cell.start : cell.end].rstrip(".") == one.number for cell in cells):
                return one.number
        elif unit.kind == STEPS:
            if one.is_step and str(unit.number) == one.number:
                return one.number
        elif held.text.startswith(one.number, unit.start, unit.end):
            after = held.text[unit.start + len(one.number) :][:1]
            if not after or after in _AFTER_NUMBER:
                return one.number
    return ""


def _chosen(held: Cut, found: Sequence[Found], best: int) -> list[SnippetUnit]:
    """Return the units to show, in reading order from the best one on; the last may be cut."""
    units = held.units
    while units[best].kind == COMMAND and best and held.text.endswith("\\", 0, units[best - 1].end):
        best -= 1
    first = units[best]
    if first.end - first.start > LONGEST:
        return [_window(held.text, first, found)]
    rows, size, lines = [first], first.end - first.start, 1
    for unit in units[best + 1 :]:
        length = unit.end - unit.start + 1
        lines += unit.kind != TEXT or rows[-1].kind != TEXT
        if lines > MOST_LINES or not _goes_on(first, unit, found):
            break
        if size + length > LONGEST:
            if size < SHORT:
                rows.append(_shortened(held.text, unit, LONGEST - size))
            break
        rows.append(unit)
        size += length
    while len(rows) > 1 and (rows[-1].leads or held.text.endswith(_LEADS, 0, rows[-1].end)):
        rows.pop()  # what it leads to is not shown
    return rows


def _goes_on(first: SnippetUnit, unit: SnippetUnit, found: Sequence[Found]) -> bool:
    """Return whether a unit belongs with the one that answers. A further row only if it matches."""
    if first.kind == ROW or unit.kind == ROW:
        same = unit.kind == ROW and first.kind in (ROW, TEXT)
        return same and any(unit.start <= one.start < unit.end for one in found)
    return unit.depth >= first.depth or unit.kind == first.kind


def _window(text: str, unit: SnippetUnit, found: Sequence[Found]) -> SnippetUnit:
    """Return the part of a long unit with the most different things asked for."""
    inside = [one for one in found if unit.start <= one.start and one.end <= unit.end]
    best, most = unit.start, -1.0
    for one in inside[:MOST_WINDOWS]:
        start = _word_start(text, max(unit.start, one.start - 60), unit.start, one.start)
        held = [each for each in inside if start <= each.start and each.end <= start + TARGET]
        worth = len({each.groups for each in held}) + 0.01 * len(held)
        if worth > most:
            best, most = start, worth
    end = unit.end
    if unit.end - best > LONGEST:
        end = _word_end(text, best, best + TARGET)
    elif best > unit.start:
        best = _word_start(text, max(unit.start, unit.end - LONGEST), unit.start, best)
    return unit._replace(
        start=best,
        end=end,
        opens=unit.opens and best == unit.start,
        closes=unit.closes and end == unit.end,
    )


def _shortened(text: str, unit: SnippetUnit, size: int) -> SnippetUnit:
    end = _word_end(text, unit.start, unit.start + size - 1)
    return unit._replace(end=end, closes=False)


def _word_start(text: str, at: int, first: int, last: int) -> int:
    """Return where a word begins at or after `at`, at most `last`."""
    if at <= first:
        return first
    space = text.find(" ", at - 1, last)
    start = space + 1 if space >= 0 else _boundary(text, at, last)
    while start < last and text[start] in _BETWEEN:  # what ended before the cut
        start += 1
    return start


def _word_end(text: str, start: int, most: int) -> int:
    """Return where a word ends, at most `most` and a character after `start` at least."""
    space = text.rfind(" ", start + 1, most + 1)
    if space > start + (most - start) // 2:
        return len(text[:space].rstrip())
    at = most
    while at > start + 1 and _is_inside(text, at):
        at -= 1
    return at


def _boundary(text: str, at: int, last: int) -> int:
    while at < last and _is_inside(text, at):
        at += 1
    return at


def _is_inside(text: str, at: int) -> bool:
    """Return whether a cut before `text[at]` would part what is seen as one character, or a word of
    letters that is written with spaces around it.
    """
    left, right = text[at - 1], text[at]
    if right in _JOINS or left == "\u200d" or unicodedata.category(right)[0] == "M":
        return True
    if "\U0001f1e6" <= left <= "\U0001f1ff" and "\U0001f1e6" <= right <= "\U0001f1ff":
        return True
    return left.isascii() and right.isascii() and left.isalnum() and right.isalnum()


_JOINS = frozenset("\u200d\ufe0e\ufe0f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff")


# -- Its form --


def _blocks(
    held: Cut, section: Section, found: Sequence[Found], units: Sequence[SnippetUnit]
) -> tuple[SnippetBlock, ...]:
    runs: list[list[SnippetUnit]] = []
    for unit in units:
        last = runs[-1][-1] if runs else None
        together = (
            last is not None
            and (last.kind, last.depth) == (unit.kind, unit.depth)
            and unit.kind != ROW
            and (unit.kind != STEPS or unit.number == last.number + 1)
        )
        if together:
            runs[-1].append(unit)
        else:
            runs.append([unit])
    return tuple(_block(held, section, found, run) for run in runs)


def _block(
    held: Cut, section: Section, found: Sequence[Found], run: Sequence[SnippetUnit]
) -> SnippetBlock:
    first = run[0]
    if first.kind == ROW:
        return _row(held, section, found, first)
    lines = [_marked(held.text, found, unit.start, unit.end) for unit in run]
    if first.kind == COMMAND:
        return SnippetBlock(COMMAND, tuple(lines), indents=tuple(unit.number for unit in run))
    if not first.opens:
        lines[0] = f"… {lines[0]}"
    if not run[-1].closes:
        lines[-1] += " …"
    if first.kind == TEXT:
        lines = _paragraphs(run, lines)
    return SnippetBlock(first.kind, tuple(lines), start=first.number)


def _paragraphs(run: Sequence[SnippetUnit], lines: Sequence[str]) -> list[str]:
    """Return the sentences of each paragraph as one line."""
    rows: list[str] = []
    for unit, line in zip(run, lines, strict=True):
        if rows and not unit.opens:
            rows[-1] += f" {line}"
        else:
            rows.append(line)
    return rows


def _row(held: Cut, section: Section, found: Sequence[Found], unit: SnippetUnit) -> SnippetBlock:
    """Return a row with its cells; one that had to be cut is text."""
    cells = [
        RowCell(max(cell.start, unit.start), min(cell.end, unit.end), cell.column)
        for cell in held.cells.get(unit.start, ())
    ]
    if not cells or not (unit.opens and unit.closes):
        line = _marked(held.text, found, unit.start, unit.end)
        left, right = "" if unit.opens else "… ", "" if unit.closes else " …"
        return SnippetBlock(TEXT, (f"{left}{line}{right}",))
    heads = headings(section.text, section.shape, unit.line)
    return SnippetBlock(
        ROW,
        tuple(_marked(held.text, found, cell.start, cell.end) for cell in cells),
        heads=tuple(escape(heads.get(cell.column, "")) for cell in cells),
    )


def _marked(text: str, found: Sequence[Found], start: int, end: int) -> str:
    pieces, at = [], start
    for one in found:
        if one.start >= end:
            break
        if one.start >= at and one.end <= end:
            surface = escape(text[one.start : one.end])
            pieces += [escape(text[at : one.start]), f"<mark>{surface}</mark>"]
            at = one.end
    return "".join([*pieces, escape(text[at:end])]).strip()


def _on_one_line(blocks: Sequence[SnippetBlock]) -> str:
    """Return the blocks as one line of HTML: steps keep their numbers, cells their headings."""
    rows: list[str] = []
    for block in blocks:
        if block.kind == STEPS:
            rows += [f"{n}. {line}" for n, line in enumerate(block.lines, block.start)]
        elif block.kind == POINTS:
            rows += [f"• {line}" for line in block.lines]
        elif block.kind == ROW:
            cells = zip(block.heads, block.lines, strict=True)
            rows.append(" · ".join(f"{head}: {line}" if head else line for head, line in cells))
        else:
            rows += block.lines
    return " ".join(rows)
