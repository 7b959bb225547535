"""Blocks as GitHub reads them, rewritten to what Python-Markdown reads; pure.

Promises that lists may be indented by the width of their marker, follow a paragraph at once and
hold fenced code, and that headings, tables and quotes need no blank line before them. Code is taken
out through `keep`, so no later step sees it. Knows no HTML but the opening and closing of `pre`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

Keep = Callable[[str, str], str]  # code and its language -> the mark that stands for it

_ITEM = re.compile(r"^( *)([-*+]|\d{1,9}[.)])( +|$)(.*)$")
_RULE = re.compile(r"^ *([-*_])(?: *\1){2,} *$")
_HEADING = re.compile(r"^ {0,3}#{1,6}(?: |$)")
_FENCE = re.compile(r"^( *)(`{3,}|~{3,})([^`]*)$")
_QUOTE = re.compile(r"^ *>")
_TABLE = re.compile(r"^ *\|? *:?-+:? *(?:\| *:?-+:? *)+\|? *$")
_MAX_QUOTES = 8
_TAB = 4


@dataclass(slots=True)
class _Item:
    marker: int  # column of the marker
    content: int  # column of the text after it


def normal_blocks(lines: list[str], keep: Keep, *, depth: int = 0) -> list[str]:
    """Return the lines of the same text in Python-Markdown's own layout."""
    return _Blocks(lines, keep, depth).run()


class _Blocks:
    def __init__(self, lines: list[str], keep: Keep, depth: int) -> None:
        self.lines, self.keep, self.depth = lines, keep, depth
        self.out: list[str] = []
        self.items: list[_Item] = []
        self.at = 0
        self._starts_item = False  # whether the lines since the last blank began with an item

    def run(self) -> list[str]:
        while self.at < len(self.lines):
            line = self.lines[self.at]
            self.at += 1
            self._line(line)
        return self.out

    def _line(self, line: str) -> None:
        fence, item = _FENCE.match(line), _ITEM.match(line)
        if not line.strip():
            self.out.append("")
        elif fence and not self._is_indented_code(line):
            self._code(fence[1], fence[2], fence[3].strip())
        elif "<pre" in line.casefold():
            self._verbatim(line)
        elif item and not _RULE.match(line) and not self._is_indented_code(line):
            self._item(item)
        elif _QUOTE.match(line) and not self._is_indented_code(line) and self.depth < _MAX_QUOTES:
            self._quote(line)
        elif _HEADING.match(line):
            self._leave(line)
            self._alone(line)
        else:
            self._text(line)

    def _text(self, line: str) -> None:
        if not self._after_text():
            self._leave(line)
            self._starts_item = False
        following = self.lines[self.at] if self.at < len(self.lines) else ""
        if "|" in line and _TABLE.match(following):
            self._blank()
        self.out.append(self._indented(line))

    def _item(self, found: re.Match[str]) -> None:
        column, marker = len(found[1]), found[2]
        was_listed = bool(self.items)
        while self.items and column < min(self.items[-1].content, self.items[-1].marker + 2):
            self.items.pop()
        if self._after_text() and not self._starts_item:
            # As in CommonMark, only a bullet or a 1 ends a paragraph that stands by itself.
            if not was_listed and marker[0].isdigit() and marker[:-1] != "1":
                self.out.append(found[0])
                return
            self._blank()
        self._starts_item = self._starts_item or not self._after_text()
        width = len(marker) + (len(found[3]) if 0 < len(found[3]) <= _TAB else 1)
        depth = len(self.items)
        self.items.append(_Item(column, column + width))
        name = f"{marker[:-1]}." if marker[-1] == ")" else marker
        self.out.append(f"{' ' * (_TAB * depth)}{name} {found[4].lstrip()}".rstrip())

    def _code(self, indent: str, fence: str, info: str) -> None:
        self._leave(indent + "x")
        code: list[str] = []
        closing = re.compile(rf"^ *{re.escape(fence[0])}{{{len(fence)},}} *$")
        while self.at < len(self.lines):
            line = self.lines[self.at]
            self.at += 1
            if closing.match(line):
                break
            margin = min(len(indent), len(line) - len(line.lstrip(" ")))
            code.append(line[margin:])
        self._alone(self.keep("\n".join(code), info.split(" ")[0] if info else ""), column=0)

    def _verbatim(self, line: str) -> None:
        self.out.append(line)
        while "</pre" not in line.casefold() and self.at < len(self.lines):
            line = self.lines[self.at]
            self.at += 1
            self.out.append(line)

    def _quote(self, line: str) -> None:
        self._leave(line)
        inner: list[str] = []
        while _QUOTE.match(line):
            inner.append(re.sub(r"^ *> ?", "", line))
            if self.at >= len(self.lines) or not _QUOTE.match(self.lines[self.at]):
                break
            line = self.lines[self.at]
            self.at += 1
        self._blank()
        margin = " " * (_TAB * len(self.items))
        quoted = normal_blocks(inner, self.keep, depth=self.depth + 1)
        while quoted and not quoted[-1]:
            quoted.pop()
        self.out += [f"{margin}> {each}".rstrip() for each in quoted]
        following = self.lines[self.at] if self.at < len(self.lines) else ""
        if _ITEM.match(following) or _HEADING.match(following) or _FENCE.match(following):
            self._blank()

    def _alone(self, line: str, column: int | None = None) -> None:
        self._blank()
        margin = " " * (_TAB * len(self.items))
        self.out += [margin + line if column is not None else self._indented(line), ""]

    def _indented(self, line: str) -> str:
        """The line with its list's indentation in units of four; text that hangs is pulled in."""
        if not self.items:
            return line
        column = len(line) - len(line.lstrip(" "))
        extra = max(0, column - self.items[-1].content)
        return " " * (_TAB * len(self.items) + extra) + line.lstrip(" ")

    def _leave(self, line: str) -> None:
        """Close the items that a block at this line's indentation does not belong to."""
        column = len(line) - len(line.lstrip(" "))
        while self.items and column < self.items[-1].content:
            # Four columns a level is the older custom; it continues the item too.
            if column >= self.items[-1].marker + 2 and column % _TAB == 0:
                break
            self.items.pop()

    def _is_indented_code(self, line: str) -> bool:
        column = len(line) - len(line.lstrip(" "))
        return not self.items and column >= _TAB and not self._after_text()

    def _after_text(self) -> bool:
        return bool(self.out) and bool(self.out[-1].strip())

    def _blank(self) -> None:
        if self._after_text():
            self.out.append("")
