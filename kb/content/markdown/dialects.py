"""Turn the markup of other publishing systems into plain Markdown.

Outside code, what only another publisher's program understands is taken out: Liquid tags, kramdown
attribute lists, MDX components, Hugo shortcodes and Microsoft Learn's marks. The words stay, and
what was dropped is reported.

Of Microsoft Learn, images, videos and the words of rows, columns and versions (`:::image`,
`:::row:::`, `:::moniker`) are converted; zones, tabs and alerts stay for `containers`. A mark that
would insert a file that is not here is taken out and reported; any other `:::` mark stays visible
and is reported.

Of Hugo and of themes that help sites use, `ref` and `relref` become links, and the shortcodes for
images, code, alerts, folding parts, tabs and videos become Markdown. Of any other shortcode the
inner text stays and the name is reported.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote

from kb.content.html.hidden import first_line, is_hidden, without_components
from kb.content.markdown.containers import ALERTS
from kb.content.problem import Problem

# -- Microsoft Learn --


_VIDEO = re.compile(r"\[!VIDEO\s+(https?://[^\s\]]+)\s*\]", re.IGNORECASE)
_INCLUDE = re.compile(r"\[!INCLUDE\s*(?:\[[^\]\n]*\])?\s*(?:\([^)\n]*\))?\s*\]?", re.IGNORECASE)
_CODE = re.compile(r"\[!code-[\w-]+\s*\[[^\]\n]*\]\([^)\n]*\)\s*\]", re.IGNORECASE)
_DIV = re.compile(r"^[ \t]*>[ \t]*\[!div\b[^\]\n]*\][ \t]*$\n?", re.IGNORECASE | re.MULTILINE)
_XREF = re.compile(r"<xref:([^>\s?#]{1,200})[^>\s]{0,200}>", re.IGNORECASE)
_LEARN_MARK = re.compile(
    r"^(?P<margin>[ \t]*):::[ \t]*(?P<name>[a-zA-Z-]+)(?P<keys>[^\n]*)$", re.MULTILINE
)
_KEY = re.compile(r"\b([\w-]+)=\"([^\"\n]*)\"")
_SILENT = frozenset(
    {"moniker", "moniker-end", "row", "row-end", "column", "column-end", "image-end"}
)
_LATER = frozenset({"zone", "zone-end", "details", *ALERTS})


def without_learn_marks(text: str, problems: list[Problem]) -> str:
    """Return `text` as plain Markdown; what was left out or is unknown goes to `problems`."""
    if ":::" in text:
        text = _LEARN_MARK.sub(lambda found: _mark(found, problems), text)
    if "<xref:" in text:
        text = _XREF.sub(r"`\1`", text)
    if "[!" not in text:
        return text
    text = _VIDEO.sub(r"[Video](\1)", _DIV.sub("", text))
    text, includes = _INCLUDE.subn("", text)
    text, listings = _CODE.subn("", text)
    if includes or listings:
        message = "An included file is not inserted."
        problems.append(Problem("", None, "include", message, "Write its text in this article."))
    return text


def _mark(found: re.Match[str], problems: list[Problem]) -> str:
    name, keys = found["name"].casefold(), dict(_KEY.findall(found["keys"]))
    if name in _SILENT:
        return ""
    if name == "image" and "source" in keys:
        words = keys.get("alt-text", "").replace("]", ")")
        return f"{found['margin']}![{words}](<{keys['source'].strip()}>)"
    if name == "video" and "source" in keys:
        return f"{found['margin']}[Video]({keys['source'].strip()})"
    if name == "code":
        message = "The code of another file is not inserted."
        problems.append(Problem("", None, "include", message, "Write it in this article."))
        return ""
    if name not in _LATER:
        message = f"The block “:::{found['name']}” is not known, so its marks are shown as text."
        hint = "Use note, tip, important, warning, caution or details."
        problems.append(Problem("", None, "block", message, hint))
    return found[0]


# -- Hugo's shortcodes --


_SHORTCODE_TAG = re.compile(
    r"\{\{(?P<open>[<%])[ \t]*(?P<end>/)?[ \t]*(?P<name>[A-Za-z][\w./-]*)"
    r"(?P<args>(?:[^{}<>%\"`]|\"[^\"]{0,2000}\"|`[^`]{0,2000}`){0,400}?)(?P<self>/)?[ \t]*[>%]\}\}"
)
_SHOWN = re.compile(r"\{\{([<%])/\*(.{0,500}?)\*/([>%])\}\}")
_ARGUMENT = re.compile(
    r"(?:(?P<key>[\w-]+)=)?(?:\"(?P<quoted>[^\"]*)\"|`(?P<raw>[^`]*)`|(?P<bare>[^\s\"`=]+))"
)
_FENCE = ":" * 7  # more colons than an author would write
_VIDEOS = {"youtube": "https://www.youtube.com/watch?v=", "vimeo": "https://vimeo.com/"}
_BOXES = {"notice", "alert", "callout", "admonition", "hint", "blockquote-alert", "box", *ALERTS}
_FOLDS = {"details", "expand", "collapse", "accordion-item", "spoiler"}
_HOLDERS = {"tabs", "tabpane", "accordion", "columns", "column", "steps", "cards", "center", "div"}


@dataclass(slots=True)
class Shortcode:
    """One use: `words` are the unnamed arguments, `inner` is the text between the two tags."""

    name: str
    words: list[str]
    keys: dict[str, str]
    inner: str = ""

    def get(self, *names: str, at: int | None = None) -> str:
        """Return the first argument of these names, else the one at position `at`, else ""."""
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
    """Return code with escaped shortcodes written as readers should see them."""
    return _SHOWN.sub(r"{{\1\2\3}}", code)


def _replaced(text: str, problems: list[Problem]) -> str:
    ends = Counter(found["name"] for found in _SHORTCODE_TAG.finditer(text) if found["end"])
    unknown: dict[str, None] = {}
    stack = [_Open(Shortcode("", [], {}))]
    start = 0
    for found in _SHORTCODE_TAG.finditer(text):
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
    """Return the target alone: `ref` is the address of a link, `[words]({{< ref "page.md" >}})`."""
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
}  # fmt: skip # a list, several to a line


# -- All dialects: code set aside, Liquid, hidden text, attributes --


# Code is left alone: whole fences, then spans of one or more backticks.
CODE = re.compile(
    r"(^[ >]*(?P<fence>`{3,}(?=[^`\n]*$)|~{3,})[^\n]*\n.*?(?:^[ >]*(?P=fence)[`~]*[ ]*$|\Z)"
    r"|(?<!`)(?P<ticks>`+)(?!`)[^\n]{1,2000}?(?<!`)(?P=ticks)(?!`))",
    re.DOTALL | re.MULTILINE,
)
_KEPT = re.compile(r"\x1a(\d+)\x1a")  # no file that is read holds this character
_RAW = re.compile(r"{%-?\s*raw\s*-?%}(.*?){%-?\s*endraw\s*-?%}", re.DOTALL)
_HIGHLIGHT = re.compile(
    r"{%-?\s*highlight\s+([\w+#-]+)[^%]*%}\n?(.*?){%-?\s*endhighlight\s*-?%}", re.DOTALL
)
_LOOP = re.compile(r"{%-?\s*(for|comment)\b.*?{%-?\s*end\1\s*-?%}", re.DOTALL)
_LINK = re.compile(r"{%-?\s*link\s+([^\s%]+)\s*-?%}")
_POST = re.compile(r"{%-?\s*post_url\s+([^\s%]+)\s*-?%}")
_CAPTURE = re.compile(r"{%-?\s*(?:end)?capture[^%]*-?%}")
_SITE = re.compile(
    r"{{-?\s*(?:site\.baseurl|site\.url)\s*-?}}"
    r"|{{-?\s*['\"](?P<address>[^'\"\n{}]*)['\"]\s*\|[^{}\n]*(?:site\.baseurl|_url)[^{}\n]*}}"
)
_TAG = re.compile(r"{%.*?%}|{{.*?}}", re.DOTALL)
_LINE_ATTRIBUTES = re.compile(r"^[ \t]*\{::?[^{}\n]*\}[ \t]*$\n?", re.MULTILINE)
# An image's size stays: `conversion` reads it.
_SPAN_ATTRIBUTES = re.compile(r"(?<=[)\]*_>`\"])\{:(?![^{}\n]*\b(?:width|height)=)[^{}\n]*\}")
_COMMENTED = re.compile(
    r"{%-?\s*comment\s*-?%}.*?{%-?\s*endcomment\s*-?%}|\{::comment\}.*?\{:/(?:comment)?\}",
    re.DOTALL,
)
# A comment; one of several lines right below a list item would become part of its text.
_REMARK = re.compile(r"^ {0,3}<!--(?!-?>)(?:(?!-->).)*-->", re.DOTALL | re.MULTILINE)
# A comment that begins a line and never ends hides all that follows.
_BEGUN = re.compile(r"^ {0,3}<!--(?!-?>)", re.MULTILINE)
# kramdown and MkDocs hide a block by marks on the line below it, a span by marks after it.
_MARKS = r"\{:?[ ]*(?P<marks>[^{}\n]*)\}"
_BLOCK_MARKS = re.compile(rf"[ \t]*{_MARKS}[ \t]*")
_SPAN_HIDDEN = re.compile(
    r"(?P<span>\*\*[^*\n]+\*\*|\*[^*\n]+\*|__[^_\n]+__|_[^_\n]+_"
    rf"|\x1a\d+\x1a|!?\[[^\]\n]{0, 300}\](?:\([^)\n]{0, 300}\))?){_MARKS}"
)
_MARK = re.compile(r"([\w-]+)=(?:\"([^\"]*)\"|'([^']*)'|(\S+))|\.([\w:-]+)|([\w-]+)")
_HEADING_ID = re.compile(
    r"^(?P<head>#{1,6}[ \t][^\n]*?)[ \t#]*\{#(?P<id>[^\s{}\"<>]+)[^{}\n]*\}[ \t]*$", re.MULTILINE
)
_LINK_SPACE = re.compile(r"\]\( +(?=\S)")


def plain_markdown(body: str, *, jekyll: bool = False) -> tuple[str, tuple[Problem, ...]]:
    """Return `body` without foreign markup, and findings about what could not be converted.

    Liquid is interpreted only on Jekyll's pages: elsewhere braces are the author's own text.
    """
    problems: list[Problem] = []
    kept: list[str] = []
    text = _HIGHLIGHT.sub(r"\n```\1\n\2\n```\n", _RAW.sub(r"\1", body)) if jekyll else body
    text = CODE.sub(lambda code: _keep(code[0], kept), text)
    if jekyll:
        text = _without_liquid(text, problems)
    text = _without_hidden(text, problems)
    text = without_shortcodes(text, problems)
    text = without_components(text, problems)
    text = _without_marks(without_learn_marks(text, problems))
    # Twice, because code may have been set aside inside what became code itself.
    text = _KEPT.sub(lambda found: kept[int(found[1])], text)
    return _KEPT.sub(lambda found: kept[int(found[1])], text), tuple(problems)


def _keep(code: str, kept: list[str]) -> str:
    kept.append(shown_shortcodes(code))
    return f"\x1a{len(kept) - 1}\x1a"


def _without_liquid(text: str, problems: list[Problem]) -> str:
    if "{%" not in text and "{{" not in text:
        return text
    text = _POST.sub(r"kb:\1", _LINK.sub(r"/\1", text))
    text = _SITE.sub(lambda found: found["address"] or "", text)
    text = _CAPTURE.sub("", text)
    text, loops = _LOOP.subn("", text)
    # Hugo's shortcodes look alike; a page of Jekyll has none.
    text, tags = _TAG.subn("", text)
    if loops or tags:
        message = "Liquid tags are not interpreted; what they would have inserted is missing."
        problems.append(
            Problem("", None, "liquid", message, "Write the text itself in their place.")
        )
    return text


def _without_hidden(text: str, problems: list[Problem]) -> str:
    """Remove comments and what the marks of other programs hide."""
    if "comment" in text:
        text = _COMMENTED.sub("", text)
    if "<!--" in text and (start := _unended(text)) is not None:
        problems.append(_left_out(text[start:], "Write --> where the comment ends."))
        text = text[:start]
    if "<!--" in text:
        text = _REMARK.sub(lambda found: "" if "\n" in found[0] else found[0], text)
    if "{" not in text or not _MAY_HIDE.search(text):
        return text

    def kept(found: re.Match[str]) -> str:
        if not _hides(found["marks"]):
            return found[0]
        problems.append(_left_out(found[0], _HIDDEN_HINT))
        return ""

    return _SPAN_HIDDEN.sub(kept, _without_hidden_blocks(text, problems))


def _unended(text: str) -> int | None:
    """Return where a comment begins a line after which none ends, None without one."""
    last = text.rfind("-->")
    return next((one.start() for one in _BEGUN.finditer(text) if one.end() > last), None)


def _without_hidden_blocks(text: str, problems: list[Problem]) -> str:
    """Remove the paragraph, heading, list or table right above a line of hiding marks."""
    kept: list[str] = []
    for line in text.split("\n"):
        found = _BLOCK_MARKS.fullmatch(line)
        if found is None or not _hides(found["marks"]):
            kept.append(line)
            continue
        block: list[str] = []
        while kept and kept[-1].strip():
            block.append(kept.pop())
        problems.append(_left_out("\n".join(reversed(block)), _HIDDEN_HINT))
    return "\n".join(kept)


_HIDDEN_HINT = "Take it out: who reads the source can see it. Or show it, without what hides it."
_MAY_HIDE = re.compile(r"\{[^{}\n]*(?:hid|none|invisible|opacity|font|visibility)", re.IGNORECASE)


def _hides(marks: str) -> bool:
    given: dict[str, str] = {}
    for found in _MARK.finditer(marks):
        name = "class" if found[5] else found[1] or found[6]
        value = found[5] or found[2] or found[3] or found[4] or ""
        given[name.casefold()] = f"{given.get(name.casefold(), '')} {value}".strip()
    return is_hidden("div", given)


def _left_out(text: str, hint: str) -> Problem:
    words = first_line(_KEPT.sub("", text))[:60]
    message = f"“{words}” is hidden where it was written for, so it is left out."
    return Problem("", None, "hidden-text", message, hint)


def _without_marks(text: str) -> str:
    if "{" in text:
        text = _HEADING_ID.sub(r'\g<head> <a id="\g<id>"></a>', text)
        text = _SPAN_ATTRIBUTES.sub("", _LINE_ATTRIBUTES.sub("", text))
    return _LINK_SPACE.sub("](", text)
