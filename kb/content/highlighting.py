"""Colours for code: each word's part of speech as a class.

Promises the same text escaped, with a span around comments, keywords, names, strings, numbers,
prompts and what a difference adds or takes away; code in a language that Pygments does not know,
or of more than `MAX_SIZE` characters, has none. Knows no colour: the style sheet does.
"""

from __future__ import annotations

from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pygments.lexer import Lexer
    from pygments.token import _TokenType

# The longest listing in the corpora has 6,000; lexers are regular expressions over all of it.
MAX_SIZE = 20_000
# Pygments' short names of token types, by their beginnings, the longer first.
_CLASSES = {
    "c": "c", "kt": "k", "k": "k", "ow": "k", "sa": "k", "s": "s", "ld": "s", "m": "m",
    "nb": "n", "nf": "n", "nc": "n", "nt": "n", "nn": "n", "nd": "n", "na": "n", "gp": "p",
    "gi": "i", "gd": "d", "gh": "k", "gu": "k", "nv": "v",
}  # fmt: skip


def highlighted(code: str, language: str) -> str:
    """Return `code` as HTML; classes are `hl-` and one letter."""
    lexer = _lexer(language.casefold()) if language and len(code) <= MAX_SIZE else None
    if lexer is None:
        return escape(code)
    tokens = list(lexer.get_tokens(code))
    while tokens and not tokens[-1][1].rstrip("\n"):
        tokens.pop()
    done: list[str] = []
    waiting, name = "", ""
    for kind, text in tokens:
        found = _class_of(kind) if text.strip() else name
        if found != name:
            done.append(_span(waiting, name))
            waiting, name = "", found
        waiting += text
    return "".join([*done, _span(waiting.rstrip("\n"), name)])


@lru_cache(maxsize=64)
def _lexer(language: str) -> Lexer | None:
    """Return the lexer of that name, None without one; importing Pygments waits until needed."""
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        found: Lexer = get_lexer_by_name(language, stripnl=False)
    except ClassNotFound:
        return None
    return found


def _class_of(kind: _TokenType) -> str:
    from pygments.token import STANDARD_TYPES

    short = STANDARD_TYPES.get(kind, "")
    return _CLASSES.get(short[:2]) or _CLASSES.get(short[:1], "")


def _span(text: str, name: str) -> str:
    return f'<span class="hl-{name}">{escape(text)}</span>' if name and text else escape(text)
