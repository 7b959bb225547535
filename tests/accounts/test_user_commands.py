"""`kb user`: passwords, links, signing out and API tokens from the command line."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import argon2
import pytest
from click.testing import CliRunner, Result

from kb.cli.main import main

PASSWORD = "correct horse battery staple"
NEW = "another good long password"
WHO = "agent@example.org"


@pytest.fixture
def kb(settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    """Return a function that runs `kb user` on the database of the test's site."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KB_DATA", str(settings.data))
    monkeypatch.setenv("KB_SITE_URL", "https://help.example.org")

    def run(*words: str, typed: str = "") -> Result:
        return CliRunner().invoke(main, ["user", *words], input=typed)

    return run


def asks(client: Any, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return int(client.get("/api/v1/tickets", headers=headers).status_code)


def sign_in(client: Any, password: str) -> int:
    form = {"email": WHO, "password": password}
    return int(client.post("/sign-in", data=form).status_code)


def test_tokens_are_named_listed_and_revoked_one_by_one(
    kb: Callable[..., Result], client: Any
) -> None:
    first = kb("token", WHO, "--label", "night report").stdout.strip()
    second = kb("token", WHO, "--name", "chat bot", "--expires", "30d").stdout.strip()
    third = kb("token", WHO, "--expires", "never").stdout.strip()
    assert [asks(client, each) for each in (first, second, third)] == [200] * 3
    listed = kb("tokens", WHO).stdout
    assert not {first, second, third} & set(listed.split())
    rows = {line.split()[0]: line for line in listed.splitlines()}
    assert len(rows) == 3
    [bot] = [name for name, line in rows.items() if "chat bot" in line]
    [nameless] = [name for name, line in rows.items() if "without a name" in line]
    assert "expires never" in rows[nameless]
    assert re.search(r"created \d{4}-\d\d-\d\d  used \d{4}-\d\d-\d\d", rows[bot])
    assert kb("revoke", WHO, bot).exit_code == 0
    assert [asks(client, each) for each in (first, second, third)] == [200, 401, 200]
    again = kb("revoke", WHO, bot)
    assert again.exit_code == 1
    assert "no such API token" in again.stderr


@pytest.mark.parametrize("span", ["0d", "soon", "-1d", "", "999999999d", "999999999999999999999d"])
def test_a_span_that_cannot_be_is_refused(kb: Callable[..., Result], span: str) -> None:
    refused = kb("token", WHO, "--expires", span)
    assert refused.exit_code == 2
    assert "30d" in refused.stderr
    assert "tz_" not in refused.output


def test_a_link_lets_the_owner_choose_the_password(kb: Callable[..., Result], client: Any) -> None:
    """Without mail: an administrator hands the link on and never knows the password."""
    printed = kb("password", WHO, "--link").stdout.strip()
    assert printed.startswith("https://help.example.org/reset-password/")
    place = printed.removeprefix("https://help.example.org")
    assert client.post(place, data={"password": NEW, "again": NEW}).status_code == 303
    assert sign_in(client, NEW) == 303
    assert client.get(place).status_code == 404


def test_no_link_is_made_for_who_may_not_sign_in(kb: Callable[..., Result]) -> None:
    assert kb("off", WHO).exit_code == 0
    for who in (WHO, "nobody@example.org"):
        refused = kb("password", who, "--link")
        assert refused.exit_code == 1
        assert refused.stdout == ""


def test_a_new_password_by_command_ends_tokens_and_the_wait_after_wrong_ones(
    kb: Callable[..., Result], client: Any
) -> None:
    token = kb("token", WHO).stdout.strip()
    assert [sign_in(client, f"wrong {n}") for n in range(6)] == [422] * 5 + [429]
    done = kb("password", WHO, typed=NEW + "\n")
    assert "API tokens have ended" in done.stdout
    assert sign_in(client, NEW) == 303
    assert asks(client, token) == 401


def test_signing_out_by_command_ends_sessions_and_leaves_tokens(
    kb: Callable[..., Result], client: Any
) -> None:
    token = kb("token", WHO).stdout.strip()
    assert sign_in(client, PASSWORD) == 303
    done = kb("sign-out", WHO)
    assert done.exit_code == 0
    assert "signed out on all devices" in done.stdout
    assert client.get("/desk/").status_code == 302
    assert asks(client, token) == 200
    assert kb("sign-out", "nobody@example.org").exit_code == 1


def test_bytes_that_are_no_text_are_refused_in_words(kb: Callable[..., Result]) -> None:
    refused = CliRunner().invoke(
        main, ["user", "password", WHO], input=b"\xff\xfe not text at all\n"
    )
    assert refused.exit_code != 0
    assert "Traceback" not in refused.output


def test_a_password_is_hashed_as_strongly_as_owasp_asks() -> None:
    """OWASP Password Storage Cheat Sheet: argon2id with 19 MiB, twice, or more. In a process of its
    own, for in this one hashes are quick.
    """
    code = f"from kb.accounts.passwords import hashed; print(hashed({PASSWORD!r}))"
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    kept = argon2.extract_parameters(told.stdout.strip())
    assert kept.type is argon2.Type.ID
    assert kept.memory_cost >= 19 * 1024
    assert kept.time_cost >= 2
