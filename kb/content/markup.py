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

from kb.content.blocks import normal_blocks

_ALERT = re.compile(r"^\s*\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\]\s*", re.IGNORECASE)
_TASK = re.compile(r"^\[([ xX])\]\s+")
_LABELS = {
    "en": ("Note", "Tip", "Important", "Warning", "Caution"),
    "es": ("Nota", "Consejo", "Importante", "Advertencia", "Precaución"),
    "fr": ("Note", "Conseil", "Important", "Avertissement", "Attention"),
    "de": ("Hinweis", "Tipp", "Wichtig", "Warnung", "Vorsicht"),
    "pt": ("Nota", "Dica", "Importante", "Aviso", "Cuidado"),
    "it": ("Nota", "Suggerimento", "Importante", "Avviso", "Attenzione"),
    "zh": ("注意", "提示", "重要", "警告", "小心"),
}
_KINDS = ("note", "tip", "important", "warning", "caution")
_BACK = {"es": "Volver a la llamada {} en el texto", "fr": "Revenir à l’appel {} dans le texte"}


def to_html(text: str, language: str = "en") -> str:
    """Return the HTML of `text`; alert labels and footnote titles are in `language`."""
    converter = _converter(language)
    try:
        return converter.reset().convert(text)
    except BaseException:
        _converter.cache_clear()  # its state is unknown after a failure
        raise


@lru_cache(maxsize=8)
def _converter(language: str) -> Markdown:
    title = _BACK.get(language, "Jump back to footnote {} in the text")
    return Markdown(
        extensions=[
            TableExtension(use_align_attribute=True),
            FootnoteExtension(BACKLINK_TITLE=title),
            DefListExtension(),
            SaneListExtension(),
            GitHubExtension(language),
        ]
    )


class GitHubExtension(Extension):
    """GitHub's alerts, task lists, strikethrough and block layout."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self._language = language

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 - the library's name
        """Register the parts; the numbers place them among the library's own."""
        md.preprocessors.register(_Layout(md), "layout", 27)  # after white space, before raw HTML
        alerts = _Alerts(md, _LABELS.get(self._language, _LABELS["en"]))
        md.treeprocessors.register(alerts, "alerts", 15)  # after inline markup
        strike = SimpleTagInlineProcessor(r"(~~)(?=\S)([^~\n]+)(?<=\S)~~", "del")
        md.inlinePatterns.register(strike, "strike", 55)


class _Layout(Preprocessor):
    def run(self, lines: list[str]) -> list[str]:
        return normal_blocks(lines, self._keep)

    def _keep(self, code: str, language: str) -> str:
        plain = re.sub(r"[^\w+#.-]", "", language.strip("{}. "))
        name = f' class="language-{escape(plain)}"' if plain else ""
        return self.md.htmlStash.store(f"<pre><code{name}>{escape(code)}\n</code></pre>")


class _Alerts(Treeprocessor):
    def __init__(self, md: Markdown, labels: tuple[str, ...]) -> None:
        super().__init__(md)
        self._labels = dict(zip(_KINDS, labels, strict=True))

    def run(self, root: ElementTree.Element) -> None:
        for element in root.iter():
            if element.tag == "blockquote":
                self._alert(element)
            elif element.tag == "li":
                _task(element)

    def _alert(self, quote: ElementTree.Element) -> None:
        first = quote[0] if len(quote) else None
        found = _ALERT.match(first.text or "") if first is not None and first.tag == "p" else None
        if first is None or not found:
            return
        kind = found[1].casefold()
        first.text = (first.text or "")[found.end() :]
        if not first.text and not len(first):
            quote.remove(first)
        quote.tag = "div"
        quote.set("class", f"alert alert-{kind}")
        quote.set("role", "note")
        label = ElementTree.Element("p", {"class": "alert-title"})
        label.text = self._labels[kind]
        quote.insert(0, label)


def _task(item: ElementTree.Element) -> None:
    """A box drawn as a character: a form control would need a label and do nothing."""
    holder = item[0] if len(item) and item[0].tag == "p" and not (item.text or "").strip() else item
    found = _TASK.match(holder.text or "")
    if found:
        mark = "☐" if found[1] == " " else "☑"
        holder.text = f"{mark} {(holder.text or '')[found.end() :]}"
