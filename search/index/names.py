"""Names of products that people ask about: a common list, and the authors' own for their site."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from search.text.lexicon import folded_names


@lru_cache(maxsize=8)
def names_with(own: tuple[str, ...]) -> Sequence[str]:
    """Return the names and each of their words, folded, ascending; `own` are the authors'."""
    lines = Path(__file__).with_name("names.txt").read_text("utf-8").splitlines()
    return folded_names([*(line for line in lines if not line.startswith("# ")), *own])
