"""For whom a ticket is asked: for whoever is here, or for somebody else.

An address that is not the account's own is another person. The ticket is theirs: the account is
only who filed it, and neither it nor what it did here comes into their ticket but for the one
search that is named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kb.accounts.roles import Permission
from kb.errors import NotFound
from kb.tickets.model import Requester
from kb.tracking.events import Event
from kb.web.guard import by_token, now, services, tried, viewer


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks, under which pseudonym; `filed_by` is the account that does it for them."""

    requester: Requester
    visitor: str
    filed_by: str = ""

    def trail(self, search: Event | None) -> dict[str, Any]:
        """Return what the requester tried before; of an account that asks for many people only the
        search that is named.
        """
        if not self.filed_by:
            return tried(search)
        if search is None:
            return {}
        found = services().trail(search.visitor, search.id, now())
        theirs = [each for each in found["searches"] if each["id"] == search.id]
        return found | {"searches": theirs, "articles": []}


def asking(name: str, email: str) -> Asking:
    """Return who asks, by what the form or the request says of them."""
    person, address = viewer(), email.strip()
    if not person.signed_in:
        return Asking(Requester(name, email), person.visitor)
    if not address or address.casefold() == person.email.casefold():
        mine = Requester(name or person.name, person.email, person.user_id)
        return Asking(mine, person.visitor)
    visitor = services().visitors.of_address(address)
    return Asking(_somebody_else(name, address), visitor, person.user_id)


def _somebody_else(name: str, address: str) -> Requester:
    """Return whose address this is. It is taken for an account's when an agent says so on a page,
    where the private link is shown to nobody; what a program says of a caller proves nothing.
    """
    if viewer().may(Permission.WORK_TICKETS) and not by_token():
        try:
            account = services().accounts.by_email(address)
        except NotFound:
            return Requester(name, address)
        if account.active:
            return Requester(name or account.name, account.email, account.id)
    return Requester(name, address)
