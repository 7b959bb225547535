"""Addresses of the site's pages, for emails and feeds.

Addresses are absolute and under the site's own; the site supplies the paths.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote


def _anything(slug: str, known: bool) -> bool:  # noqa: ARG001 - the form of `tells`
    """Allow every article to be named."""
    return True


@dataclass(frozen=True, slots=True)
class Links:
    """The site's address and the paths of the pages that emails point to.

    `tells` says whether an email may name an article: by its slug, and whether the reader is known.
    """

    site_url: str
    ticket_path: str = "/tickets/{token}"
    own_path: str = "/my/tickets/{number}"
    article_path: str = "/articles/{slug}"
    offer_path: str = "/offers/{offer_id}"
    subscription_path: str = "/subscriptions/{token}"
    tells: Callable[[str, bool], bool] = _anything
    reset_path: str = "/reset-password/{token}"
    forgotten_path: str = "/forgot-password"
    lost_path: str = "/tickets/link"

    def ticket(self, token: str) -> str:
        """Return the private link to a ticket."""
        return self._under(self.ticket_path, token=token)

    def own(self, number: str) -> str:
        """Return the page of a signed-in person's ticket, by display number."""
        return self._under(self.own_path, number=number)

    def article(self, slug: str) -> str:
        """Return an article's page."""
        return self._under(self.article_path, slug=slug)

    def offer(self, offer_id: str) -> str:
        """Return the page that asks whether a ticket is wanted."""
        return self._under(self.offer_path, offer_id=offer_id)

    def subscription(self, token: str) -> str:
        """Return the page of a subscription to an answer."""
        return self._under(self.subscription_path, token=token)

    def reset(self, token: str) -> str:
        """Return the page where a new password is chosen."""
        return self._under(self.reset_path, token=token)

    def forgotten(self) -> str:
        """Return the page where a link to a new password is asked for."""
        return self._under(self.forgotten_path)

    def lost(self) -> str:
        """Return the page that sends the link to a ticket again."""
        return self._under(self.lost_path)

    def _under(self, path: str, **values: str) -> str:
        safe = {name: quote(value, safe="/") for name, value in values.items()}
        return self.site_url.rstrip("/") + path.format(**safe)
