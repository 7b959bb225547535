"""Template filters: times, dates and codes as people read them.

Promises text. Times are shown in UTC and say so.
"""

from __future__ import annotations

from datetime import date, datetime

from flask import Flask

from kb.content.several import shortened
from kb.insight.amounts import amount, extent
from kb.web.listing import language_name

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
    "escalated": "moved it up a tier",
    "returned": "moved it down a tier",
    "resolved": "resolved it",
    "reopened": "reopened it",
    "replied": "wrote",
    "closed": "closed it",
    "joined": "waits for the same answer",
    "erased": "erased what it told of a person",
}
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
FAILURE = {
    "zero": "nothing was found",
    "weak": "nothing came near",
    "voted_down": "what was read did not help",
    "ticketed": "a ticket followed",
    "bounced": "opened and left at once",
    "refined": "searched again in other words",
    "no_click": "nothing was opened",
}

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


def init_app(app: Flask) -> None:
    """Give the filters to the app's templates."""
    app.jinja_env.filters.update(
        day=day,
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
        failure_words=lambda code: FAILURE.get(str(code), str(code)),
    )
