"""`kb tickets`: tickets from other systems in.

Promises that a file is taken as a whole or not at all.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from kb.config import load
from kb.errors import InvalidInput


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
