"""A report's address under a name: a page, its arguments, and whether others see it.

Promises that only known pages and known arguments are kept, as plain values, so that a view can
lead nowhere but to a report. Pure; which pages there are, it is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from kb.analytics.date_ranges import RANGES
from kb.errors import InvalidInput
from kb.insight.naming import given

LONGEST = 80
MOST_VALUES = 10
DAYS = ("from", "until")  # given up for a range by name
Query = Mapping[str, tuple[str, ...]]
Pages = Mapping[str, frozenset[str]]  # page -> its arguments


@dataclass(frozen=True, slots=True)
class View:
    """A saved view. `page` is a page's name, `query` its arguments; `owner` an account's id."""

    id: str
    owner: str
    name: str
    shared: bool
    page: str
    query: Query
    at: datetime


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to save."""

    name: str
    shared: bool
    page: str
    query: Query


def named(text: str) -> str:
    """Return a view's name; InvalidInput when it has none or too long a one."""
    return given(text, what="the view a name", field="name", longest=LONGEST)


def wanted(form: Mapping[str, str], given: Mapping[str, Sequence[str]], pages: Pages) -> Wanted:
    """Return what a form wants to save: `name`, `shared`, `page`, a `range` by name or "" for the
    days given; `given` are the page's arguments. InvalidInput for a page that is not known.
    """
    page = form.get("page", "")
    if page not in pages:
        problem = "This page cannot be saved as a view."
        raise InvalidInput(problem, "Open the report and save it from there.")
    query = kept(given, pages[page])
    moving = form.get("range", "".join(query.pop("range", ())[:1]))
    if moving in RANGES and "range" in pages[page]:
        query = {key: values for key, values in query.items() if key not in DAYS}
        query["range"] = (moving,)
    return Wanted(named(form.get("name", "")), "shared" in form, page, query)


def kept(given: Mapping[str, Sequence[str]], known: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """Return the known arguments with their plain values, in the order of their names."""
    found = {
        name: tuple(v for v in given[name] if v and v.isprintable() and len(v) <= 100)
        for name in sorted(known & given.keys())
    }
    return {name: values[:MOST_VALUES] for name, values in found.items() if values}
