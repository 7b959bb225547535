"""Microsoft Learn's marks turned into Markdown; pure.

Promises images, videos and the words of rows, columns and versions (`:::image`, `:::row:::`,
`:::moniker`); zones, tabs and alerts stay for `containers`. What would insert a file that is not
here is taken out and reported, any other `:::` mark stays visible and is reported.
"""

from __future__ import annotations

import re

from kb.content.containers import ALERTS
from kb.content.problem import Problem

_VIDEO = re.compile(r"\[!VIDEO\s+(https?://[^\s\]]+)\s*\]", re.IGNORECASE)
_INCLUDE = re.compile(r"\[!INCLUDE\s*(?:\[[^\]\n]*\])?\s*(?:\([^)\n]*\))?\s*\]?", re.IGNORECASE)
_CODE = re.compile(r"\[!code-[\w-]+\s*\[[^\]\n]*\]\([^)\n]*\)\s*\]", re.IGNORECASE)
_DIV = re.compile(r"^[ \t]*>[ \t]*\[!div\b[^\]\n]*\][ \t]*$\n?", re.IGNORECASE | re.MULTILINE)
_XREF = re.compile(r"<xref:([^>\s?#]{1,200})[^>\s]{0,200}>", re.IGNORECASE)
_MARK = re.compile(
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
        text = _MARK.sub(lambda found: _mark(found, problems), text)
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
