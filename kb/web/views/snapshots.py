"""Pages of snapshots: the cells of a report as they were, beside what has changed since.

A snapshot is rendered only from what was kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from kb.accounts.roles import Permission
from kb.analytics.date_ranges import USUAL, asked_range, range_of
from kb.analytics.report import DateRange
from kb.errors import InvalidInput, NotAllowed, NotFound, NotReady
from kb.reports.pages import CODE, every_table
from kb.reports.snapshots import SnapshotComparison, Snapshots
from kb.reports.store import Snapshot
from kb.table import Table
from kb.web.files import attached_csv
from kb.web.guard import needs, now, services, viewer
from kb.web.views.annotations import names

blueprint = Blueprint("kept", __name__, url_prefix="/reports/kept")

MOST_TOLD = 200  # differences on one page; the tables hold all


@blueprint.get("")
@needs(Permission.READ_REPORTS)
def listing() -> str:
    """The snapshots, newest first."""
    return _list()


@blueprint.post("")
@needs(Permission.READ_REPORTS)
def keep() -> ResponseReturnValue:
    """Make a snapshot of the report of a range."""
    try:
        span = asked_range(request.form, now().date())
        title = request.form.get("title", "")
        made = _keeping().keep(title, span, by=viewer().user_id, now=now())
    except InvalidInput as problem:
        return _list(problem), 422
    return redirect(url_for("kept.report", kept_id=made.id), 303)


@blueprint.get("/<kept_id>")
@needs(Permission.READ_REPORTS)
def report(kept_id: str) -> str:
    """A snapshot, and what has changed since."""
    found, tables = _found(kept_id)
    return _page(found, tables)


@blueprint.get("/<kept_id>/<table>.csv")
@needs(Permission.READ_REPORTS)
def table(kept_id: str, table: str) -> Response:
    """One table of a snapshot as CSV."""
    found, tables = _found(kept_id)
    wanted = next((each for each in tables if each.key == table), None)
    if wanted is None:
        abort(404, "This report has no such table.")
    name = f"{wanted.key}-{found.range.first}-{found.range.last}-kept.csv"
    return attached_csv(wanted.rows(), name)


@blueprint.post("/<kept_id>/remove")
@needs(Permission.READ_REPORTS)
def remove(kept_id: str) -> ResponseReturnValue:
    """Delete a snapshot, after a confirmation."""
    found, tables = _found(kept_id)
    if "sure" not in request.form:
        return render_template("kept/sure.html", kept=found)
    try:
        _keeping().remove(found.id, by=viewer().user_id, operates=_operates())
    except NotAllowed as problem:
        return _page(found, tables, problem), 403
    return redirect(url_for("kept.listing"), 303)


def tables_now(span: DateRange, at: datetime) -> Sequence[Table]:
    """Return every table of every page of the report."""
    return every_table(services().report_source(), span, at)


def _keeping() -> Snapshots:
    return Snapshots(services().db, tables_now, code=CODE)


def _operates() -> bool:
    return viewer().may(Permission.OPERATE)


def _found(kept_id: str) -> tuple[Snapshot, tuple[Table, ...]]:
    try:
        return _keeping().find(kept_id)
    except NotFound as problem:
        abort(404, f"{problem.message} {problem.hint}")


def _list(problem: InvalidInput | None = None) -> str:
    usual = range_of(USUAL, now().date())
    return render_template(
        "kept/listing.html",
        reports=_keeping().all(),
        names=names(),
        problem=problem,
        form={
            "title": request.form.get("title", ""),
            "from": request.form.get("from", usual.first.isoformat()),
            "until": request.form.get("until", usual.last.isoformat()),
        },
    )


def _page(found: Snapshot, tables: Sequence[Table], problem: NotAllowed | None = None) -> str:
    beside, waiting = SnapshotComparison((), (), found.definition), ""
    try:
        beside = _keeping().beside(found, tables, now())
    except NotReady as later:
        waiting = f"{later.message} {later.hint}"
    return render_template(
        "kept/report.html",
        kept=found,
        tables=tables,
        beside=beside,
        waiting=waiting,
        told=beside.differences[:MOST_TOLD],
        more=max(0, len(beside.differences) - MOST_TOLD),
        names=names(),
        titles={slug: each.title for slug, each in services().library().articles.items()},
        may_remove=found.by == viewer().user_id or _operates(),
        problem=problem,
    )
