"""Whatever stands against a form, the words typed into it are on the page that says so.

osTicket#635, RotherOSS/otobo#3567, glpi#16653, uvdesk/core-framework#570, AlternC#111: half an
hour of answer typed, the session over, the text gone. So pkp-lib#2428, Shaarli#215 and UNA#784.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.web.pages import Page, complaints

PASSWORD = "correct horse battery staple"
WORDS = "zyq words\n    at com.example.Main <b>&amp;\n\ttab"
LONG = "x" * (300 * 1024)

# The text fields of each route that takes a form. A new route must be added here or below.
FORMS: dict[str, tuple[str, ...]] = {
    "desk.act": ("text", "reason", "other_article"),
    "desk.send_again": (),
    "forgotten.ask": ("email",),
    "own_account.add_token": ("name",),
    "own_account.revoke": (),
    "gaps.act": ("title", "to", "into"),
    "desk.send_link": (),
    "kept.keep": ("title", "from", "until"),
    "kept.remove": (),
    "link_again.send": ("email", "number"),
    "notes.add": ("text", "day", "last"),
    "notes.change": ("text", "day", "last"),
    "notes.remove": (),
    "previews.make": ("branch",),
    "previews.end": (),
    "reader.solved": (),
    "reader.vote": (),
    "requester.answer_offer": (),
    "requester.create": ("subject", "body", "name", "email"),
    "requester.own_reply": ("text",),
    "requester.reply": ("text",),
    "requester.withdrawn": (),
    "subscriptions.confirm": (),
    "subscriptions.stop": (),
    "subscriptions.subscribe": ("email",),
    "survey.answer": (),
    "views.act": ("name",),
    "views.save": ("name",),
}
# Routes without words of a person, each with the reason.
WORDLESS = {
    "account.sign_in": "an address and a password; words that travel with it have tests below",
    "account.sign_out": "a button",
    "api.create_event": "programs read JSON, and have what they sent",
    "api.create_ticket": "programs read JSON, and have what they sent",
    "hooks.push": "programs read JSON, and have what they sent",
    "forgotten.choose": "passwords alone, which are never given back",
    "hooks.tickets": "programs read JSON, and have what they sent",
    "hooks.tickets_of": "programs read JSON, and have what they sent",
    "own_account.password": "passwords alone, which are never given back",
    "own_account.sign_out": "a button",
    "previews.leave": "a button that asks for no permission and counts against no limit",
    "reader.dwell": "sent by a script; nobody sees the answer",
}
EVERY_FIELD = sorted({name for names in FORMS.values() for name in names})


@pytest.fixture
def typed() -> dict[str, str]:
    """Return a canary for every text field there is in any form."""
    return {name: f"zyq-{name} {WORDS}" for name in EVERY_FIELD}


def _posts(site: Any) -> Iterator[tuple[str, str]]:
    for endpoint, method, address in site.routes():
        if method == "POST" and endpoint not in WORDLESS:
            yield endpoint, address


def _values(html: str) -> list[str]:
    """Return what the fields of a page hold, as a browser would send it."""
    page = Page(html)
    areas = ["".join(e.words) for e in page.all("textarea")]
    return areas + [e.attributes.get("value", "") for e in page.all("input")]


def _lost(answer: Any, typed: dict[str, str]) -> list[str]:
    held = _values(answer.text)
    return [name for name, value in typed.items() if value not in held]


def test_every_route_that_takes_a_form_is_walked(site: Any) -> None:
    posts = {endpoint for endpoint, method, _ in site.routes() if method == "POST"}
    assert posts == FORMS.keys() | WORDLESS.keys()


ELSEWHERE = {
    "HTTP_ORIGIN": "https://elsewhere.example", "HTTP_SEC_FETCH_SITE": "cross-site",
}  # fmt: skip


def _elsewhere(site: Any) -> tuple[Any, int]:
    return site.browser(**ELSEWHERE), 403


def _signed_out(site: Any) -> tuple[Any, int]:
    return site.browser(), 401


def _reader(site: Any) -> tuple[Any, int]:
    return site.client("reader"), 403


def _too_long(site: Any) -> tuple[Any, int]:
    return site.client("admin"), 413


REFUSALS = [_elsewhere, _signed_out, _reader, _too_long]


@pytest.mark.parametrize("refusal", REFUSALS)
def test_words_are_on_the_page_of_every_refusal(
    site: Any, typed: dict[str, str], refusal: Callable[[Any], tuple[Any, int]]
) -> None:
    client, wanted = refusal(site)
    refused = set()
    sent = typed | ({"text": typed["text"] + LONG} if wanted == 413 else {})
    for endpoint, address in _posts(site):
        answer = client.post(address, data=sent)
        if answer.status_code != wanted:
            continue  # this route is open to this person, or meets another refusal before
        refused.add(endpoint)
        assert _lost(answer, sent) == [], endpoint
        assert complaints(answer.text) == [], endpoint
        assert Page(answer.text).one("h1").text
    signed = {e for e in FORMS if e not in OPEN}
    expected = {
        403: FORMS.keys() - {"subscriptions.stop"} if refusal is _elsewhere else signed - OWN,
        401: signed,
        413: FORMS.keys() - NOTHING_READ,
    }[wanted]
    assert refused == expected


# Routes that anybody may use, and those of whoever is signed in.
OPEN = {
    "forgotten.ask", "link_again.send",
    "reader.solved", "reader.vote", "requester.create", "requester.reply", "requester.withdrawn",
    "subscriptions.confirm", "subscriptions.stop", "subscriptions.subscribe", "survey.answer",
}  # fmt: skip
OWN = {
    "requester.own_reply", "requester.answer_offer", "own_account.add_token", "own_account.revoke",
}  # fmt: skip
# The sample addresses lead to nothing, which is said before a form is read, or no form is read.
NOTHING_READ = {
    "desk.send_again", "desk.send_link", "forgotten.ask", "gaps.act", "kept.remove",
    "notes.change", "notes.remove",
    "own_account.revoke", "previews.end", "requester.own_reply",
    "subscriptions.confirm", "subscriptions.stop", "views.act",
}  # fmt: skip


def test_words_come_back_while_the_database_is_away(
    new_site: Callable[..., Any], typed: dict[str, str]
) -> None:
    site = new_site()
    clients = {name: site.signed_in(name) for name in ("reader", "admin")}
    mend = site.break_database()
    met = set()
    for endpoint, address in _posts(site):
        for client in clients.values():
            answer = client.post(address, data=typed)
            if answer.status_code >= 400:
                met.add((endpoint, answer.status_code))
                own = {n: v for n, v in typed.items() if n in FORMS[endpoint]}
                assert _lost(answer, own) == [], (endpoint, answer.status_code)
    mend()
    assert {e for e, status in met if status == 503} >= FORMS.keys() - OPEN


def test_words_come_back_when_sent_too_often(
    new_site: Callable[..., Any], typed: dict[str, str]
) -> None:
    site = new_site(write_rate=0, ticket_rate=0)
    client = site.client("admin")
    limited = set()
    for endpoint, address in _posts(site):
        answer = client.post(address, data=typed)
        if answer.status_code == 429:
            limited.add(endpoint)
            assert _lost(answer, typed) == [], endpoint
            if endpoint != "subscriptions.stop":  # programs send it from elsewhere
                assert Page(answer.text).form(urlsplit(address).path) == typed, endpoint
    assert limited >= (OPEN | OWN) - {e for e in OWN if e.startswith("own_account.")}


def test_what_a_form_says_is_wrong_keeps_its_own_words(site: Any, typed: dict[str, str]) -> None:
    """Each form refuses these words itself (422), or what they are about is gone (404, 409)."""
    client = site.client("admin")
    for endpoint, address in _posts(site):
        answer = client.post(address, data=typed)
        if answer.status_code < 400:
            continue
        own = {n: v for n, v in typed.items() if n in FORMS[endpoint]}
        assert _lost(answer, own) == [], (endpoint, answer.status_code)


# -- one story after another --------------------------------------------------------------------


def _ticket(site: Any) -> str:
    made = site.client("reader").post("/api/v1/tickets", json={"subject": "Lamp is dark"})
    return str(made.get_json()["number"])


def _sign_in(client: Any, page: Any, **changed: str) -> Any:
    form = Page(page.text).form("/sign-in")
    return client.post("/sign-in", data=form | {"password": PASSWORD} | changed)


def test_an_answer_sent_after_the_session_ended_is_sent_after_signing_in(site: Any) -> None:
    """osTicket#635: thirty minutes of answer typed, timed out on sending, all gone."""
    number, agent = _ticket(site), site.signed_in("agent")
    place = f"/desk/tickets/{number}/answer"
    form = Page(agent.get(f"/desk/tickets/{number}").text).form(place)
    agent.delete_cookie(site.app.config["SESSION_COOKIE_NAME"])
    refused = agent.post(place, data=form | {"text": WORDS})
    assert refused.status_code == 401
    wrong = _sign_in(agent, refused, email="agent@example.org", password="wrong words entirely")
    assert wrong.status_code == 422
    assert WORDS in _values(wrong.text)
    again = _sign_in(agent, wrong, email="agent@example.org")
    assert again.status_code == 200
    history = site.client("agent").get(f"/desk/tickets/{number}").text
    assert "zyq words" not in history  # nobody's words are sent by signing in
    ready = Page(again.text).form(place)
    assert ready == form | {"text": WORDS}
    assert agent.post(place, data=ready).status_code == 303
    assert "zyq words" in site.client("agent").get(f"/desk/tickets/{number}").text


def test_who_signs_in_as_somebody_else_is_refused_with_the_words(site: Any) -> None:
    number, client = _ticket(site), site.browser()
    place = f"/desk/tickets/{number}/answer"
    refused = client.post(place, data={"text": WORDS})
    again = _sign_in(client, refused, email="reader@example.org")
    answer = client.post(place, data=Page(again.text).form(place))
    assert answer.status_code == 403
    assert WORDS in _values(answer.text)


@pytest.mark.parametrize(
    "place",
    ["https://evil.example/x", "//evil.example/", "/\\evil.example", "/sign-out", "/sign-in",
     "/about", "/none", "javascript:alert(1)", "", "/desk/tickets/T-1/answer\n"],
)  # fmt: skip
def test_words_go_to_forms_of_this_site_alone(site: Any, place: str) -> None:
    client = site.browser()
    form = {"email": "agent@example.org", "password": PASSWORD, "kept-to": place, "kept.text": "x"}
    assert client.post("/sign-in", data=form).status_code == 303  # as without them
    refused = site.browser().post("/sign-in", data=form | {"password": "wrong"})
    assert f'value="{place}"' not in refused.text or not place


def test_a_sign_in_from_elsewhere_brings_no_words_to_send(site: Any) -> None:
    form = {"email": "agent@example.org", "password": PASSWORD}
    kept = {"kept-to": "/tickets", "kept.subject": "Buy now"}
    client = site.browser(**ELSEWHERE)
    answer = client.post("/sign-in", data=form | kept)
    assert answer.status_code == 403
    assert not [e for e in Page(answer.text).all("form") if e.attributes["method"] == "post"]


def test_words_from_elsewhere_have_no_button(site: Any) -> None:
    """A page elsewhere must not have somebody press "Send again" for it (symfony#31038)."""
    agent = site.signed_in("agent")
    answer = agent.post(
        "/desk/tickets/T-1001/answer", data={"text": WORDS},
        headers={"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"},
    )  # fmt: skip
    assert answer.status_code == 403
    assert WORDS in _values(answer.text)
    assert "another site (Sec-Fetch-Site: cross-site)" in answer.text
    actions = [e.attributes.get("action") for e in Page(answer.text).all("form")]
    assert "/desk/tickets/T-1001/answer" not in actions


def test_a_password_is_never_given_back(site: Any) -> None:
    secret = {"password": "hunter2hunter2", "new_password": "hunter2hunter2", "text": WORDS}
    for client in (site.browser(), site.browser(**ELSEWHERE)):
        for address in ("/sign-in", "/desk/tickets/T-1001/answer"):
            assert "hunter2" not in client.post(address, data=secret).text


def test_no_field_that_holds_a_password_is_given_back(site: Any) -> None:
    """Under whatever name: found on the account page, the sign-in form and the form of a link."""
    agent, account = site.signed_in("agent"), site.services.accounts.by_email("agent@example.org")
    token = site.services.resets.link_token(account.email, datetime.now(UTC))
    place = f"/reset-password/{token}"
    pages = [agent.get("/my/account").text, agent.get(place).text, agent.get("/sign-in").text]
    fields = [e for text in pages for e in Page(text).all("input")]
    secret = {e.attributes["name"] for e in fields if e.attributes.get("type") == "password"}
    assert len(secret) > 3
    sent = dict.fromkeys(secret, "hunter2hunter2") | {"text": WORDS}
    ended = "/reset-password/no-such-link"
    for client in (site.browser(), site.browser(**ELSEWHERE)):
        for address in ("/my/account/password", "/my/account/tokens", ended, "/sign-in"):
            answer = client.post(address, data=sent)
            assert answer.status_code >= 400
            assert "hunter2" not in answer.text, address
        kept = {f"kept.{name}": value for name, value in sent.items()} | {"kept-to": "/tickets"}
        assert "hunter2" not in client.post("/sign-in", data=kept).text


def test_a_log_between_the_limit_and_1_mib_is_given_back_and_a_longer_one_is_not(
    site: Any,
) -> None:
    client = site.browser()
    body = {"subject": "My log", "body": "line <1>\n" * 35_000}
    refused = client.post("/tickets", data=body | {"email": "ana@example.org"})
    assert refused.status_code == 413
    assert "the most is 256 KiB" in refused.text
    assert body["body"] in _values(refused.text)
    ready = Page(refused.text).form("/tickets")
    short = client.post("/tickets", data=ready | {"body": "line <1>\n"})
    assert short.status_code == 303
    plain = client.post("/tickets", data={"body": "x" * (1024 * 1024)})
    assert plain.status_code == 413
    assert "256 KiB" in plain.text
    assert "xxxx" not in plain.text
    assert len(plain.data) < 20_000


def test_long_words_travel_through_the_sign_in_form(site: Any) -> None:
    number, client = _ticket(site), site.browser()
    place, text = f"/desk/tickets/{number}/answer", "stack trace ñ\n" * 19_000
    refused = client.post(place, data={"text": text})
    assert refused.status_code == 401
    again = _sign_in(client, refused, email="agent@example.org")
    assert Page(again.text).form(place)["text"] == text


# -- a ticket form that was served to somebody signed in -----------------------------------------


def test_a_session_that_ends_over_the_ticket_form_makes_no_nameless_ticket(site: Any) -> None:
    """uvdesk/core-framework#570: the ticket of somebody signed in was missing from their list."""
    reader = site.signed_in("reader")
    form = Page(reader.get("/tickets/new").text).form("/tickets")
    typed = {"subject": "Session over", "body": WORDS}
    reader.delete_cookie(site.app.config["SESSION_COOKIE_NAME"])
    refused = reader.post("/tickets", data=form | typed)
    assert refused.status_code == 401
    again = _sign_in(reader, refused, email="reader@example.org")
    ready = Page(again.text).form("/tickets")
    assert {name: ready[name] for name in typed} == typed
    assert reader.post("/tickets", data=ready).status_code == 303
    assert "Session over" in reader.get("/my/tickets").text


def test_a_form_served_to_somebody_else_is_shown_again_under_the_right_name(site: Any) -> None:
    reader, author = site.signed_in("reader"), site.signed_in("author")
    form = Page(reader.get("/tickets/new").text).form("/tickets")
    typed = {"subject": "Shared computer", "body": WORDS}
    shown = author.post("/tickets", data=form | typed)
    assert shown.status_code == 422
    assert "another account" in shown.text
    ready = Page(shown.text).form("/tickets")
    assert ready["email"] == "author@example.org"
    assert {name: ready[name] for name in typed} == typed
    assert author.post("/tickets", data=ready).status_code == 303
    assert "Shared computer" in author.get("/my/tickets").text
    assert "Shared computer" not in reader.get("/my/tickets").text
