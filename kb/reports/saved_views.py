"""Save, open, rename, share and delete saved views.

Only its owner sees a view that is not shared. Only the owner may change a view, or an administrator
if it is shared.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from kb.database import Connection, Database
from kb.errors import InvalidInput, NotAllowed, NotFound
from kb.reports import store
from kb.reports.model import SavedView, ViewRequest, named

MOST = 100  # most views of one person


@dataclass(frozen=True, slots=True)
class ViewOwner:
    """The person acting: an account's id, and whether it is an administrator."""

    id: str
    operates: bool = False


def save(db: Database, what: ViewRequest, who: ViewOwner, now: datetime) -> SavedView:
    """Save a view and return it. Raises InvalidInput if the name is taken, or at MOST views."""
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
    """Return a view that this person may open. Raises NotFound otherwise."""
    with db.read() as connection:
        return _found(connection, view_id, who)


def rename(db: Database, view_id: str, name: str, who: ViewOwner) -> None:
    """Rename a view. Raises InvalidInput if the name is not valid or taken."""
    name = named(name)
    with db.begin() as connection:
        view = _own(connection, view_id, who)
        _free(connection, view.owner, name, besides=view.id)
        store.change_view(connection, view.id, name=name)


def share(db: Database, view_id: str, shared: bool, who: ViewOwner) -> None:
    """Share a view with all who may read reports, or stop sharing it."""
    with db.begin() as connection:
        store.change_view(connection, _own(connection, view_id, who).id, shared=shared)


def delete(db: Database, view_id: str, who: ViewOwner) -> None:
    """Delete a view."""
    with db.begin() as connection:
        store.remove_view(connection, _own(connection, view_id, who).id)


def may_change(view: SavedView, who: ViewOwner) -> bool:
    """Return whether this person may change the view."""
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
