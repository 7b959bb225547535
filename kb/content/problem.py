"""A finding about an article, in words its author can act on.

Every finding is one frozen value with the place and the fix.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """A finding: where it is, a stable code, what is wrong, what to do.

    `line` counts from 1 in the source file, None for the file as a whole. `refused` says that this
    version of the article is not published because of the finding.
    """

    path: str
    line: int | None
    code: str
    message: str
    hint: str = ""
    refused: bool = False

    def at(self, path: str) -> Problem:
        """Return the same finding in another file."""
        return replace(self, path=path)

    def __str__(self) -> str:
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{place}: {self.message} {self.hint}".strip()

    def to_row(self) -> list[Any]:
        """Return the finding as a JSON-able list, in field order."""
        return [self.path, self.line, self.code, self.message, self.hint, self.refused]

    @classmethod
    def from_row(cls, row: list[Any]) -> Problem:
        """Return the finding that `to_row` wrote."""
        return cls(*row)
