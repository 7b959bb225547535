"""Article pages while connections are bad, the database is locked or the disk is full.

    python -m benchmarks.holding [--seconds 20] [--lock 70] [--model DIR]

A site as `kb serve`, four readers who open articles without a pause, and beside them in turn:
nobody; 16 connections that say nothing; 16 that send a byte of their head a second; 16 that send a
byte of a form a second; 16 who vote and open tickets while another program holds the database; the
same while no file can grow (RLIMIT_FSIZE), as on a full disk. Prints the share of article pages
answered within 2 s, and p50 and the longest, in seconds.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import signal
import socket
import sqlite3
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from benchmarks.site import Site, start
from search.evaluation.measures import percentile

MANY, READERS, WITHIN_S = 16, 4, 2.0
ARTICLES = ("vpn/connect-to-the-vpn", "accounts/reset-a-forgotten-password")
OPENINGS = {
    "silent": b"",
    "slow head": b"GET / HTTP/1.1\r\nX-Slow: ",
    "slow body": b"POST /tickets HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\nsubject=",
}
Round = tuple[list[float], Counter[str], Counter[str]]


@contextmanager
def held(site: Site, opening: bytes) -> Iterator[None]:
    """Hold connections open: send the opening and then, unless it is empty, a byte a second."""
    port, stop = int(site.url.rpartition(":")[2]), threading.Event()

    def drip(one: socket.socket) -> None:
        while opening and not stop.wait(1.0):
            try:
                one.sendall(b"x")
            except OSError:
                return

    with ExitStack() as stack:
        stack.callback(stop.set)
        for _ in range(MANY):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            one.sendall(opening)
            threading.Thread(target=drip, args=(one,), daemon=True).start()
        yield


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Lock the database, as another program would."""
    with closing(sqlite3.connect(data / "tierzero.db", isolation_level=None, timeout=60)) as file:
        file.execute("BEGIN EXCLUSIVE")
        yield
        file.execute("ROLLBACK")


@contextmanager
def full(site: Site) -> Iterator[None]:
    """Limit the file size of the site's processes, so that no file can grow."""
    pids = [site.process.pid, *_below(site.process.pid)]
    before = resource.prlimit(site.process.pid, resource.RLIMIT_FSIZE)
    for pid in pids:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, before[1]))
    try:
        yield
    finally:
        for pid in pids:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def _below(pid: int) -> list[int]:
    listings = Path(f"/proc/{pid}/task").glob("*/children")
    found = [int(each) for listing in listings for each in listing.read_text().split()]
    return found + [each for child in found for each in _below(child)]


@contextmanager
def writers(site: Site, answers: Counter[str]) -> Iterator[None]:
    """Simulate 16 people who vote and open tickets again and again."""
    stop = threading.Event()

    def write(number: int) -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            if turn % 4:
                place, body = f"/articles/{ARTICLES[0]}/vote", b"helpful=yes"
            else:
                form = f"subject=s{number}x{turn}&body=words&email=p{number}@example.org"
                place, body = "/tickets", form.encode()
            answers[f"{place.rpartition('/')[2]} {_post(site.url + place, body)}"] += 1

    threads = [threading.Thread(target=write, args=(number,)) for number in range(MANY)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def _post(url: str, body: bytes) -> str:
    request = urllib.request.Request(url, data=body, headers={"Sec-Fetch-Site": "same-origin"})
    try:
        with urllib.request.build_opener(_Stay).open(request, timeout=90) as page:
            return str(page.status)
    except urllib.error.HTTPError as refused:
        return str(refused.code)
    except OSError as problem:
        return type(problem).__name__


def read(site: Site, seconds: float) -> tuple[list[float], Counter[str]]:
    """Return how long each article took, and how each was answered."""
    times, answers, until = list[float](), Counter[str](), time.monotonic() + seconds

    def read_on() -> None:
        number = 0
        while time.monotonic() < until:
            number += 1
            began = time.monotonic()
            try:
                url = f"{site.url}/articles/{ARTICLES[number % len(ARTICLES)]}"
                with urllib.request.urlopen(url, timeout=30) as page:
                    page.read()
                    answers[str(page.status)] += 1
            except urllib.error.HTTPError as refused:
                answers[str(refused.code)] += 1
            except OSError as problem:
                answers[type(problem).__name__] += 1
            times.append(time.monotonic() - began)

    threads = [threading.Thread(target=read_on) for _ in range(READERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times, answers


def rounds(site: Site, data: Path, chosen: argparse.Namespace) -> Iterator[tuple[str, Round]]:
    """Yield each round's name and result."""
    yield "nobody else", (*read(site, chosen.seconds), Counter())
    for name, opening in OPENINGS.items():
        with held(site, opening):
            yield f"{MANY} {name}", (*read(site, chosen.seconds), Counter())
    wrote = Counter[str]()
    with locked(data), writers(site, wrote):
        found = read(site, chosen.lock)
    yield f"{MANY} writers, locked {chosen.lock:.0f} s", (*found, wrote)
    wrote = Counter()
    with full(site), writers(site, wrote):
        found = read(site, chosen.seconds)
    yield f"{MANY} writers, full disk", (*found, wrote)


def main() -> int:
    """Print the table; return 1 when an article was late or not answered."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--lock", type=float, default=70.0)
    parser.add_argument("--model", type=Path, help="a folder with a prepared model, to copy")
    chosen, good = parser.parse_args(), True
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        if chosen.model:
            shutil.copytree(chosen.model, data / "model")
        site, _ = start(data, KB_WORKER_INTERVAL="5s")
        try:
            print(
                "| beside them | articles | within 2 s | p50 s | longest s | answers to writers |"
            )
            print("|---|---:|---:|---:|---:|---|")
            for name, (times, answers, wrote) in rounds(site, data, chosen):
                quick = sum(each <= WITHIN_S for each in times)
                share = min(quick, answers["200"]) / max(1, len(times))
                good = good and share == 1.0
                told = ", ".join(f"{what} x {n}" for what, n in sorted(wrote.items()))
                print(f"| {name} | {len(times):,} | {share:.2%} | {percentile(times, 0.5):.3f} | "
                      f"{max(times):.3f} | {told} |", flush=True)  # fmt: skip
        finally:
            os.killpg(site.process.pid, signal.SIGTERM)
            site.process.wait(30)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
