"""Pages of saved views: reports under a name of their own.

A view leads only to a page of `PAGES`, with arguments of that page. `kb.reports.saved_views`
decides who may do what.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.routing import BuildError

from kb.accounts.roles import Permission
from kb.analytics.date_ranges import RANGES
from kb.errors import InvalidInput, NotAllowed, NotFound
from kb.reports import saved_views
from kb.reports.model import SavedView, known_arguments, view_request
from kb.reports.pages import PAGES as PAGES_OF_REPORT
from kb.web.guard import needs, now, services, viewer
from kb.web.views.annotations import names
from kb.web.views.reports import ENDPOINTS

blueprint = Blueprint("views", __name__, url_prefix="/reports/views")

RANGE = frozenset({"range", "from", "until"})
# The pages that can be saved: their titles, and the arguments that belong to them.
TITLES = {
    **{ENDPOINTS[page.key]: page.title for page in PAGES_OF_REPORT.values()},
    "notes.listing": "What happened on these days",
    "gaps.listing": "What people did not find",
}
PAGES: dict[str, frozenset[str]] = {
    **dict.fromkeys(ENDPOINTS.values(), RANGE),
    "notes.listing": RANGE,
    "gaps.listing": frozenset({"status", "cause", "language", "owner"}),
}
_PREFIX = "q."  # of the page's own arguments in the form


@blueprint.get("")
@needs(Permission.READ_REPORTS)
def listing() -> str:
    """One's own views, and those that others share."""
    return _page()


@blueprint.post("")
@needs(Permission.READ_REPORTS)
def save() -> ResponseReturnValue:
    """Save a page's address under a name."""
    try:
        saved_views.save(
            services().db, view_request(request.form, _given(), PAGES), _person(), now()
        )
    except InvalidInput as problem:
        return _page(problem), 422
    return redirect(url_for("views.listing"), 303)


@blueprint.get("/<view_id>")
@needs(Permission.READ_REPORTS)
def view(view_id: str) -> ResponseReturnValue:
    """Go to the page that a view names."""
    found = _found(view_id)
    if found.page not in PAGES:
        abort(404, "The page of this view is no more.")
    query: dict[str, Any] = {
        name: list(values)
        for name, values in known_arguments(found.query, PAGES[found.page]).items()
    }
    try:
        return redirect(url_for(found.page, **query), 302)
    except BuildError:
        abort(404, "The page of this view is no more.")


@blueprint.post("/<view_id>/<action>")
@needs(Permission.READ_REPORTS)
def act(view_id: str, action: str) -> ResponseReturnValue:
    """Rename, share or delete a view."""
    if action not in ACTIONS:
        abort(404, "There is no such action.")
    found = _found(view_id)
    try:
        ACTIONS[action](found)
    except (InvalidInput, NotAllowed) as problem:
        return _page(problem, renaming=found.id), 422
    return redirect(url_for("views.listing"), 303)


def _rename(found: SavedView) -> None:
    saved_views.rename(services().db, found.id, request.form.get("name", ""), _person())


def _share(found: SavedView) -> None:
    saved_views.share(services().db, found.id, "shared" in request.form, _person())


def _delete(found: SavedView) -> None:
    saved_views.delete(services().db, found.id, _person())


ACTIONS: dict[str, Callable[[SavedView], None]] = {
    "rename": _rename,
    "share": _share,
    "delete": _delete,
}


def _person() -> saved_views.ViewOwner:
    return saved_views.ViewOwner(viewer().user_id, operates=viewer().may(Permission.OPERATE))


def _found(view_id: str) -> SavedView:
    try:
        return saved_views.find(services().db, view_id, _person())
    except NotFound as problem:
        abort(404, f"{problem.message} {problem.hint}")


def _given() -> dict[str, list[str]]:
    """Return the page's arguments that the form carries."""
    return {
        name.removeprefix(_PREFIX): values
        for name, values in request.form.lists()
        if name.startswith(_PREFIX)
    }


def _page(problem: InvalidInput | NotAllowed | None = None, *, renaming: str = "") -> str:
    who = _person()
    views = saved_views.views_of(services().db, who)
    return render_template(
        "views/listing.html",
        views=[(each, saved_views.may_change(each, who)) for each in views],
        titles=TITLES,
        ranges={key: each.words for key, each in RANGES.items()},
        names=names(),
        me=who.id,
        problem=problem,
        form=request.form,
        renaming=renaming,
    )
