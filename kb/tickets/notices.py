"""The texts of emails about tickets, in English and Spanish.

Each occasion has a subject and a body in plain text, in the ticket's language or in English. Values
are inserted, never interpreted.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kb.notifications.outbox import email_language


class Occasion(StrEnum):
    """Why an email is sent."""

    RECEIVED = "received"
    TAKEN = "taken"  # received, from an address that is not proven: nothing is quoted
    OPENED = "opened"  # by policy: the person did not ask
    ANSWERED = "answered"
    RESOLVED = "resolved"
    OFFERED = "offered"
    JOINED = "joined"
    LINK = "link"  # staff sends the link again
    LINKS = "links"  # somebody asked for the links to their tickets


@dataclass(frozen=True, slots=True)
class Email:
    """One email: subject on one line, text with Unix line ends."""

    subject: str
    text: str


# How the reader gets to the ticket, and that nobody reads a reply to the email.
_WAYS = {
    "en": {
        "link": "Do not reply to this email: nobody reads it. To answer, open your ticket (keep "
        "the link to yourself):\n{link}\n\nLink lost? Have a new one sent: {lost}",
        "own": "Do not reply to this email: nobody reads it. To answer, open your ticket:\n{link}",
    },
    "es": {
        "link": "No responda a este mensaje: nadie lo lee. Para contestar, abra su solicitud (no "
        "comparta el enlace):\n{link}\n\n¿Ha perdido el enlace? Pida otro: {lost}",
        "own": "No responda a este mensaje: nadie lo lee. Para contestar, abra su solicitud:\n"
        "{link}",
    },
}

_LETTERS = {
    "en": {
        Occasion.RECEIVED: (
            "[{number}] {subject}",
            "We have received your request. Its number is {number}.\n\n{way}\n\n"
            "What you told us:\n\n{text}\n\n{site}\n",
        ),
        Occasion.TAKEN: (
            "[{number}] We have received your request",
            "The service desk has received a request with this address. Its number is {number}."
            "\n\n{way}\n\nIf it is not yours, somebody gave your address: you need do nothing."
            "\n\n{site}\n",
        ),
        Occasion.OPENED: (
            "[{number}] {subject}",
            "You searched for “{text}” and it looks as if nothing answered it, so the service desk "
            "has taken it on. The number is {number}.\n\n{way}\n\n"
            "If you no longer need help, say so there.\n\n{site}\n",
        ),
        Occasion.ANSWERED: (
            "[{number}] {subject}",
            "There is an answer to {number}.\n\n{text}\n\n{way}\n\n{site}\n",
        ),
        Occasion.RESOLVED: (
            "[{number}] {subject}",
            "{number} is resolved.\n\n{text}{article}\n\n"
            "Is it not solved? Say so on the ticket's page and it is open again.\n\n{way}\n\n"
            "{site}\n",
        ),
        Occasion.OFFERED: (
            "Did you find what you searched for? {subject}",
            "You searched for “{subject}” and it looks as if nothing answered it.\n\n"
            "If you still need help, a service desk agent will take it on:\n{link}\n\n"
            "If not, you need do nothing. Do not reply to this email: nobody reads it.\n\n{site}\n",
        ),
        Occasion.JOINED: (
            "[{number}] {subject}",
            "You searched for “{text}” and it looks as if nothing answered it.\n\n"
            "Others had the same difficulty and the team is already working on it as {number}. "
            "We will write to you when there is an answer; you need do nothing.\n\n{way}\n\n"
            "{site}\n",
        ),
        Occasion.LINK: (
            "[{number}] {subject}",
            "Here is the way to {number} again.\n\n{way}\n\n{site}\n",
        ),
        Occasion.LINKS: (
            "{site}: the links to your tickets",
            "Somebody, most likely you, asked for the links to your tickets on {site}. Keep them "
            "to yourself.\n\n{tickets}\n\n"
            "If it was not you, do nothing: the links are in this email alone. Do not reply to it: "
            "nobody reads it.\n\n{site}\n",
        ),
    },
    "es": {
        Occasion.RECEIVED: (
            "[{number}] {subject}",
            "Hemos recibido su solicitud. Su número es {number}.\n\n{way}\n\n"
            "Lo que nos contó:\n\n{text}\n\n{site}\n",
        ),
        Occasion.TAKEN: (
            "[{number}] Hemos recibido su solicitud",
            "El centro de asistencia ha recibido una solicitud con esta dirección. Su número es "
            "{number}.\n\n{way}\n\nSi no es suya, alguien dio su dirección: no tiene que hacer "
            "nada.\n\n{site}\n",
        ),
        Occasion.OPENED: (
            "[{number}] {subject}",
            "Buscó «{text}» y parece que nada le dio la respuesta, así que el centro de asistencia "
            "se hace cargo. El número es {number}.\n\n{way}\n\n"
            "Si ya no necesita ayuda, díganoslo ahí.\n\n{site}\n",
        ),
        Occasion.ANSWERED: (
            "[{number}] {subject}",
            "Hay una respuesta a {number}.\n\n{text}\n\n{way}\n\n{site}\n",
        ),
        Occasion.RESOLVED: (
            "[{number}] {subject}",
            "{number} está resuelta.\n\n{text}{article}\n\n"
            "¿El problema continúa? Díganoslo en la página de su solicitud y quedará abierta de "
            "nuevo.\n\n{way}\n\n{site}\n",
        ),
        Occasion.OFFERED: (
            "¿Encontró lo que buscaba? {subject}",
            "Buscó «{subject}» y parece que nada le dio la respuesta.\n\n"
            "Si todavía necesita ayuda, el centro de asistencia se hará cargo:\n{link}\n\n"
            "Si no, no tiene que hacer nada. No responda a este mensaje: nadie lo lee.\n\n{site}\n",
        ),
        Occasion.JOINED: (
            "[{number}] {subject}",
            "Buscó «{text}» y parece que nada le dio la respuesta.\n\n"
            "Otras personas tuvieron la misma dificultad y el equipo ya trabaja en ello con el "
            "número {number}. Le escribiremos cuando haya una respuesta; no tiene que hacer nada."
            "\n\n{way}\n\n{site}\n",
        ),
        Occasion.LINK: (
            "[{number}] {subject}",
            "Aquí tiene de nuevo el acceso a {number}.\n\n{way}\n\n{site}\n",
        ),
        Occasion.LINKS: (
            "{site}: los enlaces a sus solicitudes",
            "Alguien, probablemente usted, pidió los enlaces a sus solicitudes en {site}. No los "
            "comparta.\n\n{tickets}\n\n"
            "Si no fue usted, no haga nada: los enlaces solo están en este mensaje. No responda a "
            "él: nadie lo lee.\n\n{site}\n",
        ),
    },
}

_ARTICLE = {
    "en": "\n\nThis article has the answer:\n{link}",
    "es": "\n\nEste artículo tiene la respuesta:\n{link}",
}


def email(occasion: Occasion, language: str, **values: str) -> Email:
    """Return the email for the occasion. The values it needs are the fields in its text above."""
    subject, text = _LETTERS[email_language(language)][occasion]
    return Email(" ".join(subject.format(**values).split()), text.format(**values))


def way(kind: str, language: str, **values: str) -> str:
    """Return the sentence that leads to the ticket; `kind` is "link" or "own"."""
    return _WAYS[email_language(language)][kind].format(**values)


def article(language: str, link: str) -> str:
    """Return the sentence that leads to the article that solved it."""
    return _ARTICLE[email_language(language)].format(link=link)
