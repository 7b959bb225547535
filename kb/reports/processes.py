"""Memory, CPU time and open files of the site's processes, as gauges for Prometheus.

Read from /proc; on a system without it there are no values. What cannot be read of another user's
process is left out.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from kb.reports.prometheus import PREFIX, Gauge, Sample

MAIN, WORKER = "main", "worker"
# Indices of fields in /proc/<pid>/stat, from 0.
_PARENT, _USER, _SYSTEM, _START, _PAGES = 3, 13, 14, 21, 23

HELP = {
    "process_resident_memory_bytes": "Memory in use.",
    "process_cpu_seconds_total": "Processor time since the process began.",
    "process_open_fds": "Open files and connections.",
    "process_start_time_seconds": "When the process began, in seconds since 1970.",
}


def processes(places: Mapping[int, int]) -> list[Gauge]:
    """Return a gauge for each figure, with a sample for each process.

    `places` maps the number n of each web process to its process id; its label is "web-n". The
    parent process is labelled "main", the one for periodic work "worker".
    """
    rows = {name: found for name, pid in _named(places).items() if (found := _read(pid))}
    return [
        Gauge(
            PREFIX + key,
            HELP[key],
            tuple(Sample(row[key], {"process": name}) for name, row in rows.items() if key in row),
        )
        for key in HELP
    ]


def _named(places: Mapping[int, int]) -> dict[str, int]:
    here, above = os.getpid(), os.getppid()
    living = {place: pid for place, pid in places.items() if _parent(pid) == above}
    if here not in living.values():
        return {"web-0": here}  # not started by the main process: it runs alone
    found = {f"web-{place}": pid for place, pid in living.items()} | {MAIN: above}
    others = [pid for pid in _children(above) if pid not in living.values()]
    return found | ({WORKER: others[0]} if others else {})


def _children(pid: int) -> list[int]:
    """Return the process ids of the children of all threads of a process."""
    found: list[int] = []
    with suppress(OSError, ValueError):
        for listing in Path(f"/proc/{pid}/task").glob("*/children"):
            found += map(int, listing.read_text().split())
    return found


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/<pid>/stat, [] if it cannot be read."""
    with suppress(OSError):
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return ["", "", *text.rpartition(")")[2].split()]  # the name before may contain ")"
    return []


def _parent(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[_PARENT]) if fields else 0


def _read(pid: int) -> dict[str, float]:
    fields = _stat(pid)
    if not fields:
        return {}
    ticks, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    found = {
        "process_resident_memory_bytes": float(int(fields[_PAGES]) * page),
        "process_cpu_seconds_total": (int(fields[_USER]) + int(fields[_SYSTEM])) / ticks,
    }
    with suppress(OSError):
        found["process_open_fds"] = float(len(os.listdir(f"/proc/{pid}/fd")))
    with suppress(OSError, StopIteration):
        lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
        boot = next(float(line.split()[1]) for line in lines if line.startswith("btime "))
        found["process_start_time_seconds"] = boot + int(fields[_START]) / ticks
    return found
