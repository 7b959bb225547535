"""Make HTML from Markdown fit its page: headings, links, images and anchors.

Heading levels begin at 2 and skip none. The id of a heading is unique and depends on its words
alone (or is the one its author gave), so that links to sections survive other edits. Links and
images lead somewhere or become plain words, and no id occurs twice. This runs before the sanitiser
and relies on it: nothing here makes HTML safe.
"""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from urllib.parse import unquote

from kb.content.html.sanitise import is_free_id
from kb.content.html.tokens import (
    Attributes,
    HtmlToken,
    anchors_in,
    read_tokens,
    start_tag,
    text_of,
)
from kb.content.link_targets import ARTICLES, MEDIA, Directory
from kb.content.media import described, dimensions, media_name
from kb.content.problem import Problem

# -- Headings --


MOST_READ = 1000  # characters of a heading for its id, which keeps 80
_WORDS = re.compile(r"[\w\s-]")
HEADINGS = {f"h{level}": level for level in range(1, 7)}


def slugify(text: str) -> str:
    """Return an id made of the words of `text` in any script: "¿Qué es?" -> "qué-es"."""
    plain = unicodedata.normalize("NFKC", text[:MOST_READ]).casefold()
    words = "".join(c for c in plain if _WORDS.match(c) or unicodedata.category(c)[0] == "M")
    return re.sub(r"[\s_-]+", "-", words).strip("-")[:80] or "section"


def fit_headings(
    tokens: list[HtmlToken], title: str, *, own_title: bool
) -> tuple[list[HtmlToken], set[str]]:
    """Return the tokens with levels and ids set, and the ids.

    A first heading of level 1 that repeats `title` is taken out, and any such heading when
    `own_title` is false, because then it gave the title.
    """
    headings = _Headings()
    return headings.run(tokens, title, own_title=own_title), headings.ids


class _Headings:
    def __init__(self) -> None:
        self.ids: set[str] = set()

    def run(self, tokens: list[HtmlToken], title: str, *, own_title: bool) -> list[HtmlToken]:
        spans = _heading_spans(tokens)
        if spans and _is_title(tokens, spans[0], title, own_title=own_title):
            start, end = spans[0]
            anchors = anchors_in(tokens[start:end])
            marks = [token for name in anchors for token in _anchor(name)]
            tokens = [*tokens[:start], *marks, *tokens[end:]]
            spans = _heading_spans(tokens)
        levels = [HEADINGS[tokens[start].name] for start, _ in spans]
        shift, last = 2 - min(levels, default=2), 1
        done: list[HtmlToken] = []
        position = 0
        for (start, end), level in zip(spans, levels, strict=True):
            last = min(level + shift, last + 1, 6)
            done += tokens[position:start]
            done += self._heading(tokens[start:end], last)
            position = end
        return done + tokens[position:]

    def _heading(self, tokens: list[HtmlToken], level: int) -> list[HtmlToken]:
        text = text_of(tokens).strip()
        if not text:
            return []
        given = [tokens[0].attributes.get("id", ""), *anchors_in(tokens)]
        name = self._unique(next((g for g in given if is_free_id(g)), slugify(text)))
        inner = [t for t in tokens[1:-1] if t.name != "a" or "href" in t.attributes]
        inner = _trimmed(_balanced_links(inner))
        return [
            HtmlToken("start", f"h{level}", {"id": name}),
            *inner,
            HtmlToken("end", f"h{level}"),
        ]

    def _unique(self, name: str) -> str:
        base = name if is_free_id(name) else f"section-{name}"
        base = base if is_free_id(base) else "section"
        free, number = base, 1
        while free in self.ids:
            free, number = f"{base}-{number}", number + 1
        self.ids.add(free)
        return free


def _heading_spans(tokens: list[HtmlToken]) -> list[tuple[int, int]]:
    """Return the (start, end) of each heading; one that is never closed ends at the next block."""
    spans: list[tuple[int, int]] = []
    start = -1
    for at, token in enumerate(tokens):
        if token.name in HEADINGS and token.kind == "start" and start < 0:
            start = at
        elif token.name in HEADINGS and token.kind == "end" and start >= 0:
            spans.append((start, at + 1))
            start = -1
    return spans


def _is_title(
    tokens: list[HtmlToken], span: tuple[int, int], title: str, *, own_title: bool
) -> bool:
    start, end = span
    if tokens[start].name != "h1" or text_of(tokens[:start]).strip():
        return False
    heading = tokens[start:end]
    named = any(t.name == "a" and t.kind == "start" and "href" not in t.attributes for t in heading)
    same = slugify(text_of(heading)) == slugify(title)
    return same or named or not own_title


def _anchor(name: str) -> tuple[HtmlToken, HtmlToken]:
    return HtmlToken("start", "a", {"id": name}), HtmlToken("end", "a")


def _trimmed(tokens: list[HtmlToken]) -> list[HtmlToken]:
    """Remove the space that an anchor left at the end of a heading."""
    if tokens and tokens[-1].kind == "text":
        return [*tokens[:-1], HtmlToken("text", tokens[-1].name.rstrip())]
    return tokens


def _balanced_links(tokens: list[HtmlToken]) -> list[HtmlToken]:
    """Drop link end tags whose start tag is gone, so that the page's links stay paired."""
    done, depth = [], 0
    for token in tokens:
        if token.name == "a":
            depth += 1 if token.kind == "start" else -1
            if depth < 0:
                depth = 0
                continue
        done.append(token)
    return done


# -- Links, images and anchors --


_VOID = frozenset({"br", "hr", "img", "wbr", "col", "input", "area", "source"})
_VERBATIM = frozenset({"a", "code", "pre", "kbd", "samp"})
_BARE_LINK = re.compile(r"https?://[^\s<>\"'()\[\]]*[^\s<>\"'()\[\].,;:!?]")
_INLINE = re.compile(r"data:image/[a-z]+;base64,(.+)", re.IGNORECASE | re.DOTALL)


@dataclass(slots=True)
class Rewritten:
    """The HTML, what it points to and its findings.

    `references` are ("link", "image" or "title"; text as written; what it resolved to or "");
    `targets` are (slug, fragment) pairs; `inline` maps the name of an image embedded in the text to
    its bytes in base64.
    """

    html: str
    references: list[tuple[str, str, str]]
    targets: list[tuple[str, str]]
    problems: list[Problem]
    inline: dict[str, str]


def rewrite(
    html: str,
    directory: Directory,
    everything: Directory,
    *,
    path: str,
    language: str,
    title: str,
    own_title: bool,
) -> Rewritten:
    """Return `html` as it fits the page of the article in the file `path`.

    `directory` holds what the article's readers may know of, `everything` also what they may not.
    `title` and `own_title` are those of `fit_headings`.
    """
    tokens, ids = fit_headings(read_tokens(html), title, own_title=own_title)
    page = _Page(directory, everything, path, language, ids)
    text = page.emit(tokens)
    return Rewritten(text, page.references, page.targets, page.problems, page.inline)


class _Page:
    def __init__(
        self, directory: Directory, everything: Directory, path: str, language: str, ids: set[str]
    ) -> None:
        self.directory, self.everything = directory, everything
        self.path, self.language = path, language
        self.ids = ids  # of headings first, then of what else was written
        self.known: set[str] = set()
        self.references: list[tuple[str, str, str]] = []
        self.targets: list[tuple[str, str]] = []
        self.problems: list[Problem] = []
        self.inline: dict[str, str] = {}
        self._links: list[str] = []  # the end tag of each open link
        self._verbatim = 0

    def emit(self, tokens: list[HtmlToken]) -> str:
        """Return the HTML of the tokens."""
        self.known = {t.attributes["id"] for t in tokens if t.attributes.get("id")}
        self.known |= set(anchors_in(tokens))
        return "".join(map(self._token, self._with_titles(tokens)))

    def _with_titles(self, tokens: list[HtmlToken]) -> Iterator[HtmlToken]:
        """Yield the tokens; a link by slug without words gets the title of its article."""
        for at, token in enumerate(tokens):
            yield token
            if token.name != "a" or token.kind == "text":
                continue
            written = token.attributes.get("href", "")
            following = tokens[at + 1] if at + 1 < len(tokens) else token
            is_bare = following.kind == "end" and following.name == "a"
            if written.startswith("kb:") and is_bare:
                title = self.directory.title(written, base=self.path, language=self.language)
                self.references.append(("title", written, title))
                yield HtmlToken("text", title or written.removeprefix("kb:"))

    def _token(self, token: HtmlToken) -> str:
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
        name = token.attributes.get("id")
        if name is not None and token.name not in HEADINGS and not self._claim(name):
            del token.attributes["id"]
        if token.name == "th":
            token.attributes.setdefault("scope", "col")
        return start_tag(token.name, token.attributes)

    def _claim(self, name: str) -> bool:
        """Whether an id may be written: well formed, not the page's own, not written before."""
        free = is_free_id(name) and name not in self.ids
        self.ids.add(name)
        return free

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

    def _link(self, token: HtmlToken) -> str:
        if token.kind == "end":
            return self._links.pop() if self._links else ""
        written = token.attributes.get("href")
        if written is None:
            self._links.append("")
            name = token.attributes.get("name") or token.attributes.get("id", "")
            return start_tag("span", {"id": name}) + "</span>" if self._claim(name) else ""
        address = self._address(written)
        self._links.append(f"{self._offer(address)}</a>" if address else "")
        return start_tag("a", {**token.attributes, "href": address}) if address else ""

    def _offer(self, address: str) -> str:
        """Return the kind and size of a file to be saved, to be shown after its link's words."""
        name = address.removeprefix(MEDIA)
        size = self.directory.weights.get(name)
        return "" if size is None else f" ({described(name, size)})"

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
        known = next((each for each in (name, slugify(name)) if each in self.known), "")
        return f"#{known}" if known else ""

    def _report_link(self, written: str) -> None:
        shown = written.removeprefix("kb:")[:120]
        own = written.startswith("#")
        if not own and self.everything.link(written, base=self.path, language=self.language):
            message = f"“{shown}” is for fewer readers than this article, so only words are shown."
            hint = "Link to what all readers of this article can open, or narrow its audience."
            self.problems.append(Problem(self.path, None, "audience-link", message, hint))
            return
        message = f"The link to “{shown}” leads nowhere, so only its words are shown."
        hint = "Point it at a file that exists, by its path from this one."
        if re.match(r"\w[\w+.-]*:", written) and not written.casefold().startswith(("http", "kb:")):
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
        shape = self.directory.shapes.get(address.removeprefix(MEDIA)) or self._shape(address)
        kept = _sized(attributes, shape)
        if "title" in attributes:
            kept["title"] = attributes["title"]
        return start_tag("img", {"src": address, "alt": words, "loading": "lazy", **kept})

    def _shape(self, address: str) -> tuple[int, int] | None:
        """Return the (width, height) of an image embedded in the text itself."""
        text = self.inline.get(address.removeprefix(MEDIA))
        return dimensions(_decoded(text)) if text else None

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


def _sized(attributes: Attributes, shape: tuple[int, int] | None) -> Attributes:
    """Return the author's width and height; what is missing follows from the file's own size."""
    given = {n: attributes[n] for n in ("width", "height") if attributes.get(n, "").isdecimal()}
    if not shape or len(given) == 2:
        return given
    width, height = shape
    if "width" in given:
        height = round(height * int(given["width"]) / width)
        return given | {"height": str(max(1, height))}
    if "height" in given:
        width = round(width * int(given["height"]) / height)
        return {"width": str(max(1, width))} | given
    return {"width": str(width), "height": str(height)}


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(unquote(text), validate=False)
    except ValueError:
        return b""
