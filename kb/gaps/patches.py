"""Ready changes for Git: questions an article shall answer, words that mean the same.

Promises a patch that `git apply` takes where the articles lie, changing nothing but the lines it
adds, and none where the file cannot be changed safely by lines alone. Pure; knows no repository.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from difflib import unified_diff

from kb.lookup.words import folded

SYNONYMS = "_synonyms.yml"
_FENCE = "---\n"
_INLINE = re.compile(r"^answers:[ \t]*\[(.*)\][ \t]*$")
_ITEM = re.compile(r"^(\s*)-\s")


def answers_patch(path: str, text: str, questions: Sequence[str]) -> str:
    """Return the diff that adds questions to `answers:` of an article's front matter; "" where all
    are there already or the front matter is not one to change by lines.
    """
    lines = text.splitlines(keepends=True)
    if not lines or lines[0] != _FENCE or _FENCE not in lines[1:]:
        return ""
    end = lines.index(_FENCE, 1)
    held = folded("".join(lines[:end]))
    new = [each for each in dict.fromkeys(questions) if folded(each) not in held]
    if not new:
        return ""
    changed = _with_answers(lines, end, new)
    return _diff(path, lines, changed) if changed else ""


def _with_answers(lines: Sequence[str], end: int, new: Sequence[str]) -> list[str] | None:
    at = next((n for n in range(1, end) if lines[n].startswith("answers:")), None)
    if at is None:
        return [*lines[:end], "answers:\n", *_items(new, "  "), *lines[end:]]
    inline = _INLINE.match(lines[at].rstrip("\n"))
    if inline:
        held = [inline[1].strip()] if inline[1].strip() else []
        row = ", ".join([*held, *map(_scalar, new)])
        return [*lines[:at], f"answers: [{row}]\n", *lines[at + 1 :]]
    if lines[at].rstrip() != "answers:":
        return None
    last = at
    indent = "  "
    while last + 1 < end and (item := _ITEM.match(lines[last + 1])):
        last, indent = last + 1, item[1]
    return [*lines[: last + 1], *_items(new, indent), *lines[last + 1 :]]


def _items(texts: Sequence[str], indent: str) -> list[str]:
    return [f"{indent}- {_scalar(text)}\n" for text in texts]


def _scalar(text: str) -> str:
    """Return text as a YAML value: JSON's quoting is YAML's too."""
    return json.dumps(text, ensure_ascii=False)


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
