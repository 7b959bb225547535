"""What letters say: they promise only what the product does, in both languages."""

from __future__ import annotations

import re

import pytest

from kb.notifications.outbox import EMAIL_LANGUAGES
from kb.tickets import notices
from kb.tickets.notices import Occasion

NOBODY_READS = {"en": "nobody reads it", "es": "nadie lo lee"}
# Words that would send somebody to the reply button, unless they say not to.
REPLY = {
    "en": re.compile(r"(?<!do not )(?<!not )\b(?:reply|respond|write back|answer us)\b", re.I),
    "es": re.compile(r"(?<!no )\b(?:responda|conteste|responder a este)\b", re.I),
}


def _written(occasion: Occasion, language: str, way: str) -> str:
    link = "https://kb.example.org/t/abc"
    shown = notices.way(way, language, link=link, lost="https://kb.example.org/lost")
    names = ("number", "subject", "text", "article", "site", "tickets")
    return notices.email(occasion, language, way=shown, link=link, **dict.fromkeys(names, "x")).text


@pytest.mark.parametrize("language", sorted(EMAIL_LANGUAGES))
@pytest.mark.parametrize("way", ["link", "own"])
@pytest.mark.parametrize("occasion", list(Occasion))
def test_no_letter_invites_a_reply_that_nobody_reads(
    occasion: Occasion, way: str, language: str
) -> None:
    """osTicket#4039, stickerdaniel/saas-starter#798: a reply to the notification was lost."""
    text = _written(occasion, language, way)
    assert NOBODY_READS[language] in text
    assert REPLY[language].findall(text) == []
    if occasion is not Occasion.LINKS:  # its links are in the list of tickets
        assert "https://kb.example.org/t/abc" in text


def test_the_check_itself_sees_an_invitation() -> None:
    assert REPLY["en"].findall("If it is not solved, reply and it is open again.")
    assert REPLY["es"].findall("Si el problema continúa, responda y la abriremos.")
