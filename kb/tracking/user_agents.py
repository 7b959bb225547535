"""What a browser says of itself: the kind of device, and whether it is a program.

Promises one of four words from what the program says of itself; a tablet that asks for desktop
pages says that it is a computer, and is taken for one. Pure.

Promises an answer from what the program says of itself; who pretends to be a browser is taken for
one. Pure; the table is in docs/privacy.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

# -- What kind of device a browser says it runs on --


class Device(StrEnum):
    """The class of a device, as reports tell them apart."""

    PHONE = "phone"
    TABLET = "tablet"
    COMPUTER = "computer"
    UNKNOWN = ""


LONGEST = 1024
# Android's tablets leave out "Mobile"; Silk is Amazon's browser on them.
_TABLET = re.compile(r"iPad|Tablet|PlayBook|Silk/|Kindle|Android(?!.*Mobile)", re.IGNORECASE)
_PHONE = re.compile(r"Mobi|iPhone|iPod|Windows Phone|BlackBerry|Opera Mini", re.IGNORECASE)
_COMPUTER = re.compile(r"Windows NT|Macintosh|X11|CrOS|Linux (?:x86_64|i686|aarch64)")


def device_of(user_agent: str) -> Device:
    """Return the class of device; UNKNOWN where the program says nothing of it. What follows
    `LONGEST` characters is not read: no browser's name is half as long.
    """
    user_agent = user_agent[:LONGEST]
    if _TABLET.search(user_agent):
        return Device.TABLET
    if _PHONE.search(user_agent):
        return Device.PHONE
    return Device.COMPUTER if _COMPUTER.search(user_agent) else Device.UNKNOWN


# -- Which requests no person made: programs, crawlers, pages fetched ahead of need --


# Every browser says Mozilla/5.0, for reasons of 1994; Opera's own engine, UC and those that show
# text or little more say their name.
_BROWSER = re.compile(
    r"(?:Mozilla|Opera|UCWEB|Lynx|ELinks|w3m|Emacs-w3m|NetSurf|Dillo)/\d|Links \(|URL/Emacs\b"
)
# Android's browsers name the model after its version: "Android 13; X5 Scanner Build/TP1A" is a
# scanner's. A program's own name there has a slash, and stays.
_MODEL = re.compile(
    r"(?<=\bAndroid )([\d.]+)(?:; ?[a-z]{2}(?:[-_][a-z]{2})?)?;[^;()/]*(?= Build/|[;)])",
    re.IGNORECASE,
)
# A browser gives no address to write or look to, and is "compatible" only as Internet Explorer was.
_ADDRESS = re.compile(r"https?://|www\.|\w@\w|\bcompatible[;)](?!\s*MSIE)", re.IGNORECASE)
# Those that dress as a browser and say so. CUBOT is a maker of telephones.
_NAMES = re.compile(
    r"(?<!\bcu)bot\b|bot[/_-]|crawl|spider|slurp|scrap(?:e|ing)|preview|externalhit|headless|phantomjs"
    r"|selenium|playwright|puppeteer|lighthouse|pagespeed|speed ?insights|gtmetrix|ptst/|pingdom"
    r"|uptime|monitor|synthetic|datadog|zabbix|nagios|check(?:er|_http)|validator|scanner|inspect"
    r"|fetcher|archiver|harvest|google-|googleother|googleweblight|appengine|imageproxy|favicon"
    r"|screenshot|chatgpt|claude|perplexity|\bai\b",
    re.IGNORECASE,
)
# What browsers send with a page that they fetch before anybody asks for it.
_AHEAD = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")


def is_robot(user_agent: str) -> bool:
    """Return whether the program says that it is no person's browser; saying nothing counts."""
    agent = user_agent.strip()
    if not _BROWSER.match(agent):
        return True
    agent = _MODEL.sub(r"\1", agent)
    return bool(_ADDRESS.search(agent) or _NAMES.search(agent))


def is_ahead(method: str, headers: Mapping[str, str]) -> bool:
    """Return whether nobody has asked for this page yet: it is fetched or looked at ahead."""
    said = " ".join(headers.get(name, "") for name in _AHEAD).casefold()
    return method == "HEAD" or "prefetch" in said or "prerender" in said or "preview" in said
