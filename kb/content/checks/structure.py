"""Rules for headings, sections, code blocks and tables; pure.

Promises findings with their lines from the source as it is written. Knows one page at a time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kb.content.checks.page import Heading, Page
from kb.content.problem import Problem

_DELIMITER = re.compile(r"^[ \t>]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)+\|?[ \t]*$")
_PIPE = re.compile(r"(?<!\\)\|")


def structure_problems(page: Page) -> Iterator[Problem]:
    """Yield what is wrong with the structure of one page."""
    if page.draft.facts.redirect_to:
        return
    if page.open_fence:
        message = "This code block has no end, so the rest of the article is shown as code."
        hint = "Put a line like its first after the code."
        yield page.problem("fence", page.open_fence, message, hint)
    yield from _order(page)
    yield from _twice(page)
    yield from _empty(page)
    yield from _tables(page)
    if page.text and not page.text.endswith("\n"):
        last = page.text.count("\n") + 1
        message = "The file does not end with a line's end."
        yield page.problem("final-newline", last, message, "Press Enter after the last line.")


def fitted_levels(levels: list[int]) -> list[int]:
    """Return levels from 2 that skip none and keep which heading is under which."""
    fitted: list[int] = []
    above: list[int] = []
    for level in levels:
        while above and above[-1] >= level:
            above.pop()
        above.append(level)
        fitted.append(min(len(above) + 1, 6))
    return fitted


def _order(page: Page) -> Iterator[Problem]:
    last = 1
    for number, heading in enumerate(page.headings):
        if heading.level == 1 and (number or not _gives_title(page, heading)):
            message = f"“{heading.text[:80]}” is of level 1, which is the title's."
            yield page.problem("heading-one", heading.line, message, "Write ## before it.")
        if heading.level > last + 1:
            message = f"“{heading.text[:80]}” is of level {heading.level} after level {last}."
            hint = f"Write {'#' * (last + 1)} before it."
            yield page.problem("heading-order", heading.line, message, hint)
        last = heading.level


def _gives_title(page: Page, heading: Heading) -> bool:
    return not page.draft.own_title or heading.text.casefold() == page.draft.title.casefold()


def _twice(page: Page) -> Iterator[Problem]:
    seen: dict[tuple[str, ...], int] = {}
    above: list[Heading] = []
    for heading in page.headings:
        above = [each for each in above if each.level < heading.level] + [heading]
        key = tuple(each.text.casefold() for each in above)
        first = seen.setdefault(key, heading.line)
        if first != heading.line and heading.text:
            message = f"“{heading.text[:80]}” is a heading here twice."
            hint = "Say how the two differ: each is found by itself."
            yield page.problem("heading-twice", heading.line, message, hint)


def _empty(page: Page) -> Iterator[Problem]:
    lines = page.text.split("\n")
    for heading, after in zip(page.headings, [*page.headings[1:], None], strict=False):
        end = after.line - 1 if after else len(lines)
        is_last = after is None or after.level <= heading.level
        text = "".join(lines[heading.line : end]).strip(" \t=-")
        if is_last and not text and heading.level > 1:
            message = f"Nothing is written under “{heading.text[:80]}”."
            yield page.problem("section-empty", heading.line, message, "Fill it, or take it out.")


def _tables(page: Page) -> Iterator[Problem]:
    lines = page.prose.split("\n") if "|" in page.prose else []
    for at in range(1, len(lines)):
        if "|" not in lines[at] or "-" not in lines[at] or "|" not in lines[at - 1]:
            continue
        if not _DELIMITER.match(lines[at]):
            continue
        wanted = _cells(lines[at - 1])
        for row in range(at, len(lines)):
            if not lines[row].strip(" \t>") or "|" not in lines[row]:
                break
            found = _cells(lines[row])
            if found != wanted:
                message = f"This row has {found} cells; the table's first row has {wanted}."
                hint = r"Add or remove a “|”; write \| for one that is text."
                yield page.problem("table", row + 1, message, hint)


def _cells(line: str) -> int:
    inner = line.strip(" \t>")
    inner = inner.removeprefix("|")
    if inner.endswith("|") and not inner.endswith("\\|"):
        inner = inner[:-1]
    return len(_PIPE.findall(inner)) + 1
