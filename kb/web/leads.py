"""Pages for support leads: the report of a date range, its definitions, its tables as CSV.

Promises that the screen and the CSV come from the same report and that every figure leads to its
definition. Knows no definition itself.
"""

from __future__ import annotations

from datetime import date, timedelta

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from kb.errors import InvalidInput
from kb.insight.definitions import DEFINITION_VERSION, DEFINITIONS, FAILURES, FIGURES, OUTCOMES
from kb.insight.deflection_definitions import DEFLECTION, RIVALS
from kb.insight.export import TABLES, csv_rows, csv_text
from kb.insight.ranges import asked_range
from kb.insight.report import DateRange, Report
from kb.insight.reporting import report_beside
from kb.people.roles import Permission
from kb.privacy.reporting import figures
from kb.web import charts
from kb.web.guard import needs, now, services

blueprint = Blueprint("leads", __name__, url_prefix="/reports")

USUAL_DAYS = 30
PRESETS = (7, 30, 90)
LONGEST_DAYS = 366
# Calendars end at the year 9999, and a report looks a day beyond its range.
EARLIEST, LATEST = date(2000, 1, 1), date(2999, 12, 31)


@blueprint.get("/")
@needs(Permission.READ_REPORTS)
def report() -> ResponseReturnValue:
    """What happened in a range of days."""
    try:
        span, problem = _range(), None
    except InvalidInput as wrong:
        span, problem = _usual(), wrong
    found = _report(span)
    page = render_template(
        "leads/report.html",
        report=found,
        charts=charts,
        bars=charts.bars(found.steps),
        names=[(kind, DEFINITIONS[kind].name) for kind in charts.STACKED],
        titles=_titles(),
        tables=tuple(TABLES),
        problem=problem,
        asked={"from": request.args.get("from") or span.first.isoformat(),
               "until": request.args.get("until") or span.last.isoformat()},
        presets=[(days, _last(days)) for days in PRESETS],
        window=services().settings.outcome_window,
    )  # fmt: skip
    return page, 422 if problem else 200


@blueprint.get("/<table>.csv")
@needs(Permission.READ_REPORTS)
def table(table: str) -> Response:
    """One table of the report, cell by cell as on the screen."""
    span = _range()
    text = csv_text(csv_rows(_report(span), table))
    name = f"{table}-{span.first}-{span.last}.csv"
    response = Response(text, mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@blueprint.get("/definitions")
@needs(Permission.READ_REPORTS)
def definitions() -> str:
    """Every definition that the report quotes."""
    groups = (
        ("Outcomes", OUTCOMES),
        ("Deflection", DEFLECTION),
        ("Others' formulas", RIVALS),
        ("Failed searches", FAILURES),
        ("Figures", FIGURES),
    )
    return render_template("leads/definitions.html", groups=groups, version=DEFINITION_VERSION)


@blueprint.get("/privacy")
@needs(Permission.READ_REPORTS)
def privacy() -> str:
    """What is held on people, since when, and what was hidden before it was stored."""
    parts = services()
    return render_template("leads/privacy.html", found=figures(parts.db, parts.settings, now()))


def _report(span: DateRange) -> Report:
    parts = services()
    return report_beside(
        parts.db, span, k=parts.settings.k_anonymity, now=now(), costs=parts.costs()
    )


def _usual() -> DateRange:
    return _last(USUAL_DAYS)


def _last(days: int) -> DateRange:
    """Return the range of the last days, today included."""
    today = now().date()
    return DateRange(today - timedelta(days=days - 1), today)


def _range() -> DateRange:
    """Return the range asked for; InvalidInput when it is none."""
    if request.args.get("range"):
        return asked_range(request.args, now().date())
    usual = _usual()
    first = _day("from", usual.first)
    last = _day("until", max(usual.last, first) if "from" in request.args else usual.last)
    span = DateRange(first, last)
    if (last - first).days >= LONGEST_DAYS:
        problem = f"Choose at most {LONGEST_DAYS} days."
        raise InvalidInput(problem, fields={"from": problem})
    return span


def _day(name: str, usual: date) -> date:
    text = request.args.get(name, "")
    try:
        day = date.fromisoformat(text) if text else usual
    except ValueError:
        day = date.min
    if EARLIEST <= day <= LATEST:
        return day
    problem = f"{text[:20]!r} is not a day that a report can have: write it as 2026-03-31."
    raise InvalidInput(problem, fields={name: problem})


def _titles() -> dict[str, str]:
    """Return the titles of the articles by slug."""
    return {slug: article.title for slug, article in services().library().articles.items()}
