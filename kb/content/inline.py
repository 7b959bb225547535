"""Marks within a line that Markdown does not have: links by slug, keys, names between angles.

Promises `[[slug]]`, `[[slug|words]]` as a link to `kb:slug`, which `rewrite` resolves, and
`++ctrl+c++` as one `kbd` a key, named as keyboards of the article's language name it. Knows the
HTML tree of Python-Markdown and no article. `<user>` is shown as written where HTML has no element
of that name: a browser would show nothing.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

from markdown import Markdown
from markdown.inlinepatterns import InlineProcessor
from markdown.util import AtomicString

from kb.content.components import ELEMENTS

# Within a table the bar is written with a backslash.
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
}  # fmt: skip
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
}  # fmt: skip


def register(md: Markdown, language: str) -> None:
    """Add these to `md`: after code, before escapes, links and tags."""
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
