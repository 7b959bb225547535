"""Nobody is thanked for an answer that is not stored, and a "no" counts without a reason.

frappe/wiki#218: feedback without its second half failed and said nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from kb.schema import events
from kb.tracking import recorder
from kb.web.views.articles import THANKS
from tests.web.pages import Page

ARTICLE = "/articles/print/public"
SAID = (
    (f"{ARTICLE}/vote", {"helpful": "yes"}, "vote"),
    (f"{ARTICLE}/vote", {"helpful": "no"}, "vote"),
    (f"{ARTICLE}/vote", {"helpful": "no", "reason": "out-of-date"}, "vote"),
    (f"{ARTICLE}/solved", {}, "solved"),
    (f"{ARTICLE}/found", {"found": "yes"}, "survey_answered"),
)


def _kept(site: Any, *kinds: str) -> list[Any]:
    query = sa.select(events).where(events.c.kind.in_(kinds)).order_by(events.c.seq)
    with site.services.db.read() as connection:
        return list(connection.execute(query))


def _thanked(client: Any, answer: Any) -> bool:
    if answer.status_code == 303:
        answer = client.get(answer.headers["Location"])
    said = [thanks for thanks in THANKS.values() if thanks != THANKS["closed"]]
    return any(thanks in answer.text for thanks in said)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the recorder try the database again at once, as it does after a few seconds."""
    monkeypatch.setattr(recorder, "RETRY_S", 0.0)


@pytest.mark.parametrize(("address", "form", "kind"), SAID)
def test_an_answer_is_stored_and_thanked_for(
    new_site: Callable[..., Any], address: str, form: dict[str, str], kind: str
) -> None:
    site = new_site(survey_share=100)
    client = site.browser()
    answer = client.post(address, data=form)
    assert len(_kept(site, kind)) == 1
    assert _thanked(client, answer)


@pytest.mark.parametrize(("address", "form", "kind"), SAID)
def test_an_answer_in_the_spool_is_thanked_for_and_one_that_is_nowhere_is_not(
    new_site: Callable[..., Any], impatient: None, address: str, form: dict[str, str], kind: str
) -> None:
    site = new_site(survey_share=100)
    client = site.browser()
    mend = site.break_database()
    assert _thanked(client, client.post(address, data=form))
    spool = site.services.settings.data / "spool"
    lines = (spool / "events.jsonl").read_text().splitlines()
    assert kind in [json.loads(line)["kind"] for line in lines]
    spool.rename(spool.with_name("aside"))
    spool.write_text("the disk is full")  # no folder can be made there
    refused = client.post(address, data=form)
    assert refused.status_code == 503
    assert not _thanked(client, refused)
    assert "could not be stored" in refused.text
    spool.unlink()
    spool.with_name("aside").rename(spool)
    mend()
    site.services.recorder.replay_spool()
    assert len(_kept(site, kind)) == 1


def test_a_no_without_a_reason_counts(site: Any) -> None:
    """A reader who only says no had been thanked, and the no was dropped."""
    client = site.browser()
    page = Page(client.get(ARTICLE).text)
    reasons = [e for e in page.all("input") if e.attributes.get("name") == "reason"]
    assert reasons
    assert not [e for e in reasons if "checked" in e.attributes]  # no reason is put into a mouth
    before = len(_kept(site, "vote"))
    for form in ({"helpful": "no"}, {"helpful": "no", "reason": "nonsense"}):
        assert _thanked(client, client.post(f"{ARTICLE}/vote", data=form))
    votes = [row.data for row in _kept(site, "vote")[before:]]
    assert votes == [{"helpful": False, "reason": ""}] * 2


@pytest.mark.parametrize("form", [{}, {"helpful": ""}, {"helpful": "perhaps"}])
def test_what_is_no_vote_is_neither_kept_nor_thanked_for(site: Any, form: dict[str, str]) -> None:
    client, before = site.browser(), len(_kept(site, "vote"))
    answer = client.post(f"{ARTICLE}/vote", data=form)
    assert not _thanked(client, answer)
    assert len(_kept(site, "vote")) == before


def test_an_answer_to_a_question_that_was_not_asked_is_not_thanked_for(site: Any) -> None:
    client = site.browser()
    answer = client.post(f"{ARTICLE}/found", data={"found": "yes"})
    assert _kept(site, "survey_answered") == []
    assert not _thanked(client, answer)
    assert "was not counted" in client.get(answer.headers["Location"]).text
    assert client.post("/articles/no/such/found", data={"found": "yes"}).status_code == 404


def test_a_wish_to_be_told_while_the_record_is_away_is_not_called_unknown(
    new_site: Callable[..., Any], impatient: None
) -> None:
    site = new_site()
    client = site.browser()
    form = Page(client.get("/search?q=zzz+qqq").text).form("/subscriptions")
    mend = site.break_database()
    answer = client.post("/subscriptions", data=form | {"email": "ana@example.org"})
    assert answer.status_code == 503
    assert "is not known any more" not in answer.text
    assert "ana@example.org" in [e.attributes.get("value") for e in Page(answer.text).all("input")]
    mend()
    again = Page(answer.text).form("/subscriptions")
    assert client.post("/subscriptions", data=again).status_code == 303


def test_leaving_the_form_is_thanked_for_when_it_is_kept(
    new_site: Callable[..., Any], impatient: None
) -> None:
    site = new_site()
    client = site.browser()
    assert "Thank you" in client.post("/tickets/withdrawn").text
    mend = site.break_database()
    (site.services.settings.data / "spool").write_text("the disk is full")
    answer = client.post("/tickets/withdrawn")
    mend()
    assert "No ticket was opened" in answer.text
    assert "Thank you" not in answer.text
