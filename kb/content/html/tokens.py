"""Read HTML as a list of tokens, and get sections, contents, plain text and anchors from it.

Every tag and text of the input appears in order, and tags are well formed when written again. HTML
in the form that renderers and sanitisers write is read by one pattern, any other by `html.parser`;
the tokens are the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import escape, unescape
from html.parser import HTMLParser
from operator import itemgetter

from kb.content.html.shape import LineReader
from search.types import Section

# -- Tokens --


Attributes = dict[str, str]
_VALUE = r"\"(?:[^\"&]|&(?:amp|lt|gt|quot|nbsp|#[0-9]{1,7});)*+\""
_NAME = r"[a-z][a-z0-9-]*+"
_PLAIN = re.compile(rf"(<(/?)({_NAME})((?: {_NAME}={_VALUE})*+)(?: ?/)?>|([^<]++))")
_ATTRIBUTE = re.compile(rf" ({_NAME})=\"([^\"]*+)\"")
# The content of these is not markup, for some of them only in later versions of Python.
_RAW_WORDS = """
    script style textarea title xmp iframe noembed noframes noscript plaintext svg math
"""
_RAW = frozenset(_RAW_WORDS.split())


@dataclass(slots=True)
class HtmlToken:
    """A piece of HTML: `kind` is start, end or text; `name` is the tag, or the text itself."""

    kind: str
    name: str
    attributes: Attributes = field(default_factory=dict)


def read_tokens(html: str) -> list[HtmlToken]:
    """Return the tokens of `html`."""
    plain = _plain_tokens(html)
    if plain is not None:
        return plain
    reader = _Tokens()
    reader.feed(html)
    reader.close()
    return reader.tokens


def _plain_tokens(html: str) -> list[HtmlToken] | None:
    """Return the tokens of HTML written in the renderers' plain form, None for any other."""
    pieces = _PLAIN.findall(html)
    if sum(map(len, map(itemgetter(0), pieces))) != len(html):
        return None  # the pattern left something out
    tokens = []
    for whole, end, name, attributes, text in pieces:
        if text:
            tokens.append(HtmlToken("text", unescape(text) if "&" in text else text))
        elif name in _RAW or (end and (attributes or whole[-2] == "/")):
            return None
        elif end:
            tokens.append(HtmlToken("end", name))
        else:
            tokens.append(HtmlToken("start", name, _attributes(attributes) if attributes else {}))
    return tokens


def _attributes(written: str) -> Attributes:
    return {name: unescape(value) for name, value in _ATTRIBUTE.findall(written)}


class _Tokens(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tokens: list[HtmlToken] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tokens.append(HtmlToken("start", tag, {name: value or "" for name, value in attrs}))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        self.tokens.append(HtmlToken("end", tag))

    def handle_data(self, data: str) -> None:
        self.tokens.append(HtmlToken("text", data))


def start_tag(name: str, attributes: Attributes) -> str:
    """Return the tag as HTML."""
    inside = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items())
    return f"<{name}{inside}>"


def text_of(tokens: list[HtmlToken]) -> str:
    """Return the words of the tokens."""
    return "".join(token.name for token in tokens if token.kind == "text")


def anchors_in(tokens: list[HtmlToken]) -> list[str]:
    """Return the names of anchors that are not links, which other publishers put on headings."""
    found = (t.attributes for t in tokens if t.kind == "start" and t.name == "a")
    return [a.get("name") or a.get("id", "") for a in found if "href" not in a]


# -- Sections, contents and plain text --


# Each of these begins a new line, which separates words; inline markup does not.
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
    """Return the words of a piece of sanitised HTML, one block per line."""
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
        self._lines = LineReader()
        self._heading: list[str] | None = None
        self._silent = 0

    def read(self, token: HtmlToken) -> None:
        if token.kind == "text":
            if not self._silent:
                self._add(token.name)
        elif token.kind == "start":
            self._start(token)
        else:
            self._end(token.name)

    def _start(self, token: HtmlToken) -> None:
        tag, attributes = token.name, token.attributes
        if tag in _HEADINGS:
            self._close_section()
            self._anchor = attributes.get("id", "")
            self._heading = []
        elif tag == "a" and "footnote-backref" in attributes.get("class", ""):
            self._silent += 1
        elif tag in _BLOCKS:
            self._break()
            if self._heading is None:
                self._lines.open(tag, attributes)
        elif tag == "img":
            self._add(f" {attributes.get('alt', '')} ")

    def _end(self, tag: str) -> None:
        if tag in _HEADINGS and self._heading is not None:
            self._open_section(_HEADINGS[tag], " ".join("".join(self._heading).split()))
        elif tag == "a":
            self._silent = 0
        elif tag in _BLOCKS:
            self._break()
            if self._heading is None:
                self._lines.close(tag)

    def finish(self) -> tuple[tuple[Section, ...], tuple[tuple[int, str, str], ...]]:
        self._close_section()
        return tuple(self._sections), tuple(self._toc)

    def _add(self, text: str) -> None:
        if self._heading is None:
            self._lines.add(text)
        else:
            self._heading.append(text)

    def _break(self) -> None:
        """Separate the words of a heading where a block stands in it."""
        if self._heading is not None:
            self._heading.append("\n")

    def _open_section(self, level: int, text: str) -> None:
        self._heading = None
        self._above = [(above, name) for above, name in self._above if above < level]
        self._above.append((level, text))
        self._toc.append((level, self._anchor, text))

    def _close_section(self) -> None:
        text, shape = self._lines.take()
        path = tuple(name for _, name in self._above)
        if text or path:
            self._sections.append(Section(self._anchor, path, text, shape))
