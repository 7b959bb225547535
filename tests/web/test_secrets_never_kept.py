"""Secrets typed into every surface reach nothing that stays: no table, file, log, page or letter.

A real server with its worker, on SQLite and on PostgreSQL, in English and Spanish. What was typed
is then looked for in every byte of the data folder, every row, everything the processes printed,
and what leads, authors and agents are shown: plain, in addresses, in JSON and in HTML.
"""

from __future__ import annotations

import base64
import html
import http.client
import io
import json
import logging
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import pytest
import sqlalchemy as sa
from gunicorn.config import Config

from benchmarks.redaction import HARMLESS, OWN, Case, cases
from kb.accounts.roles import Role
from kb.redaction.redactor import redactor
from kb.scheduler import Worker
from kb.schema import metadata
from kb.searches.service import storable_words
from kb.server import run
from kb.tracking import recorder

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse battery staple"
PATIENCE_S = 90  # for machines that are busy; nothing here measures time
SHORTEST = 6  # characters; shorter ones stand in any file by chance
TIME = re.compile(rb"\d\d:\d\d:\d\d\.\d{6}")  # and so do six digits in fractions of a second
BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/150.0 Safari/537.36",
    "Sec-Fetch-Site": "same-origin",
}
CANARIES = tuple(
    case
    for case in cases()
    if case.kind != HARMLESS and all(len(secret) >= SHORTEST for secret in case.secrets)
)


def _some() -> tuple[Case, ...]:
    """Return one of each kind and language: it goes everywhere; all the others are searched for."""
    chosen: dict[tuple[str, str], list[Case]] = {}
    for case in CANARIES:
        chosen.setdefault((case.kind, case.language), []).append(case)
    return tuple(those[0] for those in chosen.values())


def _forms(secret: str) -> set[bytes]:
    """Return the ways in which the secret can be written down."""
    written = {secret, html.escape(secret), quote_plus(secret)}
    written |= {quote(secret), quote(secret, safe="")}
    written |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    encoded = {base64.b64encode(secret.encode()), secret.encode("utf-16-le")}
    return {form.encode() for form in written} | encoded


def leaks(texts: dict[str, bytes]) -> list[str]:
    """Return where a secret stands, each with what it was typed as."""
    texts = {where: TIME.sub(b"", text) for where, text in texts.items()}
    return [
        f"{case.text!r} in {where}"
        for case in CANARIES
        for form in {form for secret in case.secrets for form in _forms(secret)}
        for where, text in texts.items()
        if form in text and _stands(form, text)
    ]


def _stands(form: bytes, text: bytes) -> bool:
    """Return whether digits stand alone: within an id, which is hexadecimal, they are chance."""
    if not form.isdigit():
        return True
    return re.search(rb"(?:(?<![0-9a-f])|(?<=%20))" + form + rb"(?![0-9a-f])", text) is not None


def test_a_number_is_seen_where_it_was_written_and_not_in_a_time_or_an_id() -> None:
    number = next(secret for case in CANARIES for secret in case.secrets if secret.isdigit())
    written = {
        "log": f"code {number}.",
        "address": f"/?q=code%20{number}%20",
        "json": f'"{number}"',
    }
    assert {text.split()[-1] for text in leaks({k: v.encode() for k, v in written.items()})} == set(
        written
    )
    chance = {"time": f"2026-11-30 08:45:09.{number.zfill(6)[:6]}", "id": f"9{number}e1"}
    assert leaks({k: v.encode() for k, v in chance.items()}) == []


@dataclass
class Running:
    """A running server; `call` sends a request as a browser on the site's own pages does."""

    port: int
    cookie: str = ""

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str]:
        """Return the status and the text of the answer."""
        told = BROWSER | ({"Cookie": self.cookie} if self.cookie else {}) | headers
        data: bytes | None = None
        if isinstance(body, dict) and told.get("Content-Type") == "application/json":
            data = json.dumps(body).encode()
        elif isinstance(body, dict):
            data = urlencode(body).encode()
            told["Content-Type"] = "application/x-www-form-urlencoded"
        elif body is not None:
            data = str(body).encode()
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            line.request(method, path, body=data, headers=told)
            answer = line.getresponse()
            for name, value in answer.getheaders():
                if name.lower() == "set-cookie":
                    self.cookie = value.partition(";")[0]
            return answer.status, answer.read().decode("utf-8", "replace")
        finally:
            line.close()

    def api(self, path: str, body: Any) -> tuple[int, dict[str, Any]]:
        """Return the status and the JSON of an answer of the API."""
        status, text = self.call("POST", path, body, **{"Content-Type": "application/json"})
        return status, json.loads(text)


@pytest.fixture
def data(new_site: Callable[..., Any], database_url: str) -> Iterator[Any]:
    """Return a site that anybody's words are shown of, with a reader and a lead."""
    site = new_site(
        database_url=database_url,
        redact_patterns=OWN,
        k_anonymity=1,
        demand_threshold=1,
        unresolved_policy="offer",
    )
    for role in (Role.READER, Role.LEAD):
        address = f"{role.value}@site.test"
        site.services.accounts.add(
            address, PASSWORD, name=role.title(), role=role, now=datetime.now(UTC)
        )
    return site


@pytest.fixture
def running(
    data: Any, free_port: Callable[[], int], tmp_path: Path, serving: None
) -> Iterator[Running]:
    """Run `kb serve` over the site's data; what it prints goes to a file in the data folder."""
    settings, port = data.services.settings, free_port()
    environ = os.environ | {
        "KB_DATA": str(settings.data), "KB_ARTICLES": str(settings.articles),
        "KB_TEMPLATES": str(settings.templates), "KB_DATABASE_URL": settings.database_url,
        "KB_PORT": str(port), "KB_SEMANTIC": "off", "KB_PUBLISH_INTERVAL": "off",
        "KB_REDACT_PATTERNS": "|".join(OWN), "KB_K_ANONYMITY": "1", "KB_WORKERS": "1",
        "KB_SEARCH_RATE": "100000", "KB_WRITE_RATE": "100000", "KB_SIGN_IN_RATE": "100000",
        "KB_SUGGEST_RATE": "100000", "KB_TICKET_RATE": "100000",
        "KB_WORKER_INTERVAL": "5s", "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    with (settings.data / "printed.log").open("wb") as printed:
        server = subprocess.Popen(
            [sys.executable, "-m", "kb.cli", "serve"],
            env=environ, cwd=tmp_path, stdout=printed, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            found = Running(port)
            _wait(found, settings.data / "printed.log")
            yield found
        finally:
            server.terminate()
            server.wait(timeout=PATIENCE_S)


def _wait(server: Running, log: Path) -> None:
    ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends:
        try:
            if server.call("GET", "/readyz")[0] == 200:
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"the server did not start:\n{log.read_text()[-2000:]}")


def _everywhere(server: Running, text: str) -> None:
    """Type the text into every field, address and header there is."""
    q, said = quote(text, safe=""), {"Content-Type": "application/json"}
    for path in (
        f"/search?q={q}&page=2&literal=1", f"/search?q=print&lang={q}&in={q}", f"/suggest?q={q}",
        f"/api/v1/search?q={q}", f"/api/v1/search?q=print&language={q}&collection={q}",
        f"/tickets/new?search={q}&article={q}", f"/articles/{q}", f"/collections/{q}", f"/t/{q}",
        f"/articles/print/public?from={q}&rank={q}&thanks={q}", f"/reports/?from={q}", f"/{q}",
        f"/media/{q}.png", f"/sign-in?next=/{q}", f"/api/v1/articles?collection={q}",
        f"/articles/print/public/changes?from={q}&to={q}", f"/my/tickets/{q}",
    ):  # fmt: skip
        assert server.call("GET", path)[0] < 500, path
    for path, form in (
        ("/articles/print/public/vote", {"helpful": "no", "reason": text, "search": text}),
        ("/articles/print/public/solved", {"search": text}),
        ("/dwell", {"article": text, "seconds": text, "search": text}),
        ("/dwell", {"article": "print/public", "seconds": "9", "search": text}),
        ("/tickets", {"subject": "", "body": text, "name": text, "email": text, "search": text}),
        ("/sign-in", {"email": text, "password": text}),
        ("/hooks/push", {"ref": text}),
    ):
        assert server.call("POST", path, form)[0] < 500, path
    vote = {"kind": "vote", "article": "print/public", "helpful": False, "reason": text[:500]}
    for path, body in (
        ("/api/v1/events", vote), ("/api/v1/events", vote | {"search_id": text}),
        ("/api/v1/events", {"kind": "view", "article": text}), ("/api/v1/events", {text: text}),
        ("/api/v1/tickets", {"subject": "", "body": text, "email": text}), ("/api/v1/search", text),
    ):  # fmt: skip
        assert server.call("POST", path, body, **said)[0] < 500, path
    _unreadable(server.port, text)
    plain = quote(text, safe=" ")
    for name in ("Referer", "User-Agent", "Accept-Language", "X-Request-Id", "X-Forwarded-For"):
        assert server.call("GET", "/search?q=print", **{name: plain})[0] < 500
    wrong = Running(server.port).call("GET", "/api/v1/search?q=x", Authorization=f"Bearer {plain}")
    assert wrong[0] == 401


def _unreadable(port: int, text: str) -> None:
    """Send the text as no browser would: in the request line as it is, in a header's name."""
    for request in (f"GET /search?q={text} HTTP/1.1", f"{text} / HTTP/1.1",
                    f"GET / HTTP/1.1\r\n{text}", f"GET / HTTP/{text}"):  # fmt: skip
        with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
            line.sendall(f"{request}\r\nHost: 127.0.0.1\r\n\r\n".encode())
            line.shutdown(socket.SHUT_WR)
            while line.recv(4096):
                pass


def _tickets(server: Running) -> None:
    """Search for secrets, and let the form's own words and the trail become tickets."""
    for case in _some():
        status, text = server.call("GET", f"/api/v1/search?q={quote(case.text, safe='')}")
        assert status == 200
        search = json.loads(text)["search_id"]
        form = server.call("GET", f"/tickets/new?search={search}")[1]
        assert case.secrets[0] not in html.unescape(form)
        subject, _ = storable_words(case.text, 150, redactor(OWN))
        sent = {"subject": subject, "search_id": search, "email": "asks@site.test"}
        assert server.api("/api/v1/tickets", sent)[0] in (200, 201)
        server.api(
            "/api/v1/events", {"kind": "solved", "article": "print/public", "search_id": search}
        )


def _files(folder: Path) -> dict[str, bytes]:
    index = folder / "index"
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and index not in file.parents and file.name != "secret.key"
    }


def _tables(site: Any) -> dict[str, bytes]:
    """Return every row of every table as the database writes it, and as Python does."""
    found = {}
    with site.services.db.read() as connection:
        for table in metadata.sorted_tables:
            rows = connection.execute(sa.select(table)).mappings().all()
            text = "\n".join(map(_row, rows))
            found[f"table {table.name}"] = text.encode()
    return found


def _row(row: Any) -> str:
    plain = {name: str(each) if isinstance(each, datetime) else each for name, each in row.items()}
    return f"{plain!r}\n{json.dumps(plain, default=str, ensure_ascii=False)}"


def _shown(site: Any) -> dict[str, bytes]:
    """Return what leads, authors, agents and typing readers are shown, everybody's words at k=1."""
    client = site.browser()
    client.post("/sign-in", data={"email": "lead@site.test", "password": PASSWORD})
    numbers = client.get("/api/v1/tickets?limit=50").get_json()["tickets"]
    pages = ["/reports/", "/reports/failing-words.csv", "/reports/privacy", "/authors/?of=all"]
    pages += ["/desk/", "/desk/undeliverable", "/suggest?q=my", "/suggest?q=mi"]
    pages += [f"/desk/tickets/{ticket['number']}" for ticket in numbers]
    return {page: client.get(page).data for page in pages}


def test_no_secret_stays_anywhere(data: Any, running: Running) -> None:
    assert len(CANARIES) >= 250
    assert len({case.kind for case in _some()}) == 9
    for case in CANARIES:
        assert running.call("GET", f"/search?q={quote(case.text, safe='')}")[0] == 200
    for case in _some():
        _everywhere(running, case.text)
    _tickets(running)
    running.call("POST", "/sign-in", {"email": "reader@site.test", "password": PASSWORD})
    for case in _some():
        running.call("GET", f"/search?q={quote('zzqx ' + case.text, safe='')}")
    assert running.call("GET", "/my/data")[0] == 200

    later = datetime.now(UTC) + timedelta(days=2)
    Worker(data.services).round(later, without="publish")
    Worker(data.services).round(later + timedelta(hours=2), without="publish")
    found = _files(data.services.settings.data) | _tables(data) | _shown(data)
    counted = {name: len(text) for name, text in found.items()}
    assert counted["printed.log"] > 0
    assert min(counted["table events"], counted["table tickets"], counted["table offers"]) > 500
    assert b"[secret]" in found["table failed_searches"]
    assert b"[email]" in found["/reports/failing-words.csv"]
    assert leaks(found) == []


def test_no_secret_lies_in_the_spool_while_the_database_is_away(
    new_site: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(recorder, "RETRY_S", 0.0)
    site = new_site(redact_patterns=OWN)
    client = site.browser()
    mend = site.break_database()
    for case in _some():
        assert client.get("/search", query_string={"q": case.text}).status_code == 200
        vote = {"kind": "vote", "article": "print/public", "helpful": False, "reason": case.text}
        client.post("/api/v1/events", json=vote)
        client.post("/tickets", data={"subject": case.text, "email": "a@b.test"})
    spooled = _files(site.services.settings.data / "spool")
    mend()
    assert b"[secret]" in spooled["events.jsonl"]
    assert leaks(spooled | {"log": caplog.text.encode()}) == []


def test_a_request_that_fails_is_logged_without_its_query() -> None:
    said = io.StringIO()
    log = run._Log(Config())
    log.error_log.addHandler(logging.StreamHandler(said))
    for case in _some():
        path = f"/search?q={case.text}"
        log.warning(f"Invalid request from ip=::1: Invalid HTTP request line: 'GET {path}'")
        try:
            raise TimeoutError
        except TimeoutError:
            log.exception("Error handling request %s %s", "GET", path)
    assert "Error handling request GET /search" in said.getvalue()
    assert "An invalid request was refused: Invalid HTTP request line" in said.getvalue()
    assert leaks({"log": said.getvalue().encode()}) == []


def test_a_crash_in_the_middle_of_a_search_prints_no_words(
    new_site: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fall(*_: Any, **__: Any) -> None:
        raise RuntimeError("out of order")

    site = new_site()
    monkeypatch.setattr(type(site.services.engine), "search", fall)
    for case in _some():
        assert site.browser().get("/search", query_string={"q": case.text}).status_code == 500
    assert "out of order" in caplog.text
    assert leaks({"log": caplog.text.encode()}) == []
