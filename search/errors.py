"""Errors of the engine that a person can cause or mend.

Promises that each carries a clear sentence and what to do about it. Knows no page or log.
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
