"""Kill the whole site without warning while it records, many times; count what was lost.

    python -m benchmarks.killing [--times 50]

Several readers search, vote and open tickets over HTTP. Whatever was acknowledged (an answer with a
search id, a vote with 201, a ticket with its number) must be in the record after the last start,
the spool replayed. Prints acknowledged, lost, and seconds from each start to the first answer.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.site import Site, start
from kb.config import load
from kb.db import Database
from kb.lookup.recording import Recorder
from kb.schema import events, tickets

READERS = 4
WORDS = ("forgot my password", "vpn keeps dropping", "printer jammed", "teams camera black")


@dataclass
class Acknowledged:
    """What the site said that it has kept."""

    searches: set[str] = field(default_factory=set)
    votes: set[str] = field(default_factory=set)
    tickets: set[int] = field(default_factory=set)

    @property
    def total(self) -> int:
        return len(self.searches) + len(self.votes) + len(self.tickets)


def call(url: str, who: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the JSON answer of one request; an error or a dropped connection raises."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data)
    request.add_header("User-Agent", f"Mozilla/5.0 reader {who}")
    request.add_header("Sec-Fetch-Site", "same-origin")
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=5) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def read_and_write(site: Site, who: str, kept: Acknowledged, stop: threading.Event) -> None:
    """Search, vote and sometimes open a ticket until told to stop."""
    number = 0
    while not stop.is_set():
        number += 1
        try:
            words = random.choice(WORDS).replace(" ", "+")
            found = call(f"{site.url}/api/v1/search?q={words}+{who}+{number}", who)
            search_id = str(found["search_id"])
            kept.searches.add(search_id)
            vote = {"kind": "vote", "article": "vpn/connect-to-the-vpn", "helpful": True}
            if call(f"{site.url}/api/v1/events", who, vote | {"search_id": search_id})["recorded"]:
                kept.votes.add(search_id)
            if number % 5 == 0:
                ticket = {"subject": f"{words} {who} {number}", "email": f"{who}@example.org"}
                made = call(f"{site.url}/api/v1/tickets", who, ticket)
                kept.tickets.add(int(str(made["number"]).removeprefix("T-")))
        except (urllib.error.URLError, OSError, ValueError, KeyError):
            time.sleep(0.05)


def lost(data: Path, kept: Acknowledged) -> dict[str, int]:
    """Return how many acknowledged things the record does not hold, by kind."""
    database = Database(load({}, data=data).database)
    Recorder(database, data / "spool").replay_spool()
    with database.read() as connection:
        sound = connection.execute(sa.text("PRAGMA integrity_check")).scalar() == "ok"
        seen = set(connection.scalars(sa.select(events.c.id).where(events.c.kind == "search")))
        voted = set(
            connection.scalars(sa.select(events.c.search_id).where(events.c.kind == "vote"))
        )
        numbers = set(connection.scalars(sa.select(tickets.c.number)))
    database.close()
    return {
        "searches": len(kept.searches - seen),
        "votes": len(kept.votes - voted),
        "tickets": len(kept.tickets - numbers),
        "integrity faults": 0 if sound else 1,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--times", type=int, default=50)
    times = parser.parse_args().times
    kept, waits = Acknowledged(), list[float]()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        for number in range(times):
            site, seconds = start(data)
            if number:
                waits.append(seconds)
            stop = threading.Event()
            readers = [
                threading.Thread(target=read_and_write, args=(site, f"r{n}x{number}", kept, stop))
                for n in range(READERS)
            ]
            for reader in readers:
                reader.start()
            time.sleep(random.uniform(0.5, 2.0))
            os.killpg(site.process.pid, signal.SIGKILL)
            stop.set()
            for reader in readers:
                reader.join()
            site.process.wait()
            print(f"\r{number + 1}/{times} kills, {kept.total} kept", end="", file=sys.stderr)
        print(file=sys.stderr)
        missing = lost(data, kept)
    print(f"kills {times}, acknowledged {kept.total}: searches {len(kept.searches)}, "
          f"votes {len(kept.votes)}, tickets {len(kept.tickets)}")  # fmt: skip
    print("lost: " + ", ".join(f"{name} {count}" for name, count in missing.items()))
    print(f"start to first answer: median {statistics.median(waits):.2f} s, "
          f"longest {max(waits):.2f} s")  # fmt: skip
    return 1 if any(missing.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
