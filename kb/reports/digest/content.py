"""The content of the weekly digest, made from the reports of two weeks.

All values are words ready to be read and all addresses are absolute: the HTML and the text version
only render them. The figures are those of the report, each with its interval, its counts and a link
to its definition; words of too few people are already left out by the report and the gaps. A week
is settled only when tickets can no longer change its outcomes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import quote

from kb.analytics.article_metrics import ArticleRow
from kb.analytics.definitions import DEFINITIONS
from kb.analytics.figures import Estimate, Figure, amount, extent
from kb.analytics.report import DateRange, Report
from kb.analytics.search_metrics import ShareChange
from kb.errors import InvalidInput
from kb.gaps.model import Gap
from kb.gaps.service import Listing, name_of

# -- Addresses of pages --


@dataclass(frozen=True, slots=True)
class Addresses:
    """The absolute addresses of the pages that a digest links to."""

    site_url: str
    week: Week

    def _at(self, path: str) -> str:
        return self.site_url.rstrip("/") + path

    @property
    def report(self) -> str:
        """Return the address of the week's report."""
        span = self.week.span
        return self._at(f"/reports/?from={span.first}&until={span.last}")

    @property
    def gaps(self) -> str:
        """Return the address of the list of gaps."""
        return self._at("/reports/gaps")

    def gap(self, number: int) -> str:
        """Return the address of a gap."""
        return self._at(f"/reports/gaps/{number}")

    def article(self, slug: str) -> str:
        """Return the address of an article."""
        return self._at(f"/articles/{quote(slug, safe='/')}")

    def definition(self, key: str) -> str:
        """Return the address of a definition."""
        return self._at(f"/reports/definitions#{key}")


# -- Parts of a digest --


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: its words, small print `below` them, and an absolute address to link to."""

    words: str
    below: tuple[str, ...] = ()
    link: str = ""


@dataclass(frozen=True, slots=True)
class DigestTable:
    """A table under a heading: each row has a cell for each of `columns`; the first names the row.
    `quiet` is small print below the table; `empty` is shown instead of a table without rows.
    """

    title: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    link: str
    quiet: str = ""
    empty: str = ""

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"{self.title}: each row needs {len(self.columns)} cells")


@dataclass(frozen=True, slots=True)
class FootDefinition:
    """A definition at the end of the digest."""

    name: str
    words: str
    link: str


@dataclass(frozen=True, slots=True)
class Digest:
    """The whole content of a digest. `bar` holds the widths, in whole per cent, of the lower bound
    of deflection and of the rest up to the upper bound; None if no episode has closed.
    """

    site: str
    subject: str
    title: str
    days: str
    note: str
    summary: tuple[str, ...]
    bar: tuple[int, int] | None
    sheets: tuple[DigestTable, ...]
    meanings: tuple[FootDefinition, ...]
    made: str
    report: str
    stop: str


@dataclass(frozen=True, slots=True)
class DigestEmail:
    """A digest as an email."""

    subject: str
    text: str
    html: str


# -- Weeks: Monday to Sunday, UTC, numbered by ISO 8601 --


HOUR = 6  # UTC hour at which a digest is due, before the European working day begins
_NAME = re.compile(r"(\d{4})-?W(\d{2})", re.ASCII)
_SEVEN = timedelta(days=7)


@dataclass(frozen=True, slots=True, order=True)
class Week:
    """A week, by its Monday."""

    first: date

    @classmethod
    def of(cls, day: date) -> Week:
        """Return the week that contains the day."""
        return cls(day - timedelta(days=day.weekday()))

    @classmethod
    def parse(cls, name: str) -> Week:
        """Return the week named such as 2026-W46. Raises InvalidInput if there is none."""
        match = _NAME.fullmatch(name.strip().upper())
        try:
            if match and 2000 <= int(match[1]) < 3000:
                return cls(date.fromisocalendar(int(match[1]), int(match[2]), 1))
        except ValueError:
            pass
        raise InvalidInput(f"{name[:20]!r} is no week.", "Write it as 2026-W46.")

    @classmethod
    def settled(cls, now: datetime, waits: timedelta) -> Week:
        """Return the latest week that is due by `now`, see `due`."""
        week = cls.of(now.date())
        while now < week.due(waits):
            week = week.before
        return week

    @property
    def before(self) -> Week:
        """Return the week before."""
        return Week(self.first - _SEVEN)

    @property
    def span(self) -> DateRange:
        """Return its seven days."""
        return DateRange(self.first, self.first + _SEVEN - timedelta(days=1))

    @property
    def number(self) -> int:
        """Return its number in the ISO year."""
        return self.first.isocalendar().week

    @property
    def name(self) -> str:
        """Return its name, such as "2026-W46"."""
        year, number, _ = self.first.isocalendar()
        return f"{year}-W{number:02}"

    def due(self, waits: timedelta) -> datetime:
        """Return the first HOUR at which all outcomes are final: `waits` after Sunday's end."""
        ripe = self.span.end + waits
        day = datetime.combine(ripe.date(), time(HOUR), UTC)
        return day if day >= ripe else day + timedelta(days=1)


# -- Making a digest --


TOP = 5  # rows of each list, so that an email stays short
NOT_COMPARED = "not compared"
_ORIGINS = {
    "asked": "Tickets asked for",
    "policy": "Tickets by policy: left without an answer",
    "demand": "Tickets by demand: several people failed",
    "outside": "Tickets told of by another system: mail, phone",
}
_CAUSES = {
    "typo": "misspelt",
    "wording": "other words",
    "ranks_low": "too far down",
    "not_permitted": "not open to them",
    "language": "other language",
    "draft": "draft or overdue",
    "true_gap": "no article",
}
_QUOTED = (
    "deflection_lower", "deflection_estimate", "deflection_upper", "failed_share", "episodes",
    "searches", "tickets", "failing_words", "gap", "gap_people", "gap_tickets", "gap_trend",
    "article_failed", "interval",
)  # fmt: skip # a table


@dataclass(frozen=True, slots=True)
class DigestFacts:
    """The inputs of a digest: the week's report with its changes, the report of the week before,
    open gaps, and the titles of articles by slug.
    """

    week: Week
    report: Report
    before: Report
    gaps: Listing
    titles: Mapping[str, str]


def digest(found: DigestFacts, *, site: str, site_url: str, note: str = "") -> Digest:
    """Return the digest's content; `note` is shown at the top."""
    week, at = found.week, Addresses(site_url, found.week)
    days = _days(week.span.first, week.span.last)
    title = f"Self-service in week {week.number}"
    name = " ".join(site.split())
    used = bool(found.report.episodes.numerator)
    return Digest(
        site=name,
        subject=" ".join(f"{name}: self-service, week {week.number}, {days}".split()),
        title=title,
        days=f"{days}, UTC days",
        note=" ".join(note.split()),
        summary=_summary(found.report, found.before),
        bar=_bar(found.report),
        sheets=_sheets(found, at) if used else (),
        meanings=tuple(_meaning(key, at) for key in _QUOTED) if used else (),
        made=_made(found.report),
        report=at.report,
        stop="You get this because the setting digest_to names your address. Whoever runs the "
        "site takes it out there; then no other comes.",
    )


def _meaning(key: str, at: Addresses) -> FootDefinition:
    row = DEFINITIONS[key]
    return FootDefinition(row.name, row.meaning, at.definition(key))


def _made(report: Report) -> str:
    older = f" {report.older:,} episodes were judged by an earlier one." if report.older else ""
    return (
        f"Made {_moment(report.at)} by version {report.code} with definitions of "
        f"version {report.definition}.{older}"
    )


# -- Summary --


def _summary(report: Report, before: Report) -> tuple[str, ...]:
    episodes = report.episodes.numerator
    if not episodes:
        return (_nobody(report, before),)
    if not report.closed:
        return (f"None of {episodes:,} episodes has closed yet: too early to judge.",)
    lower, upper = report.deflection_lower.value, report.deflection_upper.value
    lines = [
        f"Of {_many(report.closed, 'closed episode')}, at least {amount(lower, 'share')} and at "
        f"most {amount(upper, 'share')} did without a ticket.",
        _estimated(report.deflection.estimate),
    ]
    if early := episodes - report.closed:
        lines.append(f"{_many(early, 'episode')} more: too early to judge.")
    return tuple(lines)


def _nobody(report: Report, before: Report) -> str:
    tickets = sum(figure.numerator for figure in report.tickets)
    also = f" {_many(tickets, 'ticket')} came all the same." if tickets else ""
    then = before.episodes.numerator
    return (
        f"Nobody used self-service in this week. The week before: {_many(then, 'episode')}.{also}"
    )


def _estimated(estimate: Estimate) -> str:
    if estimate.lacking:
        return f"No estimate between them yet ({estimate.lacking})."
    return (
        f"The estimate between them is {amount(estimate.value, 'share')} "
        f"({extent(estimate.interval, 'share')})."
    )


def _many(number: int, what: str, plural: str = "") -> str:
    return f"{number:,} {what if number == 1 else plural or what + 's'}"


def _bar(report: Report) -> tuple[int, int] | None:
    lower, upper = report.deflection_lower.value, report.deflection_upper.value
    if lower is None or upper is None:
        return None
    sure = round(lower * 100)
    return sure, max(0, round(upper * 100) - sure)


# -- Tables --


def _sheets(found: DigestFacts, at: Addresses) -> tuple[DigestTable, ...]:
    return (
        _shares(found, at),
        _counts(found, at),
        _gaps(found.gaps, at),
        _words(found.report, at),
        _articles(found.report, found.titles, at),
    )


def _shares(found: DigestFacts, at: Addresses) -> DigestTable:
    now, before = found.report, found.before
    changes = {change.now.key: change for change in now.changes}
    rows = [
        _compared(now.deflection_lower, before.deflection_lower, changes, at),
        (
            _name(now.deflection.estimate, at),
            _estimate(now),
            _estimate(before),
            Cell(NOT_COMPARED),
        ),
        _compared(now.deflection_upper, before.deflection_upper, changes, at),
        _compared(now.failed, before.failed, changes, at),
    ]
    return DigestTable(
        title="Did people find it themselves?",
        caption="Deflection and failed searches, with 95 % intervals",
        columns=("Figure", "This week", "Week before", "Difference"),
        rows=tuple(rows),
        link=at.report,
        quiet="A difference whose interval holds 0 may be chance.",
    )


def _compared(
    now: Figure, before: Figure, changes: Mapping[str, ShareChange], at: Addresses
) -> tuple[Cell, ...]:
    return _name(now, at), _share(now), _share(before), _difference(changes.get(now.key))


def _name(figure: Figure | Estimate, at: Addresses) -> Cell:
    return Cell(figure.name, link=at.definition(figure.definition))


def _share(figure: Figure) -> Cell:
    counts = f"{figure.numerator:,} of {figure.denominator or 0:,}"
    return Cell(amount(figure.value, "share"), (*_extent(figure.interval, "share"), counts))


def _estimate(report: Report) -> Cell:
    figure = report.deflection.estimate
    answers = _many(report.deflection.silence.answers, "answer")
    if figure.lacking:
        return Cell(figure.lacking)
    return Cell(amount(figure.value, "share"), (*_extent(figure.interval, "share"), answers))


def _difference(change: ShareChange | None) -> Cell:
    if change is None or change.difference is None:
        return Cell(NOT_COMPARED)
    chance = change.interval is not None and change.interval[0] <= 0 <= change.interval[1]
    below = (*_extent(change.interval, "difference"), *(("may be chance",) if chance else ()))
    return Cell(amount(change.difference, "difference"), below)


def _extent(interval: tuple[float, float] | None, unit: str) -> tuple[str, ...]:
    return (extent(interval, unit),) if interval else ()


def _counts(found: DigestFacts, at: Addresses) -> DigestTable:
    now, before = found.report, found.before
    pairs = [(now.episodes, before.episodes), (now.searches, before.searches)]
    rows = [
        (_name(one, at), _number(one.numerator), _number(other.numerator)) for one, other in pairs
    ]
    rows += [
        (
            Cell(_ORIGINS.get(one.name, one.name), link=at.definition(one.definition)),
            _number(one.numerator),
            _number(other.numerator),
        )
        for one, other in zip(now.tickets, before.tickets, strict=True)
    ]
    return DigestTable(
        title="How much",
        caption="Episodes, searches, and tickets by how they came to be",
        columns=("Figure", "This week", "Week before"),
        rows=tuple(rows),
        link=at.report,
    )


def _number(value: int) -> Cell:
    return Cell(f"{value:,}")


def _gaps(listing: Listing, at: Addresses) -> DigestTable:
    return DigestTable(
        title="What people do not find",
        caption="Open gaps of the last 90 days, the most asked for first",
        columns=("Gap", "People", "Tickets"),
        rows=tuple(_gap(gap, at) for gap in listing.gaps[:TOP]),
        link=at.gaps,
        quiet=_left_out(len(listing.gaps), "gap"),
        empty=f"No gap is open that {listing.k} people or more are in.",
    )


def _gap(gap: Gap, at: Addresses) -> tuple[Cell, ...]:
    latest, earlier = gap.trend
    cause = f"cause: {_CAUSES.get(gap.cause, 'not looked at yet')}"
    trend = f"{_many(latest, 'person', 'people')} in 30 days, {earlier:,} in the 30 before"
    return (
        Cell(name_of(gap), (cause, trend), at.gap(gap.number)),
        _number(gap.people),
        _number(gap.tickets),
    )


def _words(report: Report, at: Addresses) -> DigestTable:
    shown = [row for row in report.failing_words if row.words]
    rest = [row for row in report.failing_words if not row.words]
    rows = [
        (Cell(f"“{row.words}”"), _number(row.people), _number(row.searches)) for row in shown[:TOP]
    ]
    hidden = sum(row.searches for row in rest)
    also = f"{_many(hidden, 'search', 'searches')} by words that fewer than " + (
        f"{report.k_anonymity} people used: not shown." if hidden else ""
    )
    return DigestTable(
        title="Searches that fail most",
        caption="Words that failed in this week",
        columns=("Words", "People", "Searches"),
        rows=tuple(rows),
        link=at.report,
        quiet=" ".join(filter(None, [_left_out(len(shown), "wording"), also if hidden else ""])),
        empty=f"No words failed for {report.k_anonymity} people or more.",
    )


def _articles(report: Report, titles: Mapping[str, str], at: Addresses) -> DigestTable:
    failed = [row for row in report.articles if row.failed.numerator]
    return DigestTable(
        title="Read, and a ticket came all the same",
        caption="Articles with most failed deflections",
        columns=("Article", "Share", "Tickets"),
        rows=tuple(_article(row, titles, at) for row in _worst(failed)[:TOP]),
        link=at.report,
        quiet=_left_out(len(failed), "article"),
        empty="No ticket followed an article that was read.",
    )


def _worst(rows: Sequence[ArticleRow]) -> list[ArticleRow]:
    return sorted(rows, key=lambda row: (-row.failed.numerator, row.read, row.slug))


def _article(row: ArticleRow, titles: Mapping[str, str], at: Addresses) -> tuple[Cell, ...]:
    title = titles.get(row.slug, row.slug)
    return (
        Cell(title, link=at.article(row.slug)),
        _share(row.failed),
        _number(row.failed.numerator),
    )


def _left_out(number: int, what: str) -> str:
    return f"The first {TOP} of {number:,} {what}s." if number > TOP else ""


def _days(first: date, last: date) -> str:
    """Return "2 to 8 March 2026"; months and years are written twice where they differ."""
    begins = "" if first.month == last.month else f" {first:%B}"
    begins += "" if first.year == last.year else f" {first:%Y}"
    return f"{first.day}{begins} to {last.day} {last:%B %Y}"


def _moment(value: datetime) -> str:
    return f"{value.day} {value:%b %Y, %H:%M} UTC"
