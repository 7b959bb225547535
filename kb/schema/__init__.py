"""The tables, as the newest revision of kb.migrations makes them.

Names and types work on both SQLite and PostgreSQL; a test compares the revisions with this package.
"""

from kb.schema.accounts import (
    api_tokens,
    erasures,
    password_resets,
    rate_windows,
    sign_in_guesses,
    users,
)
from kb.schema.columns import UtcTime, metadata
from kb.schema.events import episodes, events, failed_searches, hook_calls, salts
from kb.schema.gaps import (
    article_parts,
    gap_effects,
    gap_events,
    gap_searches,
    gaps,
    question_vectors,
    replays,
    subscriptions,
)
from kb.schema.publishing import previews
from kb.schema.reports import article_days, kept_reports, report_days, report_notes, report_views
from kb.schema.tickets import (
    leases,
    offers,
    outbox,
    submissions,
    ticket_events,
    ticket_links,
    ticket_numbers,
    tickets,
)

__all__ = [
    "UtcTime",
    "api_tokens",
    "article_days",
    "article_parts",
    "episodes",
    "erasures",
    "events",
    "failed_searches",
    "gap_effects",
    "gap_events",
    "gap_searches",
    "gaps",
    "hook_calls",
    "kept_reports",
    "leases",
    "metadata",
    "offers",
    "outbox",
    "password_resets",
    "previews",
    "question_vectors",
    "rate_windows",
    "replays",
    "report_days",
    "report_notes",
    "report_views",
    "salts",
    "sign_in_guesses",
    "submissions",
    "subscriptions",
    "ticket_events",
    "ticket_links",
    "ticket_numbers",
    "tickets",
    "users",
]
