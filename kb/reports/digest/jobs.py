"""Put the weekly digest into the outbox, as an email with an HTML and a text version.

The HTML loads nothing: no picture, style sheet, font or script. Every word is escaped, and colours
are CSS system colours, so that the email follows the mail program's light or dark theme. The text
has every word and figure of the HTML, in lines that need no wrapping (except addresses).

Each address gets one email a week, however often and by however many workers and machines it is
asked for: the id of the email, and so its Message-ID, is derived from both, and the outbox keeps
ids after delivery.
"""

from __future__ import annotations

import textwrap
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from kb.accounts.roles import Permission, allowed
from kb.accounts.store import Accounts
from kb.analytics.figures import TierCost
from kb.analytics.service import report, report_beside
from kb.config.demo_marker import SAYS
from kb.config.settings import Settings
from kb.connectors.base import MAIL
from kb.content.library import Library
from kb.database import Database
from kb.errors import NotFound, ProductError
from kb.gaps import service as gaps_service
from kb.notifications.outbox import Outbox
from kb.reports.digest.content import (
    Cell,
    Digest,
    DigestEmail,
    DigestFacts,
    DigestTable,
    Week,
    digest,
)
from search.errors import SearchError

# -- HTML version --


def html(digest: Digest) -> str:
    """Return the digest as HTML for mail programs."""
    return _template().render(digest=digest)


@cache
def _template() -> Template:
    """Return the email's template. It is stored beside this module because it needs inline styles,
    which pages of the site do not allow.
    """
    environment = Environment(
        loader=PackageLoader("kb.reports.digest", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("email.html")


# -- Text version --


WIDTH = 76  # under the 78 that RFC 5322 2.1.1 advises


def plain(digest: Digest) -> str:
    """Return the digest as plain text."""
    return "\n".join(_lines(digest)) + "\n"


def _lines(digest: Digest) -> Iterator[str]:
    if digest.note:
        yield from (*_wrapped(f"*** {digest.note} ***"), "")
    yield from (f"{digest.site}: {digest.title}", digest.days, "")
    for sentence in digest.summary:
        yield from _wrapped(sentence)
    yield from ("", "The report:", digest.report)
    for sheet in digest.sheets:
        yield from _sheet(sheet)
    if digest.meanings:
        yield from _headed("What the figures mean")
    for meaning in digest.meanings:
        yield from (*_wrapped(f"{meaning.name}: {meaning.words}"), meaning.link, "")
    yield from ("", *_wrapped(digest.made), *_wrapped(digest.stop))


def _sheet(sheet: DigestTable) -> Iterator[str]:
    yield from _headed(sheet.title)
    if not sheet.rows:
        yield from (*_wrapped(f"{sheet.empty} {sheet.quiet}".strip()), "", sheet.link)
        return
    yield from (*_wrapped(f"{sheet.caption}."), "")
    for row in sheet.rows:
        yield from _wrapped(_said(row[0]))
        for column, cell in zip(sheet.columns[1:], row[1:], strict=True):
            yield from _wrapped(f"{column}: {_said(cell)}", indent="  ")
    yield ""
    if sheet.quiet:
        yield from _wrapped(sheet.quiet)
    yield sheet.link


def _headed(title: str) -> Iterator[str]:
    yield from ("", "", title, "=" * len(title))


def _said(cell: Cell) -> str:
    return f"{cell.words} ({'; '.join(cell.below)})" if cell.below else cell.words


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + ("  " if indent else ""),
        break_long_words=False,
        break_on_hyphens=False,
    )


# -- Sending --


# The namespace of the emails' ids, which are UUIDs of version 5 (RFC 9562).
_SPACE = uuid.uuid5(uuid.NAMESPACE_URL, "tier-zero:digest")


@dataclass(frozen=True, slots=True)
class Weekly:
    """The digests of one site. `waits` is how long after a week's end an outcome may change;
    `titles` returns the titles of articles by slug.
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
        """Return the digests as configured in the settings."""
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

    def letter(self, week: Week, now: datetime) -> DigestEmail:
        """Return the email of a week."""
        found = DigestFacts(
            week=week,
            report=report_beside(self.db, week.span, k=self.k, now=now, costs=self.costs),
            before=report(self.db, week.before.span, k=self.k, now=now, costs=self.costs),
            gaps=gaps_service.listing(self.db, gaps_service.GapFilter(), k=self.k, now=now),
            titles=self.titles(),
        )
        said = digest(found, site=self.site, site_url=self.site_url, note=self.note)
        return DigestEmail(said.subject, plain(said), html(said))

    def send(self, week: Week, now: datetime) -> tuple[str, ...]:
        """Put the email into the outbox for addresses that have not got it; return these."""
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
        """Return the addresses that must still get the email."""
        wanted = [address for address in self.addresses if self._may(address)]
        if not wanted:
            return ()
        with self.db.read() as connection:
            outbox = Outbox(connection)
            return tuple(each for each in wanted if not outbox.holds(_key(week, each)))

    def _may(self, address: str) -> bool:
        """Return whether the address has no account, or one that may read reports."""
        try:
            account = self.accounts.by_email(address)
        except NotFound:
            return True
        return account.active and allowed(account.role, Permission.READ_REPORTS)


def _titles(library: Callable[[], Library]) -> dict[str, str]:
    """Return the titles of articles by slug, empty if no index can be read."""
    try:
        return {slug: article.title for slug, article in library().articles.items()}
    except (SearchError, ProductError):
        return {}


def _key(week: Week, address: str) -> str:
    return str(uuid.uuid5(_SPACE, f"{week.name}\0{address}"))


def _payload(written: DigestEmail, address: str) -> dict[str, str]:
    return {
        "to": address,
        "name": "",
        "subject": written.subject,
        "text": written.text,
        "html": written.html,
    }
