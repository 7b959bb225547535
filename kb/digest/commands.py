"""`kb report digest`: the weekly letter by hand.

Promises that a dry run sends nothing, and that who was sent a week's letter is not sent it again.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from kb.config import load
from kb.digest.sheet import Letter
from kb.errors import ConfigError, InvalidInput


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
    from kb.wiring import build

    parts, now = build(load()), datetime.now(UTC)
    parts.db.migrate()
    weekly = parts.weekly()
    week = Week.parse(name) if name else weekly.settled(now)
    if dry_run or file:
        if week > Week.of(now.date()):
            raise InvalidInput(f"{week.name} has not begun.")
        return _show(weekly.letter(week, now), file)
    if week > weekly.settled(now):
        due = week.due(weekly.waits)
        raise InvalidInput(
            f"The figures of {week.name} are not final before {due:%Y-%m-%d %H:%M} UTC.",
            "Add --dry-run to see them as they are now.",
        )
    if not weekly.addresses:
        raise ConfigError("Nobody gets the digest.", "Set digest_to to the addresses that do.")
    sent = weekly.send(week, now)
    for address in sent:
        click.echo(address)
    click.echo(f"{week.name}: {len(sent)} letters put into the outbox.", err=True)
    return None


def _show(written: Letter, file: Path | None) -> None:
    """Print the letter's text, or write its HTML."""
    if file is None:
        click.echo(f"Subject: {written.subject}\n\n{written.text}", nl=False)
        return
    try:
        file.write_text(written.html, encoding="utf-8")
    except OSError as problem:
        raise InvalidInput(f"{file} cannot be written: {problem.strerror}.") from None
    click.echo(f"{written.subject}: {file}", err=True)
