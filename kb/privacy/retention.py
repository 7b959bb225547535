"""Deletes what is past its retention: words, data derived from them, salts, emails, subscriptions.

Everything that `retention` covers is gone at most an hour after it is due. A dry run counts what is
due without changing anything.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from kb.analytics import jobs as analytics_jobs
from kb.analytics.jobs import EpisodeSettings
from kb.connectors.files import FOLDER, older
from kb.database import Database
from kb.privacy import store


def due(
    db: Database,
    settings: EpisodeSettings,
    now: datetime,
    *,
    retention: timedelta,
    spool: Path | None = None,
) -> dict[str, int]:
    """Return how many rows are due for deletion, by what they are, without changing anything. With
    `spool`, emails kept as files beside it count too.
    """
    day = analytics_jobs.oldest_salt(settings, now)
    with db.read() as connection:
        rows = store.due(connection, now, retention=retention, day=day)
    if spool is not None:
        rows["letters in files"] = len(older(spool.with_name(FOLDER), now - retention))
    return rows


def purge(
    db: Database, settings: EpisodeSettings, now: datetime, *, retention: timedelta, spool: Path
) -> dict[str, int]:
    """Delete what is due; return how many rows of each kind."""
    emptied = analytics_jobs.purge(db, settings, now, retention=retention)
    with db.begin() as connection:
        done = store.forget(connection, now, retention=retention)
    done["lines"] = _forget_lines(spool / "unreadable.jsonl", now - retention)
    stale = older(spool.with_name(FOLDER), now - retention)
    for file in stale:
        file.unlink(missing_ok=True)
    return {"events": emptied, **done, "letters in files": len(stale)}


def _forget_lines(file: Path, before: datetime) -> int:
    """Remove lines older than `before` from the file of events that the database never accepted,
    and return how many; a line without a time is as old as the file.
    """
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        stale = file.stat().st_mtime < before.timestamp()
    except OSError:
        return 0
    kept = [line for line, at in _dated(lines) if not (stale if at is None else at < before)]
    if len(kept) < len(lines):
        fresh = file.with_suffix(".new")
        fresh.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
        os.replace(fresh, file)
    return len(lines) - len(kept)


def _dated(lines: list[str]) -> Iterator[tuple[str, datetime | None]]:
    for line in lines:
        try:
            at = datetime.fromisoformat(json.loads(line)["at"])
        except (ValueError, KeyError, TypeError):
            at = None
        yield line, at if at and at.tzinfo else None
