"""What a publish would take away from readers; pure.

Promises a refusal when it is more than half of what is live: the usual cause is a wrong branch or
folder, not a wish. Knows no file and no index.
"""

from __future__ import annotations

from kb.content.article import Article, ArticleStatus
from kb.content.library import Library
from kb.content.sources.combined import shortened
from kb.errors import PublishRefused

MOST = 0.5  # share of the live articles that may go at once


def lost(before: Library, after: Library) -> list[str]:
    """Return the slugs that readers find now and would not any more; moved ones are found, and
    what an author ended by `expires_at` is meant to go.
    """
    return [
        slug
        for slug, article in before.articles.items()
        if article.status is ArticleStatus.PUBLISHED and not _stays(after, slug)
    ]


def _stays(after: Library, slug: str) -> bool:
    target = after.get(after.resolve(slug) or "")
    return target is not None and (target.status is ArticleStatus.PUBLISHED or _timed(target))


def _timed(article: Article) -> bool:
    return article.wanted is ArticleStatus.PUBLISHED


def refuse_loss(before: Library, after: Library) -> None:
    """Raise PublishRefused when more than half of the live articles would be gone."""
    gone = lost(before, after)
    live = sum(article.status is ArticleStatus.PUBLISHED for article in before.articles.values())
    if len(gone) > live * MOST:
        commit = shortened(after.commit)
        raise PublishRefused(
            f"The commit {commit} would take away {len(gone)} of {live} live articles.",
            "Check the branch and the folder. If it is meant, run: kb publish --force",
        )
