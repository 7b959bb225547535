"""A forgotten password: a link by mail, once, for half an hour, and nothing told to who asks."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from kb.accounts.roles import Role
from kb.schema import outbox, password_resets
from kb.web import guard
from tests.web.pages import Page

PASSWORD = "correct horse battery staple"
NEW = "another good long password"
MAIL = "smtp://127.0.0.1:1"
ADDRESS = "agent@example.org"


@pytest.fixture
def mailing(new_site: Callable[..., Any], database_url: str) -> Any:
    """Return a site that sends mail, on either database, with an agent and a lead."""
    made = new_site(database_url=database_url, mail_url=MAIL, sign_in_rate=20)
    for role in (Role.AGENT, Role.LEAD):
        made.services.accounts.add(
            f"{role}@example.org", PASSWORD, name=role.title(), role=role, now=datetime.now(UTC)
        )
    return made


def at(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    """Turn the clock of requests."""
    clock = type("Clock", (), {"now": staticmethod(lambda _zone: moment)})
    monkeypatch.setattr(guard, "datetime", clock)


def letters(site: Any) -> list[dict[str, Any]]:
    """Return the letters that wait; the row of one to nobody holds none."""
    with site.services.db.read() as connection:
        query = sa.select(outbox.c.payload).order_by(outbox.c.created_at)
        return [payload for payload in connection.execute(query).scalars() if payload]


def ask(site: Any, email: str = ADDRESS, **options: Any) -> Any:
    return site.browser().post("/forgot-password", data={"email": email}, **options)


def link(site: Any, email: str = ADDRESS) -> str:
    """Ask for a link and return its path, as it stands in the letter."""
    assert ask(site, email).status_code == 303
    return str(re.findall(r"http://localhost(/reset-password/\S+)", letters(site)[-1]["text"])[0])


def choose(site: Any, place: str, new: str = NEW, again: str = "") -> Any:
    return site.browser().post(place, data={"password": new, "again": again or new})


def signs_in(site: Any, password: str, email: str = ADDRESS) -> bool:
    form = {"email": email, "password": password}
    return bool(site.browser().post("/sign-in", data=form).status_code == 303)


def test_a_password_is_replaced_by_the_link_once(mailing: Any) -> None:
    """natlas#136: everything that was open with the old password ends, and so does the link."""
    session, token = mailing.signed_in("agent"), mailing.token("agent")
    place = link(mailing)
    page = mailing.browser().get(place)
    assert page.status_code == 200
    assert ADDRESS in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "same-origin"  # no other site is told the link
    done = choose(mailing, place)
    assert done.status_code == 303
    assert "Your password is changed" in mailing.browser().get(done.headers["Location"]).text
    assert signs_in(mailing, NEW)
    assert not signs_in(mailing, PASSWORD)
    assert session.get("/desk/").status_code == 302
    headers = {"Authorization": f"Bearer {token}"}
    assert mailing.bare().get("/api/v1/tickets", headers=headers).status_code == 401
    assert choose(mailing, place, "yet another long password").status_code == 404
    assert mailing.browser().get(place).status_code == 404
    assert signs_in(mailing, NEW)
    assert "your password was changed" in letters(mailing)[-1]["subject"]


def test_a_link_that_is_only_opened_stays_good(mailing: Any) -> None:
    """Mail programs and scanners open links by themselves."""
    place = link(mailing)
    for _ in range(5):
        assert mailing.bare().get(place).status_code == 200
        assert mailing.bare().head(place).status_code == 200
    assert choose(mailing, place).status_code == 303


@pytest.mark.parametrize(("new", "again"), [("short", ""), (NEW, "a typing mistake"), ("", "")])
def test_a_password_that_is_refused_does_not_use_the_link_up(
    mailing: Any, new: str, again: str
) -> None:
    """postfixadmin#550."""
    place = link(mailing)
    assert choose(mailing, place, new, again).status_code == 422
    assert choose(mailing, place).status_code == 303


def test_a_link_lives_for_half_an_hour(mailing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = datetime(2026, 3, 2, 9, tzinfo=UTC)
    at(monkeypatch, begun)
    place = link(mailing)
    at(monkeypatch, begun + timedelta(minutes=30, seconds=-1))
    assert mailing.browser().get(place).status_code == 200
    at(monkeypatch, begun + timedelta(minutes=30))
    assert mailing.browser().get(place).status_code == 404
    assert choose(mailing, place).status_code == 404
    mailing.services.resets.purge(begun + timedelta(hours=1))
    with mailing.services.db.read() as connection:
        assert connection.execute(sa.select(password_resets)).all() == []


@pytest.mark.parametrize("change", ["password", "role", "off and on", "sign out", "other link"])
def test_any_change_of_the_account_ends_links_asked_for_before(mailing: Any, change: str) -> None:
    """contao#7510, vanilla#2903."""
    place, accounts = link(mailing), mailing.services.accounts
    if change == "password":
        accounts.set_password(ADDRESS, "a third good long password")
    elif change == "role":
        accounts.set_role(ADDRESS, Role.READER)
    elif change == "off and on":
        accounts.set_active(ADDRESS, False)
        assert mailing.browser().get(place).status_code == 404
        accounts.set_active(ADDRESS, True)
    elif change == "sign out":
        accounts.sign_out(ADDRESS)
    else:
        assert choose(mailing, link(mailing)).status_code == 303
    assert mailing.browser().get(place).status_code == 404
    assert choose(mailing, place, "a fourth good long password").status_code == 404


def test_nobody_learns_whether_an_address_has_an_account(mailing: Any) -> None:
    """laravel#11559, phpsec#27: the same answer and the same rows, and nothing changes."""
    mailing.services.accounts.set_active("lead@example.org", False)
    answers, work = [], []
    statements: list[str] = []
    engine = mailing.services.db.engine

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    mailing.browser().get("/forgot-password")  # the day's first request does more
    sa.event.listen(engine, "before_cursor_execute", note)
    for email in (ADDRESS, "nobody@example.org", "lead@example.org"):
        statements.clear()
        answer = ask(mailing, email)
        work.append(tuple(statements))
        answers.append((answer.status_code, answer.headers["Location"], answer.text))
    sa.event.remove(engine, "before_cursor_execute", note)
    assert len(set(answers)) == 1
    assert len(set(work)) == 1  # the time does not tell either
    assert [letter["to"] for letter in letters(mailing) if letter] == [ADDRESS]
    with mailing.services.db.read() as connection:
        assert len(connection.execute(sa.select(password_resets)).all()) == 3
    assert signs_in(mailing, PASSWORD)


def test_one_address_is_written_to_three_times_a_day_whoever_asks(
    mailing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = datetime(2026, 3, 2, 9, tzinfo=UTC)
    for n in range(8):
        at(monkeypatch, begun + timedelta(minutes=n))
        environ = {"REMOTE_ADDR": f"203.0.113.{n + 1}"}
        answer = ask(mailing, ("Agent@Example.org", ADDRESS)[n % 2], environ_overrides=environ)
        assert answer.headers["Location"] == "/forgot-password/sent"
    assert len(letters(mailing)) == 3
    at(monkeypatch, begun + timedelta(days=1))
    ask(mailing)
    assert len(letters(mailing)) == 4


def test_a_network_asks_only_so_often_in_an_hour(
    mailing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, datetime(2026, 3, 2, 9, 5, tzinfo=UTC))
    statuses = [
        ask(
            mailing,
            f"person{n}@example.org",
            environ_overrides={"REMOTE_ADDR": f"2001:db8:0:7::{n:x}"},
        ).status_code
        for n in range(22)
    ]
    assert statuses == [303] * 20 + [429] * 2
    elsewhere = {"REMOTE_ADDR": "2001:db8:0:8::1"}
    assert ask(mailing, environ_overrides=elsewhere).status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_X_FORWARDED_HOST": "evil.example"},
        {"HTTP_X_FORWARDED_SERVER": "evil.example"},
        {"HTTP_FORWARDED": "host=evil.example"},
        {"HTTP_ORIGIN": "http://localhost", "HTTP_REFERER": "http://evil.example/"},
        {"HTTP_HOST": "127.0.0.1"},
    ],
)
def test_the_link_is_the_sites_whatever_the_request_says(
    mailing: Any, headers: dict[str, str]
) -> None:
    """self-service-password#755, hackathon-starter#1326, swetrix#114."""
    ask(mailing, environ_overrides=headers)
    [letter] = letters(mailing)
    assert re.findall(r"https?://[^/\s]+", letter["text"]) == ["http://localhost"]
    assert "evil" not in repr(letter)


def test_a_foreign_host_gets_no_letter_sent(mailing: Any) -> None:
    answer = ask(mailing, environ_overrides={"HTTP_HOST": "evil.example"})
    assert answer.status_code == 400
    assert letters(mailing) == []


@pytest.mark.parametrize("language", ["en", "es", "fr", "es-MX,en;q=0.5"])
def test_the_letter_is_in_the_readers_language(mailing: Any, language: str) -> None:
    ask(mailing, headers={"Accept-Language": language})
    [letter] = letters(mailing)
    assert ("30 minutos" if language.startswith("es") else "30 minutes") in letter["text"]
    assert letter["forget"] is True  # delivered, it is forgotten


@pytest.mark.parametrize(
    "typed",
    ["agent@example.org,evil@example.org", "agent@example.org\r\nBcc: evil@example.org", "", "x",
     "agent@example.org\0", "agent@example.org evil@example.org"],
)  # fmt: skip
def test_what_is_no_address_is_said_and_nobody_is_written_to(mailing: Any, typed: str) -> None:
    assert ask(mailing, typed).status_code == 422
    assert letters(mailing) == []


def test_a_letter_goes_to_the_address_kept_and_never_to_one_that_looks_like_it(
    mailing: Any,
) -> None:
    """Dotless and full-width letters fold into others in some alphabets and programs."""
    for typed in ("age\u0274t@example.org", "\uff41gent@example.org", "agent@example.\u2134rg"):
        assert ask(mailing, typed).status_code == 303
    assert letters(mailing) == []
    ask(mailing, "AGENT@EXAMPLE.ORG")
    assert [letter["to"] for letter in letters(mailing)] == [ADDRESS]


@pytest.mark.parametrize("token", ["x", "%00", "a" * 5000, "..%2f", "\u00fc"])
def test_a_guessed_link_is_none(mailing: Any, token: str) -> None:
    assert mailing.browser().get(f"/reset-password/{token}").status_code in {400, 404}
    assert mailing.browser().post(f"/reset-password/{token}").status_code in {400, 404}


def test_the_link_cannot_be_read_from_the_database_or_by_a_session(mailing: Any) -> None:
    """Who has somebody's session may download what is held on them, and not the way in."""
    client = mailing.signed_in("agent")
    place = link(mailing)
    token = place.rpartition("/")[2]
    with mailing.services.db.read() as connection:
        assert token not in repr(connection.execute(sa.select(password_resets)).all())
    told = client.get("/my/data.json")
    assert told.status_code == 200
    assert "choose a new password" in told.text
    assert token not in told.text


def test_the_link_opens_an_account_that_somebody_guesses_at(mailing: Any) -> None:
    """Mailu#2880: the owner does not have to wait for an attacker."""
    for n in range(6):
        form = {"email": ADDRESS, "password": f"wrong {n}"}
        mailing.browser().post("/sign-in", data=form)
    assert not signs_in(mailing, PASSWORD)
    assert choose(mailing, link(mailing)).status_code == 303
    assert signs_in(mailing, NEW)


def test_choosing_ends_the_session_of_whoever_opens_the_link(mailing: Any) -> None:
    lead = mailing.signed_in("lead")
    place = link(mailing)
    answer = lead.post(place, data={"password": NEW, "again": NEW})
    assert answer.headers["Location"].startswith("/sign-in")
    assert lead.get("/my/account").status_code == 302


def test_another_site_can_neither_ask_nor_choose(mailing: Any) -> None:
    place = link(mailing)
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    for address in ("/forgot-password", place):
        form = {"email": ADDRESS, "password": NEW, "again": NEW}
        assert mailing.bare().post(address, data=form, headers=foreign).status_code == 403
    assert len(letters(mailing)) == 1


def test_without_mail_the_page_says_who_helps_and_nothing_is_promised(
    new_site: Callable[..., Any],
) -> None:
    site = new_site()
    page = Page(site.browser().get("/forgot-password").text).one("main").text
    assert "Ask the people who run it" in page
    assert "kb user password EMAIL" in page
    assert ask(site).status_code == 409
    assert letters(site) == []
    assert "Forgot your password?" in site.browser().get("/sign-in").text


def test_when_the_database_is_away_nothing_is_promised(new_site: Callable[..., Any]) -> None:
    site = new_site(mail_url=MAIL)
    site.break_database()
    for email in (ADDRESS, "nobody@example.org"):
        assert ask(site, email).status_code == 503
