"""Remove text that a page hides from its readers, and the parts of MDX that are code.

Text is removed, not only the mark that hides it: the words alone would show a remark that was never
meant to be read. Hidden is what HTML hides: `hidden` with any value, a style of no display, no
visibility, no opacity or no size, elements that browsers do not show, and the classes that style
sheets of other sites use for it. Text for screen readers (`aria-hidden`, `sr-only`) and folded text
stay.

Docusaurus' imports, exports, comments and components are removed from Markdown, after code was set
aside; the words inside components stay and the components' names are reported. Tabs and admonitions
stay for `containers`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import nh3

from kb.content.html.tokens import HtmlToken, read_tokens, start_tag
from kb.content.problem import Problem

# -- MDX --


_IMPORT = re.compile(
    r"^import\s+(?:[\w*{][^;\n'\"]{0,400}\bfrom\s+)?['\"][^'\"\n]+['\"];?[ \t]*$\n?", re.MULTILINE
)
_EXPORT = re.compile(
    r"^export\s+(?:const|let|default|function)\b[^\n]*[={(][^\n]*(?:\n(?![ \t]*\n)[^\n]+)*\n?",
    re.MULTILINE,
)
_COMMENT = re.compile(r"\{/\*.*?\*/\}", re.DOTALL)
_SOURCE = re.compile(
    r"=\{\s*(?:require|useBaseUrl)\(\s*['\"]([^'\"\n]+)['\"]\s*\)(?:\.default)?\s*\}"
)
_LINK = re.compile(r"<Link\b[^<>]*?\bto=[\"{']+([^\"'{}<>\n]+)[\"'}]+[^<>]*>([^<\n]*)</Link>")
_CODE_BLOCK = re.compile(
    r"<CodeBlock\b(?P<keys>[^<>]*)>\s*\{?`?(?P<code>.*?)`?\}?\s*</CodeBlock>", re.DOTALL
)
_COMPONENT = re.compile(
    r"</?(?P<name>[A-Z]\w{0,60}(?:\.\w{1,60})?)(?P<keys>\s(?:[^<>{}]|\{[^{}]{0,300}\}){0,800})?/?>"
)
_READ_LATER = {"TabItem", "Admonition"}
_HOLDERS = {"Tabs", "Details"}
ELEMENTS_WORDS = """
    a abbr acronym address applet area article aside audio b base basefont bdi bdo big blink
    blockquote body br button canvas caption center cite code col colgroup data datalist dd del
    details dfn dialog dir div dl dt em embed fieldset figcaption figure font footer form frame
    frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe image img input ins isindex kbd
    keygen label legend li link listing main map mark marquee math menu menuitem meta meter nav
    nobr noembed noframes noscript object ol optgroup option output p param picture plaintext
    portal pre progress q rb rp rt rtc ruby s samp script search section select slot small source
    span strike strong style sub summary sup svg table tbody td template textarea tfoot th thead
    time title tr track tt u ul var video wbr xmp tabs tabitem admonition
"""
ELEMENTS = frozenset(ELEMENTS_WORDS.split())


def without_components(text: str, problems: list[Problem]) -> str:
    """Return `text` as plain Markdown; what was taken out goes to `problems`."""
    if "import" in text or "export" in text:
        text, imports = _IMPORT.subn("", text)
        text, exports = _EXPORT.subn("", text)
        if imports or exports:
            message = "Imports and exports of MDX are not run; what they would add is missing."
            problems.append(_finding(message, "Write the text itself in their place."))
    if "{/*" in text:
        text = _COMMENT.sub("", text)
    if "<" not in text:
        return text
    text = _LINK.sub(r"[\2](\1)", _SOURCE.sub(r'="\1"', text))
    text = _CODE_BLOCK.sub(_code_block, text)
    return _without_tags(text, problems)


def _without_tags(text: str, problems: list[Problem]) -> str:
    named: dict[str, None] = {}
    closed = set(re.findall(r"</([A-Z]\w*(?:\.\w+)?)\s*>", text))

    def replaced(found: re.Match[str]) -> str:
        name = found["name"]
        is_html = name.casefold() in ELEMENTS and name not in _HOLDERS
        is_component = name in closed or "=" in (found["keys"] or "") or found[0].endswith("/>")
        if name in _READ_LATER or is_html or name.isupper() or not is_component:
            return found[0]
        if name not in _HOLDERS:
            named[name] = None
        return ""

    text = _COMPONENT.sub(replaced, text)
    for name in named:
        message = f"The component “{name}” is not known; only the words within it are shown."
        problems.append(_finding(message, "Write what it would have shown."))
    return text


def _code_block(found: re.Match[str]) -> str:
    language = re.search(r"\blanguage=[\"']([\w+#-]+)", found["keys"])
    return f"\n```{language[1] if language else ''}\n{found['code'].strip(chr(10))}\n```\n"


def _finding(message: str, hint: str) -> Problem:
    return Problem("", None, "jsx", message, hint)


# -- Hidden text --


# Browsers show nothing of these, or only a control that articles cannot have.
UNSEEN_TAGS = frozenset({"title", "textarea", "noscript", "noframes", "datalist", "head"})
# Some pages hide everything until their script has run; their articles must not be lost.
WHOLE = frozenset({"html", "body", "main"})
_HINTS = re.compile(
    r"<[^<>]*\b(?:hidden|style|class)\b|<(?:title|textarea|noscript|noframes|datalist|head|dialog)\b",
    re.IGNORECASE,
)
_STYLE = re.compile(
    r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)"
    r"|content-visibility\s*:\s*hidden|opacity\s*:\s*(?:0*\.?0+)%?"
    r"|font(?:-size)?\s*:\s*0*\.?0+(?:[a-z]{1,4}|%)?)\s*(?:!\s*important\s*)?(?=;|$)",
    re.IGNORECASE,
)
_CSS_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_CSS_ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})\s?|\\(.)", re.DOTALL)
_CLASSES = frozenset({"hidden", "d-none", "is-hidden", "invisible", "hide"})
# `hidden md:block` and `d-none d-md-block` hide on small screens only.
_SOMETIMES = re.compile(
    r"[a-z0-9]+:(?:block|inline.*|flex|grid|table.*|contents|visible)|d-(?:sm|md|lg|xl|xxl|print)-.+|(?:sm|md|lg|xl)-.+"
)
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track",
     "wbr", "param"}
)  # fmt: skip # a list, several to a line
# nh3 parses as browsers do. Here it only makes the text well formed: elements, attributes and
# addresses stay, and so do the marks that hide.
_RAW = {"script", "style"}
_TAGS = set(ELEMENTS)
_ATTRIBUTES_WORDS = """
    abbr align alt cite class colspan controls data-target datetime dir headers height hidden href
    id kind label lang level loading name open role rowspan scope span src start style tabindex
    title type value width
"""
_ATTRIBUTES = set(_ATTRIBUTES_WORDS.split())
_SCHEMES = {"http", "https", "mailto", "kb", "data", "tel", "ftp", "file", "sms"}


def without_hidden(html: str) -> tuple[str, tuple[str, ...]]:
    """Return `html` without what is hidden, and the first words of each part taken out."""
    if not _HINTS.search(html):
        return html, ()
    tokens = read_tokens(html)
    if not any(each.kind == "start" and is_hidden(each.name, each.attributes) for each in tokens):
        return html, ()
    tree = read_tokens(_well_formed(html, {each.name for each in tokens if each.kind == "start"}))
    kept: list[HtmlToken] = []
    told: list[str] = []
    depth, words = 0, ""
    for token in tree:
        hides = token.kind == "start" and is_hidden(token.name, token.attributes)
        if not depth and not hides:
            kept.append(token)
            continue
        if token.kind == "text":
            words = words or first_line(token.name)
        elif token.name == "img" and token.kind == "start":
            words = words or token.attributes.get("alt", "").strip() or "img"
        if token.name not in _VOID and token.kind != "text":
            depth += 1 if token.kind == "start" else -1
        if not depth:
            told += [words] if words else []
            words = ""
    return "".join(map(_written, kept)), tuple(told + ([words] if words else []))


def first_line(text: str) -> str:
    """Return the first line of a text that is not blank."""
    return next((" ".join(line.split()) for line in text.split("\n") if line.strip()), "")


def is_hidden(tag: str, attributes: Mapping[str, str]) -> bool:
    """Whether a browser, or the site that the text was written for, shows nothing of an element."""
    if tag in UNSEEN_TAGS or (tag == "dialog" and "open" not in attributes):
        return True
    if tag in WHOLE:
        return False
    if "hidden" in attributes or _hides(attributes.get("style", "")):
        return True
    classes = set(attributes.get("class", "").casefold().split())
    return bool(classes & _CLASSES) and not any(map(_SOMETIMES.fullmatch, classes))


def _hides(style: str) -> bool:
    if not style:
        return False
    plain = _CSS_ESCAPE.sub(_unescaped, _CSS_COMMENT.sub("", style))
    return bool(_STYLE.search(plain))


def _unescaped(found: re.Match[str]) -> str:
    number = int(found[1], 16) if found[1] else 0
    return (chr(number) if 0 < number < 0x110000 else "") if found[1] else found[2]


def _well_formed(html: str, named: set[str]) -> str:
    cleaned: str = nh3.clean(
        html,
        tags=(_TAGS | named) - _RAW,
        clean_content_tags=_RAW,
        attributes={"*": _ATTRIBUTES},
        url_schemes=_SCHEMES,
        link_rel=None,
        strip_comments=True,
    )
    return cleaned


def _written(token: HtmlToken) -> str:
    if token.kind == "text":
        return token.name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if token.kind == "end":
        return "" if token.name in _VOID else f"</{token.name}>"
    return start_tag(token.name, token.attributes)
