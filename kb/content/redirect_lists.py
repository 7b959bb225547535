"""Lists of former addresses that other publishers keep in a file; pure but for reading blobs.

Promises pairs of addresses from `_redirects` (Netlify's form: from, to, an optional status), from
`_redirects.csv` or `redirects.csv` (two columns) and from Microsoft Learn's
`.openpublishing.redirection.json`, and a finding for each line that cannot be used. Knows no
article: whether an address leads anywhere, `names` says.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kb.content.problem import Problem
from kb.content.source import Blob

MAX_BYTES = 2 * 1024 * 1024
_MOST = 50_000  # addresses; the largest list seen, Microsoft's, has 20,000
_LISTS = frozenset({"_redirects", "_redirects.csv", "redirects.csv"})
_HINT = "Write the former address and the present one, without * and without a condition."


@dataclass(frozen=True, slots=True)
class Moved:
    """A former address and where it leads now, as written at `line` of the file `path`."""

    former: str
    target: str
    path: str
    line: int | None = None


def read_moves(files: Mapping[str, Blob]) -> tuple[list[Moved], list[Problem]]:
    """Return the moves of all lists, and what cannot be used."""
    moves: list[Moved] = []
    problems: list[Problem] = []
    for path, blob in files.items():
        name = path.rpartition("/")[2].casefold()
        is_learn = name.startswith(".openpublishing.redirection") and name.endswith(".json")
        if not is_learn and name not in _LISTS:
            continue
        text = _text(path, blob, problems)
        read = _learn if is_learn else _table if name.endswith(".csv") else _lines
        for former, target, line in read(text):
            if _is_usable(former, target) and len(moves) < _MOST:
                moves.append(Moved(former, target, path, line))
            elif former or target:
                message = (
                    f"The redirect from “{former[:120]}” to “{target[:120]}” is not understood."
                )
                problems.append(Problem(path, line, "redirect", message, _HINT))
    return moves, problems


def _is_usable(former: str, target: str) -> bool:
    return bool(former and target) and not re.search(r"[*\s]|/:", former + target)


def _text(path: str, blob: Blob, problems: list[Problem]) -> str:
    try:
        if blob.size <= MAX_BYTES:
            return blob.read().decode("utf-8-sig")
        message = f"This list has {blob.size // 1024} KiB; {MAX_BYTES // 1024} KiB is the most."
    except (OSError, UnicodeDecodeError):
        message = "This list cannot be read as UTF-8."
    problems.append(Problem(path, None, "redirect", message, _HINT))
    return ""


def _lines(text: str) -> Iterator[tuple[str, str, int | None]]:
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].split() if line.lstrip().startswith("#") else line.split()
        if not words:
            continue
        is_plain = len(words) == 2 or (len(words) == 3 and re.fullmatch(r"30[1278]!?", words[2]))
        yield (words[0], words[1], number) if is_plain else (line.strip(), "", number)


def _table(text: str) -> Iterator[tuple[str, str, int | None]]:
    """Two columns or more; a first row without an address is a heading."""
    try:
        for number, row in enumerate(csv.reader(text.splitlines()), start=1):
            cells = [cell.strip() for cell in row]
            is_heading = number == 1 and not any("/" in cell for cell in cells)
            if any(cells) and not is_heading:
                yield cells[0], cells[1] if len(cells) > 1 else "", number
    except csv.Error:
        yield text[:80], "", None


def _learn(text: str) -> Iterator[tuple[str, str, int | None]]:
    try:
        value: Any = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        yield text[:80], "", None
        return
    rows = value.get("redirections") if isinstance(value, dict) else None
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict):
            former = row.get("source_path") or row.get("source_path_from_root") or ""
            yield str(former), str(row.get("redirect_url") or ""), None
