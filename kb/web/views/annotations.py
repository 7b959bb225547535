"""Pages of annotations: notes on days that stand beside reports.

The notes of a range are shown on the chart of its days and in a table beneath it.
"""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from kb.accounts.roles import Permission
from kb.analytics.date_ranges import RANGES, USUAL, asked_range, range_of
from kb.analytics.definitions import DEFINITIONS
from kb.analytics.report import DateRange
from kb.analytics.service import SUMS, report
from kb.errors import InvalidInput, NotFound
from kb.reports import annotations as reports_annotations
from kb.reports.model import Annotation, Written, annotations_table, written
from kb.reports.tables.deflection import days_table
from kb.web.files import attached_csv
from kb.web.guard import needs, now, services, viewer
from kb.web.views import charts

blueprint = Blueprint("notes", __name__, url_prefix="/reports")


@blueprint.get("/notes")
@needs(Permission.READ_REPORTS)
def listing() -> ResponseReturnValue:
    """The notes of a range, on its days and as a list."""
    try:
        return _page(asked_range(request.args, now().date()))
    except InvalidInput as problem:
        return _page(range_of(USUAL, now().date()), problem), 422


@blueprint.get("/notes.csv")
@needs(Permission.READ_REPORTS)
def table() -> Response:
    """The notes of a range as CSV."""
    span = asked_range(request.args, now().date())
    rows = annotations_table(reports_annotations.notes_in(services().db, span)).rows()
    return attached_csv(rows, f"notes-{span.first}-{span.last}.csv")


@blueprint.post("/notes")
@needs(Permission.NOTE_DAYS)
def add() -> ResponseReturnValue:
    """Add a note."""
    try:
        what = written(request.form)
    except InvalidInput as problem:
        return _page(range_of(USUAL, now().date()), problem), 422
    reports_annotations.note(services().db, what, by=viewer().user_id, now=now())
    return redirect(_list_of(what), 303)


@blueprint.get("/notes/<note_id>")
@needs(Permission.NOTE_DAYS)
def note(note_id: str) -> str:
    """One note, to be changed or removed."""
    return _form(_found(note_id))


@blueprint.post("/notes/<note_id>")
@needs(Permission.NOTE_DAYS)
def change(note_id: str) -> ResponseReturnValue:
    """Change a note."""
    found = _found(note_id)
    try:
        what = written(request.form)
    except InvalidInput as problem:
        return _form(found, problem), 422
    reports_annotations.change(services().db, found.id, what, by=viewer().user_id, now=now())
    return redirect(_list_of(what), 303)


@blueprint.post("/notes/<note_id>/remove")
@needs(Permission.NOTE_DAYS)
def remove(note_id: str) -> ResponseReturnValue:
    """Delete a note."""
    found = _found(note_id)
    reports_annotations.remove(services().db, found.id)
    return redirect(_list_of(Written(found.first, found.last, found.text)), 303)


def names() -> dict[str, str]:
    """Return the names of accounts by id; "" is the command line."""
    return {"": "command line"} | {each.id: each.name for each in services().accounts.all()}


def _list_of(what: Written) -> str:
    """Return the address of a list that shows the note: the usual range where it is in that."""
    usual = range_of(USUAL, now().date())
    if what.first <= usual.last and what.last >= usual.first:
        return url_for("notes.listing")
    days = {"from": what.first.isoformat(), "until": what.last.isoformat()}
    return url_for("notes.listing") + "?" + urlencode(days)


def _found(note_id: str) -> Annotation:
    try:
        return reports_annotations.find(services().db, note_id)
    except NotFound as problem:
        abort(404, f"{problem.message} {problem.hint}")


def _form(found: Annotation, problem: InvalidInput | None = None) -> str:
    form = {"day": found.first.isoformat(), "last": found.last.isoformat(), "text": found.text}
    asked = request.form if problem else form
    return render_template(
        "notes/note.html", note=found, problem=problem, form=asked, names=names()
    )


def _page(span: DateRange, problem: InvalidInput | None = None) -> str:
    parts = services()
    told = report(parts.db, span, k=parts.settings.k_anonymity, now=now(), parts=SUMS)
    steps = told.steps
    found = reports_annotations.notes_in(parts.db, span)
    return render_template(
        "notes/listing.html",
        span=span,
        notes=found,
        noted=annotations_table(found),
        counted=days_table(told),
        bars=charts.bars(steps),
        marks=charts.marks(found, steps),
        ticks=charts.scale(steps),
        ends=charts.ends(steps),
        kinds=[(kind, DEFINITIONS[kind].name) for kind in charts.STACKED],
        moving={key: each.words for key, each in RANGES.items()},
        names=names(),
        problem=problem,
        form=request.form,
        asked={name: request.args.get(name, "") for name in ("range", "from", "until")},
        may_note=viewer().may(Permission.NOTE_DAYS),
    )
