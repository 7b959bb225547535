"""Positions of lines and bars in the report's charts, in per cent of the drawing.

The templates draw them; every chart stands beside the table that it shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil, floor, log10

from kb.analytics.figures import Estimate, Figure
from kb.analytics.search_metrics import TimeStep
from kb.reports.model import Annotation
from kb.table import Cell, Line

# From the bottom up, the surest outcome first.
STACKED = ("confirmed", "potential", "abandoned", "ticketed", "open")


@dataclass(frozen=True, slots=True)
class Strip:
    """One line of a chart of shares: from `low` to `high`, a mark at `at`; each may be None."""

    low: float | None
    high: float | None
    at: float | None


@dataclass(frozen=True, slots=True)
class ChartBar:
    """One piece of a stacked bar; `kind` is what it stands for."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class ChartMark:
    """A mark of notes on a chart of days: from `x`, `width` wide. `label` holds their numbers in
    the list of notes; `row` is one of three, so that neighbours do not cover each other.
    """

    label: str
    x: float
    width: float
    row: int


@dataclass(frozen=True, slots=True)
class Tick:
    """One line across a plot, with its label; `y` counts from the top."""

    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Point:
    """A share of one day or week: `x`, the share `at`, and its interval, from the top."""

    x: float
    at: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Shares:
    """A share over time; `ends` are the first and the last day, as they stand in the table."""

    points: tuple[Point, ...]
    ticks: tuple[Tick, ...]
    ends: tuple[date, date] | None


def strip(figure: Figure | Estimate) -> Strip:
    """Return the line of a share: its interval, and a mark at its value."""
    low, high = figure.interval or (None, None)
    return Strip(_percent(low), _percent(high), _percent(figure.value))


def between(lower: Figure, upper: Figure) -> Strip:
    """Return the line from one bound to the other."""
    return Strip(_percent(lower.value), _percent(upper.value), None)


def bar(value: float | None, low: float | None = None, high: float | None = None) -> Strip:
    """Return the line of a share in a table: its interval, or from zero to it, and its mark."""
    if low is None:
        low, high = (0.0, value) if value is not None else (None, None)
    return Strip(_percent(low), _percent(high), _percent(value))


def _percent(value: float | None) -> float | None:
    return None if value is None else round(min(1.0, max(0.0, value)) * 100, 2)


def bars(steps: Sequence[TimeStep]) -> list[ChartBar]:
    """Return the pieces of one bar for each step, as high as it has episodes."""
    most = max((step.total for step in steps), default=0)
    if not most:
        return []
    width = 100 / len(steps)
    found = []
    for place, step in enumerate(steps):
        top = 100.0
        for kind in STACKED:
            height = step.outcomes[kind] / most * 100
            top -= height
            if height:
                piece = (place * width + width * 0.1, top, width * 0.8, height)
                found.append(ChartBar(kind, *(round(number, 2) for number in piece)))
    return found


def scale(steps: Sequence[TimeStep]) -> tuple[Tick, ...]:
    """Return the lines across the bars of the same steps, by round numbers of episodes."""
    most = max((step.total for step in steps), default=0)
    if not most:
        return ()
    width = max(1, _round_step(most))
    return tuple(
        Tick(round(100 - number / most * 100, 2), f"{number:,}")
        for number in range(0, most + 1, int(width))
    )


def ends(steps: Sequence[TimeStep]) -> tuple[date, date] | None:
    """Return the first and the last day of steps."""
    return (steps[0].first, steps[-1].last) if steps else None


def shares(lines: Sequence[Line], *, at: int, low: int, high: int) -> Shares:
    """Return the chart of a table's rows: `at`, `low` and `high` are the indices of the cells of a
    share and its interval; the first two cells are a row's first and last day.
    """
    tops = [value for line in lines if (value := _number(line.cells[high])) is not None]
    if not tops:
        return Shares((), (), None)
    step = _round_step(max(max(tops), 0.01) * 100)
    most = step * ceil(max(tops) * 100 / step)
    width = 100 / len(lines)
    points = []
    for place, line in enumerate(lines):
        values = [_number(line.cells[n]) for n in (at, low, high)]
        found = [100 - value * 10_000 / most for value in values if value is not None]
        if len(found) == len(values):
            points.append(Point(*(round(n, 2) for n in (width * (place + 0.5), *found))))
    ticks = (Tick(100 - n * step / most * 100, f"{n * step:g} %") for n in range(5 + 1))
    days = (date.fromisoformat(str(lines[0].cells[0])), date.fromisoformat(str(lines[-1].cells[1])))
    return Shares(tuple(points), tuple(tick for tick in ticks if tick.y >= 0), days)


def _number(cell: Cell) -> float | None:
    return float(cell) if isinstance(cell, int | float) else None


def _round_step(most: float) -> float:
    """Return 1, 2 or 5 times a power of ten that goes at most five times into `most`."""
    power = 10.0 ** floor(log10(most / 5)) if most > 0 else 1.0
    return next(power * n for n in (1, 2, 5, 10) if power * n * 5 >= most)


def marks(notes: Sequence[Annotation], steps: Sequence[TimeStep]) -> list[ChartMark]:
    """Return the marks of notes over the bars of the same steps, one for notes of the same days;
    `notes` are in the order of their list.
    """
    places: dict[tuple[float, float], list[str]] = {}
    for number, note in enumerate(notes, start=1):
        if steps and note.first <= steps[-1].last and note.last >= steps[0].first:
            start, end = _place(note.first, steps)[0], _place(note.last, steps)[1]
            where = (round(start, 2), round(end - start, 2))
            places.setdefault(where, []).append(str(number))
    return [
        ChartMark(", ".join(labels), x, width, row % 3)
        for row, ((x, width), labels) in enumerate(places.items())
    ]


def _place(day: date, steps: Sequence[TimeStep]) -> tuple[float, float]:
    """Return where a day begins and ends; one outside is at the edge of the drawing."""
    width = 100 / len(steps)
    day = min(max(day, steps[0].first), steps[-1].last)
    number = next(n for n, step in enumerate(steps) if day <= step.last)
    step = steps[number]
    part = width / ((step.last - step.first).days + 1)
    start = number * width + (day - step.first).days * part
    return start, start + part
