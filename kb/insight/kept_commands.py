"""`kb report note` and `kb report kept`: what leads add to reports.

Promises that a note is taken by the rules of the page. Knows no figure.
"""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime

import click

from kb.config.settings import load
from kb.errors import InvalidInput

DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.command("note")
@click.argument("text")
@click.option("--day", type=DAY, required=True, help="The UTC day, or the first of several.")
@click.option("--until", "last", type=DAY, help="The last of several days.")
def note(text: str, day: datetime, last: datetime | None) -> None:
    """Note beside reports what happened on a day: a release, an outage, a campaign."""
    from kb.insight.notes import noting
    from kb.insight.notes.note import written
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
        made = noting.note(db, what, by="", now=datetime.now(UTC))
    days = f"{made.first}" if made.first == made.last else f"{made.first} to {made.last}"
    click.echo(f"Noted on {days}: {made.text}")


@click.command("kept")
def kept() -> None:
    """List the kept reports, the newest first: address, days, when it was kept, title."""
    from kb.insight.kept.keeping import kept_reports
    from kb.services import build

    with closing(build(load()).db) as db:
        db.migrate()
        found = kept_reports(db)
    for each in found:
        days = f"{each.range.first} to {each.range.last}"
        click.echo(f"/reports/kept/{each.id}  {days}  {each.at:%Y-%m-%d %H:%M} UTC  {each.title}")
    if not found:
        click.echo("No report is kept.", err=True)
