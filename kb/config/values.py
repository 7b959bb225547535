"""Readers that turn the text of a setting into its value.

Each returns the value, or raises a ValueError whose message says what the setting takes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import regex

from kb.errors import ConfigError
from kb.proxies import Network, read_name, read_site

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?")
_ADDRESS = re.compile(r"[^@\s,;<>\"\0]{1,64}@[^@\s,;<>\"\0]{1,190}")
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST = timedelta(days=3650)
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8})*", re.IGNORECASE)


def duration(value: Any) -> timedelta:
    """Return the span that `value` names: "30m", "24h", "7d", "90s", or a number of seconds; more
    than zero and at most ten years.
    """
    match = _DURATION.fullmatch(str(value).strip().lower())
    seconds = float(match[1]) * _UNITS[match[2] or "s"] if match else 0.0
    if not 0 < seconds <= _LONGEST.total_seconds():
        raise ValueError("a span such as 90s, 30m, 24h or 7d, at most 3650d")
    return timedelta(seconds=seconds)


def lasting(least: str) -> Callable[[Any], timedelta]:
    """Return a reader of spans that last `least` or longer."""

    def read(value: Any) -> timedelta:
        span = duration(value)
        if span < duration(least):
            raise ValueError(f"a span of {least} or more")
        return span

    return read


def optional_duration(value: Any) -> timedelta | None:
    """Return a span, or None for "off"."""
    if str(value).strip().lower() in {"off", "never", ""}:
        return None
    return lasting("1s")(value)


def flag(value: Any) -> bool:
    """Return the boolean of on/off, yes/no, true/false, 1/0."""
    text = str(value).strip().lower()
    if text in {"1", "true", "yes", "on"}:
        return True
    if text in {"0", "false", "no", "off"}:
        return False
    raise ValueError("on or off")


def text(value: Any) -> str:
    """Return `value` as text on one line; tables and lists are refused."""
    found = "" if isinstance(value, dict | list) else str(value).strip()
    if isinstance(value, dict | list) or not all(map(_is_shown, found)):
        raise ValueError("text on one line")
    return found


def _is_shown(char: str) -> bool:
    return char >= " " and char not in "\x7f\x85\u2028\u2029"


def filled(value: Any) -> str:
    """Return text that is not empty."""
    if not (found := text(value)):
        raise ValueError("text, and not nothing")
    return found


def key(least: int) -> Callable[[Any], str]:
    """Return a reader of a secret: nothing, or at least `least` characters."""

    def read(value: Any) -> str:
        found = text(value)
        if 0 < len(found) < least:
            raise ValueError(f"{least} characters or more, which nobody can guess")
        return found

    return read


def keys(least: int) -> Callable[[Any], tuple[str, ...]]:
    """Return a reader of several secrets, each of at least `least` characters."""

    def read(value: Any) -> tuple[str, ...]:
        return tuple(map(key(least), words(value)))

    return read


def language(value: Any) -> str:
    """Return the code of a language."""
    found = text(value)
    if not _LANGUAGE.fullmatch(found):
        raise ValueError("the code of a language, such as en or pt-BR")
    return found


def path(value: Any) -> Path:
    """Return the path that `value` names, `~` expanded."""
    if not (name := text(value)):
        raise ValueError("a path")
    try:
        return Path(name).expanduser()
    except RuntimeError:
        raise ValueError("a path; this user has no home folder for ~") from None


def words(value: Any) -> tuple[str, ...]:
    """Return a list given as TOML list or as comma-separated text."""
    items = value if isinstance(value, list) else str(value).split(",")
    return tuple(text(item) for item in items if text(item))


def addresses(value: Any) -> tuple[str, ...]:
    """Return email addresses in lower case, each once, given as `words` are."""
    found = tuple(dict.fromkeys(each.lower() for each in words(value)))
    if not all(_ADDRESS.fullmatch(each) for each in found):
        raise ValueError("e-mail addresses, separated by commas")
    return found


def sender(value: Any) -> str:
    """Return the sender of emails: an address, or "Name <address>"."""
    found = text(value)
    inner = found[:-1].rpartition("<")[2] if found.endswith(">") and "<" in found else found
    if not _ADDRESS.fullmatch(inner):
        raise ValueError("an e-mail address, or Name <address>")
    return found


def site_address(value: Any) -> str:
    """Return the public address of a site, without a slash at its end; "" stays."""
    found = text(value)
    site = read_site(found)
    if found and site is None:
        raise ValueError(
            "an address that begins with http:// or https:// and names a host; it may have a "
            "port and a path, and nothing else"
        )
    return str(site) if site else ""


def listening(value: Any) -> str:
    """Return a name or address to listen on, an IPv6 address without brackets."""
    name = read_name(text(value))
    if not name:
        raise ValueError("an address of this machine alone, such as 127.0.0.1, ::1 or 0.0.0.0")
    return name.strip("[]")


def hosts(value: Any) -> tuple[str, ...]:
    """Return host names and addresses in one spelling; a leading dot stands for all names below."""
    found = []
    for word in words(value):
        dot = "." if word.startswith(".") else ""
        name = read_name(word.removeprefix("."))
        if not name or (dot and ":" in name):
            raise ValueError(
                "host names and addresses, separated by commas: example.org, .example.org for all "
                "names below it, 192.0.2.1, [2001:db8::1]; without a scheme and without a port"
            )
        found.append(dot + name)
    return tuple(dict.fromkeys(found))


def proxies(value: Any) -> tuple[Network, ...]:
    """Return the networks of declared proxies; "0", formerly a count, stands for none."""
    if str(value).strip() == "0":
        return ()
    return tuple(dict.fromkeys(_network(word) for word in words(value)))


def _network(word: str) -> Network:
    try:
        found = ip_network(word.replace("[", "").replace("]", ""))
    except ValueError:
        raise ValueError(
            "the addresses or networks of your proxies, separated by commas, such as 127.0.0.1, "
            "10.0.0.0/8 or ::1; how many there are is not asked for any more"
        ) from None
    if found.prefixlen == 0:
        raise ValueError("networks of your own proxies; this one would believe everybody")
    inner = getattr(found.network_address, "ipv4_mapped", None)
    if inner is not None and found.prefixlen > 96:  # peers are compared as IPv4
        return ip_network(f"{inner}/{found.prefixlen - 96}")
    return found


def patterns(value: Any) -> tuple[str, ...]:
    """Return regular expressions, each of which compiles: a TOML list, or one as text."""
    found = words(value) if isinstance(value, list) else tuple(filter(None, (text(value),)))
    for pattern in found:
        try:
            regex.compile(pattern)
        except regex.error:
            raise ValueError("a regular expression, or a TOML list of them") from None
    return found


def whole(low: int, high: int) -> Callable[[Any], int]:
    """Return a reader of whole numbers from `low` to `high`."""

    def read(value: Any) -> int:
        try:
            number = int(str(value).strip())
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return number

    return read


def one_of(*choices: str) -> Callable[[Any], str]:
    """Return a reader that accepts one of `choices`."""

    def read(value: Any) -> str:
        choice = text(value).lower()
        if choice not in choices:
            raise ValueError("one of " + ", ".join(choices))
        return choice

    return read


_PORTS = {"smtp": 25, "smtps": 465}


@dataclass(frozen=True, slots=True)
class MailServer:
    """The server that mail is handed to. `encrypted` is TLS from the first byte."""

    host: str
    port: int
    user: str = ""
    password: str = ""
    encrypted: bool = False

    @classmethod
    def from_url(cls, url: str) -> MailServer:
        """Return the server of smtp://user:password@host:port or smtps://...; raise ConfigError for
        anything else.
        """
        try:
            parts = urlsplit(url)
            port = parts.port or _PORTS[parts.scheme]
        except (ValueError, KeyError):
            raise _wrong_url() from None
        if not parts.hostname or parts.path.strip("/") or parts.query:
            raise _wrong_url()
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(parts.hostname, port, user, password, encrypted=parts.scheme == "smtps")


def _wrong_url() -> ConfigError:
    return ConfigError(
        "The setting mail_url names no mail server.",
        "Write smtp://user:password@host:port or smtps://..., signs such as @ in the password as "
        "%40; or leave it empty to have letters written to files.",
    )
