"""HTML from Markdown made to fit its page: headings, anchors, links and images; pure.

Promises headings from level 2 that skip no level, an id on each that depends on its words alone,
and links and images that lead somewhere or are plain words. Runs before the sanitiser and relies
on it: nothing here makes HTML safe.
"""

from __future__ import annotations

import base64
import re
import unicodedata
from dataclasses import dataclass, field
from html import escape
from html.parser import HTMLParser
from urllib.parse import unquote

from kb.content.directory import ARTICLES, MEDIA, Directory
from kb.content.pictures import media_name
from kb.content.problem import Problem
from kb.content.sanitise import is_free_id

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_VOID = frozenset({"br", "hr", "img", "wbr", "col", "input", "area", "source"})
_VERBATIM = frozenset({"a", "code", "pre", "kbd", "samp"})
_BARE_LINK = re.compile(r"https?://[^\s<>\"'()\[\]]*[^\s<>\"'()\[\].,;:!?]")
_INLINE = re.compile(r"data:image/[a-z]+;base64,(.+)", re.IGNORECASE | re.DOTALL)
Attributes = dict[str, str]


@dataclass(slots=True)
class Token:
    """A piece of HTML: `kind` is start, end or text; `name` the tag, or the text itself."""

    kind: str
    name: str
    attributes: Attributes = field(default_factory=dict)


@dataclass(slots=True)
class Rewritten:
    """The HTML, what it points to and what is wrong with it.

    `references` are ("link" or "image", as written, the address it got or "");
    `targets` are (slug, fragment) pairs; `inline` maps the
    name of an image written into the text itself to its bytes in base64.
    """

    html: str
    references: list[tuple[str, str, str]]
    targets: list[tuple[str, str]]
    problems: list[Problem]
    inline: dict[str, str]


def slugify(text: str) -> str:
    """Return an id made of the words of `text` in any script: "¿Qué es?" -> "qué-es"."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    words = re.sub(r"[^\w\s-]", "", plain)
    return re.sub(r"[\s_-]+", "-", words).strip("-")[:80] or "section"


def rewrite(
    html: str, directory: Directory, *, path: str, language: str, title: str, own_title: bool
) -> Rewritten:
    """Return `html` as it fits the page of the article in the file `path`.

    A first heading of level 1 that repeats `title` is taken out, and any such heading when
    `own_title` is false, because then it gave the title.
    """
    tokens = _tokens(html)
    page = _Page(directory, path, language)
    tokens = page.headings(tokens, title=title, own_title=own_title)
    text = page.emit(tokens)
    return Rewritten(text, page.references, page.targets, page.problems, page.inline)


def _tokens(html: str) -> list[Token]:
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


class _Page:
    def __init__(self, directory: Directory, path: str, language: str) -> None:
        self.directory, self.path, self.language = directory, path, language
        self.ids: set[str] = set()
        self.references: list[tuple[str, str, str]] = []
        self.targets: list[tuple[str, str]] = []
        self.problems: list[Problem] = []
        self.inline: dict[str, str] = {}
        self._links: list[bool] = []
        self._verbatim = 0

    # Headings

    def headings(self, tokens: list[Token], *, title: str, own_title: bool) -> list[Token]:
        """Return the tokens with levels and ids set, and without the heading that is the title."""
        spans = _heading_spans(tokens)
        if spans and _is_title(tokens, spans[0], title, own_title=own_title):
            start, end = spans[0]
            anchors = self._anchors(tokens[start:end])
            marks = [token for name in anchors for token in _anchor(name)]
            tokens = [*tokens[:start], *marks, *tokens[end:]]
            spans = _heading_spans(tokens)
        levels = [_HEADINGS[tokens[start].name] for start, _ in spans]
        shift, last = 2 - min(levels, default=2), 1
        done: list[Token] = []
        position = 0
        for (start, end), level in zip(spans, levels, strict=True):
            last = min(level + shift, last + 1, 6)
            done += tokens[position:start]
            done += self._heading(tokens[start:end], last)
            position = end
        return done + tokens[position:]

    def _heading(self, tokens: list[Token], level: int) -> list[Token]:
        text = _text_of(tokens).strip()
        if not text:
            return []
        given = [tokens[0].attributes.get("id", ""), *self._anchors(tokens)]
        name = self._unique(next((g for g in given if is_free_id(g)), slugify(text)))
        inner = [t for t in tokens[1:-1] if t.name != "a" or "href" in t.attributes]
        inner = _trimmed(_balanced_links(inner))
        return [Token("start", f"h{level}", {"id": name}), *inner, Token("end", f"h{level}")]

    def _unique(self, name: str) -> str:
        base = name if is_free_id(name) else f"section-{name}"
        base = base if is_free_id(base) else "section"
        free, number = base, 1
        while free in self.ids:
            free, number = f"{base}-{number}", number + 1
        self.ids.add(free)
        return free

    @staticmethod
    def _anchors(tokens: list[Token]) -> list[str]:
        """The names of empty anchors, as Microsoft Learn and kramdown give headings."""
        found = (t.attributes for t in tokens if t.kind == "start" and t.name == "a")
        return [a.get("name") or a.get("id", "") for a in found if "href" not in a]

    # Links, images, everything else

    def emit(self, tokens: list[Token]) -> str:
        """Return the HTML of the tokens."""
        self.ids |= {t.attributes["id"] for t in tokens if t.attributes.get("id")}
        self.ids |= {n for n in self._anchors(tokens) if n}
        return "".join(map(self._token, tokens))

    def _token(self, token: Token) -> str:
        if token.kind == "text":
            return self._words(token.name)
        if token.name in _VERBATIM:
            self._verbatim += 1 if token.kind == "start" else -1 if self._verbatim else 0
        if token.name == "a":
            return self._link(token)
        if token.kind == "end":
            return "" if token.name in _VOID else f"</{token.name}>"
        if token.name == "img":
            return self._image(token.attributes)
        if token.name == "th":
            token.attributes.setdefault("scope", "col")
        return _tag(token.name, token.attributes)

    def _words(self, text: str) -> str:
        """Escape the text; full addresses in running text become links, as on GitHub."""
        if self._verbatim or "://" not in text:
            return escape(text, quote=False)
        done, start = [], 0
        for found in _BARE_LINK.finditer(text):
            words = escape(found[0])
            done += [escape(text[start : found.start()], quote=False)]
            done += [f'<a href="{words}">{words}</a>']
            start = found.end()
        return "".join([*done, escape(text[start:], quote=False)])

    def _link(self, token: Token) -> str:
        if token.kind == "end":
            return "</a>" if self._links and self._links.pop() else ""
        written = token.attributes.get("href")
        if written is None:
            self._links.append(False)
            name = token.attributes.get("name") or token.attributes.get("id", "")
            return _tag("span", {"id": name}) + "</span>" if is_free_id(name) else ""
        address = self._address(written)
        self._links.append(bool(address))
        return _tag("a", {**token.attributes, "href": address}) if address else ""

    def _address(self, written: str) -> str:
        address = self.directory.link(written, base=self.path, language=self.language)
        if address.startswith("#"):
            address = self._fragment(unquote(address[1:]))
        elif not re.match(r"(?i)https?:|mailto:", address):
            self.references.append(("link", written, address.partition("#")[0]))
        if not address and written.strip():
            self._report_link(written)
        elif address.startswith(ARTICLES):
            slug, _, fragment = address.removeprefix(ARTICLES).partition("#")
            self.targets.append((unquote(slug), unquote(fragment)))
        return address

    def _fragment(self, name: str) -> str:
        known = next((each for each in (name, slugify(name)) if each in self.ids), "")
        return f"#{known}" if known else ""

    def _report_link(self, written: str) -> None:
        message = f"The link to “{written[:120]}” leads nowhere, so only its words are shown."
        hint = "Point it at a file that exists, by its path from this one."
        if re.match(r"\w[\w+.-]*:", written) and not written.casefold().startswith("http"):
            message = f"A link may not begin as “{written[:40]}” does; only its words are shown."
            hint = "Use an address that begins with https:// or mailto:."
        elif written.startswith("#"):
            message = f"No heading of this article has the anchor “{written[:80]}”."
            hint = "Copy the anchor from the page's contents."
        self.problems.append(Problem(self.path, None, "link", message, hint))

    def _image(self, attributes: Attributes) -> str:
        written, words = attributes.get("src", ""), attributes.get("alt", "").strip()
        address = self._image_address(written)
        if not address.startswith(MEDIA):
            self._report_image(written)
            return escape(words)
        kept: Attributes = {n: attributes[n] for n in ("width", "height") if n in attributes}
        return _tag("img", {"src": address, "alt": words, "loading": "lazy", **kept})

    def _image_address(self, written: str) -> str:
        found = _INLINE.match(written)
        data = _decoded(found[1]) if found else b""
        name = media_name(data)
        if found and name:
            self.inline[name] = found[1]
            return f"{MEDIA}{name}"
        address = self.directory.image(written, base=self.path)
        if not found:
            self.references.append(("image", written, address))
        return address

    def _report_image(self, written: str) -> None:
        hint = "Put a PNG, JPEG, GIF or WebP file of at most 5 MiB beside the article."
        message = f"The image “{written[:120]}” is not in the articles, so its words are shown."
        self.problems.append(Problem(self.path, None, "image", message, hint))


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(unquote(text), validate=False)
    except ValueError:
        return b""


def _tag(name: str, attributes: Attributes) -> str:
    inside = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items())
    return f"<{name}{inside}>"


def _heading_spans(tokens: list[Token]) -> list[tuple[int, int]]:
    """Return the (start, end) of each heading; one that is never closed ends at the next block."""
    spans: list[tuple[int, int]] = []
    start = -1
    for at, token in enumerate(tokens):
        if token.name in _HEADINGS and token.kind == "start" and start < 0:
            start = at
        elif token.name in _HEADINGS and token.kind == "end" and start >= 0:
            spans.append((start, at + 1))
            start = -1
    return spans


def _is_title(tokens: list[Token], span: tuple[int, int], title: str, *, own_title: bool) -> bool:
    start, end = span
    if tokens[start].name != "h1" or _text_of(tokens[:start]).strip():
        return False
    heading = tokens[start:end]
    named = any(t.name == "a" and t.kind == "start" and "href" not in t.attributes for t in heading)
    same = slugify(_text_of(heading)) == slugify(title)
    return same or named or not own_title


def _text_of(tokens: list[Token]) -> str:
    return "".join(token.name for token in tokens if token.kind == "text")


def _anchor(name: str) -> tuple[Token, Token]:
    return Token("start", "a", {"id": name}), Token("end", "a")


def _trimmed(tokens: list[Token]) -> list[Token]:
    """Take off the space that an anchor left at the end of a heading."""
    if tokens and tokens[-1].kind == "text":
        return [*tokens[:-1], Token("text", tokens[-1].name.rstrip())]
    return tokens


def _balanced_links(tokens: list[Token]) -> list[Token]:
    """Drop ends of links whose start is gone, so that the page's links stay paired."""
    done, depth = [], 0
    for token in tokens:
        if token.name == "a":
            depth += 1 if token.kind == "start" else -1
            if depth < 0:
                depth = 0
                continue
        done.append(token)
    return done
