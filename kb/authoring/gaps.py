"""What people looked for and did not find, numbered for an author to choose from.

Promises only words that as many people failed on as the setting k_anonymity asks, the most
searched first, as the lead's report shows them. Knows no article.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from kb.config import Settings
from kb.db import Database
from kb.errors import NotFound
from kb.insight.report import DateRange
from kb.insight.reporting import wanted

SPAN = timedelta(days=30)  # the report's usual range
ALIKE = 0.5  # share of words in common from which two rows ask for one thing
MOST_ANSWERS = 6


@dataclass(frozen=True, slots=True)
class Gap:
    """Words that failed: `number` as listed, `alike` other listed words that ask for the same."""

    number: int
    words: str
    people: int
    searches: int
    alike: tuple[str, ...] = ()

    @property
    def questions(self) -> tuple[str, ...]:
        """What an article that closes the gap must answer."""
        return (self.words, *self.alike)[:MOST_ANSWERS]


def gaps(settings: Settings, now: datetime) -> tuple[Gap, ...]:
    """Return the gaps of the last 30 days. NotFound where nothing is on record yet."""
    if not settings.database_url and not (settings.data / "tierzero.db").exists():
        raise NotFound(
            "There is no record of searches here.",
            "Run this where the site's data is: KB_DATA=path/to/data, or KB_DATABASE_URL.",
        )
    span = DateRange((now - SPAN).date(), now.date())
    db = Database(settings.database)
    try:
        shown = wanted(db, span, k=settings.k_anonymity, now=now)
    finally:
        db.close()
    every = [row.words for row in shown]
    return tuple(
        Gap(number, row.words, row.people, row.searches, _alike(row.words, every))
        for number, row in enumerate(shown, start=1)
    )


def gap(settings: Settings, number: int, now: datetime) -> Gap:
    """Return the gap of that number; NotFound when the list has none."""
    for found in gaps(settings, now):
        if found.number == number:
            return found
    raise NotFound(f"There is no gap number {number}.", "`kb gaps` lists them.")


def title_of(words: str) -> str:
    """Return a first title made of searched words: "vpn drops ?" -> "Vpn drops"."""
    plain = " ".join(words.split()).strip(" ?!.,;:¿¡")
    return plain[:1].upper() + plain[1:]


def _alike(words: str, every: list[str]) -> tuple[str, ...]:
    mine = set(words.casefold().split())
    found = []
    for other in every:
        theirs = set(other.casefold().split())
        if other != words and len(mine & theirs) >= ALIKE * len(mine | theirs):
            found.append(other)
    return tuple(found)
