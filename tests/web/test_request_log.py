"""One line a request: a number that its reader sees too, no secret, no word of anybody."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest

from kb.accounts.roles import Permission
from kb.logs import Json, Plain, configure

NUMBER = re.compile(r"[0-9a-f]{16}")


@pytest.fixture
def written() -> Iterator[Any]:
    """Return a function that gives what was logged since, plainly and as JSON."""
    streams = {"plain": io.StringIO(), "json": io.StringIO()}
    handlers = []
    for name, form in (("plain", Plain()), ("json", Json())):
        handler = logging.StreamHandler(streams[name])
        handler.setFormatter(form)
        handlers.append(handler)
    log = logging.getLogger("kb")
    before = log.level
    log.setLevel(logging.DEBUG)
    for handler in handlers:
        log.addHandler(handler)
    yield lambda form="plain": streams[form].getvalue()
    for handler in handlers:
        log.removeHandler(handler)
    log.setLevel(before)


def test_a_request_is_one_line_without_its_words(site: Any, written: Any) -> None:
    answer = site.browser().get("/search?q=zyqsecretword&language=en")
    number = answer.headers["X-Request-Id"]
    assert NUMBER.fullmatch(number)
    (line,) = [one for one in written().splitlines() if "kb.request" in one]
    size = len(answer.data)
    assert re.search(
        rf"INFO kb\.request: GET /search 200 [\d.]+ ms {size} bytes \[{number}\]$", line
    )
    assert "zyqsecretword" not in written() + written("json")
    row = json.loads(written("json").splitlines()[-1])
    assert row.pop("time").endswith("+00:00")
    assert row.pop("ms") > 0
    assert row == {
        "level": "info", "logger": "kb.request", "message": row["message"], "request_id": number,
        "method": "GET", "path": "/search", "route": "reader.search", "status": 200, "bytes": size,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ("/t/Abc123Abc123Abc123", "/t/(hidden)"),
        ("/t/ab", "/t/(hidden)"),
        ("/t/a/b/c", "(hidden)"),
        ("/reset-password/ab12", "/reset-password/(hidden)"),
        ("/subscriptions/ab12/stop", "/subscriptions/(hidden)/stop"),
        ("/previews/open/ab12", "/previews/open/(hidden)"),
        ("/previews/opened/ab12", "(hidden)"),
        ("/offers/ab12", "/offers/(hidden)"),
        ("/articles/print/public", "/articles/print/public"),
        ("/articles/my password is hunter2", "/articles/(hidden)"),
        ("/no-such-page", "/no-such-page"),
        ("/x/AbCdEf0123456789AbCd", "/x/(hidden)"),
        ("/ana@example.org", "(hidden)"),
        ("/x%0d%0aforged", "(hidden)"),
        ("/" + "a" * 4000, "(hidden)"),
    ],
)
def test_what_opens_a_page_or_was_typed_is_hidden(
    site: Any, written: Any, place: str, shown: str
) -> None:
    site.browser().get(place)
    (line,) = [one for one in written().splitlines() if "kb.request" in one]
    assert f"GET {shown} " in line


@pytest.mark.parametrize(
    "given",
    ["0123456789abcdef", "Root=1-67891233-abcdef012345678912345678", "a/b+c==:d.e_f-"],
)
def test_a_callers_number_is_kept(site: Any, written: Any, given: str) -> None:
    answer = site.browser().get("/no-such-page", headers={"X-Request-Id": given})
    assert answer.headers["X-Request-Id"] == given
    assert f"quote this number: <code>{given}</code>" in answer.text
    assert f"[{given}]" in written()


@pytest.mark.parametrize(
    "given",
    [
        "", "short", "x" * 129, "a b c d e f g", "<script>alert(1)</script>", "abcdefgh\t2026",
        "ana@example.org", "añañañañaña", "abcdefgh,ijklmnop", "${jndi:ldap://x}",
        "\x1b[31mred-text", "abcdefgh\x7f", "%0d%0aSet-Cookie:x",
    ],
)  # fmt: skip
def test_a_number_that_could_be_anything_else_is_not_taken(
    site: Any, written: Any, given: str
) -> None:
    """Line ends, markup, terminal codes, any length (utksh1/SecuScan#2013, openmemind/memind#99,
    kRamu81/MedTrack_Application#1456, getnora-io/nora#539, nazarli-shabnam/clevis#104).
    """
    client = site.browser()
    environ = {"HTTP_X_REQUEST_ID": given, "HTTP_SEC_FETCH_SITE": "same-origin"}
    answer = client.get("/no-such-page", environ_overrides=environ)
    assert NUMBER.fullmatch(answer.headers["X-Request-Id"])
    if given:
        assert given not in answer.text
        assert given not in written()


def test_every_record_of_a_request_has_its_number_and_no_line_of_its_own(
    site: Any, written: Any
) -> None:
    log = logging.getLogger("kb.test")
    log.warning("outside of any request: %s", "a\r\n2026-01-01 00:00:00,000 WARNING kb: forged")
    lines = written().splitlines()
    assert len(lines) == 1
    assert r"a\r\n2026" in lines[0]
    assert not lines[0].endswith("]")
    site.browser().post("/sign-in", data={"email": "a@b.example", "password": "wrong"})
    refused, request = written().splitlines()[1:]
    assert "sign-in refused" in refused
    assert refused.rpartition("[")[2] == request.rpartition("[")[2]


def test_health_probes_are_logged_for_debugging_alone(site: Any, written: Any) -> None:
    for place in ("/healthz", "/readyz"):
        site.browser().get(place)
    assert [line.split()[2] for line in written().splitlines()] == ["DEBUG", "DEBUG"]
    logging.getLogger("kb").setLevel(logging.INFO)
    site.browser().get("/healthz")
    assert len(written().splitlines()) == 2


def test_a_fault_is_logged_under_the_number_that_the_reader_is_shown(
    site: Any, written: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(site.app.config, "PROPAGATE_EXCEPTIONS", False)

    def broken() -> str:
        raise ZeroDivisionError

    broken.permission = Permission.READ  # type: ignore[attr-defined]
    monkeypatch.setitem(site.app.view_functions, "reader.about", broken)
    answer = site.browser().get("/about")
    assert answer.status_code == 500
    number = answer.headers["X-Request-Id"]
    assert f"<code>{number}</code>" in answer.text
    rows = [json.loads(line) for line in written("json").splitlines()]
    assert {row["request_id"] for row in rows} == {number}
    assert "ZeroDivisionError" in next(row["exception"] for row in rows if "exception" in row)


def test_what_ctrl_c_stops_inside_a_library_is_no_fault(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    configure()
    log = logging.getLogger("sqlalchemy.pool")
    for problem in (KeyboardInterrupt(), OSError("the disk is full")):
        log.error("Exception closing connection", exc_info=problem)
    shown = capsys.readouterr().err
    assert "the disk is full" in shown
    assert "KeyboardInterrupt" not in shown
