"""Letters to who committed an article that does not go live as it was meant.

Promises one letter for each commit and problem, however often and on however many machines it is
asked for: the letter's id is made of both. Knows no Git and does not send.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from kb.database import Database
from kb.notifications.outbox import MAIL, Outbox

_NAMESPACE = uuid.UUID("6f1c2b0e-93a4-5d0b-8f43-2f6d0c6b7a55")
_TEXT = """Your commit {commit} changed {place}, and the site found this:

  {message}
  {hint}

{outcome}
What is live, and what else is wrong: {page}

{site}
"""
_REFUSED = "The last good version stays live; commit a correction and it follows within a minute."


class Notice(Protocol):
    """A problem and who is to be told of it."""

    @property
    def path(self) -> str: ...
    @property
    def line(self) -> int: ...
    @property
    def code(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def hint(self) -> str: ...
    @property
    def commit(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def address(self) -> str: ...


def tell_authors(
    db: Database, told: Iterable[Notice], *, page: str, site: str, now: datetime
) -> int:
    """Put a letter for each notice into the outbox, once; return how many were new."""
    with db.begin() as connection:
        outbox = Outbox(connection)
        return sum(
            outbox.put_once(MAIL, _letter(each, page, site), now=now, key=_key(each))
            for each in told
        )


def _key(notice: Notice) -> str:
    """Return the letter's id: the same for the same commit and problem."""
    return str(uuid.uuid5(_NAMESPACE, f"{notice.commit}\0{notice.path}\0{notice.code}"))


def _letter(notice: Notice, page: str, site: str) -> dict[str, str]:
    place = f"{notice.path}, line {notice.line}" if notice.line else notice.path
    text = _TEXT.format(
        commit=notice.commit[:12],
        place=place,
        message=notice.message,
        hint=notice.hint,
        outcome=_REFUSED,
        page=page,
        site=site,
    )
    return {
        "to": " ".join(notice.address.split()),
        "name": " ".join(notice.name.split()),
        "subject": " ".join(f"{site}: {notice.path} needs another look".split()),
        "text": text,
        "thread": f"{notice.commit[:12]}.{_key(notice)[:8]}",
    }
