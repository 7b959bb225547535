"""Runs a measurement in a process of its own, and reads a process's memory (Linux).

Neither memory nor a warm cache of one measurement affects the next.
"""

from __future__ import annotations

import contextlib
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Found = TypeVar("Found")
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def alone(work: Callable[Given, Found], *args: Given.args, **kwargs: Given.kwargs) -> Found:
    """Return the result of a module's function in a fresh interpreter; raise its errors here."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(work, *args, **kwargs).result()


def resident() -> float:
    """Return this process's resident memory in MB, with the read pages of mapped files."""
    return _line("VmRSS")


def peak() -> float:
    """Return the largest resident memory in MB since `forget_peak`."""
    return _line("VmHWM")


def forget_peak() -> None:
    """Reset the peak, where the kernel lets a process do so."""
    with contextlib.suppress(OSError):
        _CLEAR.write_text("5")


def _line(name: str) -> float:
    for line in _STATUS.read_text("ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise OSError(f"{_STATUS} has no {name}")


def size(folder: Path) -> float:
    """Return the size of the files under a folder in MB (10^6 bytes)."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
