"""Who may do what: roles, permissions and the audiences each role may read.

Promises one table that every route and every search asks. Knows no account, request or database.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a person is here; an anonymous reader has none of these."""

    ANONYMOUS = "anonymous"
    READER = "reader"
    AUTHOR = "author"
    AGENT = "agent"
    LEAD = "lead"
    ADMIN = "admin"


class Permission(StrEnum):
    """What a route asks for."""

    READ = "read"  # the public site, by anybody
    SIGN_IN = "sign-in"  # only what a signed-in person has: own tickets
    STAFF = "staff"  # staff articles and the explanation of a score
    WORK_TICKETS = "work-tickets"
    READ_REPORTS = "read-reports"
    KEEP_GAPS = "keep-gaps"  # decide what becomes of what people did not find
    NOTE_DAYS = "note-days"  # say beside reports what happened on a day
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

# An author's own reading is as unlike a reader's as an agent's, so neither counts in figures.
STAFF_ROLES = frozenset({Role.AUTHOR, Role.AGENT, Role.LEAD, Role.ADMIN})


def allowed(role: Role, permission: Permission) -> bool:
    """Return whether the role grants the permission."""
    return permission in GRANTS[role]


def lesser(one: Role, other: Role) -> Role:
    """Return the role that may do what both may: the lower of the two, or a reader's."""
    if GRANTS[one] <= GRANTS[other]:
        return one
    return other if GRANTS[other] <= GRANTS[one] else Role.READER


def audiences(role: Role) -> frozenset[str]:
    """Return the article audiences that the role may read."""
    if role is Role.ANONYMOUS:
        return frozenset({"public"})
    if role in STAFF_ROLES:
        return frozenset({"public", "signed-in", "staff"})
    return frozenset({"public", "signed-in"})


@dataclass(frozen=True, slots=True)
class Viewer:
    """The person behind a request. `visitor` is the pseudonym under which events are kept;
    `left_out` is "", "staff" or "robot": why their events stay out of figures. `device` is "phone",
    "tablet", "computer" or "" for not known.
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
