"""Who may do what: roles, permissions and the audiences each role may read.

This one table decides for every route and every search.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from kb.content.article import Audience


class Role(StrEnum):
    """A person's role; a reader who is not signed in is ANONYMOUS."""

    ANONYMOUS = "anonymous"
    READER = "reader"
    AUTHOR = "author"
    AGENT = "agent"
    LEAD = "lead"
    ADMIN = "admin"


class Permission(StrEnum):
    """What a route requires."""

    READ = "read"  # the public site, for anybody
    SIGN_IN = "sign-in"  # what only a signed-in person has: own tickets
    STAFF = "staff"  # staff articles and the explanation of a score
    WORK_TICKETS = "work-tickets"
    READ_REPORTS = "read-reports"
    KEEP_GAPS = "keep-gaps"  # decide what is done about gaps
    NOTE_DAYS = "note-days"  # write annotations on days of reports
    OPERATE = "operate"


_READER = frozenset({Permission.READ, Permission.SIGN_IN})
_STAFF = _READER | {Permission.STAFF}

GRANTS: dict[Role, frozenset[Permission]] = {
    Role.ANONYMOUS: frozenset({Permission.READ}),
    Role.READER: _READER,
    Role.AUTHOR: _STAFF | {Permission.READ_REPORTS, Permission.KEEP_GAPS},
    Role.AGENT: _STAFF | {Permission.WORK_TICKETS},
    Role.LEAD: _STAFF
    | {
        Permission.WORK_TICKETS,
        Permission.READ_REPORTS,
        Permission.KEEP_GAPS,
        Permission.NOTE_DAYS,
    },
    Role.ADMIN: frozenset(Permission),
}

# Authors and agents do not read as readers do, so neither count in figures.
STAFF_ROLES = frozenset({Role.AUTHOR, Role.AGENT, Role.LEAD, Role.ADMIN})


def allowed(role: Role, permission: Permission) -> bool:
    """Return whether the role grants the permission."""
    return permission in GRANTS[role]


def lesser(one: Role, other: Role) -> Role:
    """Return the role that may do only what both may: the lower of the two, else READER."""
    if GRANTS[one] <= GRANTS[other]:
        return one
    return other if GRANTS[other] <= GRANTS[one] else Role.READER


@cache
def audiences(role: Role) -> frozenset[str]:
    """Return the article audiences that the role may read."""
    if role is Role.ANONYMOUS:
        return Audience.PUBLIC.readable
    return (Audience.STAFF if role in STAFF_ROLES else Audience.SIGNED_IN).readable


@dataclass(frozen=True, slots=True)
class Viewer:
    """The person behind a request. `visitor` is the pseudonym under which events are recorded;
    `left_out` is "", "staff" or "robot": why figures exclude their events. `device` is "phone",
    "tablet", "computer" or "" for unknown.
    """

    visitor: str
    role: Role = Role.ANONYMOUS
    user_id: str = ""
    name: str = ""
    email: str = ""
    left_out: str = ""
    device: str = ""

    @property
    def audiences(self) -> frozenset[str]:
        """Return the article audiences that this person may read."""
        return audiences(self.role)

    @property
    def signed_in(self) -> bool:
        """Return whether this is an account and not an anonymous reader."""
        return bool(self.user_id)

    def may(self, permission: Permission) -> bool:
        """Return whether this person has the permission."""
        return allowed(self.role, permission)
