"""Branches shown before they are published: making links, and what the links open.

A link shows a branch, in the whole site, to whoever has it, with a bar on every page that says so.
Articles that this person may not read stay hidden, and nothing is recorded, cached or found by
robots.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    g,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from kb.access import readable
from kb.accounts.roles import Permission
from kb.content.difference import difference, is_marked
from kb.content.library import Library
from kb.errors import InvalidInput, NotFound, ProductError, StoreError
from kb.publishing.branch_previews import (
    ShownCommit,
    chosen,
    differences,
    is_draft,
    new_problems,
    shown,
)
from kb.publishing.state import branches_of, open_articles
from kb.publishing.store import LIFE, Preview
from kb.web.guard import Parts, live_services, needs, now, viewer
from kb.web.views.listings import shown_body

blueprint = Blueprint("previews", __name__, url_prefix="/previews")

COOKIE = "preview"
SHOWING = frozenset({"reader", "history"})  # blueprints whose pages show the branch
ENDED = "This preview has ended, or the link is not complete."


@dataclass(frozen=True, slots=True)
class OpenPreview:
    """The branch that this person looks at, and the services that show it."""

    preview: Preview
    commit: str
    parts: Parts


def init_app(app: Flask) -> None:
    """Show the branch to visitors who opened its link."""
    app.before_request(_choose)
    app.context_processor(_bar)


def _choose() -> None:
    """Set `g.preview` where the cookie is that of a valid link."""
    token = request.cookies.get(COOKIE, "")
    if not token or request.endpoint in (None, "static"):
        return
    try:
        found = live_services().previews.by_token(token, now())
    except StoreError:
        return  # without the database the live site is shown
    state = shown(live_services().settings, found) if found else None
    if found is None or state is None or not state.commit:
        return
    g.preview = OpenPreview(found, state.commit, live_services().of_branch(found.id))
    if request.blueprint in SHOWING:
        g.services = g.preview.parts


def _bar() -> dict[str, Any]:
    """Return what the bar says on pages that show a branch."""
    found: OpenPreview | None = g.get("preview")
    if found is None or request.blueprint not in SHOWING | {"previews"}:
        return {"branch": None}
    slug = (request.view_args or {}).get("slug", "")
    article = found.parts.library().get(slug) if slug else None
    return {"branch": found, "branch_draft": article is not None and is_draft(article, now())}


@blueprint.get("/")
@needs(Permission.STAFF)
def overview() -> ResponseReturnValue:
    """The branches that are shown, their links, and a form for another."""
    return _overview()


@blueprint.post("/")
@needs(Permission.STAFF, limit="write")
def make() -> ResponseReturnValue:
    """Make a link to a branch."""
    branch = request.form.get("branch", "").strip()
    try:
        _readable_branch(branch)
    except InvalidInput as problem:
        return _overview(branch, problem), 422
    live_services().previews.make(branch, viewer().name or viewer().email, now())
    return redirect(url_for("previews.overview"), 303)


@blueprint.post("/<preview_id>/end")
@needs(Permission.STAFF, limit="write")
def end(preview_id: str) -> ResponseReturnValue:
    """Revoke a link."""
    live_services().previews.end(preview_id)
    return redirect(url_for("previews.overview"), 303)


@blueprint.get("/open/<token>")
@needs(Permission.READ, limit="pages")
def open_link(token: str) -> ResponseReturnValue:
    """Set the cookie and go to what the branch changes."""
    parts = live_services()
    found = parts.previews.by_token(token, now())
    if found is None:
        raise NotFound(ENDED)
    state = shown(parts.settings, found)
    if not state.commit:
        page = render_template("previews/waiting.html", shown=found, state=state)
        return make_response(page, 503, {"Retry-After": "15", "Refresh": "15"})
    response = redirect(url_for("previews.changes"), 303)
    response.set_cookie(
        COOKIE,
        token,
        expires=found.expires_at,
        secure=bool(current_app.config["SESSION_COOKIE_SECURE"]),
        httponly=True,
        samesite="Lax",
        path=current_app.config["SESSION_COOKIE_PATH"],
    )
    return response


@blueprint.get("/changes")
@needs(Permission.READ)
def changes() -> str:
    """What the branch would change for this person, and what is wrong in it."""
    preview, live = _opened(), live_services().library()
    branch = preview.parts.library()
    return render_template(
        "previews/changes.html",
        differences=differences(live, branch, viewer().audiences, now()),
        problems=new_problems(live, branch) if viewer().may(Permission.STAFF) else (),
    )


@blueprint.get("/changes/<path:slug>")
@needs(Permission.READ, limit="pages")
def change(slug: str) -> str:
    """One article as it is in the branch, with what differs from the live one marked."""
    preview, live = _opened(), live_services().library()
    html = [_text(library, slug) for library in (live, preview.parts.library())]
    if not any(html):
        abort(404, "There is no such article in the branch, or it is not open to you.")
    compared = difference(*html)
    found = preview.parts.library().get(slug) or live.get(slug)
    return render_template(
        "previews/change.html",
        article=found,
        slug=slug,
        removed=not html[1],
        marked=is_marked(compared),
        html=shown_body(compared),
    )


@blueprint.post("/leave")
@needs(Permission.READ)
def leave() -> ResponseReturnValue:
    """Return to the live site."""
    response = redirect(url_for("reader.home"), 303)
    if COOKIE in request.cookies:
        response.delete_cookie(COOKIE, path=current_app.config["SESSION_COOKIE_PATH"])
    return response


def _opened() -> OpenPreview:
    found: OpenPreview | None = g.get("preview")
    return found or abort(404, ENDED)


def _text(library: Library, slug: str) -> str:
    found = readable(library, slug, viewer())
    return found.html if found else ""


def _readable_branch(branch: str) -> None:
    """Raise InvalidInput unless the branch is one here and can be read."""
    problem = "Write the name of a branch, such as draft-vpn."
    if branch and len(branch) <= 200 and branch.isprintable():
        try:
            open_articles(chosen(live_services().settings, branch)).close()
            return
        except ProductError as trouble:
            problem = str(trouble)
    raise InvalidInput(problem, fields={"branch": problem})


def _overview(branch: str = "", problem: InvalidInput | None = None) -> str:
    parts = live_services()
    rows: list[tuple[Preview, ShownCommit, str]] = [
        (
            each,
            shown(parts.settings, each),
            url_for("previews.open_link", token=parts.previews.token(each.id), _external=True),
        )
        for each in parts.previews.all(now())
    ]
    return render_template(
        "previews/overview.html",
        rows=rows,
        branches=branches_of(parts.settings)[:100],
        asked=branch,
        problem=problem,
        days=LIFE.days,
    )


def keep_apart(response: Response) -> Response:
    """Forbid caching and indexing of pages that show a branch."""
    if "preview" in g or request.blueprint == "previews":
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
