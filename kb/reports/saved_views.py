"""Saving, opening, renaming and deleting views.

Promises that a view which is not shared is its owner's alone, and that nobody but the owner or an
operator changes one. Knows no page.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from kb.database import Connection, Database
from kb.errors import InvalidInput, NotAllowed, NotFound
from kb.reports import store
from kb.reports.model import SavedView, ViewRequest, named

MOST = 100  # views of one person


@dataclass(frozen=True, slots=True)
class ViewOwner:
    """Who acts: an account's id, and whether they run the site."""

    id: str
    operates: bool = False


def save(db: Database, what: ViewRequest, who: ViewOwner, now: datetime) -> SavedView:
    """Keep a view and return it; InvalidInput when the person has one of that name."""
    made = SavedView(str(uuid.uuid4()), who.id, what.name, what.shared, what.page, what.query, now)
    with db.begin() as connection:
        _free(connection, who.id, what.name)
        if sum(view.owner == who.id for view in store.views_seen_by(connection, who.id)) >= MOST:
            problem = f"You have {MOST} views already: delete one first."
            raise InvalidInput(problem, fields={"name": problem})
        store.add_view(connection, made)
    return made


def views_of(db: Database, who: ViewOwner) -> list[SavedView]:
    """Return the person's own views, then those that others share."""
    with db.read() as connection:
        return store.views_seen_by(connection, who.id)


def find(db: Database, view_id: str, who: ViewOwner) -> SavedView:
    """Return a view that this person may open; NotFound otherwise."""
    with db.read() as connection:
        return _found(connection, view_id, who)


def rename(db: Database, view_id: str, name: str, who: ViewOwner) -> None:
    """Give a view another name; InvalidInput when it is none, or taken."""
    name = named(name)
    with db.begin() as connection:
        view = _own(connection, view_id, who)
        _free(connection, view.owner, name, besides=view.id)
        store.change_view(connection, view.id, name=name)


def share(db: Database, view_id: str, shared: bool, who: ViewOwner) -> None:
    """Share a view with all who may read reports, or do so no longer."""
    with db.begin() as connection:
        store.change_view(connection, _own(connection, view_id, who).id, shared=shared)


def delete(db: Database, view_id: str, who: ViewOwner) -> None:
    """Delete a view."""
    with db.begin() as connection:
        store.remove_view(connection, _own(connection, view_id, who).id)


def may_change(view: SavedView, who: ViewOwner) -> bool:
    """Return whether the view is theirs to change."""
    return view.owner == who.id or (who.operates and view.shared)


def _own(connection: Connection, view_id: str, who: ViewOwner) -> SavedView:
    view = _found(connection, view_id, who)
    if not may_change(view, who):
        raise NotAllowed("This view is somebody else's.", "Save one of your own.")
    return view


def _found(connection: Connection, view_id: str, who: ViewOwner) -> SavedView:
    view = store.find_view(connection, view_id)
    if view is None or not (view.shared or view.owner == who.id):
        raise NotFound("There is no such view.", "It may have been deleted, or not be shared.")
    return view


def _free(connection: Connection, owner: str, name: str, *, besides: str = "") -> None:
    if store.name_taken(connection, owner, name) not in {"", besides}:
        problem = "You have a view of that name already."
        raise InvalidInput(problem, fields={"name": problem})
