"""A site's own patterns, which may take any time on some text, held to a bound.

The standard library's matcher cannot be stopped; the regex package's can, takes what it takes, and
lets other threads run meanwhile. A text on which a pattern takes too long is hidden whole, since
nobody can say what is in it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import regex

log = logging.getLogger(__name__)

LONGEST_S = 0.2  # a pattern takes well below a millisecond on what people type


class Bounded:
    """One pattern, in any case, as `kb.lookup.rule.Form` asks for one. Raises regex.error when the
    text is no regular expression.
    """

    def __init__(self, text: str, *, number: int) -> None:
        self._pattern = regex.compile(text, regex.IGNORECASE)
        self._all = regex.compile(r"(?s).+")
        self._number = number
        self.groupindex = self._pattern.groupindex

    def sub(self, replaced: Callable[[Any], str], text: str) -> str:
        """Return the text with each match replaced, or all of it as one match after `LONGEST_S`."""
        try:
            changed: str = self._pattern.sub(replaced, text, timeout=LONGEST_S)
        except TimeoutError:
            log.warning(
                "pattern %s of redact_patterns took more than %s s on a text of %s characters, "
                "which is hidden whole",
                self._number,
                LONGEST_S,
                len(text),
            )
            changed = self._all.sub(replaced, text)
        return changed
