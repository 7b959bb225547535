"""HTML as a list of tokens, for changes that a tree would not make easier; pure.

Promises every tag and text of the input in order, and tags that are well formed again when written.
Knows no article and judges nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from html.parser import HTMLParser

Attributes = dict[str, str]


@dataclass(slots=True)
class Token:
    """A piece of HTML: `kind` is start, end or text; `name` the tag, or the text itself."""

    kind: str
    name: str
    attributes: Attributes = field(default_factory=dict)


def read_tokens(html: str) -> list[Token]:
    """Return the tokens of `html`."""
    reader = _Tokens()
    reader.feed(html)
    reader.close()
    return reader.tokens


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
