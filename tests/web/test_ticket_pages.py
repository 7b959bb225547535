"""From a search that failed to a solved ticket, by HTTP alone; and each way it can go wrong."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import sqlalchemy as sa

from kb.schema import tickets
from tests.web.pages import Page

WORDS = "the coffee machine eats my badge"
# Different words each time: the same ones would lead to the open ticket.
NEEDS = permutations(["lamp", "door", "chair", "table", "window", "carpet", "kettle", "plant"], 4)
LONG = "x" * 20_001


def _form(site: Any, client: Any, words: str) -> dict[str, str]:
    """Search for words, follow "still need help", and return the form as it comes."""
    found = Page(client.get("/search", query_string={"q": words}).text)
    link = next(
        e.attributes["href"]
        for e in found.all("a")
        if e.attributes.get("href", "").startswith("/tickets/new?search=")
    )
    return Page(client.get(link).text).form("/tickets")


def _count(site: Any) -> int:
    with site.services.db.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(tickets)).scalar_one())


def _open(site: Any, client: Any, words: str = "", **more: str) -> Any:
    words = words or " ".join(next(NEEDS))
    form = _form(site, client, words) | {"email": "ana@example.org"} | more
    return client.post("/tickets", data=form)


def _number(answer: Any, client: Any) -> str:
    page = Page(client.get(answer.headers["Location"]).text)
    return page.one("title").text.split()[0]


def test_from_a_failed_search_to_a_number_and_a_link_with_the_trail_on_the_agents_page(
    site: Any,
) -> None:
    client = site.browser()
    form = _form(site, client, WORDS)
    assert form["subject"] == WORDS
    assert form["search"]
    opened = client.post("/tickets", data=form | {"body": "Twice", "email": "ana@example.org"})
    assert opened.status_code == 303
    assert opened.headers["Location"].startswith("/t/")
    page = client.get(opened.headers["Location"])
    assert "Your ticket is T-" in page.text
    assert "private link" in page.text
    number = _number(opened, client)
    at_desk = site.client("agent").get(f"/desk/tickets/{number}").text
    assert at_desk.count(WORDS) >= 2  # as subject and in the trail
    assert "What was searched" in at_desk
    assert "Twice" in at_desk
    assert number in site.client("agent").get("/desk/").text


def test_the_same_submission_sent_twice_is_one_ticket(site: Any) -> None:
    client, before = site.browser(), _count(site)
    form = _form(site, client, "button pressed twice") | {"email": "ben@example.org"}
    first, second = (client.post("/tickets", data=form) for _ in range(2))
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["Location"] == second.headers["Location"]  # whichever the browser shows
    assert _count(site) == before + 1


def test_a_signed_in_person_who_sends_twice_lands_on_the_same_page(site: Any) -> None:
    client, before = site.signed_in("reader"), _count(site)
    form = _form(site, client, "sent twice by an account")
    numbers = {_number(client.post("/tickets", data=form), client) for _ in range(2)}
    assert len(numbers) == 1
    assert _count(site) == before + 1
    assert numbers.pop() in client.get("/my/tickets").text


def test_what_is_missing_is_said_beside_the_field_and_nothing_typed_is_lost(site: Any) -> None:
    typed = {
        "subject": "ab", "body": LONG, "name": "N" * 201, "email": "not <an> address",
        "search": "abc", "article": "print/public", "submission": "one", "different": "",
        "served_to": "",
    }  # fmt: skip
    answer = site.browser().post("/tickets", data=typed)
    assert answer.status_code == 422
    page = Page(answer.text)
    assert page.form("/tickets") == typed
    assert page.one("title").text.startswith("Error: ")
    summary = next(e for e in page.elements if e.attributes.get("class") == "error-summary")
    assert summary.attributes["role"] == "alert"
    links = [e.attributes["href"] for e in page.all("a") if summary in e.within()]
    assert set(links) == {"#subject", "#body", "#name", "#email"}
    for link in links:
        field = page.by_id(link[1:])
        assert field is not None
        assert field.tag in {"input", "textarea"}
        assert field.attributes["aria-invalid"] == "true"
        message = page.by_id(field.attributes["aria-describedby"])
        assert message is not None
        assert message.text


def test_an_empty_form_says_what_it_needs(site: Any) -> None:
    answer = site.browser().post("/tickets")
    assert answer.status_code == 422
    assert "Say in a few words" in answer.text
    assert "Enter an e-mail address" in answer.text


def test_while_the_database_is_gone_the_words_come_back_and_nothing_is_promised(
    new_site: Callable[..., Any],
) -> None:
    site = new_site()
    client, reader = site.browser(), site.signed_in("reader")
    mine = reader.post("/api/v1/tickets", json={"subject": "Before the outage"}).get_json()
    link = mine["link"].removeprefix("http://localhost")
    mend = site.break_database()
    typed = {"subject": "Lost & <found>", "body": "Every word\nof it", "email": "a@b.example"}
    answer = client.post("/tickets", data=typed)
    assert answer.status_code == 503
    assert Page(answer.text).form("/tickets") == typed
    assert "T-1" not in answer.text
    reply = client.post(f"{link}/reply", data={"text": "And one thing more"})
    assert reply.status_code == 503
    assert "And one thing more" in reply.text
    api = client.post("/api/v1/tickets", json=typed)
    assert api.status_code == 503
    assert api.get_json()["error"]["status"] == 503
    mend()
    assert client.post("/tickets", data=typed).status_code == 303


def test_a_reply_through_the_link_is_kept_and_seen_by_the_agent(site: Any) -> None:
    client = site.browser()
    place = _open(site, client).headers["Location"].partition("?")[0]
    assert client.post(f"{place}/reply", data={"text": "It is on floor 2"}).status_code == 303
    number = Page(client.get(place).text).one("title").text.split()[0]
    assert "It is on floor 2" in site.client("agent").get(f"/desk/tickets/{number}").text
    for wrong in ("", "  ", LONG):
        refused = client.post(f"{place}/reply", data={"text": wrong})
        assert refused.status_code == 422
        assert Page(refused.text).form(f"{place}/reply")["text"] == wrong
        assert 'href="#text"' in refused.text


def test_a_reply_to_a_closed_ticket_is_refused_in_words_and_not_lost(site: Any) -> None:
    client, agent = site.browser(), site.client("agent")
    answer = _open(site, client)
    place, number = answer.headers["Location"].partition("?")[0], _number(answer, client)
    _act(agent, number, "resolve", resolution="gap")
    _act(agent, number, "close")
    late = client.post(f"{place}/reply", data={"text": "One last thing"})
    assert late.status_code == 422
    assert "cannot be replied to" in late.text
    assert "One last thing" in late.text


# -- the desk -----------------------------------------------------------------------------------


def _act(agent: Any, number: str, action: str, **form: str) -> Any:
    answer = agent.post(f"/desk/tickets/{number}/{action}", data=form)
    assert answer.status_code == 303, f"{action}: {answer.text[:2000]}"
    return agent.get(f"/desk/tickets/{number}").text


def test_everything_that_an_agent_can_do_shows_on_the_ticket(site: Any) -> None:
    agent, client = site.client("agent"), site.browser()
    number = _number(_open(site, client), client)
    lead = site.services.accounts.by_email("lead@example.org")
    assert "Have you tried it" in _act(agent, number, "answer", text="Have you tried it?")
    waiting = _act(agent, number, "answer", text="Which floor?", waiting="on")
    assert "waiting for the requester" in waiting
    assert "staff only" in _act(agent, number, "note", text="Third one this week")
    assert f"<dd>{lead.name}</dd>" in _act(agent, number, "assign", to=lead.id)
    assert "nobody yet" in _act(agent, number, "assign", to="nobody")
    assert "2 Technicians" in _act(agent, number, "escalate", reason="Needs a screwdriver")
    assert "1 First line" in _act(agent, number, "return", to="1", reason="No, it does not")
    solved = _act(
        agent, number, "resolve", resolution="linked_article", text="See there",
        other_article="http://localhost/articles/print/public?from=x#issue",
    )  # fmt: skip
    assert "An article solved it" in solved
    assert 'href="/articles/print/public"' in solved
    assert "Resolve</button>" in _act(agent, number, "reopen", reason="Back again")
    assert "No article covers it" in _act(agent, number, "resolve", resolution="gap")
    assert "closed" in _act(agent, number, "close")


REFUSALS = (
    ("answer", {"text": " "}, "Write something first"),
    ("answer", {"text": LONG}, "20,000 characters or fewer"),
    ("note", {}, "Write something first"),
    ("assign", {"to": "nobody-i-know"}, "Choose from the list"),
    ("escalate", {"reason": ""}, "a reason"),
    ("escalate", {"reason": LONG}, "20,000 characters or fewer"),
    ("return", {"to": "1", "reason": "x"}, "below"),
    ("return", {"to": "9" * 30, "reason": "x"}, "below"),
    ("return", {"to": "-1", "reason": "x"}, "below"),
    ("resolve", {}, "Say how it ended"),
    ("resolve", {"resolution": "magic"}, "Say how it ended"),
    ("resolve", {"resolution": "linked_article"}, "Name the article"),
    ("resolve", {"resolution": "linked_article", "other_article": "/articles/none"}, "no such"),
    ("resolve", {"resolution": "linked_article", "other_article": "rubbish"}, "no such"),
    ("resolve", {"resolution": "gap", "text": LONG}, "20,000 characters or fewer"),
    ("reopen", {}, "cannot be reopened"),
    ("close", {}, "cannot be closed"),
    ("answer", {"text": "late", "version": "0"}, "while you were writing"),
    ("answer", {"text": "late", "version": "9" * 40}, "while you were writing"),
)


def test_what_the_rules_forbid_is_refused_in_words_with_the_typed_words_kept(site: Any) -> None:
    agent, client = site.client("agent"), site.browser()
    number = _number(_open(site, client), client)
    for action, form, words in REFUSALS:
        answer = agent.post(f"/desk/tickets/{number}/{action}", data=form)
        where = f"{action} {str(form)[:60]}"
        assert answer.status_code == 422, where
        page = Page(answer.text)
        summary = next(e for e in page.elements if e.attributes.get("class") == "error-summary")
        assert words in summary.text, f"{where}: {summary.text}"
        for link in (e for e in page.all("a") if summary in e.within()):
            target = page.by_id(link.attributes["href"][1:])
            assert target is not None, f"{where}: {link.attributes['href']} leads nowhere"
        for name in ("text", "reason"):
            if typed := form.get(name, "").strip():
                areas = page.all("textarea", "input", "pre")
                held = ["".join(e.words) or e.attributes.get("value", "") for e in areas]
                assert held.count(typed) == 1, f"{where}: what was typed"
    assert "History" in agent.get(f"/desk/tickets/{number}").text


def test_the_highest_tier_has_nothing_above_it(site: Any) -> None:
    agent, client = site.client("agent"), site.browser()
    number = _number(_open(site, client), client)
    for _ in range(3):
        _act(agent, number, "escalate", reason="further")
    answer = agent.post(f"/desk/tickets/{number}/escalate", data={"reason": "further still"})
    assert answer.status_code == 422
    assert "above" in answer.text


def test_of_two_agents_at_one_page_the_second_is_told(site: Any) -> None:
    client = site.browser()
    number = _number(_open(site, client), client)
    place = f"/desk/tickets/{number}"
    version = Page(site.client("lead").get(place).text).form(f"{place}/answer")["version"]
    _act(site.client("agent"), number, "answer", text="From the first", version=version)
    form = {"text": "From the second", "version": version}
    late = site.client("lead").post(f"{place}/answer", data=form)
    assert late.status_code == 422
    assert "From the first" in late.text  # what came between
    page = Page(late.text)
    sent = page.form(f"{place}/answer")
    assert sent["text"] == "From the second"
    again = site.client("lead").post(f"{place}/answer", data=sent)
    assert again.status_code == 303


def test_an_answer_that_comes_after_the_solution_is_not_lost(site: Any) -> None:
    agent, client = site.client("agent"), site.browser()
    number = _number(_open(site, client), client)
    _act(site.client("lead"), number, "resolve", resolution="gap")
    late = agent.post(f"/desk/tickets/{number}/answer", data={"text": "Try <this> first"})
    assert late.status_code == 422
    assert "cannot be answered" in late.text
    assert "Try &lt;this&gt; first" in late.text


def test_what_is_no_ticket_or_no_action_is_not_found(site: Any) -> None:
    agent = site.client("agent")
    assert agent.get("/desk/tickets/T-9999").status_code == 404
    assert agent.post("/desk/tickets/T-9999/note", data={"text": "x"}).status_code == 404
    assert agent.post("/desk/tickets/T-1001/destroy").status_code == 404
    for wrong in ("T-x", "1e3", "٣", "99999999999"):
        assert agent.get(f"/desk/tickets/{wrong}").status_code in {404, 422}, wrong


def test_the_queue_shows_what_is_asked_for(site: Any) -> None:
    agent, client = site.client("agent"), site.browser()
    number = _number(_open(site, client, "zebra crossing lights"), client)
    for query, there in {
        "": True, "q=zebra": True, f"q={number}": True, "q=giraffe": False, "state=closed": False,
        "state=nonsense": True, "tier=1": True, "tier=2": False, "owner=nobody": True,
        "owner=me": False, "origin=asked": True, "origin=policy": False, "origin=x": True,
        "page=2": False, "page=0": True, "q=%25": False,
    }.items():  # fmt: skip
        assert (f">{number}<" in agent.get(f"/desk/?{query}").text) is there, query
