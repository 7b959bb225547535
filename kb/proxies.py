"""Clients, hosts and addresses behind proxies, and what is misconfigured about the proxies.

Each address has one spelling, whatever stood around it (a port, brackets, a zone, an IPv4 address
inside an IPv6 one); what cannot be read is None, never an exception. A header's word on the
previous peer is believed only from declared proxies. Each kind of trouble is logged once, and
reported for an hour after it was last seen: behind a proxy that is not declared all visitors count
as one.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

# -- Addresses, hosts and origins --


Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
PORTS = {"http": 80, "https": 443}

_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?\.?")
_HOST = re.compile(r"(\[[^\[\]/@\s]*\]|[^:\[\]/@\s]+)(?::([0-9]{1,5}))?")
_ORIGIN = re.compile(r"(https?)://([^/?#@\s]+)", re.IGNORECASE)
_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")


def read_address(text: str) -> Address | None:
    """Return the address in an entry of X-Forwarded-For or in a peer's name: "192.0.2.1",
    "192.0.2.1:5678", "2001:db8::1", "[2001:db8::1]:443", "fe80::1%eth0", "::ffff:192.0.2.1".
    """
    plain = text.strip().strip('"').strip()
    if plain.startswith("["):
        inner, closed, rest = plain[1:].partition("]")
        return _address(inner) if closed and _is_port(rest) else None
    found = _address(plain)
    if found is not None:
        return found
    head, colon, port = plain.rpartition(":")
    whole = bool(port) or ":" not in head
    return _address(head) if whole and _is_port(colon + port) else None


def _is_port(text: str) -> bool:
    return not text or bool(re.fullmatch(r":[0-9]{0,5}", text))


def _address(text: str) -> Address | None:
    """Return the address without its zone; an IPv4 address written as IPv6 becomes IPv4."""
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def is_declared(address: Address, declared: Collection[Network]) -> bool:
    """Return whether the address belongs to a declared proxy."""
    return any(address in network for network in declared)


def client_of(peer: Address, forwarded_for: str, declared: Collection[Network]) -> Client:
    """Return the client: the peer itself, or the nearest address that is no declared proxy's.

    Each proxy appends the address that asked it, so the header is read from its end, past declared
    proxies; reading stops before an entry that is no address ("unknown", garbage).
    """
    entries = [entry for entry in forwarded_for.split(",") if entry.strip()]
    here, proxies = peer, 0
    while is_declared(here, declared):
        proxies += 1
        before = read_address(entries.pop()) if entries else None
        if before is None:
            break
        here = before
    return Client(here, proxies)


@dataclass(frozen=True, slots=True)
class Client:
    """The client, and how many declared proxies in a row its request came through."""

    address: Address
    proxies: int

    def said(self, header: str) -> str:
        """Return what the outermost proxy wrote in a header to which each may append."""
        values = [value.strip() for value in header.split(",")]
        return values[-min(self.proxies, len(values))] if self.proxies else ""


@dataclass(frozen=True, slots=True)
class Host:
    """A host as browsers name it: `name` in lower case, IPv6 in brackets; `port` 0 for none."""

    name: str
    port: int = 0

    def __str__(self) -> str:
        return f"{self.name}:{self.port}" if self.port else self.name

    @property
    def is_this_machine(self) -> bool:
        """Return whether the name is localhost or a loopback address."""
        found = read_address(self.name)
        return self.name == "localhost" or (found is not None and found.is_loopback)


def read_host(text: str) -> Host | None:
    """Return the host of a Host header or of an address: "example.org:8000", "[::1]:8000"."""
    found = _HOST.fullmatch(text.strip())
    if not found or int(found[2] or 1) not in range(1, 65536):
        return None
    name = read_name(found[1])
    return Host(name, int(found[2] or 0)) if name else None


def read_name(text: str) -> str:
    """Return a host name or address in its one spelling, "" for anything else."""
    plain = text.strip()
    in_brackets = plain.startswith("[") and plain.endswith("]")
    try:
        if in_brackets or ":" in plain:
            inner = plain[1:-1] if in_brackets else plain
            return f"[{IPv6Address(inner.partition('%')[0])}]"
        name = plain.lower() if plain.isascii() else plain.encode("idna").decode("ascii").lower()
    except ValueError:  # neither a valid address nor a valid name
        return ""
    return name.removesuffix(".") if _NAME.fullmatch(name) and ".." not in name else ""


@dataclass(frozen=True, slots=True)
class Site:
    """A public address, parsed; `path` is "" at the top of its host, else "/kb"."""

    scheme: str
    host: Host
    path: str = ""

    @property
    def origin(self) -> tuple[str, str, int]:
        """Return scheme, name and port; the scheme's usual port is filled in."""
        return self.scheme, self.host.name, self.host.port or PORTS[self.scheme]

    @property
    def netloc(self) -> str:
        """Return name and port as a browser's Host header has them."""
        usual = self.host.port == PORTS[self.scheme]
        return self.host.name if usual else str(self.host)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}{self.path}"


@lru_cache(maxsize=64)
def read_site(text: str) -> Site | None:
    """Return the site of an http or https address without account, query and fragment."""
    try:
        parts = urlsplit(text.strip())
    except ValueError:
        return None
    path = parts.path.rstrip("/")
    host = read_host(parts.netloc)
    plain = not (parts.query or parts.fragment) and _PATH.fullmatch(path)
    if parts.scheme not in PORTS or host is None or not plain or {".", ".."} & {*path.split("/")}:
        return None
    return Site(parts.scheme, host, path)


def read_origin(text: str) -> Site | None:
    """Return the site of an Origin header, None for "null" and for what is no origin."""
    found = _ORIGIN.fullmatch(text)
    return read_site(text) if found else None


def is_among(name: str, trusted: Collection[str]) -> bool:
    """Return whether a name is trusted; an entry that begins with a dot stands for that name and
    for all names below it.
    """
    return name in trusted or any(
        f".{name}".endswith(each) for each in trusted if each.startswith(".")
    )


# -- Misconfigured proxies --


log = logging.getLogger(__name__)

KEPT_S = 3600.0  # a single odd request is forgotten by then


class Proxied:
    """What one process has seen of misconfigured proxies, by kind."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, float] = {}

    def undeclared(self, peer: str) -> None:
        """Note that `peer`, on this machine or a private network, sends forwarding headers."""
        self._note(
            "forwarding headers come from a proxy that the setting trusted_proxies does not name, "
            "so all its visitors count as one",
            peer,
        )

    def prefixed(self, said: str, path: str) -> None:
        """Note that a declared proxy serves the site under another path than site_url has."""
        self._note(
            "the proxy says another path than the setting site_url, so links lead elsewhere",
            f"{said} and {path or '/'}",
        )

    def trouble(self) -> str:
        """Return what was seen lately, without addresses; "" for nothing."""
        since = self._clock() - KEPT_S
        return "; ".join(said for said, at in list(self._seen.items()) if at >= since)

    def _note(self, said: str, which: str) -> None:
        if said not in self._seen:
            log.warning("%s (%s)", said, which)
        self._seen[said] = self._clock()
