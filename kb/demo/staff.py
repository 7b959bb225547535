"""Made-up staff: accounts, decisions on gaps, and a service desk that sends nothing.

Names and addresses show that they are made up. One password opens the lead's account and no other.
Decisions are acts that the product offers. Whatever happens in the simulation, the outbox stays
empty.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kb.accounts.passwords import hashed
from kb.accounts.roles import Role
from kb.accounts.store import Account, Accounts
from kb.database import Connection, Database
from kb.demo.readers import DemoReader, needs
from kb.errors import ProductError
from kb.gaps import service as gaps_service
from kb.gaps.model import Gap, GapStatus
from kb.gaps.service import Act, Acting, GapFilter, listing
from kb.gaps.subscriptions.service import AnswerFound
from kb.gaps.subscriptions.store import Subscription
from kb.links import Links
from kb.notifications.outbox import Outbox
from kb.tickets.model import Agent
from kb.tickets.requester_store import PrivateLinks
from kb.tickets.sending import TicketNotices
from kb.tickets.service import Desk, Work
from kb.tickets.store import Tickets
from kb.tracking.visitors import Visitors

# -- Made-up accounts --


AGENTS = 3  # one per tier


@dataclass(frozen=True, slots=True)
class Staff:
    """Agents by tier, the author who answers gaps (id, name), and a staff member who searches."""

    agents: Mapping[int, Agent]
    author: tuple[str, str]
    looking: DemoReader


class People:
    """The accounts of a demonstration."""

    def __init__(
        self, accounts: Accounts, visitors: Visitors, since: datetime, password: str
    ) -> None:
        self._accounts, self._visitors = accounts, visitors
        self._since, self._password = since, hashed(password)
        self._unknown = hashed(secrets.token_urlsafe(24))  # of all others: hashing is slow

    def staff(self) -> Staff:
        """Add the lead, an author and the agents."""
        self._add("lead", "Demo lead", Role.LEAD, self._password)
        author = self._add("author", "Demo author", Role.AUTHOR)
        agents = [
            self._add(f"agent{tier}", f"Demo agent {tier}", Role.AGENT)
            for tier in range(1, AGENTS + 1)
        ]
        by_tier = {tier: Agent(one.id, one.name) for tier, one in enumerate(agents, start=1)}
        return Staff(by_tier, (author.id, author.name), self._person("", agents[0]))

    def readers(self, count: int) -> tuple[DemoReader, ...]:
        """Add readers with accounts."""
        names = [f"reader{number}" for number in range(1, count + 1)]
        return tuple(
            self._person(name, self._add(name, f"Demo {name[:6]} {name[6:]}", Role.READER))
            for name in names
        )

    def _add(self, name: str, shown: str, role: Role, opens: str = "") -> Account:
        return self._accounts.add_hashed(
            f"{name}@example.org", opens or self._unknown, name=shown, role=role, now=self._since
        )

    def _person(self, draw: str, account: Account) -> DemoReader:
        visitor = self._visitors.signed_in(account.id)
        return DemoReader(draw, visitor, account.id, account.name, account.email)


# -- Decisions on gaps --


LEAD = "Demo lead"
# By a wording of the gap: what the lead does with it.
DECISIONS: dict[str, tuple[Act, ...]] = {
    "payslip": (gaps_service.rename("Payslips and the payroll portal"),),
    "travel expenses": (gaps_service.decide("watching"),),
    "parking permit": (gaps_service.decide("declined"),),
}


@dataclass(slots=True)
class GapOwners:
    """Decides on gaps as staff would; `author` is an account's id and name."""

    db: Database
    k: int
    author: tuple[str, str]

    def assign(self, slugs: Sequence[str], now: datetime) -> None:
        """Assign the gaps that these articles will answer to the author."""
        for need in needs():
            if need.article in slugs:
                self._act(need.words, gaps_service.assign(*self.author), now, _unowned)

    def decide(self, now: datetime) -> None:
        """Apply DECISIONS to the gaps that are still undecided."""
        for words, chosen in DECISIONS.items():
            for act in chosen:
                self._act((words,), act, now, _undecided)

    def _act(
        self, words: Collection[str], act: Act, now: datetime, due: Callable[[Gap], bool]
    ) -> None:
        found = listing(self.db, GapFilter(status="all"), k=self.k, now=now).gaps
        gap = next((one for one in found if one.label in words and due(one)), None)
        if gap is None:
            return
        try:
            gaps_service.act(self.db, gap.number, act, Acting(LEAD, now, gap.version, self.k))
        except ProductError:
            return  # nothing to change


def _unowned(gap: Gap) -> bool:
    return not gap.owner_id


def _undecided(gap: Gap) -> bool:
    return gap.status is GapStatus.NEW and not gap.title


# -- A service desk and subscriptions that send no emails --


class Unsent(Outbox):
    """An outbox that keeps nothing."""

    def put(
        self,
        channel: str,
        payload: Mapping[str, Any],
        *,
        now: datetime,
        ticket_id: str | None,
        key: str = "",
    ) -> str:
        """Discard the message; return the key it was given."""
        del channel, payload, now, ticket_id
        return key


class NoLinks(PrivateLinks):
    """Private links of emails that are never sent."""

    def new(self, ticket_id: str, now: datetime) -> str:
        """Return an empty token, and keep nothing."""
        del ticket_id, now
        return ""


class QuietDesk(Desk):
    """The service desk with all its rules, but without notifications."""

    @contextmanager
    def work(self) -> Iterator[Work]:
        """Provide one write transaction, as the desk does."""
        with self.db.begin() as connection:
            links, private = Links(self.settings.site_url), NoLinks(connection)
            post = TicketNotices(
                Unsent(connection), links, self.settings.site_name, private, lambda *_: False
            )
            yield Work(connection, Tickets(self.db, connection), post)


class NoEmails:
    """The emails of subscriptions, not written."""

    def confirm(
        self, connection: Connection, to: Subscription, token: str, *, now: datetime
    ) -> None:
        """Send no confirmation email."""

    def answered(
        self,
        connection: Connection,
        to: Subscription,
        token: str,
        answer: AnswerFound,
        *,
        now: datetime,
    ) -> None:
        """Send no notification."""
