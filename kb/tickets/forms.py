"""Checks and cleans what people type into the service desk's forms.

A draft or text comes back that every database and mail header can hold, or `InvalidInput` is raised
with one plain sentence per field; the caller keeps what was typed.
"""

from __future__ import annotations

import re
from dataclasses import replace

from kb.errors import InvalidInput
from kb.tickets.model import Requester, TicketDraft

SUBJECT_LOW, SUBJECT_HIGH = 3, 200
BODY_HIGH = 20_000
EMAIL_HIGH = 254  # RFC 5321 4.5.3.1.3, less the angle brackets
NAME_HIGH = 200
LANGUAGE_HIGH = 16
SLUG_HIGH = 255

# The shape people mean, not RFC 5322: quoting and comments in an address are always mistakes here.
_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?=.{1,253}\Z)"
    r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BLANK = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")  # what breaks a line, or cannot be seen


def checked(draft: TicketDraft, *, asked: bool = True) -> TicketDraft:
    """Return the draft, cleaned. Raises InvalidInput naming every field that must change.

    `asked` is a person at a form; somebody without an account must then give an address.
    """
    clean = _cleaned(draft)
    fields = _subject(clean.subject) | _body(clean.body) | _person(clean.requester, asked=asked)
    if fields:
        raise InvalidInput("There is a problem with the form.", "Nothing is lost.", fields=fields)
    return clean


def from_words(draft: TicketDraft) -> TicketDraft:
    """Return the draft, cleaned, whose subject is what somebody searched for: cut to the length of
    a subject, "…" where the words are forgotten by now.

    Raises InvalidInput for the other fields.
    """
    subject = line(draft.subject)[:SUBJECT_HIGH].rstrip() or "…"
    clean = checked(replace(draft, subject="fits"), asked=False)
    return replace(clean, subject=subject)


def checked_text(text: str, *, what: str = "text") -> str:
    """Return what staff or a requester wrote, cleaned; InvalidInput under the field `what`."""
    clean = block(text)
    problem = "Write something first." if not clean else _too_long(clean)
    if problem:
        raise InvalidInput(problem, "Nothing is lost.", fields={what: problem})
    return clean


def checked_slug(slug: str) -> str:
    """Return an article's slug, cleaned; InvalidInput when no article can have it."""
    clean = line(slug)
    if len(clean) > SLUG_HIGH:
        problem = "No article has so long a name."
        raise InvalidInput(problem, "Pick the article from the list.", fields={"article": problem})
    return clean


def checked_reason(text: str) -> str:
    """Return a reason, cleaned, perhaps empty; InvalidInput when too long."""
    return checked_text(text, what="reason") if text.strip() else ""


def line(text: str) -> str:
    """Return the text on one line: each control or line end is a blank; none at the ends."""
    unix = _encodable(text).replace("\r\n", "\n")
    return _BLANK.sub(" ", unix).strip()


def block(text: str) -> str:
    """Return the text with Unix line ends, without control characters and without blank lines
    around it. Each line is as it was typed, the first one's indentation too.
    """
    unix = _encodable(text).replace("\r\n", "\n").replace("\r", "\n")
    lines = _CONTROL.sub("", unix).rstrip().split("\n")
    first = next((at for at, each in enumerate(lines) if each.strip()), 0)
    return "\n".join(lines[first:])


def is_address(text: str) -> bool:
    """Return whether this has the shape of an e-mail address."""
    return len(text) <= EMAIL_HIGH and ".." not in text and bool(_EMAIL.fullmatch(text))


def _encodable(text: str) -> str:
    """Return the text without lone surrogates, which JSON can carry and no database stores."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _cleaned(draft: TicketDraft) -> TicketDraft:
    person = draft.requester
    return replace(
        draft,
        subject=line(draft.subject),
        body=block(draft.body),
        language=line(draft.language)[:LANGUAGE_HIGH],
        requester=replace(person, name=line(person.name), email=person.email.strip()),
    )


def _subject(subject: str) -> dict[str, str]:
    if not subject:
        return {"subject": "Say in a few words what you need help with."}
    if len(subject) < SUBJECT_LOW:
        return {"subject": f"The subject must be {SUBJECT_LOW} characters or more."}
    if len(subject) > SUBJECT_HIGH:
        return {"subject": f"The subject must be {SUBJECT_HIGH} characters or fewer."}
    return {}


def _body(body: str) -> dict[str, str]:
    problem = _too_long(body)
    return {"body": problem} if problem else {}


def _too_long(text: str) -> str:
    if len(text) <= BODY_HIGH:
        return ""
    return f"This must be {BODY_HIGH:,} characters or fewer; it has {len(text):,}."


def _person(person: Requester, *, asked: bool) -> dict[str, str]:
    fields = {}
    if asked and not person.email and not person.user_id:
        fields["email"] = "Enter an e-mail address, so that we can answer you."
    elif person.email and not is_address(person.email):
        fields["email"] = "Enter an e-mail address like name@example.com."
    if len(person.name) > NAME_HIGH:
        fields["name"] = f"The name must be {NAME_HIGH} characters or fewer."
    return fields
