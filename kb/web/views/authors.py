"""Pages for authors: what to do, how their articles do, what is live.

Figures come with their definitions, and words are shown only where enough people used them; tasks
come from `kb.authoring`, figures from `kb.analytics`. The page on publishing says what `kb publish`
says, and which searches commits have answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, render_template, request

from kb.accounts.roles import Permission
from kb.analytics.article_metrics import ArticleFigures, nothing
from kb.analytics.report import DateRange
from kb.analytics.service import article_figures_of
from kb.authoring.tasks import belongs_to, owners, tasks
from kb.content.article import Article, ArticleStatus
from kb.gaps.fixes import proposal, recent_answers
from kb.gaps.service import GapFilter, listing, name_of
from kb.publishing.rollback import kept_generations
from kb.publishing.state import read_state
from kb.web.filters import REASONS
from kb.web.guard import needs, now, services, viewer

# -- Authors' home --


blueprint = Blueprint("authors", __name__, url_prefix="/authors")

DAYS = 90
MINE, ALL = "mine", "all"
MOST_TASKS = 200
MOST_WANTED = 20
MOST_ANSWERED = 10


@blueprint.get("/")
@needs(Permission.READ_REPORTS)
def home() -> str:
    """Tasks and figures of the chosen articles."""
    parts, today = services(), now().date()
    library = parts.library()
    span = DateRange(today - timedelta(days=DAYS - 1), today)
    known = article_figures_of(parts.db, span, k=parts.settings.k_anonymity)
    articles = _published(library.articles.values())
    of, kept = _chosen(articles)
    words = dict(REASONS)
    reasons = {
        slug: {words.get(code, code): count for code, count in care.reasons.items()}
        for slug, care in known.items()
    }
    todo = tasks(library, kept, reasons, today=today, language=parts.settings.language)
    answered = recent_answers(parts.db, now(), k=parts.settings.k_anonymity)
    mine = {one.slug for one in kept}
    return render_template(
        "authors/home.html",
        of=of,
        owners=owners(articles),
        span=span,
        tasks=todo[:MOST_TASKS],
        more_tasks=max(0, len(todo) - MOST_TASKS),
        rows=_rows(kept, known),
        wanted=listing(parts.db, GapFilter(), k=parts.settings.k_anonymity, now=now()).gaps[
            :MOST_WANTED
        ],
        name_of=name_of,
        k=parts.settings.k_anonymity,
        today=today,
        answered=[each for each in answered if each.article in mine][:MOST_ANSWERED],
        titles={one.slug: one.title for one in articles},
    )


def _published(articles: Any) -> list[Article]:
    shown = (article for article in articles if article.status is ArticleStatus.PUBLISHED)
    return sorted(shown, key=lambda article: article.title.casefold())


def _chosen(articles: Sequence[Article]) -> tuple[str, list[Article]]:
    """Return the owner asked for and the articles: one's own where there are any, else all."""
    mine = [a for a in articles if belongs_to(a, (viewer().name, viewer().email))]
    of = request.args.get("of", "")[:200] or (MINE if mine else ALL)
    if of == MINE:
        return of, mine
    if of == ALL:
        return of, list(articles)
    return of, [article for article in articles if article.owner == of]


def _rows(kept: Sequence[Article], known: Mapping[str, ArticleFigures]) -> list[dict[str, Any]]:
    """Return a row for each article, the most viewed first."""
    rows = [{"article": one, "care": known.get(one.slug) or nothing()} for one in kept]
    return sorted(rows, key=lambda row: (-row["care"].views, row["article"].title.casefold()))


# -- Publishing --


publishing_blueprint = Blueprint("publishing", __name__, url_prefix="/authors")

MOST_ANSWERS_SHOWN = 20  # commits and articles listed


@publishing_blueprint.get("/publishing")
@needs(Permission.STAFF)
def states() -> str:
    """Problems of the articles, and the generations that can be rolled back to."""
    parts = services()
    library = parts.library()
    return render_template(
        "publishing/states.html",
        commit=library.commit,
        problems=sorted(library.problems, key=lambda each: not each.refused),
        standing=read_state(parts.settings.data),
        states=kept_generations(parts.settings),
        answered=recent_answers(parts.db, now(), k=parts.settings.k_anonymity)[:MOST_ANSWERS_SHOWN],
        titles={slug: article.title for slug, article in library.articles.items()},
        k=parts.settings.k_anonymity,
    )


@publishing_blueprint.get("/answered.patch")
@needs(Permission.STAFF)
def patch() -> Response:
    """The questions that are answered now, as a patch that makes them must-find tests."""
    parts = services()
    answered = recent_answers(parts.db, now(), k=parts.settings.k_anonymity)
    found = proposal(parts.settings, parts.library(), answered)
    response = Response(found.patch, mimetype="text/x-diff")
    response.headers["Content-Disposition"] = 'attachment; filename="answered.patch"'
    return response
