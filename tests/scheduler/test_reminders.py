"""Who keeps articles to be checked is written to, once a week, from both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.accounts.roles import Role
from kb.accounts.store import Account
from kb.authoring.reminders import reminders
from kb.config.settings import Settings
from kb.content.article import Article, ArticleStatus
from kb.publishing.publisher import publish
from kb.scheduler import Worker
from kb.services import Services, build

PASSWORD = "correct horse battery staple"
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
DUE = {
    "soon": ("Ana", "2026-03-10"),
    "over": ("ana@example.org", "2026-01-31"),
    "later": ("Ana", "2026-06-01"),
    "outside": ("desk@example.com", "2026-03-02"),
    "team": ("network team", "2026-03-02"),
    "left": ("Lou", "2026-03-02"),
}


@pytest.fixture
def parts(settings: Settings, database_url: str, tmp_path: Path, post: Any) -> Iterator[Services]:
    """A site whose articles are to be checked by several people, one of whom has left."""
    folder = tmp_path / "articles"
    folder.mkdir()
    for name, (owner, day) in DUE.items():
        head = f"title: The {name} article\nowner: {owner}\nreview_by: {day}\nlanguage: en"
        (folder / f"{name}.md").write_text(f"---\n{head}\n---\n\n## Issue\n\nText.\n", "utf-8")
    mine = replace(
        settings, articles=folder, database_url=database_url, semantic=False, publish_interval=None
    )
    publish(mine, progress=lambda *_: None, force=True)  # other articles than before
    made = build(mine)
    for name in ("ana", "lou"):
        address = f"{name}@example.org"
        made.accounts.add(address, PASSWORD, name=name.title(), role=Role.AUTHOR, now=MONDAY)
    made.accounts.set_active("lou@example.org", False)
    yield replace(made, channels={"mail": post})
    made.db.close()


def letters(parts: Services, *times: datetime) -> list[dict[str, Any]]:
    """Return what was sent after rounds at these times, each by a worker started anew."""
    for now in times:
        Worker(parts).round(now)
    Worker(parts).round(times[-1] + timedelta(minutes=1))
    return parts.channels["mail"].letters  # type: ignore[attr-defined,no-any-return]


def test_each_keeper_gets_one_letter_a_week(parts: Services) -> None:
    sent = letters(parts, MONDAY, MONDAY + timedelta(hours=2), MONDAY + timedelta(days=3))
    assert sorted(letter["to"] for letter in sent) == ["ana@example.org", "desk@example.com"]
    mine = next(letter["text"] for letter in sent if letter["to"] == "ana@example.org")
    assert mine.index("The over article (was due on 2026-01-31)") < mine.index("The soon article")
    assert "later" not in mine
    assert "/articles/over" in mine
    again = letters(parts, MONDAY + timedelta(days=7))
    assert len(again) == 4


def test_letters_can_be_switched_off(parts: Services) -> None:
    quiet = replace(parts, settings=replace(parts.settings, review_reminders=False))
    assert letters(quiet, MONDAY) == []


NAMES = st.sampled_from(["Ana", "ana@example.org", "Lou", "b@example.com", "team", ""])
DAYS = st.dates(date(2026, 1, 1), date(2026, 12, 31))


@given(
    st.lists(st.tuples(NAMES, NAMES, st.one_of(st.none(), DAYS), st.booleans()), max_size=12), DAYS
)
def test_nobody_is_written_to_without_cause(
    rows: list[tuple[str, str, date | None, bool]], today: date
) -> None:
    people = [
        Account("1", "ana@example.org", "Ana", Role.AUTHOR, 1, active=True),
        Account("2", "lou@example.org", "Lou", Role.AUTHOR, 1, active=False),
    ]
    articles = [
        Article(
            str(number), f"Title {number}", f"{number}.md", "",
            fields={"owner": owner}, changed_by=writer,
            review_by=day, status=ArticleStatus.PUBLISHED if shown else ArticleStatus.DRAFT,
        )
        for number, (owner, writer, day, shown) in enumerate(rows)
    ]  # fmt: skip
    found = reminders(articles, people, today=today)
    assert len({one.key for one in found}) == len({one.address for one in found}) == len(found)
    assert "lou@example.org" not in {one.address for one in found}
    for one in found:
        for article in one.articles:
            assert article.status is ArticleStatus.PUBLISHED
            assert article.review_by is not None
            assert article.review_by <= today + timedelta(days=14)
            assert {article.owner.casefold(), article.changed_by.casefold()} & {
                one.address, one.name.casefold(),
            }  # fmt: skip
