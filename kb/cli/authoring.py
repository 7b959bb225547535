"""The commands for authors: new, gaps, schema, preview, diff.

They read their options and say what came of it; the work is done by modules that are imported when
they are needed.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from kb.config.settings import Settings, load
from kb.errors import InvalidInput

KINDS = ("how-to", "fix", "known-error", "reference", "policy")
LANGUAGES = ("en", "es")
STATUSES = ("open", "new", "assigned", "watching", "answered", "declined", "all")
CAUSES = (
    "typo",
    "wording",
    "ranks_low",
    "not_permitted",
    "language",
    "draft",
    "true_gap",
)
# Marks around removed words, then around added ones, as in `git diff --word-diff`.
PLAIN = ("[-", "-]", "{+", "+}")
COLOURED = ("\x1b[31m[-", "-]\x1b[0m", "\x1b[32m{+", "+}\x1b[0m")


@click.command()
@click.argument("name", default="", metavar="[SLUG-OR-TITLE]")
@click.option("--kind", type=click.Choice(KINDS), default="how-to", show_default=True)
@click.option("--collection", default="", help="The topic and folder; else the slug's folder.")
@click.option("--language", type=click.Choice(LANGUAGES), help="Else the setting language.")
@click.option("--title", default="", help="Else made of the slug.")
@click.option("--owner", default="", help="Else who keeps most articles of the collection.")
@click.option("--gap", type=click.IntRange(1), help="Answer this number of `kb gaps`.")
@click.option("--from-search", "searched", default="", help="Answer these words of a search.")
@click.option("--edit", is_flag=True, help="Open the file in $EDITOR.")
def new(**given: Any) -> None:
    """Begin an article: a draft with front matter and the sections of its kind."""
    from kb.authoring.new_article import ArticleKind, NewArticle, begin

    settings, now = load(), datetime.now(UTC)
    asked = _asked(settings, given["gap"], given["searched"])
    usual = settings.language if settings.language in LANGUAGES else "en"
    wanted = NewArticle(
        name=given["name"],
        title=given["title"] or ("" if given["name"] else asked.title),
        kind=ArticleKind(given["kind"]),
        collection=given["collection"],
        language=given["language"] or usual,
        owner=given["owner"],
        answers=asked.questions,
    )
    file = begin(settings.articles, wanted, now.date())
    if given["edit"]:
        click.edit(filename=str(file))
    _say_next(file, asked.questions)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The questions that the article is to answer, and a title from them."""

    title: str = ""
    questions: tuple[str, ...] = ()


def _asked(settings: Settings, number: int | None, words: str) -> _Asked:
    from kb.authoring.new_article import asked_in, title_of

    if number and words:
        raise InvalidInput("Give --gap or --from-search, not both.", "`kb gaps` lists the gaps.")
    if number:
        return _Asked(*asked_in(settings, number))
    return _Asked(title_of(words), (" ".join(words.split()),)) if words.strip() else _Asked()


def _say_next(file: Path, questions: tuple[str, ...]) -> None:
    click.echo(str(file))
    if questions:
        click.echo(f"It is to answer: {'; '.join(questions)}", err=True)
    click.echo(
        "It is a draft: no reader sees it. Write it, look at it with `kb preview`, read what\n"
        "`kb check` says, set “status: published”, then commit and push.",
        err=True,
    )


@click.command()
@click.option("--rebuild", is_flag=True, help="Group all failed searches anew first.")
@click.option("--format", "form", type=click.Choice(["text", "json", "csv"]), default="text")
@click.option("--status", type=click.Choice(STATUSES), default="open", show_default=True)
@click.option("--cause", type=click.Choice(CAUSES), help="Only this cause.")
@click.option("--language", default="", help="Only this language.")
def gaps(rebuild: bool, form: str, status: str, cause: str | None, language: str) -> None:
    """List what people searched for and did not find in the last 90 days, grouped by meaning."""
    from kb.cli.gaps import show
    from kb.gaps.service import GapFilter

    wanted = GapFilter(status=status, cause=cause or "", language=language)
    show(load(), wanted, rebuild=rebuild, form=form, now=datetime.now(UTC))


@click.command()
def schema() -> None:
    """Print the JSON Schema of front matter, for editors."""
    from kb.content.frontmatter.fields import schema_text

    click.echo(schema_text(), nl=False)


@click.command()
@click.option("--port", default=8001, show_default=True, type=click.IntRange(1, 65535))
@click.option("--open", "launch", is_flag=True, help="Open it in a browser.")
def preview(port: int, launch: bool) -> None:
    """Show the site with the articles as they lie on disk, and again after each save."""
    from kb.cli.preview import show

    def look(url: str) -> None:
        click.echo(f"Preview on {url} (Ctrl-C stops). Nothing is recorded.", err=True)
        if launch:
            click.launch(url)

    show(load(), port, look)


@click.command()
@click.argument("rev", default="HEAD")
@click.option(
    "--html", "page", type=click.Path(dir_okay=False, path_type=Path), help="Write a page."
)
def diff(rev: str, page: Path | None) -> None:
    """Show what readers would find changed: the files on disk against the commit REV."""
    from kb.authoring.diff import as_page, as_text, compared

    settings = load()
    changes = compared(settings.articles, rev, settings.language)
    if page is not None:
        page.write_text(as_page(changes, rev), encoding="utf-8")
        click.echo(str(page))
    else:
        marks = COLOURED if sys.stdout.isatty() else PLAIN
        for line in (line for each in changes for line in as_text(each, marks)):
            click.echo(line)
    click.echo(f"{len(changes)} articles differ from {rev}.", err=True)


COMMANDS = (new, gaps, schema, preview, diff)
