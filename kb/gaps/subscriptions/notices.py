"""Emails to readers who asked to be told when their search is answered.

They are plain text in English or Spanish, and each offers a way to stop. A subscription gets one
request to confirm a day at most, and one answer in all. The outbox forgets the address once an
email is delivered. The request to confirm quotes nothing: anybody can have it sent to any address.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from kb.connectors.base import MAIL
from kb.database import Connection
from kb.links import Links
from kb.notifications.outbox import Outbox, email_language

_NAMESPACE = uuid.UUID("3b3d0c9a-7a35-5d5b-8f0e-1c6a57f8f1b2")
_TEXTS = {
    "en": {
        "confirm": (
            "{site}: do you want to be told?",
            "Somebody, most likely you, searched on {site} and asked to be told when there is an "
            "answer.\n\nIf it was you, open this page and press the button:\n{link}\n\n"
            "If it was not, do nothing: you get no other letter, and your address is removed "
            "within 7 days.\n",
        ),
        "answered": (
            "{site}: there is an answer to “{words}”",
            "You searched for “{words}” and nothing answered it. This article does now:\n\n"
            "{title}\n{article}\n\n"
            "You asked to be told. This is the only letter about it: your address has been removed "
            "from the list.\nWhat is kept about this: {link}\n\n{site}\n",
        ),
        "and": "” and “",
    },
    "es": {
        "confirm": (
            "{site}: ¿quiere que le avisemos?",
            "Alguien, probablemente usted, buscó algo en {site} y pidió un aviso cuando haya "
            "una respuesta.\n\nSi fue usted, abra esta página y pulse el botón:\n{link}\n\n"
            "Si no fue usted, no haga nada: no recibirá ningún otro mensaje y su dirección se "
            "eliminará en 7 días.\n",
        ),
        "answered": (
            "{site}: hay una respuesta a «{words}»",
            "Buscó «{words}» y nada le dio la respuesta. Este artículo se la da ahora:\n\n"
            "{title}\n{article}\n\n"
            "Usted pidió este aviso. Es el único mensaje sobre ello: su dirección se ha eliminado "
            "de la lista.\nLo que se conserva de esto: {link}\n\n{site}\n",
        ),
        "and": "» y «",
    },
}
LONGEST_SUBJECT = 120  # characters of the searched words; the text has all of them


class Reader(Protocol):
    """The recipient of an email."""

    @property
    def id(self) -> str: ...
    @property
    def email(self) -> str: ...
    @property
    def language(self) -> str: ...


class AnswerToTell(Protocol):
    """The answer to tell of: the article, and the words it answers."""

    @property
    def slug(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def words(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class AnswerEmails:
    """Writes emails into the outbox, in the transaction that causes them."""

    links: Links
    site: str

    def confirm(self, connection: Connection, to: Reader, token: str, *, now: datetime) -> None:
        """Ask whether this address wants to be told; at most once a day per subscription."""
        subject, text = _TEXTS[email_language(to.language)]["confirm"]
        values = {"site": self.site, "link": self.links.subscription(token)}
        payload = self._payload(to, token, subject.format(**values), text.format(**values))
        key = str(uuid.uuid5(_NAMESPACE, f"confirm\0{to.id}\0{now.date()}"))
        Outbox(connection).put_once(MAIL, payload, now=now, key=key)

    def answered(
        self, connection: Connection, to: Reader, token: str, answer: AnswerToTell, *, now: datetime
    ) -> None:
        """Tell of the article that answers, once per subscription."""
        texts = _TEXTS[email_language(to.language)]
        subject, text = texts["answered"]
        words = str(texts["and"]).join(answer.words)
        values = {
            "site": self.site,
            "title": answer.title,
            "article": self.links.article(answer.slug),
            "link": self.links.subscription(token),
        }
        short = words if len(words) <= LONGEST_SUBJECT else f"{words[:LONGEST_SUBJECT]}…"
        payload = self._payload(
            to, token, subject.format(**values, words=short), text.format(**values, words=words)
        )
        key = str(uuid.uuid5(_NAMESPACE, f"answered\0{to.id}"))
        Outbox(connection).put_once(MAIL, payload, now=now, key=key)

    def _payload(self, to: Reader, token: str, subject: str, text: str) -> dict[str, object]:
        return {
            "to": to.email,
            "name": "",
            "subject": " ".join(subject.split()),
            "text": text,
            "thread": to.id,
            "unsubscribe": f"{self.links.subscription(token)}/stop",
            "forget": True,
        }
