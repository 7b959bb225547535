"""The parts of MDX that are a program; pure.

Promises Markdown without Docusaurus' imports, exports, comments and components, whose words stay
and whose names are reported. Runs where code has been taken out. Tabs and admonitions stay for
`containers`.
"""

from __future__ import annotations

import re

from kb.content.problem import Problem

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
