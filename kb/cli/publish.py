"""`kb publish`: make the articles live, roll back, go forward, list what is kept.

What it prints is what readers find; a refusal says what to do.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from kb.config.settings import load
from kb.content.sources.combined import shortened
from kb.data_folder import keep_private
from kb.progress import ProgressBar

if TYPE_CHECKING:
    from kb.publishing.publisher import Progress, Published


@click.command()
@click.option("--strict", is_flag=True, help="Exit with 1 when anything is wrong.")
@click.option("--force", is_flag=True, help="Publish although most articles would be gone.")
@click.option(
    "--rollback",
    "to",
    is_flag=False,
    flag_value="1",
    metavar="[N|COMMIT]",
    help="Go back N states (1 by default), or to a commit that is kept.",
)
@click.option("--forward", is_flag=True, help="End a rollback and publish what is newest.")
@click.option("--list", "listing", is_flag=True, help="List the states that are kept.")
def publish(strict: bool, force: bool, to: str | None, forward: bool, listing: bool) -> None:
    """Make the articles' present commit live, or go back to a state that was."""
    if sum((to is not None, forward, listing, force)) > 1:
        raise click.UsageError("Choose one of --force, --rollback, --forward and --list.")
    if listing:
        return show_kept()
    if to is not None:
        return roll_back(to)
    if forward:
        end_rollback()
    live = publish_now(force=force)
    report(live)
    if strict and live.problems:
        sys.exit(1)
    return None


def publish_now(*, force: bool = False, also: Progress | None = None) -> Published:
    """Publish, report progress to the terminal and to `also`, and return what is live then."""
    from kb.publishing.publisher import publish as run

    settings = load()
    keep_private(settings.data)
    with ProgressBar() as bar:

        def progress(stage: str, done: int, total: int) -> None:
            bar(stage, done, total)
            if also is not None:
                also(stage, done, total)

        return run(settings, progress=progress, retry=True, force=force, now=datetime.now(UTC))


def roll_back(to: str) -> None:
    """Roll back, and say what is live then and how to undo it."""
    from kb.publishing.rollback import roll_back as go_back

    chosen = go_back(load(), to)
    click.echo(f"Live now: {chosen.articles} articles at {shortened(chosen.commit)}.", err=True)
    click.echo("It stays until the articles change, or: kb publish --forward", err=True)


def end_rollback() -> None:
    """End a rollback, saying so when there was none."""
    from kb.publishing.rollback import go_forward

    if not go_forward(load()):
        click.echo("There was no rollback to end.", err=True)


def show_kept() -> None:
    """Print each generation that is kept: newest first, the live one marked."""
    from kb.publishing.rollback import kept_generations

    for state in kept_generations(load()):
        mark = "*" if state.live else " "
        built = f"{state.built:%Y-%m-%d %H:%M} UTC"
        tail = "  live, rolled back" if state.pinned else "  live" if state.live else ""
        click.echo(
            f"{mark} {state.generation}  {shortened(state.commit)}  {built}  "
            f"{state.articles} articles{tail}"
        )


def report(live: Published) -> None:
    """Say what is live and what could not be published as it stands."""
    word = "Published" if live.changed else "Live already"
    click.echo(f"{word}: {live.articles} articles at {shortened(live.commit)}.", err=True)
    if live.pinned:
        click.echo("That is a rollback; to end it: kb publish --forward", err=True)
    if live.unfetched:
        click.echo(live.unfetched, err=True)
    for problem in live.problems[:20]:
        place = f"{problem.path}:{problem.line}" if problem.line else problem.path
        click.echo(f"  {place}: {problem.message} {problem.hint}", err=True)
    if len(live.problems) > 20:
        click.echo(f"  and {len(live.problems) - 20} more: kb check", err=True)
    if live.degraded:
        click.echo(f"Searching by words only: {live.degraded}", err=True)
