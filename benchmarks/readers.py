"""Simulated readers whose success is known: their events, and what really happened.

A month has readers who succeed and say so, succeed in silence, fail in silence, give up, reach the
ticket form, or come back by email; also bots and staff; and some who share an address, so that two
people look like one. Seeded: the same month each time.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from kb.tracking.events import Event, EventKind

START = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = 30
SHARED = 0.04  # share of people who look like the one before: same address, same kind of browser


@dataclass(frozen=True)
class Month:
    """The parameters of a month; all but `seed`, `people` and the percentages are chances in [0,
    1].
    """

    seed: int
    people: int
    spoken: float  # succeed and say so
    silent_success: float
    silent_failure: float
    mail: float  # read, then write an email
    form: float  # go to the ticket form; the rest give up at once
    submit: float  # chance of a ticket at the form without suggestions
    rescued: float  # of those, saved by suggestions
    answers: float  # chance of answering the survey
    matched: float  # chance that an email can be matched
    shared: float  # chance of sharing an address with the person before
    holdout: int  # per cent
    survey: int  # per cent
    failures_answer: float = 1.0  # how much likelier those who failed are to answer

    @property
    def effect(self) -> float:
        """Return by how much suggestions lower the chance of a ticket at the form."""
        return self.submit * self.rescued


def month(seed: int, *, failures_answer: float = 1.0, shared: float = SHARED) -> Month:
    """Return a month drawn at random."""
    chance = random.Random(seed)
    between = chance.uniform
    kinds = [between(0.05, 0.2), between(0.15, 0.45), between(0.1, 0.35), between(0.02, 0.08),
             between(0.15, 0.3), between(0.05, 0.2)]  # fmt: skip
    spoken, success, failure, mail, form, _ = (kind / sum(kinds) for kind in kinds)
    return Month(
        seed=seed,
        people=chance.randint(900, 2000),
        spoken=spoken,
        silent_success=success,
        silent_failure=failure,
        mail=mail,
        form=form,
        submit=between(0.4, 0.8),
        rescued=between(0.0, 0.5),
        answers=between(0.3, 0.7),
        matched=between(0.2, 0.8),
        shared=shared,
        holdout=chance.choice((10, 20, 30, 50)),
        survey=chance.choice((20, 50)),
        failures_answer=failures_answer,
    )


@dataclass
class Truth:
    """What really happened to the people of a month, bots and staff aside."""

    people: int = 0
    succeeded: int = 0

    @property
    def deflection(self) -> float:
        """Return the share of people whose need was met without a ticket."""
        return self.succeeded / self.people


@dataclass
class Life:
    """Makes the events of a month."""

    month: Month
    events: list[Event] = field(default_factory=list)
    truth: Truth = field(default_factory=Truth)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.month.seed + 1)
        self._drawn: dict[str, tuple[bool, bool]] = {}

    def live(self) -> Life:
        """Simulate all people; return self."""
        visitor, at = "", START
        for number in range(self.month.people):
            if not visitor or self.chance.random() >= self.month.shared:
                visitor = f"{self.month.seed}-{number}"
                at = START + timedelta(seconds=self.chance.uniform(0, DAYS * 86400))
            else:
                at += timedelta(minutes=self.chance.uniform(0, 20))
            self._person(visitor, at)
        for number in range(self.month.people // 5):
            self._noise(number)
        return self

    def _person(self, visitor: str, at: datetime) -> None:
        m = self.month
        kinds = ("spoken", "silent_success", "silent_failure", "mail", "form")
        weights = [getattr(m, kind) for kind in kinds]
        weights.append(max(0.0, 1 - sum(weights)))
        [kind] = self.chance.choices((*kinds, "gives_up"), weights)
        self.truth.people += 1
        self.truth.succeeded += bool(getattr(self, f"_{kind}")(visitor, at))

    def _spoken(self, visitor: str, at: datetime) -> bool:
        search = self._reads(visitor, at)
        said = EventKind.SOLVED if self.chance.random() < 0.5 else EventKind.VOTE
        self._do(said, visitor, at, 70, search_id=search, article="a", helpful=True)
        return True

    def _silent_success(self, visitor: str, at: datetime) -> bool:
        self._reads(visitor, at)
        self._survey(visitor, at, succeeded=True)
        return True

    def _silent_failure(self, visitor: str, at: datetime) -> bool:
        self._reads(visitor, at)
        self._survey(visitor, at, succeeded=False)
        return False

    def _mail(self, visitor: str, at: datetime) -> bool:
        self._reads(visitor, at)
        self._survey(visitor, at, succeeded=False)
        hours = self.chance.lognormvariate(1.0, 1.2)
        known = visitor if self.chance.random() < self.month.matched else ""
        self._do(EventKind.TICKET_CREATED, known, at, hours * 3600 + 80, origin="outside")
        return False

    def _form(self, visitor: str, at: datetime) -> bool:
        m = self.month
        search = self._search(visitor, at, 0)
        self._do(EventKind.FORM_OPENED, visitor, at, 20, search_id=search)
        held, _ = self._draws(visitor)
        arm = "held_out" if held else "shown"
        self._do(EventKind.HOLDOUT, visitor, at, 20, arm=arm, share=m.holdout)
        if self.chance.random() >= m.submit:
            return False  # leaves the form without an answer
        if not held and self.chance.random() < m.rescued:
            if self.chance.random() < 0.4:
                self._do(EventKind.FORM_WITHDRAWN, visitor, at, 60, search_id=search)
            else:
                self._opens(visitor, at, 40, search)
                self._survey(visitor, at, succeeded=True)
            return True
        self._do(EventKind.TICKET_CREATED, visitor, at, 90, search_id=search, origin="asked")
        return False

    def _gives_up(self, visitor: str, at: datetime) -> bool:
        search = self._search(visitor, at, 0)
        if self.chance.random() < 0.3:
            self._do(EventKind.VIEW, visitor, at, 5, search_id=search, article="a")
            self._do(EventKind.DWELL, visitor, at, 9, article="a", search_id=search, seconds=4)
        return False

    def _noise(self, number: int) -> None:
        """A bot or a member of staff: marked when recorded, and left out of reports."""
        at = START + timedelta(seconds=self.chance.uniform(0, DAYS * 86400))
        left_out = "robot" if number % 4 else "staff"
        search = self._search(f"{left_out}{number}", at, 0, left_out=left_out)
        for step in range(5):
            self._do(EventKind.VIEW, f"{left_out}{number}", at, 2 + step, article=f"a{step}",
                     search_id=search, left_out=left_out)  # fmt: skip

    # -- Steps ----------------------------------------------------------------------------------

    def _reads(self, visitor: str, at: datetime) -> str:
        search = self._search(visitor, at, 0)
        self._opens(visitor, at, 8, search)
        return search

    def _opens(self, visitor: str, at: datetime, after: float, search: str) -> None:
        self._do(EventKind.CLICK, visitor, at, after, search_id=search, article="a", rank=1)
        self._do(EventKind.VIEW, visitor, at, after, search_id=search, article="a")
        seconds = self.chance.uniform(11, 300)
        self._do(EventKind.DWELL, visitor, at, after + 12, search_id=search, article="a",
                 seconds=seconds)  # fmt: skip

    def _survey(self, visitor: str, at: datetime, *, succeeded: bool) -> None:
        _, asked = self._draws(visitor)
        if not asked:
            return
        self._do(EventKind.SURVEY_SHOWN, visitor, at, 55, article="a")
        likelier = 1.0 if succeeded else self.month.failures_answer
        if self.chance.random() < self.month.answers * likelier:
            self._do(EventKind.SURVEY_ANSWERED, visitor, at, 57, article="a", found=succeeded)

    def _draws(self, visitor: str) -> tuple[bool, bool]:
        """Return whether the visitor is held out, and whether they are asked."""
        if visitor not in self._drawn:
            percents = (self.month.holdout, self.month.survey)
            held, asked = (self.chance.random() * 100 < percent for percent in percents)
            self._drawn[visitor] = (held, asked)
        return self._drawn[visitor]

    def _search(self, visitor: str, at: datetime, after: float, left_out: str = "") -> str:
        answerable = self.chance.random() < 0.9
        return self._do(EventKind.SEARCH, visitor, at, after, left_out=left_out, words="vpn",
                        total=3, answerable=answerable, language="en", surface="page")  # fmt: skip

    def _do(
        self, kind: EventKind, visitor: str, at: datetime, after: float, *, left_out: str = "",
        search_id: str | None = None, article: str | None = None, words: str | None = None,
        **data: object,
    ) -> str:  # fmt: skip
        name = f"{self.month.seed}x{len(self.events)}"
        own = name if kind is EventKind.SEARCH else search_id
        when = at + timedelta(seconds=after)
        self.events.append(
            Event(name, when, kind, visitor, search_id=own, article=article, words=words,
                  words_key=words, left_out=left_out, data=data, seq=len(self.events) + 1)
        )  # fmt: skip
        return name
