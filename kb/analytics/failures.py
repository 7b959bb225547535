"""Why a search failed: at most one failure for each search, the first that applies.

A vector index always returns some results, so "no hit" alone would detect almost no failure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from rapidfuzz.distance import OSA

from kb.analytics import episodes
from kb.analytics.model import ArticleReading, Episode, Failure, Search, TicketSeen
from kb.tracking.events import Event, EventKind
from kb.tracking.query_text import folded
from search.text.analysis import stem, stop_words

ALIKE = 0.66  # similarity of spelling in [0, 1] above which two wordings mean the same


def failures(
    episode: Episode,
    tickets: Iterable[TicketSeen],
    *,
    ended: bool,
    window: timedelta = timedelta(hours=24),
    found: Sequence[Search] | None = None,
) -> dict[str, Failure]:
    """Return the failure of each failed search, by the search's id.

    A search that succeeded, or is undecided while the episode goes on, is left out. `found` are
    the episode's searches, if the caller already has them.
    """
    found = episodes.searches(episode) if found is None else found
    own = episodes.matching(episode, tickets, window)
    case = _Case(episode, own, ended, found)
    classes = {search.id: case.of(search, after) for search, after in episodes.consecutive(found)}
    return {search_id: failure for search_id, failure in classes.items() if failure is not None}


class _Case:
    """An episode's data that is needed to judge its searches."""

    def __init__(
        self,
        episode: Episode,
        tickets: Sequence[TicketSeen],
        ended: bool,
        found: Sequence[Search],
    ) -> None:
        self.ended = ended
        self.tickets = tickets
        self.readings = episodes.readings(episode)
        self.votes = episodes.votes(episode)
        self.solved = episode.of(EventKind.SOLVED, EventKind.FORM_WITHDRAWN)
        self.last = max((search.at for search in found), default=None)

    def of(self, search: Search, after: Search | None) -> Failure | None:
        """Return the first failure that applies, None for a success or an undecided search."""
        if search.total <= 0:
            return Failure.ZERO
        if not search.answerable:
            return Failure.WEAK
        if self._voted_down(search):
            return Failure.VOTED_DOWN
        if self._ticketed(search):
            return Failure.TICKETED
        return self._silent(search, after)

    def _silent(self, search: Search, after: Search | None) -> Failure | None:
        """Return the failure as judged by what was opened from the search and what came next."""
        opened = [reading for reading in self.readings if reading.search_id in search.ids]
        if self._approved(search):
            return None
        if opened:
            return Failure.BOUNCED if after and all(map(_bounced, opened)) else None
        if after and related(search.words, after.words, search.language):
            return Failure.REFINED
        return Failure.NO_CLICK if self.ended else None

    def _voted_down(self, search: Search) -> bool:
        return any(
            vote.search_id in search.ids and not episodes.is_helpful(vote)
            for vote in self.votes.values()
        )

    def _approved(self, search: Search) -> bool:
        acts: tuple[Event, ...] = (*self.solved, *self.votes.values())
        return any(act.search_id in search.ids for act in acts)

    def _ticketed(self, search: Search) -> bool:
        """Return whether a ticket names this search, or names no search and this was the last."""
        return any(
            ticket.search_id in search.ids or (not ticket.search_id and search.at == self.last)
            for ticket in self.tickets
        )


def _bounced(reading: ArticleReading) -> bool:
    return reading.seconds is not None and reading.seconds < episodes.READ_S


def related(words: str, later: str, language: str) -> bool:
    """Return whether two wordings mean the same: they share a stem or are spelt alike."""
    one, other = _telling(words, language), _telling(later, language)
    if not one or not other:  # the words were forgotten
        return False
    if _stems(one, language) & _stems(other, language):
        return True
    return OSA.normalized_similarity(" ".join(one), " ".join(other)) > ALIKE


def _telling(words: str, language: str) -> list[str]:
    """Return the folded words without stop words; all words if there are only stop words."""
    every = folded(words).split()
    return [word for word in every if word not in stop_words(language or "en")] or every


def _stems(telling: Sequence[str], language: str) -> set[str]:
    return {stem(word, language or "en") for word in telling}


def last_failed(found: Sequence[Search], classes: Mapping[str, Failure]) -> Search | None:
    """Return the last search that failed, None when none did."""
    return next((search for search in reversed(found) if search.id in classes), None)
