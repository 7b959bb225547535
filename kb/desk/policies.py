"""What happens to a signed-in person's unresolved episode: nothing, an offer, or a ticket.

Promises that each episode is dealt with once: the ticket or offer, the letter and the mark on the
episode are one transaction, and a repeat finds what was made. Knows no episode's rules; it is
handed the unresolved ones.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from kb.desk import forms, needs
from kb.desk.demand import apply_demand
from kb.desk.offers.answers import decline_offer, find_offer, open_offer, take_offer
from kb.desk.offers.offer import Offer, OfferState
from kb.desk.offers.store import Offers
from kb.desk.opening import Opened
from kb.desk.service import Desk, Work
from kb.desk.ticket import Draft, Origin, Requester

__all__ = [
    "Done",
    "EndedEpisode",
    "apply_demand",
    "apply_unresolved_policy",
    "decline_offer",
    "find_offer",
    "open_offer",
    "take_offer",
]

log = logging.getLogger(__name__)


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
    """What became of an episode, as it is marked."""

    OFF = "off"  # the policy said so; switching it on later does not dig up the past
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
    """Return how many episodes were dealt with in which way.

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
    opened: list[Opened] = []
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

    def decide(self, opened: list[Opened]) -> Done:
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
        need = needs.demand_need(self.episode.words_key)
        return self.work.tickets.open_by_need(need) is not None

    def _open(self, person: Requester, opened: list[Opened]) -> Done:
        submission = needs.episode_submission(self.episode.id)
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
            need_key=needs.person_need(needs.identity(person), episode.words_key),
            search_id=episode.search_id,
            words=episode.words,
            state=OfferState.OPEN,
            created_at=self.now,
        )

    def _draft(self, person: Requester) -> Draft:
        episode = self.episode
        draft = Draft(
            subject=episode.words,
            requester=person,
            visitor=episode.visitor,
            search_id=episode.search_id,
            language=episode.language,
            trail=self.trail,
            words_key=episode.words_key,
        )
        return forms.from_words(draft)
