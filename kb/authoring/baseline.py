"""A file of findings that are known and not to be told again.

Promises that the same findings make the same file, sorted by place so that Git shows changes line
by line, and a refusal with a hint for a file that is none.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from kb.content.lint.catalogue import Finding
from kb.errors import ConfigError

_VERSION = 1


def write_baseline(file: Path, findings: Iterable[Finding]) -> int:
    """Write the findings to the file and return how many there are."""
    rows = sorted([f.path, f.code, f.key] for f in findings)
    lines = ",\n".join(f"    {json.dumps(row, ensure_ascii=False)}" for row in rows)
    text = f'{{\n  "version": {_VERSION},\n  "known": [\n{lines}\n  ]\n}}\n'
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"The baseline {file} cannot be written: {error.strerror}.", "Name another file."
        ) from error
    return len(rows)


def read_baseline(file: Path) -> Counter[str]:
    """Return how often each name is known. Raises ConfigError."""
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        if told["version"] != _VERSION:
            raise ValueError
        return Counter(str(key) for _, _, key in told["known"])
    except OSError as error:
        raise ConfigError(
            f"The baseline {file} cannot be read: {error.strerror}.",
            "Write it first: kb check --baseline FILE --write-baseline",
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{file} is no baseline.", "Write it again: kb check --baseline FILE --write-baseline"
        ) from error
