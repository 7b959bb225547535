"""The weekly letter into the outbox.

Promises one letter a week and address, however often, by however many workers and on however many
machines it is asked for: the letter's id, and so its Message-ID, is made of both, and the outbox
keeps an id after its letter is delivered and emptied. Knows no mail.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from kb.accounts.roles import Permission, allowed
from kb.accounts.store import Accounts
from kb.analytics.figures import TierCost
from kb.analytics.service import report, report_beside
from kb.config.demo_marker import SAYS
from kb.config.settings import Settings
from kb.content.library import Library
from kb.database import Database
from kb.digest.content import Found, digest
from kb.digest.page import html
from kb.digest.sheet import Letter
from kb.digest.text import plain
from kb.digest.week import Week
from kb.errors import NotFound, ProductError
from kb.gaps import service as gaps_service
from kb.notifications.outbox import MAIL, Outbox
from search.errors import SearchError

# RFC 9562 names a UUID of version 5 by a space of names and a name in it.
_SPACE = uuid.uuid5(uuid.NAMESPACE_URL, "tier-zero:digest")


@dataclass(frozen=True, slots=True)
class Weekly:
    """The digests of one site. `waits` is how long after a week's end an outcome may change;
    `titles` returns those of the articles by slug.
    """

    db: Database
    accounts: Accounts
    titles: Callable[[], Mapping[str, str]]
    costs: Mapping[int, TierCost]
    addresses: tuple[str, ...]
    waits: timedelta
    k: int
    site: str
    site_url: str
    note: str = ""

    @classmethod
    def of(
        cls,
        settings: Settings,
        db: Database,
        accounts: Accounts,
        library: Callable[[], Library],
        costs: Mapping[int, TierCost],
    ) -> Weekly:
        """Return the digests that the settings ask for."""
        return cls(
            db=db,
            accounts=accounts,
            titles=partial(_titles, library),
            costs=costs,
            addresses=settings.digest_to,
            waits=settings.outcome_window + settings.episode_gap,
            k=settings.k_anonymity,
            site=settings.site_name,
            site_url=settings.site_url,
            note=SAYS if settings.demonstration else "",
        )

    def settled(self, now: datetime) -> Week:
        """Return the latest week whose outcomes are final."""
        return Week.settled(now, self.waits)

    def letter(self, week: Week, now: datetime) -> Letter:
        """Return the letter of a week."""
        found = Found(
            week=week,
            report=report_beside(self.db, week.span, k=self.k, now=now, costs=self.costs),
            before=report(self.db, week.before.span, k=self.k, now=now, costs=self.costs),
            gaps=gaps_service.listing(self.db, gaps_service.GapFilter(), k=self.k, now=now),
            titles=self.titles(),
        )
        said = digest(found, site=self.site, site_url=self.site_url, note=self.note)
        return Letter(said.subject, plain(said), html(said))

    def send(self, week: Week, now: datetime) -> tuple[str, ...]:
        """Put the letter into the outbox for who has not been sent it; return their addresses."""
        due = self._due(week)
        if not due:
            return ()
        written = self.letter(week, now)
        with self.db.begin() as connection:
            outbox = Outbox(connection)
            return tuple(
                address
                for address in due
                if outbox.put_once(
                    MAIL, _payload(written, address), now=now, key=_key(week, address)
                )
            )

    def _due(self, week: Week) -> tuple[str, ...]:
        """Return who is to be sent it still."""
        wanted = [address for address in self.addresses if self._may(address)]
        if not wanted:
            return ()
        with self.db.read() as connection:
            outbox = Outbox(connection)
            return tuple(each for each in wanted if not outbox.holds(_key(week, each)))

    def _may(self, address: str) -> bool:
        """Return whether it is nobody's account, or that of somebody who may read reports."""
        try:
            account = self.accounts.by_email(address)
        except NotFound:
            return True
        return account.active and allowed(account.role, Permission.READ_REPORTS)


def _titles(library: Callable[[], Library]) -> dict[str, str]:
    """Return the titles of the articles by slug, none where no index can be read."""
    try:
        return {slug: article.title for slug, article in library().articles.items()}
    except (SearchError, ProductError):
        return {}


def _key(week: Week, address: str) -> str:
    return str(uuid.uuid5(_SPACE, f"{week.name}\0{address}"))


def _payload(written: Letter, address: str) -> dict[str, str]:
    return {
        "to": address,
        "name": "",
        "subject": written.subject,
        "text": written.text,
        "html": written.html,
    }
