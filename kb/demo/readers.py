"""Made-up readers: what they look for, in which words, and what they do with the results.

Some needs are answered by the shipped articles and others by none; words are misspelt now and then.
The same seed, day and results give the same visits. There are more on weekdays than at weekends, a
little more success from week to week, one outage and one release. Search results are handed in, and
what happened is handed back as events and requests.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from kb.config.demo_marker import HOLDOUT, SURVEY
from kb.tracking.events import Arm, Event, EventKind, Surface
from kb.tracking.experiments import arm_of, drawn
from kb.tracking.query_text import words_key

# -- What readers look for, and in which words --


FILE = Path(__file__).with_name("needs.yml")
MISSPELT = 0.1  # share of searches
SHORTEST = 5  # letters that a word needs to be misspelt


@dataclass(frozen=True, slots=True)
class Need:
    """One thing people look for. `article` answers it with probability `works`, "" if none does;
    `words` are wordings, the most common first; `name` is for special days, else "".
    """

    article: str
    words: tuple[str, ...]
    weight: float
    works: float = 0.0
    language: str = "en"
    name: str = ""

    def wording(self, chance: random.Random, *, but: str = "") -> str:
        """Return a wording, other than `but` where there is another."""
        left = [one for one in self.words if one != but] or list(self.words)
        [chosen] = chance.choices(left, [1 / (place + 1) for place in range(len(left))])
        return misspelt(chosen) if chance.random() < MISSPELT else chosen


def needs() -> tuple[Need, ...]:
    """Return every need."""
    rows = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return tuple(
        Need(
            article=row["article"],
            words=tuple(str(each) for each in row["words"]),
            weight=float(row["weight"]),
            works=float(row.get("works", 0.0)),
            language=row.get("language", "en"),
            name=row.get("id", ""),
        )
        for row in rows
    )


def misspelt(words: str) -> str:
    """Return the words with two letters of the longest one swapped, always the same two, so that
    everybody makes the same mistake.
    """
    longest = max(words.split(), key=len)
    if len(longest) < SHORTEST:
        return words
    at = len(longest) // 2
    swapped = longest[: at - 1] + longest[at] + longest[at - 1] + longest[at + 1 :]
    return words.replace(longest, swapped, 1)


def pick(every: Sequence[Need], chance: random.Random, boosts: dict[str, float]) -> Need:
    """Return a need drawn by weight; `boosts` multiplies weights by the needs' `name`."""
    weights = [need.weight * boosts.get(need.name, 1.0) for need in every]
    [chosen] = chance.choices(every, weights)
    return chosen


# -- The visits of one day --


WEEKDAY, WEEKEND = 88, 16  # visits
GROWTH = 0.15  # growth of visits from the first day to the last
BETTER = 0.12  # added to the probability that an article helps, from the first day to the last
SIGNED_IN = 0.28
HOURS = (1, 1, 1, 1, 1, 2, 6, 20, 40, 44, 38, 30, 22, 30, 36, 32, 24, 14, 8, 6, 5, 4, 3, 2)
DEVICES = {"computer": 0.6, "phone": 0.29, "tablet": 0.04, "": 0.07}
REASONS = ("did-not-work", "hard-to-follow", "out-of-date", "not-my-problem")
OUTAGE_HOURS = (9, 12)  # UTC
OUTAGE_VISITS, RELEASE_VISITS = 130, 40
RELEASE_DAYS = 4


@dataclass(frozen=True, slots=True)
class DemoReader:
    """A visitor. `draw` is their key in comparisons; what is not known of them is ""."""

    draw: str
    visitor: str
    user_id: str = ""
    name: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class DemoResults:
    """What a search showed: slugs in order, and its data in the event log (JSON-able)."""

    hits: tuple[str, ...]
    answerable: bool
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DemoRequest:
    """What a reader requests after a search: a ticket, or a notification of an answer."""

    at: datetime
    person: DemoReader
    need: Need
    words: str
    search_id: str
    number: int  # of the visit, within the day


@dataclass(slots=True)
class Visit:
    """What one person did, and what followed outside the event log; `mailed` is when they wrote to
    another system.
    """

    events: list[Event] = field(default_factory=list)
    ticket: DemoRequest | None = None
    subscription: DemoRequest | None = None
    mailed: tuple[datetime, DemoReader] | None = None


Search = Callable[[str, str, bool], DemoResults]  # (words, language, signed in)


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the quarter; `place` runs from 0 on the first day to 1 on the last."""

    start: datetime
    place: float
    seed: int
    outage: bool = False
    release: bool = False

    def times(self, chance: random.Random) -> list[tuple[datetime, dict[str, float], bool]]:
        """Return for each visit its start, boosts by need, and whether an outage causes it."""
        usual = WEEKDAY if self.start.weekday() < 5 else WEEKEND
        count = round(usual * (1 + GROWTH * self.place) * chance.uniform(0.9, 1.1))
        found = [(self._moment(chance), dict[str, float](), False) for _ in range(count)]
        if self.outage:
            first, last = OUTAGE_HOURS
            for _ in range(OUTAGE_VISITS):
                at = self.start + timedelta(hours=chance.uniform(first, last))
                found.append((at, {"vpn": 60.0}, True))
        if self.release:
            found += [
                (self._moment(chance), {"release": 60.0}, False) for _ in range(RELEASE_VISITS)
            ]
        return sorted(found, key=lambda each: each[0])

    def _moment(self, chance: random.Random) -> datetime:
        [hour] = chance.choices(range(24), HOURS)
        return self.start + timedelta(hours=hour, seconds=round(chance.uniform(0, 3599)))


def visits(
    day: Day, needs: Sequence[Need], readers: Sequence[DemoReader], search: Search
) -> Iterator[Visit]:
    """Yield the visits of a day in order of their start; `readers` have accounts."""
    chance = random.Random(f"{day.seed} {day.start:%Y-%m-%d}")  # noqa: S311 - no secret
    away: dict[str, datetime] = {}  # a signed-in reader does one thing at a time
    for number, (at, boosts, outage) in enumerate(day.times(chance)):
        need = pick(needs, chance, boosts)
        person = _person(day, number, chance, readers)
        if person.user_id and away.get(person.visitor, at) > at:
            person = _unknown(day, number, chance)
        life = _Life(day, chance, person, need, search, number, outage)
        yield life.live(at)
        away[person.visitor] = at + timedelta(minutes=50)


def _person(
    day: Day, number: int, chance: random.Random, readers: Sequence[DemoReader]
) -> DemoReader:
    known = chance.random() < SIGNED_IN
    return chance.choice(readers) if known and readers else _unknown(day, number, chance)


def _unknown(day: Day, number: int, chance: random.Random) -> DemoReader:
    visitor = f"{chance.getrandbits(128):032x}"
    name = f"{day.start:%m%d}-{number}"
    return DemoReader(visitor, visitor, "", f"Demo visitor {name}", f"visitor-{name}@example.org")


class _Life:
    """One visit."""

    def __init__(
        self,
        day: Day,
        chance: random.Random,
        person: DemoReader,
        need: Need,
        search: Search,
        number: int,
        outage: bool,
    ) -> None:
        self.day, self.chance, self.person, self.need = day, chance, person, need
        self.number, self.outage, self.search = number, outage, search
        self.visit = Visit()
        self.device = chance.choices([*DEVICES], [*DEVICES.values()])[0]
        self.at = day.start

    def live(self, at: datetime) -> Visit:
        """Return what happened in a visit that starts at `at`."""
        self.at, words = at, ""
        for attempt in range(3):
            words = self.need.wording(self.chance, but=words)
            search_id, shown = self._asks(words)
            if self._tries(search_id, shown, words) or not self._goes_on(attempt, shown):
                break
        return self.visit

    def _goes_on(self, attempt: int, shown: DemoResults) -> bool:
        likely = 0.32 if shown.answerable else 0.45
        self.at += timedelta(seconds=self.chance.uniform(6, 40))
        return attempt < 2 and self._is(likely)

    def _tries(self, search_id: str, shown: DemoResults, words: str) -> bool:
        """Return whether the visit ends with what this search showed."""
        rank = shown.hits.index(self.need.article) + 1 if self.need.article in shown.hits else 0
        if rank and shown.answerable and self._is({1: 0.95, 2: 0.85, 3: 0.7}.get(rank, 0.4)):
            return self._reads(search_id, shown, words, rank)
        if shown.hits and self._is(0.3):  # opens another result and leaves it at once
            place = self.chance.choice(range(min(3, len(shown.hits)))) + 1
            self._opens(search_id, shown.hits[place - 1], place, self.chance.uniform(2, 9))
        return self._unhappy(search_id, shown, words)

    def _reads(self, search_id: str, shown: DemoResults, words: str, rank: int) -> bool:
        slug = shown.hits[rank - 1]
        helps = 0.05 if self.outage else self.need.works - 0.08 + BETTER * self.day.place
        if self._is(helps):
            self._opens(search_id, slug, rank, self.chance.uniform(18, 260))
            self._happy(search_id, slug)
            return True
        bounced = self._is(0.25)
        self._opens(search_id, slug, rank, self.chance.uniform(*((2, 9) if bounced else (15, 120))))
        if self._is(0.2):
            reason = self.chance.choices(REASONS, (5, 3, 2, 2))[0]
            self._does(EventKind.VOTE, 3, search_id, slug, helpful=False, reason=reason)
        elif not bounced:
            self._survey(search_id, slug, met=False)
        return self._unhappy(search_id, shown, words)

    def _happy(self, search_id: str, slug: str) -> None:
        said = self.chance.random()
        if said < 0.12:
            self._does(EventKind.SOLVED, 2, search_id, slug)
        elif said < 0.26:
            self._does(EventKind.VOTE, 2, search_id, slug, helpful=True, reason="")
        else:
            self._survey(search_id, slug, met=True)

    def _unhappy(self, search_id: str, shown: DemoResults, words: str) -> bool:
        """Return whether a reader without an answer ends the visit here."""
        what = self.chance.random()
        form = (0.45 if self.outage else 0.24) - 0.06 * self.day.place
        if what < form:
            self._form(search_id, shown, words)
        elif what < form + 0.06:
            later = self.at + timedelta(hours=self.chance.uniform(0.5, 15))
            self.visit.mailed = (later, self.person)
        elif what < form + 0.10 and self.need.article not in shown.hits:
            self.visit.subscription = self._wish(search_id, words)
        else:
            return self._is(0.3)
        return True

    # -- the ticket form ------------------------------------------------------------------------

    def _form(self, search_id: str, shown: DemoResults, words: str) -> None:
        self._does(EventKind.FORM_OPENED, 12, search_id)
        arm = arm_of(f"demonstration {self.day.seed}", self.person.draw, HOLDOUT)
        self._does(EventKind.HOLDOUT, 0, None, arm=arm.value, share=HOLDOUT)
        found = shown.hits[:3]
        if arm is Arm.SHOWN and found:
            self._does(EventKind.SUGGESTION_SHOWN, 1, search_id, articles=list(found))
            if self._is(0.42 if self.need.article in found else 0.2):
                return self._saved(search_id, found)
        if self._is(0.76):
            self.at += timedelta(seconds=self.chance.uniform(40, 240))
            self.visit.ticket = self._wish(search_id, words)
        return None

    def _saved(self, search_id: str, found: Sequence[str]) -> None:
        slug = self.need.article if self.need.article in found else found[0]
        self._does(EventKind.SUGGESTION_OPENED, 8, search_id, slug)
        self._does(EventKind.VIEW, 0, None, slug)
        seconds = round(self.chance.uniform(20, 150), 1)
        self._does(EventKind.DWELL, seconds, None, slug, seconds=seconds)
        if self._is(0.6):
            self._does(EventKind.FORM_WITHDRAWN, 5, search_id)

    def _wish(self, search_id: str, words: str) -> DemoRequest:
        return DemoRequest(self.at, self.person, self.need, words, search_id, self.number)

    # -- steps ----------------------------------------------------------------------------------

    def _asks(self, words: str) -> tuple[str, DemoResults]:
        shown = self.search(words, self.need.language, bool(self.person.user_id))
        surface = Surface.API if not self.device and self._is(0.3) else Surface.PAGE
        data = dict(shown.data) | {"surface": surface.value, "device": self.device}
        search_id = self._id()
        event = Event(
            search_id,
            self.at,
            EventKind.SEARCH,
            self.person.visitor,
            user_id=self.person.user_id or None,
            search_id=search_id,
            words=words,
            words_key=words_key(words),
            data=data,
        )
        self.visit.events.append(event)
        return search_id, shown

    def _opens(self, search_id: str, slug: str, rank: int, seconds: float) -> None:
        self._does(EventKind.CLICK, self.chance.uniform(2, 9), search_id, slug, rank=rank)
        self._does(EventKind.VIEW, 0, search_id, slug)
        self._does(EventKind.DWELL, seconds, search_id, slug, seconds=round(seconds, 1))

    def _survey(self, search_id: str, slug: str, *, met: bool) -> None:
        who = f"{self.person.draw} {self.day.start:%Y-%m-%d}"
        if not drawn(f"demonstration {self.day.seed}", "survey", who, SURVEY):
            return
        self._does(EventKind.SURVEY_SHOWN, 1, search_id, slug)
        if self._is(0.55 if met else 0.45):
            self._does(EventKind.SURVEY_ANSWERED, 4, search_id, slug, found=met)

    def _does(
        self,
        kind: EventKind,
        after: float,
        search_id: str | None,
        slug: str | None = None,
        **data: Any,
    ) -> None:
        self.at += timedelta(seconds=round(after, 1))
        self.visit.events.append(
            Event(
                self._id(),
                self.at,
                kind,
                self.person.visitor,
                user_id=self.person.user_id or None,
                search_id=search_id,
                article=slug,
                data=data,
            )
        )

    def _is(self, likely: float) -> bool:
        return self.chance.random() < likely

    def _id(self) -> str:
        return f"{self.chance.getrandbits(128):032x}"


def noise(day: Day, needs: Sequence[Need], staff: DemoReader, search: Search) -> Iterator[Event]:
    """Yield the events of staff and robots on the day, marked so that no figure counts them."""
    chance = random.Random(f"{day.seed} noise {day.start:%Y-%m-%d}")  # noqa: S311 - no secret
    for number in range(14 if day.start.weekday() < 5 else 6):
        robot = number % 3 > 0
        person = DemoReader("", f"{chance.getrandbits(128):032x}") if robot else staff
        at = day.start + timedelta(hours=chance.uniform(0 if robot else 8, 23 if robot else 17))
        need = pick(needs, chance, {})
        shown = search(need.words[0], need.language, not robot)
        for event in _looks(chance, person, at, need, shown):
            yield event if not robot else _of_robot(event)


def _looks(
    chance: random.Random, person: DemoReader, at: datetime, need: Need, shown: DemoResults
) -> Iterator[Event]:
    search_id, user = f"{chance.getrandbits(128):032x}", person.user_id or None
    yield Event(
        search_id, at, EventKind.SEARCH, person.visitor, user_id=user, search_id=search_id,
        words=need.words[0], words_key=words_key(need.words[0]), left_out="staff",
        data=dict(shown.data) | {"surface": Surface.PAGE.value, "device": "computer"},
    )  # fmt: skip # a list, several to a line
    for place, slug in enumerate(shown.hits[:2], start=1):
        yield Event(
            f"{chance.getrandbits(128):032x}",
            at + timedelta(seconds=4 * place),
            EventKind.VIEW,
            person.visitor,
            user_id=user,
            search_id=search_id,
            article=slug,
            left_out="staff",
        )


def _of_robot(event: Event) -> Event:
    return replace(event, left_out="robot")
