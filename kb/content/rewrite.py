"""HTML from Markdown made to fit its page: links, images and anchors; pure.

Promises links and images that lead somewhere or are plain words, and no id twice; `headings` sees
to the headings. Runs before the sanitiser and relies on it: nothing here makes HTML safe.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from urllib.parse import unquote

from kb.content.attachments import described
from kb.content.dimensions import dimensions
from kb.content.directory import ARTICLES, MEDIA, Directory
from kb.content.headings import HEADINGS, fit_headings, slugify
from kb.content.pictures import media_name
from kb.content.problem import Problem
from kb.content.sanitise import is_free_id
from kb.content.tokens import Attributes, Token, anchors_in, read_tokens, start_tag

_VOID = frozenset({"br", "hr", "img", "wbr", "col", "input", "area", "source"})
_VERBATIM = frozenset({"a", "code", "pre", "kbd", "samp"})
_BARE_LINK = re.compile(r"https?://[^\s<>\"'()\[\]]*[^\s<>\"'()\[\].,;:!?]")
_INLINE = re.compile(r"data:image/[a-z]+;base64,(.+)", re.IGNORECASE | re.DOTALL)


@dataclass(slots=True)
class Rewritten:
    """The HTML, what it points to and what is wrong with it.

    `references` are ("link", "image" or "title", as written, what it got or "");
    `targets` are (slug, fragment) pairs; `inline` maps the
    name of an image written into the text itself to its bytes in base64.
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

    `directory` is what its readers may know of, `everything` what is there besides.
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
        self._links: list[str] = []  # what ends each open link
        self._verbatim = 0

    def emit(self, tokens: list[Token]) -> str:
        """Return the HTML of the tokens."""
        self.known = {t.attributes["id"] for t in tokens if t.attributes.get("id")}
        self.known |= set(anchors_in(tokens))
        return "".join(map(self._token, self._with_titles(tokens)))

    def _with_titles(self, tokens: list[Token]) -> Iterator[Token]:
        """A link by slug that has no words gets the title of its article."""
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
                yield Token("text", title or written.removeprefix("kb:"))

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

    def _link(self, token: Token) -> str:
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
        """What follows the words of a link to a file that is saved: its kind and size."""
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
        """The size of an image that is written into the text itself."""
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
    """The author's width and height; what is missing follows from the file's own."""
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
