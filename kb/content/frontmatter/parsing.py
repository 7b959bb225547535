"""Split a Markdown file into front matter and body, and read the front matter.

Any text at all gives a mapping, the body and findings, without raising. A fault in the YAML is a
finding marked `refused`, because an article whose audience is unknown must not appear. The time is
proportional to the text: the YAML parser's events are read one by one, so nothing is expanded and
nothing recurses past `MAX_DEPTH`. Only `true`, `false`, `null` and plain whole numbers are more
than text (YAML 1.2), so `no`, `on`, `1.10` and dates stay as written. `metadata` interprets the
keys.

Misplaced front matter is found and refused: after a blank line, a comment or a space, between lines
of four dashes, as a second block, or without any `---`. It would be read as part of the text, and
what it says about readers would be lost. Code is left alone, since articles show such blocks.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from kb.content.frontmatter.restrictions import KNOWN, narrows
from kb.content.problem import Problem

# -- YAML --


MAX_SIZE = 64 * 1024  # characters of front matter; the longest seen in real corpora has 4,000
MAX_DEPTH = 12
MAX_EVENTS = 10_000
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}


class YamlFault(Exception):
    """The text is not YAML that is accepted here; `line` counts from 1."""

    def __init__(self, message: str, hint: str, line: int | None) -> None:
        super().__init__(message)
        self.message, self.hint, self.line = message, hint, line


def read_yaml(text: str) -> tuple[Any, dict[str, int]]:
    """Return the value and the line (from 1) of each key of the outermost mapping."""
    if len(text) > MAX_SIZE:
        raise YamlFault(
            f"This YAML has more than {MAX_SIZE // 1024} KiB.", "Move text into the body.", None
        )
    reader = _Reader(text)
    try:
        return reader.document(), reader.lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _unreadable(error.problem or "not YAML", mark.line + 1 if mark else None) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _unreadable("it holds a character that YAML does not allow", None) from error


def _unreadable(why: str, line: int | None) -> YamlFault:
    return YamlFault(
        f"This is not readable as YAML: {why}.",
        "Put values that hold a colon, a # or quotes between quotes, and indent with spaces.",
        line,
    )


class _Reader:
    def __init__(self, text: str) -> None:
        self.lines: dict[str, int] = {}
        self._events: Iterator[Any] = self._counted(text)

    def document(self) -> Any:
        """Return the first document; refuse anything after a second `---`."""
        for event in self._events:
            if isinstance(event, (ScalarEvent, MappingStartEvent, SequenceStartEvent)):
                value = self._value(event, 0)
                self._end()
                return value
            self._refuse_alias(event)
        return None

    def _end(self) -> None:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                line = event.start_mark.line + 1 if event.start_mark else None
                raise YamlFault("A second YAML document begins here.", "Keep only one.", line)

    def _counted(self, text: str) -> Iterator[Any]:
        for number, event in enumerate(yaml.parse(text, Loader=_LOADER)):
            if number > MAX_EVENTS:
                raise YamlFault("This YAML has too many values.", "Shorten it.", None)
            yield event

    def _value(self, event: Any, depth: int) -> Any:
        self._refuse_alias(event)
        if isinstance(event, ScalarEvent):
            return _scalar(event)
        line = event.start_mark.line + 1
        if depth >= MAX_DEPTH:
            raise YamlFault("This YAML is nested too deeply.", "Flatten it.", line)
        if isinstance(event, SequenceStartEvent):
            return self._list(depth)
        return self._mapping(depth)

    def _list(self, depth: int) -> list[Any]:
        values = []
        for event in self._events:
            if isinstance(event, SequenceEndEvent):
                break
            values.append(self._value(event, depth + 1))
        return values

    def _mapping(self, depth: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for event in self._events:
            if isinstance(event, MappingEndEvent):
                break
            key, line = self._key(event)
            if key in values:
                hint = "Keep one of the two."
                raise YamlFault(f"The key “{key[:60]}” is given twice.", hint, line)
            if depth == 0:
                self.lines[key] = line
            values[key] = self._value(next(self._events), depth + 1)
        return values

    def _key(self, event: Any) -> tuple[str, int]:
        self._refuse_alias(event)
        line = event.start_mark.line + 1
        if not isinstance(event, ScalarEvent):
            raise YamlFault("A key must be one word or text.", "Put it between quotes.", line)
        if event.value == "<<":
            raise YamlFault("Merge keys (<<) are not accepted.", "Write the values out.", line)
        return event.value, line

    @staticmethod
    def _refuse_alias(event: Any) -> None:
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None):
            line = event.start_mark.line + 1
            hint = "Write the value out, or put text that begins with & or * between quotes."
            raise YamlFault("Anchors (&) and aliases (*) are not accepted.", hint, line)
        tag = getattr(event, "tag", None)
        if tag and tag != "!":
            line = event.start_mark.line + 1
            raise YamlFault("Tags (!) are not accepted.", "Put the text between quotes.", line)


def _scalar(event: ScalarEvent) -> Any:
    text = event.value
    if event.style is not None and event.style != "":
        return text
    folded = text.casefold()
    if folded in _WORDS:
        return _WORDS[folded]
    is_number = text.isascii() and text.isdecimal() and len(text) <= 15 and str(int(text)) == text
    return int(text) if is_number else text


# -- Misplaced front matter --


_UNSEEN = r"[\s\ufeff\ufffd\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064]"
_BEFORE = re.compile(
    rf"(?:{_UNSEEN}+|<!--.*?-->|\{{/\*.*?\*/\}}|\{{#.*?#\}}|^%YAML[^\n]*$"
    r"|\{%-?\s*comment\s*-?%\}.*?\{%-?\s*endcomment\s*-?%\})*",
    re.DOTALL | re.MULTILINE,
)
# Some programs turn `---` into long dashes.
_FENCE = r"[ \t]*([-‐-―−]{2,}|[–—―]|\+{2,})[ \t]*(?:ya?ml|toml|json|#[^\n]*)?[ \t]*"
_KEY = r"[\"']?[^\W\d][\w.-]*[\"']?[ \t]*[:=](?:[ \t]|$)"
_OPENED = re.compile(rf"{_FENCE}\n(?:[ \t]*(?:#[^\n]*)?\n)*{_KEY}", re.MULTILINE)
_RULE = re.compile(r"[ \t>]*(?:[-‐-―−=*_+;]{2,}|[–—―]|\.\.\.)[ \t]*")
# A line of such a block: blank, a comment, an indented line, a list item or a key.
_INSIDE = re.compile(r"[ \t>]*(?:#.*|-[ \t].*|[\"']?[\w.-][\w .-]*[\"']?[ \t]*[:=].*)?|[ \t]+\S.*")
_MOST_LINES = 200
# Unusual line ends and spaces become plain ones; invisible characters are removed.
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
    """Return the finding for a block that is not read, and whether it seems to restrict readers.

    `first` says that `text` is the whole file, without front matter at its top. The line of the
    finding counts from the beginning of `text`. None if there is no such block.
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
    """Find a block further down that says who may read the article."""
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
    """Whether a single line is a key such as “audience: staff” and not a sentence."""
    return bool(re.match(r"\s*[\"']?audien\w*[\"']?[ \t]*[:=]", line, re.IGNORECASE))


def _names_ours(block: str) -> bool:
    """Whether the lines hold a known key: plain sentences may begin with a word and a colon too."""
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


# -- Front matter and body --


_OPEN = re.compile(r"\A\ufeff?---[ \t]*(?:\n|\Z)")
_TOML = re.compile(r"^\ufeff?\+\+\+[ \t]*(?:\n|\Z)", re.MULTILINE)
_CLOSE = re.compile(r"^(?:---|\.\.\.)[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """A file split in two: `lines` gives each key's line, `body_line` where the body begins.

    `narrows` says that what could not be read seems to restrict readers.
    """

    values: dict[str, Any]
    body: str
    problems: tuple[Problem, ...]
    lines: dict[str, int]
    body_line: int
    narrows: bool = False


def parse(text: str) -> tuple[dict[str, Any], str, tuple[Problem, ...]]:
    """Return the mapping, the body and the findings; `read_front_matter` also gives lines."""
    read = read_front_matter(text)
    return read.values, read.body, read.problems


def read_front_matter(text: str) -> FrontMatter:
    """Split `text`; without front matter the mapping is empty and everything is body."""
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
    """Read Hugo's other form: TOML between two lines of +++."""
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
    """Return TOML's dates and fractions as text, as the YAML reader leaves them."""
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
    """Read a lone `---` on top: a ruler, or front matter without an end if a key follows."""
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
