"""Text of other sites turned into plain Markdown; pure.

Promises to take out what only another publisher's program understands (Liquid tags, kramdown
attribute lists, and what `shortcodes`, `components` and `learn` read) outside code, keep the words,
and say what was dropped. Knows no HTML.
"""

from __future__ import annotations

import re

from kb.content.components import without_components
from kb.content.hidden_html import first_line, is_hidden
from kb.content.learn import without_learn_marks
from kb.content.problem import Problem
from kb.content.shortcodes import shown_shortcodes, without_shortcodes

# Code is left alone: whole fences, then spans of one or more backticks.
CODE = re.compile(
    r"(^[ >]*(?P<fence>`{3,}(?=[^`\n]*$)|~{3,})[^\n]*\n.*?(?:^[ >]*(?P=fence)[`~]*[ ]*$|\Z)"
    r"|(?<!`)(?P<ticks>`+)(?!`)[^\n]{1,2000}?(?<!`)(?P=ticks)(?!`))",
    re.DOTALL | re.MULTILINE,
)
_KEPT = re.compile(r"\x1a(\d+)\x1a")  # readers of files let no such character through
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
# An image's size stays: `markup` reads it.
_SPAN_ATTRIBUTES = re.compile(r"(?<=[)\]*_>`\"])\{:(?![^{}\n]*\b(?:width|height)=)[^{}\n]*\}")
_COMMENTED = re.compile(
    r"{%-?\s*comment\s*-?%}.*?{%-?\s*endcomment\s*-?%}|\{::comment\}.*?\{:/(?:comment)?\}",
    re.DOTALL,
)
# Of several lines: right below an item Markdown would take it for the item's text.
_REMARK = re.compile(r"^ {0,3}<!--(?!-?>)(?:(?!-->).)*-->", re.DOTALL | re.MULTILINE)
# Without an end, what begins a line hides all that follows.
_BEGUN = re.compile(r"^ {0,3}<!--(?!-?>)", re.MULTILINE)
# What kramdown and MkDocs hide: a block by the line below it, a span by what follows it.
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
    """Return `body` without foreign markup, and what could not be carried over.

    Liquid is interpreted only on Jekyll's pages: elsewhere braces are the author's own words.
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
    # Twice: code may have been taken out within what became code itself.
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
    """Take out what the marks of another program hide, and comments."""
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
    """Take out the paragraph, heading, list or table right above a line of marks that hide."""
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
