"""Fixes that need no human judgement.

Fixing a text twice gives the same as fixing it once. The facts of an article stay the same, except
for keys that nothing read before. A text that cannot be read, or has headings in an unsupported
form, is left alone in that respect.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from kb.content.frontmatter.parsing import read_front_matter
from kb.content.lint.page import SourcePage
from kb.content.lint.page_rules import fitted_levels, nearest_key

_KEY = re.compile(r"^([A-Za-z_][\w-]*)([ \t]*)(:)(?=[ \t\r\n]|$)")
_HASHES = re.compile(r"^( {0,3})(#{1,6})(?=[ \t])")
_OTHER_HEADING = re.compile(r"<h[1-6]\b|^ {0,3}(?:=+|-+)[ \t]*$", re.IGNORECASE | re.MULTILINE)


def fixed_text(text: str, page: SourcePage, targets: Mapping[str, str]) -> str:
    """Return the text of a page with everything fixed that can be fixed.

    `targets` maps link targets as written to what they should be.
    """
    for change in (_with_keys, _with_levels(page), _with_targets(page, targets)):
        text = change(text)
    return _ended(text)


def _ended(text: str) -> str:
    if not text or text.endswith(("\n", "\r")):
        return text
    return text + ("\r\n" if "\r\n" in text else "\n")


# -- Front matter --


def _with_keys(text: str) -> str:
    """Correct names of keys and remove spaces before colons, unless that changes anything else."""
    before = read_front_matter(text)
    if before.problems or not before.values or not text.removeprefix("\ufeff").startswith("---"):
        return text
    lines = _lines(text)
    renamed: dict[str, str] = {}
    for at in range(1, min(before.body_line - 1, len(lines))):
        found = _KEY.match(lines[at])
        if found and found[1] in before.values and before.lines.get(found[1]) == at + 1:
            key = _new_name(found[1], before.values, renamed)
            lines[at] = f"{key}:{lines[at][found.end() :]}"
    changed = "".join(lines)
    after = read_front_matter(changed)
    wanted = {renamed.get(key, key): value for key, value in before.values.items()}
    same = (after.values, after.body, after.problems) == (wanted, before.body, ())
    return changed if same else text


def _new_name(key: str, values: Mapping[str, object], renamed: dict[str, str]) -> str:
    known = nearest_key(key)
    if not known or known in values or known in renamed.values():
        return key
    renamed[key] = known
    return known


# -- Headings --


def _with_levels(page: SourcePage) -> Callable[[str], str]:
    """Return a function that moves headings to levels from 2 that skip none."""
    levels = [heading.level for heading in page.headings]
    fitted = fitted_levels(levels)
    plain = 1 not in levels and not _OTHER_HEADING.search(page.prose)
    if not plain or page.open_fence or fitted == levels:
        return lambda text: text
    marks = {h.line: "#" * level for h, level in zip(page.headings, fitted, strict=True)}

    def change(text: str) -> str:
        lines = _lines(text)
        for number, mark in marks.items():
            lines[number - 1] = _HASHES.sub(rf"\g<1>{mark}", lines[number - 1])
        return "".join(lines)

    return change


def _lines(text: str) -> list[str]:
    """Return the lines as a page counts them, each with its line end."""
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z", text)


# -- Links --


def _with_targets(page: SourcePage, targets: Mapping[str, str]) -> Callable[[str], str]:
    """Return a function that changes the targets of inline links, only where the line holds the
    target once, right after its `](`.
    """
    by_line = [(link.line, link.target) for link in page.links if link.target in targets]

    def change(text: str) -> str:
        lines = _lines(text)
        for number, written in by_line:
            line = lines[number - 1]
            if line.count(f"]({written})") == 1 and line.count(written) == 1:
                lines[number - 1] = line.replace(f"]({written})", f"]({targets[written]})")
        return "".join(lines)

    return change
