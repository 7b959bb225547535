"""What a ticket is about, so that one need never has two open tickets.

Promises keys: two tickets with the same key are about the same need, and the database lets only
one of them be open. Knows no ticket and no database; see docs/decisions/0006.
"""

from __future__ import annotations

import hashlib

from kb.desk.ticket import Draft, Requester


def identity(requester: Requester, visitor: str = "") -> str:
    """Return who a person is: the account, else the e-mail address, else the visitor.

    A visitor alone is the weakest of the three: people behind one address with the same browser
    share it, so it only counts where nothing better is known.
    """
    if requester.user_id:
        return f"user:{requester.user_id}"
    if requester.email:
        return f"mail:{requester.email.strip().casefold()}"
    return f"visitor:{visitor}" if visitor else ""


def person_need(person: str, words_key: str, *, apart: str = "") -> str:
    """Return the key of what `person` (an identity) needs with these words, at most 128 long.

    `apart` tells two needs with the same words apart: the submission in which the person said
    that it is a different problem.
    """
    key = f"person:{_digest(person)}:{words_key}"
    return f"{key}:{_digest(apart)[:16]}" if apart else key


def demand_need(words_key: str) -> str:
    """Return the key of what many people need with these words."""
    return f"demand:{words_key}"


def words_of(need_key: str) -> str:
    """Return the words' key that a person's or a demand's need key holds."""
    kind, *rest = need_key.split(":")
    return rest[1] if kind == "person" else rest[0]


def draft_need(draft: Draft, ticket_id: str) -> str:
    """Return the key of a person's draft. Without words, or without knowing who asks, nothing can
    be the same need, so the key is the ticket's own.
    """
    who = identity(draft.requester, draft.visitor)
    apart = "" if draft.words_key and who and not draft.different else ticket_id
    return person_need(who, draft.words_key, apart=apart)


def ticket_id(submission: str, person: str) -> str:
    """Return the id of the ticket that this submission makes: always the same, 32 hex digits.

    The person is part of it, so that a submission id seen or guessed by somebody else leads to
    nobody's ticket.
    """
    return _digest(f"ticket\n{person}\n{submission}")


def episode_submission(episode_id: str) -> str:
    """Return the submission of a ticket made from an episode: one episode, one ticket."""
    return f"episode:{episode_id}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]
