"""`kb gaps`: what people looked for and did not find, as a list, JSON or CSV.

It shows what the pages for support leads show; `--rebuild` groups everything anew.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import click

from kb.config.settings import Settings
from kb.database import Database, open_record
from kb.gaps.export import csv_rows, json_rows
from kb.gaps.model import Gap
from kb.gaps.service import GapFilter, Listing, listing, name_of
from kb.table import csv_text


def show(settings: Settings, wanted: GapFilter, *, rebuild: bool, form: str, now: datetime) -> None:
    """Print the gaps; `form` is "text", "json" or "csv"."""
    db = open_record(settings)
    try:
        if rebuild:
            _rebuild(settings, db, now)
        found = listing(db, wanted, k=settings.k_anonymity, now=now)
    finally:
        db.close()
    if form == "json":
        click.echo(json.dumps(json_rows(found), ensure_ascii=False, indent=2))
    elif form == "csv":
        click.echo(csv_text(csv_rows(found)), nl=False)
    else:
        _print(found)


def _rebuild(settings: Settings, db: Database, now: datetime) -> None:
    from kb.gaps.jobs import Grouping
    from kb.publishing.publisher import open_encoder

    def opened() -> Any:
        return open_encoder(settings) if settings.semantic else None

    done = Grouping(db, opened, k=settings.k_anonymity).run(now, anew=True)
    click.echo(f"{done.searches} failed searches: {done.gaps} gaps.", err=True)
    if done.without:
        click.echo(f"Grouped by words alone: {done.without}", err=True)
    _diagnose(settings, db, opened, now)


def _diagnose(settings: Settings, db: Database, opened: Any, now: datetime) -> None:
    """Diagnose why searches failed, where articles are published here."""
    from kb.gaps.diagnosis_jobs import Diagnosing
    from kb.gaps.unpublished import quiet_engine
    from kb.publishing.live_library import LiveLibrary
    from search.errors import SearchError

    library = LiveLibrary(quiet_engine(settings.generations, None))
    look = Diagnosing(
        db,
        settings.generations,
        library,
        opened,
        root=settings.data / "beyond",
        k=settings.k_anonymity,
        episode_gap=settings.episode_gap,
    )
    try:
        look.run(now)
    except SearchError as problem:
        click.echo(f"Causes were not looked for: {problem.message}", err=True)


def _print(found: Listing) -> None:
    for gap in found.gaps:
        click.echo(f"{gap.number:>3}. {name_of(gap)}  ({_counts(gap)})")
    if found.small:
        searches = f"{found.small_searches} searches"
        click.echo(f"And {found.small} with fewer than {found.k} people ({searches}).", err=True)
    if found.held is not None:
        click.echo(f"The ten largest hold {found.held:.0%} of failed searches.", err=True)
    if found.gaps:
        number = found.gaps[0].number
        click.echo(f"Begin an article on one: kb new --gap {number} --collection …", err=True)
    elif found.grouped_at is None:
        click.echo("Nothing is grouped yet; `kb gaps --rebuild` does it now.", err=True)
    else:
        click.echo(f"There is no such gap with {found.k} people or more.", err=True)


def _counts(gap: Gap) -> str:
    counts = [f"{gap.people} people", f"{gap.searches} searches"]
    if gap.tickets:
        counts.append(f"{gap.tickets} tickets")
    if gap.cause:
        counts.append(gap.cause.replace("_", " "))
    return ", ".join(counts)
