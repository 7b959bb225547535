"""A small site whose articles carry canaries: words that lesser roles must never meet.

Searching by words alone, so that it is published in a second; each module has a site of its own
and may leave it as it likes.
"""

from __future__ import annotations

import shutil
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from kb.app import create_app
from kb.config.settings import Settings, load
from kb.publishing.publisher import publish
from kb.services import Services, build
from kb.web import guard
from tests.clients import Client

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse battery staple"
BROWSER = {
    "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64) Chrome/150.0 Safari/537.36",
    "HTTP_SEC_FETCH_SITE": "same-origin",
}
# Which roles may read an article of that kind; nobody reads the last two.
READERS = {
    "public": {"anonymous", "reader", "author", "agent", "lead", "admin"},
    "signed-in": {"reader", "author", "agent", "lead", "admin"},
    "staff": {"author", "agent", "lead", "admin"},
    "draft": set(),
    "archived": set(),
}
CANARIES = {kind: f"zyq{kind.replace('-', '')}canary" for kind in READERS}

# Everything that is shown of an article anywhere holds its canary.
ARTICLE = """---
title: Printing with the {word} queue
summary: How the {word} queue prints, in one line.
language: en
collection: {collection}
owner: {word} team
audience: {audience}
status: {status}
keywords: [printing, {word}]
answers:
  - how do I print with {word}
---

## Issue

Printing to the {word} queue fails with PRN-7781-{word}.

## Resolution about {word}

1. Open the queue of {word} and print again.

![Picture of {word}](pictures/{kind}.png)
"""
OTHERS = {
    "vpn/connect.md": """---
title: Connect to the VPN
summary: Reach the office network from home.
language: en
collection: vpn
aliases: [vpn/old-name]
keywords: [vpn, remote, printing]
answers:
  - how do I reach the office network from home
---

## Issue

The VPN client asks for a code.

## Resolution

Open the VPN client and choose Connect. See [printing](../print/public.md).
""",
    "vpn/conectar.md": """---
title: Conectarse a la VPN
summary: Acceda a la red de la oficina desde casa.
language: es
collection: vpn
translation_of: vpn/connect
---

## Resolución

Abra el cliente de la VPN y elija Conectar.
""",
}

# A value for every variable part of an address; a new one must be given a sample here.
SAMPLES = {
    "slug": "print/public",
    "name": "print",
    "digest": "0" * 32,
    "ext": "png",
    "token": "no-such-token",
    "token_id": "no-such-token",
    "number": "T-999999",
    "action": "answer",
    "offer_id": "no-such-offer",
    "letter": "no-such-letter",
    "preview_id": "no-such-preview",
    "table": "outcomes",
    "key": "ticketed",
    "page": "searches",
    "note_id": "no-such-note",
    "view_id": "no-such-view",
    "kept_id": "no-such-report",
    "filename": "site.css",
}


class ReadingClient(Client):
    """A client that reads an answer to its end, so that no file stays open."""

    def open(self, *args: Any, **options: Any) -> Any:
        """Send a request."""
        return super().open(*args, buffered=True, **options)


@dataclass
class Site:
    """One site: its parts, and a browser for each role, signed in when first asked for."""

    app: Flask
    services: Services
    _clients: dict[str, FlaskClient] = field(default_factory=dict)

    def browser(self, **environ: Any) -> FlaskClient:
        """Return an anonymous browser, which says that its requests come from our pages."""
        client = self.app.test_client()
        client.environ_base.update(BROWSER | environ)
        return client

    def bare(self) -> FlaskClient:
        """Return a client that says nothing of where its requests come from."""
        return self.app.test_client()

    def signed_in(self, role: str) -> FlaskClient:
        """Return a new browser, signed in with that role's account through the form."""
        client = self.browser()
        form = {"email": f"{role}@example.org", "password": PASSWORD}
        assert client.post("/sign-in", data=form).status_code == 303
        return client

    def client(self, role: str) -> FlaskClient:
        """Return the one browser of that role."""
        if role not in self._clients:
            self._clients[role] = self.browser() if role == "anonymous" else self.signed_in(role)
        return self._clients[role]

    def forget(self, role: str) -> None:
        """Let the role sign in anew when it is asked for next: its sessions have ended."""
        self._clients.pop(role, None)

    def token(self, role: str) -> str:
        """Return a new API token of that role's account."""
        return self.services.accounts.new_token(f"{role}@example.org", "test", datetime.now(UTC))

    def cookie(self, client: FlaskClient, *, source: FlaskClient) -> None:
        """Give `client` the session cookie that `source` has."""
        found = source.get_cookie(self.app.config["SESSION_COOKIE_NAME"])
        assert found is not None
        client.set_cookie(found.key, found.value)

    def routes(self) -> Iterator[tuple[str, str, str]]:
        """Yield (endpoint, method, address) for every route there is, with sample values."""
        adapter = self.app.url_map.bind("localhost")
        for rule in self.app.url_map.iter_rules():
            address = adapter.build(rule.endpoint, {n: SAMPLES[n] for n in rule.arguments})
            for method in sorted((rule.methods or set()) - {"OPTIONS", "HEAD"}):
                yield rule.endpoint, method, address

    def slug(self, kind: str) -> str:
        """Return the article of that audience or status."""
        return f"print/{kind}"

    def picture(self, kind: str) -> str:
        """Return the address of the picture in that article."""
        library = self.services.library()
        return next(
            f"/media/{m.name}" for m in library.media.values() if self.slug(kind) in m.slugs
        )

    def break_database(self) -> Callable[[], None]:
        """Put a folder where the database's file is; return what puts the file back."""
        file = self.services.settings.data / "tierzero.db"
        self.services.db.close()
        here = list(file.parent.glob("tierzero.db*"))
        aside = [(path, path.rename(path.with_name("away-" + path.name))) for path in here]
        file.mkdir()

        def mend() -> None:
            self.services.db.close()
            file.rmdir()
            for path, kept in aside:
                kept.rename(path)

        return mend


def _png(shade: int) -> bytes:
    """Return a picture of one pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    pixel = zlib.compress(bytes([0, shade]))
    start = b"\x89PNG\r\n\x1a\n"
    return start + chunk(b"IHDR", head) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")


def _write_articles(folder: Path) -> None:
    (folder / "print" / "pictures").mkdir(parents=True)
    (folder / "vpn").mkdir()
    for shade, (kind, word) in enumerate(CANARIES.items()):
        status = kind if kind in {"draft", "archived"} else "published"
        text = ARTICLE.format(
            kind=kind,
            word=word,
            collection="print" if kind == "public" else f"print-{word}",
            audience="public" if status != "published" else kind,
            status=status,
        )
        (folder / "print" / f"{kind}.md").write_text(text, encoding="utf-8")
        (folder / "print" / "pictures" / f"{kind}.png").write_bytes(_png(shade))
    for name, text in OTHERS.items():
        (folder / name).write_text(text, encoding="utf-8")


@pytest.fixture(scope="session")
def _small_published(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Return settings of a published small site that nobody changes."""
    folder = tmp_path_factory.mktemp("small")
    _write_articles(folder / "articles")
    settings = load(
        {},
        articles=folder / "articles",
        data=folder / "data",
        templates=ROOT / "templates",
        semantic="off",
        trusted_hosts="localhost,127.0.0.1",
        site_url="http://localhost",
        search_rate=100_000,
        suggest_rate=100_000,
        write_rate=100_000,
        ticket_rate=100_000,
        sign_in_rate=100_000,
        holdout_share=0,
        survey_share=0,
    )
    publish(settings, progress=lambda _stage, _done, _total: None)
    return settings


@pytest.fixture(scope="session")
def _make_site(
    _small_published: Settings, _peopled_template: Path
) -> Iterator[Callable[..., Site]]:
    """Return a function from a folder and settings to a site of its own there."""
    made: list[Site] = []

    def make(data: Path, **values: Any) -> Site:
        if not data.exists():
            shutil.copytree(_small_published.generations, data / "index")
            shutil.copy(_peopled_template, data / "tierzero.db")
        services = build(replace(_small_published, data=data, **values))
        app = create_app(services=services)
        app.test_client_class = ReadingClient
        app.testing = False  # errors are answered as readers meet them
        made.append(Site(app, services))
        return made[-1]

    yield make
    for site in made:
        site.services.db.close()


@pytest.fixture(scope="module")
def site(_make_site: Callable[..., Site], tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Return the module's site."""
    return _make_site(tmp_path_factory.mktemp("site") / "data")


@pytest.fixture
def new_site(_make_site: Callable[..., Site], tmp_path: Path) -> Callable[..., Site]:
    """Return a function that makes a site of the test's own, with these settings.

    Called twice it gives two sites on one data folder.
    """
    return lambda **values: _make_site(tmp_path / "data", **values)


@pytest.fixture
def led(new_site: Callable[..., Site], database_url: str) -> Site:
    """Return a site of the test's own on either database, with an account of each role."""
    from kb.accounts.roles import Role

    made = new_site(database_url=database_url)
    for role in (Role.READER, Role.AUTHOR, Role.AGENT, Role.LEAD, Role.ADMIN):
        made.services.accounts.add(
            f"{role.value}@example.org", PASSWORD, name=role.title(), role=role,
            now=datetime.now(UTC),
        )  # fmt: skip
    return made


@pytest.fixture(scope="session")
def canaries() -> dict[str, str]:
    """Return the word that marks each kind of article."""
    return CANARIES


@pytest.fixture(scope="session")
def may_read() -> Callable[[str, str], bool]:
    """Return whether a role may read articles of that kind."""
    return lambda role, kind: role in READERS[kind]


class Clock:
    """The clock of requests, which tests may turn."""

    at = datetime(2026, 3, 2, 9, tzinfo=UTC)

    def now(self, zone: Any) -> datetime:
        """Return the time."""
        return self.at.astimezone(zone)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Stop the clock of requests at nine in the morning."""
    made = Clock()
    monkeypatch.setattr(guard, "datetime", made)
    return made
