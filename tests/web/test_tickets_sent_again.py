"""Words sent again, tickets for others, and who reads an agent's reasons."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from kb.schema import outbox
from tests.web.pages import Page
from tests.web.test_ticket_pages import _act, _count, _form, _number, _open


def _texts(site: Any, number: str) -> str:
    return str(site.client("agent").get(f"/desk/tickets/{number}").text)


def test_new_words_of_somebody_signed_in_are_added_to_their_open_ticket(site: Any) -> None:
    """we-promise/sure#3338, osTicket#2004: Back, other words, Send. Nothing is thrown away."""
    client, words = site.signed_in("reader"), "badge reader blinks red"
    number = _number(_open(site, client, words, email=""), client)
    before, form = _count(site), _form(site, client, words) | {"body": "It blinks & beeps <now>"}
    for _ in range(2):
        added = client.post("/tickets", data=form)
        assert f"Added to {number}" in added.text
        assert "service desk has it" not in added.text
    assert _texts(site, number).count("It blinks &amp; beeps &lt;now&gt;") == 1
    other = client.post("/tickets", data=Page(added.text).form("/tickets"))
    assert _number(other, client) != number
    assert _count(site) == before + 1
    assert "It blinks &amp; beeps &lt;now&gt;" in _texts(site, _number(other, client))


def test_an_address_that_another_gave_tells_nothing_of_their_ticket(site: Any) -> None:
    """Decision 15: without an account each request is a ticket of its own."""
    first, words = site.browser(), "kettle whistles all night"
    number = _number(_open(site, first, words), first)
    again = _open(site, site.browser(), words, body="More of it")
    assert again.status_code == 303
    assert number not in site.browser().get(again.headers["Location"]).text
    assert "More of it" in _texts(site, _number(again, first))


def test_back_and_other_words_without_an_account_is_a_second_ticket(site: Any) -> None:
    """OCA/helpdesk#948: the id of the form is the first one's, the words are not."""
    client = site.browser()
    form = _form(site, client, "carpet smells of fish") | {"email": "fay@example.org"}
    first = client.post("/tickets", data=form)
    second = client.post("/tickets", data=form | {"subject": "Lamp hums", "body": "Loudly"})
    assert _number(first, client) != _number(second, client)
    assert "Loudly" in _texts(site, _number(second, client))


def test_a_reason_is_internal_unless_the_agent_shows_it(site: Any) -> None:
    agent, client = site.client("agent"), site.browser()
    answer = _open(site, client)
    place, number = answer.headers["Location"], _number(answer, client)
    assert "Only staff read this reason" in _act(agent, number, "escalate", reason="Rude fellow")
    _act(agent, number, "return", to="1", reason="Bring your badge", shown="on")
    page = client.get(place).text
    assert "Rude fellow" not in page
    assert "Bring your badge" in page


def test_an_agent_opens_a_ticket_for_somebody_and_it_is_theirs(site: Any) -> None:
    """Dolibarr#24754, trudesk#252: the requester is the caller, the agent only who filed it."""
    agent = site.signed_in("agent")
    form = Page(agent.get("/tickets/new?other=1").text).form("/tickets")
    assert (form["name"], form["email"]) == ("", "")
    filed = form | {"subject": "Her phone is wet", "name": "Cal", "email": "cal@example.org"}
    place = agent.post("/tickets", data=filed).headers["Location"]
    page = agent.get(place).text
    assert "cal@example.org" in page
    assert "Opened for them by" in page
    number = place.rpartition("/")[2]
    assert number not in agent.get("/my/tickets").text
    reader = site.services.accounts.by_email("reader@example.org")
    hers = form | {"subject": "Her lamp is wet", "email": reader.email, "submission": "z" * 32}
    number = agent.post("/tickets", data=hers).headers["Location"].rpartition("/")[2]
    assert number in site.client("reader").get("/my/tickets").text


def test_a_program_files_for_callers_who_share_nothing(site: Any) -> None:
    """esraa-nasser/crm-ticketing-system#43, zammad#1805: two callers of one chat bot."""
    bot = site.bare()
    head = {"Authorization": f"Bearer {site.token('reader')}"}
    search = bot.get("/api/v1/search?q=qqq+wrench", headers=head).get_json()["search_id"]
    bot.get("/api/v1/search?q=qqq+secret", headers=head)
    made = []
    for name in ("una", "zoe", "agent"):
        body = {"subject": "wrench", "body": f"I am {name}", "email": f"{name}@example.org",
                "search_id": search}  # fmt: skip
        answer = bot.post("/api/v1/tickets", json=body, headers=head)
        assert answer.status_code == 201
        made.append(answer.get_json()["number"])
    assert len(set(made)) == 3
    listed = bot.get("/api/v1/tickets?limit=50", headers=head).text
    for number, name in zip(made, ("una", "zoe", "agent"), strict=True):
        page = _texts(site, number)
        assert f"I am {name}" in page
        assert "qqq secret" not in page
        assert number not in listed
        assert bot.get(f"/api/v1/tickets/{number}", headers=head).status_code == 404
    assert made[2] not in site.client("agent").get("/my/tickets").text  # said by a program


def test_what_staff_keep_to_themselves_is_in_nothing_that_the_requester_gets(site: Any) -> None:
    """Neither page, API nor download tells a reason or note that was not shown to them."""
    reader, agent = site.signed_in("reader"), site.client("agent")
    made = reader.post("/api/v1/tickets", json={"subject": "Lamp flickers"})
    number = made.get_json()["number"]
    _act(agent, number, "note", text="zyqnote")
    _act(agent, number, "escalate", reason="zyqhidden")
    _act(agent, number, "return", to="1", reason="zyqshown", shown="on")
    got = [
        reader.get(address).text
        for address in (f"/my/tickets/{number}", f"/api/v1/tickets/{number}", "/my/data.json")
    ]
    assert not [text for text in got if "zyqnote" in text or "zyqhidden" in text]
    assert "zyqshown" in got[0]
    assert "zyqshown" in got[2]
    seen = agent.get(f"/desk/tickets/{number}").text
    assert "zyqnote" in seen
    assert "zyqhidden" in seen


def _letters(site: Any, address: str) -> list[dict[str, Any]]:
    """Return the letters to the address that wait, oldest first."""
    with site.services.db.read() as connection:
        waiting = connection.execute(sa.select(outbox.c.payload).order_by(outbox.c.created_at))
        return [letter for letter in waiting.scalars() if letter and letter["to"] == address]


def test_letters_go_to_the_requester_alone_and_tell_what_was_shown(site: Any) -> None:
    """glpi#13818, #18949: not to who filed it. OCA/helpdesk#215, brimir#412, bileto#905: none of
    what staff does among themselves, and one letter that the ticket is there.
    """
    agent, to = site.signed_in("agent"), "dot@example.org"
    staff = site.services.accounts.by_email("agent@example.org")
    form = Page(agent.get("/tickets/new?other=1").text).form("/tickets")
    filed = form | {"subject": "Her clock is slow", "name": "Dot", "email": to}
    number = agent.post("/tickets", data=filed).headers["Location"].rpartition("/")[2]
    assert len(_letters(site, to)) == 1
    _act(agent, number, "assign", to=staff.id)
    _act(agent, number, "note", text="zyqnote")
    _act(agent, number, "escalate", reason="zyqhidden")
    _act(agent, number, "return", to="1", reason="zyqshown", shown="on")
    assert len(_letters(site, to)) == 1
    _act(agent, number, "answer", text="Which clock?")
    _act(agent, number, "resolve", resolution="no_knowledge", text="Wound up")
    _act(agent, number, "close")
    got = _letters(site, to)
    assert [letter["text"].count("Which clock?") for letter in got] == [0, 1, 0]
    assert "Wound up" in got[2]["text"]
    assert not [each for each in got if "zyqnote" in str(each) or "zyqhidden" in str(each)]
    assert not [each for each in _letters(site, staff.email) if number in each["subject"]]


def test_a_reply_to_a_ticket_that_was_closed_meanwhile_comes_back(site: Any) -> None:
    """frappe/helpdesk#2539, zammad#983: the page is open, the ticket is put away, Send."""
    agent, client = site.client("agent"), site.browser()
    answer = _open(site, client, "drawer squeaks at noon")
    place, number = answer.headers["Location"], _number(answer, client)
    forms = Page(client.get(place).text).all("form")
    [reply_to] = {each.attributes["action"] for each in forms if "/t/" in each.attributes["action"]}
    _act(agent, number, "resolve", resolution="no_knowledge", text="Oiled")
    _act(agent, number, "close")
    sent = client.post(reply_to, data={"text": "It squeaks again & louder"})
    assert sent.status_code == 422
    assert "It squeaks again &amp; louder" in sent.text
    assert "closed" in sent.text
    assert "/tickets/new" in sent.text


def test_a_ticket_put_away_is_given_to_nobody(site: Any) -> None:
    """glpi#515: it looks as ever, and somebody takes it."""
    agent, client = site.client("agent"), site.browser()
    number = _number(_open(site, client, "hook is loose today"), client)
    staff = site.services.accounts.by_email("agent@example.org")
    _act(agent, number, "resolve", resolution="no_knowledge", text="Tightened")
    _act(agent, number, "close")
    taken = agent.post(f"/desk/tickets/{number}/assign", data={"to": staff.id})
    assert taken.status_code == 422
    assert "closed" in taken.text
