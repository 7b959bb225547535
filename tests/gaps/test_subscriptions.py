"""Being told when a search is answered, through HTTP and the outbox."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from kb.accounts.roles import Role
from kb.accounts.store import Accounts
from kb.app import create_app
from kb.config.settings import load
from kb.notifications.outbox import Outbox
from kb.privacy.store import forget
from kb.publishing.publisher import publish
from kb.schema import outbox, subscriptions
from kb.services import Services, build
from tests.publishing.conftest import Repository, browser

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse battery staple"
VPN = "The tunnel drops every few minutes. Set the adapter's power saving to off, then reconnect."
WORDS = "tunnel drops reconnect"


@dataclass
class Site:
    repository: Repository
    parts: Services
    app: Flask

    def browser(self, **environ: Any) -> FlaskClient:
        made = browser(self.app)
        made.environ_base.update(environ)
        return made

    def letters(self) -> list[dict[str, Any]]:
        """Return what waits to be sent, in the order in which it was written."""
        query = sa.select(outbox.c.payload).where(outbox.c.state == "waiting")
        with self.parts.db.read() as connection:
            return list(connection.scalars(query.order_by(outbox.c.created_at, outbox.c.id)))

    def deliver(self) -> None:
        """Mark everything as sent."""
        with self.parts.db.begin() as connection:
            box = Outbox(connection)
            while parcel := box.claim(datetime.now(UTC) + timedelta(seconds=5), timedelta(hours=1)):
                box.delivered(parcel)

    def answer(self, **front: str) -> str:
        """Publish the article that answers, and replay; return its commit."""
        self.repository.write("vpn/drops.md", "Tunnel drops", VPN, **front)
        return self.publish()

    def publish(self) -> str:
        commit = self.repository.commit()
        publish(self.parts.settings, progress=lambda *_: None, force=True)
        self.parts.replaying.run(datetime.now(UTC))
        return commit

    def rows(self) -> list[Any]:
        with self.parts.db.read() as connection:
            return list(connection.execute(sa.select(subscriptions)))


@pytest.fixture
def site(database_url: str, tmp_path: Path) -> Iterator[Site]:
    repository = Repository(tmp_path / "repository")
    for path in ("mail/quota.md", "print/jam.md", "wifi/guest.md"):
        repository.write(path)
    repository.commit()
    settings = load(
        {},
        survey_share=0,
        holdout_share=0,
        articles=repository.folder,
        data=tmp_path / "data",
        templates=ROOT / "templates",
        database_url=database_url,
        semantic="off",
        site_url="http://localhost",
        trusted_hosts="localhost",
    )
    publish(settings, progress=lambda *_: None)
    parts = build(settings)
    for role in (Role.READER, Role.AUTHOR):
        Accounts(parts.db).add(
            f"{role}@example.org", PASSWORD, name=role.title(), role=role, now=datetime.now(UTC)
        )
    parts.replaying.run(datetime.now(UTC))
    yield Site(repository, parts, create_app(services=parts))
    parts.db.close()


def ask(client: FlaskClient, words: str = WORDS) -> str:
    """Search; return the id in the form that offers to tell."""
    page = client.get("/search", query_string={"q": words}).text
    found = re.search(r'name="search" value="(\w+)"', page)
    assert found, page
    return found[1]


def path_of(text: str) -> str:
    found = re.search(r"http://localhost(/subscriptions/\S+)", text)
    assert found
    return found[1]


def subscribed(site: Site, client: FlaskClient, email: str = "ana@example.com") -> str:
    """Ask to be told, and confirm; return the path of the link."""
    search = ask(client)
    answer = client.post("/subscriptions", data={"search": search, "email": email})
    assert (answer.status_code, answer.location) == (303, "/subscriptions/sent")
    link = path_of(site.letters()[-1]["text"])
    assert client.post(link).status_code == 303
    return link


def test_asked_confirmed_told_once_and_forgotten(site: Site) -> None:
    client = site.browser()
    link = subscribed(site, client)
    [letter] = site.letters()
    assert letter["to"] == "ana@example.com"
    assert WORDS not in letter["subject"] + letter["text"]  # whoever typed them, it is no relay
    assert letter["unsubscribe"] == f"http://localhost{link}/stop"
    site.deliver()

    commit = site.answer()

    [told] = site.letters()
    assert told["subject"] == f"Tier Zero: there is an answer to “{WORDS}”"
    assert "Tunnel drops\nhttp://localhost/articles/vpn/drops\n" in told["text"]
    assert commit
    [row] = site.rows()
    assert (row.state, row.email, row.told_article) == ("told", "", "vpn/drops")
    page = client.get(link).text
    assert "You have been told" in page
    assert 'href="/articles/vpn/drops"' in page

    site.repository.write("vpn/drops.md", "Tunnel drops", VPN + " Or use a cable instead.")
    site.publish()
    assert len(site.letters()) == 1
    site.deliver()
    with site.parts.db.read() as connection:
        assert connection.scalars(sa.select(outbox.c.payload)).all() == [{}, {}]


def test_who_does_not_press_the_button_is_on_no_list(site: Site) -> None:
    client = site.browser()
    search = ask(client)
    client.post("/subscriptions", data={"search": search, "email": "ana@example.com"})
    link = path_of(site.letters()[0]["text"])
    for _ in range(2):  # as mail programs and scanners open links
        assert "Shall we tell you?" in client.get(link).text
        assert client.get(f"{link}/stop").status_code == 200
        assert client.head(link).status_code == 200
    site.answer()
    assert len(site.letters()) == 1
    assert [row.state for row in site.rows()] == ["asked"]


def test_one_click_stops_from_a_mail_program(site: Site) -> None:
    link = subscribed(site, site.browser())
    foreign = site.app.test_client()  # says nothing of where it comes from
    answer = foreign.post(f"{link}/stop", data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert "You are on no list" in answer.text
    assert site.rows() == []
    assert foreign.post(f"{link}/stop").status_code == 200  # again, and no fault
    assert foreign.get(link).status_code == 404
    assert foreign.post(link).status_code == 403  # to confirm is for our own page
    site.answer()
    assert len(site.letters()) == 1


def test_a_signed_in_person_types_nothing(site: Site) -> None:
    client = site.browser()
    client.post("/sign-in", data={"email": "reader@example.org", "password": PASSWORD})
    page = client.get("/search", query_string={"q": WORDS}).text
    assert "By mail to reader@example.org, once." in page
    assert 'type="email"' not in page
    done = client.post("/subscriptions", data={"search": ask(client), "email": "x@example.com"})
    assert "We will tell you" in client.get(done.location).text
    assert site.letters() == []

    site.answer(audience="signed-in")
    [told] = site.letters()
    assert told["to"] == "reader@example.org"


def test_nobody_is_told_of_what_they_may_not_read(site: Site) -> None:
    subscribed(site, site.browser())
    site.deliver()
    site.answer(audience="signed-in")
    assert site.letters() == []
    assert [row.state for row in site.rows()] == ["confirmed"]
    site.answer()
    assert len(site.letters()) == 1


def test_an_account_that_is_gone_is_told_only_what_is_public(site: Site) -> None:
    client = site.browser()
    client.post("/sign-in", data={"email": "reader@example.org", "password": PASSWORD})
    client.post("/subscriptions", data={"search": ask(client)})
    site.parts.accounts.set_active("reader@example.org", active=False)
    site.answer(audience="signed-in")
    assert site.letters() == []


def test_the_page_is_the_same_for_every_address(site: Site) -> None:
    client = site.browser()
    search = ask(client)
    pages = set()
    for email in ("new@example.com", "new@example.com", "reader@example.org"):
        answer = client.post("/subscriptions", data={"search": search, "email": email})
        pages.add((answer.status_code, answer.location))
    assert pages == {(303, "/subscriptions/sent")}
    assert len(site.rows()) == 2  # the same wish is one
    assert len(site.letters()) == 2  # and one letter a day


def test_one_address_gets_few_letters_whoever_types_it(site: Site) -> None:
    for number in range(5):
        client = site.browser(REMOTE_ADDR=f"198.51.100.{number}")
        search = ask(client, f"{WORDS} {number}")
        client.post("/subscriptions", data={"search": search, "email": "Ana@Example.com "})
    assert len(site.letters()) == 3


def test_only_ones_own_search_without_an_answer_can_be_waited_for(site: Site) -> None:
    client, other = site.browser(), site.browser(REMOTE_ADDR="198.51.100.7")
    search = ask(client)
    form = {"search": search, "email": "ana@example.com"}
    assert other.post("/subscriptions", data=form).status_code == 404
    assert client.post("/subscriptions", data={"email": "ana@example.com"}).status_code == 404
    assert client.post("/subscriptions", data=form | {"search": "a\0b"}).status_code == 404
    for address in ("", "a\0b@example.com", "a@b\nBcc: c@example.com"):
        wrong = client.post("/subscriptions", data=form | {"email": address})
        assert wrong.status_code == 422, address
    wrong = client.post("/subscriptions", data=form | {"email": "nobody"})
    assert wrong.status_code == 422
    assert "Enter an e-mail address" in wrong.text
    assert f'value="{search}"' in wrong.text
    found = client.get("/search", query_string={"q": "mail quota"}).text
    assert 'action="/subscriptions"' not in found


def test_several_wishes_answered_by_one_article_are_one_letter(site: Site) -> None:
    client = site.browser()
    for words in (WORDS, "tunnel power saving"):
        form = {"search": ask(client, words), "email": "ana@example.com"}
        client.post("/subscriptions", data=form)
    for letter in site.letters():
        client.post(path_of(letter["text"]))
    site.deliver()
    site.answer()
    [told] = site.letters()
    assert WORDS in told["text"]
    assert "tunnel power saving" in told["text"]
    assert {row.state for row in site.rows()} == {"told"}


def test_letters_are_in_the_readers_language(site: Site) -> None:
    client = site.browser(HTTP_ACCEPT_LANGUAGE="es-MX,es;q=0.9")
    site.repository.write("correo/cuota.md", "Cuota", "La cuota del correo.", language="es")
    site.publish()
    form = {"search": ask(client), "email": "ana@example.com"}
    client.post("/subscriptions", data=form)
    assert site.letters()[0]["subject"] == "Tier Zero: ¿quiere que le avisemos?"


def forgotten(site: Site, now: datetime) -> int:
    """Return how many wishes the periodic work forgets at that time."""
    with site.parts.db.begin() as connection:
        return forget(connection, now, retention=timedelta(days=90))["subscriptions"]


def test_addresses_are_forgotten_in_time(site: Site) -> None:
    subscribed(site, site.browser())
    form = {"search": ask(site.browser(), "another thing"), "email": "ben@example.com"}
    site.browser().post("/subscriptions", data=form)
    now = datetime.now(UTC)
    assert forgotten(site, now + timedelta(days=6)) == 0
    assert forgotten(site, now + timedelta(days=8)) == 1
    assert [row.email for row in site.rows()] == ["ana@example.com"]
    assert forgotten(site, now + timedelta(days=91)) == 1
    with site.parts.db.begin() as connection:
        assert Outbox(connection).forget(now + timedelta(days=91)) == 2


def test_it_can_be_switched_off(site: Site, tmp_path: Path) -> None:
    from dataclasses import replace

    parts = replace(site.parts, settings=replace(site.parts.settings, answer_mail=False))
    client = browser(create_app(services=parts))
    page = client.get("/search", query_string={"q": WORDS}).text
    assert 'action="/subscriptions"' not in page
    search = site.parts.recorder.look(lambda db: _last(db))
    form = {"search": search, "email": "ana@example.com"}
    assert client.post("/subscriptions", data=form).status_code == 404


def _last(db: Any) -> str:
    from kb.schema import events

    with db.read() as connection:
        return str(connection.scalar(sa.select(events.c.id).order_by(events.c.seq.desc())))


def test_the_page_says_that_others_asked_only_when_enough_did(site: Site) -> None:
    from kb.accounts.roles import Viewer
    from kb.analytics import jobs as analytics_jobs
    from kb.schema import gap_searches, gaps
    from search.types import Query

    now, searches = datetime.now(UTC), []

    def fail(count: int) -> None:
        for number in range(len(searches), count):
            person = Viewer(visitor=f"v{number}")
            asked = site.parts.asker.ask(person, Query(WORDS), surface="page", now=now)
            searches.append(asked.search_id)
        site.parts.recorder.flush()
        analytics_jobs.close_episodes(site.parts.db, site.parts.settings, now + timedelta(days=2))

    fail(3)
    assert "asked this before you" not in site.browser().get(f"/search?q={WORDS}").text
    fail(4)  # and the browser that looked just now
    page = site.browser().get(f"/search?q={WORDS}").text
    assert "5 people asked this before you." in page
    row = {
        "id": "g", "number": 1, "status": "assigned", "people": 9, "searches": 12,
        "created_at": now, "updated_at": now, "definition": 1, "version": 1, "data": {},
    }  # fmt: skip
    with site.parts.db.begin() as connection:
        connection.execute(sa.insert(gaps).values(**row))
        for each in searches:
            values = {"search_id": each, "gap_id": "g", "at": now}
            site.parts.db.insert_once(connection, gap_searches, [values])
    page = site.browser().get(f"/search?q={WORDS}").text
    assert "9 people asked this before you. An answer is being written." in page
