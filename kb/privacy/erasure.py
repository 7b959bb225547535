"""Erases one person's data on request: whether it is allowed, and in which order.

Erasure is refused while a ticket of theirs is open, unless told otherwise. The database is changed
in one transaction, which also records that somebody was erased, but not whom. Data in files goes
first, so that an interrupted run can be repeated; repeating it changes nothing more.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kb.accounts.roles import STAFF_ROLES
from kb.connectors import files
from kb.database import Connection, Database
from kb.errors import NotAllowed
from kb.privacy import erasure_store, store
from kb.privacy.model import Held, Who
from kb.tickets.model import ACTIVE, display_number
from kb.tickets.store import give_back
from kb.tracking.recorder import Recorder

log = logging.getLogger(__name__)
COMMAND = "command line"


@dataclass(frozen=True, slots=True)
class Erased:
    """How many rows of each table were, or would be, changed or deleted. `wiped` says whether the
    words are also gone from the database's own files.
    """

    counts: dict[str, int]
    wiped: bool = True

    @property
    def nothing(self) -> bool:
        """Return whether nothing was held on the person."""
        return not any(self.counts.values())


class _Undo(Exception):
    """Rolls back the transaction of a dry run."""


def erase(
    db: Database,
    spool: Path,
    who: Who,
    *,
    now: datetime,
    dry_run: bool = False,
    also_open: bool = False,
) -> Erased:
    """Erase the person and return what was done, or with `dry_run` what would be. Emails kept as
    files lie beside the spool.

    Raises NotAllowed for staff, and for open tickets unless `also_open`, which closes them.
    """
    folder = spool.with_name(files.FOLDER)
    with db.read() as connection:
        theirs = store.find(connection, who)
    letters = files.of_person(folder, theirs.emails, theirs.letters)
    if not dry_run:
        Recorder(db, spool).replay_spool()  # spooled events may be theirs too
        with db.read() as connection:
            mine = store.find(connection, who)
            _refuse(connection, mine, also_open=also_open)
        _forget_unreadable(spool / "unreadable.jsonl", mine)
        files.remove(folder, letters)
    counts: dict[str, int] = {}
    try:
        with db.begin() as connection:
            counts = _in_one(db, connection, who, now=now, also_open=also_open)
            if dry_run:
                raise _Undo
    except _Undo:
        pass
    if not dry_run:  # emails that the worker wrote to files meanwhile
        files.remove(folder, files.of_person(folder, theirs.emails, theirs.letters))
    if letters:
        counts["letters in files"] = len(letters)
    if any(counts.values()) and not dry_run:
        log.info("one person was erased: %s", counts)
    return Erased(counts, wiped=dry_run or db.scrub())


def _in_one(
    db: Database, connection: Connection, who: Who, *, now: datetime, also_open: bool
) -> dict[str, int]:
    erasure_store.alone(connection)
    mine = store.find(connection, who)
    _refuse(connection, mine, also_open=also_open)
    if mine.nothing:
        return {}
    given_back = give_back(db, connection, mine.user_id, now)
    erased = erasure_store.erase(connection, mine, now=now) | {"tickets_given_back": given_back}
    done = {name: count for name, count in erased.items() if count}
    if done:
        erasure_store.note(connection, done, actor=COMMAND, now=now)
    return done


def _refuse(connection: Connection, mine: Held, *, also_open: bool) -> None:
    if store.role_of(connection, mine.user_id) in {role.value for role in STAFF_ROLES}:
        raise NotAllowed(
            "This account is staff: others' tickets name it.",
            "Hand over its work and make it a reader first: kb user role EMAIL reader",
        )
    active = [status.value for status in ACTIVE]
    waiting = store.open_tickets(connection, mine.tickets, active)
    if waiting and not also_open:
        numbers = ", ".join(display_number(number) for number in waiting)
        raise NotAllowed(
            f"Still open: {numbers}.",
            "Resolve them first, or give --with-open to close and erase them.",
        )


def _forget_unreadable(file: Path, mine: Held) -> None:
    """Remove lines that name the person from the file of events the database never accepted."""
    marks = {mine.user_id, *mine.emails, *mine.visitors, *mine.searches} - {""}
    if not marks or not file.exists():
        return
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    kept = [line for line in lines if not _names(line, marks)]
    fresh = file.with_suffix(".new")
    fresh.write_text("".join(kept), encoding="utf-8")
    os.replace(fresh, file)


def _names(line: str, marks: Collection[str]) -> bool:
    return any(mark in line for mark in marks)
