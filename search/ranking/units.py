"""Cuts a passage into the units that a snippet shows whole: sentences, steps, rows, lines of code.

Places are offsets into `Cut.text`, the passage on one line. What was cut last is remembered.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from search.text.scanning import Scan, scan
from search.text.shape import (
    CAPTION,
    CELLS,
    CODE_LINES,
    HEADS,
    MORE,
    POINT,
    STEP,
    TERMS,
    LineShape,
    head_span,
    line_shapes,
)

# Passages, of two or three kilobytes each.
REMEMBERED = 2048
# A sentence ends at its mark, with what closes after it, unless it goes on in lower case.
_SENTENCE = re.compile(
    r"[.!?…؟।。！？](?:(?<=[。！？])(?![。！？」』”）])"
    r"|[\"'”’»)\]]*(?= +[^\s\da-zа-яà-öø-ÿ]))"
)
_PLAIN = LineShape("p", 0, 0)


# What a unit, or a block of a snippet, is.
TEXT, STEPS, POINTS, ROW, COMMAND = "text", "steps", "points", "row", "code"
_ITEMS = {STEP: STEPS, POINT: POINTS}


class SnippetUnit(NamedTuple):
    """Text `start:end` of a cut, which is shown whole. `number` is a step's, or the spaces before a
    line of code; `depth` the lists around its list; `opens` and `closes` whether its block, such as
    a paragraph, begins and ends with it; `line` the section's line where it begins; `leads` whether
    it only says what follows: a caption, the name of a note, the headings of a table.
    """

    kind: str
    start: int
    end: int
    number: int = 0
    depth: int = 0
    opens: bool = True
    closes: bool = True
    line: int = 0
    leads: bool = False


class RowCell(NamedTuple):
    """Text `start:end` of a cut, in column `column` of a table."""

    start: int
    end: int
    column: int


class Cut(NamedTuple):
    """A passage as it is scanned, its units in reading order, and the cells of each unit that is a
    row, by the place where it starts.
    """

    scan: Scan
    units: tuple[SnippetUnit, ...]
    cells: dict[int, tuple[RowCell, ...]]

    @property
    def text(self) -> str:
        """The passage on one line."""
        return self.scan.text


@lru_cache(maxsize=REMEMBERED)
def cut(text: str, shape: str, start: int, end: int, language: str) -> Cut:
    """Return the units of the passage `start:end` of a section, which are whole even where the
    passage begins or ends inside one.
    """
    shapes = line_shapes(shape)
    first = text.count("\n", 0, start)
    if first + text.count("\n", start, end) >= len(shapes):  # it has no shape
        lines = [" ".join(line.split()) for line in text[start:end].split("\n")]
        whole = _cut_lines(lines, (), 0, language=language)
        return whole._replace(units=_edges(whole.units, text, start, end))
    left = text.rfind("\n", 0, start) + 1
    while first > 0 and not shapes[first].begins:
        left = text.rfind("\n", 0, left - 1) + 1
        first -= 1
    last = first + text.count("\n", left, end)
    right = _line_end(text, end)
    while last + 1 < len(shapes) and not shapes[last + 1].begins:
        right = _line_end(text, right + 1)
        last += 1
    whole = _cut_lines(text[left:right].split("\n"), shapes, first, language=language)
    if left == start and right == end:
        return whole
    kept = tuple(u for u in whole.units if u.end > start - left and u.start < end - left)
    return Cut(whole.scan, kept, whole.cells)


def _edges(
    units: Sequence[SnippetUnit], text: str, start: int, end: int
) -> tuple[SnippetUnit, ...]:
    """Return the units with the first and the last open where the line goes on beside them."""
    found = list(units)
    if found and text[max(0, start - 2) : start].rstrip(" ")[-1:] not in ("", "\n"):
        found[0] = found[0]._replace(opens=False)
    if found and text[end : end + 2].lstrip(" ")[:1] not in ("", "\n"):
        found[-1] = found[-1]._replace(closes=False)
    return tuple(found)


def forget() -> None:
    """Forget every cut."""
    cut.cache_clear()


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _cut_lines(
    lines: Sequence[str], shapes: Sequence[LineShape], first: int, *, language: str
) -> Cut:
    """Return the cut of lines of a section from line `first` on."""
    flat = " ".join(filter(None, lines))
    units: list[SnippetUnit] = []
    cells: dict[int, tuple[RowCell, ...]] = {}
    at, place, count = 0, 0, len(lines)
    while at < count:
        begin, start = at, place
        shape = shapes[first + at] if shapes else _PLAIN
        end = start + len(lines[at])
        at += 1
        while shapes and at < count and not shapes[first + at].begins:
            end += 1 + len(lines[at])
            at += 1
        if end == start:
            continue
        place = end + 1
        if shape.kind in CELLS:
            spans = _spans(lines[begin:at], start)
            cells[start] = _cells(shapes[first + begin : first + at], spans)
        _add_units(units, flat, shape, start, end, line=first + begin)
    return Cut(scan(flat, language), tuple(units), cells)


def _spans(lines: Sequence[str], start: int) -> list[tuple[int, int]]:
    spans = []
    for line in lines:
        spans.append((start, start + len(line)))
        start += len(line) + 1
    return spans


def _add_units(
    units: list[SnippetUnit], flat: str, shape: LineShape, start: int, end: int, *, line: int
) -> None:
    """Add the units of one block."""
    kind, number, depth, _ = shape
    if kind in _ITEMS:
        units.append(SnippetUnit(_ITEMS[kind], start, end, number, depth, True, True, line))
    elif kind in CELLS:
        units.append(SnippetUnit(ROW, start, end, 0, 0, True, True, line, kind in HEADS))
    elif kind in CODE_LINES:
        units.append(SnippetUnit(COMMAND, start, end, number, 0, kind == "K", True, line))
    else:
        left = start
        for match in _SENTENCE.finditer(flat, start, end):
            stop = match.end()
            if stop < end:
                units.append(SnippetUnit(TEXT, left, stop, 0, 0, left == start, False, line))
                left = stop + (flat[stop] == " ")
        units.append(SnippetUnit(TEXT, left, end, 0, 0, left == start, True, line, kind == CAPTION))


def _cells(shapes: Sequence[LineShape], spans: Sequence[tuple[int, int]]) -> tuple[RowCell, ...]:
    found: list[RowCell] = []
    for shape, (start, end) in zip(shapes, spans, strict=True):
        if shape.kind == MORE and found:
            found[-1] = found[-1]._replace(end=end)
        else:
            found.append(RowCell(start, end, shape.number))
    return tuple(found)


def headings(text: str, shape: str, line: int) -> dict[int, str]:
    """Return the headings of the columns of the table whose row begins at a line of a section."""
    shapes = line_shapes(shape)
    if shapes[line].kind in TERMS:
        return {}
    first, end = head_span(shapes, line)
    if first == end:
        return {}
    right = len(text) + 1
    lines: list[str] = []
    start = 0
    for _ in range(first):
        start = text.find("\n", start) + 1
    for _ in range(first, end):
        right = _line_end(text, start)
        lines.append(text[start:right])
        start = right + 1
    found: dict[int, str] = {}
    column = 0
    for one, words in zip(shapes[first:end], lines, strict=True):
        column = column if one.kind == MORE else one.number
        found[column] = f"{found[column]} {words}" if one.kind == MORE else words
    return found
