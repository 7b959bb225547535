"""The periodic work of a site, run by `kb worker`.

The jobs store spooled events, close episodes and apply the ticket policies, escalate tickets by the
clock, deliver email, purge what is past its retention, collect solved queries, group failed
searches and replay them, write to authors about new problems and due reviews, send the weekly
digest, and publish articles and branch previews.

Each job runs in one worker at a time (a lease). A job that fails is logged and the others go on;
stopping between two jobs loses nothing. Publishing and grouping have threads of their own: a push
is live within seconds of its hook, whatever else there is to do, and no email waits for the
grouping of a hundred thousand searches.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from kb import health
from kb.analytics import jobs as analytics_jobs
from kb.analytics import solved_queries
from kb.authoring.reminders import reminder_email, reminders, tell_authors
from kb.connectors.base import MAIL
from kb.content.sources.combined import shortened
from kb.database import FAULTS
from kb.errors import ProductError
from kb.gaps import jobs as gaps_jobs
from kb.gaps import knowledge_cycle_store
from kb.leases import hold, of_folder, release
from kb.notifications.delivery import Faults, deliver_due
from kb.notifications.outbox import Outbox
from kb.privacy.retention import purge as forget
from kb.publishing.branch_previews import refresh
from kb.publishing.index_repair import IndexRepair
from kb.publishing.publisher import keep_time, publish
from kb.publishing.state import current, is_due, notices_of, publish_request
from kb.services import Services
from kb.tickets import requester_store
from kb.tickets.escalation import escalate_due
from kb.tickets.policies import apply_demand, apply_unresolved_policy
from search.errors import SearchError
from search.semantic.encoder import silent

log = logging.getLogger(__name__)

HOUR = timedelta(hours=1)
LOOK_S = 0.25  # between two checks for a push hook's request, which read a file of 32 bytes
ANSWERING_S = 120.0  # one round of replaying failed searches; well under a lease
# SQLite's file is rewritten in about 2 s for each 100 MiB; nobody else can write meanwhile.
QUICKLY_WIPED, NIGHT = 128 * 1024 * 1024, range(1, 5)  # bytes; hours
LEASE = timedelta(minutes=5)  # longer than any round; after it a dead worker's jobs move on
ASIDE = frozenset({"publish", "gaps", "answers"})  # jobs with threads of their own


@dataclass(frozen=True, slots=True)
class ScheduledJob:
    """Periodic work: `run` at most once in `every`, by whoever holds the lease `name`."""

    name: str
    every: timedelta
    run: Callable[[datetime], None]
    lease: timedelta = LEASE


@dataclass(frozen=True, slots=True)
class _Begun:
    """When a job last began: `ticks` by the monotonic clock in seconds, `at` by the wall clock."""

    ticks: float
    at: datetime

    def is_over(self, every: timedelta, now: datetime) -> bool:
        """Return whether `every` has passed since. The wall clock counts where it says so first:
        the monotonic one may stand still while the machine sleeps.
        """
        gone = time.monotonic() - self.ticks
        return not 0 <= gone < every.total_seconds() or now - self.at >= every


@dataclass(slots=True)
class Worker:
    """Runs the jobs of one site until told to stop."""

    parts: Services
    stop: threading.Event = field(default_factory=threading.Event)
    _begun: dict[str, _Begun] = field(default_factory=dict)
    _failing: set[str] = field(default_factory=set)  # the jobs that failed when they last ran
    _faults: Faults = field(default_factory=Faults)
    _waiting: bool = False  # whether the log says that jobs wait for the first articles
    _hurried: bool = False  # whether emails of an earlier worker were made due again
    _publishing: threading.Event = field(default_factory=threading.Event)
    _granted: str = ""  # the last request to publish that was followed
    _said: str = ""  # the last trouble with publishing that was logged
    _unwiped: bool = True  # deleted words may still be in the database's files
    _wiped_on: date | None = None  # the last night on which a large database was wiped
    _told: str = ""  # the last generation whose authors were notified

    def jobs(self) -> tuple[ScheduledJob, ...]:
        """Return every job, in the order of a round."""
        pause = self.parts.settings.worker_interval
        jobs = [
            ScheduledJob("spool", pause, self._replay),
            ScheduledJob("episodes", pause, self._close_episodes),
            ScheduledJob("escalation", pause, self._escalate),
            ScheduledJob("outbox", pause, self._deliver),
            ScheduledJob("purge", HOUR, self._purge),
            ScheduledJob("solved", HOUR, self._refresh_solved),
            ScheduledJob("authors", pause, self._tell_authors),
            ScheduledJob("reviews", HOUR, self._remind),
            ScheduledJob("digest", HOUR, self._digest),
            ScheduledJob("previews", pause, self._show_branches),
            ScheduledJob("gaps", HOUR, self._group, lease=HOUR),
            ScheduledJob("answers", pause, self._answer),
            ScheduledJob("publish", self.parts.settings.publish_interval or pause, self._publish),
        ]
        return tuple(jobs)

    def run(self, parent: int = 0) -> None:
        """Work until stopped, or until the process `parent` is gone."""
        pause = self.parts.settings.worker_interval.total_seconds()
        aside = [
            threading.Thread(target=self._keep_publishing, name="publishing"),
            threading.Thread(target=self._keep_grouping, name="grouping"),
        ]
        for thread in aside:
            thread.start()
        try:
            while not self.stop.is_set():
                self._beat(working=True)
                self.round(datetime.now(UTC), without=ASIDE)
                self._beat()
                if not self.stop.is_set() and not all(thread.is_alive() for thread in aside):
                    log.error("a thread of the worker died; the worker ends, to be started again")
                    return
                if self._orphaned(parent, pause):
                    return
        finally:
            self.stop.set()
            for thread in aside:
                thread.join()
            self._let_go()

    def _let_go(self) -> None:
        """Release every lease, so that the next worker need not wait for its end."""
        with suppress(*FAULTS):
            for job in self.jobs():
                release(self.parts.db, job.name, owner=self._owner())

    def _owner(self) -> str:
        """Return the name under which this worker holds leases."""
        return of_folder(self.parts.settings.data)

    def once(self) -> tuple[str, ...]:
        """Do one round of every job; return which failed. Where nothing is live, publish first."""
        now = datetime.now(UTC)
        self._beat(working=True)
        if current(self.parts.settings.generations) is None:
            self._run(next(job for job in self.jobs() if job.name == "publish"), now)
        self.round(now)
        self._beat()
        unpublished = {"publish"} if current(self.parts.settings.generations) is None else set()
        return tuple(sorted(self._failing | unpublished))

    def _beat(self, *, working: bool = False) -> None:
        health.beat(self.parts.settings.data, working=working, failing=tuple(self._failing))

    def _keep_publishing(self) -> None:
        """Publish when it is time or when a hook asks for it, until stopped."""
        [job] = [job for job in self.jobs() if job.name == "publish"]
        mender = IndexRepair(self.parts.settings, self.parts.engine)
        noticed = ""
        while not self.stop.is_set():
            self._mend(mender)
            now, wanted = datetime.now(UTC), publish_request(self.parts.settings.data)
            if wanted != noticed or self._is_due(job, now):
                noticed = wanted
                self._run(job, now)
            self.stop.wait(LOOK_S)

    def _mend(self, mender: IndexRepair) -> None:
        """Check whether index and model are whole, and rebuild what is not."""
        try:
            mender.look(datetime.now(UTC))
        except Exception:
            log.exception("the files could not be looked after; the next look tries again")

    def _keep_grouping(self) -> None:
        """Group failed searches, and replay them after a publish, until stopped."""
        pause = self.parts.settings.worker_interval.total_seconds()
        others = frozenset(job.name for job in self.jobs()) - {"gaps", "answers"}
        while not self.stop.is_set():
            self.round(datetime.now(UTC), without=others)
            self.stop.wait(pause)

    def _orphaned(self, parent: int, pause: float) -> bool:
        """Wait for the next round; return whether the process that started this one is gone."""
        for _ in range(max(1, round(pause))):
            if self.stop.wait(min(pause, 1.0)):
                return True
            if parent and os.getppid() != parent:
                return True
        return False

    def round(self, now: datetime, *, without: Collection[str] = ()) -> None:
        """Run each job that is due and that no other worker holds."""
        for job in self.jobs():
            if job.name in without:
                continue
            if not self.stop.is_set() and self._is_due(job, now):
                self._run(job, now)

    def _is_due(self, job: ScheduledJob, now: datetime) -> bool:
        begun = self._begun.get(job.name)
        return begun is None or begun.is_over(job.every, now)

    def _run(self, job: ScheduledJob, now: datetime) -> None:
        self._begun[job.name] = _Begun(time.monotonic(), now)
        try:
            # Work on this machine's own disk needs no lease.
            local = job.name in {"spool", "solved", "publish", "previews"}
            if local or hold(self.parts.db, job.name, owner=self._owner(), now=now, ttl=job.lease):
                job.run(now)
        except SearchError as problem:
            if current(self.parts.settings.generations) is None:
                self._wait_for_articles()
                return
            self._failing.add(job.name)
            log.warning("the job %s waits for a whole index: %s", job.name, problem.message)
        except Exception:
            self._failing.add(job.name)
            log.exception("the job %s failed; the next round tries again", job.name)
        else:
            self._failing.discard(job.name)

    def _wait_for_articles(self) -> None:
        """Log once that jobs which need articles wait for the first publish."""
        if not self._waiting:
            log.info("no articles are published yet; jobs that need them wait")
        self._waiting = True

    def _replay(self, now: datetime) -> None:
        replayed = self.parts.recorder.replay_spool()
        if replayed.events:
            log.info("%d events came back from the spool", replayed.events)
            settings = self.parts.settings
            analytics_jobs.close_episodes(self.parts.db, settings, now, since=replayed.oldest)

    def _close_episodes(self, now: datetime) -> None:
        parts = self.parts
        closed = analytics_jobs.close_episodes(parts.db, parts.settings, now)
        apply_unresolved_policy(
            parts.desk,
            closed.unresolved,
            mark=analytics_jobs.mark_policy,
            trail=lambda each: parts.trail(each.visitor, each.search_id, now),
            now=now,
        )
        since = now - parts.settings.demand_window
        threshold = parts.settings.demand_threshold
        if threshold:
            apply_demand(parts.desk, analytics_jobs.demand(parts.db, since, threshold), now=now)

    def _escalate(self, now: datetime) -> None:
        escalate_due(self.parts.db, self.parts.settings.tiers, now=now)

    def _deliver(self, now: datetime) -> None:
        if not self._hurried:
            with self.parts.db.begin() as connection:
                Outbox(connection).hurry(now)
            self._hurried = True
        deliver_due(self.parts.db, self.parts.channels, now=now, faults=self._faults)

    def _purge(self, now: datetime) -> None:
        parts = self.parts
        settings = parts.settings
        spool = settings.data / "spool"
        done = forget(parts.db, settings, now, retention=settings.retention, spool=spool)
        with parts.db.begin() as connection:
            done["wishes"] = Outbox(connection).forget(now - settings.retention)
            requester_store.forget_submissions(connection, now)
        parts.limits.purge(now)
        parts.entrance.guesses.purge(now)
        parts.resets.purge(now)
        self._unwiped = self._unwiped or any(done.values())
        self._wipe(now)

    def _wipe(self, now: datetime) -> None:
        """Wipe purged data from the database's own files too: at once where that is quick, once a
        night where it would hold up writers for long.
        """
        if self._unwiped and self.parts.db.size() > QUICKLY_WIPED:
            there = now.astimezone()  # local time
            if there.hour not in NIGHT or self._wiped_on == there.date():
                return
            self._wiped_on = there.date()
        if self._unwiped and not self.parts.db.scrub():
            log.warning(
                "what was forgotten is still in the database's files: a process reads an older "
                "state or the disk is full; the next round in an hour tries again"
            )
            return
        self._unwiped = False

    def _group(self, now: datetime) -> None:
        done = self.parts.grouping.run(now)
        log.info("%d questions are in %d gaps", done.placed, done.gaps)
        self.parts.diagnosing.run(now)
        gaps_jobs.bring_up_to_date(self.parts.db, now)
        knowledge_cycle_store.keep_effects(
            self.parts.db, now, retention=self.parts.settings.retention
        )

    def _answer(self, now: datetime) -> None:
        """Replay failed searches against what is live; a publish under way goes first."""
        begun = time.monotonic()

        def go_on() -> bool:
            quiet = not self.stop.is_set() and not self._publishing.is_set()
            return quiet and time.monotonic() - begun < ANSWERING_S

        try:
            done = self.parts.replaying.run(now, go_on=go_on)
            if done.asked:
                gaps_jobs.bring_up_to_date(self.parts.db, now)
        finally:  # so that `kb replay` can run
            release(self.parts.db, "answers", owner=self._owner())
        if done.answered:
            log.info("%d failed searches have an answer now", len(done.answered))

    def _refresh_solved(self, now: datetime) -> None:
        settings = self.parts.settings
        solved_queries.refresh(self.parts.db, settings, now, file=settings.solved_queries)

    def _tell_authors(self, now: datetime) -> None:
        settings, live = self.parts.settings, self.parts.engine.generation
        if live.id == self._told or not settings.author_mail:
            return
        page = f"{settings.site_url.rstrip('/')}/authors/publishing"
        notices = notices_of(live)
        tell_authors(self.parts.db, notices, page=page, site=settings.site_name, now=now)
        self._told = live.id

    def _remind(self, now: datetime) -> None:
        """Write once a week to the owners of articles that are due for review."""
        parts, today = self.parts, now.date()
        if not parts.settings.review_reminders:
            return
        articles = parts.library().articles.values()
        for due in reminders(articles, parts.accounts.all(), today=today):
            text = reminder_email(due, site=parts.settings.site_url.rstrip("/"), today=today)
            with parts.db.begin() as connection:
                Outbox(connection).put_once(MAIL, text, now=now, key=due.key)

    def _digest(self, now: datetime) -> None:
        """Send the digest of the last settled week to its recipients."""
        weekly = self.parts.weekly()
        weekly.send(weekly.settled(now), now)

    def _publish(self, now: datetime) -> None:
        """Publish at each interval or request; in between, and without an interval, let articles
        appear and disappear at their set times.
        """
        settings, wanted = self.parts.settings, publish_request(self.parts.settings.data)
        self._publishing.set()
        try:
            if settings.publish_interval is not None or wanted != self._granted:
                live = publish(settings, progress=silent, now=now)
                self._granted = wanted
            elif is_due(self.parts.engine.generation, now):
                live = keep_time(settings, progress=silent, now=now)
            else:
                return
        except (ProductError, SearchError) as trouble:
            self._say(f"not published: {trouble}")
            return
        finally:
            self._publishing.clear()
        self._say(live.unfetched)
        if live.changed:
            log.info("published %s: %d articles", shortened(live.commit), live.articles)

    def _show_branches(self, now: datetime) -> None:
        """Bring the previews of unpublished branches up to date."""
        parts = self.parts
        parts.previews.forget_ended(now)
        refresh(parts.settings, parts.previews.all(now), progress=silent, now=now)

    def _say(self, trouble: str) -> None:
        """Log a trouble when it differs from the last one, not at every look."""
        if trouble and trouble != self._said:
            log.warning("%s", trouble)
        self._said = trouble
