"""One source file as the rules see it: its lines, its prose without code, its headings and links.

Every offset in `prose` is that of the source, so that a rule which finds something there can name
the line and quote the words. Markdown is read by lines and patterns, not as the renderer reads it,
and what is uncertain is left out.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from kb.content.draft import Draft
from kb.content.problem import Problem

_FENCE = re.compile(
    r"^(?P<inset>[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?)(?P<mark>`{3,}|~{3,})(?P<info>[^\n]*)$"
)
_SPAN = re.compile(r"(?<![`\\])(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_VERBATIM = re.compile(r"<(pre|code)\b.*?(?:</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE)
_HEADING = re.compile(r"^ {0,3}(#{1,6})(?:[ \t]+(.*?))?[ \t]*#*[ \t]*$")
_UNDERLINE = re.compile(r"^ {0,3}(=+|-+)[ \t]*$")
_TARGET = (
    r"\(\s*(?:<([^<>\n]*)>|([^\s()<>]*(?:\([^\s()]*\)[^\s()<>]*)*))(?:\s+[\"'(][^\n]*?[\"')])?\s*\)"
)
_LINK = re.compile(r"(?<![!\\])\[((?:[^\[\]]|\[[^\[\]]*\])*)\]" + _TARGET)
_IMAGE = re.compile(r"(?<!\\)!\[([^\[\]]*)\]" + _TARGET)
_KEY = re.compile(r"^([\"']?)([\w.-]+)\1([ \t]*)[:=]")
_MARKS = re.compile(r"[*_`\[\]]|\]\([^)]*\)|\{#[^}]*\}")


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading as written; `line` counts from 1 in the file."""

    line: int
    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """A link or image: the words shown, where it leads, and its line."""

    line: int
    words: str
    target: str


@dataclass(frozen=True, slots=True)
class SourcePage:
    """A file as the rules need it.

    `text` has "\\n" as its only line end; `prose` is `text` with the front matter, code and
    comments blanked; `keys` maps a key to its line; `open_fence` is the line of an unclosed code
    block, 0 for none.
    """

    draft: Draft
    slug: str
    language: str
    text: str
    prose: str
    keys: dict[str, int]
    headings: tuple[Heading, ...]
    links: tuple[Link, ...]
    images: tuple[Link, ...]
    open_fence: int
    _starts: tuple[int, ...]

    @property
    def path(self) -> str:
        """The file's path."""
        return self.draft.path

    @property
    def body_start(self) -> int:
        """Where the body begins in `text`."""
        return self._starts[min(self.draft.body_line, len(self._starts)) - 1]

    def line_of(self, offset: int) -> int:
        """Return the line, from 1, that holds the character at `offset` of `text`."""
        return bisect_right(self._starts, offset)

    def find(self, words: str) -> int | None:
        """Return the first line of the file that holds `words`, the body's lines first."""
        at = self.text.find(words, self.body_start) if words else -1
        at = self.text.find(words) if at < 0 and words else at
        return self.line_of(at) if at >= 0 else None

    def problem(self, code: str, line: int | None, message: str, hint: str) -> Problem:
        """Return a finding in this file."""
        return Problem(self.path, line, code, message, hint)


def read_page(draft: Draft, text: str, *, slug: str, language: str) -> SourcePage:
    """Return the page of a draft that was read from `text`."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    starts = (0, *(found.end() for found in re.finditer("\n", text)))
    body = starts[min(draft.body_line, len(starts)) - 1]
    if not draft.body.strip():
        body = len(text)
    masked, fence = _without_code(text[body:])
    prose = _blank(text[:body]) + masked
    line_of = lambda offset: bisect_right(starts, offset)  # noqa: E731 - a name for what follows
    return SourcePage(
        draft,
        slug,
        language,
        text,
        prose,
        keys=dict(_keys(text[:body])),
        headings=tuple(_headings(text, prose)),
        links=tuple(_found(_LINK, text, prose, line_of)),
        images=tuple(_found(_IMAGE, text, prose, line_of)) if "![" in prose else (),
        open_fence=fence + text.count("\n", 0, body) if fence else 0,
        _starts=starts,
    )


def _blank(text: str) -> str:
    return "\n".join(" " * len(line) for line in text.split("\n"))


def _without_code(body: str) -> tuple[str, int]:
    """Return the body with code and comments blanked, and the line of an unclosed fence or 0."""
    done, mark, opened = [], "", 0
    for number, line in enumerate(body.split("\n"), start=1):
        found = _FENCE.match(line) if "```" in line or "~~~" in line else None
        if mark:
            done.append(_blank(line))
            if found and found["mark"].startswith(mark) and not found["info"].strip("`~ \t"):
                mark, opened = "", 0
        elif found and not ("`" in found["mark"] and "`" in found["info"]):
            mark, opened = found["mark"], number
            done.append(_blank(line))
        else:
            done.append(line)
    text = "\n".join(done)
    for pattern in (_COMMENT, _VERBATIM):
        text = pattern.sub(lambda each: _blank(each[0]), text)
    if "`" not in text:
        return text, opened
    blocks = re.split(r"(\n[ \t]*\n)", text)  # a span of code ends with its paragraph
    return "".join(
        _SPAN.sub(lambda each: _blank(each[0]), block) if "`" in block else block
        for block in blocks
    ), opened


def _keys(front: str) -> Iterator[tuple[str, int]]:
    for number, line in enumerate(front.split("\n"), start=1):
        found = _KEY.match(line)
        if found:
            yield found[2], number


def _headings(text: str, prose: str) -> Iterator[Heading]:
    """Yield headings with #, and underlined ones; the words come from the source."""
    raw = text.split("\n")
    above = ""
    for number, line in enumerate(prose.split("\n"), start=1):
        found = _HEADING.match(line) if "#" in line else None
        under = _UNDERLINE.match(line) if line.strip(" \t")[:1] in ("=", "-") else None
        if found:
            words = _HEADING.match(raw[number - 1])
            yield Heading(number, len(found[1]), _plain((words or found)[2] or ""))
        elif under and above.strip() and not re.match(r"[ ]*([-*+>|#]|\d+[.)]\s)", above):
            yield Heading(number - 1, 1 if under[1][0] == "=" else 2, _plain(raw[number - 2]))
        above = "" if found else line


def _plain(text: str) -> str:
    return " ".join(_MARKS.sub("", text).split())


def _found(pattern: re.Pattern[str], text: str, prose: str, line_of: object) -> Iterator[Link]:
    assert callable(line_of)
    for each in pattern.finditer(prose):
        words = text[each.start(1) : each.end(1)]
        yield Link(line_of(each.start()), " ".join(words.split()), each[2] or each[3] or "")
