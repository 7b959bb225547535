"""Made-up accounts.

Promises names and addresses that say they are made up, and one password that opens the lead's and
nobody else's. Knows no reader's mind.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from kb.accounts.roles import Role
from kb.accounts.store import Account, Accounts
from kb.demonstration.readers import Person
from kb.tickets.model import Agent
from kb.tracking.visitors import Visitors

AGENTS = 3  # one a tier


@dataclass(frozen=True, slots=True)
class Staff:
    """Agents by tier, the author who answers gaps (id, name), and somebody who searches too."""

    agents: Mapping[int, Agent]
    author: tuple[str, str]
    looking: Person


class People:
    """The accounts of a demonstration."""

    def __init__(
        self, accounts: Accounts, visitors: Visitors, since: datetime, password: str
    ) -> None:
        self._accounts, self._visitors = accounts, visitors
        self._since, self._password = since, password

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

    def readers(self, count: int) -> tuple[Person, ...]:
        """Add readers with accounts."""
        names = [f"reader{number}" for number in range(1, count + 1)]
        return tuple(
            self._person(name, self._add(name, f"Demo {name[:6]} {name[6:]}", Role.READER))
            for name in names
        )

    def _add(self, name: str, shown: str, role: Role, password: str = "") -> Account:
        opens = password or secrets.token_urlsafe(24)
        return self._accounts.add(
            f"{name}@example.org", opens, name=shown, role=role, now=self._since
        )

    def _person(self, draw: str, account: Account) -> Person:
        visitor = self._visitors.signed_in(account.id)
        return Person(draw, visitor, account.id, account.name, account.email)
