"""Logging: plain lines, or one JSON object a line.

Every record of a request carries the request's id. Every record is one line, except for the
traceback of a fault in plain form, so that what somebody sent cannot begin a line of its own.
"""

from __future__ import annotations

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

LEVELS = ("debug", "info", "warning", "error")
FORMS = ("plain", "json")
# Fields of a request in JSON, beside those of every record.
FIELDS = ("method", "path", "route", "status", "ms", "bytes")
PLAIN = "%(asctime)s %(levelname)s %(name)s: %(message)s"

request_id: ContextVar[str] = ContextVar("request_id", default="")


class Plain(logging.Formatter):
    """Lines for people: time, level, logger, message; last the request's id in brackets."""

    def __init__(self) -> None:
        super().__init__(PLAIN)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        """Return the record's line."""
        record.message = one_line(record.message)
        line, name = super().formatMessage(record), request_id.get()
        return f"{line} [{name}]" if name else line


class Json(logging.Formatter):
    """Lines for programs; the fields are in docs/operations.md."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one JSON object."""
        row: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id.get(),
        }
        row |= {name: vars(record)[name] for name in FIELDS if name in vars(record)}
        if record.exc_info:
            row["exception"] = self.formatException(record.exc_info)
        return json.dumps(row, ensure_ascii=True)


def configure(level: str = "info", form: str = "plain") -> None:
    """Log our own records from `level` on, and other programs' warnings, to standard error."""
    root, formatter = logging.getLogger(), Json() if form == "json" else Plain()
    ours = [each for each in root.handlers if isinstance(each.formatter, Plain | Json)]
    for handler in ours:
        handler.setFormatter(formatter)
    if not root.handlers:  # handlers that somebody else set up take the records
        handler = logging.StreamHandler()
        handler.setFormatter(formatter)
        handler.addFilter(_is_no_interrupt)
        root.addHandler(handler)
        root.setLevel(logging.WARNING)
    logging.getLogger("kb").setLevel(level.upper())


def _is_no_interrupt(record: logging.LogRecord) -> bool:
    """Return whether a record is no traceback of Ctrl-C, which a library met and logged: who
    pressed it knows.
    """
    return not (record.exc_info and record.exc_info[0] is KeyboardInterrupt)


def one_line(text: str) -> str:
    """Return the text with line ends and terminal control characters written out."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
