"""Subscriptions: asking to be told when a search is answered, confirming, being told, stopping.

Only an address that was confirmed, or that is its account's own, is told of an answer: in one email
per article, and only if the person may read it. A link can be made again from the site's secret, so
that only its digest is kept.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from kb.access import LibraryGetter
from kb.accounts.roles import audiences
from kb.accounts.store import Accounts, normal_email
from kb.database import Connection, Database
from kb.errors import NotFound
from kb.gaps.answers.model import GapAnswer
from kb.gaps.answers.rules import FailedSearch
from kb.gaps.answers.service import Waiting, read_by
from kb.gaps.subscriptions import store
from kb.gaps.subscriptions.store import ASKED, CONFIRMED, Subscription

_NAMESPACE = uuid.UUID("0d6e2b7c-61f4-5a39-9a0e-5f0c7be1f2d4")


class SubscriptionNotices(Protocol):
    """Writes emails in the transaction that causes them."""

    def confirm(
        self, connection: Connection, to: Subscription, token: str, *, now: datetime
    ) -> None:
        """Ask whether this address wants to be told."""
        ...

    def answered(
        self,
        connection: Connection,
        to: Subscription,
        token: str,
        answer: AnswerFound,
        *,
        now: datetime,
    ) -> None:
        """Tell somebody of the article that answers."""
        ...


@dataclass(frozen=True, slots=True)
class AnswerFound:
    """The article that answers, and the words it answers."""

    slug: str
    title: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SubscriptionRequest:
    """A request to be told of an answer to the search `search_id` for `words`. `audience` is the
    widest that the person may read; `known` says that the address is their account's.
    """

    search_id: str
    words: str
    email: str
    language: str
    audience: str = "public"
    known: bool = False


class Subscriptions(Waiting):
    """The subscriptions of one site."""

    def __init__(
        self,
        db: Database,
        *,
        secret: str,
        letters: SubscriptionNotices,
        accounts: Accounts,
        library: LibraryGetter,
    ) -> None:
        self._db = db
        self._secret = secret.encode()
        self._letters = letters
        self._accounts = accounts
        self._library = library

    def ask(self, wish: SubscriptionRequest, now: datetime) -> str:
        """Store a request and, unless the address is known, ask for confirmation; return the link's
        token. InvalidInput when the address cannot be one.

        An open request for the same words is used again, and asked to confirm if it is not yet.
        """
        email = normal_email(wish.email)
        with self._db.begin() as connection:
            found = store.same(connection, email, wish.words)
            if found is None:
                found = self._made(wish, email, now)
                store.add(connection, found, _digest(self._token(found.id)))
            token = self._token(found.id)
            if found.state == ASKED and wish.known:
                store.confirm(connection, found.id, now)
            elif found.state == ASKED:
                self._letters.confirm(connection, found, token, now=now)
        return token

    def _made(self, wish: SubscriptionRequest, email: str, now: datetime) -> Subscription:
        seed = f"{wish.search_id}\0{email}\0{now.isoformat()}"
        return Subscription(
            id=str(uuid.uuid5(_NAMESPACE, seed)),
            search_id=wish.search_id[:36],
            email=email,
            language=wish.language[:16],
            audience=wish.audience,
            words=wish.words,
            state=CONFIRMED if wish.known else ASKED,
            created_at=now,
        )

    def find(self, token: str) -> Subscription:
        """Return the subscription of a link; NotFound when there is none any more."""
        with self._db.read() as connection:
            found = store.by_link(connection, _digest(token))
        if found is None:
            raise NotFound(
                "This link is not in use any more.",
                "Nothing is kept about you here. Search again to ask for an answer.",
            )
        return found

    def confirm(self, token: str, now: datetime) -> Subscription:
        """Confirm the subscription of a link and return it; NotFound as `find`."""
        found = self.find(token)
        with self._db.begin() as connection:
            store.confirm(connection, found.id, now)
        return self.find(token)

    def stop(self, token: str) -> None:
        """Delete the subscription of a link, if there is one."""
        with self._db.begin() as connection:
            found = store.by_link(connection, _digest(token))
            if found is not None:
                store.stop(connection, found.id)

    # What a replay calls

    def asked(self, connection: Connection, state: str, before: datetime) -> Sequence[FailedSearch]:
        """Return the searches of confirmed subscriptions to replay, made before that time."""
        return store.waiting(connection, state, before)

    def mark(
        self,
        connection: Connection,
        state: str,
        asked: Sequence[FailedSearch],
        answers: Mapping[str, GapAnswer],
        now: datetime,
    ) -> None:
        """Mark these as replayed, and email those who have an answer that they may read."""
        ids = [each.id for each in asked]
        store.replayed(connection, ids, state)
        waiting = store.by_ids(connection, [each for each in ids if each in answers])
        together: dict[tuple[str, str], list[Subscription]] = {}
        for subscription in waiting.values():
            slug = answers[subscription.id].article
            if self._may_read(subscription, slug):
                together.setdefault((subscription.email, slug), []).append(subscription)
        for (_, slug), several in together.items():
            self._tell(connection, several, slug, now)

    def _tell(
        self, connection: Connection, several: Sequence[Subscription], slug: str, now: datetime
    ) -> None:
        """Write one email to one address."""
        told = [each for each in several if store.told(connection, each.id, slug, now)]
        if not told:
            return
        article = self._library().get(slug)
        title = article.title if article is not None else slug
        answer = AnswerFound(slug, title, tuple(dict.fromkeys(each.words for each in told)))
        self._letters.answered(connection, told[0], self._token(told[0].id), answer, now=now)

    def _may_read(self, subscription: Subscription, slug: str) -> bool:
        """Return whether the person may read the article now; the account may be gone."""
        article = self._library().get(slug)
        if article is None or str(article.status) != "published":
            return False
        if str(article.audience) == "public":
            return True
        try:
            account = self._accounts.by_email(subscription.email)
        except NotFound:
            return False
        mine = audiences(account.role) & read_by(subscription.audience)
        return account.active and str(article.audience) in mine

    def _token(self, subscription_id: str) -> str:
        """Return the token of a link, the same each time."""
        made = hmac.new(self._secret, f"subscription:{subscription_id}".encode(), "sha256")
        return base64.urlsafe_b64encode(made.digest()).decode().rstrip("=")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
