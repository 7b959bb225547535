"""The tables on tickets. Each figure has its counts, interval and definition in its row."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

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
from kb.reports.tables.figures import (
    Ends,
    definition_column,
    interval_columns,
    lacking_column,
)
from kb.table import Cell, Column, ColumnKind, Table, table_from

# -- Tables --


NONE = "No ticket in this range."
RESOLUTION_NAMES = {
    "linked_article": "An article answered it",
    "article_to_fix": "An article must be mended",
    "gap": "No article answers it yet",
    "no_knowledge": "No article would help",
}


def ticket_tables(found: TicketFigures, tiers: Collection[int]) -> tuple[Table, ...]:
    """Return the tables of /reports/tickets; `tiers` are the levels that are always listed."""
    return (
        _by_origin(found),
        _by_tier(found, tiers),
        shares_table("ticket-shares", "Escalation, reopening, first contact", found.shares),
        durations_table("ticket-times", "How long tickets took", found.durations),
        _resolutions(found.resolutions),
        known_table(found.periods),
    )


def _by_origin(found: TicketFigures) -> Table:
    def with_status(status: str) -> Column:
        return Column(
            status,
            status.capitalize(),
            ColumnKind.COUNT,
            definition="ticket_status",
            cell=lambda origin: found.by_origin.get((origin, status), 0),
        )

    seen = {origin for origin, _ in found.by_origin}
    origins = [*(each for each in ORIGINS if each in seen), *sorted(seen - set(ORIGINS))]
    columns = (
        Column(
            "origin",
            "How it came",
            ColumnKind.ORIGIN,
            definition="tickets",
            cell=lambda origin: origin,
        ),
        *map(with_status, STATUSES),
        Column(
            "tickets",
            "All",
            ColumnKind.COUNT,
            cell=lambda origin: sum(found.by_origin.get((origin, each), 0) for each in STATUSES),
        ),
    )
    caption = "Tickets by origin and status"
    return table_from("tickets-by-origin", caption, columns, origins, empty=NONE)


def _by_tier(found: TicketFigures, tiers: Collection[int]) -> Table:
    def count(key: str, name: str, definition: str, statuses: Collection[str]) -> Column:
        return Column(
            key,
            name,
            ColumnKind.COUNT,
            definition=definition,
            cell=lambda level: sum(found.by_tier.get((level, each), 0) for each in statuses),
        )

    columns = (
        Column("tier", "Tier", ColumnKind.TIER, cell=lambda level: level),
        count("unresolved", "Waiting there", "ticket_status", UNRESOLVED),
        count("resolved", "Resolved there", "ticket_status", STATUSES[len(UNRESOLVED) :]),
        count("tickets", "All", "tickets_of_people", STATUSES),
    )
    levels = sorted({*tiers, *(tier for tier, _ in found.by_tier)})
    return table_from("tickets-by-tier", "Tickets of people by tier", columns, levels, empty=NONE)


def _exact(figure: Figure) -> Ends:
    return figure.interval or (None, None)


def shares_table(key: str, caption: str, figures: Iterable[Figure]) -> Table:
    """Return shares with their counts and intervals, one figure in each row."""
    columns = (
        Column("figure", "Figure", ColumnKind.FIGURE, cell=lambda each: each.name),
        Column("value", "Share", ColumnKind.SHARE, cell=lambda each: each.value),
        *interval_columns(_exact),
        Column("numerator", "Count", ColumnKind.COUNT, cell=lambda each: each.numerator),
        Column("denominator", "Of", ColumnKind.COUNT, cell=lambda each: each.denominator),
        definition_column(),
    )
    return table_from(key, caption, columns, figures, key_of=lambda each: each.key, empty=NONE)


def durations_table(key: str, caption: str, durations: Iterable[Duration]) -> Table:
    """Return durations with their counts, one in each row; `tier` is empty for all tiers."""
    rows = tuple(durations)
    columns = (
        Column(
            "figure",
            "Figure",
            ColumnKind.FIGURE,
            cell=lambda each: DEFINITIONS[each.definition].name,
        ),
        Column(
            "tier",
            "Tier",
            ColumnKind.TIER,
            shown=any(each.tier is not None for each in rows),
            cell=lambda each: each.tier,
        ),
        Column("ended", "Finished", ColumnKind.COUNT, cell=lambda each: each.ended),
        Column("still_open", "Still open", ColumnKind.COUNT, cell=lambda each: each.still_open),
        _quantile("median", "Half within", lambda each: each.median),
        _quantile("low95", "95 % from", lambda each: each.low),
        _quantile("high95", "95 % to", lambda each: each.high),
        _quantile("nine_of_ten", "9 of 10 within", lambda each: each.nine_of_ten),
        lacking_column(rows),
        definition_column(),
    )
    return table_from(key, caption, columns, rows, key_of=_duration_key, empty=NONE)


def _duration_key(each: Duration) -> str:
    return each.definition if each.tier is None else f"tier_{each.tier}:{each.definition}"


def _quantile(key: str, name: str, of: Callable[[Duration], float | None]) -> Column:
    return Column(key, name, ColumnKind.SECONDS, definition="time_quantiles", cell=of)


def _resolutions(figures: Iterable[Figure]) -> Table:
    columns = (
        Column(
            "resolution",
            "Resolution",
            definition="ticket_resolution",
            cell=lambda each: RESOLUTION_NAMES[each.key],
        ),
        Column("tickets", "Tickets", ColumnKind.COUNT, cell=lambda each: each.numerator),
        Column("share", "Share", ColumnKind.SHARE, cell=lambda each: each.value),
        *interval_columns(_exact),
    )
    return table_from(
        "ticket-resolutions",
        "How tickets were resolved",
        columns,
        figures,
        key_of=lambda each: each.key,
        empty=NONE,
    )


def known_table(periods: Iterable[Period]) -> Table:
    """Return known and new answers, one period in each row."""

    def known(
        key: str, name: str, of: Callable[[Figure], Cell], kind: ColumnKind = ColumnKind.COUNT
    ) -> Column:
        return Column(key, name, kind, definition="known_share", cell=lambda each: of(each.known))

    columns = (
        Column("from", "From", ColumnKind.DAY, cell=lambda each: each.first.isoformat()),
        Column("until", "Until", ColumnKind.DAY, cell=lambda each: each.last.isoformat()),
        known("known", "Known", lambda share: share.numerator),
        known("new", "New", lambda share: (share.denominator or 0) - share.numerator),
        known("share", "Known of all", lambda share: share.value, ColumnKind.SHARE),
        *interval_columns(lambda each: _exact(each.known)),
    )
    caption = "Known and new answers, by the day the ticket was created"
    return table_from("known-answers", caption, columns, periods, empty=NONE)
