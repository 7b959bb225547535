"""Reports for programs: every table of every page, read only.

Promises the cells of the pages. Knows no figure.
"""

from __future__ import annotations

from dataclasses import asdict

from flask import Response, jsonify, request

from kb.accounts.roles import Permission
from kb.analytics.date_ranges import RANGES, asked_range
from kb.analytics.definitions import DEFINITION_VERSION
from kb.reports.pages import CODE, PAGES, table_of
from kb.table import json_rows
from kb.web.api.routes import blueprint
from kb.web.guard import needs, now, services


@blueprint.get("/reports")
@needs(Permission.READ_REPORTS)
def reports() -> Response:
    """The pages of the report with the names of their tables, and the ranges that have names."""
    pages = [{"page": p.key, "title": p.title, "tables": p.tables} for p in PAGES.values()]
    ranges = [{"range": named.key, "title": named.words} for named in RANGES.values()]
    return jsonify(pages=pages, ranges=ranges)


@blueprint.get("/reports/<table>")
@needs(Permission.READ_REPORTS)
def report_table(table: str) -> Response:
    """One table of the report."""
    parts, at = services(), now()
    span = asked_range(request.args, at.date())
    found = table_of(parts.report_source(), table, span, at)
    return jsonify(
        {
            "table": found.key,
            "caption": found.caption,
            "from": span.first.isoformat(),
            "until": span.last.isoformat(),
            "made_at": at.isoformat(timespec="seconds"),
            "definition_version": DEFINITION_VERSION,
            "code_version": CODE,
            "demonstration": parts.settings.demonstration,
            "columns": [asdict(column) for column in found.columns],
            "rows": json_rows(found),
        }
    )
