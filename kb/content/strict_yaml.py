"""YAML as authors mean it: values without anchors, tags, merge keys or surprises; pure.

Promises that any text gives a value or a `YamlFault` with its line, in time proportional to its
length: the parser's events are read one by one, so nothing is expanded and nothing recurses past
`MAX_DEPTH`. Only `true`, `false`, `null` and plain whole numbers are more than text (YAML 1.2), so
`no`, `on`, `1.10` and dates stay as they were written. Knows no field names.
"""

from __future__ import annotations

from collections.abc import Iterator
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
        """Return the first document; what follows a second `---` is refused."""
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
