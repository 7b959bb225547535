"""Defines what a redaction rule is, and applies rules to a text.

What a rule hides is replaced by the placeholder of its kind and reported to the caller; the words
around it stay, and a placeholder is never hidden again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

Match = re.Match[str]
Span = tuple[int, int]  # start, end: positions in the text that is matched
Hides = Callable[[Match], Span | None]
PLACEHOLDER = re.compile(r"\[[a-z]+\]")


class Pattern(Protocol):
    """A compiled pattern: the standard library's, or one with a time limit."""

    @property
    def groupindex(self) -> Mapping[str, int]:
        """The named groups."""

    def sub(self, repl: Callable[[Any], str], string: str, /) -> str:
        """Return the string with each match replaced."""


@dataclass(frozen=True, slots=True)
class Form:
    """One form of what is hidden: a pattern, and which part of a match to hide (None: nothing)."""

    pattern: Pattern
    hides: Hides


@dataclass(frozen=True, slots=True)
class RedactionRule:
    """One rule: `kind` names the placeholder; `example` is hidden by it; `announced` is whether it
    relies on announcing words rather than on the form of what it finds.
    """

    name: str
    kind: str
    languages: str
    example: str
    forms: tuple[Form, ...]
    announced: bool = False


@dataclass(frozen=True, slots=True)
class RedactedText:
    """What one rule hid. `text` is the secret itself, to show to its author and never to store."""

    rule: str
    kind: str
    text: str


def form(pattern: str | Pattern, check: Callable[[str], bool] | None = None) -> Form:
    """Return a form that hides the group `hide`, or the whole match, if `check` accepts it."""
    compiled = re.compile(pattern) if isinstance(pattern, str) else pattern
    group: str | int = "hide" if "hide" in compiled.groupindex else 0
    return Form(compiled, lambda m: m.span(group) if not check or check(m[group]) else None)


def applied(rules: Iterable[RedactionRule], text: str, found: list[RedactedText]) -> str:
    """Return the text after applying each rule once; what they hid is added to `found`."""
    for rule in rules:
        for each in rule.forms:
            text = each.pattern.sub(
                partial(_hidden, rule=rule, hides=each.hides, found=found), text
            )
    return text


def _hidden(match: Match, *, rule: RedactionRule, hides: Hides, found: list[RedactedText]) -> str:
    span = hides(match)
    if span is None or span[0] == span[1]:
        return match[0]
    secret = match.string[span[0] : span[1]]
    if PLACEHOLDER.fullmatch(secret):
        return match[0]
    found.append(RedactedText(rule.name, rule.kind, secret))
    begin, end = span[0] - match.start(), span[1] - match.start()
    return f"{match[0][:begin]}[{rule.kind}]{match[0][end:]}"
