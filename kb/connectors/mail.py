"""Mail over SMTP.

Promises a message handed to the server, encrypted where the server offers it; a password never
goes over an open line. Knows no ticket.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from kb.connectors.channel import Channel, PermanentFailure, TemporaryFailure
from kb.connectors.files import FileChannel
from kb.connectors.message import message
from kb.errors import ConfigError

TIMEOUT_S = 20  # for each step of the conversation; well under the outbox's claim
_PORTS = {"smtp": 25, "smtps": 465}
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed over. `encrypted` is TLS from the first byte."""

    host: str
    port: int
    user: str = ""
    password: str = ""
    encrypted: bool = False

    @classmethod
    def from_url(cls, url: str) -> MailServer:
        """Return the server of smtp://user:password@host:port or smtps://...; ConfigError else."""
        try:
            parts = urlsplit(url)
            port = parts.port or _PORTS[parts.scheme]
        except (ValueError, KeyError):
            raise _wrong_url() from None
        if not parts.hostname or parts.path.strip("/") or parts.query:
            raise _wrong_url()
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(parts.hostname, port, user, password, encrypted=parts.scheme == "smtps")


def _wrong_url() -> ConfigError:
    return ConfigError(
        "The setting mail_url names no mail server.",
        "Write smtp://user:password@host:port or smtps://..., signs such as @ in the password as "
        "%40; or leave it empty to have letters written to files.",
    )


def mail_channel(mail_url: str, sender: str, folder: Path) -> Channel:
    """Return the channel that the settings ask for: files in `folder` when `mail_url` is empty."""
    if mail_url:
        return MailChannel(MailServer.from_url(mail_url), sender)
    return FileChannel(folder, sender)


class MailChannel:
    """Hands letters to one SMTP server, one connection a letter."""

    def __init__(
        self, server: MailServer, sender: str, *, tls: ssl.SSLContext | None = None
    ) -> None:
        self._server = server
        self._sender = sender
        self._tls = tls or ssl.create_default_context()

    def send(self, payload: Mapping[str, Any], key: str) -> None:
        """Hand over one letter. What the server says decides whether a failure is permanent."""
        letter = message(payload, key, sender=self._sender)
        try:
            client = self._connected()
            try:
                client.send_message(letter)
            finally:  # the letter is handed over or not; how the farewell goes changes nothing
                with suppress(OSError, smtplib.SMTPException):
                    client.quit()
        except smtplib.SMTPRecipientsRefused as refusal:
            raise _refused(*next(iter(refusal.recipients.values()))) from None
        except smtplib.SMTPDataError as refusal:
            raise _refused(refusal.smtp_code, refusal.smtp_error) from None
        except (OSError, smtplib.SMTPException) as problem:
            raise TemporaryFailure(f"The mail server could not be used: {problem}") from None

    def _connected(self) -> smtplib.SMTP:
        """Return a connection, encrypted if it can be, signed in if an account is set."""
        server = self._server
        if server.encrypted:
            client: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=TIMEOUT_S, context=self._tls
            )
        else:
            client = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S)
        try:
            self._secure(client)
        except BaseException:
            client.close()
            raise
        return client

    def _secure(self, client: smtplib.SMTP) -> None:
        server = self._server
        client.ehlo_or_helo_if_needed()
        safe = server.encrypted or server.host in _LOOPBACK
        if not server.encrypted and client.has_extn("starttls"):
            client.starttls(context=self._tls)
            client.ehlo_or_helo_if_needed()
            safe = True
        if server.user and not safe:
            raise TemporaryFailure("The mail server offers no encryption; the password stays here.")
        if server.user:
            client.login(server.user, server.password)


def _refused(code: int, words: bytes | str) -> TemporaryFailure | PermanentFailure:
    """Return the failure that an SMTP reply means: 5yz is permanent (RFC 5321 4.2.1)."""
    said = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    kind = PermanentFailure if 500 <= code < 600 else TemporaryFailure
    return kind(f"The mail server said: {code} {said}")
