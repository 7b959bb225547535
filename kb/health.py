"""The worker's heartbeat and the checks that /readyz shows.

The worker writes one small file at the beginning and the end of each round. Ages are measured with
the machine's monotonic clock, which all processes share, so that setting the clock makes no worker
look dead, nor a dead one alive.

Every detail is in words that anybody may read: no path, no address, nothing that another system or
a person wrote. What staff needs beyond that is on their pages and in the log.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from kb.config.settings import Settings
from kb.connectors.registry import fault_of
from kb.database import Database
from kb.errors import StoreError
from kb.leases import boot
from kb.notifications.outbox import Backlog, Outbox

# -- Heartbeat of the worker --


FILE = "worker.json"


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The last heartbeat: `age` in seconds, None where it is from before the machine's start.

    `working` says that a round was under way, `failing` which jobs failed when they last ran, and
    `fault` why the worker could not be started.
    """

    age: float | None
    working: bool = False
    failing: tuple[str, ...] = ()
    fault: str = ""


def beat(
    data: Path, *, working: bool = False, failing: Collection[str] = (), fault: str = ""
) -> None:
    """Write a heartbeat to the data folder; where that fails, the worker shows as silent."""
    told = {
        "boot": boot(),
        "at": time.monotonic(),
        "working": working,
        "failing": sorted(failing),
        "fault": fault,
    }
    fresh = data / f"{FILE}.{os.getpid()}.new"
    with suppress(OSError):
        fresh.write_text(json.dumps(told), "utf-8")
        os.replace(fresh, data / FILE)


def last_heard(data: Path) -> Heartbeat | None:
    """Return the last heartbeat, None where there never was one."""
    try:
        told = json.loads((data / FILE).read_text("utf-8"))
        age = time.monotonic() - float(told["at"])
        known = told["boot"] == boot() and age >= 0
        return Heartbeat(
            age=age if known else None,
            working=bool(told["working"]),
            failing=tuple(map(str, told["failing"])),
            fault=str(told["fault"]),
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None


# -- Readiness checks --


QUIET = 3  # intervals without a round before the worker is taken for dead
SHORTEST_QUIET_S = 15.0  # starting takes a moment
LONGEST_ROUND_S = 300.0  # a lease; nothing in a round is meant to take longer
# Free bytes below which somebody must come and look: a publish writes its generation beside the
# live one, SQLite its log beside the database, and a full disk refuses tickets.
FLOOR = 256 * 2**20
PATIENCE = timedelta(minutes=15)  # an email that waits longer is reported, whatever it waits for


@dataclass(frozen=True, slots=True)
class ReadinessCheck:
    """One dependency of the site; `vital` when the site is of no use without it."""

    name: str
    ok: bool
    vital: bool
    detail: str


def worker_check(data: Path, interval: timedelta) -> ReadinessCheck:
    """Return whether this data folder's worker is alive, and when its last round was."""
    heard = last_heard(data)
    wrong, usual = _of_worker(heard, interval.total_seconds())
    return ReadinessCheck("worker", ok=not wrong, vital=False, detail=wrong or usual)


def _of_worker(heard: Heartbeat | None, interval: float) -> tuple[str, str]:
    """Return what is wrong with the worker ("" for nothing) and what to say otherwise."""
    if heard is None:
        return "no round yet", ""
    if heard.fault:
        return heard.fault, ""
    if heard.age is None:
        return "no round since the machine started", ""
    longest = LONGEST_ROUND_S if heard.working else max(QUIET * interval, SHORTEST_QUIET_S)
    if heard.age > longest + interval:
        what = "a round goes on for" if heard.working else "no round for"
        return f"{what} {heard.age:.0f} s", ""
    if heard.failing:
        return f"jobs that fail: {', '.join(heard.failing)}", ""
    return "", "a round is under way" if heard.working else f"last round {heard.age:.0f} s ago"


def disk_check(data: Path) -> ReadinessCheck:
    """Return whether the data folder's disk has room."""
    try:
        disk = os.statvfs(data)
    except OSError:
        return ReadinessCheck(
            "disk", ok=False, vital=False, detail="the data folder cannot be looked at"
        )
    free, files = disk.f_bavail * disk.f_frsize, disk.f_favail
    if disk.f_files and not files:
        return ReadinessCheck("disk", ok=False, vital=False, detail="no more files can be made")
    detail = f"{free / 2**20:.0f} MB free" if free < 2**30 else f"{free / 2**30:.0f} GB free"
    return ReadinessCheck("disk", ok=free >= FLOOR, vital=False, detail=detail)


def mail_check(db: Database | None, settings: Settings, now: datetime) -> ReadinessCheck:
    """Return what waits in the outbox, and why; `db` is None where it does not answer."""
    if db is None:
        detail = "not known: the database does not answer"
        return ReadinessCheck("mail", ok=False, vital=False, detail=detail)
    try:
        with db.read() as connection:
            backlog = Outbox(connection).backlog()
    except StoreError:
        return ReadinessCheck(
            "mail", ok=False, vital=False, detail="not known: the outbox cannot be read"
        )
    fault = blocked_by(backlog)
    late = backlog.since is not None and now - backlog.since > PATIENCE
    return ReadinessCheck(
        "mail",
        ok=not fault and not late,
        vital=False,
        detail=_of_mail(backlog, fault, bool(settings.mail_url)),
    )


def blocked_by(backlog: Backlog) -> str:
    """Return the fault that stops all mail, "" where none is known."""
    return next((fault for error in backlog.errors if (fault := fault_of(error))), "")


def _of_mail(backlog: Backlog, fault: str, has_server: bool) -> str:
    told = "1 letter waits" if backlog.waiting == 1 else f"{backlog.waiting or 'no'} letters wait"
    told = "no letter waits" if not backlog.waiting else told
    if backlog.failing and not fault:
        told += f", {backlog.failing} of them after a failure"
    if fault:
        told += f"; {fault}"
    return told if has_server else f"{told}; no mail server is set, letters become files"
