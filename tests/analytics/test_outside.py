"""Tickets of other systems: taken once, matched only to people known, and judged."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from kb.analytics.external_tickets.reading import OutsideTicket, from_csv, from_json
from kb.analytics.external_tickets.service import ImportResult, Matching, import_tickets
from kb.analytics.jobs import close_episodes
from kb.cli.main import main
from kb.errors import InvalidInput
from kb.schema import episodes, events, subscriptions
from kb.services import Services
from kb.tracking.events import Event
from kb.tracking.store import put_all

Did = Callable[..., Event]
NOW = datetime(2025, 3, 20, tzinfo=UTC)


# -- reading ------------------------------------------------------------------------------------


def test_common_exports_are_read() -> None:
    text = "\ufeffNumber;Subject;Created at;Requester email\n7;Hi;2025-03-10T14:00:00+01:00;A@b.c\n"
    [ticket] = from_csv(text, now=NOW)
    assert ticket == OutsideTicket("7", datetime(2025, 3, 10, 13, tzinfo=UTC), "A@b.c")
    [other] = from_csv(
        "id,time,user\n1,2025-03-10 14:00,u1\n", now=NOW, zone=ZoneInfo("Europe/Madrid")
    )
    assert (other.at.hour, other.user) == (13, "u1")


def test_every_wrong_line_is_named_and_nothing_is_taken() -> None:
    text = (
        "id,time,email\n1,2025-03-10T14:00:00Z,a@b.c\n,2025-03-10T14:00:00Z,a@b.c\n"
        "3,yesterday,a@b.c\n4,2025-03-10T14:00:00,a@b.c\n\n6,2031-01-01T00:00:00Z,a@b.c\n"
    )
    with pytest.raises(InvalidInput) as caught:
        from_csv(text, now=NOW)
    assert set(caught.value.fields) == {"line 3", "line 4", "line 5", "line 7"}
    assert "4 tickets cannot be read" in str(caught.value)
    assert "line 5: the time '2025-03-10T14:00:00' names no zone" in str(caught.value)


@pytest.mark.parametrize("text", ["", "\n", "id,time\n", "a,b,c\n1,2,3\n", 'id,time,email\n"1,2'])
def test_what_is_no_table_of_tickets_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        from_csv(text, now=NOW)
    assert caught.value.hint


@given(st.text(max_size=200))
def test_any_text_is_tickets_or_a_refusal(text: str) -> None:
    for given_text in (text, "id,time,email\n" + text):
        try:
            found = from_csv(given_text, now=NOW)
        except InvalidInput:
            continue
        assert all(ticket.id and ticket.at.tzinfo for ticket in found)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["id", "time", "email", "user"]), inner, max_size=4)
        ),
    )
)
def test_any_json_is_tickets_or_a_refusal(payload: Any) -> None:
    try:
        found = from_json(payload, now=NOW)
    except InvalidInput:
        return
    assert all(ticket.id for ticket in found)


# -- matching and judging -----------------------------------------------------------------------


def reader(services: Services) -> tuple[str, str]:
    """Return the reader account's id and pseudonym."""
    account = services.accounts.by_email("reader@example.org")
    return account.id, services.visitors.signed_in(account.id)


def outcomes(services: Services) -> dict[str, str]:
    with services.db.read() as connection:
        return {row.visitor: row.outcome for row in connection.execute(sa.select(episodes))}


def test_a_mail_turns_a_silent_reader_into_a_failed_deflection(
    services: Services, noon: datetime, did: Did
) -> None:
    user_id, visitor = reader(services)
    silent = "a" * 32
    put_all(services.db, [
        did("search", 0, words="vpn", visitor=visitor, user_id=user_id),
        did("view", 5, article="a", visitor=visitor, user_id=user_id),
        did("dwell", 60, article="a", visitor=visitor, user_id=user_id, seconds=50),
        did("search", 0, words="vpn", visitor=silent, id="asked"),
        did("view", 5, article="a", visitor=silent),
        did("dwell", 60, article="a", visitor=silent, seconds=50),
    ])  # fmt: skip
    with services.db.begin() as connection:
        connection.execute(sa.insert(subscriptions).values(
            id="s", search_id="asked", email="ana@example.org", language="en", audience="public",
            words="vpn", state="confirmed", link_digest="x", created_at=noon, confirmed_at=noon,
        ))  # fmt: skip
    close_episodes(services.db, services.settings, NOW)
    assert outcomes(services) == {visitor: "potential", silent: "potential"}
    mails = [
        OutsideTicket("1", noon + timedelta(hours=3), "Reader@Example.org"),
        OutsideTicket("2", noon + timedelta(hours=4), "ana@example.org"),
        OutsideTicket("3", noon + timedelta(hours=4), "stranger@example.org"),
        OutsideTicket("4", noon + timedelta(hours=4), user=user_id),
        OutsideTicket("5", noon + timedelta(hours=4), "agent@example.org"),
    ]
    match = services.matching()
    done = import_tickets(services.db, services.settings, mails, match, source="desk", now=NOW)
    assert done == ImportResult(new=5, known=0, matched=4)
    assert outcomes(services) == {visitor: "ticketed", silent: "ticketed"}
    again = import_tickets(services.db, services.settings, mails, match, source="desk", now=NOW)
    assert again == ImportResult(new=0, known=5, matched=0)
    other = import_tickets(
        services.db, services.settings, mails[:1], match, source="other", now=NOW
    )
    assert other.new == 1
    with services.db.read() as connection:
        kept = repr(connection.execute(sa.select(events)).all())
    assert "example.org" not in kept.lower()


def test_a_wish_that_was_not_confirmed_matches_nobody(
    services: Services, noon: datetime, did: Did
) -> None:
    put_all(services.db, [did("search", 0, words="vpn", id="asked")])
    with services.db.begin() as connection:
        connection.execute(sa.insert(subscriptions).values(
            id="s", search_id="asked", email="ana@example.org", language="en", audience="public",
            words="vpn", state="asked", link_digest="x", created_at=noon,
        ))  # fmt: skip
    match = Matching(services.db, services.accounts, services.visitors)
    assert match(OutsideTicket("1", noon, "ana@example.org")).visitor == ""


# -- the command -------------------------------------------------------------------


def test_the_command_takes_a_file_as_a_whole(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "tickets.csv"
    environ = {"KB_DATA": str(services.settings.data)}
    file.write_text("id,time,email\n1,2025-03-10T14:00:00Z,reader@example.org\n2,soon,x@y.z\n")
    refused = CliRunner().invoke(main, ["tickets", "import", str(file)], env=environ)
    assert refused.exit_code == 1
    assert "line 3" in refused.stderr
    file.write_text(
        "id,time,email\n1,2025-03-10T14:00:00Z,reader@example.org\n2,2025-03-10T14:00:00Z,\n"
    )
    for new, known in ((2, 0), (0, 2)):
        done = CliRunner().invoke(main, ["tickets", "import", str(file)], env=environ)
        assert done.exit_code == 0, done.output
        assert f"{new} new tickets, {known} known before." in done.output
    wrong = CliRunner().invoke(
        main, ["tickets", "import", str(file), "--timezone", "Nowhere/At_all"], env=environ
    )
    assert "There is no time zone" in wrong.stderr
