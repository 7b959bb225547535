"""Text of other sites turned into plain Markdown; pure.

Promises to take out what only another publisher's program understands (Liquid tags, kramdown
attribute lists, Microsoft Learn includes and videos) outside code, keep the words, and say what was
dropped. Knows no HTML.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from kb.content.problem import Problem

# Code is left alone: whole fences, then spans.
_CODE = re.compile(
    r"(^[ >]*(?P<fence>`{3,}|~{3,})[^\n]*\n.*?(?:^[ >]*(?P=fence)[`~]*[ ]*$|\Z)|(?<!`)`[^`\n]+`)",
    re.DOTALL | re.MULTILINE,
)
_LOOP = re.compile(r"{%-?\s*(for|comment|raw)\b.*?{%-?\s*end\1\s*-?%}", re.DOTALL)
_LINK = re.compile(r"{%-?\s*link\s+([^\s%]+)\s*-?%}")
_CAPTURE = re.compile(r"{%-?\s*(?:end)?capture[^%]*-?%}")
_SITE = re.compile(r"{{-?\s*(?:site\.baseurl|site\.url)\s*-?}}")
_TAG = re.compile(r"{%.*?%}|{{.*?}}", re.DOTALL)
_LINE_ATTRIBUTES = re.compile(r"^[ \t]*\{::?[^{}\n]*\}[ \t]*$\n?", re.MULTILINE)
_SPAN_ATTRIBUTES = re.compile(r"(?<=[)\]*_>`\"])\{:[^{}\n]*\}")
_HEADING_ID = re.compile(
    r"^(?P<head>#{1,6}[ \t][^\n]*?)[ \t#]*\{#(?P<id>[^\s{}\"<>]+)[^{}\n]*\}[ \t]*$", re.MULTILINE
)
_LINK_SPACE = re.compile(r"\]\( +(?=\S)")
_ADMONITION = re.compile(
    r"^(?:!!!|\?\?\?\+?)[ \t]+(?P<kind>[a-z]+)[^\n\"]*(?:\"(?P<title>[^\"\n]*)\")?[ \t]*\n"
    r"(?P<text>(?:(?:[ ]{4}|\t)[^\n]*\n?|[ \t]*\n(?=[ ]{4}|\t))+)",
    re.MULTILINE,
)
_KINDS = {
    "tip": "TIP", "hint": "TIP", "success": "TIP", "important": "IMPORTANT", "warning": "WARNING",
    "attention": "WARNING", "caution": "CAUTION", "danger": "CAUTION", "error": "CAUTION",
}  # fmt: skip
_VIDEO = re.compile(r"\[!VIDEO\s+(https?://[^\s\]]+)\s*\]", re.IGNORECASE)
_INCLUDE = re.compile(r"\[!INCLUDE\s*(?:\[[^\]\n]*\])?\s*(?:\([^)\n]*\))?\s*\]?", re.IGNORECASE)


def plain_markdown(body: str, *, jekyll: bool = False) -> tuple[str, tuple[Problem, ...]]:
    """Return `body` without foreign markup, and what could not be carried over.

    Liquid is interpreted only on Jekyll's pages: elsewhere braces are the author's own words.
    """
    problems: list[Problem] = []
    if jekyll:
        body = _outside_code(body, lambda text: _without_liquid(text, problems))
    return _outside_code(body, lambda text: _without_marks(text, problems)), tuple(problems)


def _outside_code(text: str, change: Callable[[str], str]) -> str:
    done, start = [], 0
    for code in _CODE.finditer(text):
        done += [change(text[start : code.start()]), code[0]]
        start = code.end()
    return "".join([*done, change(text[start:])])


def _without_liquid(text: str, problems: list[Problem]) -> str:
    if "{%" not in text and "{{" not in text:
        return text
    text = _SITE.sub("", _LINK.sub(r"/\1", text))
    text = _CAPTURE.sub("", text)
    text, loops = _LOOP.subn("", text)
    text, tags = _TAG.subn("", text)
    if loops or tags:
        message = "Liquid tags are not interpreted; what they would have inserted is missing."
        problems.append(
            Problem("", None, "liquid", message, "Write the text itself in their place.")
        )
    return text


def _without_marks(text: str, problems: list[Problem]) -> str:
    if "{" in text:
        text = _HEADING_ID.sub(r'\g<head> <a id="\g<id>"></a>', text)
        text = _SPAN_ATTRIBUTES.sub("", _LINE_ATTRIBUTES.sub("", text))
    text = _LINK_SPACE.sub("](", text)
    if "!!!" in text or "???" in text:
        text = _ADMONITION.sub(_alert, text)
    if "[!" not in text:
        return text
    text = _VIDEO.sub(r"[Video](\1)", text)
    text, includes = _INCLUDE.subn("", text)
    if includes:
        message = "An included file is not inserted."
        problems.append(Problem("", None, "include", message, "Write its text in this article."))
    return text


def _alert(found: re.Match[str]) -> str:
    """MkDocs' admonition as GitHub writes it; a title of its own becomes the first line."""
    lines = [f"[!{_KINDS.get(found['kind'], 'NOTE')}]"]
    if found["title"]:
        lines += [f"**{found['title']}**", ""]
    lines += [re.sub(r"^(?: {4}|\t)", "", line) for line in found["text"].rstrip().split("\n")]
    return "\n".join(f"> {line}".rstrip() for line in lines) + "\n\n"
