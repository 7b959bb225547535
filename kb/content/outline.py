"""The contents and the plain text of an article, read from its sanitised HTML; pure.

Promises the headings in order and the text under each. Reads the HTML and never writes it.
"""

from __future__ import annotations

from kb.content.tokens import Token, read_tokens
from search.types import Section

# A new line is a word boundary; a word is not broken by inline markup.
_BLOCKS_WORDS = """
    p br hr h2 h3 h4 h5 h6 pre blockquote ul ol li dl dt dd table caption thead tbody tfoot tr
    th td figure figcaption div details summary
"""
_BLOCKS = frozenset(_BLOCKS_WORDS.split())
_HEADINGS = {f"h{level}": level for level in range(2, 7)}


def read_outline(html: str) -> tuple[tuple[Section, ...], tuple[tuple[int, str, str], ...]]:
    """Return the sections with their text and the contents as (level, anchor, text)."""
    reader = _Reader()
    for token in read_tokens(html):
        reader.read(token)
    return reader.finish()


def plain_text(html: str) -> str:
    """Return the words of a piece of sanitised HTML, one block a line."""
    sections, _ = read_outline(html)
    return "\n".join(part for each in sections for part in (each.heading, each.text) if part)


def opening(sections: tuple[Section, ...], *, limit: int = 200) -> str:
    """Return the first sentences of an article, at most `limit` characters."""
    text = next((each.text for each in sections if each.text), "").replace("\n", " ")
    if len(text) <= limit:
        return text
    cut = text[:limit]
    end = max(cut.rfind(mark) for mark in (". ", "! ", "? ", "。"))
    if end >= limit // 3:
        return cut[: end + 1].strip()
    return f"{cut[: limit - 1].rpartition(' ')[0] or cut[: limit - 1]}…"


class _Reader:
    def __init__(self) -> None:
        self._sections: list[Section] = []
        self._toc: list[tuple[int, str, str]] = []
        self._above: list[tuple[int, str]] = []
        self._anchor = ""
        self._text: list[str] = []
        self._heading: list[str] | None = None
        self._silent = 0

    def read(self, token: Token) -> None:
        if token.kind == "text":
            if not self._silent:
                self._add(token.name)
        elif token.kind == "start":
            self._start(token)
        else:
            self._end(token.name)

    def _start(self, token: Token) -> None:
        tag, attributes = token.name, token.attributes
        if tag in _HEADINGS:
            self._close_section()
            self._anchor = attributes.get("id", "")
            self._heading = []
        elif tag == "a" and "footnote-backref" in attributes.get("class", ""):
            self._silent += 1
        elif tag in _BLOCKS:
            self._add("\n")
        elif tag == "img":
            self._add(f" {attributes.get('alt', '')} ")

    def _end(self, tag: str) -> None:
        if tag in _HEADINGS and self._heading is not None:
            self._open_section(_HEADINGS[tag], " ".join("".join(self._heading).split()))
        elif tag == "a":
            self._silent = 0
        elif tag in _BLOCKS:
            self._add("\n")

    def finish(self) -> tuple[tuple[Section, ...], tuple[tuple[int, str, str], ...]]:
        self._close_section()
        return tuple(self._sections), tuple(self._toc)

    def _add(self, text: str) -> None:
        (self._text if self._heading is None else self._heading).append(text)

    def _open_section(self, level: int, text: str) -> None:
        self._heading = None
        self._above = [(above, name) for above, name in self._above if above < level]
        self._above.append((level, text))
        self._toc.append((level, self._anchor, text))

    def _close_section(self) -> None:
        lines = (" ".join(line.split()) for line in "".join(self._text).split("\n"))
        text = "\n".join(line for line in lines if line)
        path = tuple(name for _, name in self._above)
        if text or path:
            self._sections.append(Section(self._anchor, path, text))
        self._text = []
