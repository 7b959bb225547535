"""Front matter that stands where it is not read; pure.

A blank line, a comment or a space before the first `---`, a line of four dashes, a second block or
lines without any `---`: the facts of the article are then part of its text, and what they say of
its readers is lost. Code is left alone, since articles show such blocks too.
"""

from __future__ import annotations

import re
from itertools import pairwise

from kb.content.narrowing import KNOWN, narrows
from kb.content.problem import Problem

_UNSEEN = r"[\s\ufeff\ufffd\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064]"
_BEFORE = re.compile(
    rf"(?:{_UNSEEN}+|<!--.*?-->|\{{/\*.*?\*/\}}|\{{#.*?#\}}|^%YAML[^\n]*$"
    r"|\{%-?\s*comment\s*-?%\}.*?\{%-?\s*endcomment\s*-?%\})*",
    re.DOTALL | re.MULTILINE,
)
# Programs turn `---` into long dashes.
_FENCE = r"[ \t]*([-‐-―−]{2,}|[–—―]|\+{2,})[ \t]*(?:ya?ml|toml|json|#[^\n]*)?[ \t]*"
_KEY = r"[\"']?[^\W\d][\w.-]*[\"']?[ \t]*[:=](?:[ \t]|$)"
_OPENED = re.compile(rf"{_FENCE}\n(?:[ \t]*(?:#[^\n]*)?\n)*{_KEY}", re.MULTILINE)
_RULE = re.compile(r"[ \t>]*(?:[-‐-―−=*_+;]{2,}|[–—―]|\.\.\.)[ \t]*")
# What may stand within such a block: nothing, a remark, an indented line, an entry, a key.
_INSIDE = re.compile(r"[ \t>]*(?:#.*|-[ \t].*|[\"']?[\w.-][\w .-]*[\"']?[ \t]*[:=].*)?|[ \t]+\S.*")
_MOST_LINES = 200
# Other ends of lines and blanks as plain ones; what nobody sees is left out.
_AS_SEEN = str.maketrans(
    dict.fromkeys("\x0b\x0c\x85\u2028\u2029", "\n")
    | dict.fromkeys("\xa0\u2007\u202f\u3000", " ")
    | {chr(code): None for code in (0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F))}
    | {chr(code): None for code in (0xFEFF, 0xFFFD, *range(0x2060, 0x2065))}
)
_UNMARKED = re.compile(
    rf"(?:{_KEY}[^\n]*(?:\n|\Z)(?:(?:[ \t]+[^\s]|-[ \t])[^\n]*(?:\n|\Z))*)+", re.M
)
_END = re.compile(r"[ \t]*(?:[-‐-―−=+]{2,}|[–—―])[ \t]*$", re.MULTILINE)
_JSON = re.compile(r"\{\s*\"[\w.-]+\"\s*:")
_CODE = re.compile(
    r"^[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?(?P<fence>`{3,}|~{3,})[^\n]*\n.*?"
    r"(?:^[ \t>]*(?P=fence)[`~]*[ \t]*$|\Z)",
    re.DOTALL | re.MULTILINE,
)
_HINT = "Write --- alone on the very first line of the file, then the keys, then --- again."
_CODE_HINT = "Put it at the top of the file, or between lines of ``` when readers should see it."


def stray_block(text: str, *, first: bool) -> tuple[Problem, bool] | None:
    """Return what to report of a block that is not read, and whether it looks as if it narrowed.

    `first` says that `text` is the whole file: no front matter was found at its top. The line of
    the finding counts from the beginning of `text`.
    """
    text = text.translate(_AS_SEEN)
    text = _CODE.sub(lambda found: "\n" * found[0].count("\n"), text)
    lead = _BEFORE.match(text)
    start = lead.end() if lead else 0
    # White space right before the dashes belongs to their line.
    line_start = text.rfind("\n", 0, start) + 1
    if first and (found := _OPENED.match(text, start)):
        message = _top(text, line_start, found[1])
        return _report(text, start, message, _HINT, text[start:])
    if first and _JSON.match(text, start):
        message = "Front matter in JSON is not read."
        hint = "Write “key: value” lines between two lines of ---."
        return _report(text, start, message, hint, text[start : text.find("\n}", start) + 1])
    if found := _UNMARKED.match(text, start):
        ends = _END.match(text, found.end()) is not None
        keys = found[0].rstrip("\n").count("\n") + 1
        if narrows(found[0]) and (
            ends or (first and (_alone(found[0]) if keys == 1 else _names_ours(found[0])))
        ):
            message = "These lines look like front matter and are not read."
            return _report(text, start, message, _HINT, found[0])
    return _anywhere(text)


def _anywhere(text: str) -> tuple[Problem, bool] | None:
    """Find a block in the middle that says who may read the article."""
    lines = text.split("\n")
    rules = [at for at, line in enumerate(lines) if _RULE.fullmatch(line)]
    for start, end in pairwise(rules):
        inside = lines[start + 1 : end]
        if len(inside) > _MOST_LINES or not all(map(_INSIDE.fullmatch, inside)):
            continue
        block = "\n".join(inside)
        if narrows(block):
            message = "This looks like front matter, and only a block at the top is read."
            at = sum(map(len, lines[:start])) + start
            return _report(text, at, message, _CODE_HINT, block)
    return None


def _alone(line: str) -> bool:
    """Whether one line by itself is a key and no sentence: “audience: staff”."""
    return bool(re.match(r"\s*[\"']?audien\w*[\"']?[ \t]*[:=]", line, re.IGNORECASE))


def _names_ours(block: str) -> bool:
    """Whether lines of keys hold one of ours: two sentences may begin with a word and a colon."""
    keys = re.findall(r"^[\"']?([\w-]+)[\"']?[ \t]*[:=]", block, re.MULTILINE)
    return any(key.casefold() in KNOWN for key in keys)


def _top(text: str, line_start: int, mark: str) -> str:
    before = text[:line_start]
    if set(mark) - {"-", "+"} or len(mark) != 3:
        return f"The front matter begins with “{mark[:20]}” and not with ---, so it is not read."
    if before.strip("\ufeff \t\n"):
        return "Something stands before the front matter, so it is not read."
    if "\n" in before:
        return "A blank line stands before the front matter, so it is not read."
    return "White space or another mark stands before the first --- or after it, so it is not read."


def _report(text: str, at: int, message: str, hint: str, block: str) -> tuple[Problem, bool]:
    line = text.count("\n", 0, at) + 1
    problem = Problem("", line, "front-matter", message, hint, refused=True)
    return problem, narrows(block[:65536])
