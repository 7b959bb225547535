"""`kb tickets` and `kb report`: tickets from other systems in, figures out.

Promises that a file is taken as a whole or not at all, and that figures on the command line are
those of the page.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from kb.config import load
from kb.errors import InvalidInput
from kb.insight import kept_commands
from kb.insight.export import TABLES, Cell, Row, csv_rows, csv_text
from kb.progress import Bar

USUAL_DAYS = 30
DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.group()
def tickets() -> None:
    """Tickets that other systems opened."""


@tickets.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--source", default="csv", show_default=True, help="The system they come from.")
@click.option("--timezone", default="", help="Zone of times that name none: Europe/Madrid.")
def tickets_import(file: Path, source: str, timezone: str) -> None:
    """Take tickets from a CSV FILE with the columns id, time, and email or user.

    Who read here and then wrote a mail did not find the answer. Ids taken before are left as they
    are, so a file may be taken again. Addresses are used to find the person and not kept.
    """
    from kb.insight.outside.bringing import bring
    from kb.insight.outside.reading import from_csv
    from kb.wiring import build

    now = datetime.now(UTC)
    found = from_csv(_text(file), now=now, zone=_zone(timezone))
    parts = build(load())
    parts.db.migrate()
    done = bring(parts.db, parts.settings, found, parts.matching(), source=source, now=now)
    click.echo(f"{done.new} new tickets, {done.known} known before.")
    click.echo(f"{done.matched} of the new ones matched to a reader.")


@click.group("report", invoke_without_command=True)
@click.option("--from", "first", type=DAY, help="First UTC day; usually 30 days ago.")
@click.option("--until", "last", type=DAY, help="Last UTC day; usually today.")
@click.option("--table", default="deflection", show_default=True, type=click.Choice([*TABLES]))
@click.option(
    "--format", "form", default="text", show_default=True,
    type=click.Choice(["text", "csv", "json"]),
)  # fmt: skip
@click.pass_context
def figures(
    ctx: click.Context, first: datetime | None, last: datetime | None, table: str, form: str
) -> None:
    """One table of the report, as on the page."""
    if ctx.invoked_subcommand:
        return
    header, *rows = _rows(first, last, table)
    if form == "csv":
        click.echo(csv_text([header, *rows]), nl=False)
    elif form == "json":
        told = [dict(zip(header, row, strict=True)) for row in rows]
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        for row in rows:
            click.echo(_line(dict(zip(header, row, strict=True))))


def _rows(first: datetime | None, last: datetime | None, table: str) -> list[Row]:
    from kb.insight.report import DateRange
    from kb.insight.reporting import report_beside
    from kb.wiring import build

    parts, now = build(load()), datetime.now(UTC)
    until = last.date() if last else now.date()
    span = DateRange(first.date() if first else until - timedelta(days=USUAL_DAYS - 1), until)
    found = report_beside(
        parts.db, span, k=parts.settings.k_anonymity, now=now, costs=parts.costs()
    )
    return csv_rows(found, table)


def _line(row: Mapping[Cell, Cell]) -> str:
    """Return a row as text: what it is, then what is known of it; definitions are left out."""
    told = {name: value for name, value in row.items() if value not in (None, "")}
    name = " · ".join(str(told.pop(key)) for key in ("group", "figure") if key in told)
    for key in ("definition", "definition_version", "code_version"):
        told.pop(key, None)
    return "  ".join(filter(None, [name, *(f"{key}={value}" for key, value in told.items())]))


@figures.command("rebuild")
def rebuild() -> None:
    """Judge every episode within the retention anew, and count every day anew.

    Episodes come from the raw events; older ones stay as they are, for their words are forgotten.
    Says how much differs from what was stored: nothing, unless the definitions have changed.
    """
    from kb.insight import closing
    from kb.wiring import build

    parts, now = build(load()), datetime.now(UTC)
    since = now - parts.settings.retention
    with Bar() as tell:
        done = closing.rebuild(parts.db, parts.settings, now, since=since, progress=tell)
    click.echo(f"{done.judged} episodes judged anew; {done.rows} rows differ from what was stored.")
    click.echo(f"{done.days} days counted anew; {done.days_differ} differ from what was kept.")


figures.add_command(kept_commands.note)
figures.add_command(kept_commands.kept)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise InvalidInput(
            f"{file} cannot be read: {problem}.", "Save it as CSV in UTF-8."
        ) from None


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        raise InvalidInput(
            f"There is no time zone {name!r}.", "Write it as Europe/Madrid."
        ) from None
