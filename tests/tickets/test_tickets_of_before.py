"""Tickets of a database made before they could be filed for others are all there afterwards."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from kb.config.settings import load
from kb.database import MIGRATIONS, Database
from kb.schema import submissions
from kb.tickets.service import Desk

AT = "2026-03-01T10:00:00.000000+00:00"
WORDS = "w" * 32
USER = (
    "INSERT INTO users (id, email, name, role, password_hash, session_version, active, created_at)"
    f" VALUES ('{{id}}', '{{email}}', 'A', 'reader', 'x', 1, true, '{AT}')"
)
TICKET = (
    "INSERT INTO tickets (id, number, origin, need_key, open_need_key, words_key, subject, body,"
    " status, tier, tier_since, requester_email, requester_id, visitor, link_digest, language,"
    " trail, created_at, updated_at, version) VALUES ('{id}', {number}, 'asked', '{key}', {open},"
    f" '{WORDS}', 'Lamp', 'It hums', '{{status}}', 1, '{AT}', '{{email}}', {{account}}, 'v',"
    f" 'link{{number}}', 'en', '[]', '{AT}', '{AT}', 1)"
)
EVENT = (
    "INSERT INTO ticket_events (ticket_id, at, kind, actor, public, data) VALUES"
    f" ('{{id}}', '{AT}', 'escalated', 'Ada', true, '{{{{\"reason\": \"Rude fellow\"}}}}')"
)


def _ticket(number: int, email: str, account: str | None, *, status: str = "open") -> str:
    key = f"person:{number:032d}:{WORDS}"
    return TICKET.format(
        id=f"{number:032d}", number=number, key=key, status=status, email=email,
        open="NULL" if status == "resolved" else f"'{key}'",
        account=f"'{account}'" if account else "NULL",
    )  # fmt: skip


def test_tickets_of_before_keep_their_people_words_and_reasons(empty: Database) -> None:
    """Whose address is the account's, in whatever capitals and accents, keeps the ticket."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    rows = [
        USER.format(id="u1", email="ann@example.org"),
        USER.format(id="u2", email="jose\u0301@example.org"),
        _ticket(1001, "Ann@Example.org", "u1"),
        _ticket(1002, "JOS\u00c9@example.org", "u2"),
        _ticket(1003, "caller@example.org", "u1"),  # filed for somebody else
        _ticket(1004, "zoe@example.org", None),
        _ticket(1005, "zoe@example.org", None, status="resolved"),
        EVENT.format(id=f"{1001:032d}"),
    ]
    with empty.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0006")
        for row in rows:
            connection.exec_driver_sql(row)
    empty.migrate()
    desk = Desk(empty, load({}))
    found = {number: desk.by_number(number) for number in range(1001, 1006)}
    assert {each.body for each in found.values()} == {"It hums"}
    assert [each.requester.user_id for each in found.values()] == ["u1", "u2", "", "", ""]
    [event] = desk.history(found[1001], public_only=False)
    assert event.data["reason"] == "Rude fellow"
    shown = desk.history(found[1001], public_only=True)
    assert "Rude fellow" not in str(shown)  # reasons of before are for staff
    with empty.read() as connection:
        query = sa.text("SELECT number, filed_by, open_need_key, need_key FROM tickets ORDER BY 1")
        kept = {row.number: row for row in connection.execute(query)}
        assert connection.execute(sa.select(submissions)).all() == []
    assert [kept[number].filed_by for number in kept] == [None, None, "u1", None, None]
    assert kept[1004].open_need_key == kept[1004].need_key
    assert kept[1004].need_key.count(":") == 3
    assert kept[1005].open_need_key is None
    empty.close()
