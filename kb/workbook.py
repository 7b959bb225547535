"""Write tables as one workbook (XLSX), with a sheet for each table.

Numbers are written as numbers and text as text: no text can run as a formula, however it begins.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from kb.table import Cell, Column, ColumnKind, Table

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LONGEST_NAME = 31  # characters of a sheet's name, the limit of Excel
_FORBIDDEN = re.compile(r"[\[\]:*?/\\']")
_FORMATS = {
    ColumnKind.SHARE: "0.0%",
    ColumnKind.DIFFERENCE: "+0.0%;-0.0%;0.0%",
    ColumnKind.COUNT: "#,##0",
}


def workbook(tables: Sequence[Table], about: Iterable[tuple[str, str]], *, made: datetime) -> bytes:
    """Return the file: a first sheet with the (name, value) pairs of `about`, then each table."""
    import xlsxwriter  # imported late: only workbooks need it

    out = io.BytesIO()
    book = xlsxwriter.Workbook(
        out,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    book.set_properties({"created": made.replace(tzinfo=None)})
    bold = book.add_format({"bold": True})
    formats = {kind: book.add_format({"num_format": form}) for kind, form in _FORMATS.items()}
    first = book.add_worksheet("About")
    first.set_column(0, 1, 40)
    for row, (name, value) in enumerate(about):
        first.write_string(row, 0, name, bold)
        first.write_string(row, 1, value)
    names: set[str] = {"about"}
    for table in tables:
        sheet = book.add_worksheet(_name(table.key, names))
        sheet.freeze_panes(1, 1)
        for place, column in enumerate(table.columns):
            sheet.write_string(0, place, column.key, bold)
            sheet.set_column(place, place, _width(column), formats.get(column.kind))
        for row, line in enumerate(table.lines, start=1):
            for place, cell in enumerate(line.cells):
                _write(sheet, row, place, cell, formats.get(table.columns[place].kind))
    book.close()
    return out.getvalue()


def _write(sheet: object, row: int, place: int, cell: Cell, form: object) -> None:
    if cell is None:
        return
    if isinstance(cell, str):
        sheet.write_string(row, place, cell)  # type: ignore[attr-defined]
    else:
        sheet.write_number(row, place, cell, form)  # type: ignore[attr-defined]


def _width(column: Column) -> int:
    return 12 if column.numeric else 60 if column.kind is ColumnKind.NOTE else 28


def _name(key: str, taken: set[str]) -> str:
    """Return a unique name for a sheet and add it to `taken`."""
    plain = _FORBIDDEN.sub("-", key)[:LONGEST_NAME]
    found, number = plain, 1
    while found.casefold() in taken:
        number += 1
        found = f"{plain[: LONGEST_NAME - 4]}-{number}"
    taken.add(found.casefold())
    return found
