"""Pages for readers: home, search, articles, collections, feedback, and a survey of silent readers.

Every page works without a script and without an account. A removed article is named only to those
who could have read it, and the search for the nearest articles is not recorded as anybody's. The
survey asks only readers who were drawn and have said nothing yet, and an answer counts once.
"""

from __future__ import annotations

from io import BytesIO
from urllib.parse import urlencode

from flask import (
    Blueprint,
    Response,
    abort,
    jsonify,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from flask.typing import ResponseReturnValue

from kb.access import readable
from kb.accounts.roles import Permission
from kb.content.article import Article
from kb.content.library import Library
from kb.content.paths import normal_path
from kb.content.sources.source import Removed
from kb.tracking.experiments import is_asked
from kb.web.filters import REASONS
from kb.web.guard import chosen, must_be_kept, needs, now, services, viewer, wants_json
from kb.web.headers import PERSONAL
from kb.web.views import listings
from kb.web.views.listings import shown_body
from kb.web.views.subscriptions import of_results
from search.text.query import MAX_CHARACTERS
from search.types import Query

# -- Addresses without an article: moved, removed, or never known --


ABSENT = "There is no such article, or it is not open to you."
NEAREST = 5


def former(library: Library, slug: str) -> ResponseReturnValue:
    """Return a redirect to the article's present address; 410 for a removed one, else 404."""
    target = moved_to(library, slug)
    if target:
        return redirect(url_for("reader.article", slug=target), 301)
    was = removed_at(library, slug)
    if was is None:
        abort(404, ABSENT)
    if wants_json():
        abort(410)
    page = render_template(
        "reader/removed.html", title=was.title, nearest=nearest(library, was.title)
    )
    return page, 410


def moved_to(library: Library, slug: str) -> str:
    """Return the slug that a former address means, "" where this person may read none."""
    target = library.resolve(slug)
    return target if target and readable(library, target, viewer()) is not None else ""


def removed_at(library: Library, slug: str) -> Removed | None:
    """Return what was removed at an address, None where this person never could have read it."""
    was = library.removed.get(normal_path(slug))
    open_to_them = was is not None and was.audience in viewer().audiences
    return was if open_to_them and not library.resolve(slug) else None


def nearest(library: Library, title: str) -> list[Article]:
    """Return the articles nearest to a title that this person may read; none for robots, which
    follow old addresses by the thousand and read no advice.
    """
    if viewer().left_out == "robot":
        return []
    query = Query(text=title, audiences=viewer().audiences, limit=NEAREST)
    hits = services().engine.search(query).hits
    found = (readable(library, hit.id, viewer()) for hit in hits)
    return [article for article in found if article is not None]


# -- Survey of silent readers: did you find what you needed? --


survey_blueprint = Blueprint("survey", __name__)


@survey_blueprint.post("/articles/<path:slug>/found")
@needs(Permission.READ, limit="vote")
def answer(slug: str) -> ResponseReturnValue:
    """Record whether this reader found what they needed."""
    said = request.form.get("found", "")
    search_id = request.form.get("search") or None
    if readable(services().library(), slug, viewer()) is None:
        abort(404, ABSENT)
    asked = said in {"yes", "no"} and _drawn()  # the draw may have changed since the page was read
    if asked:
        must_be_kept(
            services().record.survey_answered(
                viewer(), slug, said == "yes", now=now(), search_id=search_id
            )
        )
    place = url_for("reader.article", slug=slug, thanks="survey" if asked else "closed")
    return redirect(place + ("&" + urlencode({"from": search_id}) if search_id else ""), 303)


def asked_now(slug: str, search_id: str) -> bool:
    """Return whether this page asks the question; record it when it does."""
    parts = services()
    if request.args.get("thanks") or not _drawn():
        return False
    gap = parts.settings.episode_gap
    if not parts.record.is_silent(viewer(), now=now(), gap=gap):
        return False
    parts.record.survey_shown(viewer(), slug, now=now(), search_id=search_id or None)
    return True


def _drawn() -> bool:
    parts, person = services(), viewer()
    share = parts.settings.survey_share
    return not person.left_out and is_asked(parts.secret_key, person.visitor, share, now())


# -- Pages --


blueprint = Blueprint("reader", __name__)

PAGE = 10
LAST_PAGE = 50
SUGGESTED = 6
THANKS = {
    "solved": "Good. Thank you for telling us.",
    "yes": "Thank you. That helps others find it.",
    "no": "Thank you. The team that keeps this article will see your answer.",
    "survey": "Thank you. That was the only question.",
    "closed": "That question is not open to you any more, so your answer was not counted.",
}


@blueprint.get("/")
@needs(Permission.READ)
def home() -> str:
    """The search box and the topics."""
    library = services().library()
    articles = library.visible(viewer().audiences)
    return render_template(
        "reader/home.html",
        count=len(articles),
        collections=listings.collections(library, articles),
    )


@blueprint.get("/search")
@needs(Permission.READ, limit="search")
def search() -> str:
    """Ranked answers, or an honest page that says there are none."""
    page = min(max(request.args.get("page", 1, type=int), 1), LAST_PAGE)
    text = request.args.get("q", "").strip()
    if not text:
        return render_template("reader/results.html", asked=False, query_text="")
    query = Query(
        text=text,
        audiences=viewer().audiences,
        languages=chosen("lang"),
        collections=chosen("in"),
        prefer_language=listings.preferred(),
        limit=PAGE,
        offset=(page - 1) * PAGE,
        literal=bool(request.args.get("literal")),
    )
    answer = services().asker.ask(viewer(), query, surface="page", now=now())
    shown = listings.results(answer, page, PAGE) | of_results(answer)
    return render_template("reader/results.html", **shown)


@blueprint.get("/suggest")
@needs(Permission.READ, limit="suggest")
def suggest() -> Response:
    """Articles for the words typed so far, by their own texts and by queries that they solved."""
    words = request.args.get("q", "")[:MAX_CHARACTERS]
    parts = services()
    found = parts.engine.suggest(
        words,
        viewer().audiences,
        SUGGESTED,
        popular=parts.solved(),
        prefer_language=listings.preferred(),
    )
    return jsonify(suggestions=listings.suggestions(found))


@blueprint.get("/articles/<path:slug>")
@needs(Permission.READ)
def article(slug: str) -> ResponseReturnValue:
    """One article; a former address redirects to the present one for good."""
    library = services().library()
    found = readable(library, slug, viewer())
    if found is None:
        return former(library, slug)
    search_id = _record_opening(slug)
    return render_template(
        "reader/article.html",
        article=found,
        html=shown_body(found.html),
        search_id=search_id,
        canonical=url_for("reader.article", slug=slug, _external=True),
        thanks=THANKS.get(request.args.get("thanks", ""), ""),
        reasons=REASONS,
        survey=asked_now(slug, search_id),
        **listings.around(library, found, viewer().audiences, now().date()),
    )


@blueprint.post("/articles/<path:slug>/vote")
@needs(Permission.READ, limit="vote")
def vote(slug: str) -> ResponseReturnValue:
    """Record whether the article helped and, where a reader says so, why not."""
    said = request.form.get("helpful", "")
    if said not in {"yes", "no"}:  # no page of ours sends that: there is nothing to thank for
        return _back(_readable(slug), "")
    reason = request.form.get("reason", "") if said == "no" else ""
    kept = services().record.vote(
        viewer(),
        _readable(slug),
        said == "yes",
        reason=reason if reason in dict(REASONS) else "",
        search_id=request.form.get("search"),
        now=now(),
    )
    must_be_kept(kept)
    return _back(slug, said)


@blueprint.post("/articles/<path:slug>/solved")
@needs(Permission.READ, limit="vote")
def solved(slug: str) -> ResponseReturnValue:
    """Record that this article solved the problem."""
    search_id = request.form.get("search")
    record, found = services().record, _readable(slug)
    must_be_kept(record.solved(viewer(), slug=found, search_id=search_id, now=now()))
    return _back(slug, "solved")


@blueprint.post("/dwell")
@needs(Permission.READ, limit="reading")
def dwell() -> ResponseReturnValue:
    """Record how long an article has been in view so far."""
    services().record.dwell(
        viewer(),
        _readable(request.form.get("article", "")),
        request.form.get("seconds", 0, type=int),
        search_id=request.form.get("search"),
        now=now(),
    )
    return "", 204


@blueprint.get("/collections/<name>")
@needs(Permission.READ)
def collection(name: str) -> str:
    """The articles of one topic, by language."""
    library = services().library()
    articles = [a for a in library.visible(viewer().audiences) if a.collection == name]
    if not articles:
        abort(404, "There is no such topic.")
    return render_template("reader/collection.html", **listings.topic(library, name, articles))


@blueprint.get("/media/<digest>.<ext>")
@needs(Permission.READ)
def media(digest: str, ext: str) -> Response:
    """An image, or a file to be saved, of an article that this person may read."""
    library = services().library()
    found = library.media.get(digest)
    seen = found and any(readable(library, slug, viewer()) for slug in found.slugs)
    if not found or not seen or not found.name.lower().endswith("." + ext.lower()):
        abort(404)
    response = send_file(
        BytesIO(found.data),
        mimetype=found.mime,
        as_attachment=bool(found.filename),
        download_name=found.filename or found.name,
        etag=False,
    )
    response.headers["Cache-Control"] = "private, max-age=86400, immutable"
    return response


@blueprint.get("/about")
@needs(Permission.READ)
def about() -> str:
    """What is recorded, in words a reader understands."""
    settings = services().settings
    return render_template(
        "reader/about.html",
        retention=settings.retention.days,
        k=settings.k_anonymity,
        survey_share=settings.survey_share,
        holdout_share=settings.holdout_share,
    )


@blueprint.get("/opensearch.xml")
@needs(Permission.READ)
def opensearch() -> Response:
    """The description by which a browser can add this site's search."""
    page = render_template("reader/opensearch.xml")
    return Response(page, mimetype="application/opensearchdescription+xml")


@blueprint.get("/robots.txt")
@needs(Permission.READ)
def robots() -> Response:
    """What crawlers may fetch: articles, and not searches or tickets."""
    closed = ("/search", "/suggest", "/tickets", "/previews", *PERSONAL)
    root = request.root_path
    lines = ("User-agent: *", *(f"Disallow: {root}{path}" for path in closed), "")
    return Response("\n".join(lines), mimetype="text/plain")


def _record_opening(slug: str) -> str:
    """Record the view and, when a search led here, the click; return its id, "" for none."""
    record, here = services().record, request.args
    if here.get("thanks"):  # the page after a vote is not a new view
        return here.get("from", "")[:36]
    if "suggested" in here:  # on the ticket form, see `listings.suggested`
        record.suggestion_opened(viewer(), slug, search_id=here["suggested"], now=now())
        return ""
    rank = here.get("rank", type=int)
    return record.opened(viewer(), slug, search_id=here.get("from"), rank=rank, now=now()) or ""


def _readable(slug: str) -> str:
    """Return the slug; 404 unless this person may read the article."""
    if readable(services().library(), slug, viewer()) is None:
        abort(404, ABSENT)
    return slug


def _back(slug: str, thanks: str) -> ResponseReturnValue:
    search_id = request.form.get("search") or None
    place = url_for("reader.article", slug=slug, thanks=thanks or None) + (
        ("&" if thanks else "?") + urlencode({"from": search_id}) if search_id else ""
    )
    return redirect(place, 303)
