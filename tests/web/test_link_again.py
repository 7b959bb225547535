"""Every letter leads to its ticket, and a lost link is sent again to whom it belongs.

osTicket#437 and #6491, ephios#1624: a guest who lost the first mail could not get to the ticket.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from kb.notifications.delivery import deliver_due
from kb.privacy.erasure import erase
from kb.privacy.model import Who
from kb.schema import metadata, outbox, ticket_links
from tests.web.pages import Page, complaints

LINK = re.compile(r"http://localhost(/t/\S+)")
FORM = "/tickets/link"


class Mailbox:
    """A mail channel that keeps what it is handed."""

    def __init__(self) -> None:
        self.letters: list[dict[str, Any]] = []

    def send(self, payload: Any, key: str) -> None:
        self.letters.append(dict(payload))


@pytest.fixture
def one_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let links be asked for on one day, whatever midnight does meanwhile."""
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    monkeypatch.setattr("kb.web.views.tickets.now", lambda: noon)


def _deliver(site: Any) -> list[dict[str, Any]]:
    """Let the worker's round send everything; return the letters."""
    mail = Mailbox()
    channels = dict(site.services.channels) | {"mail": mail}
    for minute in range(2):  # a request first, then the letter that it asks for
        deliver_due(site.services.db, channels, now=datetime.now(UTC) + timedelta(minutes=minute))
    return mail.letters


def _open(site: Any, subject: str, email: str) -> str:
    """Open a ticket without an account; return its number."""
    client = site.browser()
    form = {"subject": subject, "email": email, "different": "1"}
    place = client.post("/tickets", data=form).headers["Location"]
    return Page(client.get(place).text).one("title").text.split()[0]


def _ask(site: Any, email: str, number: str = "", **environ: Any) -> Any:
    return site.browser(**environ).post(FORM, data={"email": email, "number": number})


def test_every_letter_about_a_ticket_leads_to_it_and_asks_for_no_reply(led: Any) -> None:
    """osTicket#4039, zulip#2755, stickerdaniel/saas-starter#798, apache/answer#1170: people
    answered the letter, and nothing read it.
    """
    number, agent = _open(led, "Door is stuck", "ana@example.org"), led.signed_in("agent")
    agent.post(f"/desk/tickets/{number}/answer", data={"text": "Which door?", "waiting": "on"})
    agent.post(f"/desk/tickets/{number}/resolve", data={"resolution": "gap", "text": "Oiled"})
    letters = _deliver(led)
    assert len(letters) == 3
    links = [LINK.search(letter["text"]) for letter in letters]
    for letter, link in zip(letters, links, strict=True):
        assert link is not None
        assert number in led.browser().get(link[1]).text
        assert "Do not reply to this email: nobody reads it." in letter["text"]
        assert not re.search(r"(?<!not )\breply\b", letter["text"], re.IGNORECASE)
        assert f"http://localhost{FORM}" in letter["text"]
    assert len({link[1] for link in links if link}) == 3
    with led.services.db.read() as connection:
        held = " ".join(
            str(connection.execute(table.select()).all()) for table in metadata.sorted_tables
        )
    for link in links:
        assert link is not None
        assert link[1].removeprefix("/t/") not in held  # who reads the database opens no ticket


def test_a_link_that_a_scanner_opened_still_works(site: Any) -> None:
    """supabase/auth#1214, exe.dev#89: mail scanners open each link before its reader does."""
    _open(site, "Scanned", "scan@example.org")
    (letter,) = [each for each in _deliver(site) if each["to"] == "scan@example.org"]
    link = LINK.search(letter["text"])
    assert link is not None
    for _ in range(3):
        assert site.bare().get(link[1]).status_code == 200
        assert site.bare().head(link[1]).status_code == 200


def test_a_lost_link_is_sent_again_by_address_or_by_number(led: Any) -> None:
    first = _open(led, "Window is stuck", "ana@example.org")
    second = _open(led, "Chair is stuck", "Ana@Example.org")
    _open(led, "Somebody else's", "ben@example.org")
    _deliver(led)
    assert _ask(led, "ANA@example.ORG").status_code == 303
    letters = _deliver(led)
    assert sorted(letter["to"] for letter in letters) == ["Ana@Example.org", "ana@example.org"]
    for letter in letters:
        (link,) = LINK.findall(letter["text"])
        shown = led.browser().get(link).text
        assert (first if letter["to"].startswith("a") else second) in shown
        assert "Somebody else" not in letter["text"]
        assert "Somebody, most likely you" in letter["text"]
    _ask(led, "ana@example.org", first.removeprefix("T-"))
    (letter,) = _deliver(led)
    assert first in letter["text"]
    assert second not in letter["text"]


def test_a_number_of_somebody_else_and_a_closed_ticket_are_not_sent_by_address(led: Any) -> None:
    mine, theirs = _open(led, "Mine", "ana@example.org"), _open(led, "Theirs", "ben@example.org")
    agent = led.signed_in("agent")
    agent.post(f"/desk/tickets/{mine}/resolve", data={"resolution": "gap"})
    agent.post(f"/desk/tickets/{mine}/close")
    _deliver(led)
    _ask(led, "ana@example.org", theirs)
    _ask(led, "ana@example.org")
    assert _deliver(led) == []
    _ask(led, "ana@example.org", mine)  # who knows the number may read how it ended
    assert [letter["to"] for letter in _deliver(led)] == ["ana@example.org"]


def _told(answer: Any) -> tuple[Any, ...]:
    apart = {"Date", "X-Request-Id"}  # of every answer its own
    headers = {name: value for name, value in answer.headers.items() if name not in apart}
    return answer.status_code, answer.text, headers


def test_whether_an_address_is_known_cannot_be_told(led: Any) -> None:
    """teikei#860, rustdesk-server-pro#602: the answer told registered addresses from others."""
    number = _open(led, "Known", "known@example.org")
    _deliver(led)
    asked = [
        ("known@example.org", number), ("known@example.org", ""), ("other@example.org", number),
        ("other@example.org", ""), ("known@example.org", "T-999999"),
    ]  # fmt: skip
    statements: list[str] = []
    engine = led.services.db.engine

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    met, work = [], []
    for email, given in asked:
        statements.clear()
        answer = _ask(led, email, given)
        met.append(_told(answer))
        work.append(tuple(statements))
        assert _told(led.browser().get(answer.headers["Location"]))[0] == 200
    sa.event.remove(engine, "before_cursor_execute", note)
    assert len(set(map(str, met))) == 1
    assert len(set(work)) == 1  # the same statements: the time does not tell either


@pytest.mark.parametrize("email", ["known@example.org", "other@example.org"])
def test_an_address_is_written_to_three_times_a_day_and_told_the_same_after(
    new_site: Callable[..., Any], email: str, one_day: None
) -> None:
    site = new_site()
    _open(site, "Known", "known@example.org")
    _deliver(site)
    answers = {str(_told(_ask(site, email.upper() if n % 2 else email))) for n in range(5)}
    assert len(answers) == 1
    sent = [letter for letter in _deliver(site) if letter["to"] == email]
    assert len(sent) == (3 if email.startswith("known") else 0)


def test_one_network_may_ask_only_so_often(new_site: Callable[..., Any]) -> None:
    site = new_site(write_rate=0)
    refused = _ask(site, "ana@example.org", "T-1001")
    assert refused.status_code == 429
    assert Page(refused.text).form(FORM) == {"email": "ana@example.org", "number": "T-1001"}


@pytest.mark.parametrize(
    ("email", "number", "field"),
    [("", "", "email"), ("ana", "", "email"), ("ana@example.org", "T-x", "number"),
     ("a@b.org\nBcc: c@d.org", "", "email"), ("ana@exämple.org", "", "email"),
     ("ana@example.org", "9" * 40, "number")],
)  # fmt: skip
def test_what_is_no_address_or_number_is_said_beside_the_field(
    site: Any, email: str, number: str, field: str
) -> None:
    refused = _ask(site, email, number)
    assert refused.status_code == 422
    page = Page(refused.text)
    at = page.by_id(field)
    assert at is not None
    assert at.attributes["aria-invalid"] == "true"
    assert page.form(FORM) == {"email": email, "number": number}
    assert complaints(refused.text) == []


def test_a_delivery_that_is_repeated_writes_one_letter(led: Any) -> None:
    _open(led, "Once", "once@example.org")
    _deliver(led)
    request = {"to": "once@example.org", "number": None, "at": datetime.now(UTC).isoformat()}
    for _ in range(2):  # a worker died after writing, before saying so
        led.services.channels["links"].send(request, "the-same-row")
    assert len(_deliver(led)) == 1


def test_nothing_is_kept_of_who_asked_once_the_worker_has_looked(led: Any) -> None:
    _ask(led, "stranger@example.org")
    _deliver(led)
    with led.services.db.read() as connection:
        assert "stranger" not in str(connection.execute(outbox.select()).all())


def test_a_link_that_leads_to_nothing_leads_to_the_form(site: Any) -> None:
    reader = site.client("reader")
    for client, place in ((site.browser(), "/t/gone"), (reader, "/my/tickets/T-999999")):
        missing = client.get(place)
        assert missing.status_code == 404
        assert f'href="{FORM}"' in missing.text
    assert f'href="{FORM}"' not in site.browser().get("/articles/none").text
    for place in (FORM, f"{FORM}/sent"):
        assert complaints(site.browser().get(place).text) == []


# -- the desk's button --------------------------------------------------------------------------


def test_an_agent_sends_a_new_link_and_can_end_those_that_went_astray(
    led: Any, one_day: None
) -> None:
    number, agent = _open(led, "Astray", "ana@example.org"), led.signed_in("agent")
    (first,) = LINK.findall(_deliver(led)[0]["text"])
    place = f"/desk/tickets/{number}/link"
    assert place in [e.attributes["action"] for e in _forms(agent.get(f"/desk/tickets/{number}"))]
    assert agent.post(place).status_code == 303
    (second,) = LINK.findall(_deliver(led)[0]["text"])
    for link in (first, second):
        assert number in led.browser().get(link).text
    assert agent.post(place, data={"end": "on"}).status_code == 303
    (third,) = LINK.findall(_deliver(led)[0]["text"])
    assert [led.browser().get(each).status_code for each in (first, second, third)] == [
        404, 404, 200,
    ]  # fmt: skip
    assert led.browser().post(f"{first}/reply", data={"text": "x"}).status_code == 404
    assert "sent the private link again" in agent.get(f"/desk/tickets/{number}").text
    assert "sent the private link again" not in led.browser().get(third).text
    assert agent.post(place).status_code == 303
    refused = agent.post(place)  # the fourth of the day
    assert refused.status_code == 422
    assert "3 links have been sent to this address today" in refused.text
    assert len(_deliver(led)) == 1


def test_only_who_works_tickets_sends_a_link_and_only_to_an_address(site: Any) -> None:
    agent, reader = site.client("agent"), site.client("reader")
    number = _open(site, "Whose", "whose@example.org")
    place = f"/desk/tickets/{number}/link"
    assert reader.post(place).status_code == 403
    assert site.browser().post(place).status_code == 401
    assert agent.post("/desk/tickets/T-999999/link").status_code == 404
    with site.services.db.begin() as connection:
        connection.execute(sa.text("UPDATE tickets SET requester_email = ''"))
    assert place not in [e.attributes["action"] for e in _forms(agent.get(place[:-5]))]
    assert agent.post(place).status_code == 422


def test_who_is_erased_keeps_no_link(led: Any) -> None:
    number = _open(led, "Erase me", "gone@example.org")
    led.client("agent").post(f"/desk/tickets/{number}/answer", data={"text": "Hello"})
    links = [LINK.findall(letter["text"])[0] for letter in _deliver(led)]
    erase(
        led.services.db, led.services.settings.data / "spool", Who(email="gone@example.org"),
        now=datetime.now(UTC), also_open=True,
    )  # fmt: skip
    assert [led.browser().get(link).status_code for link in links] == [404, 404]
    with led.services.db.read() as connection:
        assert connection.execute(ticket_links.select()).all() == []


def _forms(answer: Any) -> list[Any]:
    return [e for e in Page(answer.text).all("form") if "action" in e.attributes]
