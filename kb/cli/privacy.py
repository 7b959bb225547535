"""`kb privacy`: what is held, what would be stored, and one person's data exported or erased.

Nothing is changed without being asked for, and what is printed about an erasure names nobody.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from kb.config.settings import Settings, load
from kb.errors import InvalidInput, StoreError

if TYPE_CHECKING:
    from kb.database import Database
    from kb.privacy.model import Who


@click.group()
def privacy() -> None:
    """What is held on people, and for how long."""


def _database(settings: Settings) -> Database:
    from kb.database import Database

    database = Database(settings.database)
    database.migrate()
    return database


def _now() -> datetime:
    return datetime.now(UTC)


@privacy.command("report")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def report(as_json: bool) -> None:
    """Figures: what is held, since when, and what was hidden before it was stored."""
    from kb.privacy.model import as_json as jsonable
    from kb.privacy.model import as_text
    from kb.privacy.overview import figures

    settings = load()
    found = figures(_database(settings), settings, _now())
    click.echo(json.dumps(jsonable(found), indent=2) if as_json else as_text(found))


@privacy.command("check")
@click.argument("text")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(text: str, as_json: bool) -> None:
    """Show what would be stored of TEXT (- reads lines from standard input), and by which rule."""
    from kb.redaction.redactor import redactor
    from kb.searches.service import storable_words
    from kb.tracking.query_text import LONGEST_WORDS

    redact = redactor(load().redact_patterns)
    lines = sys.stdin.read().splitlines() if text == "-" else [text]
    for line in lines:
        stored, counts = storable_words(line, LONGEST_WORDS, redact)
        found = redact.explained(line).findings
        rules = [{"rule": each.rule, "kind": each.kind, "hidden": each.text} for each in found]
        if as_json:
            row = {"stored": stored, "redacted": counts, "rules": rules}
            click.echo(json.dumps(row, ensure_ascii=False))
            continue
        click.echo(stored)
        for each in rules:
            click.echo(f"  [{each['kind']}] by the rule {each['rule']}: {each['hidden']}", err=True)


@privacy.command("purge")
@click.option("--dry-run", is_flag=True, help="Say what is due and change nothing.")
def purge(dry_run: bool) -> None:
    """Forget what is older than the retention now, rather than within the hour."""
    forget(dry_run=dry_run)


def forget(*, dry_run: bool) -> None:
    """Delete what is past its retention and print how many rows; with `dry_run` only count."""
    from kb.privacy import retention as privacy_retention

    settings = load()
    database, now, retention = _database(settings), _now(), settings.retention
    spool = settings.data / "spool"
    if dry_run:
        due = privacy_retention.due(database, settings, now, retention=retention, spool=spool)
        return _counts("Due to be forgotten", due)
    done = privacy_retention.purge(database, settings, now, retention=retention, spool=spool)
    _counts("Forgotten", done)
    _say_wiped(wiped=database.scrub())


def _say_wiped(*, wiped: bool) -> None:
    if not wiped:
        raise StoreError(
            "The words are out of every table, but still in the database's files: another process "
            "reads an older state, or the disk is full.",
            "End what reads the database for so long, then run the same again.",
        )


def _counts(what: str, counts: dict[str, int]) -> None:
    some = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    click.echo(f"{what}: {some or 'nothing'}.")


def _whom(command: Any) -> Any:
    """Add the three options that name a person."""
    for option in (
        click.option("--link", default="", help="Who has this private link or ticket number."),
        click.option("--user", default="", help="The account with this id."),
        click.option("--email", default="", help="The person with this address."),
    ):
        command = option(command)
    return command


def _who(database: Database, email: str, user: str, link: str) -> Who | None:
    """Return the person meant; None for a ticket that does not exist (any more)."""
    from kb.privacy.model import Who
    from kb.privacy.store import ticket_by
    from kb.tickets.model import parse_number
    from kb.tickets.requester_store import link_digest

    if sum(map(bool, (email, user, link))) != 1:
        raise InvalidInput("Say whom you mean.", "Give one of --email, --user and --link.")
    if not link:
        return Who(email=email, user_id=user)
    with database.read() as connection:
        try:
            ticket_id = ticket_by(connection, number=parse_number(link))
        except InvalidInput:
            token = link.rstrip("/").rpartition("/")[2].partition("?")[0]
            ticket_id = ticket_by(connection, digest=link_digest(token))
    return Who(ticket_id=ticket_id) if ticket_id else None


@privacy.command("export")
@_whom
@click.option("--notes", is_flag=True, help="Also what staff wrote for themselves.")
def export(email: str, user: str, link: str, notes: bool) -> None:
    """Print everything held on one person as JSON."""
    from kb.connectors.files import FOLDER
    from kb.privacy.export import document

    settings = load()
    database = _database(settings)
    who = _who(database, email, user, link)
    if who is None:
        raise InvalidInput("This link or number leads to no ticket.", "Check it and try again.")
    mail, site = settings.data / FOLDER, settings.site_name
    found = document(database, who, site=site, now=_now(), notes=notes, mail=mail)
    click.echo(json.dumps(found, ensure_ascii=False, indent=2))


@privacy.command("erase")
@_whom
@click.option("--dry-run", is_flag=True, help="Say what would go and change nothing.")
@click.option("--with-open", is_flag=True, help="Close their open tickets and erase them too.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase(email: str, user: str, link: str, dry_run: bool, with_open: bool, yes: bool) -> None:
    """Erase one person for good; figures of the past stay as they are."""
    from kb.privacy.erasure import erase as erase_person

    settings = load()
    database = _database(settings)
    who = _who(database, email, user, link)
    if who is None:
        click.echo("Nothing is held.")
        return _say_wiped(wiped=dry_run or database.scrub())
    if not dry_run and not yes:
        click.confirm("This cannot be undone. Erase?", abort=True)
    spool = settings.data / "spool"
    done = erase_person(database, spool, who, now=_now(), dry_run=dry_run, also_open=with_open)
    if done.nothing:
        click.echo("Nothing is held.")
    else:
        _counts("Would be erased" if dry_run else "Erased", done.counts)
    _say_wiped(wiped=done.wiped)
