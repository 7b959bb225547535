"""Access to articles: the one place that decides which articles a person may read.

To a reader, a draft, an archived article or one for another audience looks the same as one that
does not exist.
"""

from __future__ import annotations

from collections.abc import Callable

from kb.accounts.roles import Viewer
from kb.content.article import Article, ArticleStatus
from kb.content.library import Library

LibraryGetter = Callable[[], Library]


def readable(library: Library, slug: str, viewer: Viewer) -> Article | None:
    """Return the article when it is published and this viewer may read it, else None."""
    article = library.get(slug)
    if article is None or article.status != ArticleStatus.PUBLISHED:
        return None
    return article if str(article.audience) in viewer.audiences else None
