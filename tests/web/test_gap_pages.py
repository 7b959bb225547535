"""The pages, exports and API of gaps, through HTTP."""

from __future__ import annotations

import csv
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from kb.content.draft import read_draft
from kb.content.sources.folder import in_memory
from kb.gaps import store as gaps_store
from kb.gaps.model import RootCause
from kb.gaps.store import count, numbered
from kb.schema import episodes, events, failed_searches
from kb.services import Services
from kb.tracking.query_text import words_key

Browsers = Callable[[str], FlaskClient]
OUTLOOK = "no space left for new letters in outlook"
PAYSLIP = "download my payslip"
WIFI = "wifi hopeless today"


def fail(parts: Services, words: str, people: int, *, tail: str = "") -> None:
    """Record that so many people failed on the words yesterday; the first one's have a tail."""
    at = datetime.now(UTC) - timedelta(days=1)
    with parts.db.begin() as connection:
        for n in range(people):
            typed = words + tail if n == 0 else words
            name = f"{words_key(typed)[:20]}{n}"
            row = {
                "at": at,
                "visitor": f"{words}{n}",
                "words": typed,
                "words_key": words_key(typed),
            }
            connection.execute(
                sa.insert(episodes).values(
                    id=name, visitor=row["visitor"], started_at=at, ended_at=at, ended=True,
                    outcome="abandoned", closed=True, unresolved=True, definition=1,
                    data={"last_failed": name},
                )
            )  # fmt: skip
            connection.execute(
                sa.insert(failed_searches).values(
                    **row, search_id=name, episode_id=name, failure="weak", language="en",
                    definition=1,
                )
            )  # fmt: skip
            connection.execute(
                sa.insert(events).values(
                    **row, id=name, search_id=name, kind="search",
                    data={"hits": [["email/mailbox-is-full", 0.4]]},
                )
            )  # fmt: skip


@pytest.fixture
def three(services: Services) -> Services:
    """Put three needs on record: 7 people on payslips, 6 on Outlook, 4 on the Wi-Fi."""
    fail(services, PAYSLIP, 7, tail=" Lovelace")
    fail(services, OUTLOOK, 6)
    fail(services, WIFI, 4)
    now = datetime.now(UTC)
    services.grouping.run(now)
    services.diagnosing.run(now)
    return services


def test_gaps_are_ranked_with_their_causes_and_small_ones_only_counted(
    three: Services, sign_in: Browsers
) -> None:
    page = sign_in("lead").get("/reports/gaps").text
    assert page.index(PAYSLIP) < page.index(OUTLOOK)
    assert "no article" in page
    assert "other words" in page
    assert WIFI not in page
    assert "1 more with 4 searches are not shown" in page
    assert OUTLOOK not in sign_in("lead").get("/reports/gaps?cause=true_gap").text
    assert PAYSLIP in sign_in("author").get("/authors/").text


def test_words_of_one_person_are_hidden_everywhere(three: Services, sign_in: Browsers) -> None:
    lead = sign_in("lead")
    for address in (
        "/reports/gaps", "/reports/gaps/1", "/reports/gaps.csv", "/reports/gaps.json",
        "/reports/gaps/1/draft.md", "/api/v1/gaps", "/api/v1/gaps/1", "/authors/",
    ):  # fmt: skip
        answer = lead.get(address)
        assert answer.status_code == 200, address
        assert "Lovelace" not in answer.text, address
        assert words_key(f"{PAYSLIP} Lovelace") not in answer.text
    assert f"{PAYSLIP} …" in lead.get("/reports/gaps/1").text


def test_readers_and_agents_see_none_of_it(three: Services, sign_in: Browsers) -> None:
    for role in ("reader", "agent"):
        assert sign_in(role).get("/reports/gaps").status_code == 403
        assert sign_in(role).get("/api/v1/gaps").status_code == 403
        assert sign_in(role).post("/reports/gaps/1/watch").status_code == 403


def test_exports_and_the_api_hold_what_the_page_shows(three: Services, sign_in: Browsers) -> None:
    lead = sign_in("lead")
    rows = list(csv.DictReader(lead.get("/reports/gaps.csv").data.decode("utf-8-sig").splitlines()))
    told = lead.get("/api/v1/gaps").json
    assert [row["name"] for row in rows[:2]] == [gap["name"] for gap in told["gaps"]]
    assert told == lead.get("/reports/gaps.json").json
    assert (told["small_gaps"], told["failed_searches"]) == (1, 17)
    one = lead.get("/api/v1/gaps/2").json
    assert one["cause"] == "wording"
    [question] = one["questions"]
    assert question["article"] == "email/mailbox-is-full"
    assert lead.get("/api/v1/gaps/99").status_code == 404
    assert lead.get("/reports/gaps/none").status_code == 404


def test_a_gap_gives_the_beginning_of_its_article(three: Services, sign_in: Browsers) -> None:
    answer = sign_in("author").get("/reports/gaps/1/draft.md")
    assert "download-my-payslip.md" in answer.headers["Content-Disposition"]
    draft = read_draft("x/y.md", in_memory(answer.data))
    assert draft is not None
    assert draft.title == "Download my payslip"
    assert draft.facts.answers == (PAYSLIP,)


def test_the_ready_change_can_be_applied_by_git(
    three: Services, sign_in: Browsers, tmp_path: Path
) -> None:
    answer = sign_in("author").get("/reports/gaps/2/fix.patch")
    assert answer.status_code == 200
    folder = tmp_path / "repository" / "articles"
    article = folder / "email" / "mailbox-is-full.md"
    article.parent.mkdir(parents=True)
    source = three.settings.articles / "email" / "mailbox-is-full.md"
    article.write_bytes(source.read_bytes())
    subprocess.run(["git", "init", "-q", folder.parent], check=True)
    subprocess.run(["git", "apply", "-"], input=answer.data, cwd=folder, check=True)
    draft = read_draft("email/mailbox-is-full.md", in_memory(article.read_bytes()))
    assert draft is not None
    assert draft.facts.answers[-1] == OUTLOOK
    assert sign_in("author").get("/reports/gaps/1/fix.patch").status_code == 404


def version(page: str) -> str:
    found = re.search(r'name="version" value="(\d+)"', page)
    assert found
    return found[1]


def test_what_is_done_by_hand_asks_before_and_shows_in_the_history(
    three: Services, sign_in: Browsers
) -> None:
    lead = sign_in("lead")
    at = version(lead.get("/reports/gaps/1").text)
    form = {"version": at, "into": "2"}
    asked = lead.post("/reports/gaps/1/merge", data=form)
    assert "Merge gap 1 into gap 2?" in asked.text
    assert lead.post("/reports/gaps/1/merge", data=form | {"sure": "yes"}).status_code == 303
    assert "is now part of" in lead.get("/reports/gaps/1").text
    page = lead.get("/reports/gaps/2").text
    assert "took in another gap" in page
    assert lead.post("/reports/gaps/2/rename", data={"version": "1", "title": "x"}).status_code in (
        303,
        422,
    )


def test_a_wrong_act_is_refused_in_words_and_keeps_what_was_typed(
    three: Services, sign_in: Browsers
) -> None:
    lead = sign_in("lead")
    at = version(lead.get("/reports/gaps/1").text)
    wrong = {
        "merge": ({"into": "99", "sure": "yes"}, "There is no gap number 99"),
        "split": ({}, "Choose at least one question."),
        "assign": ({"owner": "nobody-known"}, "Choose from the list."),
        "rename": ({"title": "x" * 300}, "At most 200 characters."),
    }
    for action, (form, said) in wrong.items():
        answer = lead.post(f"/reports/gaps/1/{action}", data={"version": at, **form})
        assert answer.status_code == 422, action
        assert said in answer.text, action
        assert "There is a problem" in answer.text
    late = lead.post("/reports/gaps/1/watch", data={"version": "0"})
    assert late.status_code == 422
    assert "meanwhile" in late.text
    assert lead.post("/reports/gaps/1/nothing", data={"version": at}).status_code == 404


def test_a_hidden_gap_shows_no_word_and_can_still_be_decided_on(
    three: Services, sign_in: Browsers
) -> None:
    lead = sign_in("lead")
    page = lead.get("/reports/gaps/3").text
    assert "Fewer than 5 different people" in page
    assert WIFI not in page
    form = {"version": version(page), "sure": "yes"}
    assert lead.post("/reports/gaps/3/decline", data=form).status_code == 303
    assert "Open again" in lead.get("/reports/gaps/3").text


def test_synonyms_of_enough_people_are_offered_as_a_change(
    three: Services, sign_in: Browsers
) -> None:
    with three.db.begin() as connection:
        gap = numbered(connection, 1)
        assert gap is not None
        told = {"language": "en", "instead": "salary slip", "article": "a"}
        for people, words in ((4, "secret"), (5, "payslip")):
            gaps_store.note_on_gap(
                connection, gap.id, "synonyms", [told | {"words": words, "people": people}]
            )
        count(connection, gap.id, {"cause": RootCause.TYPO.value}, datetime.now(UTC))
    patch = sign_in("lead").get("/reports/gaps/1/fix.patch").text
    assert "+  - [payslip, salary slip]" in patch
    assert "+++ b/_synonyms.yml" in patch
