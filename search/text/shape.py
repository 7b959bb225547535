"""What each line of a section is: a paragraph, a step, a cell of a table, a line of code.

A section's text is plain and has a line for each block; its shape is a second, short text with one
mark for each of these lines, a letter, a number and an apostrophe for each list around it:

    p       a paragraph            +      more of what the line before is
    o3      step 3 of a list       u      a point of a list, o1' of a list inside it
    T0 t1   the first cell of a row and the next, by column; H0 h1 the same of headings
    D0 d1   a term and what it means
    K4 k8   the first line of code and the next, with the spaces before them
    c       what only names what follows: the caption of a table, the title of a note

An empty shape means that every line is a paragraph. Words are read from the text alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

PARAGRAPH, MORE, STEP, POINT, CAPTION = "p", "+", "o", "u", "c"
ROW_STARTS, CELLS = frozenset("THD"), frozenset("tThHdD")
HEADS, TERMS, CODE_LINES = frozenset("hH"), frozenset("dD"), frozenset("kK")
_PARTS = CELLS - ROW_STARTS | {MORE}
_MARK = re.compile(r"([a-zA-Z+])(\d*)('*)")


class LineShape(NamedTuple):
    """What a line is: the letter of its mark, its number, 0 for none, and the lists around it;
    `begins` whether a block or a row, and no part of one, begins with it.
    """

    kind: str
    number: int
    depth: int
    begins: bool = True


@lru_cache(maxsize=1024)
def line_shapes(shape: str) -> tuple[LineShape, ...]:
    """Return what each line of a section is, () when every line is a paragraph."""
    return tuple(
        LineShape(kind, int(number or 0), len(depth), kind not in _PARTS)
        for kind, number, depth in _MARK.findall(shape)
    )


def row_span(shapes: Sequence[LineShape], at: int) -> tuple[int, int]:
    """Return the lines (first, end) of the row of a table that line `at` is in."""
    first = at
    while first > 0 and shapes[first].kind not in ROW_STARTS:
        first -= 1
    end = at + 1
    while end < len(shapes) and shapes[end].kind in CELLS | {MORE}:
        if shapes[end].kind in ROW_STARTS:
            break
        end += 1
    return first, end


def head_span(shapes: Sequence[LineShape], first: int) -> tuple[int, int]:
    """Return the lines (first, end) of the headings of the table whose row begins at line `first`,
    an empty span when it has none.
    """
    at = first
    while at > 0 and shapes[at - 1].kind in CELLS | {MORE} and shapes[at - 1].kind not in TERMS:
        at -= 1
        if shapes[at].kind == "H":
            start, end = row_span(shapes, at)
            if all(one.kind in HEADS or one.kind == MORE for one in shapes[start:end]):
                return start, end
    return first, first
