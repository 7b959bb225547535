"""Searches of readers that failed, and whether a change answers them.

Promises that a search is called answered by the rule of a replay (`kb.gaps.answers.rules`), words
that enough people searched for (the setting `k_anonymity`) as reports show them, and
none where there is no record to read: an author's machine need not have the site's database.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime

from kb.analytics.report import DateRange
from kb.analytics.search_metrics import WordsRow
from kb.analytics.service import parts_wanted
from kb.authoring.outputs import Answered
from kb.authoring.trial import Trial
from kb.config.settings import Settings
from kb.content.lint.library_rules import SourceLibrary
from kb.database import Database
from kb.errors import ProductError
from kb.gaps.answers.rules import LOOKED_AT, sure
from search.types import Query

log = logging.getLogger(__name__)
MOST = 200  # wordings tried, those that failed most first


def failed_words(settings: Settings, now: datetime) -> tuple[Sequence[WordsRow], str]:
    """Return the wordings that failed while words are kept, and why there are none to read."""
    if not settings.database_url and not (settings.data / "tierzero.db").is_file():
        return (), ""
    database = Database(settings.database)
    try:
        span = DateRange((now - settings.retention).date(), now.date())
        return parts_wanted(database, span, k=settings.k_anonymity, now=now)[:MOST], ""
    except ProductError as problem:
        return (), f"Failed searches were not tried: {problem.message}"
    finally:
        database.close()


def newly_answered(
    words: Sequence[WordsRow], engines: Trial, shelf: SourceLibrary, about: frozenset[str]
) -> Iterator[Answered]:
    """Yield failed searches that an article in `about` answers now and did not before."""
    slugs = {article.slug: page.path for page, article in shelf.published if page.path in about}
    for row in words:
        query = Query(row.words, limit=LOOKED_AT)
        slug = sure(engines.now.search(query), slugs.keys())
        if slug and not (engines.before and sure(engines.before.search(query), {slug})):
            yield Answered(slugs[slug], row.words, row.searches)
