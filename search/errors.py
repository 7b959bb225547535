"""Errors of the search engine that somebody can fix.

Each carries a clear message and a hint that says what to do.
"""

from __future__ import annotations


class SearchError(Exception):
    """Something is wrong with an index, a model or a judged set; `hint` says what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()
