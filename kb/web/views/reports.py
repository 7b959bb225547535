"""Pages for support leads: the report of a range of days, each figure with the rows behind it, its
definitions, its tables as files.

The screen, CSV and the workbook are made from the same tables, and every figure leads to its
definition and its rows.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, render_template, request
from flask.typing import ResponseReturnValue

from kb.accounts.roles import Permission
from kb.analytics.date_ranges import RANGES, USUAL, asked_range, range_of
from kb.analytics.definitions import (
    DEFINITION_VERSION,
    DEFINITIONS,
    DEFLECTION,
    FAILURES,
    FIGURES,
    OUTCOMES,
    RIVALS,
    SEARCHING,
)
from kb.analytics.report import DateRange
from kb.analytics.ticket_definitions import CYCLE, TICKETS
from kb.errors import InvalidInput
from kb.privacy.overview import figures
from kb.reports.annotations import notes_in
from kb.reports.episodes import count_of, rows
from kb.reports.pages import (
    CODE,
    PAGES,
    TABLES,
    PageTables,
    ReportPage,
    page_of,
    page_workbook,
    table_of,
)
from kb.table import ColumnKind, Line, Table
from kb.web.files import attached, attached_csv
from kb.web.filters import definition_of
from kb.web.guard import needs, now, services
from kb.web.views import charts
from kb.workbook import MEDIA_TYPE

blueprint = Blueprint("leads", __name__, url_prefix="/reports")

FIRST = "deflection"
LASTING = "top-gaps"  # covers the last 90 days, whatever the range
# The endpoint of each page.
ENDPOINTS = {key: "leads.report" if key == FIRST else f"leads.{key}" for key in PAGES}


@blueprint.get("/")
@needs(Permission.READ_REPORTS)
def report() -> ResponseReturnValue:
    """Deflection in a range of days."""
    shown, parts = _made(PAGES[FIRST])
    return render_template("leads/deflection.html", **parts), shown


@blueprint.get("/searches")
@needs(Permission.READ_REPORTS)
def searches() -> ResponseReturnValue:
    """Searches that fail, and how well search does."""
    shown, parts = _made(PAGES["searches"])
    return render_template("leads/searches.html", **parts), shown


@blueprint.get("/articles")
@needs(Permission.READ_REPORTS)
def articles() -> ResponseReturnValue:
    """Articles compared with each other."""
    shown, parts = _made(PAGES["articles"])
    return render_template("leads/articles.html", **parts), shown


@blueprint.get("/tickets")
@needs(Permission.READ_REPORTS)
def tickets() -> ResponseReturnValue:
    """Tickets: where they stand, how they moved, how long they took."""
    shown, parts = _made(PAGES["tickets"])
    return render_template("leads/tickets.html", **parts), shown


@blueprint.get("/knowledge")
@needs(Permission.READ_REPORTS)
def knowledge() -> ResponseReturnValue:
    """From a gap to an answer, and what it changed."""
    shown, parts = _made(PAGES["knowledge"])
    return render_template("leads/knowledge.html", **parts), shown


def _made(page: ReportPage) -> tuple[int, dict[str, Any]]:
    """Return the status of a page's answer and what its template needs."""
    span, problem = _asked()
    made = page.make(services().report_source(), span, now())
    parts = {
        "page": page,
        "report": made.report,
        "tables": {table.key: table for table in made.tables},
        "empty": _is_empty(made),
        "problem": problem,
    }
    status = 422 if problem else 200
    return status, parts | _frame(span, page.key, problem) | _drawn(made, span)


def _frame(span: DateRange, key: str, problem: InvalidInput | None) -> dict[str, Any]:
    """Return what every page of the report shows around its figures; with a `problem`, links lead
    to the usual range and not to the one that cannot be shown.
    """
    known = () if problem else ("range", "from", "until")
    args = {name: request.args[name] for name in known if name in request.args}
    days = {"from": span.first.isoformat(), "until": span.last.isoformat()}
    return {
        "pages": [(page, ENDPOINTS[page.key]) for page in PAGES.values()],
        "endpoint": ENDPOINTS[key],
        "span": span,
        "days": days,
        "args": args or {"range": USUAL},
        "asked": days | {n: request.args[n] for n in ("from", "until") if request.args.get(n)},
        "named": args.get("range", "" if "from" in args or "until" in args else USUAL),
        "ranges": {named.key: named.words for named in RANGES.values()},
        "titles": _titles(),
        "definitions_version": DEFINITION_VERSION,
        "code": CODE,
        "made_at": now(),
        "k_anonymity": services().settings.k_anonymity,
    }


def _titles() -> dict[str, str]:
    """Return the titles of articles by slug, and of collections by name."""
    library = services().library()
    shelves = {name: shelf.title("en") for name, shelf in library.collections.items()}
    return shelves | {slug: each.title for slug, each in library.articles.items()}


def _is_empty(made: PageTables) -> bool:
    """Return whether no table of the range counts anything that is shown."""
    return not any(
        column.kind is ColumnKind.COUNT and column.shown and line.cells[place]
        for table in made.tables
        if table.key != LASTING
        for place, column in enumerate(table.columns)
        for line in table.lines
    )


def _drawn(made: PageTables, span: DateRange) -> dict[str, Any]:
    """Return what a page's charts need."""
    if made.report is None:
        return {"charts": charts}
    notes = notes_in(services().db, span)
    return {
        "charts": charts,
        "bars": charts.bars(made.report.steps),
        "marks": charts.marks(notes, made.report.steps),
        "ticks": charts.scale(made.report.steps),
        "ends": charts.ends(made.report.steps),
        "names": [(kind, DEFINITIONS[kind].name) for kind in charts.STACKED],
    }


@blueprint.get("/<table>.csv")
@needs(Permission.READ_REPORTS)
def table(table: str) -> Response:
    """One table of the report, cell by cell as on the screen."""
    span = asked_range(request.args, now().date())
    found = table_of(services().report_source(), table, span, now())
    return attached_csv(found.rows(), f"{table}-{span.first}-{span.last}.csv")


@blueprint.get("/<page>.xlsx")
@needs(Permission.READ_REPORTS)
def sheets(page: str) -> Response:
    """All tables of a page as a workbook."""
    wanted, span = page_of(page), asked_range(request.args, now().date())
    made = wanted.make(services().report_source(), span, now())
    mark = services().settings.demonstration
    content = page_workbook(wanted, made, span, now(), demonstration=mark)
    return attached(content, MEDIA_TYPE, f"{page}-{span.first}-{span.last}.xlsx")


@blueprint.get("/figures/<table>/<key>")
@needs(Permission.READ_REPORTS)
def figure(table: str, key: str) -> ResponseReturnValue:
    """One figure: its definition, what it counts, and the rows behind it."""
    span, problem = _asked()
    source = services().report_source()
    found = table_of(source, table, span, now())
    line = next((line for line in found.lines if line.key == key), None)
    if line is None:
        abort(404, "There is no such figure in the report of these days.")
    counted = count_of(key)
    told = rows(source, span, counted, request.args.get("after", "")[:80]) if counted else None
    name = str(line.cells[0] if found.columns[0].kind is ColumnKind.FIGURE else line.cells[1])
    shown = render_template(
        "leads/figure.html",
        name=name,
        line=line,
        table=found,
        home=PAGES[TABLES[table]],
        definition=DEFINITIONS.get(definition_of(key)),
        group=DEFINITIONS.get(key.partition(":")[0]) if ":" in key else None,
        cells=_cells(found, line),
        counted=counted,
        told=told,
        problem=problem,
        **_frame(span, TABLES[table], problem),
    )
    return shown, 422 if problem else 200


def _cells(table: Table, line: Line) -> list[tuple[Any, Any]]:
    """Return the columns of a row with their cells, those that are filled."""
    pairs = zip(table.columns, line.cells, strict=True)
    return [(column, cell) for column, cell in pairs if cell not in (None, "")]


@blueprint.get("/definitions")
@needs(Permission.READ_REPORTS)
def definitions() -> str:
    """Every definition that the report quotes."""
    groups = (
        ("Outcomes", OUTCOMES),
        ("Deflection", DEFLECTION),
        ("Others' formulas", RIVALS),
        ("Failed searches", FAILURES),
        ("Searching and reading", SEARCHING),
        ("Tickets", TICKETS),
        ("From a gap to an answer", CYCLE),
        ("Figures", FIGURES),
    )
    return render_template("leads/definitions.html", groups=groups, version=DEFINITION_VERSION)


@blueprint.get("/privacy")
@needs(Permission.READ_REPORTS)
def privacy() -> str:
    """What is held on people, since when, and what was hidden before it was stored."""
    parts = services()
    return render_template("leads/privacy.html", found=figures(parts.db, parts.settings, now()))


def _asked() -> tuple[DateRange, InvalidInput | None]:
    """Return the range asked for, or the usual one and what is wrong."""
    today = now().date()
    try:
        return asked_range(request.args, today), None
    except InvalidInput as wrong:
        return range_of(USUAL, today), wrong
