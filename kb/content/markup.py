"""Markdown to HTML, with the extensions that help sites use.

Promises the HTML that the text asks for, which is not yet safe to show and whose links are still
as the author wrote them. May take long or recurse deeply on hostile text: it is called in a process
that can be killed. Knows no article.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from functools import lru_cache
from html import escape

from markdown import Markdown
from markdown.extensions import Extension
from markdown.extensions.def_list import DefListExtension
from markdown.extensions.footnotes import FootnoteExtension
from markdown.extensions.sane_lists import SaneListExtension
from markdown.extensions.tables import TableExtension
from markdown.inlinepatterns import SimpleTagInlineProcessor
from markdown.preprocessors import Preprocessor
from markdown.treeprocessors import Treeprocessor
from markdown.util import AtomicString

from kb.content import inline
from kb.content.blocks import normal_blocks
from kb.content.boxes import Boxes
from kb.content.highlighting import highlighted

# Attributes behind an image, as kramdown and MkDocs write them.
_ATTRIBUTES = re.compile(r"^\{:?[ ]*(?:(?:[\w-]+=(?:\"[^\"\n]*\"|[^\s{}]+)|[.#][\w-]+)[ ]*)+\}")
_SIZE = re.compile(r"\b(width|height)=[\"']?(\d{1,4})(?:px)?(?![\d%])")
# What every inline pattern needs one of, the library's and ours; \x02 begins its own marks.
_INLINE = re.compile(r"[`\[\\+<&*_~!\x02\x03]|  \n")
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
            FootnoteExtension(BACKLINK_TITLE=title),
            DefListExtension(),
            SaneListExtension(),
            GitHubExtension(language),
        ]
    )
    # Nothing is registered after this; a list is read in a fraction of a registry's time.
    converter.parser.blockprocessors = list(converter.parser.blockprocessors)  # type: ignore[assignment]
    converter.treeprocessors["inline"].inlinePatterns = list(converter.inlinePatterns)  # type: ignore[attr-defined]
    return converter


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
        inline.register(md, self._language)
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
    """Spare text in which no inline markup can be the twenty patterns that look for it."""

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
    """Take `{width=300 height=200}` from behind an image; other attributes are dropped."""
    found = _ATTRIBUTES.match(image.tail or "")
    if not found:
        return
    image.tail = (image.tail or "")[found.end() :]
    for name, value in _SIZE.findall(found[0]):
        image.set(name, value)


def _figure(paragraph: ElementTree.Element) -> None:
    """Make a paragraph that is one image with a title a figure with that caption."""
    image = paragraph[0] if len(paragraph) == 1 else None
    if image is None or image.tag != "img" or not image.get("title"):
        return
    if not f"{paragraph.text or ''}{image.tail or ''}".strip():
        paragraph.tag = "figure"
        ElementTree.SubElement(paragraph, "figcaption").text = image.attrib.pop("title")


def _task(item: ElementTree.Element) -> None:
    """A box drawn as a character: a form control would need a label and do nothing."""
    holder = item[0] if len(item) and item[0].tag == "p" and not (item.text or "").strip() else item
    found = _TASK.match(holder.text or "")
    if found:
        mark = "☐" if found[1] == " " else "☑"
        holder.text = f"{mark} {(holder.text or '')[found.end() :]}"
