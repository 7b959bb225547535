"""Gauges for Prometheus, read with its own parser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families

from kb.accounts.roles import Role
from kb.analytics.jobs import close_episodes
from kb.analytics.report import DateRange
from kb.analytics.service import report
from kb.app import create_app
from kb.config.settings import Settings, load
from kb.database import Database
from kb.errors import StoreError
from kb.notifications.outbox import Outbox
from kb.reports.prometheus import DAYS
from kb.services import Services, build
from kb.tracking.store import put_all
from tests.reports.conftest import event, lived

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse battery staple"
NAME = re.compile(r"tierzero_[a-z]+(_[a-z]+)*")
Values = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def parts(settings: Settings, database_url: str) -> Iterator[Services]:
    """Return a site that was used last week, over each kind of database."""
    made = build(replace(settings, database_url=database_url, semantic=False))
    for role in ("reader", "agent", "lead"):
        address, now = f"{role}@example.org", datetime.now(UTC)
        made.accounts.add(address, PASSWORD, name=role, role=Role(role), now=now)
    yield made
    made.db.close()


@pytest.fixture
def used(parts: Services) -> datetime:
    """Record a week that ended two days ago; return the time of now."""
    now = datetime.now(UTC).replace(microsecond=0)
    put_all(parts.db, lived(now - timedelta(days=9), 60))
    close_episodes(parts.db, load({}), now)
    return now


@pytest.fixture
def site(parts: Services) -> Flask:
    """Return that site."""
    return create_app(services=parts)


@pytest.fixture
def scrape(parts: Services, site: Flask) -> Callable[..., Any]:
    """Return a function that asks as Prometheus does, with the token of a role."""

    def ask(role: str = "lead", **headers: str) -> Any:
        token = parts.accounts.new_token(f"{role}@example.org", "monitoring", datetime.now(UTC))
        given = {"Authorization": f"Bearer {token}", **headers}
        return site.test_client().get("/metrics", headers=given)

    return ask


def values(text: str) -> Values:
    """Return every sample by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_gauges_are_those_of_the_report(
    parts: Services, used: datetime, scrape: Callable[..., Any]
) -> None:
    answer = scrape()
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == "text/plain"
    found = values(answer.text)
    today = datetime.now(UTC).date()
    span = DateRange(today - timedelta(days=DAYS - 1), today)
    told = report(parts.db, span, k=5, now=datetime.now(UTC))
    wanted = {
        "deflection_lower_ratio": told.deflection_lower.value,
        "deflection_upper_ratio": told.deflection_upper.value,
        "failed_searches_ratio": told.failed.value,
        "episodes": told.episodes.numerator,
        "closed_episodes": told.closed,
        "searches": told.searches.numerator,
        "definition_version": told.definition,
        "open_gaps": 0,
        "spool_events": 0,
    }
    assert {name: found[f"tierzero_{name}", ()] for name in wanted} == wanted
    assert told.episodes.numerator == 60
    low, high = told.deflection_lower.interval or (None, None)
    ends = {"low": low, "high": high}
    for end, value in ends.items():
        labels = (("end", end), ("figure", "deflection_lower"))
        assert found["tierzero_interval_ratio", labels] == value


def test_what_there_are_too_few_data_for_is_absent(
    used: datetime, scrape: Callable[..., Any]
) -> None:
    text = scrape().text
    assert "tierzero_deflection_estimate_ratio" not in {name for name, _ in values(text)}
    assert "# TYPE tierzero_deflection_estimate_ratio gauge" in text


def test_an_empty_site_has_counts_and_no_shares(scrape: Callable[..., Any]) -> None:
    found = values(scrape().text)
    assert found["tierzero_episodes", ()] == 0
    assert not [name for name, _ in found if name.endswith("_ratio")]
    assert ("tierzero_last_episode_timestamp_seconds", ()) not in found
    assert found["tierzero_articles", ()] > 80
    published = found["tierzero_last_publish_timestamp_seconds", ()]
    assert 0 < published <= datetime.now(UTC).timestamp()
    assert found["tierzero_check_ok", (("check", "database"),)] == 1


def test_tickets_and_letters_are_counted_as_they_stand(
    parts: Services, site: Flask, scrape: Callable[..., Any]
) -> None:
    browser = site.test_client()
    browser.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
    form = {"subject": "The door stays shut", "email": "ann@example.com"}
    assert browser.post("/tickets", data=form).status_code == 303
    with parts.db.begin() as connection:
        waiting = Outbox(connection)
        waiting.put("mail", {"to": "a@b.example"}, now=datetime.now(UTC), ticket_id=None)
        parcel = waiting.claim(datetime.now(UTC), timedelta(minutes=1))
        assert parcel
        waiting.refused(parcel, "no such user")
    found = values(scrape().text)
    assert found["tierzero_open_tickets", (("tier", "1"),)] == 1
    assert found["tierzero_open_tickets", (("tier", "2"),)] == 0
    assert found["tierzero_created_tickets", (("origin", "asked"),)] == 1
    assert found["tierzero_outbox_letters", (("state", "dead"),)] == 1
    assert found["tierzero_outbox_letters", (("state", "waiting"),)] == 1


def test_events_that_wait_are_counted(parts: Services, scrape: Callable[..., Any]) -> None:
    for number in range(3):
        parts.recorder.spool.append(event("view", datetime.now(UTC), f"v{number}", article="a"))
    assert values(scrape().text)["tierzero_spool_events", ()] == 3


def test_a_minute_of_scrapes_asks_the_database_once(parts: Services) -> None:
    now = datetime(2026, 3, 31, 12, tzinfo=UTC)
    first = parts.gauges(now)
    assert parts.gauges(now + timedelta(seconds=59)) is first
    assert parts.gauges(now + timedelta(seconds=60)) is not first
    assert parts.gauges(now) is not first  # a clock that was set back hides nothing


def test_names_follow_the_rules_of_prometheus(used: datetime, scrape: Callable[..., Any]) -> None:
    families = list(text_string_to_metric_families(scrape().text))
    for family in families:
        assert NAME.fullmatch(family.name), family.name
        assert family.type in {"gauge", "counter", "histogram"}
        assert family.documentation.endswith("."), family.name
        assert not family.name.endswith(("_total", "_count", "_sum", "_bucket", "_percent"))
        if family.type == "counter":
            assert {sample.name for sample in family.samples} <= {f"{family.name}_total"}
        if "ratio" in family.name.split("_"):
            assert family.name.endswith("_ratio")
            assert all(0 <= sample.value <= 1 for sample in family.samples)
        if "timestamp" in family.name:
            assert family.name.endswith("_timestamp_seconds")
    assert len({family.name for family in families}) == len(families)


def test_the_page_tells_of_every_gauge(scrape: Callable[..., Any]) -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    table = [line for line in page.splitlines() if line.startswith("| `tierzero_")]
    told = {name for line in table for name in re.findall(r"`(tierzero_[a-z_]+)", line)}
    assert told == {f.name for f in text_string_to_metric_families(scrape().text)}
    quoted = set(re.findall(r"\btierzero_[a-z_]+", page.partition("groups:")[2]))
    assert {name.removesuffix("_total").removesuffix("_bucket") for name in quoted} <= told


def test_requests_are_counted_by_route_and_outcome(site: Flask, scrape: Callable[..., Any]) -> None:
    before = values(scrape().text)
    browser = site.test_client()
    for place in ("/about", "/about", "/no-such-page", "/t/" + "x" * 40):
        browser.get(place)
    after = values(scrape().text)

    def grown(name: str, **labels: str) -> float:
        key = (f"tierzero_http_{name}", tuple(sorted(labels.items())))
        return after.get(key, 0) - before.get(key, 0)

    assert grown("requests_total", route="reader.about", status="2xx") == 2
    assert grown("requests_total", route="none", status="4xx") == 1
    assert grown("requests_total", route="requester.ticket", status="4xx") == 1
    assert grown("request_duration_seconds_count", route="reader.about") == 2
    assert grown("request_duration_seconds_bucket", route="reader.about", le="+Inf") == 2
    assert grown("request_duration_seconds_sum", route="reader.about") > 0
    assert after[("tierzero_process_resident_memory_bytes", (("process", "web-0"),))] > 1e6
    assert "xxxx" not in scrape().text


def test_openmetrics_is_given_to_who_asks_for_it(
    used: datetime, scrape: Callable[..., Any]
) -> None:
    answer = scrape(Accept="application/openmetrics-text; version=1.0.0,text/plain;q=0.5")
    assert answer.mimetype == "application/openmetrics-text"
    assert {f.name for f in openmetrics_families(answer.text)} >= {"tierzero_episodes"}


@pytest.mark.parametrize(("role", "status"), [("lead", 200), ("agent", 403), ("reader", 403)])
def test_the_gauges_are_for_who_may_read_reports(
    scrape: Callable[..., Any], role: str, status: int
) -> None:
    assert scrape(role).status_code == status


def test_without_a_token_nothing_is_told(site: Flask) -> None:
    for headers in ({}, {"Authorization": "Bearer tz_wrong"}):
        answer = site.test_client().get("/metrics", headers=headers)
        assert answer.status_code == 401
        assert "tierzero" not in answer.text


def test_while_the_database_is_away_it_says_so_and_recovers(
    parts: Services, site: Flask, scrape: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = parts.accounts.new_token("lead@example.org", "monitoring", datetime.now(UTC))
    ask = {"Authorization": f"Bearer {token}"}

    def away(self: Database) -> Any:
        raise StoreError("The database does not answer.")

    with monkeypatch.context() as broken:
        broken.setattr(Database, "read", away)
        answer = site.test_client().get("/metrics", headers=ask)
    assert answer.status_code == 503
    said = answer.get_json()["error"]["message"]
    assert said == "Our record does not answer at the moment"
    assert site.test_client().get("/metrics", headers=ask).status_code == 200
