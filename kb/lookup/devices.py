"""What kind of device a browser says it runs on.

Promises one of four words from what the program says of itself; a tablet that asks for desktop
pages says that it is a computer, and is taken for one. Pure.
"""

from __future__ import annotations

import re
from enum import StrEnum


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
