"""The lines of a section as its HTML is read: the words of each, and what it is.

The marks are those of `search.text.shape`; a line without words gives its mark to the next one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

MOST_INDENT = 40
_ROW, _KEPT = "r", frozenset("+k")
_CELLS = frozenset({"td", "th", "dt", "dd"})
_FRAMES = frozenset({"ol", "ul", "li", "table", "tr", "dl", "pre", "caption", *_CELLS})


@dataclass(slots=True)
class _Frame:
    """An open element: the number of its next item, or the column of its next cell."""

    tag: str
    next: int = 0
    # For a table: how many more rows each column is taken by a cell above.
    taken: dict[int, int] = field(default_factory=dict)


class Lines(NamedTuple):
    """Lines of text without empty ones, and their shape."""

    text: str
    shape: str


class LineReader:
    """Takes blocks and words in their order and gives the lines of a section."""

    def __init__(self) -> None:
        self._frames: list[_Frame] = []
        self._lines: list[tuple[str, list[str]]] = [("p", [])]

    def open(self, tag: str, attributes: dict[str, str]) -> None:
        """Begin a block on a new line."""
        mark = self._mark_of(tag, attributes)
        if tag in _FRAMES:
            start = attributes.get("start", "1") if tag == "ol" else "0"
            self._frames.append(_Frame(tag, int(start) if start.isdecimal() else 1))
        self._lines.append((mark or self._mark(), []))

    def close(self, tag: str) -> None:
        """End a block, and with it the line."""
        if tag in _FRAMES and any(frame.tag == tag for frame in self._frames):
            while self._frames.pop().tag != tag:
                pass
        self._lines.append((self._mark(), []))

    def add(self, text: str) -> None:
        """Add words; a line break among them begins a new line of the same block."""
        first, *others = text.split("\n")
        self._lines[-1][1].append(first)
        more = "k" if self._within("pre") else "+"
        self._lines += [(more, [other]) for other in others]

    def take(self) -> Lines:
        """Return the lines so far; the next ones are another section's, in the same blocks."""
        texts: list[str] = []
        marks: list[str] = []
        held, row_begun = "p", False
        for mark, pieces in self._lines:
            if mark == _ROW:
                row_begun = False
            if mark not in _KEPT or held == "":
                held = mark
            whole = "".join(pieces)
            text = " ".join(whole.split())
            if not text:
                continue
            shown = held if held != _ROW else "p"
            if shown[0] in "Kk":
                shown += str(_indent(whole))
            elif shown[0] in "thd" and not row_begun:
                shown, row_begun = shown.capitalize(), True
            texts.append(text)
            marks.append(shown)
            held = ""
        self._lines = [(self._mark(), [])]
        plain = all(mark == "p" for mark in marks)
        return Lines("\n".join(texts), "" if plain else "".join(marks))

    def _within(self, tag: str) -> bool:
        return bool(self._frames) and self._frames[-1].tag == tag

    def _mark(self) -> str:
        """Return the mark of words that follow in the innermost block."""
        tag = self._frames[-1].tag if self._frames else ""
        return "K" if tag == "pre" else "+" if tag in _CELLS or tag == "li" else "p"

    def _mark_of(self, tag: str, attributes: dict[str, str]) -> str:
        """Return the mark of a block that has one of its own, else ""."""
        if tag == "li":
            return self._item(attributes.get("value", ""))
        if tag in _CELLS:
            return self._cell(tag, attributes)
        if "alert-title" in attributes.get("class", ""):
            return "c"
        return {"pre": "K", "caption": "c", "tr": _ROW}.get(tag, "")

    def _item(self, value: str) -> str:
        lists = [frame for frame in self._frames if frame.tag in {"ol", "ul"}]
        if not lists:
            return "u"
        own, depth = lists[-1], "'" * (len(lists) - 1)
        if own.tag == "ul":
            return f"u{depth}"
        number = int(value) if value.isdecimal() else own.next
        own.next = number + 1
        return f"o{number}{depth}"

    def _cell(self, tag: str, attributes: dict[str, str]) -> str:
        if tag in {"dt", "dd"}:
            self._lines += [(_ROW, [])] * (tag == "dt")
            return "d0" if tag == "dt" else "d1"
        row = next((f for f in reversed(self._frames) if f.tag == "tr"), _Frame("tr"))
        table = next((f for f in reversed(self._frames) if f.tag == "table"), _Frame("table"))
        while table.taken.get(row.next, 0):
            table.taken[row.next] -= 1
            row.next += 1
        column = row.next
        wide, deep = (max(1, _span(attributes.get(name, ""))) for name in ("colspan", "rowspan"))
        for at in range(column, column + wide):
            table.taken[at] = deep - 1
        row.next = column + wide
        return ("h" if tag == "th" else "t") + str(column)


def _indent(line: str) -> int:
    wide = line.expandtabs(4)
    return min(MOST_INDENT, len(wide) - len(wide.lstrip()))


def _span(written: str) -> int:
    return min(1000, int(written)) if written.isdecimal() else 1
