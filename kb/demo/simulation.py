"""Simulates a quarter of made-up use, day by day, through the product's own parts.

Searches are answered by the real engine over the articles as they were at that time; the same words
from the same kind of reader are searched once per state of the articles. Events are written by the
event log's own store, each day is closed as on a real site, and policies, tickets, gaps and replays
follow at the times at which a real site would have run them.
"""

from __future__ import annotations

import random
from collections import Counter as Counted
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from kb.accounts.roles import Role, Viewer
from kb.analytics import jobs as analytics_jobs
from kb.analytics import solved_queries
from kb.analytics.external_tickets.reading import OutsideTicket
from kb.analytics.external_tickets.service import Matching, import_tickets
from kb.analytics.model import UnresolvedEpisode
from kb.config.settings import Settings
from kb.database import Database
from kb.demo.agenda import Agenda
from kb.demo.articles import ADDITIONS, ArticleRepository
from kb.demo.readers import (
    RELEASE_DAYS,
    Day,
    DemoReader,
    DemoRequest,
    DemoResults,
    Visit,
    needs,
    noise,
    visits,
)
from kb.demo.staff import GapOwners
from kb.demo.tickets import Counter
from kb.gaps.answers.service import Replay
from kb.gaps.diagnosis_jobs import Diagnosing
from kb.gaps.jobs import Grouping, bring_up_to_date
from kb.gaps.subscriptions.service import SubscriptionRequest as Subscribing
from kb.gaps.subscriptions.service import Subscriptions
from kb.reports.annotations import note
from kb.reports.model import Written
from kb.searches.service import SearchService
from kb.tickets.escalation import escalate_due
from kb.tickets.model import Requester, TicketDraft
from kb.tickets.offers import decline_offer, open_offer, take_offer
from kb.tickets.policies import apply_demand, apply_unresolved_policy
from kb.tracking.events import Event
from kb.tracking.recorder import Unrecorded
from kb.tracking.store import put_all
from search.semantic.encoder import silent
from search.types import Query

# -- Searches of made-up readers --


HITS = 10


class LastEvent(Unrecorded):
    """A recorder that keeps only the last event, in memory."""

    last: Event | None = None

    def record(self, *events: Event) -> bool:
        """Keep the last event in memory; nothing is written."""
        self.last = events[-1]
        return True


class Searching:
    """Runs searches on behalf of made-up readers."""

    def __init__(self, asker: SearchService, kept: LastEvent, now: datetime) -> None:
        self._asker, self._kept, self._now = asker, kept, now
        self._known: dict[tuple[str, str, bool], DemoResults] = {}

    def __call__(self, words: str, language: str, signed_in: bool) -> DemoResults:
        """Return the results of these words now."""
        key = (words, language, signed_in)
        if key not in self._known:
            self._known[key] = self._asked(words, language, signed_in)
        return self._known[key]

    def forget(self) -> None:
        """Forget all results: other articles are live."""
        self._known.clear()

    def _asked(self, words: str, language: str, signed_in: bool) -> DemoResults:
        viewer = Viewer("", Role.READER if signed_in else Role.ANONYMOUS)
        query = Query(text=words, prefer_language=language, limit=HITS)
        answer = self._asker.ask(viewer, query, surface="page", now=self._now)
        event = self._kept.last
        assert event is not None
        collection = next((article.collection for _, article in answer.hits), "")
        data = dict(event.data) | {"collection": collection}
        slugs = tuple(hit.id for hit, _ in answer.hits)
        return DemoResults(slugs, answer.results.answerable, data)


# -- The quarter, day by day --


OUTAGE, RELEASE = 0.62, 0.8  # when in the quarter, in [0, 1]
STRANGERS = 2  # tickets by email per weekday, from people who never visited
LOOKED_AT = 120  # questions of the largest gaps whose root cause is found; a worker does the rest
DAY = timedelta(days=1)
# The annotations on the day of the outage and the day of the release.
SPECIAL = ("Outage of the VPN", "Release of the new meeting app")
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class DemoParts:
    """The parts that the simulation uses; `readers` have accounts, `staff` searches too."""

    settings: Settings
    db: Database
    shelf: ArticleRepository
    searching: Searching
    counter: Counter
    agenda: Agenda
    keepers: GapOwners
    grouping: Grouping
    diagnosing: Diagnosing
    replaying: Replay
    subscriptions: Subscriptions
    matching: Matching
    readers: Sequence[DemoReader]
    staff: DemoReader


@dataclass(frozen=True, slots=True)
class QuarterPlan:
    """The quarter: `days` days, the last of which is cut off at `now`."""

    now: datetime
    days: int
    seed: int

    @property
    def first(self) -> datetime:
        """Return the start of the first day (UTC)."""
        today = self.now.replace(hour=0, minute=0, second=0, microsecond=0)
        return today - (self.days - 1) * DAY

    def day(self, number: int) -> Day:
        """Return a day by its number, from 0."""
        place = number / max(1, self.days - 1)
        released = self._weekday(RELEASE)
        return Day(
            start=self.first + number * DAY,
            place=place,
            seed=self.seed,
            outage=number == self._weekday(OUTAGE),
            release=released <= number < released + RELEASE_DAYS,
        )

    def _weekday(self, place: float) -> int:
        """Return the number of the first Tuesday after that share of the quarter."""
        number = round(place * (self.days - 1))
        near = range(number, min(number + 7, self.days))
        return next((n for n in near if (self.first + n * DAY).weekday() == 1), number)

    def special(self) -> tuple[datetime, datetime]:
        """Return the day of the outage and the day of the release."""
        outage, release = self._weekday(OUTAGE), self._weekday(RELEASE)
        return self.first + outage * DAY, self.first + release * DAY

    def additions(self, number: int) -> list[int]:
        """Return which of ADDITIONS are added on that day; none on the first."""
        last = self.days - 1
        return [n for n, each in enumerate(ADDITIONS) if max(1, round(each.place * last)) == number]


@dataclass(slots=True)
class Simulation:
    """Fills one data folder."""

    parts: DemoParts
    plan: QuarterPlan
    _mailed: list[OutsideTicket] = field(default_factory=list)

    def begin(self, progress: Progress) -> None:
        """Publish the articles as they were before the first day."""
        before = self.plan.first - DAY
        self.parts.shelf.begin(before - 2 * DAY)
        self._publish(before, progress)

    def run(self, progress: Progress) -> None:
        """Simulate every day, then do what a worker does at the end."""
        for number in range(self.plan.days):
            progress("days", number, self.plan.days)
            day = self.plan.day(number)
            for hour, addition in enumerate(self.plan.additions(number), start=6):
                self._add(addition, day.start + timedelta(hours=hour))
            self._live(day)
            if number % 7 == 6:
                self._group(min(day.start + DAY, self.plan.now))
        progress("days", self.plan.days, self.plan.days)
        self._end()

    # -- one day --------------------------------------------------------------------------------

    def _live(self, day: Day) -> None:
        now = self.plan.now
        wanted, parts = needs(), self.parts
        every = list(visits(day, wanted, parts.readers, parts.searching))
        events = [event for visit in every for event in visit.events]
        events += noise(day, wanted, parts.staff, parts.searching)
        put_all(parts.db, sorted((e for e in events if e.at < now), key=lambda e: (e.at, e.id)))
        for visit in every:
            self._follow(visit, day)
        self._strangers(day)
        end = min(day.start + DAY, now)
        parts.agenda.at(day.start + timedelta(hours=7, minutes=30), self._bring)
        parts.agenda.until(end)
        self._close(end, day)

    def _follow(self, visit: Visit, day: Day) -> None:
        """Schedule what follows a visit."""
        agenda = self.parts.agenda
        if visit.ticket:
            wish = visit.ticket
            agenda.at(wish.at, lambda _: self.parts.counter.open(wish, day.place))
        if visit.subscription:
            waits = visit.subscription
            agenda.at(waits.at, lambda _: self._subscribe(waits))
        if visit.mailed:
            at, person = visit.mailed
            self._mailed.append(OutsideTicket(f"{person.visitor}-{at:%m%d%H%M}", at, person.email))

    def _strangers(self, day: Day) -> None:
        chance = self._chance(f"strangers {day.start:%Y-%m-%d}")
        for number in range(STRANGERS if day.start.weekday() < 5 else 0):
            at = day.start + timedelta(hours=chance.uniform(7, 17))
            name = f"{day.start:%m%d}-{number}"
            self._mailed.append(
                OutsideTicket(f"mail-{name}", at, f"correspondent-{name}@example.org")
            )

    def _bring(self, now: datetime) -> None:
        """Import yesterday's tickets by email, as a connector does in the morning."""
        due = [ticket for ticket in self._mailed if ticket.at < now]
        self._mailed = [ticket for ticket in self._mailed if ticket.at >= now]
        import_tickets(
            self.parts.db, self.parts.settings, due, self.parts.matching, source="mail", now=now
        )

    def _subscribe(self, wish: DemoRequest) -> None:
        wants = Subscribing(
            wish.search_id,
            wish.words,
            wish.person.email,
            wish.need.language,
            known=bool(wish.person.user_id),
        )
        token = self.parts.subscriptions.ask(wants, wish.at)
        if self._chance(f"confirm {wish.search_id}").random() < 0.8:
            self.parts.subscriptions.confirm(token, wish.at + timedelta(minutes=6))

    # -- what a worker does ---------------------------------------------------------------------

    def _close(self, now: datetime, day: Day) -> None:
        """Close the day's episodes and apply the policies."""
        db, settings, counter = self.parts.db, self.parts.settings, self.parts.counter
        desk = counter.desk
        ended = analytics_jobs.close_episodes(db, settings, now).unresolved
        apply_unresolved_policy(
            desk,
            ended,
            mark=analytics_jobs.mark_policy,
            trail=lambda each: counter.trail(each.visitor, each.search_id, now),
            now=now,
        )
        people = Counted(episode.user_id for episode in ended)
        for episode in ended:
            if episode.user_id and people[episode.user_id] == 1:  # nobody with two answers either
                later = now + timedelta(hours=9)
                self.parts.agenda.at(later, partial(self._answer, episode))
        since = now - settings.demand_window
        threshold = settings.demand_threshold
        if threshold:
            for opened in apply_demand(desk, analytics_jobs.demand(db, since, threshold), now=now):
                number = opened.ticket.number
                chance = self._chance(f"team {number}")
                counter.plan(number, "", now, day.place, chance)

    def _answer(self, episode: UnresolvedEpisode, now: datetime) -> None:
        """Let a reader accept, decline or ignore the offer of a ticket."""
        desk = self.parts.counter.desk
        offer = open_offer(desk, episode.user_id)
        drawn = self._chance(f"offer {episode.search_id}").random()
        if offer is None or offer.episode_id != episode.id or drawn > 0.7:
            return
        if drawn > 0.3:
            decline_offer(desk, offer.id, user_id=episode.user_id)
            return
        person = next(one for one in self.parts.readers if one.user_id == episode.user_id)
        draft = TicketDraft(
            subject=offer.words or "…",
            requester=Requester(person.name, person.email, person.user_id),
            visitor=person.visitor,
            search_id=offer.search_id,
            language=episode.language or "en",
        )
        taken = take_offer(desk, offer.id, draft=draft, now=now)
        if not taken.existing:
            chance = self._chance(f"taken {episode.search_id}")
            self.parts.counter.plan(taken.ticket.number, "", now, 0.5, chance)

    def _group(self, now: datetime) -> None:
        self.parts.grouping.run(now)
        bring_up_to_date(self.parts.db, now)
        self.parts.keepers.decide(now)

    # -- articles -------------------------------------------------------------------------------

    def _add(self, number: int, at: datetime) -> None:
        """Let authors answer gaps: a commit, a publish and a replay of the failed searches."""
        addition = ADDITIONS[number]
        self._group(at - timedelta(hours=30))
        self.parts.keepers.assign(addition.slugs, at - timedelta(hours=26))
        self.parts.shelf.add(addition, at - timedelta(minutes=20))
        self._publish(at)

    def _publish(self, at: datetime, progress: Progress = silent) -> None:
        self.parts.shelf.publish(at, progress)
        self.parts.searching.forget()
        self.parts.replaying.run(at + timedelta(minutes=2))
        bring_up_to_date(self.parts.db, at + timedelta(minutes=3))

    def _end(self) -> None:
        """Leave everything as a worker's last round would."""
        db, settings, now = self.parts.db, self.parts.settings, self.plan.now
        self._group(now)
        self.parts.diagnosing.run(now, most=LOOKED_AT)
        self.parts.replaying.run(now)
        bring_up_to_date(db, now)
        escalate_due(db, settings.tiers, now=now)
        analytics_jobs.close_episodes(db, settings, now)
        for day, words in zip(self.plan.special(), SPECIAL, strict=True):
            note(db, Written(day.date(), day.date(), words), by="", now=now)
        solved_queries.refresh(db, settings, now, file=settings.solved_queries)

    def _chance(self, what: str) -> random.Random:
        return random.Random(f"{self.plan.seed} {what}")  # noqa: S311 - no secret
