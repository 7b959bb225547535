"""A temporary PostgreSQL server, from Debian's package."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from benchmarks.site import free_port


def programs() -> Path | None:
    """Return the folder with initdb and postgres, None when they are not installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if found := shutil.which("initdb"):
        folders.append(Path(found).resolve().parent)
    return next((folder for folder in folders if (folder / "postgres").exists()), None)


@contextmanager
def cluster(*options: str) -> Iterator[str]:
    """Run a server with these options and yield the URL of its empty database. RuntimeError when
    PostgreSQL is not installed.
    """
    found = programs()
    if found is None:
        raise RuntimeError("PostgreSQL's server is not installed on this machine")
    # PostgreSQL refuses to run as root, so it runs as the account that its package created.
    account, port = ("postgres" if os.geteuid() == 0 else None), free_port()
    with tempfile.TemporaryDirectory(prefix="tier-zero-pg-", dir="/tmp") as name:
        home = Path(name)
        if account:
            shutil.chown(home, account)
        subprocess.run(
            [found / "initdb", "-D", home / "data", "-U", "tier", "-A", "trust", "-E", "UTF8"],
            check=True, capture_output=True, user=account, cwd="/tmp",
        )  # fmt: skip
        server = subprocess.Popen(
            [found / "postgres", "-D", home / "data", "-p", str(port), "-k", home,
             "-h", "127.0.0.1", *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, user=account, cwd="/tmp",
        )  # fmt: skip
        try:
            url = f"postgresql://tier@127.0.0.1:{port}/postgres"
            _wait_for(url)
            yield url
        finally:
            server.send_signal(signal.SIGINT)  # fast shutdown: does not wait for connections
            server.wait(timeout=30)


def _wait_for(url: str) -> None:
    engine = sa.create_engine(url.replace("postgresql", "postgresql+psycopg", 1))
    for _ in range(300):
        try:
            with engine.connect():
                break
        except sa.exc.OperationalError:
            time.sleep(0.1)
    else:
        raise RuntimeError("PostgreSQL did not start")
    engine.dispose()
