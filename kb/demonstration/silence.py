"""A desk and subscriptions that write no letters.

Promises that whatever happens in a made-up quarter, nothing waits in the outbox when it is over.
Knows no mail.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from kb.database import Connection
from kb.gaps.subscriptions.service import ToldOf
from kb.gaps.subscriptions.store import Subscription
from kb.links import Links
from kb.notifications.outbox import Outbox
from kb.tickets.requester_store import PrivateLinks
from kb.tickets.sending import TicketNotices
from kb.tickets.service import Desk, Work
from kb.tickets.store import Tickets


class Unsent(Outbox):
    """An outbox that takes letters and keeps none."""

    def put(
        self, channel: str, payload: Mapping[str, Any], *, now: datetime, ticket_id: str | None,
        key: str = "",
    ) -> str:  # fmt: skip
        """Forget the letter; return the key it was given."""
        del channel, payload, now, ticket_id
        return key


class NoLinks(PrivateLinks):
    """Private links of letters that nobody gets."""

    def new(self, ticket_id: str, now: datetime) -> str:
        """Return no token, and keep nothing."""
        del ticket_id, now
        return ""


class QuietDesk(Desk):
    """The desk with all its rules, and nobody written to."""

    @contextmanager
    def work(self) -> Iterator[Work]:
        """Hand out one write transaction, as the desk does."""
        with self.db.begin() as connection:
            links, private = Links(self.settings.site_url), NoLinks(connection)
            post = TicketNotices(
                Unsent(connection), links, self.settings.site_name, private, lambda *_: False
            )
            yield Work(connection, Tickets(self.db, connection), post)


class NoLetters:
    """What a subscription would be written, unwritten."""

    def confirm(
        self, connection: Connection, to: Subscription, token: str, *, now: datetime
    ) -> None:
        """Ask nobody."""

    def answered(
        self, connection: Connection, to: Subscription, token: str, answer: ToldOf, *, now: datetime
    ) -> None:
        """Tell nobody."""
