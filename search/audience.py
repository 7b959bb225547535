"""What a set of audiences may see of a generation, and the words it may be offered.

Promises that whatever is derived here (counts, suggestions, spellings) comes from allowed articles
alone. Knows no person.
"""

from __future__ import annotations

from dataclasses import dataclass

from search.opened import Generation, Mask
from search.spelling import Speller


@dataclass(frozen=True, slots=True)
class View:
    """`allowed` (n,) marks the articles of some audiences; `speller` knows their words only."""

    allowed: Mask
    speller: Speller


def view_of(generation: Generation, audiences: frozenset[str]) -> View:
    """Return what the audiences may see."""
    allowed = generation.documents.audience.among(audiences)
    speller = Speller(
        generation.vocabulary,
        allowed,
        languages=generation.manifest.languages,
        known=generation.known_words,
    )
    return View(allowed, speller)
