"""Solved queries worked out by the worker, in one small file that web processes read.

Promises that no request waits for the record: a page looks at the file's date and reads it when it
has changed. A file that is missing or damaged offers nothing until the next round writes it.
"""

from __future__ import annotations

import json
import logging
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from kb.database import Database
from kb.insight import store
from kb.insight.solving import SolvedQuery, Use, solved_queries, uses
from search.suggesting import Queries

log = logging.getLogger(__name__)

BATCH = 400  # visitors whose events are in memory at once


class HasSpans(Protocol):
    """The settings that say which queries may be offered."""

    @property
    def episode_gap(self) -> timedelta:
        """Silence that ends an episode."""
        ...

    @property
    def retention(self) -> timedelta:
        """How long words are kept."""
        ...

    @property
    def k_anonymity(self) -> int:
        """People needed before their words are shown."""
        ...


def solved(db: Database, settings: HasSpans, now: datetime) -> tuple[SolvedQuery, ...]:
    """Return the queries of the retention period that enough people solved, most people first."""
    since = now - settings.retention
    found: list[Use] = []
    with db.read() as connection:
        visitors = store.approving(connection, since)
    for start in range(0, len(visitors), BATCH):
        some = visitors[start : start + BATCH]
        with db.read() as connection:
            events = store.events_of(connection, some, dict.fromkeys(some, since))
        found += uses(events, settings.episode_gap)
    return solved_queries(found, settings.k_anonymity)


def refresh(db: Database, settings: HasSpans, now: datetime, *, file: Path) -> int:
    """Write what may be offered now, all at once; return how many. OSError when it fails."""
    offered = solved(db, settings, now)
    rows = [[query.words, query.article] for query in offered]
    text = json.dumps({"queries": rows}, ensure_ascii=False, indent=0)
    fresh = file.with_name(f"{file.name}.{os.getpid()}.new")
    fresh.write_text(text, encoding="utf-8")
    os.replace(fresh, file)
    return len(offered)


class SolvedQueries:
    """Call it for the queries to offer. Safe to share between threads."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._held: tuple[tuple[int, int] | None, Queries] = (None, Queries())

    def __call__(self) -> Queries:
        """Return what the file holds now."""
        stamp, held = _stamp(self._file), self._held
        if stamp != held[0]:
            held = self._held = (stamp, self._read())
        return held[1]

    def _read(self) -> Queries:
        try:
            rows = json.loads(self._file.read_text(encoding="utf-8"))["queries"]
            return Queries([(str(words), str(article)) for words, article in rows])
        except FileNotFoundError:
            return Queries()
        except (OSError, ValueError, KeyError, TypeError):
            log.exception("the solved queries cannot be read; none are offered")
            return Queries()


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
