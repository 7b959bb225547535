"""Leases: each periodic job is run by one worker at a time.

Of all processes that work on a data folder, the one that holds the folder's lock owns leases under
the folder's name. The lock ends with the process, however it dies, so the next one can take over
leases held under that name without waiting for their end. Process ids and host names will not do:
containers share both, and ids are used again.

Of all workers that ask for a job's lease one gets it, until its time is over, and a holder who asks
again keeps it. A lease that ends later than one taken now would is not believed: the clock has been
set back since it was taken.
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
    """Return the id of this boot of the machine, "" where there is none."""
    try:
        return _BOOT.read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


# -- Names of lease owners --


LOCK = "worker.lock"
_here = threading.Lock()
_held: dict[Path, tuple[IO[str], str]] = {}  # the open files are the locks


def of_process() -> str:
    """Return a name that no other process has, nor will have."""
    return _named(uuid.uuid4().hex)


def of_folder(data: Path) -> str:
    """Return the data folder's name where this process holds the folder's lock or can take it now;
    where another process holds it, a name of its own, as from `of_process`.
    """
    place = data.absolute()
    with _here:
        if place not in _held:
            try:
                _held[place] = _locked(place / LOCK)
            except OSError:  # another process has it, or the folder cannot be written
                return of_process()
        return _held[place][1]


def _locked(file: Path) -> tuple[IO[str], str]:
    """Return the open, locked file and the name in it. Raise OSError when another has the lock."""
    handle = os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="utf-8")
    try:
        # The lock belongs to this process alone: forked children do not hold it.
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # A lock in a copy of the folder, or of the machine, excludes nobody: take a new name there.
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


# -- Lease rows --


# Clocks of two machines may differ by this much before one takes the other's lease for one from
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
    """Release the lease before its time, if `owner` holds it."""
    with db.begin() as connection:
        connection.execute(sa.delete(leases).where(leases.c.name == name, leases.c.owner == owner))
