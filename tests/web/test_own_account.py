"""One's own account: password, API tokens, signing out everywhere, on either database."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from kb.accounts import passwords
from kb.accounts.roles import Role, lesser
from kb.schema import api_tokens, outbox, users
from kb.web import guard
from tests.web.pages import Page

PASSWORD = "correct horse battery staple"
OTHER = "another good long password"


def signs_in(site: Any, email: str, password: str) -> bool:
    form = {"email": email, "password": password}
    return bool(site.browser().post("/sign-in", data=form).status_code == 303)


def changed(client: Any, current: str = PASSWORD, new: str = OTHER, again: str = "", **more: str):  # type: ignore[no-untyped-def]
    form = {"current": current, "password": new, "again": again or new, **more}
    return client.post("/my/account/password", data=form)


def made(client: Any, name: str = "cron", life: str = "365", proof: str = PASSWORD) -> Any:
    form = {"name": name, "life": life, "proof": proof}
    return client.post("/my/account/tokens", data=form)


def token_in(page: str) -> str:
    return re.findall(r"tz_[\w-]{43}", page)[0]


def asks(site: Any, token: str, address: str = "/api/v1/tickets") -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return int(site.bare().get(address, headers=headers).status_code)


def at(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    """Turn the clock of requests."""
    clock = type("Clock", (), {"now": staticmethod(lambda _zone: moment)})
    monkeypatch.setattr(guard, "datetime", clock)


# -- password -------------------------------------------------------------------------------------


def test_a_new_password_ends_every_session_but_the_one_that_set_it(led: Any) -> None:
    """contao#7510 and the like: what was opened with the old password is closed."""
    here, elsewhere = led.signed_in("lead"), led.signed_in("lead")
    assert changed(here).status_code == 303
    assert here.get("/desk/").status_code == 200
    assert elsewhere.get("/desk/").status_code == 302
    assert signs_in(led, "lead@example.org", OTHER)
    assert not signs_in(led, "lead@example.org", PASSWORD)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"current": "wrong"}, "Type the password that you sign in with now."),
        ({"current": ""}, "Type the password that you sign in with now."),
        ({"new": "short"}, "Choose 12 to 200 characters."),
        ({"new": "x" * 201}, "Choose 12 to 200 characters."),
        ({"again": "another good long passwort"}, "Type the same new password twice."),
    ],
)
def test_what_is_wrong_with_a_change_is_said_and_nothing_is_changed(
    site: Any, values: dict[str, str], said: str
) -> None:
    client = site.signed_in("author")
    answer = changed(client, **values)
    assert answer.status_code == 422
    assert said in Page(answer.text).one("main").text
    assert client.get("/my/account").status_code == 200
    assert signs_in(site, "author@example.org", PASSWORD)


def test_the_old_password_cannot_be_guessed_from_a_session_left_open(
    new_site: Callable[..., Any],
) -> None:
    client = new_site().signed_in("reader")
    statuses = [changed(client, current=f"wrong {n}").status_code for n in range(6)]
    assert statuses == [422] * 5 + [429]
    assert made(client, proof=PASSWORD).status_code == 429
    assert "Try again in" in changed(client).text


def test_the_person_is_told_by_mail_that_their_password_was_changed(
    new_site: Callable[..., Any],
) -> None:
    site = new_site(mail_url="smtp://127.0.0.1:1")
    client = site.signed_in("reader")
    changed(client)
    with site.services.db.read() as connection:
        [letter] = connection.execute(sa.select(outbox.c.payload)).scalars()
    assert letter["to"] == "reader@example.org"
    assert "your password was changed" in letter["subject"]
    assert "http://localhost/forgot-password" in letter["text"]


@pytest.mark.parametrize(
    ("typed", "later"),
    [
        ("contrase\u00f1a larga y buena", "contrasen\u0303a larga y buena"),
        ("contrasen\u0303a larga y buena", "contrase\u00f1a larga y buena"),
        ("\ufb01ne words that are long", "fine words that are long"),
    ],
)
def test_a_password_is_the_same_whichever_keyboard_wrote_its_accents(
    new_site: Callable[..., Any], typed: str, later: str
) -> None:
    """NIST SP 800-63B: a phone and a computer may send one letter in two forms."""
    site = new_site()
    assert changed(site.signed_in("reader"), new=typed).status_code == 303
    assert signs_in(site, "reader@example.org", later)


def test_a_password_set_before_in_another_form_still_opens(new_site: Callable[..., Any]) -> None:
    site, typed = new_site(), "contrasen\u0303a larga y buena"
    mine = users.c.email == "reader@example.org"
    old = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(typed)
    with site.services.db.begin() as connection:
        connection.execute(sa.update(users).where(mine).values(password_hash=old))
    assert signs_in(site, "reader@example.org", typed)


def test_a_longer_password_is_another_password(new_site: Callable[..., Any]) -> None:
    """Only what was compared was cut off: 200 right characters and anything after them."""
    site, longest = new_site(), "x y" * 66 + "zz"
    assert changed(site.signed_in("reader"), new=longest).status_code == 303
    assert signs_in(site, "reader@example.org", longest)
    assert not signs_in(site, "reader@example.org", longest + "!")
    assert not signs_in(site, "reader@example.org", longest[:-1])
    assert not signs_in(site, "reader@example.org", "x" * 200_000)


def test_a_hash_of_weaker_parameters_is_made_anew_and_the_session_goes_on(
    led: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = led.signed_in("reader")
    stronger = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", stronger)
    assert signs_in(led, "reader@example.org", PASSWORD)
    with led.services.db.read() as connection:
        mine = sa.select(users.c.password_hash).where(users.c.email == "reader@example.org")
        kept = connection.execute(mine).scalar_one()
    assert not stronger.check_needs_rehash(kept)
    assert stronger.verify(kept, PASSWORD)
    assert client.get("/my/account").status_code == 200


# -- signing out ----------------------------------------------------------------------------------


def test_signing_out_on_all_devices_ends_every_session_and_leaves_tokens(led: Any) -> None:
    here, elsewhere, other = led.signed_in("lead"), led.signed_in("lead"), led.signed_in("agent")
    token = led.token("lead")
    assert here.post("/my/account/sign-out").status_code == 303
    for client in (here, elsewhere):
        assert client.get("/my/account").status_code == 302
    assert other.get("/my/account").status_code == 200
    assert asks(led, token) == 200
    assert signs_in(led, "lead@example.org", PASSWORD)


def test_a_stolen_cookie_is_worth_nothing_after_signing_out_on_all_devices(site: Any) -> None:
    victim, thief = site.signed_in("reader"), site.browser()
    site.cookie(thief, source=victim)
    assert thief.get("/my/tickets").status_code == 200
    victim.post("/my/account/sign-out")
    assert thief.get("/my/tickets").status_code == 302


def test_signing_out_is_never_a_link(site: Any) -> None:
    client = site.signed_in("reader")
    for address in ("/sign-out", "/my/account/sign-out"):
        assert client.get(address).status_code == 405
    assert client.get("/my/account").status_code == 200


# -- API tokens -----------------------------------------------------------------------------------


def test_a_token_from_first_to_last(led: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named, shown once, listed with its dates, revoked by itself."""
    client = led.signed_in("agent")
    first = made(client, "night report")
    token, other = token_in(first.text), token_in(made(client, "sync").text)
    assert first.headers["Cache-Control"] == "no-store"
    listed = client.get("/my/account").text
    assert token not in listed
    assert "night report" in listed
    assert "never" in Page(listed).one("table").text  # last used
    assert asks(led, token) == 200
    assert asks(led, other) == 200
    row = re.search(
        r"night report</th>.*?action=\"([^\"]+)\"", client.get("/my/account").text, re.S
    )
    assert row
    assert client.post(row[1]).status_code == 303
    assert asks(led, token) == 401
    assert asks(led, other) == 200
    assert "night report" not in client.get("/my/account").text
    assert client.post(row[1]).status_code == 404


@pytest.mark.parametrize("days", ["30", "90", "365"])
def test_a_token_works_until_its_time_is_over(
    led: Any, monkeypatch: pytest.MonkeyPatch, days: str
) -> None:
    begun = datetime(2026, 3, 2, tzinfo=UTC)
    at(monkeypatch, begun)
    token = token_in(made(led.signed_in("agent"), life=days).text)
    at(monkeypatch, begun + timedelta(days=int(days), seconds=-1))
    assert asks(led, token) == 200
    at(monkeypatch, begun + timedelta(days=int(days)))
    refused = led.bare().get("/api/v1/search?q=x", headers={"Authorization": f"Bearer {token}"})
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert "has expired" in refused.get_json()["error"]["message"]


def test_a_token_without_an_end_is_made_by_command_alone(site: Any) -> None:
    """linode/manager#2997: "never" is never, not at once."""
    client = site.signed_in("admin")
    for life in ("never", "0", "-1", "36500", "", "x"):
        assert made(client, life=life).status_code == 422
    now = datetime.now(UTC)
    token = site.services.accounts.new_token("admin@example.org", "x", now, life=None)
    assert asks(site, token) == 200


@pytest.mark.parametrize(
    ("name", "proof", "said"),
    [
        ("", PASSWORD, "Say what it is for."),
        ("a\x07b", PASSWORD, "Say what it is for."),
        ("cron", "wrong", "Type the password that you sign in with now."),
    ],
)
def test_a_token_needs_a_name_and_the_password(site: Any, name: str, proof: str, said: str) -> None:
    client = site.signed_in("lead")
    answer = made(client, name, proof=proof)
    assert answer.status_code == 422
    assert said in answer.text
    assert "tz_" not in answer.text
    assert site.services.accounts.tokens_of("lead@example.org") == ()


def test_the_last_use_of_a_token_is_noted_to_the_hour(
    led: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = datetime(2026, 3, 2, 9, tzinfo=UTC)
    at(monkeypatch, begun)
    token = token_in(made(led.signed_in("agent")).text)
    seen = []
    for minutes in (0, 30, 61):
        at(monkeypatch, begun + timedelta(minutes=minutes))
        assert asks(led, token) == 200
        [kept] = led.services.accounts.tokens_of("agent@example.org")
        seen.append(kept.last_used_at)
    assert seen == [begun, begun, begun + timedelta(minutes=61)]


def test_nobody_revokes_anothers_token(led: Any) -> None:
    token = led.token("admin")
    [kept] = led.services.accounts.tokens_of("admin@example.org")
    for name in (kept.id, kept.id[:3], "%", "%" * 12, "_" * 12, ""):
        answer = led.client("lead").post(f"/my/account/tokens/{name}/revoke")
        assert answer.status_code in {404, 405}, name
    for name in ("%" * 12, "_" * 12, kept.id[:11]):
        answer = led.client("admin").post(f"/my/account/tokens/{name}/revoke")
        assert answer.status_code == 404, name
    assert asks(led, token) == 200


@pytest.mark.parametrize("change", ["password", "password by page", "off and on"])
def test_a_changed_or_disabled_account_revives_no_token(led: Any, change: str) -> None:
    """apache/tooling-trusted-releases#598, marmot#252, gbif-alert#427: what died stays dead."""
    accounts, address, token = led.services.accounts, "agent@example.org", led.token("agent")
    if change == "password":
        accounts.set_password(address, OTHER)
    elif change == "password by page":
        changed(led.signed_in("agent"))
    else:
        accounts.set_active(address, False)
        assert asks(led, token) == 401
        accounts.set_active(address, True)
    assert asks(led, token) == 401
    assert accounts.tokens_of(address) == ()


def test_tokens_are_kept_through_a_new_password_by_who_says_so(led: Any) -> None:
    token = led.token("agent")
    assert changed(led.signed_in("agent"), keep="yes").status_code == 303
    assert asks(led, token) == 200


def test_a_token_never_grows_with_its_account(led: Any) -> None:
    """keygen-api#648: it may do what it could when it was made, less what was taken away since."""
    accounts, address = led.services.accounts, "agent@example.org"
    token = led.token("agent")
    assert asks(led, token, "/desk/") == 200
    accounts.set_role(address, Role.ADMIN)
    assert asks(led, token, "/desk/") == 200
    assert asks(led, token, "/metrics") == 403
    accounts.set_role(address, Role.READER)
    assert asks(led, token, "/desk/") == 403
    accounts.set_role(address, Role.ADMIN)
    assert asks(led, token, "/desk/") == 403
    assert asks(led, token) == 200
    assert asks(led, led.token("agent"), "/metrics") == 200


@pytest.mark.parametrize("one", [role for role in Role if role is not Role.ANONYMOUS])
@pytest.mark.parametrize("other", [role for role in Role if role is not Role.ANONYMOUS])
def test_the_lesser_of_two_roles_may_do_nothing_that_one_of_them_may_not(
    one: Role, other: Role
) -> None:
    from kb.accounts.roles import GRANTS

    both = lesser(one, other)
    assert GRANTS[both] <= GRANTS[one] & GRANTS[other]
    assert lesser(one, one) is one
    assert lesser(other, one) is both


def test_an_api_token_makes_and_ends_nothing_that_opens_the_account(led: Any) -> None:
    token = {"Authorization": f"Bearer {led.token('admin')}"}
    form = {"name": "x", "life": "365", "proof": PASSWORD}
    for address in ("tokens", "password", "sign-out", "tokens/0123456789ab/revoke"):
        answer = led.bare().post(f"/my/account/{address}", data=form, headers=token)
        assert answer.status_code == 403, address
    assert len(led.services.accounts.tokens_of("admin@example.org")) == 1


def test_a_token_is_kept_as_a_digest_alone(led: Any) -> None:
    token = led.token("agent")
    with led.services.db.read() as connection:
        rows = connection.execute(sa.select(api_tokens)).all()
    assert token not in repr(rows)
    assert token[3:] not in repr(rows)


def test_a_busy_database_costs_the_note_of_a_tokens_use_and_no_answer(
    led: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kb.accounts import store as accounts_store
    from kb.errors import StoreError

    def busy(_db: Any) -> Any:
        raise StoreError("busy")

    token = led.token("agent")
    monkeypatch.setattr(accounts_store, "hasty", busy)
    assert asks(led, token) == 200
