"""Hugo's shortcodes turned into Markdown; pure.

Promises links for `ref` and `relref`, images, code, alerts, folding parts, tabs and videos for the
shortcodes of Hugo and of the themes that help sites use; of any other the inner text stays and its
name is reported. Runs where code has been taken out. Knows no site's own shortcodes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote

from kb.content.containers import ALERTS
from kb.content.problem import Problem

_TAG = re.compile(
    r"\{\{(?P<open>[<%])[ \t]*(?P<end>/)?[ \t]*(?P<name>[A-Za-z][\w./-]*)"
    r"(?P<args>(?:[^{}<>%\"`]|\"[^\"]{0,2000}\"|`[^`]{0,2000}`){0,400}?)(?P<self>/)?[ \t]*[>%]\}\}"
)
_SHOWN = re.compile(r"\{\{([<%])/\*(.{0,500}?)\*/([>%])\}\}")
_ARGUMENT = re.compile(
    r"(?:(?P<key>[\w-]+)=)?(?:\"(?P<quoted>[^\"]*)\"|`(?P<raw>[^`]*)`|(?P<bare>[^\s\"`=]+))"
)
_FENCE = ":" * 7  # more than an author would write
_VIDEOS = {"youtube": "https://www.youtube.com/watch?v=", "vimeo": "https://vimeo.com/"}
_BOXES = {"notice", "alert", "callout", "admonition", "hint", "blockquote-alert", "box", *ALERTS}
_FOLDS = {"details", "expand", "collapse", "accordion-item", "spoiler"}
_HOLDERS = {"tabs", "tabpane", "accordion", "columns", "column", "steps", "cards", "center", "div"}


@dataclass(slots=True)
class Shortcode:
    """One use: `words` are arguments without a name, `inner` the text between its two ends."""

    name: str
    words: list[str]
    keys: dict[str, str]
    inner: str = ""

    def get(self, *names: str, at: int | None = None) -> str:
        """Return the first argument of these names, else the one at that place, else ""."""
        named = next((self.keys[name] for name in names if self.keys.get(name)), "")
        placed = self.words[at] if at is not None and at < len(self.words) else ""
        return named or placed


@dataclass(slots=True)
class _Open:
    code: Shortcode
    parts: list[str] = field(default_factory=list)


def without_shortcodes(text: str, problems: list[Problem]) -> str:
    """Return `text` with Markdown in place of shortcodes; what is unknown goes to `problems`."""
    if "{{<" not in text and "{{%" not in text:
        return text
    shown: list[str] = []

    def keep(found: re.Match[str]) -> str:
        shown.append(f"{{{{{found[1]}{found[2]}{found[3]}}}}}")
        return f"\x1b{len(shown) - 1}\x1b"

    text = _replaced(_SHOWN.sub(keep, text), problems)
    return re.sub(r"\x1b(\d+)\x1b", lambda found: shown[int(found[1])], text)


def shown_shortcodes(code: str) -> str:
    """Return code with the shortcodes that it only shows written as readers should see them."""
    return _SHOWN.sub(r"{{\1\2\3}}", code)


def _replaced(text: str, problems: list[Problem]) -> str:
    ends = Counter(found["name"] for found in _TAG.finditer(text) if found["end"])
    unknown: dict[str, None] = {}
    stack = [_Open(Shortcode("", [], {}))]
    start = 0
    for found in _TAG.finditer(text):
        stack[-1].parts.append(text[start : found.start()])
        start = found.end()
        if found["end"]:
            ends[found["name"]] -= 1
            _close(stack, found["name"], unknown)
        elif ends[found["name"]] > 0 and not found["self"]:
            stack.append(_Open(_read(found)))
        else:
            stack[-1].parts.append(_markdown(_read(found), unknown))
    stack[-1].parts.append(text[start:])
    while len(stack) > 1:
        _end(stack, unknown)
    for name in unknown:
        message = f"The shortcode “{name}” is not known; only the text within it is shown."
        problems.append(Problem("", None, "shortcode", message, "Write what it would have shown."))
    return "".join(stack[0].parts)


def _close(stack: list[_Open], name: str, unknown: dict[str, None]) -> None:
    if all(each.code.name != name for each in stack[1:]):
        return
    while stack[-1].code.name != name:
        _end(stack, unknown)
    _end(stack, unknown)


def _end(stack: list[_Open], unknown: dict[str, None]) -> None:
    ended = stack.pop()
    ended.code.inner = "".join(ended.parts)
    stack[-1].parts.append(_markdown(ended.code, unknown))


def _read(found: re.Match[str]) -> Shortcode:
    code = Shortcode(found["name"], [], {})
    for argument in _ARGUMENT.finditer(found["args"]):
        value = argument["quoted"] or argument["raw"] or argument["bare"] or ""
        if argument["key"]:
            code.keys[argument["key"]] = value
        else:
            code.words.append(value)
    return code


def _markdown(code: Shortcode, unknown: dict[str, None]) -> str:
    name = code.name.casefold()
    if name in _READ:
        return _READ[name](code)
    if name in _BOXES:
        return _box(code)
    if name in _FOLDS:
        title = code.get("summary", "title", at=0)
        return f"\n{_FENCE}details {title}\n{code.inner.strip()}\n{_FENCE}\n"
    if name not in _HOLDERS:
        unknown[code.name] = None
    return code.inner


def _box(code: Shortcode) -> str:
    name = code.name.casefold()
    written = name if name in ALERTS else code.get("type", "style", "color", "context", at=0)
    title = code.get("title", at=0 if name in ALERTS else 1)
    kind = written.casefold() if written.casefold() in ALERTS else "note"
    return f"\n{_FENCE}{kind} {title}".rstrip() + f"\n{code.inner.strip()}\n{_FENCE}\n"


def _link(code: Shortcode) -> str:
    """`ref` stands where a link's address does: `[words]({{< ref "page.md" >}})`."""
    return "kb:" + quote(code.get("path", at=0), safe="/#.-_")


def _figure(code: Shortcode) -> str:
    words = code.get("alt", "title", "caption").replace("]", ")")
    caption = (code.get("caption") or code.get("title")).replace('"', "”")
    sizes = [f"{n}={code.keys[n]}" for n in ("width", "height") if code.keys.get(n, "").isdecimal()]
    source = quote(code.get("src", at=0), safe="/:.-_%")
    title = f' "{caption}"' if caption else ""
    return f"![{words}]({source}{title})" + (f"{{{' '.join(sizes)}}}" if sizes else "")


def _code(code: Shortcode) -> str:
    return f"\n````{code.get('lang', 'language', at=0)}\n{code.inner.strip(chr(10))}\n````\n"


def _tab(code: Shortcode) -> str:
    title = code.get("name", "title", "header", at=0).replace('"', "”") or "…"
    return f'\n<TabItem label="{title}">\n\n{code.inner.strip(chr(10))}\n\n</TabItem>\n'


def _video(code: Shortcode) -> str:
    return f"[Video]({_VIDEOS[code.name.casefold()]}{quote(code.get('id', at=0), safe='')})"


def _button(code: Shortcode) -> str:
    address = code.get("href", "relref", "link", at=0)
    return f"[{code.inner.strip() or address}]({address})" if address else code.inner


_READ: dict[str, Callable[[Shortcode], str]] = {
    "ref": _link, "relref": _link, "figure": _figure, "img": _figure, "image": _figure,
    "highlight": _code, "code": _code, "tab": _tab, "youtube": _video, "vimeo": _video,
    "button": _button, "br": lambda _: "\n\n", "toc": lambda _: "",
}  # fmt: skip
