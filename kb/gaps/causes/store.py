"""Diagnoses in the database, and what of the record they are made from.

Promises one cause a search, the latest. Knows no rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kb.gaps.facts import Diagnosis
from kb.gaps.gap import Cause
from kb.schema import events, gap_searches, gaps, tickets

CHUNK = 400  # values in one IN (...); SQLite before 3.32 took 999


def diagnosed(connection: Connection, gap_id: str, live: str) -> frozenset[str]:
    """Return the searches of a gap that were looked at against that generation."""
    query = sa.select(gap_searches.c.search_id).where(
        gap_searches.c.gap_id == gap_id, gap_searches.c.diagnosed == live
    )
    return frozenset(connection.scalars(query))


def of_gap(connection: Connection, gap_id: str) -> dict[str, Diagnosis]:
    """Return what was found of a gap's searches, by search."""
    columns = gap_searches.c
    query = sa.select(columns.search_id, columns.cause, columns.evidence).where(
        columns.gap_id == gap_id, columns.cause != ""
    )
    return {
        row.search_id: Diagnosis(
            Cause(row.cause), str((row.evidence or {}).get("article", "")), row.evidence or {}
        )
        for row in connection.execute(query)
    }


def put(connection: Connection, found: Mapping[str, Diagnosis], live: str) -> None:
    """Write what was found of searches against that generation."""
    for search_id, diagnosis in sorted(found.items()):
        connection.execute(
            sa.update(gap_searches)
            .where(gap_searches.c.search_id == search_id)
            .values(
                cause=diagnosis.cause.value,
                diagnosed=live,
                evidence={**diagnosis.evidence, "article": diagnosis.article},
            )
        )


def note(connection: Connection, gap_id: str, name: str, value: Any) -> None:
    """Write one fact into a gap's data."""
    query = sa.select(gaps.c.data).where(gaps.c.id == gap_id)
    held = connection.scalar(query) or {}
    statement = sa.update(gaps).where(gaps.c.id == gap_id)
    connection.execute(statement.values(data={**held, name: value}))


def asked_by(connection: Connection, search_id: str) -> tuple[bool, frozenset[str]]:
    """Return whether somebody signed in made the search, and the languages it was kept to."""
    query = sa.select(events.c.user_id, events.c.data).where(events.c.id == search_id)
    row = connection.execute(query).first()
    if row is None:
        return False, frozenset()
    chosen = row.data.get("filters", {}).get("languages", ())
    return bool(row.user_id), frozenset(map(str, chosen))


def shown_then(connection: Connection, searches: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the articles that each search was shown, best first, by search."""
    found: dict[str, tuple[str, ...]] = {}
    for start in range(0, len(searches), CHUNK):
        query = sa.select(events.c.id, events.c.data).where(
            events.c.id.in_(searches[start : start + CHUNK])
        )
        for row in connection.execute(query):
            found[row.id] = tuple(str(hit[0]) for hit in row.data.get("hits", ()))
    return found


def resolved(connection: Connection, searches: Sequence[str]) -> dict[str, str]:
    """Return the articles with which tickets of these searches were resolved, by search."""
    found: dict[str, str] = {}
    for start in range(0, len(searches), CHUNK):
        query = sa.select(tickets.c.search_id, tickets.c.resolution_article).where(
            tickets.c.search_id.in_(searches[start : start + CHUNK]),
            tickets.c.resolution_article != "",
        )
        found |= {row[0]: row[1] for row in connection.execute(query)}
    return found
