"""The command line: `kb serve` and everything beside it.

A refusal is one sentence and a hint, with an exit code of its own (kb.errors). Long work shows a
progress bar, and nothing heavy is imported before it is needed.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click

from kb import logs
from kb.accounts.roles import Role, audiences
from kb.cli import authoring
from kb.cli.check import check
from kb.cli.demo import demo
from kb.cli.import_ import bring_in
from kb.cli.mail import mail
from kb.cli.previews import previews
from kb.cli.privacy import forget, privacy
from kb.cli.publish import publish, publish_now, report
from kb.cli.report import digest, figures
from kb.cli.tickets import tickets
from kb.cli.user import user
from kb.config.settings import Settings, load
from kb.config.settings import sample as sample_settings
from kb.config.settings import shown as shown_settings
from kb.content.sources.combined import shortened
from kb.data_folder import keep_new_files_private, keep_private, keep_temporary_files
from kb.errors import NotAllowed, ProductError
from search.errors import SearchError

FOR_AUTHORS = frozenset({"new", "import"})  # these write articles, which others may read


class _Refusals(click.Group):
    """A command group that prints a refusal as two lines and ends with its exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (ProductError, SearchError) as problem:
            click.echo(f"Error: {problem.message}", err=True)
            if problem.hint:
                click.echo(problem.hint, err=True)
            ctx.exit(getattr(problem, "exit_code", 1))


@click.group(cls=_Refusals, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tier-zero")
@click.pass_context
def main(context: click.Context) -> None:
    """Tier Zero: a knowledge base that finds the answer and knows when it cannot."""
    context.obj = _giving_back
    if context.invoked_subcommand not in FOR_AUTHORS:
        keep_new_files_private()
    logs.configure()


def _giving_back(now: datetime) -> Any:
    """Return what puts the tickets of an account that can work none any more back in the queue."""
    from kb.tickets.store import giving_back

    return giving_back(now)


@main.command()
def serve() -> None:
    """Index what is new, then serve the site and do the periodic work beside it."""
    from kb.server.run import run
    from kb.server.startup_page import Starting

    settings = load()
    logs.configure(settings.log_level, settings.log_format)
    with Starting(settings) as starting:
        keep_temporary_files(settings.data)
        starting.progress("migrate", 0, 1)
        _migrate(settings)
        _publish_or_keep(settings, starting.progress)
    click.echo(f"Serving on {settings.own_address} (Ctrl-C stops)", err=True)
    run(settings, starting.listener)


def _publish_or_keep(settings: Settings, progress: Callable[[str, int, int], None]) -> None:
    """Publish what is new; when that fails, say so and go on with what was published before."""
    try:
        report(publish_now(also=progress))
    except (ProductError, SearchError) as problem:
        from search.index.generation import open_current

        try:
            live = open_current(settings.generations)
        except SearchError:
            raise problem from None
        click.echo(f"Not published: {problem}", err=True)
        click.echo(f"Serving what was published before ({shortened(live.commit)}).", err=True)


def _migrate(settings: Settings) -> None:
    from kb.database import Database

    keep_private(settings.data)
    database = Database(settings.database)
    try:
        database.migrate()
    finally:
        database.close()


@main.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    _migrate(load())
    click.echo("The database has the newest schema.")


@main.command()
@click.option("--once", is_flag=True, help="One round, then end.")
@click.option("--parent", default=0, hidden=True, help="End when this process is gone.")
def worker(once: bool, parent: int) -> None:
    """Do the periodic work: episodes, policies, escalation, mail, purge."""
    from kb.scheduler import Worker
    from kb.services import build

    settings = load()
    logs.configure(settings.log_level, settings.log_format)
    keep_temporary_files(settings.data)
    _migrate(settings)
    work = Worker(build(settings))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: work.stop.set())
    if not once:
        work.run(parent)
    elif failed := work.once():
        raise ProductError(
            f"Not every job was done: {', '.join(failed)}.",
            "The lines above say why; the next round tries again.",
        )


@main.command()
@click.argument("words", nargs=-1, required=True)
@click.option("--limit", default=5, show_default=True, type=click.IntRange(1, 50))
@click.option("--language", multiple=True, help="Only articles in this language.")
@click.option(
    "--role", type=click.Choice([r.value for r in Role]), default="anonymous", show_default=True
)
@click.option("--explain", is_flag=True, help="Show the parts of each score.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def search(
    words: tuple[str, ...],
    limit: int,
    language: tuple[str, ...],
    role: str,
    explain: bool,
    as_json: bool,
) -> None:
    """Search the published articles; nothing is recorded."""
    from kb.publishing.live_library import LiveLibrary
    from kb.services import open_engine
    from search.types import Query

    engine = open_engine(load())
    query = Query(
        text=" ".join(words),
        audiences=audiences(Role(role)),
        languages=frozenset(language),
        limit=limit,
    )
    found, library = engine.search(query), LiveLibrary(engine)()
    rows = [
        {
            "rank": rank,
            "slug": hit.id,
            "title": article.title,
            "section": hit.heading,
            "score": round(hit.score, 4),
            "parts": {name: round(value, 4) for name, value in hit.parts.items()},
        }
        for rank, hit in enumerate(found.hits, start=1)
        if (article := library.get(hit.id))
    ]
    if as_json:
        facts = {"mode": found.mode, "degraded": found.degraded, "total": found.total}
        facts |= {"confidence": round(found.confidence, 4), "answerable": found.answerable}
        click.echo(json.dumps(facts | {"hits": rows}, ensure_ascii=False, indent=2))
        return
    _print_hits(rows, found, explain=explain)


def _print_hits(rows: list[dict[str, Any]], found: Any, *, explain: bool) -> None:
    if found.degraded:
        click.echo(f"Words only: {found.degraded}", err=True)
    if found.corrected:
        click.echo(f"Searched for: {found.searched_for}", err=True)
    if not found.answerable:
        click.echo("Nothing clearly answers this.", err=True)
    for row in rows:
        section = f" · {row['section']}" if row["section"] else ""
        click.echo(f"{row['rank']:>2}. {row['title']}{section}")
        click.echo(f"    {row['slug']}  {row['score']:.3f}")
        if explain:
            parts = ", ".join(f"{name} {value:.3f}" for name, value in row["parts"].items())
            click.echo(f"    {parts}")
    click.echo(f"{found.total} articles, confidence {found.confidence:.2f}", err=True)


@main.command()
@click.option("--since", default="", metavar="DAY|SPAN", help="2026-03-01, or 7d: only later ones.")
@click.option("--dry-run", is_flag=True, help="Write nothing and tell nobody.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.option("--patch", is_flag=True, help="Print answered questions as a patch of the articles.")
def replay(since: str, dry_run: bool, form: str, patch: bool) -> None:
    """Ask failed searches again of what is live: what is answered, by which commit."""
    from kb.cli.replay import ReplayOptions, show, show_patch
    from kb.leases import hold, of_process, release
    from kb.scheduler import LEASE
    from kb.services import build

    settings, now = load(), datetime.now(UTC)
    _migrate(settings)
    parts = build(settings)
    parts.library()  # without articles there is nothing to ask
    if patch:
        return show_patch(parts.settings, parts.db, parts.library(), now)
    wanted, mine = ReplayOptions(since, dry_run, form), of_process()
    if dry_run:
        return show(parts.replaying, wanted, now)
    if not hold(parts.db, "answers", owner=mine, now=now, ttl=LEASE):
        raise NotAllowed("A worker asks them at this moment.", "See what came of it in a minute.")
    try:
        return show(parts.replaying, wanted, now)
    finally:
        release(parts.db, "answers", owner=mine)


@main.command()
def purge() -> None:
    """Forget what is older than the retention now, rather than within the hour."""
    forget(dry_run=False)


@main.group()
def config() -> None:
    """The settings."""


@config.command("show")
def config_show() -> None:
    """Every setting with its value; secrets are hidden."""
    for row, value in shown_settings(load()):
        click.echo(f"{row.name:<22} {value:<28} {row.help}")


@config.command("sample")
def config_sample() -> None:
    """A settings file with every setting and its default, commented out."""
    click.echo(sample_settings(), nl=False)


main.add_command(user)
main.add_command(mail)
main.add_command(privacy)
main.add_command(tickets)
main.add_command(figures)
figures.add_command(digest)
main.add_command(publish)
main.add_command(demo)
main.add_command(previews)
main.add_command(check)
main.add_command(bring_in)
for command in authoring.COMMANDS:
    main.add_command(command)
