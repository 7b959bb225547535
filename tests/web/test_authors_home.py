"""The author's home: tasks, figures and what to write next, through HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from kb.config.settings import Settings
from kb.publishing.publisher import publish
from kb.services import Services, build

PAGES = {
    "mail/send.md": """---
title: Send mail
owner: Author
review_by: 2020-01-31
language: en
updated: 2026-03-02
---

## Issue

Mail does not leave.
""",
    "mail/enviar.md": """---
title: Enviar correo
owner: messaging team
language: es
translation_of: mail/send
updated: 2026-01-01
---

## Problema

El correo no sale.
""",
    "mail/folders.md": """---
title: Folders
owner: messaging team
language: en
---

## Issue

See [nothing](../gone.md).
""",
}
Browsers = Callable[[str], FlaskClient]


@pytest.fixture
def services(tmp_path: Path, settings: Settings) -> Iterator[Services]:
    """A site of three articles, each of which asks for something; `sign_in` is of this one."""
    for name, text in PAGES.items():
        file = tmp_path / "articles" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    mine = replace(settings, articles=tmp_path / "articles", semantic=False)
    publish(mine, progress=lambda *_: None, force=True)  # other articles than before
    parts = build(mine)
    yield parts
    parts.db.close()


def test_each_article_says_what_it_asks_for(sign_in: Browsers) -> None:
    page = sign_in("author").get("/authors/?of=all").text
    tasks = page[page.index('id="to-do"') : page.index('id="articles"')]
    assert "It was to be checked by 2020-01-31." in tasks
    assert "“Send mail” was changed on 2026-03-02." in tasks
    assert "mail/folders.md:" in tasks
    assert tasks.index("Review overdue") < tasks.index("Translation out of date")


def test_home_opens_on_ones_own_articles(sign_in: Browsers) -> None:
    page = sign_in("author").get("/authors/").text
    assert "<h1>My articles</h1>" in page
    assert "Send mail" in page
    assert "Enviar correo" not in page
    assert "messaging team (2)" in page


def test_a_team_is_chosen_by_name(sign_in: Browsers) -> None:
    page = sign_in("lead").get("/authors/?of=messaging team").text
    rows = page[page.index('id="articles"') :]
    assert "Folders" in rows
    assert "Enviar correo" in rows
    assert "Send mail</a>" not in rows


def test_a_vote_against_becomes_a_task(sign_in: Browsers) -> None:
    reader = sign_in("reader")
    reader.post("/articles/mail/send/vote", data={"helpful": "no", "reason": "out-of-date"})
    page = sign_in("author").get("/authors/").text
    assert "1 person: It is out of date" in page
    assert "0 of 1" in page
    assert "no votes" not in page


@pytest.mark.parametrize(("role", "status"), [("reader", 403), ("agent", 403), ("lead", 200)])
def test_only_who_reads_reports_gets_there(sign_in: Browsers, role: str, status: int) -> None:
    assert sign_in(role).get("/authors/").status_code == status


def test_overdue_is_marked_in_results_and_never_hidden(
    sign_in: Browsers,
) -> None:
    page = sign_in("reader").get("/search?q=mail does not leave").text
    assert "Send mail" in page
    assert "review overdue" in page
