"""A page of the report as a workbook.

Promises that the file says what it is of, when and by which definitions it was made.
"""

from __future__ import annotations

from datetime import datetime
from importlib.metadata import version

from kb.analytics.definitions import DEFINITION_VERSION
from kb.analytics.report import DateRange
from kb.config.demo_marker import SAYS
from kb.reports.pages import Made, Page
from kb.workbook import workbook

CODE = version("tier-zero")


def page_workbook(
    page: Page, made: Made, span: DateRange, now: datetime, *, demonstration: bool = False
) -> bytes:
    """Return the tables of a page as an XLSX file."""
    about = [
        ("Report", page.title),
        ("From", span.first.isoformat()),
        ("Until", span.last.isoformat()),
        ("Days", "UTC, both included"),
        ("Made at", now.isoformat(timespec="seconds")),
        ("Version of the definitions", str(DEFINITION_VERSION)),
        ("Version of the code", CODE),
    ]
    if demonstration:
        about.insert(0, ("Data", SAYS))
    return workbook(made.tables, about, made=now)
