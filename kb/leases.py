"""Leases: one worker at a time runs each periodic job; who holds them and the rows that say so.

Of all processes that work on a data folder one has the folder's lock, and goes by the folder's
name. The lock ends with the process, however that dies, so the next one may take the leases held
under that name for its own and need not wait for their end. Neither a process id nor the name of
the machine says as much: containers have both in common, and ids are used again.

Promises that of all workers asking for a job's lease one holds it, until its time is over, and
that a holder who asks again keeps it; and that no lease is believed that ends later than one taken
now would, for then the clock was set back since. Knows no job.
"""

from __future__ import annotations

import fcntl
import os
import socket
import threading
import uuid
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

import sqlalchemy as sa

from kb.database import Database
from kb.schema import leases

_BOOT = Path("/proc/sys/kernel/random/boot_id")


def boot() -> str:
    """Return what names this start of the machine, "" where it has no such name."""
    try:
        return _BOOT.read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


# -- Under which name a process holds leases --


LOCK = "worker.lock"
_here = threading.Lock()
_held: dict[Path, tuple[IO[str], str]] = {}  # open as long as the process lives: that is the lock


def of_process() -> str:
    """Return a name that no other process has, nor will have."""
    return _named(uuid.uuid4().hex)


def of_folder(data: Path) -> str:
    """Return the name of the data folder where this process has its lock or gets it now; one of
    its own, as `of_process` does, where another process has it.
    """
    place = data.absolute()
    with _here:
        if place not in _held:
            try:
                _held[place] = _locked(place / LOCK)
            except OSError:  # another's, or a folder that cannot be written
                return of_process()
        return _held[place][1]


def _locked(file: Path) -> tuple[IO[str], str]:
    """Return the open file, locked, and the name in it. OSError when another has the lock."""
    handle = os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="utf-8")
    try:
        # Of the process alone: what it forks does not keep it.
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # In a copy of the folder, or of the whole machine, the lock keeps nobody out.
        place = [boot(), str(os.fstat(handle.fileno()).st_ino)]
        told = handle.read().split()
        if told[1:] != place:
            told = [uuid.uuid4().hex, *place]
            handle.seek(0)
            handle.truncate()
            handle.write(" ".join(told))
            handle.flush()
    except BaseException:
        handle.close()
        raise
    return handle, _named(told[0])


def _named(unique: str) -> str:
    return f"{socket.gethostname()[:24]}:{unique}"


# -- Lease rows: which worker runs a periodic job, and until when --


# Two machines' clocks may differ by this much without either taking the other's lease for one from
# before its own clock was set back.
SKEW = timedelta(seconds=10)


def hold(db: Database, name: str, *, owner: str, now: datetime, ttl: timedelta) -> bool:
    """Return whether `owner` holds the lease `name` from now until now + ttl.

    A worker that dies keeps it until then; choose a ttl longer than the job takes.
    """
    wanted = {"name": name, "owner": owner, "until": now + ttl}
    free = sa.or_(leases.c.owner == owner, leases.c.until <= now, leases.c.until > now + ttl + SKEW)
    with db.begin() as connection:
        if db.insert_once(connection, leases, [wanted]):
            return True
        taken = connection.execute(
            sa.update(leases)
            .where(leases.c.name == name, free)
            .values(owner=owner, until=now + ttl)
        )
        return taken.rowcount == 1


def release(db: Database, name: str, *, owner: str) -> None:
    """Give the lease back before its time, if `owner` holds it."""
    with db.begin() as connection:
        connection.execute(sa.delete(leases).where(leases.c.name == name, leases.c.owner == owner))
