"""Answered questions offered as must-find tests: a patch to the articles' front matter.

Promises a diff that `git apply` takes at the top of the repository, made against the commit that is
live, and that an article whose front matter cannot be edited for certain is named instead. Writes
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import unified_diff

from kb.config.settings import Settings
from kb.content.article import Article
from kb.content.frontmatter.editing import with_answers
from kb.content.library import Library
from kb.content.paths import mount_of
from kb.content.sources.git import GitSource
from kb.content.sources.source import Source
from kb.database import Database
from kb.errors import ContentError
from kb.gaps.answers import store
from kb.gaps.answers.summary import Brought
from kb.gaps.answers.summary import brought as summed
from kb.publishing.state import open_articles

SPAN = timedelta(days=90)
MOST = 10  # questions for one article: each is a test that runs at every check


@dataclass(frozen=True, slots=True)
class Proposal:
    """The patch ("" where there is nothing to add), and the paths of articles left out of it."""

    patch: str
    articles: int
    left_out: tuple[str, ...] = ()


def brought(db: Database, now: datetime, *, k: int) -> tuple[Brought, ...]:
    """Return what commits of the last 90 days answered, the latest first."""
    with db.read() as connection:
        rows = store.answered(connection, now - SPAN)
    return summed(rows, k=k)


def proposal(settings: Settings, library: Library, answered: Iterable[Brought]) -> Proposal:
    """Return the patch that adds what articles answer to their front matter."""
    wanted = _wanted(library, answered)
    try:
        source = open_articles(settings, "" if _is_folder(library) else library.commit)
    except ContentError:
        return Proposal("", 0, tuple(sorted(library.articles[slug].path for slug in wanted)))
    try:
        found = [
            (library.articles[slug].path, _diff(source, library.articles[slug], questions))
            for slug, questions in sorted(wanted.items())
        ]
    finally:
        source.close()
    return Proposal(
        "".join(diff for _, diff in found if diff),
        sum(bool(diff) for _, diff in found),
        tuple(path for path, diff in found if not diff),
    )


def _wanted(library: Library, answered: Iterable[Brought]) -> dict[str, list[str]]:
    """Return the questions that each article does not name yet, by slug."""
    wanted: dict[str, list[str]] = {}
    for each in answered:
        if (article := library.get(each.article)) is not None:
            new = [q.words for q in each.questions if q.words not in article.answers]
            wanted.setdefault(each.article, []).extend(new)
    return {slug: questions[:MOST] for slug, questions in wanted.items() if questions}


def _lines(text: str) -> list[str]:
    """Return the lines as Git counts them, with their ends."""
    return re.findall(r"[^\n]*\n|[^\n]+\Z", text)


def _is_folder(library: Library) -> bool:
    return library.commit.startswith("folder-")


def _diff(source: Source, article: Article, questions: list[str]) -> str:
    """Return the diff of one file, "" where it cannot be edited."""
    blob = source.files().get(article.path)
    try:
        before = blob.read().decode("utf-8") if blob else ""
    except (OSError, UnicodeDecodeError):
        return ""
    after = with_answers(before, questions)
    if after is None:
        return ""
    inside = source.inside if isinstance(source, GitSource) else ""
    own = article.path.removeprefix(mount_of(article.path))  # a patch is for its own repository
    path = f"{inside}/{own}" if inside else own
    head = f"diff --git a/{path} b/{path}\n"
    lines = unified_diff(_lines(before), _lines(after), f"a/{path}", f"b/{path}")
    return head + "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )
