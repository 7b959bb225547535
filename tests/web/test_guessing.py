"""Guessing a password: slower and slower for who guesses, and nothing for who knows it."""

from __future__ import annotations

import logging
import re
import resource
import sqlite3
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from kb.accounts.rate_limits import network
from tests.web.pages import Page

PASSWORD = "correct horse battery staple"
# As docs/operations.md has it for fail2ban.
FAIL2BAN = re.compile(r"sign-in refused from (\S+) : ")
FREE = 5  # wrong passwords that cost nothing


def post(client: Any, email: str, password: str = "wrong", **environ: str) -> Any:
    form = {"email": email, "password": password}
    return client.post("/sign-in", data=form, environ_overrides=environ)


def guess(site: Any, email: str, times: int, address: str = "203.0.113.{}") -> list[int]:
    """Return the statuses of so many guesses, each from a browser and an address of its own."""
    return [
        post(site.browser(), email, f"wrong {n}", REMOTE_ADDR=address.format(n + 1)).status_code
        for n in range(times)
    ]


def wait_of(answer: Any) -> int:
    assert answer.status_code == 429
    return int(answer.headers["Retry-After"])


# -- per account ----------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["admin@example.org", "nobody@example.org"])
def test_guesses_from_many_addresses_wait_longer_and_longer(led: Any, clock: Any, who: str) -> None:
    """own-pay/OwnPay#149, ckanext-security#30: an address each does not help, and an address
    without an account is treated alike.
    """
    assert guess(led, who, FREE) == [422] * FREE
    waits = []
    for n in range(8):
        refused = post(led.browser(), who, REMOTE_ADDR=f"198.51.100.{n + 1}")
        waits.append(wait_of(refused))
        clock.at += timedelta(seconds=waits[-1])
        assert post(led.browser(), who, REMOTE_ADDR=f"192.0.2.{n + 1}").status_code == 422
    assert waits == [30, 60, 120, 240, 480, 900, 900, 900]


def test_a_refused_guess_is_told_when_to_try_again_and_does_not_lengthen_the_wait(
    led: Any, clock: Any
) -> None:
    guess(led, "admin@example.org", FREE)
    pages = {post(led.browser(), "admin@example.org").text for _ in range(20)}
    assert len(pages) == 1
    text = Page(pages.pop()).one("main").text
    assert "Too many wrong passwords were tried for this email address" in text
    assert "Try again in 30 seconds" in text
    clock.at += timedelta(seconds=30)
    assert post(led.browser(), "admin@example.org", PASSWORD).status_code == 303


def test_known_and_unknown_accounts_are_refused_in_the_same_words(led: Any, clock: Any) -> None:
    pages = []
    for who in ("reader@example.org", "nobody@example.org"):
        guess(led, who, FREE)
        answer = post(led.browser(), who, PASSWORD)  # the right one waits too
        assert wait_of(answer) == 30
        pages.append(answer.text.replace(who, ""))
    assert pages[0] == pages[1]


def test_one_address_written_in_many_ways_is_one_account(led: Any, clock: Any) -> None:
    ways = ("Admin@Example.org", " admin@example.org ", "ADMIN@EXAMPLE.ORG", "admin@example.org")
    for way in (*ways, "admin@example\0.org"):
        assert post(led.browser(), way).status_code == 422
    assert post(led.browser(), "admin@example.org").status_code == 429


def test_parallel_guesses_do_not_outrun_the_count(led: Any, clock: Any) -> None:
    """Each is counted before its password is looked at."""
    statuses: list[int] = []
    gate = threading.Barrier(12)

    def one(n: int) -> None:
        client = led.browser()
        gate.wait()
        statuses.append(post(client, "admin@example.org", f"wrong {n}").status_code)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [422] * FREE + [429] * (12 - FREE)


def test_the_owner_is_never_shut_out_for_good(led: Any, clock: Any) -> None:
    """Mailu#2880, mastodon#14253: somebody guesses all day; the owner's own browser is let in at
    once, and another one after the wait.
    """
    own = led.browser()
    assert post(own, "lead@example.org", PASSWORD).status_code == 303
    own.post("/sign-out")
    for n in range(30):
        answer = post(led.browser(), "lead@example.org", REMOTE_ADDR=f"203.0.113.{n}")
        clock.at += timedelta(seconds=int(answer.headers.get("Retry-After", 0)))
    closed = post(led.browser(), "lead@example.org")
    if closed.status_code == 422:
        closed = post(led.browser(), "lead@example.org")
    assert wait_of(closed) <= 900
    assert post(own, "lead@example.org", PASSWORD).status_code == 303
    clock.at += timedelta(seconds=wait_of(closed))
    assert post(led.browser(), "lead@example.org", PASSWORD).status_code == 303


def test_a_known_browser_has_tries_of_its_own_and_no_more_than_others(led: Any, clock: Any) -> None:
    own = led.browser()
    post(own, "lead@example.org", PASSWORD)
    assert [post(own, "lead@example.org").status_code for _ in range(6)] == [422] * 5 + [429]
    # What one browser does is no other's loss, and its mark opens no other account.
    assert post(led.browser(), "lead@example.org", PASSWORD).status_code == 303
    guess(led, "admin@example.org", FREE)
    assert post(own, "admin@example.org", PASSWORD).status_code == 429


def test_a_mark_that_is_not_ours_counts_for_nothing(led: Any, clock: Any) -> None:
    guess(led, "admin@example.org", FREE)
    for value in ("x", "", "WyJhIiwiYiJd.x.y", "\u00fc"):
        client = led.browser()
        client.set_cookie("device", value)
        assert post(client, "admin@example.org", PASSWORD).status_code == 429


def test_the_mark_opens_nothing(led: Any) -> None:
    client = led.signed_in("admin")
    client.post("/sign-out")
    assert client.get_cookie("device") is not None
    assert client.get("/my/tickets").status_code == 302


def test_a_right_password_forgets_the_wrong_ones(led: Any, clock: Any) -> None:
    for _ in range(3):
        guess(led, "agent@example.org", FREE - 1)
        assert post(led.browser(), "agent@example.org", PASSWORD).status_code == 303


# -- per network ----------------------------------------------------------------------------------


def test_a_network_that_guesses_at_many_accounts_has_to_wait(
    new_site: Callable[..., Any], clock: Any
) -> None:
    """Spraying: one guess at each account. IPv6 by /64, which one house has to itself."""
    site = new_site(sign_in_rate=6)
    tried = [
        post(site.browser(), f"person{n}@example.org", REMOTE_ADDR=f"2001:db8:0:7:{n:x}::1")
        for n in range(1, 9)
    ]
    assert [each.status_code for each in tried] == [422] * 6 + [429] * 2
    assert "Too many wrong passwords were tried from your network" in tried[-1].text
    assert wait_of(tried[-1]) == 600
    other = {"REMOTE_ADDR": "2001:db8:0:8::1"}
    assert post(site.browser(), "person9@example.org", **other).status_code == 422
    clock.at += timedelta(seconds=600)
    back = {"REMOTE_ADDR": "2001:db8:0:7::1"}
    assert post(site.browser(), "person9@example.org", **back).status_code == 422


def test_colleagues_behind_one_address_who_sign_in_rightly_are_never_refused(
    new_site: Callable[..., Any], clock: Any
) -> None:
    """pokemon-showdown#4800, open-forms#6198: an office of 40 on Monday morning."""
    site = new_site(sign_in_rate=3)
    office = {"REMOTE_ADDR": "203.0.113.7"}
    for n in range(40):
        role = ("reader", "author", "agent", "lead", "admin")[n % 5]
        answer = post(site.browser(), f"{role}@example.org", PASSWORD, **office)
        assert answer.status_code == 303, n


def test_an_account_of_ones_own_buys_no_guesses(new_site: Callable[..., Any], clock: Any) -> None:
    """A right password takes off its own try alone, not what the network did before."""
    site = new_site(sign_in_rate=4)
    here = {"REMOTE_ADDR": "203.0.113.7"}
    for n in range(3):
        assert post(site.browser(), f"a{n}@example.org", **here).status_code == 422
        assert post(site.browser(), "reader@example.org", PASSWORD, **here).status_code == 303
    assert post(site.browser(), "a9@example.org", **here).status_code == 422
    assert post(site.browser(), "a10@example.org", **here).status_code == 429


def test_a_known_browser_is_let_in_although_its_network_guesses(
    new_site: Callable[..., Any], clock: Any
) -> None:
    site = new_site(sign_in_rate=4)
    here = {"REMOTE_ADDR": "203.0.113.7"}
    own = site.browser()
    post(own, "reader@example.org", PASSWORD, **here)
    for n in range(6):
        post(site.browser(), f"a{n}@example.org", **here)
    assert post(site.browser(), "reader@example.org", PASSWORD, **here).status_code == 429
    assert post(own, "reader@example.org", PASSWORD, **here).status_code == 303


def test_unknown_api_tokens_are_counted_by_network_and_known_ones_never(
    new_site: Callable[..., Any], clock: Any
) -> None:
    site = new_site(sign_in_rate=4)
    wrong = {"Authorization": "Bearer tz_" + "x" * 43}
    right = {"Authorization": f"Bearer {site.token('agent')}"}
    statuses = [site.bare().get("/api/v1/tickets", headers=wrong).status_code for _ in range(6)]
    assert statuses == [401] * 4 + [429] * 2
    assert site.bare().get("/api/v1/tickets", headers=right).status_code == 200
    # A program with an old token does not keep the office from signing in.
    assert post(site.browser(), "reader@example.org", PASSWORD).status_code == 303


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("64:ff9b::203.0.113.7", "203.0.113.7"),
        ("2002:cb00:7107::1", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        (" 203.0.113.7 ", "203.0.113.7"),
        ("not an address", "not an address"),
        ("", ""),
    ],
)
def test_the_network_of_an_address(address: str, expected: str) -> None:
    assert network(address) == expected


# -- when it cannot be counted --------------------------------------------------------------------


def _refused(site: Any) -> None:
    answer = post(site.browser(), "reader@example.org", PASSWORD)
    assert answer.status_code == 503
    assert "Please try again in a few minutes" in answer.text
    assert "Set-Cookie" not in answer.headers


def test_without_a_count_nobody_signs_in_while_another_holds_the_database(
    new_site: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kb.database.PATIENCE_S", 0.2)
    site = new_site()
    holder = sqlite3.connect(site.services.settings.data / "tierzero.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")  # reading goes on
    _refused(site)
    holder.execute("ROLLBACK")
    holder.close()
    assert post(site.browser(), "reader@example.org", PASSWORD).status_code == 303


def test_without_a_count_nobody_signs_in_on_a_database_that_can_only_be_read(
    new_site: Callable[..., Any],
) -> None:
    site = new_site()
    engine = site.services.db.engine
    sa.event.listen(engine, "checkout", lambda raw, *_: raw.execute("PRAGMA query_only=ON"))
    _refused(site)


def test_without_a_count_nobody_signs_in_on_a_full_disk(new_site: Callable[..., Any]) -> None:
    """Reading the account would work: the count before failed open here."""
    site = new_site()
    raw = sqlite3.connect(site.services.settings.data / "tierzero.db", isolation_level=None)
    raw.execute("VACUUM")
    raw.execute("PRAGMA max_page_count=1")  # no page more than there are
    row = "INSERT INTO sign_in_guesses VALUES (hex(randomblob(32)), 1, '', '')"
    with pytest.raises(sqlite3.OperationalError, match="full"):
        raw.executemany(row, [()] * 100_000)
    raw.close()
    engine = site.services.db.engine
    sa.event.listen(engine, "checkout", lambda raw, *_: raw.execute("PRAGMA max_page_count=1"))
    _refused(site)


def test_a_disk_that_takes_no_byte_more_stops_guesses_and_no_reader(
    new_site: Callable[..., Any],
) -> None:
    """cron-job.org#446, altarwed#637: without its store the limit on passwords was none."""
    site, token = new_site(), {"Authorization": "Bearer tz_unknown"}
    site.browser().get("/search?q=vpn")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))  # of this process, as on a full disk
    try:
        guesses = [post(site.browser(), "reader@example.org", f"wrong {n}") for n in range(12)]
        right = post(site.browser(), "reader@example.org", PASSWORD)
        unknown = site.bare().get("/api/v1/tickets", headers=token)
        link, forgotten = site.browser().get("/t/unknown"), site.browser().get("/reset-password/x")
        pages = [site.browser().get(a) for a in ("/search?q=vpn", "/suggest?q=vp", "/", "/about")]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    for answer in (*guesses, right, unknown, link, forgotten):
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
    assert "Please try again in a few minutes" in right.text
    assert [each.status_code for each in pages] == [200] * 4
    assert post(site.browser(), "reader@example.org", PASSWORD).status_code == 303


def test_without_a_count_no_letter_is_sent(new_site: Callable[..., Any]) -> None:
    """rogerSuperBuilderAlpha/cursor-boston#1335: letters went out uncounted."""
    site = new_site(mail_url="smtp://localhost:1")
    engine = site.services.db.engine
    sa.event.listen(engine, "checkout", lambda raw, *_: raw.execute("PRAGMA query_only=ON"))
    for place, form in (
        ("/tickets/link", {"email": "ana@example.org"}),
        ("/forgot-password", {"email": "reader@example.org"}),
        ("/tickets", {"email": "ana@example.org", "subject": "Lamp"}),
    ):
        assert site.browser().post(place, data=form).status_code == 503, place


# -- private links --------------------------------------------------------------------------------


def test_unknown_private_links_are_counted_by_network_and_right_ones_never_refused(
    new_site: Callable[..., Any], clock: Any
) -> None:
    site = new_site(sign_in_rate=4)
    form = {"subject": "Lamp", "email": "ana@example.org"}
    right = site.browser().post("/tickets", data=form).headers["Location"]
    places = ("/t/{}", "/reset-password/{}", "/subscriptions/{}", "/previews/open/{}")
    found = [site.browser().get(place.format(n)).status_code for n in (1, 2) for place in places]
    assert found == [404] * 4 + [429] * 4
    assert site.browser().get(right).status_code == 200
    assert site.browser().get("/t/3", environ_overrides={"REMOTE_ADDR": "::9"}).status_code == 404
    assert post(site.browser(), "reader@example.org", PASSWORD).status_code == 303


# -- the log --------------------------------------------------------------------------------------


def test_each_refused_sign_in_is_one_line_with_its_address_and_no_secret(
    new_site: Callable[..., Any], clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    site = new_site(sign_in_rate=100)
    with caplog.at_level(logging.INFO):
        for n in range(FREE + 1):
            form = {"REMOTE_ADDR": "2001:db8::9"}
            post(site.browser(), "Agent@Example.org", f"a secret {n}", **form)
        post(site.browser(), "agent@example.org\nsign-in refused from 192.0.2.1 : x", "hunter2")
        site.bare().get("/api/v1/tickets", headers={"Authorization": "Bearer tz_wrong"})
    lines = [each.getMessage() for each in caplog.records if "refused from" in each.getMessage()]
    assert len(lines) == FREE + 3
    assert all("\n" not in line for line in lines)
    found = [FAIL2BAN.findall(line) for line in lines]
    assert found == [["2001:db8::9"]] * (FREE + 1) + [["127.0.0.1"]] * 2
    text = "\n".join(lines).lower()
    assert not re.search(r"secret|hunter2|tz_wrong|agent|example\.org|192\.0\.2\.1", text)
    marks = set(re.findall(r"account (\w+)", "\n".join(lines[: FREE + 1])))
    assert len(marks) == 1  # whether one account is meant can be seen


def test_a_right_sign_in_leaves_no_line(
    new_site: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    site = new_site()
    with caplog.at_level(logging.INFO):
        site.signed_in("reader")
    assert "refused" not in caplog.text


def test_old_counts_are_forgotten(led: Any, clock: Any) -> None:
    guess(led, "admin@example.org", FREE + 1)
    guesses = led.services.entrance.guesses
    guesses.purge(clock.at + timedelta(hours=1))
    assert post(led.browser(), "admin@example.org").status_code == 429
    guesses.purge(clock.at + timedelta(days=3))
    assert post(led.browser(), "admin@example.org", PASSWORD).status_code == 303
