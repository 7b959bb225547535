"""What happens after searches that failed: an offer, a ticket, or one ticket for the team.

Each episode is dealt with once: the ticket or offer, the email and the mark on the episode are one
transaction, and a repeat finds what was made. No two open tickets of the team have the same words,
and people who are helped already are not counted again. Callers count the demand and hand in the
unresolved episodes.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from kb.notifications.outbox import email_language
from kb.tickets import deduplication, forms
from kb.tickets.creation import CreatedTicket
from kb.tickets.model import Offer, OfferState, Origin, Requester, TicketDraft
from kb.tickets.requester_store import Offers
from kb.tickets.service import Desk, Work
from kb.tickets.store import provided_for

# -- Demand: one ticket for the team --


log = logging.getLogger(__name__)

WORDS_SHOWN = 120  # characters; leaves room in a subject for the sentence around them

_TEXTS = {
    "en": (
        "{people} people searched for “{words}” and found no answer",
        "{searches} searches by {people} people between {first:%Y-%m-%d} and {last:%Y-%m-%d} "
        "(UTC) failed on these words, and nobody owns it yet.\n\n"
        "Write the article, fix the one that should have answered, or link it here. "
        "People who fail on it from now on are told that you are working on it.",
    ),
    "es": (
        "{people} personas buscaron «{words}» y no encontraron respuesta",
        "{searches} búsquedas de {people} personas entre el {first:%Y-%m-%d} y el {last:%Y-%m-%d} "
        "(UTC) fallaron con estas palabras, y nadie se encarga todavía.\n\n"
        "Escriba el artículo, corrija el que debió responder o enlácelo aquí. "
        "A quienes fallen a partir de ahora se les dirá que el equipo trabaja en ello.",
    ),
}


class FailingQuery(Protocol):
    """Words on which distinct people failed, in episodes without a ticket."""

    @property
    def words_key(self) -> str: ...
    @property
    def words(self) -> str: ...
    @property
    def people(self) -> int: ...
    @property
    def searches(self) -> int: ...
    @property
    def first_at(self) -> datetime: ...
    @property
    def last_at(self) -> datetime: ...


def apply_demand(
    desk: Desk, demands: Iterable[FailingQuery], *, now: datetime
) -> tuple[CreatedTicket, ...]:
    """Open a ticket for each demand that is large enough and has none; return the new ones.

    The size is the demand's people less those provided for; the setting `demand_threshold` is the
    size from which a ticket is made, 0 being never.
    """
    threshold = desk.settings.demand_threshold
    large = (demand for demand in demands if 0 < threshold <= demand.people)
    answers = [_attempt(desk, demand, threshold=threshold, now=now) for demand in large]
    return tuple(opened for opened in answers if opened and not opened.existing)


def _attempt(
    desk: Desk, demand: FailingQuery, *, threshold: int, now: datetime
) -> CreatedTicket | None:
    """Do what `_apply` does; an error is logged, so that the other demands go on."""
    try:
        return _apply(desk, demand, threshold=threshold, now=now)
    except Exception:
        log.exception("the demand %s was left for the next round", demand.words_key)
        return None


def _apply(
    desk: Desk, demand: FailingQuery, *, threshold: int, now: datetime
) -> CreatedTicket | None:
    """Return the ticket for the demand; None when too few people are left to provide for."""
    with desk.work() as work:
        work.tickets.reserve()
        since = demand.first_at
        people = demand.people - provided_for(work.connection, demand.words_key, since=since)
        if people < threshold:
            return None
        draft = _draft(demand, people, desk.settings.language)
        opened = work.opening.open(draft, Origin.DEMAND, now=now, submission="")
    desk.tell_record(opened)
    return opened


def _draft(demand: FailingQuery, people: int, language: str) -> TicketDraft:
    subject, body = _TEXTS[email_language(language)]
    words = forms.line(demand.words)
    short = words if len(words) <= WORDS_SHOWN else words[: WORDS_SHOWN - 1] + "…"
    counts = {"people": people, "searches": demand.searches}
    return TicketDraft(
        subject=subject.format(words=short, **counts),
        body=body.format(first=demand.first_at, last=demand.last_at, **counts),
        language=language,
        trail={"demand": {"words": words, **counts}},
        words_key=demand.words_key,
    )


# -- Unresolved episodes --


class EndedEpisode(Protocol):
    """An episode that ended unresolved; its words are redacted and may be gone ("")."""

    @property
    def id(self) -> str: ...
    @property
    def visitor(self) -> str: ...
    @property
    def user_id(self) -> str | None: ...
    @property
    def search_id(self) -> str: ...
    @property
    def words(self) -> str: ...
    @property
    def words_key(self) -> str: ...
    @property
    def language(self) -> str: ...
    @property
    def ended_at(self) -> datetime: ...


class Done(StrEnum):
    """What was done about an episode, as it is marked."""

    OFF = "off"  # the policy is off; switching it on later leaves past episodes alone
    NOBODY = "nobody"  # no account to write to
    EXISTING = "existing"  # a ticket or offer for the same need is open
    JOINED = "joined"
    OFFERED = "offered"
    OPENED = "opened"


Mark = Callable[[Any, str, str], object]  # (connection, episode id, what was done)
Trail = Callable[[Any], Mapping[str, Any]]  # an episode -> its search trail


def apply_unresolved_policy(
    desk: Desk, episodes: Iterable[EndedEpisode], *, mark: Mark, trail: Trail, now: datetime
) -> dict[Done, int]:
    """Deal with the episodes; return how many were dealt with in which way.

    `mark` writes on the connection it is given, so that an episode is marked exactly if it was
    dealt with. An episode that fails is logged and left for the next round; the rest go on.
    """
    counts = dict.fromkeys(Done, 0)
    for episode in episodes:
        try:
            counts[_deal_with(desk, episode, mark=mark, trail=trail, now=now)] += 1
        except Exception:  # whatever it is, it must not keep the others waiting
            log.exception("episode %s was left for the next round", episode.id)
    return counts


def _deal_with(
    desk: Desk, episode: EndedEpisode, *, mark: Mark, trail: Trail, now: datetime
) -> Done:
    seen = trail(episode) if desk.settings.unresolved_policy != "off" else {}
    opened: list[CreatedTicket] = []
    with desk.work() as work:
        case = _Case(desk, work, episode, seen, now)
        done = case.decide(opened)
        mark(work.connection, episode.id, done.value)
    for each in opened:
        desk.tell_record(each)
    return done


@dataclass(frozen=True, slots=True)
class _Case:
    """One episode inside one transaction."""

    desk: Desk
    work: Work
    episode: EndedEpisode
    trail: Mapping[str, Any]
    now: datetime

    def decide(self, opened: list[CreatedTicket]) -> Done:
        """Return what was done; a ticket, new or not, is added to `opened`."""
        policy = self.desk.settings.unresolved_policy
        if policy == "off":
            return Done.OFF
        self.work.tickets.reserve()
        person = self.work.tickets.person(self.episode.user_id or "")
        if person is None:
            return Done.NOBODY
        if self._served(person):
            return Done.EXISTING
        if policy == "always" or self._team_owns_it():
            return self._open(person, opened)
        return self._offer(person)

    def _served(self, person: Requester) -> bool:
        """Return whether the person asked for a ticket after all, or has one for these words."""
        episode, tickets = self.episode, self.work.tickets
        return bool(
            tickets.open_of_person(person, episode.words_key)
            or tickets.asked_about(
                person, episode.visitor, search_id=episode.search_id, since=episode.ended_at
            )
        )

    def _team_owns_it(self) -> bool:
        need = deduplication.demand_need(self.episode.words_key)
        return self.work.tickets.open_by_need(need) is not None

    def _open(self, person: Requester, opened: list[CreatedTicket]) -> Done:
        submission = deduplication.episode_submission(self.episode.id)
        draft = self._draft(person)
        made = self.work.opening.open(draft, Origin.POLICY, now=self.now, submission=submission)
        opened.append(made.told(draft, self.now))
        if made.joined:
            return Done.JOINED
        return Done.EXISTING if made.existing else Done.OPENED

    def _offer(self, person: Requester) -> Done:
        offers = Offers(self.desk.db, self.work.connection)
        offer = self._the_offer(person)
        if offers.open_for(person.user_id, offer.need_key) or not offers.add(offer):
            return Done.EXISTING
        reader = (person, self.episode.language)
        words = self._draft(person).subject
        self.work.post.offered(reader, words, offer_id=offer.id, now=self.now)
        return Done.OFFERED

    def _the_offer(self, person: Requester) -> Offer:
        episode = self.episode
        return Offer(
            id=str(uuid.uuid4()),
            user_id=person.user_id,
            episode_id=episode.id,
            need_key=deduplication.person_need(deduplication.identity(person), episode.words_key),
            search_id=episode.search_id,
            words=episode.words,
            state=OfferState.OPEN,
            created_at=self.now,
        )

    def _draft(self, person: Requester) -> TicketDraft:
        episode = self.episode
        draft = TicketDraft(
            subject=episode.words,
            requester=person,
            visitor=episode.visitor,
            search_id=episode.search_id,
            language=episode.language,
            trail=self.trail,
            words_key=episode.words_key,
        )
        return forms.from_words(draft)
