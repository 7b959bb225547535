"""When a ticket was opened, as other systems write it.

A time is read only where one reading is possible; a date that cannot be true is refused.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

from kb.errors import InvalidInput

AHEAD = timedelta(hours=1)  # clocks of other systems may run ahead this far
# No ticket that matters here is older: an earlier date is nought, or a spreadsheet's first day.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
EXAMPLE = "2026-03-31T14:05:00+00:00"
_EPOCH = re.compile(r"(\d{10}|\d{13})(\.\d{1,6})?")
_SERIAL = re.compile(r"\d{5}([.,]\d+)?")  # a spreadsheet's count of days
_UNIVERSAL = re.compile(r"\s*(?:UTC|GMT|Z)\s*\Z", re.IGNORECASE)
_LOCAL = re.compile(r"\d{1,2}([./-])\d{1,2}\1\d{4}(?:,?\s+\d{1,2}:\d\d(:\d\d)?(\s?[AaPp][Mm])?)?")


def checked_format(form: str, now: datetime) -> str:
    """Return the format of dates if it says day, month and year; InvalidInput otherwise."""
    try:
        sure = not form or _strictly(now.strftime(form), form).date() == now.date()
    except ValueError:
        sure = False
    if not sure:
        raise InvalidInput(
            f"{form!r} does not say how a day is written.",
            "Use %d for the day, %m for the month, %Y for the year, %H:%M for the time, as in "
            "'%d.%m.%Y %H:%M'.",
        )
    return form


def opened_at(
    written: str, *, now: datetime, zone: tzinfo | None = None, form: str = ""
) -> datetime | str:
    """Return the time in UTC, or what is wrong with it.

    `zone` is for times that name none, `form` how dates are written where not as ISO 8601 or as
    seconds or milliseconds since 1970.
    """
    found = _read(written, form)
    if isinstance(found, str):
        return found
    try:
        if found.tzinfo is None:
            if zone is None:
                return f"the time {written[:40]!r} names no zone: add +00:00, or say which it is"
            found = found.replace(tzinfo=zone)
        at = found.astimezone(UTC)
    except (ValueError, OverflowError):
        return f"the time {written[:40]!r} cannot be true"
    if at > now + AHEAD:
        return f"the time {written[:40]!r} lies in the future"
    if at < EARLIEST:
        return f"the time {written[:40]!r} cannot be true: it lies before {EARLIEST.year}"
    return at


def _read(written: str, form: str) -> datetime | str:
    if not written:
        return "there is no time"
    if form:
        try:
            return _strictly(written, form)
        except ValueError:
            return f"{written[:40]!r} is not written as {form}"
    if match := _EPOCH.fullmatch(written):
        seconds = float(written) / (1000 if len(match[1]) == 13 else 1)
        return datetime.fromtimestamp(seconds, UTC)
    iso = _UNIVERSAL.sub("+00:00", written)
    try:
        return datetime.fromisoformat(iso)
    except ValueError:
        return _unread(written)


def _strictly(written: str, form: str) -> datetime:
    """Return the time as the format reads it, without a zone where the format names none."""
    return datetime.strptime(written, form)  # noqa: DTZ007 - the zone is asked for afterwards


def _unread(written: str) -> str:
    """Return what is wrong with a time that is not ISO 8601, and what to do."""
    if _SERIAL.fullmatch(written):
        return f"{written} is a spreadsheet's number of a day: show the column as date and time"
    if match := _LOCAL.fullmatch(written):
        sign, clock = match[1], ""
        if ":" in written:
            clock = (" %I:%M" if match[3] else " %H:%M") + (":%S" if match[2] else "")
            clock += " %p" if match[3] else ""
        first, second = f"%d{sign}%m{sign}%Y{clock}", f"%m{sign}%d{sign}%Y{clock}"
        return (
            f"{written!r} can be read in two ways: write it as {EXAMPLE}, or import a file with "
            f"--date-format '{first}' or '{second}'"
        )
    return f"{written[:40]!r} is no time: write it as {EXAMPLE}"
