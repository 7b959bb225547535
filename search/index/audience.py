"""What a set of audiences may see of a generation: its articles, and words for spelling correction.

Everything derived here comes from allowed articles alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from search.index.opened import Generation, Mask
from search.text.spelling import Speller


@dataclass(frozen=True, slots=True)
class AudienceView:
    """`allowed` (n,) marks the articles that may be seen; `speller` knows only their words."""

    allowed: Mask
    speller: Speller


def view_of(generation: Generation, audiences: frozenset[str]) -> AudienceView:
    """Return what the audiences may see."""
    allowed = generation.documents.audience.among(audiences)
    return AudienceView(allowed, Speller(generation.lexicon, allowed))
