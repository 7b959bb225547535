"""Under which name a process holds leases.

Of all processes that work on a data folder one has the folder's lock, and goes by the folder's
name. The lock ends with the process, however that dies, so the next one may take the leases held
under that name for its own and need not wait for their end. Neither a process id nor the name of
the machine says as much: containers have both in common, and ids are used again.
"""

from __future__ import annotations

import fcntl
import os
import socket
import threading
import uuid
from pathlib import Path
from typing import IO

from kb.heartbeat import boot

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
