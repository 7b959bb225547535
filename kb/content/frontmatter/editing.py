"""Add questions to the `answers` of an article's front matter.

Nothing else in the file changes, including line ends and comments. The edited text is read again
and compared; a text that cannot be edited with certainty is left alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from kb.content.frontmatter.fields import names
from kb.content.frontmatter.parsing import read_front_matter

_PLAIN = re.compile(r"[^\W\d_][\w ,.'’/()-]*[\w.)]")  # nothing that means something to YAML
_WORDS_OF_YAML = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
_ITEM = re.compile(r"^([ \t]*)- ")


def with_answers(text: str, questions: Sequence[str]) -> str | None:
    """Return the text with the questions added to its `answers`; None if it has them all, has no
    YAML front matter, or holds them in an unsupported form.
    """
    before = read_front_matter(text)
    if before.problems or not text.removeprefix("\ufeff").startswith("---"):
        return None
    key = next((name for name in names("answers") if name in before.values), "answers")
    held = before.values.get(key) or []
    if not isinstance(held, list):
        return None
    added = [each for each in dict.fromkeys(questions) if each and each not in held]
    if not added:
        return None
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z", text)
    changed = _inserted(lines, before.lines.get(key, 0), before.body_line, key=key, added=added)
    after = read_front_matter(changed)
    wanted = {**before.values, key: [*held, *added]}
    same = (after.values, after.body, after.problems) == (wanted, before.body, ())
    return changed if same else None


def _inserted(
    lines: list[str], line: int, body_line: int, *, key: str, added: Sequence[str]
) -> str:
    """Return the text with the items after the key's last item, or under a new key at the end."""
    end = "\r\n" if lines[0].endswith("\r\n") else "\n"
    closing = body_line - 2  # index of the line that ends the front matter
    if not line:
        at, items = closing, [f"{key}:{end}", *(f"  - {_yaml(each)}{end}" for each in added)]
    elif "[" in lines[line - 1]:
        return _flow(lines, line - 1, added)
    else:
        at = _after_items(lines, line, closing)
        found = _ITEM.match(lines[at - 1]) if at > line else None
        indent = found[1] if found else "  "
        items = [f"{indent}- {_yaml(each)}{end}" for each in added]
    return "".join([*lines[:at], *items, *lines[at:]])


def _after_items(lines: Sequence[str], at: int, closing: int) -> int:
    """Return the index after the last of the items that begin at index `at`."""
    last = at
    while at < closing and (not lines[at].strip() or lines[at][0] in " \t-#"):
        at += 1
        if _ITEM.match(lines[at - 1]):
            last = at
    return last


def _flow(lines: list[str], at: int, added: Sequence[str]) -> str:
    """Return the text with the items added inside the brackets of a one-line list."""
    head, bracket, tail = lines[at].rpartition("]")
    if not bracket:
        return "".join(lines)
    quoted = ", ".join(json.dumps(each, ensure_ascii=False) for each in added)
    comma = "" if head.rstrip().endswith("[") else ", "
    return "".join([*lines[:at], f"{head.rstrip()}{comma}{quoted}]{tail}", *lines[at + 1 :]])


def _yaml(question: str) -> str:
    """Return a question as a YAML scalar, quoted unless it is safe without quotes."""
    if _PLAIN.fullmatch(question) and question.casefold() not in _WORDS_OF_YAML:
        return question
    return json.dumps(question, ensure_ascii=False)
