"""What an article that closes a gap begins with: its title and the questions it must answer.

Promises only words that may be shown (kb.gaps.anonymity). Knows no article.
"""

from __future__ import annotations

from kb.config.settings import Settings
from kb.database import open_record
from kb.gaps.service import Detail, detail

MOST_ANSWERS = 6


def asked_in(settings: Settings, number: int) -> tuple[str, tuple[str, ...]]:
    """Return a first title and the questions of the gap of that number; NotFound without one."""
    db = open_record(settings)
    try:
        found = detail(db, number, k=settings.k_anonymity)
    finally:
        db.close()
    return beginning_of(found)


def beginning_of(found: Detail) -> tuple[str, tuple[str, ...]]:
    """Return a first title for the gap and the questions that its article must answer."""
    asked = found.asked[:MOST_ANSWERS]
    return title_of(found.gap.title or (asked[0] if asked else "")), asked


def title_of(words: str) -> str:
    """Return a first title made of searched words: "vpn drops ?" -> "Vpn drops"."""
    plain = " ".join(words.split()).strip(" ?!.,;:¿¡")
    return plain[:1].upper() + plain[1:]
