"""When the worker of this data folder was last at work, for who asks whether it lives.

Holds one small file, written at the beginning and the end of each round. Ages are counted by the
machine's monotonic clock, which all processes share and nobody sets, so that a clock set right
makes no worker look dead, nor a dead one alive. Knows no job.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

FILE = "worker.json"
_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What was last heard: `age` in seconds, None where that was before the machine started.

    `working` says that a round was under way, `failing` which jobs failed when they last ran, and
    `fault` why the worker could not be started.
    """

    age: float | None
    working: bool = False
    failing: tuple[str, ...] = ()
    fault: str = ""


def boot() -> str:
    """Return what names this start of the machine, "" where it has no such name."""
    try:
        return _BOOT.read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


def beat(
    data: Path, *, working: bool = False, failing: Collection[str] = (), fault: str = ""
) -> None:
    """Leave word in the data folder; a folder that takes none shows as a worker gone quiet."""
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
    """Return what was last heard, None where nothing ever was."""
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
