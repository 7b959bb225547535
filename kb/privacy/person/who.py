"""Who is meant, and what in the record is theirs.

Promises plain values. Knows no table.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Who:
    """Whom somebody asks about: an account by id, an address, or who holds one ticket.

    Exactly one is given. A ticket alone stands for who has its private link and nothing else: an
    address written in it is not taken as proof of who they are.
    """

    user_id: str = ""
    email: str = ""
    ticket_id: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """The rows of one person. `searches` are their own for certain; `visitors` are pseudonyms under
    which they were seen, of which one without an account can be another's too: two people behind
    one address with the same browser on one day.
    """

    user_id: str = ""
    emails: frozenset[str] = frozenset()
    tickets: tuple[str, ...] = ()
    joined: tuple[int, ...] = ()  # places in ticket_events: that they wait for a team's ticket
    searches: frozenset[str] = frozenset()
    visitors: frozenset[str] = frozenset()
    subscriptions: tuple[str, ...] = ()
    letters: tuple[str, ...] = ()
    offers: tuple[str, ...] = ()

    @property
    def nothing(self) -> bool:
        """Return whether nothing is held."""
        rows = (self.tickets, self.joined, self.searches, self.visitors, self.subscriptions)
        return not (self.user_id or any(rows) or self.letters or self.offers)
