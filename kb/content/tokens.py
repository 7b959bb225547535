"""HTML as a list of tokens, for changes that a tree would not make easier; pure.

Promises every tag and text of the input in order, and tags that are well formed again when written.
HTML as renderers and sanitisers write it is read by one pattern, all other as `html.parser` does;
the tokens are the same. Knows no article and judges nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import escape, unescape
from html.parser import HTMLParser
from operator import itemgetter

Attributes = dict[str, str]
_VALUE = r"\"(?:[^\"&]|&(?:amp|lt|gt|quot|nbsp|#[0-9]{1,7});)*+\""
_NAME = r"[a-z][a-z0-9-]*+"
_PLAIN = re.compile(rf"(<(/?)({_NAME})((?: {_NAME}={_VALUE})*+)(?: ?/)?>|([^<]++))")
_ATTRIBUTE = re.compile(rf" ({_NAME})=\"([^\"]*+)\"")
# What stands within these is, or in a later Python will be, no markup.
_RAW_WORDS = """
    script style textarea title xmp iframe noembed noframes noscript plaintext svg math
"""
_RAW = frozenset(_RAW_WORDS.split())


@dataclass(slots=True)
class Token:
    """A piece of HTML: `kind` is start, end or text; `name` the tag, or the text itself."""

    kind: str
    name: str
    attributes: Attributes = field(default_factory=dict)


def read_tokens(html: str) -> list[Token]:
    """Return the tokens of `html`."""
    plain = _plain_tokens(html)
    if plain is not None:
        return plain
    reader = _Tokens()
    reader.feed(html)
    reader.close()
    return reader.tokens


def _plain_tokens(html: str) -> list[Token] | None:
    """Return the tokens of HTML that is written in one plain way, None for any other."""
    pieces = _PLAIN.findall(html)
    if sum(map(len, map(itemgetter(0), pieces))) != len(html):
        return None  # something stands between them
    tokens = []
    for whole, end, name, attributes, text in pieces:
        if text:
            tokens.append(Token("text", unescape(text) if "&" in text else text))
        elif name in _RAW or (end and (attributes or whole[-2] == "/")):
            return None
        elif end:
            tokens.append(Token("end", name))
        else:
            tokens.append(Token("start", name, _attributes(attributes) if attributes else {}))
    return tokens


def _attributes(written: str) -> Attributes:
    return {name: unescape(value) for name, value in _ATTRIBUTE.findall(written)}


class _Tokens(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tokens: list[Token] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tokens.append(Token("start", tag, {name: value or "" for name, value in attrs}))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        self.tokens.append(Token("end", tag))

    def handle_data(self, data: str) -> None:
        self.tokens.append(Token("text", data))


def start_tag(name: str, attributes: Attributes) -> str:
    """Return the tag as HTML."""
    inside = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items())
    return f"<{name}{inside}>"


def text_of(tokens: list[Token]) -> str:
    """Return the words of the tokens."""
    return "".join(token.name for token in tokens if token.kind == "text")


def anchors_in(tokens: list[Token]) -> list[str]:
    """Return the names of anchors that are no links, as other publishers give headings."""
    found = (t.attributes for t in tokens if t.kind == "start" and t.name == "a")
    return [a.get("name") or a.get("id", "") for a in found if "href" not in a]
