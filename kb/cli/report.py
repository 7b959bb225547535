"""`kb report`: figures, annotations, snapshots and the weekly digest.

Figures are those of the pages, and a note is accepted by the rules of its page. A dry run of the
digest sends nothing, and nobody is sent the digest of a week twice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kb.analytics.date_ranges import RANGES, asked_range
from kb.config.demo_marker import SAYS
from kb.config.settings import load
from kb.errors import ConfigError, InvalidInput
from kb.progress import ProgressBar
from kb.reports.pages import PAGES, TABLES, page_of, table_of
from kb.table import Cell, Table, csv_text, json_rows

if TYPE_CHECKING:
    from kb.reports.digest.content import Week
    from kb.reports.digest.jobs import Weekly


# -- `kb report note` and `kb report kept` --


DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.command("note")
@click.argument("text")
@click.option("--day", type=DAY, required=True, help="The UTC day, or the first of several.")
@click.option("--until", "last", type=DAY, help="The last of several days.")
def note(text: str, day: datetime, last: datetime | None) -> None:
    """Note beside reports what happened on a day: a release, an outage, a campaign."""
    from kb.reports import annotations as reports_annotations
    from kb.reports.model import written
    from kb.services import build

    form = {"text": text, "day": day.date().isoformat()}
    form |= {"last": last.date().isoformat()} if last else {}
    try:
        what = written(form)
    except InvalidInput as problem:
        said = " ".join(problem.fields.values())
        raise InvalidInput(problem.message, said) from None
    with closing(build(load()).db) as db:
        db.migrate()
        made = reports_annotations.note(db, what, by="", now=datetime.now(UTC))
    days = f"{made.first}" if made.first == made.last else f"{made.first} to {made.last}"
    click.echo(f"Noted on {days}: {made.text}")


@click.command("kept")
def kept() -> None:
    """List the kept reports, the newest first: address, days, when it was kept, title."""
    from kb.reports.snapshots import kept_reports
    from kb.services import build

    with closing(build(load()).db) as db:
        db.migrate()
        found = kept_reports(db)
    for each in found:
        days = f"{each.range.first} to {each.range.last}"
        click.echo(f"/reports/kept/{each.id}  {days}  {each.at:%Y-%m-%d %H:%M} UTC  {each.title}")
    if not found:
        click.echo("No report is kept.", err=True)


# -- `kb report digest` --


@click.command()
@click.option("--week", "name", metavar="2026-W46", help="Usually the last that is settled.")
@click.option("--dry-run", is_flag=True, help="Print the letter and send nothing.")
@click.option(
    "--html",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the letter's HTML to a file and send nothing.",
)
def digest(name: str | None, dry_run: bool, file: Path | None) -> None:
    """Send the weekly digest to the addresses of the setting digest_to, once each.

    `kb worker` does so by itself every Tuesday at 6:00 UTC, when Sunday's outcomes are final.
    """
    from kb.reports.digest.content import Week
    from kb.services import build

    parts, now = build(load()), datetime.now(UTC)
    with closing(parts.db) as db:
        db.migrate()
        weekly = parts.weekly()
        week = Week.parse(name) if name else weekly.settled(now)
        if dry_run or file:
            _show(weekly, week, file, now)
        else:
            _send(weekly, week, now)


def _send(weekly: Weekly, week: Week, now: datetime) -> None:
    if not weekly.addresses:
        raise ConfigError("Nobody gets the digest.", "Set digest_to to the addresses that do.")
    if week > weekly.settled(now):
        due = week.due(weekly.waits)
        raise InvalidInput(
            f"The figures of {week.name} are not final before {due:%Y-%m-%d %H:%M} UTC.",
            "Add --dry-run to see them as they are now.",
        )
    sent = weekly.send(week, now)
    for address in sent:
        click.echo(address)
    click.echo(f"{week.name}: {len(sent)} letters put into the outbox.", err=True)


def _show(weekly: Weekly, week: Week, file: Path | None, now: datetime) -> None:
    """Print the email's text, or write its HTML."""
    if week > week.of(now.date()):
        raise InvalidInput(f"{week.name} has not begun.")
    written = weekly.letter(week, now)
    if file is None:
        click.echo(f"Subject: {written.subject}\n\n{written.text}", nl=False)
        return
    try:
        file.write_text(written.html, encoding="utf-8")
    except OSError as problem:
        raise InvalidInput(f"{file} cannot be written: {problem.strerror}.") from None
    click.echo(f"{written.subject}: {file}", err=True)


# -- `kb report` and `kb report rebuild` --


USUAL = timedelta(days=29)  # before the last day, where only that is given
_LEFT_OUT = ("definition", "definition_version", "code_version")


@click.group("report", invoke_without_command=True)
@click.option("--from", "first", type=DAY, help="First UTC day; usually 30 days ago.")
@click.option("--until", "last", type=DAY, help="Last UTC day; usually today.")
@click.option("--range", "named", type=click.Choice([*RANGES]), help="A range by name instead.")
@click.option("--table", default="deflection", show_default=True, type=click.Choice([*TABLES]))
@click.option(
    "--format",
    "form",
    default="text",
    show_default=True,
    type=click.Choice(["text", "csv", "json"]),
)
@click.option(
    "--xlsx",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write all tables of --page to this workbook.",
)
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
        from kb.reports.pages import page_workbook

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
    """Return a row as text: its name, then what is known of it; definitions are left out."""
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


figures.add_command(note)
figures.add_command(kept)
