"""`kb tickets`: import tickets from other systems.

A file is imported as a whole or not at all.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from kb.config.settings import load
from kb.errors import InvalidInput
from kb.progress import ProgressBar


@click.group()
def tickets() -> None:
    """Tickets that other systems opened."""


@tickets.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--source", default="csv", show_default=True, help="The system they come from.")
@click.option("--timezone", default="", help="Zone of times that name none: Europe/Madrid.")
@click.option("--date-format", "form", default="", help="How dates are written: '%d.%m.%Y %H:%M'.")
@click.option("--encoding", default="", help="Of the file, where it cannot be told: cp1252.")
@click.option("--dry-run", is_flag=True, help="Say what would be taken, and take nothing.")
def tickets_import(
    file: Path, source: str, timezone: str, form: str, encoding: str, dry_run: bool
) -> None:
    """Take tickets from a CSV FILE with the columns id, time, and email or user.

    Who read here and then wrote a mail did not find the answer. Ids taken before are left as they
    are, so a file may be taken again. Addresses are used to find the person and not kept. The
    exports of OTRS, Znuny, GLPI, Zammad, osTicket, Zendesk, Freshdesk, Jira and ServiceNow are
    read as they are.
    """
    from kb.analytics.external_tickets import service
    from kb.analytics.external_tickets.csv_files import GUESSED, decoded, refuse_unsure, sheet
    from kb.analytics.external_tickets.reading import checked_format, from_csv
    from kb.services import build

    now = datetime.now(UTC)
    zone, form = _zone(timezone), checked_format(form, now)
    text, name = decoded(_bytes(file), encoding)
    read = sheet(text)
    found = from_csv(read, now=now, zone=zone, form=form)
    if name == GUESSED and not encoding:
        refuse_unsure(cell for one in found for cell in (one.id, one.email))
    click.echo(f"Read as {name}, {read.described}.")
    parts = build(load())
    parts.db.migrate()
    with ProgressBar() as progress:
        told: dict[str, Any] = {"source": source, "progress": progress}
        match, db = parts.matching(), parts.db
        if dry_run:
            done = service.preview_import(db, found, match, **told)
        else:
            done = service.import_tickets(db, parts.settings, found, match, now=now, **told)
    if found:
        first, last = min(one.at for one in found), max(one.at for one in found)
        click.echo(f"Opened from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC.")
    click.echo(f"{done.new} new tickets, {done.known} known before.")
    click.echo(f"{done.matched} of the new ones matched to a reader.")
    if done.early:
        click.echo(f"{done.early} are from before the first visit here: no figure changes by them.")
    if dry_run:
        click.echo("Nothing was taken: this was a dry run.")


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as problem:
        raise InvalidInput(f"{file} cannot be read: {problem.strerror}.") from None


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        raise InvalidInput(
            f"There is no time zone {name!r}.", "Write it as Europe/Madrid."
        ) from None
