"""Records what a visitor does besides searching.

Nothing that a browser sends is trusted: articles must exist and be readable, a search must be the
visitor's own, texts and numbers are bounded. No method raises while the database is away; those
that record return whether the event is kept (`Recorder.record`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from kb.access import LibraryGetter, readable
from kb.accounts.roles import Viewer
from kb.publishing.live_library import at_hand
from kb.redaction.redactor import Redactor
from kb.redaction.redactor import redact as redact_secrets
from kb.searches.service import redaction_facts, storable_words
from kb.tracking import store as tracking_store
from kb.tracking.events import Arm, Event, EventKind, new_id
from kb.tracking.recorder import Recorder

LONGEST_ID = 36
LONGEST_REASON = 500
LONGEST_DWELL_S = 3600.0  # an hour; a tab left open overnight is not reading
DEEPEST_RANK = 1000
FORM_KEPT_OPEN = timedelta(days=1)  # a suggestion opened later does not come from the form
ASKED_AGAIN = timedelta(days=30)  # how long after an answer nobody is asked again


class ActivityRecorder:
    """Records the events of one site, with one method per kind."""

    def __init__(
        self, recorder: Recorder, library: LibraryGetter, *, redact: Redactor = redact_secrets
    ) -> None:
        self._recorder = recorder
        self._library = library
        self._redact = redact

    def opened(
        self,
        viewer: Viewer,
        slug: str,
        *,
        now: datetime,
        search_id: str | None = None,
        rank: int | None = None,
    ) -> str | None:
        """Record that an article was opened, and from which of the viewer's own searches.

        Return that search's id; None if there was none, or if the link is another person's.
        """
        if readable(self._library(), slug, viewer) is None:
            return None
        own = self.owned(viewer, search_id, now=now)
        view = _event(viewer, EventKind.VIEW, now, own, article=slug)
        click = _event(viewer, EventKind.CLICK, now, own, article=slug, data=_rank(rank))
        self._recorder.record(*((click, view) if own else (view,)))
        return own

    def click(
        self, viewer: Viewer, search_id: str | None, slug: str, *, rank: int, now: datetime
    ) -> bool:
        """Record that a hit was opened; `rank` counts from 1."""
        return self._of_article(viewer, EventKind.CLICK, slug, search_id, now, _rank(rank))

    def view(
        self, viewer: Viewer, slug: str, *, now: datetime, search_id: str | None = None
    ) -> bool:
        """Record that an article's page was fetched."""
        return self._of_article(viewer, EventKind.VIEW, slug, search_id, now)

    def dwell(
        self,
        viewer: Viewer,
        slug: str,
        seconds: float,
        *,
        now: datetime,
        search_id: str | None = None,
    ) -> bool:
        """Record how long the article has been visible so far, in seconds."""
        if not 0 <= seconds < float("inf"):
            return False
        data = {"seconds": round(min(float(seconds), LONGEST_DWELL_S), 1)}
        return self._of_article(viewer, EventKind.DWELL, slug, search_id, now, data)

    def vote(
        self,
        viewer: Viewer,
        slug: str,
        helpful: bool,
        *,
        now: datetime,
        reason: str = "",
        search_id: str | None = None,
    ) -> bool:
        """Record a vote on an article; a later vote of the same visitor replaces it in figures."""
        said, redacted = storable_words(reason, LONGEST_REASON, self._redact)
        data = {"helpful": bool(helpful), "reason": said} | redaction_facts(redacted)
        return self._of_article(viewer, EventKind.VOTE, slug, search_id, now, data)

    def solved(
        self,
        viewer: Viewer,
        *,
        now: datetime,
        slug: str | None = None,
        search_id: str | None = None,
    ) -> bool:
        """Record "this solved it", on an article or on the list of answers."""
        if slug:
            return self._of_article(viewer, EventKind.SOLVED, slug, search_id, now)
        return self._plain(viewer, EventKind.SOLVED, now, search_id)

    def form_opened(
        self, viewer: Viewer, *, now: datetime, search_id: str | None = None, slug: str = ""
    ) -> bool:
        """Record that the ticket form was opened, from a search or an article."""
        known = slug if slug and readable(at_hand(self._library), slug, viewer) else None
        event = _event(viewer, EventKind.FORM_OPENED, now, search_id, article=known)
        return self._recorder.record(event)

    def form_withdrawn(
        self, viewer: Viewer, *, now: datetime, search_id: str | None = None
    ) -> bool:
        """Record that a suggestion answered the question, so that no ticket is needed."""
        return self._plain(viewer, EventKind.FORM_WITHDRAWN, now, search_id)

    def suggestion_shown(
        self, viewer: Viewer, slugs: Collection[str], *, now: datetime, search_id: str | None = None
    ) -> bool:
        """Record which articles the ticket form suggested, at most ten."""
        library = self._library()
        shown = [slug for slug in slugs if readable(library, slug, viewer)][:10]
        return self._plain(
            viewer, EventKind.SUGGESTION_SHOWN, now, search_id, data={"articles": shown}
        )

    def suggestion_opened(
        self, viewer: Viewer, slug: str, *, now: datetime, search_id: str | None = None
    ) -> None:
        """Record that an article was opened from the suggestions of the ticket form.

        This is no click of the search that led to the form: its results had been left. If the
        visitor did not open the form, as with a link passed on, only a view is recorded.
        """
        if readable(self._library(), slug, viewer) is None:
            return
        view = _event(viewer, EventKind.VIEW, now, None, article=slug)
        kinds = {EventKind.FORM_OPENED: now - FORM_KEPT_OPEN}
        person = viewer.visitor
        if not self._recorder.look(
            lambda db: tracking_store.did(db, person, kinds), visitor=person
        ):
            self._recorder.record(view)
            return
        own = self.owned(viewer, search_id, now=now)
        opened = _event(viewer, EventKind.SUGGESTION_OPENED, now, own, article=slug)
        self._recorder.record(opened, view)

    def holdout(self, viewer: Viewer, arm: Arm, *, share: int, now: datetime) -> bool:
        """Record the visitor's arm of the comparison, while `share` per cent are held out."""
        return self._plain(
            viewer, EventKind.HOLDOUT, now, None, data={"arm": arm.value, "share": share}
        )

    def is_silent(self, viewer: Viewer, *, now: datetime, gap: timedelta) -> bool:
        """Return whether the visitor neither voted within `gap` nor answered a survey within
        ASKED_AGAIN; False while the database is away.
        """
        kinds = {EventKind.VOTE: now - gap, EventKind.SOLVED: now - gap}
        kinds[EventKind.SURVEY_ANSWERED] = now - ASKED_AGAIN
        spoke = self._recorder.look(lambda db: tracking_store.did(db, viewer.visitor, kinds))
        return spoke is False

    def survey_shown(
        self, viewer: Viewer, slug: str, *, now: datetime, search_id: str | None = None
    ) -> bool:
        """Record that an article's page asked whether the reader found what they needed."""
        return self._of_article(viewer, EventKind.SURVEY_SHOWN, slug, search_id, now)

    def survey_answered(
        self,
        viewer: Viewer,
        slug: str,
        found: bool,
        *,
        now: datetime,
        search_id: str | None = None,
    ) -> bool:
        """Record the answer; only a visitor's first of the UTC day is kept."""
        if readable(self._library(), slug, viewer) is None:
            return False
        data = {"found": bool(found)}
        event = _event(viewer, EventKind.SURVEY_ANSWERED, now, search_id, article=slug, data=data)
        event_id = f"s{now:%Y%m%d}{viewer.visitor}"[:LONGEST_ID]
        return self._recorder.record(replace(event, id=event_id))

    def ticket_created(
        self,
        viewer: Viewer,
        number: int,
        origin: str,
        *,
        now: datetime,
        search_id: str | None = None,
    ) -> bool:
        """Record that this person has a ticket: `origin` is asked, policy, or joined.

        The caller must have checked `search_id` (see `owned`). Repeated calls for one ticket are
        one event.
        """
        data = {"number": number, "origin": str(origin)}
        event = _event(viewer, EventKind.TICKET_CREATED, now, search_id, data=data)
        event_id = f"ticket-{number}-{viewer.visitor}"[:LONGEST_ID]
        return self._recorder.record(replace(event, id=event_id))

    def own_search(
        self,
        viewer: Viewer,
        search_id: str | None,
        *,
        now: datetime,
        others: Collection[str] = (),
    ) -> Event | None:
        """Return the search if it is this person's; None if it is another's or unknown, or while
        the database is away.

        `others` are further pseudonyms of the same browser (`Visitors.others`).
        """
        if not search_id or not _sound_id(search_id):
            return None
        search = self._recorder.search(search_id, now)
        return search if search and search.visitor in {viewer.visitor, *others} else None

    def owned(
        self,
        viewer: Viewer,
        search_id: str | None,
        *,
        now: datetime,
        others: Collection[str] = (),
    ) -> str | None:
        """Return the search id when that search is this person's, else None."""
        search = self.own_search(viewer, search_id, now=now, others=others)
        return search.id if search else None

    def _of_article(
        self,
        viewer: Viewer,
        kind: EventKind,
        slug: str,
        search_id: str | None,
        now: datetime,
        data: dict[str, Any] | None = None,
    ) -> bool:
        if readable(self._library(), slug, viewer) is None:
            return False
        event = _event(viewer, kind, now, search_id, article=slug, data=data)
        return self._recorder.record(event)

    def _plain(
        self,
        viewer: Viewer,
        kind: EventKind,
        now: datetime,
        search_id: str | None,
        *,
        data: dict[str, Any] | None = None,
    ) -> bool:
        return self._recorder.record(_event(viewer, kind, now, search_id, data=data))


def _event(
    viewer: Viewer,
    kind: EventKind,
    now: datetime,
    search_id: str | None,
    *,
    article: str | None = None,
    data: dict[str, Any] | None = None,
) -> Event:
    return Event(
        id=new_id(),
        at=now,
        kind=kind,
        visitor=viewer.visitor,
        user_id=viewer.user_id or None,
        search_id=search_id if search_id and _sound_id(search_id) else None,
        article=article,
        left_out=viewer.left_out,
        data=data or {},
    )


def _rank(rank: int | None) -> dict[str, Any]:
    return {"rank": min(max(rank or 0, 0), DEEPEST_RANK)}


def _sound_id(search_id: str) -> bool:
    return len(search_id) <= LONGEST_ID and search_id.isascii() and search_id.isalnum()
