"""Which branches are previewed, in the database, so that every machine shows the same.

There is one preview per branch. Its link cannot be guessed and stops working when the preview ends.
"""

from __future__ import annotations

import hmac
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

import sqlalchemy as sa

from kb.database import Database
from kb.schema import previews

LIFE = timedelta(days=14)  # from when the link was last asked for


@dataclass(frozen=True, slots=True)
class Preview:
    """A previewed branch: `branch` is "draft-vpn", or "hr:draft" of the repository `hr`."""

    id: str
    branch: str
    made_by: str
    created_at: datetime
    expires_at: datetime


class Previews:
    """The previews of a site; `secret` is what its links are signed with."""

    def __init__(self, db: Database, secret: str) -> None:
        self._db, self._secret = db, secret.encode()

    def make(self, branch: str, made_by: str, now: datetime) -> Preview:
        """Return the branch's preview, new or with its life extended."""
        row = {
            "id": str(uuid.uuid4()),
            "branch": branch,
            "made_by": made_by,
            "created_at": now,
            "expires_at": now + LIFE,
        }
        with self._db.begin() as connection:
            if not self._db.insert_once(connection, previews, [row]):
                same = previews.c.branch == branch
                connection.execute(
                    sa.update(previews).where(same).values(expires_at=row["expires_at"])
                )
        return next(one for one in self.all(now) if one.branch == branch)

    def all(self, now: datetime) -> tuple[Preview, ...]:
        """Return the previews that have not expired, ordered by branch."""
        query = sa.select(previews).where(previews.c.expires_at > now).order_by(previews.c.branch)
        with self._db.read() as connection:
            return tuple(Preview(**row._mapping) for row in connection.execute(query))

    def end(self, preview_id: str) -> None:
        """Delete a preview, which ends its link; do nothing if there is none."""
        with self._db.begin() as connection:
            connection.execute(sa.delete(previews).where(previews.c.id == preview_id))

    def forget_ended(self, now: datetime) -> None:
        """Delete expired previews."""
        with self._db.begin() as connection:
            connection.execute(sa.delete(previews).where(previews.c.expires_at <= now))

    def token(self, preview_id: str) -> str:
        """Return the secret part of the preview's link."""
        digest = hmac.new(self._secret, f"preview\0{preview_id}".encode(), sha256)
        return f"{preview_id}.{digest.hexdigest()}"

    def by_token(self, token: str, now: datetime) -> Preview | None:
        """Return the preview with that link; None if it has ended or never existed."""
        preview_id = token.partition(".")[0]
        if not hmac.compare_digest(token.encode(), self.token(preview_id).encode()):
            return None
        return next((one for one in self.all(now) if one.id == preview_id), None)
