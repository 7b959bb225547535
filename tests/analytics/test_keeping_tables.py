"""Tables kept as JSON come back as they were, without people's words; what differs is told."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.reports.model import NOT_KEPT, differences, from_json, has_words, to_json, without_words
from kb.table import Cell, Column, ColumnKind, Line, Table, table_from

TEXT = st.text(max_size=12)
CELL = st.none() | TEXT | st.integers() | st.floats(allow_nan=False)
NAMES = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=6, unique=True)


KINDS = tuple(ColumnKind)


@st.composite
def tables(draw: st.DrawFn, kinds: tuple[ColumnKind, ...] = KINDS) -> Table:
    """Draw any table."""
    columns = tuple(
        Column(name, draw(TEXT), draw(st.sampled_from(kinds)), draw(st.booleans()), draw(TEXT))
        for name in draw(NAMES)
    )
    cells = st.tuples(*[CELL] * len(columns))
    lines = draw(st.lists(st.builds(Line, cells, TEXT, TEXT), max_size=5))
    return Table(draw(TEXT), draw(TEXT), columns, tuple(lines), draw(TEXT))


def typed(table: Table) -> list[list[tuple[type, Cell]]]:
    """Return the cells with their types: 1 and 1.0 are not the same on the screen."""
    return [[(type(cell), cell) for cell in line.cells] for line in table.lines]


@given(tables())
def test_a_table_comes_back_as_it_was(table: Table) -> None:
    back = from_json(json.loads(json.dumps(to_json(table))))
    assert back == table
    assert typed(back) == typed(table)


def test_columns_make_the_cells_and_how_is_not_kept() -> None:
    columns = (Column("n", "N", ColumnKind.COUNT, cell=abs), Column("word", "Word", cell=str))
    made = table_from("t", "T", columns, [-1, 2], key_of=str, unit_of=lambda _: "count")
    assert made.lines == (Line((1, "-1"), "-1", "count"), Line((2, "2"), "2", "count"))
    back = from_json(json.loads(json.dumps(to_json(made))))
    assert (back, repr(back)) == (made, repr(made))
    assert [column.cell for column in back.columns] == [None, None]
    with pytest.raises(ValueError, match="column n makes no cells"):
        table_from("t", "T", back.columns, [1])


def test_a_kind_of_another_version_is_text() -> None:
    kept = to_json(Table("t", "T", (Column("a", "A", ColumnKind.SHARE),), ()))
    kept["columns"][0]["kind"] = "of-the-future"
    assert from_json(kept).columns[0].kind is ColumnKind.TEXT


@given(st.lists(tables(), max_size=4))
def test_a_report_does_not_differ_from_itself(report: list[Table]) -> None:
    assert differences(report, report) == ()


NUMBERS = st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=1, max_size=6)


def counted(rows: list[list[int]]) -> Table:
    """Return a table with a row of that name for each list of three counts."""
    columns = (Column("of", "Of"), *(Column(n, n.upper(), ColumnKind.COUNT) for n in "xyz"))
    return Table("t", "T", columns, tuple(Line((f"row {n}", *row)) for n, row in enumerate(rows)))


@given(NUMBERS, NUMBERS, st.randoms(use_true_random=False))
def test_every_cell_that_differs_is_told_once(
    was: list[list[int]], now: list[list[int]], random: object
) -> None:
    before, after = counted(was), counted(now)
    lines = list(after.lines)
    random.shuffle(lines)  # type: ignore[attr-defined]  # the order of rows says nothing
    told = differences([before], [replace(after, lines=tuple(lines))])
    longest = max(len(was), len(now))
    wanted = {
        (f"row {n}", name.upper(), old, new)
        for n in range(longest)
        for place, name in enumerate("xyz")
        if (old := was[n][place] if n < len(was) else None)
        != (new := now[n][place] if n < len(now) else None)
    }
    assert {(one.row, one.column, one.was, one.now) for one in told} == wanted
    assert len(told) == len(wanted)


def test_a_table_that_is_new_or_gone_differs_in_all_its_cells() -> None:
    table = counted([[1, 2, 3]])
    assert [(one.was, one.now) for one in differences([], [table])] == [
        (None, 1), (None, 2), (None, 3),
    ]  # fmt: skip
    assert [one.was for one in differences([table], [])] == [1, 2, 3]


WORDED = Table(
    "failing-words",
    "Words",
    (
        Column("words", "Words"),
        Column("said", "Said", ColumnKind.WORDS),
        Column("n", "n", ColumnKind.COUNT),
    ),
    (Line(("my vpn", "my vpn", 7), key="my vpn"), Line(("", None, 2))),
)


def test_words_that_people_typed_are_not_kept() -> None:
    kept = without_words(WORDED)
    assert "vpn" not in json.dumps(to_json(kept))
    assert [line.cells for line in kept.lines] == [(NOT_KEPT, NOT_KEPT, 7), ("", None, 2)]
    assert has_words(kept)
    assert without_words(kept) == kept


def test_rows_of_words_are_not_set_side_by_side() -> None:
    other = replace(WORDED, lines=(Line(("printer", "printer", 9)),))
    assert differences([without_words(WORDED)], [without_words(other)]) == ()


@given(tables(tuple(sorted(set(ColumnKind) - {ColumnKind.WORDS}))))
def test_a_table_without_words_is_kept_whole(table: Table) -> None:
    assert without_words(table) == table
