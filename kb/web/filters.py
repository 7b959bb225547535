"""What templates format with: addresses, links, times, dates and codes.

`address` returns what `flask.url_for` does for a page of this site, but builds each only once: a
page has thirty of them, and building them anew costs more than filling in the template.

`linked` makes only http, https and mail addresses into links, and only where they are written out:
"readme.md" or a line of a stack trace stays as it is. The text of a link is what was written.

Times are shown in UTC and say so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, request, url_for
from linkify_it import LinkifyIt
from markupsafe import Markup, escape

from kb.analytics.definitions import DEFINITIONS
from kb.analytics.figures import amount, extent
from kb.analytics.model import Failure
from kb.content.sources.combined import shortened
from kb.table import Cell, ColumnKind
from search.text.analysis import base_language

# -- Addresses of pages --


_ABSOLUTE = frozenset({"_external", "_scheme", "_method"})  # depend on more than the arguments
_SIMPLE = frozenset({str, int, type(None)})  # no bool: True equals 1
_KEPT = 4096


def address(endpoint: str, **values: Any) -> str:
    """Return the address of a page, without host."""
    plain = all(type(value) in _SIMPLE for value in values.values())
    if not plain or endpoint.startswith(".") or not _ABSOLUTE.isdisjoint(values):
        return url_for(endpoint, **values)
    return _built(request.root_path, endpoint, tuple(values.items()))


@lru_cache(_KEPT)
def _built(_root: str, endpoint: str, values: tuple[tuple[str, Any], ...]) -> str:
    return url_for(endpoint, **dict(values))


def init_addresses(app: Flask) -> None:
    """Make `url_for` in the app's templates mean `address`."""
    app.jinja_env.globals["url_for"] = address


# -- Links in what people wrote --


# Search engines give these links no weight, and the linked page learns nothing of ours.
_LINK = Markup('<a href="{}" rel="nofollow noopener ugc">{}</a>')
_SCHEMES = frozenset({"http", "https", "mailto"})
# No address is that long, and the search for one takes time quadratic in the length.
_TOO_LONG = re.compile(r"(\S{2000,})")
_finder = (
    LinkifyIt(options={"fuzzy_link": False, "fuzzy_email": True, "fuzzy_ip": False})
    .add("ftp:", None)
    .add("//", None)
)


def linked(text: str) -> Markup:
    """Return the text as HTML, every character as it was written, with its addresses as links."""
    parts = _TOO_LONG.split(text)
    return Markup().join(
        escape(part) if number % 2 else Markup().join(_pieces(part))
        for number, part in enumerate(parts)
    )


def _pieces(text: str) -> Iterator[Markup]:
    here = 0
    for found in _finder.match(text) or ():
        yield escape(text[here : found.index])
        written = text[found.index : found.last_index]
        yield _LINK.format(found.url, written) if _is_safe(found.url) else escape(written)
        here = found.last_index
    yield escape(text[here:])


def _is_safe(address: str) -> bool:
    try:
        return address.isprintable() and urlsplit(address).scheme in _SCHEMES
    except ValueError:
        return False


# -- Times, dates and codes --


STATUS = {
    "new": "new",
    "open": "open",
    "waiting": "waiting for the requester",
    "resolved": "resolved",
    "closed": "closed",
}
ORIGIN = {
    "asked": "asked for",
    "policy": "by policy: left without an answer",
    "demand": "by demand: several people failed",
    "outside": "told of by another system: mail, phone",
}
EVENT = {
    "opened": "opened the ticket",
    "answered": "answered",
    "noted": "made a note",
    "assigned": "handed it over",
    "given_back": "put it back in the queue: the agent works no tickets any more",
    "escalated": "moved it up a tier",
    "returned": "moved it down a tier",
    "resolved": "resolved it",
    "reopened": "reopened it",
    "replied": "wrote",
    "closed": "closed it",
    "link_sent": "sent the private link again",
    "joined": "waits for the same answer",
    "erased": "erased what it told of a person",
}
COMMIT_SHOWN = 10
REASONS = (
    ("not-my-problem", "It is about something else"),
    ("did-not-work", "I followed it and it did not work"),
    ("hard-to-follow", "It is hard to follow"),
    ("out-of-date", "It is out of date"),
)
EVENT_KIND = {
    "search": "Searches",
    "click": "Results opened",
    "view": "Articles opened",
    "dwell": "Time spent reading",
    "vote": "Votes",
    "solved": "“This solved it”",
    "form_opened": "Ticket form opened",
    "suggestion_shown": "Suggestions shown on the form",
    "suggestion_opened": "Suggestions opened",
    "form_withdrawn": "Ticket form left",
    "ticket_created": "Tickets",
    "holdout": "Comparison of suggestions",
    "survey_shown": "Survey shown",
    "survey_answered": "Survey answered",
    "all": "All",
}
SURFACE = {
    "page": "search page",
    "suggest": "while typing",
    "form": "ticket form",
    "api": "API",
    "": "not known",
}
DEVICE = {"phone": "phone", "tablet": "tablet", "computer": "computer", "": "not known"}
FAILURE = {failure.value: failure.words for failure in Failure}

CAUSE = {
    "typo": "misspelt",
    "wording": "other words",
    "ranks_low": "too far down",
    "not_permitted": "not open to them",
    "language": "other language",
    "draft": "draft or overdue",
    "true_gap": "no article",
}
GAP_EVENT = {
    "made": "was found",
    "merged": "went into another gap",
    "absorbed": "took in another gap",
    "split": "was split off",
    "left": "a part went its own way",
    "faded": "nobody asks any more",
    "renamed": "was named",
    "assigned": "was handed over",
    "status": "was decided on",
    "moved": "questions were moved",
    "answered": "was answered",
    "reopened": "is open again",
}


def day(value: date | datetime) -> str:
    """Return "14 September 2026"."""
    return f"{value.day} {value:%B %Y}"


def moment(value: datetime) -> str:
    """Return "14 Sep 2026, 09:05 UTC"."""
    return f"{value.day} {value:%b %Y, %H:%M} UTC"


def clock(value: str) -> str:
    """Return "14 Sep, 09:05" from a time in ISO form, as trails keep it."""
    found = datetime.fromisoformat(value)
    return f"{found.day} {found:%b, %H:%M}"


def duration(seconds: float) -> str:
    """Return a span of time as it is read: "45 s", "12 min", "3.5 hours", "2.1 days"."""
    size = abs(seconds)
    if size < 60:
        return f"{seconds:.0f} s"
    if size < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} hours" if size < 86_400 else f"{seconds / 86_400:.1f} days"


def _quick(milliseconds: float) -> str:
    return f"{milliseconds / 1000:,.1f} s" if milliseconds >= 1000 else f"{milliseconds:.0f} ms"


def cell(value: Cell, kind: str, unit: str = "") -> str:
    """Return a cell of a report's table as text, "" for none. `kind` is a ColumnKind; `unit`, of an
    AMOUNT, as `amount` takes it. Text in a numeric column says why there is no number, and stays;
    so does a code that has no words here.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return _TEXTS[ColumnKind(kind)](value) if kind in _TEXTS else value
    if kind == ColumnKind.AMOUNT:
        return amount(value, unit)
    return (_NUMBERS[ColumnKind(kind)](value) if kind in _NUMBERS else str(value)).replace("-", "−")


def _coded(words: Mapping[str, str]) -> Callable[[str], str]:
    return lambda code: words.get(code, code) or "not known"


def _day(text: str) -> str:
    try:
        return day(date.fromisoformat(text))
    except ValueError:
        return text


def _moment(text: str) -> str:
    try:
        return moment(datetime.fromisoformat(text))
    except ValueError:
        return text


_NUMBERS: dict[ColumnKind, Callable[[float], str]] = {
    ColumnKind.COUNT: lambda value: f"{value:,.0f}",
    ColumnKind.SHARE: lambda value: amount(value, "share"),
    ColumnKind.DIFFERENCE: lambda value: amount(value, "difference"),
    ColumnKind.NUMBER: lambda value: f"{value:,.0f}" if value == int(value) else f"{value:,.1f}",
    ColumnKind.SECONDS: duration,
    ColumnKind.MILLISECONDS: _quick,
    ColumnKind.GAP: lambda value: f"#{value:.0f}",
    ColumnKind.TIER: lambda value: f"Tier {value:.0f}",
}
_TEXTS: dict[ColumnKind, Callable[[str], str]] = {
    ColumnKind.DAY: _day,
    ColumnKind.MOMENT: _moment,
    ColumnKind.COMMIT: lambda commit: commit[:COMMIT_SHOWN],
    ColumnKind.LANGUAGE: lambda code: language_name(code) if code else "not known",
    ColumnKind.COLLECTION: lambda code: code or "none",
    ColumnKind.SURFACE: _coded(SURFACE),
    ColumnKind.DEVICE: _coded(DEVICE),
    ColumnKind.FAILURE: _coded(FAILURE),
    ColumnKind.ORIGIN: _coded(ORIGIN),
    ColumnKind.REASON: _coded(dict(REASONS)),
    ColumnKind.CAUSE: lambda code: CAUSE.get(code, "not looked at yet"),
}


def definition_of(key: str) -> str:
    """Return the key of the definition of a figure, "" for none: the figure's own key or that of
    its kind ("tickets" for "tickets_asked"), without the part that it belongs to ("tier_2:").
    """
    key = key.rpartition(":")[2]
    return next((each for each in (key, key.partition("_")[0]) if each in DEFINITIONS), "")


def init_app(app: Flask) -> None:
    """Give the filters to the app's templates."""
    app.jinja_env.filters.update(
        day=day,
        linked=linked,
        moment=moment,
        state=shortened,
        clock=clock,
        language_name=language_name,
        status_words=lambda code: STATUS.get(str(code), str(code)),
        origin_words=lambda code: ORIGIN.get(str(code), str(code)),
        event_words=lambda code: EVENT.get(str(code), str(code).replace("_", " ")),
        event_kind=lambda code: EVENT_KIND.get(str(code), str(code).replace("_", " ")),
        cause_words=lambda code: CAUSE.get(str(code), "not looked at yet"),
        gap_event_words=lambda code: GAP_EVENT.get(str(code), str(code).replace("_", " ")),
        surface_words=lambda code: SURFACE.get(str(code), str(code)),
        amount=amount,
        extent=extent,
        cell=cell,
        duration=duration,
        definition_of=definition_of,
        failure_words=lambda code: FAILURE.get(str(code), str(code)),
    )


LANGUAGE_NAMES = {
    "en": "English", "es": "Español", "fr": "Français", "de": "Deutsch", "pt": "Português",
    "it": "Italiano", "nl": "Nederlands", "zh": "中文", "ja": "日本語", "ar": "العربية",
    "ru": "Русский", "he": "עברית", "ko": "한국어",
}  # fmt: skip # a table, a row a word


RIGHT_TO_LEFT = ("ar", "fa", "he", "ur")


def direction(language: str) -> str:
    """Return the direction in which a language is written, as HTML names it."""
    return "rtl" if base_language(language) in RIGHT_TO_LEFT else "ltr"


def language_name(code: str) -> str:
    """Return the language's own name, or its code where we do not know it."""
    return LANGUAGE_NAMES.get(code.split("-")[0].lower(), code)
