"""Which branches are previewed, in the database: every machine shows the same.

Promises one preview a branch and links that cannot be guessed or outlive their preview. Knows no
Git and no page.
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
    """A branch that is shown: `branch` is "draft-vpn", or "hr:draft" of the repository `hr`."""

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
        """Return the branch's preview, new or with its time begun anew."""
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
        """Return the previews whose time is not over, by branch."""
        query = sa.select(previews).where(previews.c.expires_at > now).order_by(previews.c.branch)
        with self._db.read() as connection:
            return tuple(Preview(**row._mapping) for row in connection.execute(query))

    def end(self, preview_id: str) -> None:
        """Take a preview and its link back; one that is not there is none."""
        with self._db.begin() as connection:
            connection.execute(sa.delete(previews).where(previews.c.id == preview_id))

    def forget_ended(self, now: datetime) -> None:
        """Remove those whose time is over."""
        with self._db.begin() as connection:
            connection.execute(sa.delete(previews).where(previews.c.expires_at <= now))

    def token(self, preview_id: str) -> str:
        """Return the secret part of the preview's link."""
        digest = hmac.new(self._secret, f"preview\0{preview_id}".encode(), sha256)
        return f"{preview_id}.{digest.hexdigest()}"

    def by_token(self, token: str, now: datetime) -> Preview | None:
        """Return the preview whose link that is; None when it ended or never was."""
        preview_id = token.partition(".")[0]
        if not hmac.compare_digest(token.encode(), self.token(preview_id).encode()):
            return None
        return next((one for one in self.all(now) if one.id == preview_id), None)
