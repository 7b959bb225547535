"""What readers meet while the database is away, too busy, or asked too often."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from kb.accounts import store as accounts_store
from kb.schema import events
from kb.tracking import recorder
from tests.web.pages import Page

PASSWORD = "correct horse battery staple"
READING = (
    "/", "/search?q=printing", "/search?q=nothing+of+the+kind", "/articles/print/public", "/about",
    "/articles/vpn/connect", "/collections/print", "/suggest?q=print", "/tickets/new", "/sign-in",
    "/api/v1/search?q=printing", "/api/v1/articles", "/api/v1/articles/print/public", "/healthz",
    "/tickets/new?article=print/public", "/opensearch.xml", "/static/site.css",
)  # fmt: skip


def _kinds(site: Any) -> list[str]:
    with site.services.db.read() as connection:
        return list(connection.execute(sa.select(events.c.kind).order_by(events.c.seq)).scalars())


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the recorder try the database again at once, as it does after a few seconds."""
    monkeypatch.setattr(recorder, "RETRY_S", 0.0)


@pytest.mark.parametrize("role", ["anonymous", "reader", "agent"])
def test_reading_and_searching_go_on_without_the_database(
    new_site: Callable[..., Any], impatient: None, role: str
) -> None:
    site = new_site()
    client = site.client(role)
    mend = site.break_database()
    for address in READING:
        assert client.get(address).status_code == 200, address
    assert client.get(site.picture("public")).status_code == 200
    ready = client.get("/readyz").get_json()
    assert ready["checks"]["database"]["ok"] is False
    mend()
    assert client.get("/readyz").get_json()["checks"]["database"]["ok"] is True


def test_what_was_done_meanwhile_comes_back_once_and_in_order(
    new_site: Callable[..., Any], impatient: None
) -> None:
    site = new_site()
    client = site.browser()
    mend = site.break_database()
    link = next(
        e.attributes["href"]
        for e in Page(client.get("/search?q=printing").text).all("a")
        if e.attributes.get("href", "").startswith("/articles/print/public")
    )
    client.get(link)
    client.post("/articles/print/public/vote", data={"helpful": "yes"})
    client.post("/articles/print/public/solved")
    spool = site.services.settings.data / "spool" / "events.jsonl"
    waiting = len(spool.read_text().splitlines())
    assert waiting >= 4
    mend()
    assert site.services.recorder.replay_spool().events == waiting
    assert len(_kinds(site)) == waiting
    assert {"search", "view", "vote", "solved"} <= set(_kinds(site))
    assert site.services.recorder.replay_spool().events == 0
    assert len(_kinds(site)) == waiting


def test_a_session_outlives_the_outage_and_says_what_is_wrong_meanwhile(
    new_site: Callable[..., Any],
) -> None:
    site = new_site()
    agent = site.signed_in("agent")
    mend = site.break_database()
    for method, address in (
        ("GET", "/desk/"), ("GET", "/my/tickets"), ("GET", "/desk/tickets/T-1001"),
        ("POST", "/desk/tickets/T-1001/answer"), ("GET", "/api/v1/tickets"),
    ):  # fmt: skip
        answer = agent.open(address, method=method, data={"text": "Half a page"})
        assert answer.status_code == 503, address
        assert "unable to open" not in answer.text  # the driver's words are for the log
        if method == "POST":
            assert "Half a page" in answer.text
    form = {"email": "agent@example.org", "password": PASSWORD}
    assert site.browser().post("/sign-in", data=form).status_code == 503
    token = {"Authorization": "Bearer tz_whatever"}
    assert site.bare().get("/api/v1/tickets", headers=token).status_code == 503
    mend()
    assert agent.get("/desk/").status_code == 200


def test_pages_are_answered_while_another_holds_the_database(
    new_site: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The wait is shortened for the test; how long pages wait is the stores' affair.
    monkeypatch.setattr("kb.database.LOCK_WAIT_S", 0.2)
    monkeypatch.setattr("kb.database.PATIENCE_S", 0.2)
    site = new_site()
    client = site.client("reader")
    holder = sqlite3.connect(site.services.settings.data / "tierzero.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    for address in ("/search?q=printing", "/articles/print/signed-in", "/my/tickets"):
        assert client.get(address).status_code == 200, address
    typed = {"subject": "Held up", "body": "All my words"}
    refused = client.post("/tickets", data=typed)
    assert refused.status_code == 503
    assert "All my words" in refused.text
    holder.execute("ROLLBACK")
    holder.close()
    assert client.post("/tickets", data=typed).status_code == 303


# -- too often ----------------------------------------------------------------------------------

LIMITED = {
    "search_rate": ("GET", "/search?q=vpn"),
    "write_rate": ("POST", "/articles/print/public/vote"),
}


def _until_refused(
    clients: list[Any], method: str, address: str, **options: Any
) -> tuple[int, Any]:
    """Return how many requests passed, taking clients in turn, and the first refusal."""
    for count in range(20):
        answer = clients[count % len(clients)].open(address, method=method, **options)
        if answer.status_code == 429:
            return count, answer
    pytest.fail(f"{address} was never refused")


@pytest.mark.parametrize("setting", LIMITED)
def test_asking_too_often_is_refused_with_the_time_to_wait(
    new_site: Callable[..., Any], setting: str
) -> None:
    site = new_site(**{setting: 3}, network_rate=1)
    passed, refused = _until_refused([site.browser()], *LIMITED[setting])
    # The window of the clock may turn while the test runs, and then twice as many pass.
    assert 3 <= passed <= 6
    wait = int(refused.headers["Retry-After"])
    assert 0 < wait <= 600
    assert f"Wait {wait} seconds" in refused.text
    assert Page(refused.text).one("h1").text == "Too many requests"
    assert site.browser().get("/articles/print/public").status_code == 200
    assert site.browser(REMOTE_ADDR="203.0.113.5").get("/search?q=vpn").status_code == 200


def test_two_servers_on_one_database_count_together(new_site: Callable[..., Any]) -> None:
    first, second = (new_site(search_rate=4, network_rate=1) for _ in range(2))
    assert first.app is not second.app
    assert first.services.db is not second.services.db
    passed, _ = _until_refused([first.browser(), second.browser()], "GET", "/search?q=vpn")
    assert 4 <= passed <= 8


def test_programs_are_told_in_json_and_pages_keep_the_words(new_site: Callable[..., Any]) -> None:
    site = new_site(search_rate=1, ticket_rate=1, network_rate=1)
    _, refused = _until_refused([site.bare()], "GET", "/api/v1/search?q=vpn")
    error = refused.get_json()["error"]
    assert (error["status"], error["fields"]) == (429, {})
    assert refused.headers["Retry-After"] in error["hint"]
    typed = {"subject": "x", "body": "A long story"}
    _, refused = _until_refused([site.browser()], "POST", "/tickets", data=typed)
    assert "A long story" in refused.text


def test_reading_is_not_counted_and_old_windows_are_forgotten(new_site: Callable[..., Any]) -> None:
    site = new_site(search_rate=1, network_rate=1)
    for _ in range(5):
        assert site.browser().get("/articles/print/public").status_code == 200
    site.services.limits.purge(datetime(2100, 1, 1, tzinfo=UTC))
    assert site.browser().get("/search?q=vpn").status_code == 200


def test_events_by_a_token_that_was_known_are_kept_while_the_database_is_away(
    new_site: Callable[..., Any], impatient: None
) -> None:
    """On what everybody may read; of the rest nothing is said, for whose rights are not known."""
    site = new_site()
    head = {"Authorization": f"Bearer {site.token('agent')}"}
    public = {"kind": "vote", "article": "print/public", "helpful": True}
    assert site.bare().post("/api/v1/events", json=public, headers=head).status_code == 201
    before = _kinds(site)
    other = {"Authorization": f"Bearer {site.token('reader')}"}
    mend = site.break_database()
    kept = site.bare().post("/api/v1/events", json=public, headers=head)
    assert (kept.status_code, kept.get_json()) == (201, {"recorded": True})
    for article in ("print/staff", "print/signed-in", "no/such-article"):
        event = {"kind": "view", "article": article}
        assert site.bare().post("/api/v1/events", json=event, headers=head).status_code == 503
    for unknown in (other, {"Authorization": "Bearer tz_nobodys"}):
        answer = site.bare().post("/api/v1/events", json=public, headers=unknown)
        assert answer.status_code == 503
    for place in ("/api/v1/tickets", "/api/v1/gaps", "/api/v1/search?q=printing", "/desk/"):
        assert site.bare().get(place, headers=head).status_code == 503, place
    ticket = {"subject": "No ticket now"}
    assert site.bare().post("/api/v1/tickets", json=ticket, headers=head).status_code == 503
    mend()
    site.services.recorder.replay_spool()
    assert _kinds(site) == [*before, "vote"]
    with site.services.db.read() as connection:
        whose = connection.execute(sa.select(events.c.user_id, events.c.left_out)).all()
    assert len(set(whose)) == 1
    assert whose[0].left_out == "staff"


def test_a_revoked_token_is_forgotten_and_an_old_one_is_not_believed(
    new_site: Callable[..., Any], impatient: None
) -> None:
    accounts, now = new_site().services.accounts, datetime.now(UTC)
    token = accounts.new_token("reader@example.org", "test", now)
    account = accounts.by_token(token, now)
    assert account is not None
    assert accounts.by_recent_token(token, now + timedelta(minutes=10)) == account
    assert accounts.by_recent_token(token, now + timedelta(minutes=10, seconds=1)) is None
    assert accounts.by_recent_token(token, now - timedelta(seconds=1)) is None  # a clock set back
    (mine,) = accounts_store.tokens_of(accounts._db, account.id)
    accounts_store.end_token(accounts._db, account.id, mine.id)
    assert accounts.by_token(token, now) is None
    assert accounts.by_recent_token(token, now) is None
