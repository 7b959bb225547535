"""Convert Markdown to HTML, with the extensions that help sites use.

The HTML is not yet safe to show, and its links are still as the author wrote them. Hostile text may
take long or recurse deeply, so this is called in a process that can be killed.

As on GitHub, lists may be indented by the width of their marker, follow a paragraph at once and
hold fenced code, and headings, tables and quotes need no blank line before them. Code is taken out
first, so that no later step sees it. It gets spans around comments, keywords, names, strings,
numbers, prompts and lines of a diff, unless Pygments does not know the language or the code has
more than `MAX_SIZE` characters.

`> [!WARNING]`, `> [!NOTE "Title"]`, `> [!TIP]- Title` (folded, as in Obsidian) and the marks of
`containers` become one element each, without scripts; tabs are folding parts of which the first is
open. A quote with any other mark stays a quote. `[[slug]]` and `[[slug|words]]` become links to
`kb:slug`, which `rewrite` resolves. `++ctrl+c++` becomes one `kbd` per key, named as on keyboards
of the article's language. `<user>` is shown as written if HTML has no such element, because a
browser would show nothing.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING

from markdown import Markdown
from markdown.blockprocessors import BlockQuoteProcessor
from markdown.extensions import Extension
from markdown.extensions.def_list import DefListExtension
from markdown.extensions.footnotes import FootnoteExtension
from markdown.extensions.sane_lists import SaneListExtension
from markdown.extensions.tables import TableExtension
from markdown.inlinepatterns import (
    InlineProcessor,
    SimpleTagInlineProcessor,
    SubstituteTagInlineProcessor,
)
from markdown.preprocessors import Preprocessor
from markdown.treeprocessors import Treeprocessor
from markdown.util import AtomicString

from kb.content.html.hidden import ELEMENTS
from kb.content.markdown.containers import ALERTS

if TYPE_CHECKING:
    from pygments.lexer import Lexer
    from pygments.token import _TokenType


# -- GitHub's block layout --


Keep = Callable[[str, str], str]  # code and its language -> its placeholder

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
    """Return the lines in the layout that Python-Markdown expects."""
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
        """Return the line indented by four columns per list level; hanging text is pulled in."""
        if not self.items:
            return line
        column = len(line) - len(line.lstrip(" "))
        extra = max(0, column - self.items[-1].content)
        return " " * (_TAB * len(self.items) + extra) + line.lstrip(" ")

    def _leave(self, line: str) -> None:
        """Close the items that a block at this line's indentation does not belong to."""
        column = len(line) - len(line.lstrip(" "))
        while self.items and column < self.items[-1].content:
            # Four columns per level is the older custom; it continues the item too.
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


# -- Alerts, folding parts and tabs --


_MARK = re.compile(
    r"^ {0,3}> *\[!(?P<kind>[A-Za-z]+)(?: \"(?P<title>[^\"\n]*)\")?\](?P<fold>[-+]?)"
    r"[ \t]*(?P<rest>[^\n]*)"
)
LABELS = {
    "en": ("Note", "Tip", "Important", "Warning", "Caution", "Details"),
    "es": ("Nota", "Consejo", "Importante", "Advertencia", "Precaución", "Detalles"),
    "fr": ("Note", "Conseil", "Important", "Avertissement", "Attention", "Détails"),
    "de": ("Hinweis", "Tipp", "Wichtig", "Warnung", "Vorsicht", "Einzelheiten"),
    "pt": ("Nota", "Dica", "Importante", "Aviso", "Cuidado", "Detalhes"),
    "it": ("Nota", "Suggerimento", "Importante", "Avviso", "Attenzione", "Dettagli"),
    "zh": ("注意", "提示", "重要", "警告", "小心", "详情"),
}
_KINDS = ("note", "tip", "important", "warning", "caution", "details")


class Boxes(BlockQuoteProcessor):
    """Reads quotes with a mark, before the library's own reader; `language` chooses the labels."""

    def __init__(self, md: Markdown, language: str) -> None:
        super().__init__(md.parser)
        labels = LABELS.get(language, LABELS["en"])
        self._labels = dict(zip(_KINDS, labels, strict=True))

    def test(self, parent: ElementTree.Element, block: str) -> bool:
        """Whether the block begins with a known mark."""
        found = _MARK.match(block)
        return found is not None and _kind(found["kind"]) != "" and super().test(parent, block)

    def run(self, parent: ElementTree.Element, blocks: list[str]) -> None:
        found = _MARK.match(blocks[0])
        assert found is not None
        kind, title = _kind(found["kind"]), (found["title"] or "").strip()
        rest = found["rest"].strip()
        if rest and found["fold"] and not title:
            title, rest = rest, ""
        lines = [self.clean(line) for line in blocks.pop(0)[found.end() :].split("\n")]
        lines[0] = rest
        box = self._box(parent, kind, title, found["fold"])
        self.parser.state.set("blockquote")
        self.parser.parseChunk(box, "\n".join(lines).strip("\n"))
        self.parser.state.reset()

    def _box(
        self, parent: ElementTree.Element, kind: str, title: str, fold: str
    ) -> ElementTree.Element:
        if kind == "tab":
            return self._tab(parent, title)
        label = self._labels[kind]
        classes = f"alert alert-{kind}"
        if kind == "details":
            return _folding(parent, title or label, "details", is_open=fold == "+")
        words = f"{label}: {title}" if title and title.casefold() != label.casefold() else label
        if fold:
            return _folding(parent, words, classes, is_open=fold == "+")
        box = ElementTree.SubElement(parent, "div", {"class": classes, "role": "note"})
        ElementTree.SubElement(box, "p", {"class": "alert-title"}).text = words
        return box

    def _tab(self, parent: ElementTree.Element, title: str) -> ElementTree.Element:
        before = self.lastChild(parent)
        is_first = before is None or before.get("class") != "tabs"
        tabs = (
            ElementTree.SubElement(parent, "div", {"class": "tabs"})
            if before is None or is_first
            else before
        )
        return _folding(tabs, title, "tab", is_open=is_first)


def _kind(written: str) -> str:
    """Return the kind that a mark names, in the words of any site, "" for none."""
    plain = written.casefold()
    return plain if plain in ("tab", "details") else ALERTS.get(plain, "").casefold()


def _folding(
    parent: ElementTree.Element, title: str, classes: str, *, is_open: bool
) -> ElementTree.Element:
    facts = {"class": classes, **({"open": ""} if is_open else {})}
    box = ElementTree.SubElement(parent, "details", facts)
    ElementTree.SubElement(box, "summary").text = title
    return box


# -- Inline marks: links by slug, keys, names in angle brackets --


# Inside a table, the bar is written with a backslash.
_WIKI = r"(?<!\\)\[\[(?=[^\s\[\]|])([^\[\]|\\\n]{1,200})(?:\\?\|([^\[\]\n]{1,200}))?\]\]"
_KEY = r"(?:[\w-]{1,20}|\"[^\"\n+]{1,20}\")"
_KEYS = rf"(?<![\w+])\+\+({_KEY}(?:\+{_KEY}){{0,5}})\+\+(?![\w+])"
_ANGLES = r"<([A-Za-z][\w-]{0,40})>"
_NAMES = {
    "ctrl": "Ctrl", "control": "Ctrl", "del": "Del", "delete": "Del", "esc": "Esc", "escape": "Esc",
    "cmd": "⌘ Cmd", "command": "⌘ Cmd", "opt": "⌥ Option", "option": "⌥ Option", "win": "Win",
    "windows": "Win", "alt": "Alt", "shift": "Shift", "tab": "Tab", "enter": "Enter", "ins": "Ins",
    "insert": "Ins", "up": "↑", "down": "↓", "left": "←", "right": "→", "arrow-up": "↑",
    "arrow-down": "↓", "arrow-left": "←", "arrow-right": "→", "pgup": "PgUp", "page-up": "PgUp",
    "pgdn": "PgDn", "page-down": "PgDn", "backspace": "Backspace", "space": "Space", "fn": "Fn",
    "end": "End", "plus": "+", "altgr": "AltGr", "alt-gr": "AltGr",
}  # fmt: skip # a list, several to a line
_NAMES_IN = {
    "es": {
        "shift": "Mayús", "del": "Supr", "delete": "Supr", "enter": "Intro", "home": "Inicio",
        "end": "Fin", "space": "Espacio", "pgup": "RePág", "page-up": "RePág", "pgdn": "AvPág",
        "page-down": "AvPág", "backspace": "Retroceso",
    },
    "fr": {
        "shift": "Maj", "del": "Suppr", "delete": "Suppr", "enter": "Entrée", "esc": "Échap",
        "escape": "Échap", "space": "Espace", "backspace": "Retour arrière", "end": "Fin",
    },
    "de": {
        "ctrl": "Strg", "control": "Strg", "shift": "Umschalt", "del": "Entf", "delete": "Entf",
        "end": "Ende", "home": "Pos1", "ins": "Einfg", "insert": "Einfg", "space": "Leertaste",
    },
}  # fmt: skip # a list, several to a line


def register(md: Markdown, language: str) -> None:
    """Register these with `md`: after code, before escapes, links and tags."""
    md.inlinePatterns.register(_Wiki(_WIKI, md), "wiki", 185)
    md.inlinePatterns.register(_Keys(_KEYS, md, language), "keys", 171)
    md.inlinePatterns.register(_Angles(_ANGLES, md), "angles", 91)


class _Wiki(InlineProcessor):
    def handleMatch(  # type: ignore[override]  # noqa: N802 - the library's name
        self,
        m: re.Match[str],
        data: str,  # noqa: ARG002 - the library passes it
    ) -> tuple[ElementTree.Element, int, int]:
        link = ElementTree.Element("a", {"href": f"kb:{m[1].strip()}"})
        link.text = (m[2] or "").strip()
        return link, m.start(0), m.end(0)


class _Keys(InlineProcessor):
    def __init__(self, pattern: str, md: Markdown, language: str) -> None:
        super().__init__(pattern, md)
        self._names = _NAMES | _NAMES_IN.get(language, {})

    def handleMatch(  # type: ignore[override]  # noqa: N802 - the library's name
        self,
        m: re.Match[str],
        data: str,  # noqa: ARG002 - the library passes it
    ) -> tuple[ElementTree.Element, int, int]:
        whole = ElementTree.Element("span")
        keys = [ElementTree.SubElement(whole, "kbd") for _ in m[1].split("+")]
        for key, name in zip(keys, m[1].split("+"), strict=True):
            key.text = AtomicString(self._names.get(name.casefold()) or _shown(name))
            key.tail = AtomicString("" if key is keys[-1] else "+")
        return whole, m.start(0), m.end(0)


class _Angles(InlineProcessor):
    def handleMatch(  # type: ignore[override]  # noqa: N802 - the library's name
        self, m: re.Match[str], data: str
    ) -> tuple[str | None, int | None, int | None]:
        if m[1].casefold() in ELEMENTS or f"</{m[1]}" in data:
            return None, None, None
        return self.md.htmlStash.store(f"&lt;{m[1]}&gt;"), m.start(0), m.end(0)


def _shown(name: str) -> str:
    plain = name.strip('"').replace("-", " ")
    return plain.upper() if len(plain) <= 3 else plain[:1].upper() + plain[1:]


# -- Code highlighting --


# Characters; the longest listing in the corpora has 6,000, and lexers search all of it.
MAX_SIZE = 20_000
# Classes by the first two or one characters of Pygments' short names of token types.
_CLASSES = {
    "c": "c", "kt": "k", "k": "k", "ow": "k", "sa": "k", "s": "s", "ld": "s", "m": "m",
    "nb": "n", "nf": "n", "nc": "n", "nt": "n", "nn": "n", "nd": "n", "na": "n", "gp": "p",
    "gi": "i", "gd": "d", "gh": "k", "gu": "k", "nv": "v",
}  # fmt: skip # a list, several to a line


def highlighted(code: str, language: str) -> str:
    """Return `code` as HTML; classes are `hl-` and one letter."""
    lexer = _lexer(language.casefold()) if language and len(code) <= MAX_SIZE else None
    if lexer is None:
        return escape(code)
    tokens = list(lexer.get_tokens(code))
    while tokens and not tokens[-1][1].rstrip("\n"):
        tokens.pop()
    done: list[str] = []
    waiting, name = "", ""
    for kind, text in tokens:
        found = _class_of(kind) if text.strip() else name
        if found != name:
            done.append(_span(waiting, name))
            waiting, name = "", found
        waiting += text
    return "".join([*done, _span(waiting.rstrip("\n"), name)])


@lru_cache(maxsize=64)
def _lexer(language: str) -> Lexer | None:
    """Return the lexer of that name, None without one; Pygments is imported only when needed."""
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        found: Lexer = get_lexer_by_name(language, stripnl=False)
    except ClassNotFound:
        return None
    return found


def _class_of(kind: _TokenType) -> str:
    from pygments.token import STANDARD_TYPES

    short = STANDARD_TYPES.get(kind, "")
    return _CLASSES.get(short[:2]) or _CLASSES.get(short[:1], "")


def _span(text: str, name: str) -> str:
    return f'<span class="hl-{name}">{escape(text)}</span>' if name and text else escape(text)


# -- The converter --


# Attributes after an image, as kramdown and MkDocs write them.
_ATTRIBUTES = re.compile(r"^\{:?[ ]*(?:(?:[\w-]+=(?:\"[^\"\n]*\"|[^\s{}]+)|[.#][\w-]+)[ ]*)+\}")
_SIZE = re.compile(r"\b(width|height)=[\"']?(\d{1,4})(?:px)?(?![\d%])")
# Every inline pattern needs one of these; \x02 begins the library's own placeholders.
_INLINE = re.compile(r"[`\[\\+<&*_~!\x02\x03]|  \n")
_HEADING = re.compile(
    r"(?:^|\n)(?P<level>#{1,6})(?P<header>(?:\\.|[^\\])*?)(?:[ \t]+#+)?[ \t]*(?:\n|$)"
)
_TASK = re.compile(r"^\[([ xX])\]\s+")
_BACK = {"es": "Volver a la llamada {} en el texto", "fr": "Revenir à l’appel {} dans le texte"}


def to_html(text: str, language: str = "en") -> str:
    """Return the HTML of `text`; labels of alerts and footnotes are in `language`."""
    converter = _converter(language)
    try:
        return converter.reset().convert(text)
    except BaseException:
        _converter.cache_clear()  # its state is unknown after a failure
        raise


@lru_cache(maxsize=8)
def _converter(language: str) -> Markdown:
    title = _BACK.get(language, "Jump back to footnote {} in the text")
    converter = Markdown(
        extensions=[
            TableExtension(use_align_attribute=True),
            _Footnotes(BACKLINK_TITLE=title),
            DefListExtension(),
            SaneListExtension(),
            GitHubExtension(language),
        ]
    )
    # Nothing is registered after this, and a list is much faster to read than a registry.
    converter.parser.blockprocessors = list(converter.parser.blockprocessors)  # type: ignore[assignment]
    converter.treeprocessors["inline"].inlinePatterns = list(converter.inlinePatterns)  # type: ignore[attr-defined]
    return converter


class _Footnotes(FootnoteExtension):
    """Footnotes whose labels may have blanks, which ids may not."""

    def makeFootnoteId(self, id: str) -> str:  # noqa: N802 - the library's names
        """Return the id of a footnote."""
        return super().makeFootnoteId("-".join(id.split()))

    def makeFootnoteRefId(self, id: str, found: bool = False) -> str:  # noqa: N802
        """Return the id of a reference to a footnote."""
        return super().makeFootnoteRefId("-".join(id.split()), found)


class GitHubExtension(Extension):
    """GitHub's alerts, task lists, strikethrough and block layout; tabs, keys, captions."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self._language = language

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 - the library's name
        """Register the parts; the numbers place them among the library's own."""
        md.preprocessors.register(_Layout(md), "layout", 27)  # after white space, before raw HTML
        md.parser.blockprocessors.register(Boxes(md, self._language), "boxes", 25)  # before quotes
        md.treeprocessors.register(_Plain(md), "plain", 25)  # before inline markup
        md.treeprocessors.register(_Finish(md), "finish", 15)  # after inline markup
        register(md, self._language)
        # A # at the end belongs to the heading ("C#") unless a blank stands before it.
        md.parser.blockprocessors["hashheader"].RE = _HEADING  # type: ignore[attr-defined]
        hard = SubstituteTagInlineProcessor(r"\\\n", "br")
        md.inlinePatterns.register(hard, "hard-break", 185)  # after code, before escapes
        strike = SimpleTagInlineProcessor(r"(~~)(?=\S)([^~\n]+)(?<=\S)~~", "del")
        md.inlinePatterns.register(strike, "strike", 55)


class _Layout(Preprocessor):
    def run(self, lines: list[str]) -> list[str]:
        return normal_blocks(lines, self._keep)

    def _keep(self, code: str, language: str) -> str:
        plain = re.sub(r"[^\w+#.-]", "", language.strip("{}. "))
        name = f' class="language-{escape(plain)}"' if plain else ""
        return self.md.htmlStash.store(
            f"<pre><code{name}>{highlighted(code, plain)}\n</code></pre>"
        )


class _Plain(Treeprocessor):
    """Skips the twenty inline patterns for text in which none of them can match."""

    def run(self, root: ElementTree.Element) -> None:
        for element in root.iter():
            text = element.text
            if text and not isinstance(text, AtomicString) and not _INLINE.search(text):
                element.text = AtomicString(text)


class _Finish(Treeprocessor):
    def run(self, root: ElementTree.Element) -> None:
        for image in root.iter("img"):
            _size(image)
        for element in list(root.iter()):
            if element.tag == "li":
                _task(element)
            elif element.tag == "p":
                _figure(element)


def _size(image: ElementTree.Element) -> None:
    """Apply `{width=300 height=200}` written after an image; other attributes are dropped."""
    found = _ATTRIBUTES.match(image.tail or "")
    if not found:
        return
    image.tail = (image.tail or "")[found.end() :]
    for name, value in _SIZE.findall(found[0]):
        image.set(name, value)


def _figure(paragraph: ElementTree.Element) -> None:
    """Turn a paragraph that is one image with a title into a figure with that caption."""
    image = paragraph[0] if len(paragraph) == 1 else None
    if image is None or image.tag != "img" or not image.get("title"):
        return
    if not f"{paragraph.text or ''}{image.tail or ''}".strip():
        paragraph.tag = "figure"
        ElementTree.SubElement(paragraph, "figcaption").text = image.attrib.pop("title")


def _task(item: ElementTree.Element) -> None:
    """Write the box as a character: a form control would need a label and do nothing."""
    holder = item[0] if len(item) and item[0].tag == "p" and not (item.text or "").strip() else item
    found = _TASK.match(holder.text or "")
    if found:
        mark = "☐" if found[1] == " " else "☑"
        holder.text = f"{mark} {(holder.text or '')[found.end() :]}"
