"""A CSV file of any dialect into the cells that are read of it.

What sets cells apart is found by which reading of the first lines names the columns; a row whose
cells cannot be told apart is refused rather than read one column off.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import islice

from kb.errors import InvalidInput
from kb.insight.outside.columns import lacking, meanings

MARKS = (",", ";", "\t", "|")
NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
TITLES = 10  # lines before the header that some exports begin with
_TOLD = re.compile(r"\s*\"?sep=(.)\"?[ \t]*(?:\r\n|\r|\n|\Z)", re.IGNORECASE)
_FORMULA = re.compile(r'="([^"]*)"')  # how exports keep a spreadsheet from changing an id
_SAFE = re.compile(r"'(?=[\d=+@-])")  # the apostrophe that makes a cell text
_EMPTY = " \t\r\n\xa0\ufeff\u200b"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file whose header was found: which columns are read, and what sets cells apart."""

    mark: str
    header: tuple[str, ...]
    fields: tuple[str, ...]
    _text: str
    _skipped: int  # lines before the text
    _records: int  # records of the text up to the header, which is the last of them

    @property
    def described(self) -> str:
        """Return in words how the file was read."""
        read = (
            f"{field} from {name.strip(_EMPTY)!r}"
            for field, name in zip(self.fields, self.header, strict=True)
            if field
        )
        return f"cells set apart by {NAMES.get(self.mark, repr(self.mark))}; {', '.join(read)}"

    def rows(self) -> Iterator[tuple[int, Mapping[str, str] | str]]:
        """Give each row with the number of its first line: its cells, or what is wrong with it.

        InvalidInput where the rest of the file is not CSV.
        """
        for line, cells in islice(_records(self._text, self.mark), self._records, None):
            if any(cell.strip(_EMPTY) for cell in cells):
                yield line + self._skipped, self._row(cells)

    def _row(self, cells: Sequence[str]) -> Mapping[str, str] | str:
        wide = len(self.header)
        if any(cell.strip(_EMPTY) for cell in cells[wide:]):
            return (
                f"it has {len(cells)} cells and the header {wide}, so quotation marks are missing"
            )
        if any(self.fields[len(cells) :]):
            return f"it has only {len(cells)} cells and the header {wide}"
        named = zip(self.fields, cells, strict=False)
        return {field: clean(cell) for field, cell in named if field}


def sheet(text: str) -> Sheet:
    """Return the sheet of a file; InvalidInput where no line names the columns."""
    skipped = 0
    marks: tuple[str, ...] = MARKS
    if told := _TOLD.match(text):
        skipped, marks = _lines(text[: told.end()]), (told[1],)
        text = text[told.end() :]
    found = [one for mark in marks if (one := _with(text, mark, skipped))]
    if not found:
        raise _unnamed(text, marks)
    return max(found, key=lambda one: (sum(map(bool, one.fields)), len(one.header)))


def clean(cell: str) -> str:
    """Return a cell without what spreadsheets and exports put around it."""
    cell = cell.strip(_EMPTY)
    if match := _FORMULA.fullmatch(cell):
        cell = match[1].strip(_EMPTY)
    return _SAFE.sub("", cell, count=1) if cell.startswith("'") else cell


def _with(text: str, mark: str, skipped: int) -> Sheet | None:
    """Return the sheet as read with this mark, None where no line names the columns."""
    for place, (_, cells) in enumerate(_readable(text, mark), start=1):
        fields = meanings(cells)
        if not lacking(fields):
            return Sheet(mark, tuple(cells), tuple(fields), text, skipped, place)
    return None


def _readable(text: str, mark: str) -> Iterator[tuple[int, list[str]]]:
    """Give the first records, up to where the text is no CSV."""
    try:
        yield from islice(_records(text, mark), TITLES)
    except InvalidInput:
        return


def _records(text: str, mark: str) -> Iterator[tuple[int, list[str]]]:
    """Give each record with the number of its first line; InvalidInput where it is not CSV."""
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # a cell may hold a whole letter
    source = StringIO(text, newline="")  # a line ends where CSV says, not at every odd sign
    lines = csv.reader(source, delimiter=mark, strict=True, skipinitialspace=mark != "\t")
    line = 0
    try:
        for cells in lines:
            yield line + 1, cells
            line = lines.line_num
    except csv.Error as problem:
        raise InvalidInput(
            f"Line {line + 1} is not CSV: {problem}.", "Check its quotation marks."
        ) from None


def _lines(text: str) -> int:
    return len(re.findall(r"\r\n|\r|\n", text))


def _unnamed(text: str, marks: Sequence[str]) -> InvalidInput:
    """Return the refusal of a file in which no line names the columns."""
    heads = [cells for mark in marks for _, cells in islice(_readable(text, mark), 1)]
    widest = max(heads, key=len, default=[])
    missing = lacking(meanings(widest))
    shown = ", ".join(cell.strip(_EMPTY)[:30] for cell in widest[:12])
    seen = f" The first line reads: {shown}." if shown else ""
    return InvalidInput(
        "The first line does not name the columns.",
        f"It needs id, time, and email or user, as in: id,time,email. Missing: {missing}.{seen}",
    )
