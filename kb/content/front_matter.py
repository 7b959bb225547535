"""The front matter of a Markdown file, apart from its body; pure.

Promises that any text at all gives a mapping, the body and the findings, without raising. A fault
in the YAML is a finding marked `refused`: what cannot be read cannot be obeyed, and an article
whose audience is unknown must not appear. Knows no field names; `metadata` does.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, replace
from typing import Any

from kb.content.narrowing import narrows
from kb.content.problem import Problem
from kb.content.stray_blocks import stray_block
from kb.content.strict_yaml import MAX_SIZE, YamlFault, read_yaml

_OPEN = re.compile(r"\A\ufeff?---[ \t]*(?:\n|\Z)")
_TOML = re.compile(r"^\ufeff?\+\+\+[ \t]*(?:\n|\Z)", re.MULTILINE)
_CLOSE = re.compile(r"^(?:---|\.\.\.)[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """A file split in two: `lines` gives each key's line, `body_line` where the body begins.

    `narrows` says that what could not be read looks as if it kept readers out.
    """

    values: dict[str, Any]
    body: str
    problems: tuple[Problem, ...]
    lines: dict[str, int]
    body_line: int
    narrows: bool = False


def parse(text: str) -> tuple[dict[str, Any], str, tuple[Problem, ...]]:
    """Return the mapping, the body and what is wrong; see `read_front_matter` for lines."""
    read = read_front_matter(text)
    return read.values, read.body, read.problems


def read_front_matter(text: str) -> FrontMatter:
    """Split `text`; without front matter the mapping is empty and all of it is body."""
    front = _split(text.replace("\r\n", "\n").replace("\r", "\n"))
    if front.problems:
        return front
    whole = not front.values and front.body_line == 1
    stray = stray_block(front.body, first=whole)
    if stray is None:
        return front
    problem, narrowing = stray
    placed = replace(problem, line=(problem.line or 1) + front.body_line - 1)
    return replace(front, problems=(placed,), narrows=narrowing)


def _split(text: str) -> FrontMatter:
    if _TOML.match(text):
        return _read_toml(text)
    opening = _OPEN.match(text)
    if not opening:
        return FrontMatter({}, text.removeprefix("\ufeff"), (), {}, 1)
    closing = _CLOSE.search(text, opening.end())
    if not closing:
        return _unclosed(text[opening.end() :])
    source = text[opening.end() : closing.start()]
    body = text[closing.end() :].removeprefix("\n")
    return _read(source, body, source.count("\n") + 3)


def _read(source: str, body: str, body_line: int) -> FrontMatter:
    try:
        value, lines = read_yaml(source)
    except YamlFault as fault:
        line = fault.line + 1 if fault.line else 1
        problem = Problem("", line, "front-matter", fault.message, fault.hint, refused=True)
        return FrontMatter({}, body, (problem,), {}, body_line, narrows(source))
    if value is None:
        return FrontMatter({}, body, (), {}, body_line)
    if not isinstance(value, dict):
        return FrontMatter({}, body, (_not_a_mapping(),), {}, body_line, narrows(source))
    return FrontMatter(value, body, (), {key: at + 1 for key, at in lines.items()}, body_line)


def _read_toml(text: str) -> FrontMatter:
    """Hugo's other form: TOML between two lines of +++."""
    parts = _TOML.split(text, maxsplit=2)
    if len(parts) < 3:
        return _unclosed("title: +++")
    _, source, body = parts
    try:
        values = _plain(tomllib.loads(source[:MAX_SIZE]))
    except (ValueError, RecursionError) as error:
        message = f"This is not readable as TOML: {str(error)[:120]}."
        hint = "Put texts between quotes, one “key = value” a line."
        problem = Problem("", 1, "front-matter", message, hint, refused=True)
        return FrontMatter({}, body, (problem,), {}, 1, narrows(source))
    keys = re.finditer(r"^\[*[ \t]*[\"']?([\w-]+)[\"']?[ \t]*[=.\]]", source, re.MULTILINE)
    lines = {key[1]: source.count("\n", 0, key.start()) + 2 for key in keys}
    return FrontMatter(values, body, (), lines, source.count("\n") + 3)


def _plain(value: Any) -> Any:
    """TOML's dates and fractions as text, as the YAML reader leaves them."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value if isinstance(value, (str, bool, int)) else str(value)


def _not_a_mapping() -> Problem:
    return Problem(
        "",
        2,
        "front-matter",
        "The front matter is not a list of “key: value” lines.",
        "Write one such line for each fact, for example “title: Reset a password”.",
        refused=True,
    )


def _unclosed(rest: str) -> FrontMatter:
    """A lone `---` on top is a ruler, unless a key follows: then the front matter has no end."""
    if not re.match(r"\s*[^\W\d][\w.-]*:(\s|$)", rest):
        return FrontMatter({}, rest, (), {}, 2)
    problem = Problem(
        "",
        1,
        "front-matter",
        "The front matter has no end.",
        "Put a line like the first after its last key.",
        refused=True,
    )
    return FrontMatter({}, rest, (problem,), {}, 2, narrows(rest[:MAX_SIZE]))
