"""Rate limits in the memory of one process, and the mailbox and network under which requests count.

Windows are fixed and begin at whole multiples of their span since 1970, so that all machines mean
the same ones. This process's own counts and the total last heard of all processes are kept apart;
`kb.accounts.rate_limits_store` settles the two.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from itertools import islice

# -- The mailbox of an email address --


def mailbox(address: str) -> str:
    """Return one form for all spellings of an address: "Ann+news@example.org" is delivered to the
    same mailbox as "ann@example.org".
    """
    name, at, domain = address.strip().casefold().rpartition("@")
    return f"{name.partition('+')[0] or name}{at}{domain}"


# -- The network of an IP address --


_TRANSLATED = ip_network("64:ff9b::/96")  # RFC 6052: an IPv4 address in its last 32 bits
_IPV4 = 0xFFFF_FFFF


def network(address: str) -> str:
    """Return an IPv4 address as it is and an IPv6 address's /64, which usually belongs to one
    connection. An IPv4 address written as IPv6 is returned as IPv4.
    """
    try:
        parsed = ip_address(address.strip())
    except ValueError:
        return address.strip()
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    inner = parsed.ipv4_mapped or parsed.sixtofour
    if inner is not None:
        return str(inner)
    plain = IPv6Address(int(parsed))  # without a zone
    if plain in _TRANSLATED:
        return str(ip_address(int(plain) & _IPV4))
    return str(ip_network((plain, 64), strict=False))


# -- Counting in one process --


SHARE = 10  # a process settles when it holds a tenth of a limit that the others do not know of
MOST = 50_000  # counts kept in memory, about 20 MB; the least recently used goes first
BATCH = 500  # counts settled in one transaction; others wait for SQLite's lock meanwhile
Key = tuple[str, str, int]  # what is counted, for whom, start of the window in epoch seconds


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` in each window of `span`, under the name `what`."""

    what: str
    count: int
    span: timedelta

    @property
    def seconds(self) -> int:
        """Return the length of a window in seconds."""
        return int(self.span.total_seconds())

    @property
    def share(self) -> int:
        """Return the number of unsettled counts at which a process settles."""
        return max(1, self.count // SHARE)

    def window(self, now: float) -> tuple[int, int]:
        """Return the start of the window that contains `now` and the seconds until it ends, at
        least 1. `now` and the start are in epoch seconds.
        """
        whole = int(now)
        begun = whole - whole % self.seconds
        return begun, begun + self.seconds - whole


@dataclass(frozen=True, slots=True)
class RemainingRate:
    """What is left of a rate in this window, which ends in `wait` seconds."""

    rate: Rate
    left: int
    wait: int


@dataclass(frozen=True, slots=True)
class RateDecision:
    """The decision on one request. `full` is the rate that refuses it, None when it was counted; a
    refused request is counted under none.
    """

    standings: tuple[RemainingRate, ...]
    full: RemainingRate | None


@dataclass(slots=True)
class _Count:
    share: int
    ends: int  # end of the window, in epoch seconds
    span: int
    heard: int = 0  # last known total of all processes, including this one's settled counts
    own: int = 0  # counted by this process since then

    @property
    def total(self) -> int:
        return self.heard + self.own


class RateCounter:
    """The counts of one process. Safe to share between threads; never waits for a database."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._held: OrderedDict[Key, _Count] = OrderedDict()
        self._due: set[Key] = set()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._held)

    def take(self, wanted: Sequence[tuple[Rate, str]], now: float) -> RateDecision:
        """Count one request under each (rate, who) given, or under none if one of them is full.
        `now` is in epoch seconds.
        """
        with self._lock:
            found = [(rate, *self._count(rate, who, now)) for rate, who in wanted]
            full = any(count.total >= rate.count for rate, _, count in found)
            for rate, key, count in () if full else found:
                count.own += 1
                if count.own >= rate.share:
                    self._due.add(key)
            standings = tuple(
                RemainingRate(rate, max(0, rate.count - count.total), rate.window(now)[1])
                for rate, _, count in found
            )
            self._forget(now)
        closed = [each for each in standings if each.left == 0] if full else []
        return RateDecision(standings, max(closed, key=lambda each: each.wait, default=None))

    @property
    def waiting(self) -> bool:
        """Return whether anything is due to be settled."""
        return bool(self._due)

    def due(self) -> dict[Key, int]:
        """Return what is to be settled next, at most BATCH own counts by key."""
        with self._lock:
            return {key: self._held[key].own for key in islice(self._due, BATCH)}

    def settled(self, added: Mapping[Key, int], totals: Mapping[Key, int]) -> None:
        """Take over that `added` was settled, and the resulting `totals` of all processes."""
        with self._lock:
            for key, total in totals.items():
                count = self._held.get(key)
                if count is None:
                    continue
                count.heard, count.own = total, count.own - added[key]
                if count.own < count.share:
                    self._due.discard(key)

    def forked(self) -> None:
        """Start afresh in a forked process, which has none of its parent's threads."""
        self._lock = threading.Lock()
        self._held.clear()
        self._due.clear()

    def _count(self, rate: Rate, who: str, now: float) -> tuple[Key, _Count]:
        begun, _ = rate.window(now)
        key = (rate.what, who, begun)
        if key not in self._held:
            self._held[key] = _Count(rate.share, begun + rate.seconds, rate.seconds)
        self._held.move_to_end(key)
        return key, self._held[key]

    def _forget(self, now: float) -> None:
        """Forget least recently used counts whose window is over or that exceed the maximum."""
        while self._held:
            key, count = next(iter(self._held.items()))
            # One span of tolerance for clocks that step back; further ahead the clock was wrong.
            over = not now - count.span < count.ends <= now + 2 * count.span
            if not over and len(self._held) <= self._most:
                return
            del self._held[key]
            self._due.discard(key)
