"""`kb replay`: replay failed searches against what is live, and show what is answered now.

Words are shown only where enough people used them, progress goes to standard error, and an
interruption loses nothing that was found.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click

from kb.config.settings import Settings
from kb.config.values import duration
from kb.content.library import Library
from kb.database import Database
from kb.errors import InvalidInput
from kb.gaps.answers.model import AnsweredSearch
from kb.gaps.answers.rules import AnswersOfArticle
from kb.gaps.answers.rules import answers_by_article as summed
from kb.gaps.answers.service import Replay, ReplayResult
from kb.gaps.fixes import proposal, recent_answers
from kb.gaps.jobs import bring_up_to_date
from kb.progress import ProgressBar


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """The options of the command: `since` as typed; `form` is "text" or "json"."""

    since: str = ""
    dry_run: bool = False
    form: str = "text"


def show(replaying: Replay, wanted: ReplayOptions, now: datetime) -> None:
    """Replay failed searches, and print what is answered by which commit."""
    since = _since(wanted.since, now)
    with ProgressBar() as bar:
        done = replaying.run(now, progress=bar, since=since, keep=not wanted.dry_run)
    if done.asked and not wanted.dry_run:
        bring_up_to_date(replaying.db, now)
    k = replaying.settings.k_anonymity
    found = summed(_rows(done, now), k=k)
    if wanted.form == "json":
        click.echo(json.dumps(_json(done, found), ensure_ascii=False, indent=2))
    else:
        _print(done, found, k)


def _since(text: str, now: datetime) -> datetime | None:
    """Return the time in the option, None where it is empty; InvalidInput when it is no time."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        pass
    try:
        return now - duration(text)
    except (ValueError, OverflowError):
        raise InvalidInput(
            f"--since cannot be {text!r}.", "Write a day as 2026-03-01, or a span as 7d."
        ) from None


def _rows(done: ReplayResult, now: datetime) -> list[AnsweredSearch]:
    return [
        AnsweredSearch(
            search_id=each.asked.id,
            visitor=each.asked.visitor,
            words=each.asked.words,
            words_key=each.asked.question.words_key,
            at=each.asked.at,
            answered_at=now,
            commit=each.answer.commit,
            article=each.answer.article,
        )
        for each in done.answered
        if not each.asked.by_subscription
    ]


def _json(done: ReplayResult, found: Sequence[AnswersOfArticle]) -> dict[str, Any]:
    return {
        "commit": done.commit,
        "asked": done.asked,
        "left": done.left,
        "answered": [
            {
                "commit": each.commit,
                "article": each.article,
                "people": each.people,
                "searches": each.searches,
                "questions": [{"words": q.words, "people": q.people} for q in each.questions],
                "others": each.others,
            }
            for each in found
        ],
    }


def _print(done: ReplayResult, found: Sequence[AnswersOfArticle], k: int) -> None:
    for each in found:
        click.echo(f"{each.commit[:12]}  {each.article}  ({each.people} people)")
        for question in each.questions:
            click.echo(f"    {question.words}  ({question.people} people)")
        if each.others:
            click.echo(f"    and {each.others} asked by fewer than {k} people each")
    click.echo(f"{done.asked} failed searches asked again of {done.commit[:12]}.", err=True)
    if done.left:
        click.echo(f"{done.left} are still to be asked: kb replay goes on.", err=True)
    if found:
        click.echo("Keep them answered: kb replay --patch | git apply", err=True)


def show_patch(settings: Settings, db: Database, library: Library, now: datetime) -> None:
    """Print the patch that makes answered questions must-find tests of their articles."""
    found = proposal(settings, library, recent_answers(db, now, k=settings.k_anonymity))
    click.echo(found.patch, nl=False)
    for path in found.left_out:
        click.echo(f"{path}: its front matter is for you to edit.", err=True)
    if not found.patch:
        click.echo("There is no answered question to add.", err=True)
