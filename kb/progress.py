"""Progress of long work, for whoever waits at a terminal.

It shows a bar on a terminal and one line per stage elsewhere, on standard error, so that a
command's own output stays clean.
"""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

import click


class ProgressBar:
    """Progress on standard error: a bar on a terminal, a line a stage elsewhere."""

    def __init__(self) -> None:
        self._stage = ""
        self._bar: Any = None
        self._done = 0

    def __enter__(self) -> ProgressBar:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the last stage."""
        self._end()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show that `done` of `total` steps of `stage` are done."""
        if stage != self._stage:
            self._end()
            self._stage, self._done = stage, 0
            self._bar = click.progressbar(length=total, label=f"{stage:<10}", file=sys.stderr)
            self._bar.__enter__()
        self._bar.update(max(0, done - self._done))
        self._done = max(done, self._done)

    def _end(self) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
        self._bar, self._stage = None, ""
