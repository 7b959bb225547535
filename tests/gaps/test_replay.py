"""Failed searches asked again: a repository, searches by readers, commits, replays."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from kb.accounts.roles import Role, Viewer
from kb.analytics import jobs as analytics_jobs
from kb.config.settings import load
from kb.database import Database
from kb.gaps import jobs as gaps_jobs
from kb.gaps.answers.service import ReplayResult
from kb.publishing.publisher import publish
from kb.schema import gap_events, gap_searches, gaps, outbox
from kb.services import Services, build
from search.types import Query
from tests.publishing.conftest import Repository

ROOT = Path(__file__).resolve().parents[2]
LATER = timedelta(days=2)
VPN = "The tunnel drops every few minutes. Set the adapter's power saving to off, then reconnect."
ROBOT = "Lubricate the lawn robot's wheel axle with silicone grease once in every season."


@dataclass
class Site:
    """A site over a repository of articles, searched by words alone."""

    repository: Repository
    parts: Services

    def ask(self, words: str, who: str = "reader", role: Role = Role.ANONYMOUS) -> str:
        """Search as somebody, who then leaves; return the search's id."""
        user = who if role is not Role.ANONYMOUS else ""
        person = Viewer(visitor=who, role=role, user_id=user)
        now = datetime.now(UTC)
        answer = self.parts.asker.ask(person, Query(words), surface="page", now=now)
        self.parts.recorder.flush()
        return answer.search_id

    def close(self) -> None:
        """Let every episode end."""
        analytics_jobs.close_episodes(self.parts.db, self.parts.settings, datetime.now(UTC) + LATER)

    def publish(self) -> str:
        """Commit what is written, and make it live; return the commit."""
        commit = self.repository.commit()
        publish(self.parts.settings, progress=lambda *_: None, force=True)
        return commit

    def replay(self, **more: Any) -> ReplayResult:
        """Ask again what failed."""
        self.close()
        return self.parts.replaying.run(datetime.now(UTC), **more)

    def answers(self) -> dict[str, tuple[str, str]]:
        """Return the article and commit that answer each search that is answered."""
        query = sa.select(gap_searches).where(gap_searches.c.answered_at.is_not(None))
        with self.parts.db.read() as connection:
            rows = connection.execute(query).all()
        return {r.search_id: (r.answered_article, r.answered_commit) for r in rows}


@pytest.fixture
def site(database_url: str, tmp_path: Path) -> Iterator[Site]:
    repository = Repository(tmp_path / "repository")
    for path in ("mail/quota.md", "print/jam.md", "wifi/guest.md", "desk/chair.md"):
        repository.write(path)
    repository.commit()
    settings = load(
        {},
        survey_share=0,
        holdout_share=0,
        articles=repository.folder,
        data=tmp_path / "data",
        templates=ROOT / "templates",
        database_url=database_url,
        semantic="off",
        k_anonymity=2,
    )
    publish(settings, progress=lambda *_: None)
    parts = build(settings)
    made = Site(repository, parts)
    made.replay()
    yield made
    parts.db.close()


def test_a_search_is_answered_by_the_commit_that_wrote_the_article(site: Site) -> None:
    one, other = site.ask("tunnel drops reconnect", "ana"), site.ask("parking permit", "ben")
    site.repository.write("vpn/drops.md", "Tunnel drops", VPN)
    commit = site.publish()

    done = site.replay()

    assert [each.answer.commit for each in done.answered] == [commit]
    assert site.answers() == {one: ("vpn/drops", commit)}
    assert other not in site.answers()
    assert site.replay().asked == 0  # of this state nothing is asked twice


def test_of_several_commits_in_one_publish_the_one_that_answers_is_named(site: Site) -> None:
    search = site.ask("lawn robot wheel axle grease", "ana")
    site.repository.write("garden/robot.md", "Robot", ROBOT, status="draft")
    site.repository.commit("a draft")
    site.repository.write("garden/robot.md", "Robot", ROBOT)
    answered = site.repository.commit("shown")
    site.repository.write("garden/robot.md", "Robot", ROBOT, owner="garden team")
    site.repository.commit("its keeper")
    site.repository.write("mail/quota.md", "Quota", "Another text about the quota of mail.")
    site.publish()

    site.replay()

    assert site.answers() == {search: ("garden/robot", answered)}


def test_what_was_shown_then_is_no_answer_now(site: Site) -> None:
    site.repository.write("vpn/drops.md", "Tunnel drops", VPN)
    site.publish()
    site.replay()
    search = site.ask("tunnel drops reconnect", "ana")  # found, and not opened

    site.repository.write("vpn/drops.md", "Tunnel drops", VPN, owner="network team")
    site.publish()
    assert site.replay().asked == 0  # no text changed since

    site.repository.write("mail/quota.md", "Quota", "Another text about the quota of mail.")
    site.publish()
    assert site.replay().answered == ()

    site.repository.write("vpn/drops.md", "Tunnel drops", VPN + " If it drops still, use cable.")
    commit = site.publish()
    site.replay()
    assert site.answers() == {search: ("vpn/drops", commit)}


def test_an_article_that_moved_is_not_news(site: Site) -> None:
    site.repository.write("vpn/drops.md", "Tunnel drops", VPN)
    site.publish()
    site.replay()
    site.ask("tunnel drops reconnect", "ana")
    (site.repository.folder / "net").mkdir()
    site.repository.git("mv", "vpn/drops.md", "net/drops.md")
    site.repository.commit("moved")
    publish(site.parts.settings, progress=lambda *_: None, force=True)

    assert site.replay().answered == ()


def test_nobody_is_answered_by_what_they_may_not_read(site: Site) -> None:
    public = site.ask("tunnel drops reconnect", "ana")
    signed_in = site.ask("tunnel drops reconnect", "ben", Role.READER)
    site.repository.write("vpn/drops.md", "Tunnel drops", VPN, audience="signed-in")
    first = site.publish()
    site.replay()
    assert site.answers() == {signed_in: ("vpn/drops", first)}

    site.repository.write("vpn/drops.md", "Tunnel drops", VPN)
    second = site.publish()
    site.replay()
    assert site.answers()[public] == ("vpn/drops", second)


def test_a_search_after_the_publish_is_not_answered_by_it(site: Site) -> None:
    site.repository.write("vpn/drops.md", "Tunnel drops", VPN)
    site.publish()
    site.ask("tunnel drops reconnect", "ana")  # before any replay saw the new state
    assert site.replay().answered == ()


def test_states_that_came_and_went_between_two_replays_are_looked_at(site: Site) -> None:
    before = site.ask("tunnel drops reconnect", "ana")
    site.repository.write("vpn/drops.md", "Tunnel drops", VPN)
    commit = site.publish()
    after = site.ask("tunnel drops reconnect", "ben")
    site.repository.write("mail/quota.md", "Quota", "Another text about the quota of mail.")
    site.publish()

    site.replay()

    assert site.answers() == {before: ("vpn/drops", commit)}
    assert after not in site.answers()


def test_the_first_replay_of_a_site_knows_when_articles_changed(site: Site) -> None:
    search = site.ask("tunnel drops reconnect", "ana")
    site.repository.write("vpn/drops.md", "Tunnel drops", VPN)
    commit = site.publish()
    with site.parts.db.begin() as connection:
        for table in ("replays", "article_parts"):
            connection.execute(sa.text(f"DELETE FROM {table}"))
    site.replay()
    assert site.answers() == {search: ("vpn/drops", commit)}


def test_a_replay_that_is_stopped_goes_on_where_it_was(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kb.gaps.answers.service.CHUNK", 1)
    searches = {site.ask(f"tunnel drops reconnect {n}", f"reader-{n}") for n in range(4)}
    site.repository.write("vpn/drops.md", "Tunnel drops reconnect 0 1 2 3", VPN)
    site.publish()
    left = iter([True, True, False])

    first = site.replay(go_on=lambda: next(left))
    assert (first.asked, first.left) == (2, 2)
    other = build(site.parts.settings)
    second = other.replaying.run(datetime.now(UTC))
    other.db.close()

    assert (second.asked, second.left) == (2, 0)
    found = [each.asked.id for each in (*first.answered, *second.answered)]
    assert len(found) == len(set(found))
    assert set(found) == set(site.answers()) <= searches


def test_a_dry_run_writes_nothing(site: Site) -> None:
    site.ask("tunnel drops reconnect", "ana")
    site.repository.write("vpn/drops.md", "Tunnel drops", VPN)
    site.publish()
    assert len(site.replay(keep=False).answered) == 1
    assert site.answers() == {}
    assert len(site.replay().answered) == 1


def test_words_that_are_forgotten_are_not_asked(site: Site) -> None:
    site.ask("tunnel drops reconnect", "ana")
    site.close()
    analytics_jobs.purge(
        site.parts.db, site.parts.settings, datetime.now(UTC) + LATER, retention=timedelta(0)
    )
    site.repository.write("vpn/drops.md", "Tunnel drops", VPN)
    site.publish()
    assert site.replay().asked == 0


# -- gaps -----------------------------------------------------------------------------------------


@pytest.fixture
def gap(site: Site) -> Callable[[list[str]], str]:
    """Return a function that puts searches into a gap of their own."""

    def make(searches: list[str]) -> str:
        now = datetime.now(UTC)
        row = {
            "id": "gap-1", "number": 1, "status": "assigned", "owner_id": "ann",
            "created_at": now, "updated_at": now, "definition": 1, "version": 1, "data": {},
            "people": 3, "searches": 3,
        }  # fmt: skip
        with site.parts.db.begin() as connection:
            if not connection.execute(sa.select(gaps)).first():
                connection.execute(sa.insert(gaps).values(**row))
            for each in searches:
                values = {"search_id": each, "gap_id": "gap-1", "at": now}
                site.parts.db.insert_once(connection, gap_searches, [values])
        return "gap-1"

    return make


def state_of(db: Database) -> tuple[str, str, str]:
    with db.read() as connection:
        row = connection.execute(sa.select(gaps)).one()
    return row.status, row.answered_article, row.answered_commit


def test_a_gap_is_answered_when_most_people_are_and_opens_again(
    site: Site, gap: Callable[[list[str]], str]
) -> None:
    gap([site.ask("tunnel drops reconnect", who) for who in ("ana", "ben")])
    gap([site.ask("submarine periscope", "cleo")])
    site.repository.write("vpn/drops.md", "Tunnel drops", VPN)
    commit = site.publish()
    site.replay()
    assert gaps_jobs.bring_up_to_date(site.parts.db, datetime.now(UTC)) == gaps_jobs.ClosedGaps(
        1, 0
    )
    assert state_of(site.parts.db) == ("answered", "vpn/drops", commit)

    gap([site.ask("tunnel drops reconnect", "dora")])
    site.close()
    assert gaps_jobs.bring_up_to_date(site.parts.db, datetime.now(UTC)) == gaps_jobs.ClosedGaps(
        0, 0
    )
    gap([site.ask("tunnel drops reconnect", "emil")])
    site.close()
    assert gaps_jobs.bring_up_to_date(site.parts.db, datetime.now(UTC)) == gaps_jobs.ClosedGaps(
        0, 1
    )
    assert state_of(site.parts.db) == ("assigned", "", "")

    # What answered it once does not answer it again by itself.
    assert gaps_jobs.bring_up_to_date(site.parts.db, datetime.now(UTC)) == gaps_jobs.ClosedGaps(
        0, 0
    )
    with site.parts.db.read() as connection:
        kinds = connection.scalars(sa.select(gap_events.c.kind).order_by(gap_events.c.seq)).all()
    assert kinds == ["answered", "reopened"]


def test_the_worker_asks_again_after_a_publish(site: Site) -> None:
    from kb.scheduler import Worker

    parts = replace(site.parts, settings=site.parts.settings)
    search = site.ask("tunnel drops reconnect", "ana")
    site.close()
    site.repository.write("vpn/drops.md", "Tunnel drops", VPN)
    site.repository.commit()
    work = Worker(parts)
    work.round(datetime.now(UTC))  # publishes at its end
    work.round(datetime.now(UTC) + timedelta(minutes=1))
    assert list(site.answers()) == [search]


def test_a_patch_makes_answered_questions_tests_of_their_article(site: Site) -> None:
    from kb.gaps.fixes import proposal, recent_answers

    for who in ("ana", "ben"):
        site.ask("Tunnel drops: reconnect?", who)
    site.ask("tunnel power saving", "cleo")
    site.repository.write("vpn/drops.md", "Tunnel drops", VPN)
    site.publish()
    site.replay()
    answered = recent_answers(site.parts.db, datetime.now(UTC), k=2)
    found = proposal(site.parts.settings, site.parts.library(), answered)

    folder = site.repository.folder
    subprocess.run(["git", "apply", "-"], input=found.patch.encode(), cwd=folder, check=True)
    text = (folder / "vpn/drops.md").read_text("utf-8")
    assert '\nanswers:\n  - "Tunnel drops: reconnect?"\n---\n' in text
    assert "power saving\n" not in text.partition("## Issue")[0]
    site.publish()
    again = proposal(site.parts.settings, site.parts.library(), answered)
    assert again.patch == ""


def test_nothing_is_mailed_without_subscribers(site: Site) -> None:
    site.ask("tunnel drops reconnect", "ana")
    site.repository.write("vpn/drops.md", "Tunnel drops", VPN)
    site.publish()
    site.replay()
    with site.parts.db.read() as connection:
        assert connection.execute(sa.select(outbox)).all() == []
