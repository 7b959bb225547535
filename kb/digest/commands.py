"""`kb report digest`: the weekly letter by hand.

Promises that a dry run sends nothing, and that who was sent a week's letter is not sent it again.
"""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kb.config.settings import load
from kb.errors import ConfigError, InvalidInput

if TYPE_CHECKING:
    from kb.digest.sending import Weekly
    from kb.digest.week import Week


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
    from kb.digest.week import Week
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
    """Print the letter's text, or write its HTML."""
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
