"""The push hook: only who knows the secret is heard, and all that follows is one more look."""

from __future__ import annotations

import hmac
import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient

from kb.app import create_app
from kb.publishing.state import publish_request
from kb.scheduler import Worker
from kb.services import Services

SECRET = "s3cret of the hook"
MAIN = json.dumps({"ref": "refs/heads/main"}).encode()


def sha256(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, "sha256").hexdigest()


def proofs(body: bytes, secret: str = SECRET) -> dict[str, dict[str, str]]:
    """Return the headers by which each kind of server proves itself."""
    digest = sha256(body, secret)
    return {
        "github": {"X-GitHub-Event": "push", "X-Hub-Signature-256": f"sha256={digest}"},
        "gitlab": {"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": secret},
        "gitea": {
            "X-Gitea-Event": "push",
            "X-Gitea-Signature": digest,
            "X-GitHub-Event": "push",
            "X-Hub-Signature-256": f"sha256={digest}",
        },
        "forgejo": {"X-Forgejo-Event": "push", "X-Forgejo-Signature": digest},
    }


SERVERS = sorted(proofs(b""))


@pytest.fixture
def hooked(parts: Services) -> Callable[..., FlaskClient]:
    """Return a function from settings to a client of the site; a server is no browser."""

    def make(**values: Any) -> FlaskClient:
        changed = {"webhook_secret": SECRET, "articles_ref": "main"} | values
        site = replace(parts, settings=replace(parts.settings, **changed))
        app = create_app(services=site)
        app.testing = False
        return app.test_client()

    return make


def call(client: FlaskClient, body: bytes = MAIN, **headers: str) -> Any:
    return client.post("/hooks/push", data=body, content_type="application/json", headers=headers)


@pytest.mark.parametrize("server", SERVERS)
def test_a_signed_push_wakes_the_worker(hooked: Any, parts: Services, server: str) -> None:
    answer = call(hooked(), **proofs(MAIN)[server])
    assert answer.status_code == 202
    assert answer.get_json() == {"publishing": True, "reason": ""}
    assert publish_request(parts.settings.data)


@pytest.mark.parametrize("server", SERVERS)
def test_a_wrong_secret_or_another_body_is_refused(
    hooked: Any, parts: Services, server: str
) -> None:
    assert call(hooked(), **proofs(MAIN, "guessed")[server]).status_code == 403
    if server != "gitlab":  # GitLab sends the secret and signs nothing
        other = proofs(b'{"ref": "refs/heads/other"}')[server]
        assert call(hooked(), **other).status_code == 403
    assert publish_request(parts.settings.data) == ""


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Hub-Signature-256": ""},
        {"X-Hub-Signature-256": sha256(MAIN)},  # without the prefix
        {"X-Gitea-Signature": f"sha256={sha256(MAIN)}"},  # with one
        {"X-Gitlab-Token": ""},
        {"X-Gitlab-Token": "ñ"},
        {"X-Gitlab-Token": SECRET, "X-Gitea-Signature": "0" * 64},  # one proof does not fit
        {"X-Hub-Signature": "sha1=" + hmac.new(SECRET.encode(), MAIN, "sha1").hexdigest()},
        {"Authorization": f"Bearer {SECRET}"},
    ],
)
def test_what_proves_nothing_is_refused(
    hooked: Any, parts: Services, headers: dict[str, str]
) -> None:
    answer = call(hooked(), **headers)
    assert answer.status_code in {401, 403}
    assert answer.get_json()["error"]["hint"]
    assert publish_request(parts.settings.data) == ""


def test_without_a_secret_there_is_no_hook(hooked: Any) -> None:
    client = hooked(webhook_secret="")
    for headers in ({}, proofs(MAIN, "")["github"], {"X-Gitlab-Token": ""}):
        assert call(client, **headers).status_code == 404
    assert hooked().get("/hooks/push").status_code == 405


def test_a_form_as_github_can_send_it(hooked: Any, parts: Services) -> None:
    body = urlencode({"payload": MAIN.decode()}).encode()
    kind = "application/x-www-form-urlencoded"
    answer = hooked().post(
        "/hooks/push", data=body, content_type=kind, headers=proofs(body)["github"]
    )
    assert answer.get_json()["publishing"] is True
    assert publish_request(parts.settings.data)


@pytest.mark.parametrize(
    ("wanted", "ref", "heard"),
    [
        ("main", "refs/heads/main", True),
        ("main", "refs/heads/main2", False),
        ("main", "refs/heads/feature/main", False),
        ("feature/x", "refs/heads/feature/x", True),
        ("v1", "refs/tags/v1", True),
        ("refs/heads/main", "refs/heads/main", True),
        ("HEAD", "refs/heads/whatever", True),
        ("main", "", True),
        ("main", 7, True),
    ],
)
def test_a_push_to_another_branch_is_answered_and_left(
    hooked: Any, parts: Services, wanted: str, ref: Any, heard: bool
) -> None:
    body = json.dumps({"ref": ref}).encode()
    answer = call(hooked(articles_ref=wanted), body, **proofs(body)["github"])
    assert (answer.status_code, answer.get_json()["publishing"]) == (202, heard)
    assert bool(publish_request(parts.settings.data)) is heard


@pytest.mark.parametrize(
    ("name", "kind"), [("X-GitHub-Event", "ping"), ("X-Gitlab-Event", "Note Hook")]
)
def test_another_event_is_answered_and_left(
    hooked: Any, parts: Services, name: str, kind: str
) -> None:
    proof = {"X-Gitlab-Token": SECRET, name: kind}
    answer = call(hooked(), **proof)
    assert (answer.status_code, answer.get_json()["publishing"]) == (202, False)
    assert publish_request(parts.settings.data) == ""


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b'"main"'])
def test_a_body_that_is_no_object_is_told_what_to_be(hooked: Any, body: bytes) -> None:
    answer = call(hooked(), body, **proofs(body)["github"])
    assert answer.status_code == 422
    assert "JSON" in answer.get_json()["error"]["message"]


def test_a_body_may_be_longer_than_a_form_and_not_endless(hooked: Any) -> None:
    long = json.dumps({"ref": "refs/heads/main", "commits": ["x" * 900_000]}).encode()
    assert call(hooked(), long, **proofs(long)["github"]).status_code == 202
    endless = long + b" " * 200_000
    assert call(hooked(), endless, **proofs(endless)["github"]).status_code == 413


def test_repeating_a_call_changes_nothing_that_is_live(
    hooked: Any, parts: Services, settings: Any
) -> None:
    client, worker = hooked(), Worker(parts)
    before = parts.engine.generation.id
    for _ in range(3):
        assert call(client, **proofs(MAIN)["github"]).status_code == 202
        worker._publish(worker_now())
    assert parts.engine.generation.id == before


def worker_now() -> Any:
    from datetime import UTC, datetime

    return datetime.now(UTC)


def test_a_push_is_live_long_before_the_next_poll(
    hooked: Any, parts: Services, repository: Any
) -> None:
    """The worker's loop runs as it does beside the site; its next own look is an hour away."""
    from datetime import timedelta

    slow = replace(parts.settings, publish_interval=timedelta(hours=1))
    worker = Worker(replace(parts, settings=slow))
    loop = threading.Thread(target=worker.run)
    loop.start()
    try:
        deadline = time.monotonic() + 120
        while "publish" not in worker._begun and time.monotonic() < deadline:
            time.sleep(0.05)
        repository.write("vpn/pushed.md")
        commit = repository.commit()
        call(hooked(), **proofs(MAIN)["gitea"])
        while parts.engine.generation.commit != commit and time.monotonic() < deadline:
            time.sleep(0.05)
        assert parts.engine.generation.commit == commit
    finally:
        worker.stop.set()
        loop.join()


def test_with_polling_off_only_the_hook_publishes(
    hooked: Any, parts: Services, repository: Any
) -> None:
    still = replace(parts, settings=replace(parts.settings, publish_interval=None))
    worker, before = Worker(still), parts.engine.generation.commit
    repository.write("vpn/pushed.md")
    commit = repository.commit()
    worker.round(worker_now())
    assert parts.engine.generation.commit == before
    call(hooked(), **proofs(MAIN)["github"])
    later = Worker(still)  # a worker that was not there when the hook was called
    later.round(worker_now())
    assert parts.engine.generation.commit == commit
