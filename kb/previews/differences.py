"""What a branch would change for readers: its articles against the live ones; pure.

Promises each article that is new, different, gone or still a draft, once. Knows no Git.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from kb.content.article import Article, ArticleStatus
from kb.content.library import Library
from kb.content.problem import Problem

SHOWN = ("title", "html", "summary", "language", "collection", "audience", "answers", "keywords")


@dataclass(frozen=True, slots=True)
class Difference:
    """One article: `what` is "new", "changed" or "removed"; `draft` when publishing the branch
    would not show it, or not yet.
    """

    slug: str
    title: str
    what: str
    draft: bool = False


def differences(
    live: Library, branch: Library, audiences: Collection[str], now: datetime
) -> tuple[Difference, ...]:
    """Return what readers of these audiences would find changed, by slug."""
    before, after = _open(live, audiences), _open(branch, audiences)
    found = [Difference(slug, before[slug].title, "removed") for slug in before.keys() - after]
    for slug, article in after.items():
        old = before.get(slug)
        if old is None or any(getattr(old, name) != getattr(article, name) for name in SHOWN):
            what = "changed" if old else "new"
            found.append(Difference(slug, article.title, what, is_draft(article, now)))
    return tuple(sorted(found, key=lambda each: each.slug))


def _open(library: Library, audiences: Collection[str]) -> dict[str, Article]:
    return {
        slug: article
        for slug, article in library.articles.items()
        if article.status is ArticleStatus.PUBLISHED and article.audience.value in audiences
    }


def is_draft(article: Article, now: datetime) -> bool:
    """Return whether a branch shows an article that publishing it would not show, or not yet."""
    begins = article.publish_at
    return article.wanted is ArticleStatus.DRAFT or (begins is not None and begins > now)


def new_problems(live: Library, branch: Library) -> tuple[Problem, ...]:
    """Return what is wrong in the branch and not in what is live; refused articles come first."""
    known = {(problem.path, problem.code, problem.message) for problem in live.problems}
    found = (p for p in branch.problems if (p.path, p.code, p.message) not in known)
    return tuple(sorted(found, key=lambda each: (not each.refused, each.path)))
