"""Keys of needs, so that one need never has two open tickets.

Two tickets with the same key are about the same need, and the database lets only one of them be
open; see docs/decisions/0006.
"""

from __future__ import annotations

import hashlib

from kb.tickets.model import Requester, TicketDraft


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
    """Return the words' key in the need key of a person or of a demand."""
    kind, *rest = need_key.split(":")
    return rest[1] if kind == "person" else rest[0]


def draft_need(draft: TicketDraft, ticket_id: str) -> str:
    """Return the key of a person's draft. Without words, or without an account, nothing is known to
    be the same person's need, so the key is the ticket's own.
    """
    who = identity(draft.requester, draft.visitor)
    known = draft.words_key and draft.requester.user_id and not draft.filed_by
    apart = "" if known and not draft.different else ticket_id
    return person_need(who, draft.words_key, apart=apart)


def sender(draft: TicketDraft) -> str:
    """Return who sends the draft: the account that files it for somebody, else the person."""
    who = identity(draft.requester, draft.visitor)
    return f"user:{draft.filed_by}\n{who}" if draft.filed_by else who


def ticket_id(submission: str, sent_by: str, words: str = "") -> str:
    """Return the id of the ticket that this submission makes: always the same, 32 hex digits.

    The sender is part of it, so that a submission id seen or guessed by somebody else leads to
    nobody's ticket, and so are the words: other words are another request.
    """
    return _digest(f"ticket\n{sent_by}\n{submission}" + (f"\n{words}" if words else ""))


def key_name(key: str, draft: TicketDraft) -> str:
    """Return the name of an API request by its key; each account has keys of its own."""
    account = draft.filed_by or draft.requester.user_id
    return _digest(f"key\n{f'user:{account}' if account else sender(draft)}\n{key}")


def said(draft: TicketDraft) -> str:
    """Return a digest of what the person wrote in the draft."""
    written = (draft.subject, draft.body, draft.requester.name, str(draft.different))
    return _digest("\0".join(written))


def added_text(draft: TicketDraft, subject: str) -> str:
    """Return the draft as a reply on a ticket with that subject; nothing of what is new is left
    out.
    """
    new = "" if draft.subject == subject and draft.body else draft.subject
    return "\n\n".join(filter(None, (new, draft.body)))


def episode_submission(episode_id: str) -> str:
    """Return the submission of a ticket made from an episode: one episode, one ticket."""
    return f"episode:{episode_id}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]
