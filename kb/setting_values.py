"""How the text of a setting becomes its value.

Promises the value, or a ValueError whose message says what the setting takes. Knows no setting.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import regex

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?")
_ADDRESS = re.compile(r"[^@\s,;<>\"\0]{1,64}@[^@\s,;<>\"\0]{1,190}")
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def duration(value: Any) -> timedelta:
    """Return the span that `value` says: "30m", "24h", "7d", "90s", or a number of seconds."""
    match = _DURATION.fullmatch(str(value).strip().lower())
    if not match:
        raise ValueError("a span such as 90s, 30m, 24h or 7d")
    return timedelta(seconds=float(match[1]) * _UNITS[match[2] or "s"])


def optional_duration(value: Any) -> timedelta | None:
    """Return a span, or None for "off"."""
    return None if str(value).strip().lower() in {"off", "never", ""} else duration(value)


def flag(value: Any) -> bool:
    """Return the truth of on/off, yes/no, true/false, 1/0."""
    text = str(value).strip().lower()
    if text in {"1", "true", "yes", "on"}:
        return True
    if text in {"0", "false", "no", "off"}:
        return False
    raise ValueError("on or off")


def text(value: Any) -> str:
    """Return `value` as text; tables and lists are refused."""
    if isinstance(value, dict | list):
        raise ValueError("text")
    return str(value).strip()


def path(value: Any) -> Path:
    """Return the path that `value` names, `~` expanded."""
    if not (name := text(value)):
        raise ValueError("a path")
    return Path(name).expanduser()


def words(value: Any) -> tuple[str, ...]:
    """Return a list given as TOML list or as comma-separated text."""
    items = value if isinstance(value, list) else str(value).split(",")
    return tuple(text(item) for item in items if text(item))


def addresses(value: Any) -> tuple[str, ...]:
    """Return e-mail addresses in lower case, each once, given as `words` are."""
    found = tuple(dict.fromkeys(each.lower() for each in words(value)))
    if not all(_ADDRESS.fullmatch(each) for each in found):
        raise ValueError("e-mail addresses, separated by commas")
    return found


def patterns(value: Any) -> tuple[str, ...]:
    """Return regular expressions, each of which compiles: a TOML list, or one as text."""
    found = words(value) if isinstance(value, list) else tuple(filter(None, (text(value),)))
    for pattern in found:
        try:
            regex.compile(pattern)
        except regex.error:
            raise ValueError("a regular expression, or a TOML list of them") from None
    return found


def whole(low: int, high: int) -> Callable[[Any], int]:
    """Return a reader of whole numbers from `low` to `high`."""

    def read(value: Any) -> int:
        try:
            number = int(str(value).strip())
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return number

    return read


def one_of(*choices: str) -> Callable[[Any], str]:
    """Return a reader that accepts one of `choices`."""

    def read(value: Any) -> str:
        choice = text(value).lower()
        if choice not in choices:
            raise ValueError("one of " + ", ".join(choices))
        return choice

    return read
