"""What a User-Agent header says: the kind of device, and whether it is a program.

Both trust the header: a tablet that asks for desktop pages counts as a computer, and a robot that
pretends to be a browser counts as one. The table is in docs/privacy.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

# -- Kinds of device --


class Device(StrEnum):
    """The kind of device, as reports distinguish them."""

    PHONE = "phone"
    TABLET = "tablet"
    COMPUTER = "computer"
    UNKNOWN = ""


LONGEST = 1024
# Android tablets leave out "Mobile"; Silk is the browser of Amazon's.
_TABLET = re.compile(r"iPad|Tablet|PlayBook|Silk/|Kindle|Android(?!.*Mobile)", re.IGNORECASE)
_PHONE = re.compile(r"Mobi|iPhone|iPod|Windows Phone|BlackBerry|Opera Mini", re.IGNORECASE)
_COMPUTER = re.compile(r"Windows NT|Macintosh|X11|CrOS|Linux (?:x86_64|i686|aarch64)")


def device_of(user_agent: str) -> Device:
    """Return the kind of device, UNKNOWN if the header does not say. Only `LONGEST` characters are
    read; no browser's header is half as long.
    """
    user_agent = user_agent[:LONGEST]
    if _TABLET.search(user_agent):
        return Device.TABLET
    if _PHONE.search(user_agent):
        return Device.PHONE
    return Device.COMPUTER if _COMPUTER.search(user_agent) else Device.UNKNOWN


# -- Requests that no person made --


# For historical reasons every browser says Mozilla/5.0, except Opera's own engine, UC and text
# browsers, which say their name.
_BROWSER = re.compile(
    r"(?:Mozilla|Opera|UCWEB|Lynx|ELinks|w3m|Emacs-w3m|NetSurf|Dillo)/\d|Links \(|URL/Emacs\b"
)
# Android browsers name the device model after the version: "Android 13; X5 Scanner Build/TP1A" is
# a handheld scanner. A program's own name there has a slash, and is not removed.
_MODEL = re.compile(
    r"(?<=\bAndroid )([\d.]+)(?:; ?[a-z]{2}(?:[-_][a-z]{2})?)?;[^;()/]*(?= Build/|[;)])",
    re.IGNORECASE,
)
# A browser gives no web or email address, and only Internet Explorer said "compatible".
_ADDRESS = re.compile(r"https?://|www\.|\w@\w|\bcompatible[;)](?!\s*MSIE)", re.IGNORECASE)
# Programs that look like a browser but name themselves. CUBOT makes phones.
_NAMES = re.compile(
    r"(?<!\bcu)bot\b|bot[/_-]|crawl|spider|slurp|scrap(?:e|ing)|preview|externalhit|headless|phantomjs"
    r"|selenium|playwright|puppeteer|lighthouse|pagespeed|speed ?insights|gtmetrix|ptst/|pingdom"
    r"|uptime|monitor|synthetic|datadog|zabbix|nagios|check(?:er|_http)|validator|scanner|inspect"
    r"|fetcher|archiver|harvest|google-|googleother|googleweblight|appengine|imageproxy|favicon"
    r"|screenshot|chatgpt|claude|perplexity|\bai\b",
    re.IGNORECASE,
)
# Headers that browsers send when they fetch a page before anybody asks for it.
_AHEAD = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")


def is_robot(user_agent: str) -> bool:
    """Return whether the header names something other than a browser; an empty one does too."""
    agent = user_agent.strip()
    if not _BROWSER.match(agent):
        return True
    agent = _MODEL.sub(r"\1", agent)
    return bool(_ADDRESS.search(agent) or _NAMES.search(agent))


def is_ahead(method: str, headers: Mapping[str, str]) -> bool:
    """Return whether nobody asked for this page yet: it is prefetched or only probed."""
    said = " ".join(headers.get(name, "") for name in _AHEAD).casefold()
    return method == "HEAD" or "prefetch" in said or "prerender" in said or "preview" in said
