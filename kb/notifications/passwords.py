"""Emails about a password: the link to a new one, and the notice that it was changed."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from kb.connectors.base import MAIL
from kb.database import Connection
from kb.links import Links
from kb.notifications.outbox import Outbox, email_language

_TEXTS = {
    "en": {
        "reset": (
            "{site}: choose a new password",
            "Somebody, most likely you, asked for a new password for {email} on {site}.\n\n"
            "Choose it here, within 30 minutes of asking:\n{link}\n\n"
            "If it was not you, do nothing: your password stays as it is.\n\n{site}\n",
        ),
        "changed": (
            "{site}: your password was changed",
            "The password of {email} on {site} was changed, and other devices were signed out.\n\n"
            "If it was not you, choose another password at once and tell the people who run the "
            "site:\n{forgot}\n\n{site}\n",
        ),
    },
    "es": {
        "reset": (
            "{site}: elija una contraseña nueva",
            "Alguien, probablemente usted, pidió una contraseña nueva para {email} en {site}.\n\n"
            "Elíjala aquí, en los 30 minutos siguientes a la petición:\n{link}\n\n"
            "Si no fue usted, no haga nada: su contraseña sigue igual.\n\n{site}\n",
        ),
        "changed": (
            "{site}: su contraseña ha cambiado",
            "La contraseña de {email} en {site} ha cambiado y se ha cerrado la sesión en los demás "
            "dispositivos.\n\nSi no fue usted, elija enseguida otra contraseña y avise a quienes "
            "administran el sitio:\n{forgot}\n\n{site}\n",
        ),
    },
}


@dataclass(frozen=True, slots=True)
class PasswordEmails:
    """Writes emails into the outbox, in the transaction that causes them."""

    links: Links
    site: str

    def reset(
        self,
        connection: Connection,
        to: tuple[str, str],
        token: str,
        *,
        language: str,
        now: datetime,
    ) -> None:
        """Send the link for choosing a new password."""
        self._put(connection, "reset", to, language, now, link=self.links.reset(token))

    def nobody(self, connection: Connection, *, now: datetime) -> None:
        """Write a row that goes nowhere, so that an unknown address costs the same work."""
        Outbox(connection).put_sent(MAIL, now=now)

    def changed(
        self, connection: Connection, to: tuple[str, str], *, language: str, now: datetime
    ) -> None:
        """Send the notice that the password was changed."""
        self._put(connection, "changed", to, language, now, forgot=self.links.forgotten())

    def _put(
        self,
        connection: Connection,
        kind: str,
        to: tuple[str, str],
        language: str,
        now: datetime,
        **values: str,
    ) -> None:
        subject, text = _TEXTS[email_language(language)][kind]
        values |= {"site": self.site, "email": to[0]}
        key = str(uuid.uuid4())
        payload = {
            "to": to[0],
            "name": to[1],
            "subject": " ".join(subject.format(**values).split()),
            "text": text.format(**values),
            "thread": key,
            "forget": True,
            "secret": kind == "reset",  # whoever reads it can take the account over
        }
        Outbox(connection).put(MAIL, payload, now=now, ticket_id=None, key=key)
