"""The tables on tickets. Each figure has its counts, interval and definition in its row."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from kb.analytics.definitions import DEFINITIONS
from kb.analytics.figures import Figure
from kb.analytics.report import ORIGINS
from kb.analytics.ticket_metrics import (
    STATUSES,
    UNRESOLVED,
    Duration,
    Period,
    TicketFigures,
)
from kb.table import Cells, Column, ColumnKind, Line, Table, lines

# -- Tables --


NONE = "No ticket in this range."
RESOLUTION_NAMES = {
    "linked_article": "An article answered it",
    "article_to_fix": "An article must be mended",
    "gap": "No article answers it yet",
    "no_knowledge": "No article would help",
}
_LIMITS = (
    Column("low95", "95 % from", ColumnKind.SHARE),
    Column("high95", "95 % to", ColumnKind.SHARE),
)


def ticket_tables(found: TicketFigures, tiers: Collection[int]) -> tuple[Table, ...]:
    """Return the tables of /reports/tickets; `tiers` are the levels that are always listed."""
    return (
        _by_origin(found),
        _by_tier(found, tiers),
        shares_table("ticket-shares", "Escalation, reopening, first contact", found.shares),
        durations_table("ticket-times", "How long tickets took", found.durations),
        _resolutions(found.resolutions),
        _known(found.periods),
    )


def _by_origin(found: TicketFigures) -> Table:
    seen = {origin for origin, _ in found.by_origin}
    origins = [*(each for each in ORIGINS if each in seen), *sorted(seen - set(ORIGINS))]
    counts = {
        origin: [found.by_origin.get((origin, status), 0) for status in STATUSES]
        for origin in origins
    }
    columns = (
        Column("origin", "How it came", ColumnKind.ORIGIN, definition="tickets"),
        *(
            Column(status, status.capitalize(), ColumnKind.COUNT, definition="ticket_status")
            for status in STATUSES
        ),
        Column("tickets", "All", ColumnKind.COUNT),
    )
    cells: list[Cells] = [(origin, *row, sum(row)) for origin, row in counts.items()]
    return Table("tickets-by-origin", "Tickets by origin and status", columns, lines(cells), NONE)


def _by_tier(found: TicketFigures, tiers: Collection[int]) -> Table:
    levels = sorted({*tiers, *(tier for tier, _ in found.by_tier)})
    rows = []
    for level in levels:
        waiting = sum(found.by_tier.get((level, status), 0) for status in UNRESOLVED)
        every = sum(found.by_tier.get((level, status), 0) for status in STATUSES)
        rows.append((level, waiting, every - waiting, every))
    columns = (
        Column("tier", "Tier", ColumnKind.TIER),
        Column("unresolved", "Waiting there", ColumnKind.COUNT, definition="ticket_status"),
        Column("resolved", "Resolved there", ColumnKind.COUNT, definition="ticket_status"),
        Column("tickets", "All", ColumnKind.COUNT, definition="tickets_of_people"),
    )
    return Table("tickets-by-tier", "Tickets of people by tier", columns, lines(rows), NONE)


def shares_table(key: str, caption: str, figures: Iterable[Figure]) -> Table:
    """Return shares with their counts and intervals, one figure in each row."""
    columns = (
        Column("figure", "Figure", ColumnKind.FIGURE),
        Column("value", "Share", ColumnKind.SHARE),
        *_LIMITS,
        Column("numerator", "Count", ColumnKind.COUNT),
        Column("denominator", "Of", ColumnKind.COUNT),
        Column("definition", "Definition", ColumnKind.NOTE, shown=False),
    )
    rows = tuple(
        Line(
            (
                each.name,
                each.value,
                *(each.interval or (None, None)),
                each.numerator,
                each.denominator,
                DEFINITIONS[each.definition].meaning,
            ),
            key=each.key,
        )
        for each in figures
    )
    return Table(key, caption, columns, rows, NONE)


def durations_table(key: str, caption: str, durations: Iterable[Duration]) -> Table:
    """Return durations with their counts, one in each row; `tier` is empty for all tiers."""
    quantiles = "time_quantiles"
    durations = tuple(durations)
    columns = (
        Column("figure", "Figure", ColumnKind.FIGURE),
        Column(
            "tier", "Tier", ColumnKind.TIER, shown=any(each.tier is not None for each in durations)
        ),
        Column("ended", "Finished", ColumnKind.COUNT),
        Column("still_open", "Still open", ColumnKind.COUNT),
        Column("median", "Half within", ColumnKind.SECONDS, definition=quantiles),
        Column("low95", "95 % from", ColumnKind.SECONDS, definition=quantiles),
        Column("high95", "95 % to", ColumnKind.SECONDS, definition=quantiles),
        Column("nine_of_ten", "9 of 10 within", ColumnKind.SECONDS, definition=quantiles),
        Column(
            "why_no_value", "Why no value", ColumnKind.NOTE, shown=any(x.lacking for x in durations)
        ),
        Column("definition", "Definition", ColumnKind.NOTE, shown=False),
    )
    rows = tuple(
        Line(
            (
                DEFINITIONS[each.definition].name,
                each.tier,
                each.ended,
                each.still_open,
                each.median,
                each.low,
                each.high,
                each.nine_of_ten,
                each.lacking,
                DEFINITIONS[each.definition].meaning,
            ),
            key=each.definition if each.tier is None else f"tier_{each.tier}:{each.definition}",
        )
        for each in durations
    )
    return Table(key, caption, columns, rows, NONE)


def _resolutions(figures: Iterable[Figure]) -> Table:
    columns = (
        Column("resolution", "Resolution", ColumnKind.TEXT, definition="ticket_resolution"),
        Column("tickets", "Tickets", ColumnKind.COUNT),
        Column("share", "Share", ColumnKind.SHARE),
        *_LIMITS,
    )
    rows = tuple(
        Line(
            (
                RESOLUTION_NAMES[each.key],
                each.numerator,
                each.value,
                *(each.interval or (None, None)),
            ),
            key=each.key,
        )
        for each in figures
    )
    return Table("ticket-resolutions", "How tickets were resolved", columns, rows, NONE)


def _known(periods: Iterable[Period]) -> Table:
    columns = (
        Column("from", "From", ColumnKind.DAY),
        Column("until", "Until", ColumnKind.DAY),
        Column("known", "Known", ColumnKind.COUNT, definition="known_share"),
        Column("new", "New", ColumnKind.COUNT, definition="known_share"),
        Column("share", "Known of all", ColumnKind.SHARE, definition="known_share"),
        *_LIMITS,
    )
    rows = tuple(
        (
            each.first.isoformat(),
            each.last.isoformat(),
            each.known.numerator,
            (each.known.denominator or 0) - each.known.numerator,
            each.known.value,
            *(each.known.interval or (None, None)),
        )
        for each in periods
    )
    caption = "Known and new answers, by the day the ticket was created"
    return Table("known-answers", caption, columns, lines(rows), NONE)
