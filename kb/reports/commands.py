"""`kb report`: figures out, notes in, everything counted anew.

Promises that figures on the command line are those of the pages.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from kb.analytics.date_ranges import RANGES, asked_range
from kb.config.demo_marker import SAYS
from kb.config.settings import load
from kb.errors import InvalidInput
from kb.insight import kept_commands
from kb.progress import ProgressBar
from kb.reports.pages import PAGES, TABLES, page_of, table_of
from kb.table import Cell, Table, csv_text, json_rows

DAY = click.DateTime(formats=["%Y-%m-%d"])
USUAL = timedelta(days=29)  # before the last day, where only that is given
_LEFT_OUT = ("definition", "definition_version", "code_version")


@click.group("report", invoke_without_command=True)
@click.option("--from", "first", type=DAY, help="First UTC day; usually 30 days ago.")
@click.option("--until", "last", type=DAY, help="Last UTC day; usually today.")
@click.option("--range", "named", type=click.Choice([*RANGES]), help="A range by name instead.")
@click.option("--table", default="deflection", show_default=True, type=click.Choice([*TABLES]))
@click.option(
    "--format", "form", default="text", show_default=True,
    type=click.Choice(["text", "csv", "json"]),
)  # fmt: skip
@click.option(
    "--xlsx", type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write all tables of --page to this workbook.",
)  # fmt: skip
@click.option("--page", default="deflection", show_default=True, type=click.Choice([*PAGES]))
@click.pass_context
def figures(
    ctx: click.Context,
    first: datetime | None,
    last: datetime | None,
    named: str | None,
    table: str,
    form: str,
    xlsx: Path | None,
    page: str,
) -> None:
    """One table of the report, as on its page; or all of a page as a workbook."""
    if ctx.invoked_subcommand:
        return
    from kb.services import build

    parts, now = build(load()), datetime.now(UTC)
    parts.db.migrate()
    asked = {"range": named or ""}
    asked |= {key: day.date().isoformat() for key, day in (("from", first), ("until", last)) if day}
    if last and not first and not named:
        asked["from"] = (last.date() - USUAL).isoformat()
    span = asked_range(asked, now.date())
    if xlsx:
        from kb.reports.files import page_workbook

        made = page_of(page).make(parts.report_source(), span, now)
        mark = parts.settings.demonstration
        _write(xlsx, page_workbook(page_of(page), made, span, now, demonstration=mark))
        click.echo(f"{xlsx}: {len(made.tables)} tables.")
        return
    found = table_of(parts.report_source(), table, span, now)
    if parts.settings.demonstration:
        click.echo(SAYS, err=True)
    if form == "csv":
        click.echo(csv_text(found.rows()), nl=False)
    elif form == "json":
        click.echo(json.dumps(json_rows(found), ensure_ascii=False, indent=2))
    else:
        _say(found)


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as problem:
        raise InvalidInput(f"{file} cannot be written: {problem.strerror}.") from None


def _say(table: Table) -> None:
    for row in json_rows(table):
        click.echo(_line(row))
    if not table.lines:
        click.echo(table.empty)


def _line(row: Mapping[str, Cell]) -> str:
    """Return a row as text: what it is, then what is known of it; definitions are left out."""
    told = {name: value for name, value in row.items() if value not in (None, "")}
    name = " · ".join(str(told.pop(key)) for key in ("group", "figure") if key in told)
    for key in _LEFT_OUT:
        told.pop(key, None)
    return "  ".join(filter(None, [name, *(f"{key}={value}" for key, value in told.items())]))


@figures.command("rebuild")
def rebuild() -> None:
    """Judge every episode within the retention anew, and count every day anew.

    Episodes come from the raw events; older ones stay as they are, for their words are forgotten.
    Says how much differs from what was stored: nothing, unless the definitions have changed.
    """
    from kb.analytics import jobs as analytics_jobs
    from kb.services import build

    parts, now = build(load()), datetime.now(UTC)
    parts.db.migrate()
    since = now - parts.settings.retention
    with ProgressBar() as tell:
        done = analytics_jobs.rebuild(parts.db, parts.settings, now, since=since, progress=tell)
    click.echo(f"{done.judged} episodes judged anew; {done.rows} rows differ from what was stored.")
    click.echo(f"{done.days} days counted anew; {done.days_differ} differ from what was kept.")


figures.add_command(kept_commands.note)
figures.add_command(kept_commands.kept)
