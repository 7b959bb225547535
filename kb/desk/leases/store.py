"""Lease rows: which worker runs a periodic job, and until when.

Promises that of all workers asking for a job's lease one holds it, until its time is over, and
that a holder who asks again keeps it; and that no lease is believed that ends later than one taken
now would, for then the clock was set back since. Knows no job.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from kb.db import Database
from kb.schema import leases

# Two machines' clocks may differ by this much without either taking the other's lease for one from
# before its own clock was set back.
SKEW = timedelta(seconds=10)


def hold(db: Database, name: str, *, owner: str, now: datetime, ttl: timedelta) -> bool:
    """Return whether `owner` holds the lease `name` from now until now + ttl.

    A worker that dies keeps it until then; choose a ttl longer than the job takes.
    """
    wanted = {"name": name, "owner": owner, "until": now + ttl}
    free = sa.or_(leases.c.owner == owner, leases.c.until <= now, leases.c.until > now + ttl + SKEW)
    with db.begin() as connection:
        if db.insert_once(connection, leases, [wanted]):
            return True
        taken = connection.execute(
            sa.update(leases)
            .where(leases.c.name == name, free)
            .values(owner=owner, until=now + ttl)
        )
        return taken.rowcount == 1


def release(db: Database, name: str, *, owner: str) -> None:
    """Give the lease back before its time, if `owner` holds it."""
    with db.begin() as connection:
        connection.execute(sa.delete(leases).where(leases.c.name == name, leases.c.owner == owner))
