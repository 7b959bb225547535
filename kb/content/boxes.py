"""Quotes with a mark made into alerts, folding parts and tabs.

Promises for `> [!WARNING]`, `> [!NOTE "Title"]`, `> [!TIP]- Title` (folded, as Obsidian writes it)
and the marks of `containers` one element each, which needs no script: tabs are folding parts of
which the first is open. A quote with any other mark stays a quote. Knows the HTML tree of
Python-Markdown.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

from markdown import Markdown
from markdown.blockprocessors import BlockQuoteProcessor

from kb.content.containers import ALERTS

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
    """Goes before the library's own reader of quotes; `language` chooses the labels."""

    def __init__(self, md: Markdown, language: str) -> None:
        super().__init__(md.parser)
        labels = LABELS.get(language, LABELS["en"])
        self._labels = dict(zip(_KINDS, labels, strict=True))

    def test(self, parent: ElementTree.Element, block: str) -> bool:
        """Whether the block begins with a mark that is known."""
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
    """The kind that a mark names, in any site's words; "" for none."""
    plain = written.casefold()
    return plain if plain in ("tab", "details") else ALERTS.get(plain, "").casefold()


def _folding(
    parent: ElementTree.Element, title: str, classes: str, *, is_open: bool
) -> ElementTree.Element:
    facts = {"class": classes, **({"open": ""} if is_open else {})}
    box = ElementTree.SubElement(parent, "details", facts)
    ElementTree.SubElement(box, "summary").text = title
    return box
