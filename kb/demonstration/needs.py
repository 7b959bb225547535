"""What readers of a demonstration look for, and in which words.

Promises needs that the shipped articles meet and others that none does, misspelt now and then.
Knows no search engine and no database.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

FILE = Path(__file__).with_name("needs.yml")
MISSPELT = 0.1  # of the searches
SHORTEST = 5  # letters of a word that is misspelt


@dataclass(frozen=True, slots=True)
class Need:
    """One thing people look for. `article` meets it, "" when none does, with the chance `works`;
    `words` are wordings, the commonest first; `name` is "" or what a special day asks for.
    """

    article: str
    words: tuple[str, ...]
    weight: float
    works: float = 0.0
    language: str = "en"
    name: str = ""

    def wording(self, chance: random.Random, *, but: str = "") -> str:
        """Return how somebody words it, another way than `but` where there is one."""
        left = [one for one in self.words if one != but] or list(self.words)
        [chosen] = chance.choices(left, [1 / (place + 1) for place in range(len(left))])
        return misspelt(chosen) if chance.random() < MISSPELT else chosen


def needs() -> tuple[Need, ...]:
    """Return every need."""
    rows = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return tuple(
        Need(
            article=row["article"],
            words=tuple(str(each) for each in row["words"]),
            weight=float(row["weight"]),
            works=float(row.get("works", 0.0)),
            language=row.get("language", "en"),
            name=row.get("id", ""),
        )
        for row in rows
    )


def misspelt(words: str) -> str:
    """Return the words with two letters of the longest one swapped: always the same two, so that
    people make the same mistake.
    """
    longest = max(words.split(), key=len)
    if len(longest) < SHORTEST:
        return words
    at = len(longest) // 2
    swapped = longest[: at - 1] + longest[at] + longest[at - 1] + longest[at + 1 :]
    return words.replace(longest, swapped, 1)


def pick(every: Sequence[Need], chance: random.Random, boosts: dict[str, float]) -> Need:
    """Return a need drawn by weight; `boosts` multiplies the weight of the needs so named."""
    weights = [need.weight * boosts.get(need.name, 1.0) for need in every]
    [chosen] = chance.choices(every, weights)
    return chosen
