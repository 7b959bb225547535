"""Kill the whole site without warning while it records, many times; count what was lost.

    python -m benchmarks.killing [--times 100] [--database sqlite] [--database postgresql]

Several readers search, vote, say "solved" and open tickets over HTTP. What a person said and was
thanked for (a vote or "solved" with 201, a ticket with its number) must be in the record after the
last start, the spool replayed. A search may be missing when its answer came within MAY_LOSE_S of
the kill. Prints acknowledged, lost, how long before the kill the oldest lost search was answered,
and seconds from each start to the first answer. Without a choice both databases take half each.
"""

from __future__ import annotations

import argparse
import http.client
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
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.cluster import cluster
from benchmarks.site import Site, start
from kb.config.settings import load
from kb.database import Database
from kb.schema import events, tickets
from kb.tracking.recorder import Recorder

READERS = 4
MAY_LOSE_S = 0.2
ARTICLE = "vpn/connect-to-the-vpn"
WORDS = ("forgot my password", "vpn keeps dropping", "printer jammed", "teams camera black")


@dataclass
class Acknowledged:
    """What the site acknowledged as kept. Of each search: the number of the next kill (from 0) and
    when it was answered (monotonic seconds).
    """

    searches: dict[str, tuple[int, float]] = field(default_factory=dict)
    votes: set[str] = field(default_factory=set)
    solved: set[str] = field(default_factory=set)
    tickets: set[int] = field(default_factory=set)
    kills: list[float] = field(default_factory=list)

    @property
    def total(self) -> int:
        return len(self.searches) + len(self.votes) + len(self.solved) + len(self.tickets)

    def before_its_kill(self, search_id: str) -> float:
        """Return how many seconds before the kill of its site the search was answered."""
        number, at = self.searches[search_id]
        return max(0.0, self.kills[number] - at)


@dataclass
class Lost:
    """What was acknowledged and is missing from the event log; `oldest_s` of the lost searches.
    `unlinked` votes and "solved" are there, without the search that they came from.
    """

    said: int
    unlinked: int
    searches: int
    oldest_s: float
    sound: bool

    @property
    def fine(self) -> bool:
        """Return whether nothing is missing that must not be."""
        return self.said == 0 and self.sound and self.oldest_s <= MAY_LOSE_S


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


def read_and_write(
    site: Site, who: str, kept: Acknowledged, stop: threading.Event, *, before: int
) -> None:
    """Search, vote, say "solved" and sometimes open a ticket until told to stop by the kill of
    number `before`.
    """
    number = 0
    while not stop.is_set():
        number += 1
        try:
            words = random.choice(WORDS).replace(" ", "+")
            found = call(f"{site.url}/api/v1/search?q={words}+{who}+{number}", who)
            search_id = str(found["search_id"])
            kept.searches[search_id] = before, time.monotonic()
            kind = ("vote", "solved", "")[number % 3]
            if kind:
                said = {"kind": kind, "article": ARTICLE, "helpful": True, "search_id": search_id}
                if kind == "solved":
                    del said["helpful"]
                if call(f"{site.url}/api/v1/events", who, said)["recorded"]:
                    (kept.votes if kind == "vote" else kept.solved).add(search_id)
            if number % 5 == 0:
                ticket = {"subject": f"{words} {who} {number}", "email": f"{who}@example.org"}
                made = call(f"{site.url}/api/v1/tickets", who, ticket)
                kept.tickets.add(int(str(made["number"]).removeprefix("T-")))
        except (http.client.HTTPException, OSError, ValueError, KeyError):
            time.sleep(0.05)


def lost(data: Path, url: str, kept: Acknowledged) -> Lost:
    """Return which of the acknowledged things are missing from the database."""
    database = Database(url or load({}, data=data).database)
    Recorder(database, data / "spool").replay_spool()
    with database.read() as connection:
        sound = (
            database.dialect != "sqlite"
            or connection.execute(sa.text("PRAGMA integrity_check")).scalar() == "ok"
        )
        seen = set(connection.scalars(sa.select(events.c.id).where(events.c.kind == "search")))
        named = sa.select(events.c.search_id)
        voted, solved = (
            set(connection.scalars(named.where(events.c.kind == kind)))
            for kind in ("vote", "solved")
        )
        nameless = sa.select(sa.func.count()).where(events.c.search_id.is_(None))
        unlinked = connection.scalar(nameless.where(events.c.kind.in_(("vote", "solved")))) or 0
        numbers = set(connection.scalars(sa.select(tickets.c.number)))
    database.close()
    missing = kept.searches.keys() - seen
    return Lost(
        said=len(kept.votes - voted)
        + len(kept.solved - solved)
        - unlinked
        + len(kept.tickets - numbers),
        unlinked=unlinked,
        searches=len(missing),
        oldest_s=max((kept.before_its_kill(each) for each in missing), default=0.0),
        sound=sound,
    )


def kill(
    data: Path, url: str, times: int, *, after: tuple[int, int], **settings: str
) -> tuple[Acknowledged, list[float]]:
    """Kill a site over `data` that many times, each when a random number (in the range `after`) of
    further things is acknowledged; return these, and the seconds to the first answer of each start.
    """
    kept, waits = Acknowledged(), list[float]()
    for number in range(times):
        site, waited = start(data, KB_DATABASE_URL=url, **settings)
        if number:
            waits.append(waited)
        stop = threading.Event()
        readers = [
            threading.Thread(
                target=read_and_write,
                args=(site, f"r{n}x{number}", kept, stop),
                kwargs={"before": number},
            )
            for n in range(READERS)
        ]
        for reader in readers:
            reader.start()
        enough = kept.total + random.randint(*after)
        while kept.total < enough and site.process.poll() is None:
            time.sleep(random.uniform(0, 0.1))
        kept.kills.append(time.monotonic())
        os.killpg(site.process.pid, signal.SIGKILL)
        stop.set()
        for reader in readers:
            reader.join()
        site.process.wait()
        print(f"\r{number + 1}/{times} kills, {kept.total} kept", end="", file=sys.stderr)
    print(file=sys.stderr)
    return kept, waits


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--database", action="append", choices=["sqlite", "postgresql"])
    given = parser.parse_args()
    every = given.database or ["sqlite", "postgresql"]
    return max(_one(kind, -(-given.times // len(every))) for kind in every)


def _one(kind: str, times: int) -> int:
    """Kill over a database of that kind and print the result; return 1 when too much was lost."""
    own = cluster() if kind == "postgresql" else nullcontext("")
    with tempfile.TemporaryDirectory() as folder, own as url:
        data = Path(folder)
        kept, waits = kill(data, url, times, after=(20, 200))
        missing = lost(data, url, kept)
    print(
        f"{kind}: kills {times}, acknowledged {kept.total}: searches {len(kept.searches)}, "
        f"votes {len(kept.votes)}, solved {len(kept.solved)}, tickets {len(kept.tickets)}"
    )
    print(
        f"lost: votes, solved and tickets {missing.said} ({missing.unlinked} kept without their "
        f"search), searches {missing.searches}, the oldest {1000 * missing.oldest_s:.0f} ms before "
        f"a kill; record sound: {missing.sound}"
    )
    if waits:
        print(f"start to first answer: median {statistics.median(waits):.2f} s, "
              f"longest {max(waits):.2f} s")  # fmt: skip
    return 0 if missing.fine else 1


if __name__ == "__main__":
    sys.exit(main())
