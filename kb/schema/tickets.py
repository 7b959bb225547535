"""The tables of the desk: tickets, their events, the outbox, offers, leases."""

from __future__ import annotations

import sqlalchemy as sa

from kb.schema.columns import UtcTime, id_column, metadata, sequence_column

tickets = sa.Table(
    "tickets",
    metadata,
    id_column(),
    sa.Column("number", sa.Integer, nullable=False, unique=True),
    sa.Column("origin", sa.String(16), nullable=False),  # asked, policy, demand
    # What the ticket is about: one need never has two open tickets (kb.tickets.deduplication).
    sa.Column("need_key", sa.String(128), nullable=False),
    sa.Column("open_need_key", sa.String(128), unique=True),  # need_key while open, then null
    sa.Column("words_key", sa.String(64), nullable=False, index=True),
    sa.Column("subject", sa.String(200), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("status", sa.String(16), nullable=False, index=True),
    sa.Column("tier", sa.Integer, nullable=False),
    sa.Column("tier_since", UtcTime, nullable=False),
    sa.Column("waiting_since", UtcTime),  # the tier's clock is paused from here
    sa.Column("assignee_id", sa.String(36)),
    sa.Column("requester_name", sa.String(255), nullable=False, server_default=""),
    sa.Column("requester_email", sa.String(255), nullable=False, server_default=""),
    sa.Column("requester_id", sa.String(36), index=True),
    sa.Column("filed_by", sa.String(36), index=True),  # the account that filed it for somebody
    sa.Column("visitor", sa.String(64), nullable=False, server_default=""),
    sa.Column("search_id", sa.String(36)),
    sa.Column("link_digest", sa.String(64), nullable=False, unique=True),
    sa.Column("language", sa.String(16), nullable=False),
    sa.Column("trail", sa.JSON, nullable=False),
    sa.Column("resolution", sa.String(24), nullable=False, server_default=""),
    sa.Column("resolution_article", sa.String(255), nullable=False, server_default=""),
    sa.Column("created_at", UtcTime, nullable=False, index=True),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.Column("resolved_at", UtcTime),
    sa.Column("version", sa.Integer, nullable=False),
    # Totals of its events, written with each of them, so that reports need not read events.
    sa.Column("answered_at", UtcTime),  # when staff first answered or resolved it
    sa.Column("answers", sa.Integer, nullable=False, server_default="0"),  # replies by staff
    sa.Column("raised_by_clock", sa.Integer, nullable=False, server_default="0"),
    sa.Column("raised_by_hand", sa.Integer, nullable=False, server_default="0"),
    sa.Column("returned", sa.Integer, nullable=False, server_default="0"),
    sa.Column("resolutions", sa.Integer, nullable=False, server_default="0"),
)

ticket_events = sa.Table(
    "ticket_events",
    metadata,
    sequence_column(),
    sa.Column("ticket_id", sa.ForeignKey("tickets.id"), nullable=False, index=True),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("kind", sa.String(24), nullable=False),
    sa.Column("actor", sa.String(255), nullable=False),
    sa.Column("public", sa.Boolean, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
)

# Submissions by the name that their sender gave them, so that each is accepted once.
submissions = sa.Table(
    "submissions",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("body", sa.String(64), nullable=False),  # digest of what was sent
    sa.Column("ticket_id", sa.String(36), nullable=False),
    sa.Column("added", sa.Boolean, nullable=False),  # a reply, not a new ticket
    sa.Column("at", UtcTime, nullable=False, index=True),
)

# SHA-256 of each private link in later emails; the first one is in tickets.link_digest.
ticket_links = sa.Table(
    "ticket_links",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("ticket_id", sa.ForeignKey("tickets.id"), nullable=False, index=True),
    sa.Column("made_at", UtcTime, nullable=False),
)

ticket_numbers = sa.Table(
    "ticket_numbers",
    metadata,
    sa.Column("name", sa.String(16), primary_key=True),
    sa.Column("last", sa.Integer, nullable=False),
)

outbox = sa.Table(
    "outbox",
    metadata,
    id_column(),  # also the idempotency key of the delivery
    sa.Column("ticket_id", sa.String(36)),
    sa.Column("channel", sa.String(24), nullable=False),
    sa.Column("payload", sa.JSON, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("due_at", UtcTime, nullable=False, index=True),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("state", sa.String(12), nullable=False, index=True),  # waiting, delivered, dead
    sa.Column("error", sa.Text, nullable=False, server_default=""),
)

offers = sa.Table(
    "offers",
    metadata,
    id_column(),
    sa.Column("user_id", sa.String(36), nullable=False, index=True),
    sa.Column("episode_id", sa.String(36), nullable=False, unique=True),
    sa.Column("need_key", sa.String(128), nullable=False),
    sa.Column("search_id", sa.String(36), nullable=False),
    sa.Column("words", sa.Text, nullable=False),
    sa.Column("state", sa.String(12), nullable=False),  # open, taken, declined
    sa.Column("created_at", UtcTime, nullable=False),
)

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("owner", sa.String(64), nullable=False),
    sa.Column("until", UtcTime, nullable=False),
)
