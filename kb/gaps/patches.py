"""Ready changes for Git: questions an article shall answer, words that mean the same.

Promises a patch that `git apply` takes where the articles lie, changing nothing but the lines it
adds, and none where the file cannot be changed safely by lines alone. Pure; knows no repository.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import unified_diff

from kb.content.frontmatter.editing import with_answers
from kb.content.frontmatter.fields import names
from kb.content.frontmatter.parsing import read_front_matter
from kb.tracking.query_text import folded

SYNONYMS = "_synonyms.yml"
_ITEM = re.compile(r"^(\s*)-\s")


def answers_patch(path: str, text: str, questions: Sequence[str]) -> str:
    """Return the diff that adds questions to `answers:` of an article's front matter; "" where all
    are there already or the front matter is not one to change by lines.
    """
    held = {folded(each) for each in _held(text)}
    changed = with_answers(text, [each for each in questions if folded(each) not in held])
    if changed is None:
        return ""
    return _diff(path, text.splitlines(keepends=True), changed.splitlines(keepends=True))


def _held(text: str) -> list[str]:
    values = read_front_matter(text).values
    return [str(each) for name in names("answers") for each in values.get(name) or ()]


def synonyms_patch(text: str, language: str, words: str, instead: str) -> str:
    """Return the diff that makes two wordings synonyms in `_synonyms.yml`, joining the group that
    holds one of them; "" where one holds both already.
    """
    lines = text.splitlines(keepends=True)
    at = next((n for n, line in enumerate(lines) if line.rstrip() == f"{language}:"), None)
    if at is None:
        tail = [f"{language}:\n", f"  - [{words}, {instead}]\n"]
        return _diff(SYNONYMS, lines, [*_ended(lines), *tail])
    last = at
    for n in range(at + 1, len(lines)):
        if not lines[n].startswith((" ", "#", "\n")):
            break
        if not _ITEM.match(lines[n]):
            continue
        last = n
        group = [each.strip() for each in lines[n].strip(" -[]\n").split(",")]
        if {words, instead} <= set(group):
            return ""
        if missing := {words: instead, instead: words}.get(_one_of(group, words, instead)):
            row = lines[n].rstrip()
            if not row.endswith("]"):
                return ""
            return _diff(
                SYNONYMS, lines, [*lines[:n], f"{row[:-1]}, {missing}]\n", *lines[n + 1 :]]
            )
    new = f"  - [{words}, {instead}]\n"
    return _diff(SYNONYMS, lines, [*_ended(lines[: last + 1]), new, *lines[last + 1 :]])


def _one_of(group: Sequence[str], *wanted: str) -> str:
    return next((each for each in wanted if each in group), "")


def _ended(lines: Sequence[str]) -> list[str]:
    """Return the lines, the last ending in a line break."""
    if lines and not lines[-1].endswith("\n"):
        return [*lines[:-1], lines[-1] + "\n"]
    return list(lines)


def _diff(path: str, before: Sequence[str], after: Sequence[str]) -> str:
    if before and not before[-1].endswith("\n"):
        return ""  # such a patch needs a mark that few tools write alike
    return "".join(unified_diff(list(before), list(after), f"a/{path}", f"b/{path}"))
