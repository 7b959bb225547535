"""One person's data handed out whole, and erased without a trace and without moving a figure."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from kb.accounts.roles import Role
from kb.analytics.jobs import close_episodes
from kb.analytics.report import DateRange
from kb.analytics.service import report
from kb.errors import NotAllowed
from kb.privacy.erasure import erase
from kb.privacy.export import FORMAT, document
from kb.privacy.model import Who
from kb.privacy.store import ticket_by
from kb.schema import (
    erasures,
    events,
    failed_searches,
    gap_events,
    gap_searches,
    gaps,
    metadata,
    offers,
    question_vectors,
    subscriptions,
    tickets,
)
from kb.tickets.model import Agent, Answer, Note
from kb.tracking.query_text import words_key

PASSWORD = "correct horse battery staple"
ANA, BOB = "ana.perez@uni.es", "bob@uni.es"
OWN, SHARED = "falcon budget macro", "vpn drops at noon"
LATER = datetime.now(UTC) + timedelta(days=2)


@pytest.fixture
def site(new_site: Callable[..., Any], database_url: str) -> Any:
    """Return a site with two people who searched, read, voted and asked, and their leftovers."""
    made = new_site(database_url=database_url)
    for address, name in ((ANA, "Ana Pérez"), (BOB, "Bob Stone")):
        made.services.accounts.add(
            address, PASSWORD, name=name, role=Role.READER, now=datetime.now(UTC)
        )
    made.found = {}
    for address, words in ((ANA, (OWN, SHARED)), (BOB, (SHARED,))):
        made.found[address] = _visit(made, address, words)
    stranger = made.browser(REMOTE_ADDR="203.0.113.9")
    made.link = _ask(stranger, "My falcon sheet is gone", email=ANA, name="Ana Pérez")
    _leftovers(made)
    return made


def _visit(site: Any, address: str, words: tuple[str, ...]) -> list[str]:
    """Search, read, vote against with a reason, open a ticket; return the searches' ids."""
    client = site.browser()
    client.post("/sign-in", data={"email": address, "password": PASSWORD})
    searches = []
    for text in words:
        answer = client.get("/api/v1/search", query_string={"q": text}).get_json()
        searches.append(answer["search_id"])
    client.get(f"/articles/print/public?from={searches[0]}&rank=1")
    vote = {"kind": "vote", "article": "print/public", "helpful": False}
    client.post("/api/v1/events", json=vote | {"reason": f"no word on {words[0]}"})
    made = {"subject": f"Help: {words[0]}", "body": f"Dear desk, {words[0]}, thank you"}
    number = client.post("/api/v1/tickets", json=made | {"search_id": searches[0]}).get_json()
    agent = Agent("agent-1", "Kim Agent")
    wanted = int(number["number"].removeprefix("T-"))
    now = datetime.now(UTC)
    site.services.desk.act(wanted, Note(agent, f"Seems to be about {words[0]}"), now=now)
    site.services.desk.act(
        wanted, Answer(agent, f"Dear {address}, try again", waiting=True), now=now
    )
    site.numbers = {**getattr(site, "numbers", {}), address: wanted}
    return searches


def _ask(client: Any, subject: str, **more: str) -> str:
    """Open a ticket without an account; return the private link."""
    made = client.post("/api/v1/tickets", json={"subject": subject, "body": subject, **more})
    return str(made.get_json()["link"])


def _leftovers(site: Any) -> None:
    """Put into the tables of gaps, offers and wishes what the periodic work would."""
    now, found = datetime.now(UTC), site.found
    rows: list[tuple[sa.Table, dict[str, Any]]] = []
    for number, (label, searches) in enumerate(
        ((OWN, [found[ANA][0]]), (SHARED, [found[ANA][1], found[BOB][0]])), start=1
    ):
        gap = f"gap-{number}"
        plain = {"status": "new", "definition": 1, "version": 1, "data": {"wordings": [label]}}
        plain |= {"centre": b"\1\2", "label": label, "created_at": now, "updated_at": now}
        rows.append((gaps, {"id": gap, "number": number} | plain))
        rows.append((gap_events, _event(gap, label, now)))
        rows += [(gap_searches, {"search_id": one, "gap_id": gap, "at": now}) for one in searches]
        key = words_key(label)
        rows.append((question_vectors, {"words_key": key, "model": "m", "vector": b"1", "at": now}))
    for address in (ANA, BOB):
        wish = {"id": f"wish-{address}"[:36], "search_id": found[address][0], "email": address}
        wish |= {"language": "en", "audience": "public", "state": "asked"}
        wish |= {"words": OWN if address == ANA else SHARED}
        rows.append((subscriptions, wish | {"link_digest": address, "created_at": now}))
    account = site.services.accounts.by_email(ANA)
    offer = {"id": "offer-1", "user_id": account.id, "episode_id": "e1", "need_key": "n"}
    offer |= {"search_id": found[ANA][0], "words": OWN, "state": "open", "created_at": now}
    rows.append((offers, offer))
    with site.services.db.begin() as connection:
        for table, row in rows:
            connection.execute(sa.insert(table).values(**row))


def _event(gap: str, label: str, now: datetime) -> dict[str, Any]:
    return {"gap_id": gap, "at": now, "kind": "made", "actor": "grouping", "data": {"from": label}}


def _rows(site: Any) -> dict[str, list[Any]]:
    """Return every row of every table."""
    with site.services.db.read() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(sa.select(table)).all()))
            for table in metadata.sorted_tables
        }


def _figures(site: Any) -> Any:
    """Return the report of these days, words aside."""
    parts = site.services
    close_episodes(parts.db, parts.settings, LATER)
    today = datetime.now(UTC).date()
    span = DateRange(today - timedelta(days=2), today + timedelta(days=2))
    found = report(parts.db, span, k=1, now=LATER)
    bare = [(row.people, row.searches, row.classes) for row in found.failing_words]
    return replace(found, failing_words=tuple(sorted(map(repr, bare))))


def _erase(site: Any, who: Who, **more: bool) -> dict[str, int]:
    spool = site.services.settings.data / "spool"
    return erase(site.services.db, spool, who, now=LATER, **more).counts


def test_everything_held_on_a_person_is_handed_out_and_nothing_of_others(site: Any) -> None:
    now = datetime.now(UTC)
    found = document(site.services.db, Who(email=ANA.upper()), site="Site", now=now)
    text = json.dumps(found, ensure_ascii=False)
    assert found["format"] == FORMAT
    assert found["account"]["email"] == ANA
    assert "password_hash" not in text
    assert [row["subject"] for row in found["tickets"]] == [
        f"Help: {OWN}", "My falcon sheet is gone",
    ]  # fmt: skip
    assert {event["kind"] for event in found["events"]} >= {"search", "click", "vote"}
    assert len(found["letters"]) >= 2
    assert len(found["offers"]) == len(found["subscriptions"]) == 1
    assert "Seems to be about" not in text
    assert BOB not in text
    assert "Bob" not in text
    noted = document(site.services.db, Who(email=ANA), site="Site", now=now, notes=True)
    assert "Seems to be about" in json.dumps(noted)


def test_a_private_link_hands_out_its_ticket_alone(site: Any) -> None:
    with site.services.db.read() as connection:
        from kb.tickets.requester_store import link_digest

        ticket_id = ticket_by(connection, digest=link_digest(site.link.rpartition("/")[2]))
    now = datetime.now(UTC)
    found = document(site.services.db, Who(ticket_id=ticket_id), site="Site", now=now)
    assert [row["subject"] for row in found["tickets"]] == ["My falcon sheet is gone"]
    assert found["account"] is None
    assert OWN not in json.dumps(found)
    _erase(site, Who(ticket_id=ticket_id), also_open=True)
    assert site.browser().get(site.link).status_code == 404
    assert _erase(site, Who(ticket_id=ticket_id)) == {}
    kept = document(site.services.db, Who(email=ANA), site="Site", now=now)
    assert len(kept["tickets"]) == 1


def test_open_tickets_and_staff_are_refused_and_a_dry_run_changes_nothing(site: Any) -> None:
    before = _rows(site)
    with pytest.raises(NotAllowed, match=f"T-{site.numbers[ANA]}"):
        _erase(site, Who(email=ANA))
    would = _erase(site, Who(email=ANA), dry_run=True, also_open=True)
    assert would["tickets"] == 2
    assert _rows(site) == before
    site.services.accounts.set_role(BOB, Role.AGENT)
    with pytest.raises(NotAllowed, match="staff"):
        _erase(site, Who(email=BOB), also_open=True)


def test_an_erased_person_leaves_no_trace_and_moves_no_figure(site: Any) -> None:
    account = site.services.accounts.by_email(ANA)
    before = _figures(site)
    visitors = _visitors(site, account.id)
    counts = _erase(site, Who(email=ANA), also_open=True)
    assert counts["accounts"] == 1
    held = json.dumps(_rows(site), ensure_ascii=False).casefold()
    traces = [ANA, "ana pérez", "falcon", account.id, words_key(OWN), *visitors]
    for trace in [*traces, *(visitor[:20] for visitor in visitors)]:
        assert trace.casefold() not in held, trace
    assert SHARED in held, "what others typed too stays theirs"
    assert BOB in held
    assert _figures(site) == before
    with site.services.db.read() as connection:
        kept = connection.execute(sa.select(erasures)).one()
        states = set(connection.scalars(sa.select(tickets.c.status)))
        labels = dict(connection.execute(sa.select(gaps.c.id, gaps.c.label)).all())
        centres = dict(connection.execute(sa.select(gaps.c.id, gaps.c.centre)).all())
        left = set(connection.scalars(sa.select(question_vectors.c.words_key)))
    assert kept.counts == counts
    assert states == {"closed", "waiting"}
    assert labels == {"gap-1": "", "gap-2": SHARED}
    assert centres == {"gap-1": None, "gap-2": b"\1\2"}
    assert left == {words_key(SHARED)}
    assert _erase(site, Who(email=ANA)) == {}
    assert _erase(site, Who(user_id=account.id)) == {}


def _visitors(site: Any, user_id: str) -> list[str]:
    with site.services.db.read() as connection:
        mine = events.c.user_id == user_id
        return list(connection.scalars(sa.select(events.c.visitor).distinct().where(mine)))


def test_words_read_before_an_erasure_are_not_written_back_after_it(site: Any) -> None:
    db, visitor = site.services.db, _visitors(site, site.services.accounts.by_email(ANA).id)[0]
    eraser = threading.Thread(target=lambda: _erase(site, Who(email=ANA), also_open=True))
    with db.begin() as connection:
        read = connection.scalar(sa.select(events.c.words).where(events.c.words == OWN))
        eraser.start()
        eraser.join(0.5)  # time enough to go ahead, if it did not wait
        row = {"search_id": "late", "episode_id": "e", "at": LATER, "visitor": visitor}
        row |= {"failure": "zero", "words": read, "words_key": words_key(read), "language": "en"}
        connection.execute(sa.insert(failed_searches).values(**row, definition=1))
    eraser.join()
    with db.read() as connection:
        assert connection.execute(sa.select(failed_searches.c.words)).all() == [(None,)]


def test_an_erased_ticket_still_opens_for_agents(site: Any) -> None:
    address, now = "kim@desk.test", datetime.now(UTC)
    site.services.accounts.add(address, PASSWORD, name="Kim", role=Role.AGENT, now=now)
    _erase(site, Who(email=ANA), also_open=True)
    agent = site.browser()
    agent.post("/sign-in", data={"email": address, "password": PASSWORD})
    page = agent.get(f"/desk/tickets/T-{site.numbers[ANA]}")
    assert page.status_code == 200
    assert "Erased at the person" in page.text
    assert "erased what it told of a person" in page.text
    assert agent.get("/desk/").status_code == 200


def test_a_person_whose_account_is_gone_is_signed_out(site: Any) -> None:
    client = site.browser()
    client.post("/sign-in", data={"email": ANA, "password": PASSWORD})
    assert client.get("/my/tickets").status_code == 200
    _erase(site, Who(email=ANA), also_open=True)
    assert client.get("/my/tickets").status_code == 302
    again = client.post("/sign-in", data={"email": ANA, "password": PASSWORD})
    assert again.status_code == 422
