"""`publish_at` and `expires_at`: articles appear and go at their moment, without a commit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from kb.content.article import ArticleStatus
from kb.content.frontmatter.metadata import moment, status_at
from kb.publishing.publisher import Published
from kb.scheduler import Worker
from kb.services import Services

NOON = datetime(2099, 9, 14, 12, tzinfo=UTC)
EARLY, LATE = (datetime(year, 12, 29, tzinfo=UTC).replace(tzinfo=None) for year in (1, 9998))
AWARE = st.datetimes(
    min_value=EARLY,
    max_value=LATE,
    timezones=st.integers(-840, 840).map(lambda m: timezone(timedelta(minutes=m))),
)
Live = Callable[..., Published]


@given(AWARE)
def test_a_time_with_its_zone_is_read_as_that_moment(when: datetime) -> None:
    assert moment(when.isoformat()) == when
    assert moment(f" {when.isoformat(sep=' ')} ") == when


@given(st.dates())
def test_a_day_means_its_first_moment(day: Any) -> None:
    assert moment(day.isoformat()) == datetime(day.year, day.month, day.day, tzinfo=UTC)


@given(st.one_of(st.text(), st.datetimes().map(datetime.isoformat)))
def test_anything_else_is_no_moment_or_an_aware_one(text: str) -> None:
    found = moment(text)
    assert found is None or found.tzinfo is UTC


@given(AWARE, AWARE, AWARE, st.sampled_from(ArticleStatus))
def test_an_article_is_shown_from_its_beginning_until_its_end(
    begin: datetime, end: datetime, now: datetime, wanted: ArticleStatus
) -> None:
    status = status_at(wanted, begin, end, now=now)
    assert (status is ArticleStatus.PUBLISHED) == (
        wanted is ArticleStatus.PUBLISHED and begin <= now < end
    )
    if wanted is not ArticleStatus.PUBLISHED:
        assert status is wanted


@pytest.fixture
def timed(repository: Any) -> None:
    """Commit an article that begins at noon and one that ends an hour later."""
    repository.write("vpn/soon.md", publish_at="2099-09-14T14:00+02:00")
    repository.write("vpn/ends.md", expires_at="'2099-09-14 13:00:00Z'")
    repository.commit("timed")


def shown(client: FlaskClient) -> list[int]:
    return [client.get(f"/articles/vpn/{name}").status_code for name in ("soon", "ends")]


def test_articles_appear_and_go_without_a_commit(
    timed: None, repository: Any, go_live: Live, client: FlaskClient
) -> None:
    head = repository.git("rev-parse", "HEAD")
    for minutes, wanted in [(-1, [404, 200]), (0, [200, 200]), (59, [200, 200]), (60, [200, 404])]:
        live = go_live(NOON + timedelta(minutes=minutes))
        assert live.commit == head
        assert shown(client) == wanted, minutes
        assert not go_live(NOON + timedelta(minutes=minutes)).changed


def test_an_expired_article_counts_as_archived_and_is_not_searched(
    timed: None, go_live: Live, client: FlaskClient, parts: Services
) -> None:
    go_live(NOON + timedelta(days=1))
    assert parts.library().articles["vpn/ends"].status is ArticleStatus.ARCHIVED
    hits = client.get("/api/v1/search?q=vpn+ends").get_json()["hits"]
    assert "vpn/ends" not in [hit["slug"] for hit in hits]


def test_the_worker_does_it_at_the_time_even_when_it_polls_nothing(
    timed: None, repository: Any, go_live: Live, client: FlaskClient, parts: Services
) -> None:
    go_live(NOON - timedelta(hours=1))
    repository.write("vpn/unpublished.md")
    repository.commit("not asked for")
    still = replace(parts, settings=replace(parts.settings, publish_interval=None))
    worker = Worker(still)
    for minutes, wanted in [(-1, [404, 200]), (1, [200, 200]), (61, [200, 404])]:
        worker.round(NOON + timedelta(minutes=minutes))
        assert shown(client) == wanted, minutes
    assert client.get("/articles/vpn/unpublished").status_code == 404


def test_a_rollback_keeps_the_time_too(
    timed: None, repository: Any, go_live: Live, client: FlaskClient, kb: Any
) -> None:
    went_back_to = go_live(NOON - timedelta(hours=1)).commit
    repository.write("vpn/later.md")
    repository.commit("later")
    go_live(NOON - timedelta(hours=1))
    kb("publish", "--rollback")
    for minutes, wanted in [(-1, [404, 200]), (61, [200, 404])]:
        live = go_live(NOON + timedelta(minutes=minutes))
        assert (live.commit, live.pinned) == (went_back_to, True)
        assert shown(client) == wanted


def test_a_bad_edit_does_not_stop_the_clock_of_the_last_good_version(
    timed: None, repository: Any, go_live: Live, client: FlaskClient
) -> None:
    go_live(NOON - timedelta(hours=1))
    (repository.folder / "vpn" / "ends.md").write_text("---\n- broken\n---\n")
    repository.commit("broken")
    go_live(NOON)
    assert shown(client) == [200, 200]
    go_live(NOON + timedelta(hours=2))
    assert shown(client) == [200, 404]


@pytest.mark.parametrize(
    ("front", "status", "found"),
    [
        ({"publish_at": "soon"}, ArticleStatus.DRAFT, ["schedule"]),
        ({"publish_at": "2026-02-30"}, ArticleStatus.DRAFT, ["schedule"]),
        ({"publish_at": "2026-09-14T09:00"}, ArticleStatus.DRAFT, ["schedule"]),  # no zone
        ({"publish_at": "[2026-09-14]"}, ArticleStatus.DRAFT, ["schedule"]),
        ({"publish_at": "2026-09-14"}, ArticleStatus.PUBLISHED, []),
        ({"expires_at": "never"}, ArticleStatus.DRAFT, ["schedule"]),
        (
            {"expires_at": "2020-01-01", "publish_at": "2021-01-01"},
            ArticleStatus.ARCHIVED,
            ["schedule"],
        ),
        ({"expires_at": ""}, ArticleStatus.PUBLISHED, []),
        ({"publishDate": "2020-01-01"}, ArticleStatus.PUBLISHED, []),  # as Hugo writes it
        ({"publishDate": "2101-01-01", "publish_at": "2020-01-01"}, ArticleStatus.DRAFT, []),
        ({"publishDate": "2020-01-01 10:00:00"}, ArticleStatus.PUBLISHED, []),  # Hugo's zone is UTC
        ({"publishDate": "some day"}, ArticleStatus.DRAFT, ["schedule"]),
        ({"expiryDate": "2020-01-01"}, ArticleStatus.ARCHIVED, []),
        ({"date": "2101-01-01"}, ArticleStatus.DRAFT, ["schedule"]),
        ({"date": "2101-01-01 10:00:00 +0200"}, ArticleStatus.DRAFT, ["schedule"]),
        ({"date": "2020-01-01"}, ArticleStatus.PUBLISHED, []),
    ],
)
def test_what_cannot_be_understood_is_a_finding(
    repository: Any,
    go_live: Live,
    front: dict[str, str],
    status: ArticleStatus,
    found: list[str],
    parts: Services,
) -> None:
    repository.write("vpn/odd.md", **front)
    repository.commit("odd")
    live = go_live(NOON)
    article = parts.library().articles["vpn/odd"]
    assert article.status is status
    assert [p.code for p in live.problems if p.path == "vpn/odd.md"] == found
    assert all(p.line and p.hint for p in live.problems if p.path == "vpn/odd.md")


def test_an_end_that_was_wished_is_not_a_loss(repository: Any, go_live: Live) -> None:
    for path in ("vpn/connect.md", "vpn/drops.md", "mail/quota.md"):
        repository.write(path, expires_at="2099-09-14T12:00Z")
    repository.commit("most end at noon")
    assert go_live(NOON - timedelta(hours=1)).articles == 4
    assert go_live(NOON + timedelta(hours=1)).articles == 1
