"""Emails to authors about reviews that are due and commits that do not go live.

A review reminder goes out before the due date and weekly after it, to the owner (by address or
account), else to whoever changed the article last. For each commit and problem there is one email,
however often and on however many machines it is asked for: its id is derived from both.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from kb.authoring.tasks import NOTICE
from kb.connectors.base import MAIL
from kb.content.article import Article, ArticleStatus
from kb.database import Database
from kb.notifications.outbox import Outbox

# -- Review reminders: at most one email per person and week --


# Namespace of the version 5 UUIDs below (RFC 9562).
_SPACE = uuid.uuid5(uuid.NAMESPACE_URL, "tier-zero:review")
MOST = 50  # articles in one email


class Author(Protocol):
    """An account, as far as reminders need it."""

    @property
    def email(self) -> str:
        """Address in lower case."""
        ...

    @property
    def name(self) -> str:
        """Name as people write it."""
        ...

    @property
    def active(self) -> bool:
        """Whether the account may still sign in."""
        ...


@dataclass(frozen=True, slots=True)
class Reminder:
    """The articles that one person is to review, most overdue first; `key` is the same all week."""

    key: str
    address: str
    name: str
    articles: tuple[Article, ...]


def reminders(
    articles: Iterable[Article], people: Sequence[Author], *, today: date
) -> tuple[Reminder, ...]:
    """Return this week's reminders, ordered by address."""
    due: dict[str, list[Article]] = {}
    for article in articles:
        if article.status is ArticleStatus.PUBLISHED and _is_due(article, today):
            for address in _keepers(article, people):
                due.setdefault(address, []).append(article)
    names = {person.email: person.name for person in people}
    return tuple(
        Reminder(_key(address, today), address, names.get(address, ""), tuple(_first(rows)))
        for address, rows in sorted(due.items())
    )


def _is_due(article: Article, today: date) -> bool:
    return article.review_by is not None and article.review_by <= today + NOTICE


def _first(articles: Iterable[Article]) -> list[Article]:
    return sorted(articles, key=lambda article: (article.review_by or date.max, article.slug))


def _keepers(article: Article, people: Sequence[Author]) -> list[str]:
    """Return the addresses of the owner, else of whoever changed the article last."""
    owner, writer = article.owner.strip().casefold(), article.changed_by.strip().casefold()
    for wanted in filter(None, (owner, writer)):
        known = [p for p in people if wanted in {p.name.casefold(), p.email}]
        if known:  # someone who has left gets no email, and nobody else gets it instead
            return [person.email for person in known if person.active]
        if "@" in wanted and " " not in wanted:
            return [wanted]
    return []


def _key(address: str, today: date) -> str:
    year, week, _ = today.isocalendar()
    return str(uuid.uuid5(_SPACE, f"{address} {year}-{week}"))


def reminder_email(reminder: Reminder, *, site: str, today: date) -> Mapping[str, str]:
    """Return the email as an outbox payload."""
    count = len(reminder.articles)
    what = "1 article" if count == 1 else f"{count} articles"
    lines = [_line(article, site, today) for article in reminder.articles[:MOST]]
    if count > MOST:
        lines.append(f"- and {count - MOST} more")
    text = "\n".join(lines)
    return {
        "to": reminder.address,
        "name": reminder.name,
        "subject": f"To check: {what}",
        "text": f"Please check that these articles still hold:\n\n{text}\n\n"
        "When one does, write the day in `reviewed` and the next in `review_by`, and push.\n"
        f"All that waits for you: {site}/authors/\n",
    }


def _line(article: Article, site: str, today: date) -> str:
    due = article.review_by
    assert due is not None
    when = f"was due on {due.isoformat()}" if due < today else f"by {due.isoformat()}"
    return f"- {article.title} ({when})\n  {site}/articles/{article.slug}"


# -- Emails about commits that do not go live as intended --


_NAMESPACE = uuid.UUID("6f1c2b0e-93a4-5d0b-8f43-2f6d0c6b7a55")
_TEXT = """Your commit {commit} changed {place}, and the site found this:

  {message}
  {hint}

{outcome}
What is live, and what else is wrong: {page}

{site}
"""
_REFUSED = "The last good version stays live; commit a correction and it follows within a minute."


class AuthorNotice(Protocol):
    """A problem and whom to notify of it."""

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
    db: Database, told: Iterable[AuthorNotice], *, page: str, site: str, now: datetime
) -> int:
    """Put one email per notice into the outbox, each only once; return how many were new."""
    with db.begin() as connection:
        outbox = Outbox(connection)
        return sum(
            outbox.put_once(MAIL, _letter(each, page, site), now=now, key=_notice_key(each))
            for each in told
        )


def _notice_key(notice: AuthorNotice) -> str:
    """Return the email's id: the same for the same commit and problem."""
    return str(uuid.uuid5(_NAMESPACE, f"{notice.commit}\0{notice.path}\0{notice.code}"))


def _letter(notice: AuthorNotice, page: str, site: str) -> dict[str, str]:
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
        "thread": f"{notice.commit[:12]}.{_notice_key(notice)[:8]}",
    }
