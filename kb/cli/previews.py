"""`kb previews`: private links to branches that are not published yet.

The branch is built before its link is printed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from kb.config.settings import load
from kb.content.sources.combined import shortened
from kb.errors import NotFound
from kb.progress import ProgressBar

if TYPE_CHECKING:
    from kb.services import Services


LINK = "/previews/open/{token}"  # kb.web.views.branch_previews serves it


@click.group()
def previews() -> None:
    """Show branches to who has the link, before they are published."""


@previews.command()
@click.argument("branch")
@click.option("--by", default="command line", show_default=True, help="Who shows it.")
def make(branch: str, by: str) -> None:
    """Show BRANCH (of a further repository: hr:BRANCH) and print its private link."""
    from kb.publishing.branch_previews import chosen, keep_up
    from kb.publishing.state import open_articles

    now = datetime.now(UTC)
    with _opened() as parts, ProgressBar() as bar:
        open_articles(chosen(parts.settings, branch)).close()
        preview = parts.previews.make(branch, by, now)
        state = keep_up(parts.settings, preview, progress=bar, now=now)
        click.echo(_link(parts, preview.id))
    told = shortened(state.commit) if state.commit else "nothing yet"
    until = f"{preview.expires_at:%Y-%m-%d}"
    click.echo(f"It shows {told} until {until}. {state.trouble}".rstrip(), err=True)


@previews.command("list")
def listing() -> None:
    """Print each branch that is shown, until when, and its link."""
    with _opened() as parts:
        for one in parts.previews.all(datetime.now(UTC)):
            until = f"{one.expires_at:%Y-%m-%d}"
            click.echo(f"{one.branch}  until {until}  {_link(parts, one.id)}")


@previews.command()
@click.argument("branch")
def end(branch: str) -> None:
    """Take back the link to BRANCH."""
    with _opened() as parts:
        found = [one for one in parts.previews.all(datetime.now(UTC)) if one.branch == branch]
        if not found:
            raise NotFound(f"The branch {branch} is not shown.", "See: kb previews list")
        parts.previews.end(found[0].id)
    click.echo(f"The link to {branch} has ended.", err=True)


@contextmanager
def _opened() -> Iterator[Services]:
    from kb.services import build

    parts = build(load())
    try:
        parts.db.migrate()
        yield parts
    finally:
        parts.db.close()


def _link(parts: Services, preview_id: str) -> str:
    return parts.settings.site_url.rstrip("/") + LINK.format(token=parts.previews.token(preview_id))
