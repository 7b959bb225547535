"""Tasks that articles need from their authors, the most urgent first.

Tasks are derived from what is published and from readers' votes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from kb.content.article import Article
from kb.content.library import Library

# A review is announced this long before its due date.
NOTICE = timedelta(days=14)


class TaskKind(StrEnum):
    """Why something is to be done, the most urgent first."""

    REFUSED = "refused"  # the newest version is not shown
    OVERDUE = "overdue"
    VOTED_DOWN = "voted-down"
    TRANSLATION = "translation"
    PROBLEM = "problem"
    DUE_SOON = "due-soon"


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to do; `line` is in the source file, None where no single line is meant."""

    kind: TaskKind
    slug: str
    title: str
    path: str
    what: str
    line: int | None = None


def tasks(
    library: Library,
    kept: Iterable[Article],
    reasons: Mapping[str, Mapping[str, int]],
    *,
    today: date,
    language: str,
) -> tuple[Task, ...]:
    """Return the tasks for the articles in `kept`. `reasons` counts negative votes by article and
    reason; `language` is the one that articles are first written in.
    """
    rows = [
        task
        for article in kept
        for task in (
            *_review(article, today),
            *_votes(article, reasons.get(article.slug, {})),
            *_translation(library, article, language),
            *_problems(library, article),
        )
    ]
    order = {kind: number for number, kind in enumerate(TaskKind)}
    return tuple(sorted(rows, key=lambda task: (order[task.kind], task.slug, task.line or 0)))


def _problems(library: Library, article: Article) -> Iterator[Task]:
    for problem in library.problems:
        if problem.path == article.path:
            kind = TaskKind.REFUSED if problem.refused else TaskKind.PROBLEM
            what = f"{problem.message} {problem.hint}".strip()
            yield _task(kind, article, what, line=problem.line)


def _review(article: Article, today: date) -> Iterator[Task]:
    due = article.review_by
    if due is None or due > today + NOTICE:
        return
    if due < today:
        yield _task(TaskKind.OVERDUE, article, f"It was to be checked by {due.isoformat()}.")
    else:
        yield _task(TaskKind.DUE_SOON, article, f"Check it by {due.isoformat()}.")


def _votes(article: Article, reasons: Mapping[str, int]) -> Iterator[Task]:
    for reason, count in sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0])):
        people = "1 person" if count == 1 else f"{count} people"
        yield _task(TaskKind.VOTED_DOWN, article, f"{people}: {reason or 'no reason given'}")


def _translation(library: Library, article: Article, language: str) -> Iterator[Task]:
    """Yield a task if the original was changed on a later day than this translation."""
    group = library.translations.get(article.slug, {})
    named = library.resolve(article.translation_of) if article.translation_of else ""
    original = library.get(named or group.get(language, ""))
    if original is None or original.slug == article.slug:
        return
    if not original.changed_at or not article.changed_at:
        return
    if original.changed_at.date() > article.changed_at.date():
        day = original.changed_at.date().isoformat()
        yield _task(TaskKind.TRANSLATION, article, f"“{original.title}” was changed on {day}.")


def _task(kind: TaskKind, article: Article, what: str, *, line: int | None = None) -> Task:
    return Task(kind, article.slug, article.title, article.path, what, line)


def owners(articles: Iterable[Article]) -> dict[str, int]:
    """Return the number of articles per owner, ordered by the owner's name."""
    counts: dict[str, int] = {}
    for article in articles:
        if article.owner:
            counts[article.owner] = counts.get(article.owner, 0) + 1
    return dict(sorted(counts.items(), key=lambda pair: pair[0].casefold()))


def belongs_to(article: Article, names: Iterable[str]) -> bool:
    """Return whether a person with one of these names owns the article or changed it last."""
    known = {name.casefold() for name in names if name}
    return article.owner.casefold() in known or article.changed_by.casefold() in known
