"""Email over SMTP.

A message is handed to the server over an encrypted connection where the server offers one, its
certificate checked. A password never goes over an unencrypted connection, except on this machine.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping
from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from kb.config.values import MailServer
from kb.connectors.base import (
    Connector,
    ConnectorFailure,
    Fault,
    PermanentFailure,
    TemporaryFailure,
    message,
)
from kb.connectors.files import FileConnector
from kb.errors import ConfigError

TIMEOUT_S = 20  # for each step of the conversation; well under the outbox's claim
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def mail_channel(mail_url: str, sender: str, folder: Path, *, ca: str = "") -> Connector:
    """Return the connector that the settings ask for: files in `folder` without a `mail_url`."""
    return server_channel(mail_url, sender, ca) if mail_url else FileConnector(folder, sender)


def server_channel(mail_url: str, sender: str, ca: str) -> MailConnector:
    """Return the connector to the server of that URL.

    `ca` is a file of certificates that are trusted besides the machine's; with it only encrypted
    connections are used. ConfigError when either cannot be used.
    """
    server = MailServer.from_url(mail_url)
    return MailConnector(server, sender, tls=trusting(ca), open_line=not ca)


def trusting(ca: str) -> ssl.SSLContext:
    """Return the TLS context that checks a server's certificate and name, with the certificates of
    that file trusted besides the machine's own. ConfigError when the file holds none.
    """
    tls = ssl.create_default_context()
    if ca:
        try:
            tls.load_verify_locations(cafile=Path(ca).expanduser())
        except (OSError, ValueError) as problem:
            unread = isinstance(problem, OSError) and not isinstance(problem, ssl.SSLError)
            why = getattr(problem, "strerror", "") if unread else "there is no certificate in it"
            raise ConfigError(
                f"The file of the setting mail_ca cannot be used: {why}.",
                "Name a file in PEM form, with the mail server's certificate or its signer's.",
            ) from None
    return tls


class _Plain(smtplib.SMTP):
    """An SMTP client that remembers whether it came to sending the message itself."""

    at_letter = False

    def data(self, msg: Any) -> tuple[int, bytes]:
        self.at_letter = True
        return super().data(msg)


class _Encrypted(smtplib.SMTP_SSL):
    """The same, encrypted from the first byte."""

    at_letter = False

    def data(self, msg: Any) -> tuple[int, bytes]:
        self.at_letter = True
        return super().data(msg)


class MailConnector:
    """Hands emails to one SMTP server, one connection per email."""

    def __init__(
        self,
        server: MailServer,
        sender: str,
        *,
        tls: ssl.SSLContext | None = None,
        open_line: bool = True,
    ) -> None:
        self.place = f"{server.host}:{server.port}"
        self._server = server
        self._sender = sender
        self._tls = tls or ssl.create_default_context()
        self._open_line = open_line  # whether an unencrypted connection is allowed

    def send(self, payload: Mapping[str, Any], key: str) -> None:
        """Hand over one email. What the server says decides whether a failure is permanent, and its
        step in the conversation whether it is of this email or of all (ConnectorFailure).
        """
        self.hand_over(payload, key)

    def hand_over(self, payload: Mapping[str, Any], key: str) -> bool:
        """Do what `send` does; return whether the connection was encrypted."""
        letter = message(payload, key, sender=self._sender)
        client = self._connected()
        try:
            self._give(client, letter)
            return isinstance(client.sock, ssl.SSLSocket)
        finally:  # the email is handed over or not; an error in QUIT changes nothing
            with suppress(OSError, smtplib.SMTPException):
                client.quit()

    def _connected(self) -> _Plain | _Encrypted:
        """Return a connection, encrypted if it can be, signed in if an account is set."""
        server = self._server
        try:
            client: _Plain | _Encrypted = (
                _Encrypted(server.host, server.port, timeout=TIMEOUT_S, context=self._tls)
                if server.encrypted
                else _Plain(server.host, server.port, timeout=TIMEOUT_S)
            )
        except (OSError, smtplib.SMTPException, UnicodeError) as problem:
            raise _blocked(problem) from None
        try:
            self._secure(client)
            self._sign_in(client)
        except (OSError, smtplib.SMTPException) as problem:
            client.close()
            raise _blocked(problem) from None
        except BaseException:
            client.close()
            raise
        return client

    def _secure(self, client: smtplib.SMTP) -> None:
        server = self._server
        client.ehlo_or_helo_if_needed()
        if server.encrypted:
            return
        if client.has_extn("starttls"):
            client.starttls(context=self._tls)
            client.ehlo_or_helo_if_needed()
        elif not self._open_line or (server.user and server.host not in _LOOPBACK):
            raise ConnectorFailure(Fault.OPEN_LINE)

    def _sign_in(self, client: smtplib.SMTP) -> None:
        if not self._server.user:
            return
        try:
            client.login(self._server.user, self._server.password)
        except smtplib.SMTPServerDisconnected:
            raise
        except smtplib.SMTPAuthenticationError as refusal:
            fault = Fault.BUSY if refusal.smtp_code < 500 else Fault.PASSWORD
            raise ConnectorFailure(fault, _said(refusal)) from None
        except smtplib.SMTPException as problem:  # no login, or none of our methods
            raise ConnectorFailure(Fault.PASSWORD, str(problem)) from None
        except UnicodeError:
            detail = "Letters beyond ASCII in them cannot be sent."
            raise ConnectorFailure(Fault.PASSWORD, detail) from None

    def _give(self, client: _Plain | _Encrypted, letter: EmailMessage) -> None:
        try:
            client.send_message(letter)
        except smtplib.SMTPRecipientsRefused as refusal:
            code, words = next(iter(refusal.recipients.values()))
            raise _refused(code, words) from None
        except smtplib.SMTPSenderRefused as refusal:
            if refusal.smtp_code == _TOO_BIG:
                raise _refused(refusal.smtp_code, refusal.smtp_error) from None
            fault = Fault.BUSY if refusal.smtp_code < 500 else Fault.SENDER
            fault = Fault.NO_PASSWORD if refusal.smtp_code in _SIGN_IN_FIRST else fault
            raise ConnectorFailure(fault, _said(refusal)) from None
        except smtplib.SMTPDataError as refusal:
            raise _refused(refusal.smtp_code, refusal.smtp_error) from None
        except smtplib.SMTPNotSupportedError as problem:  # an address it cannot handle
            if not self._sender.isascii():
                raise ConnectorFailure(Fault.SENDER, str(problem)) from None
            raise PermanentFailure(f"The mail server cannot take this address: {problem}") from None
        except (OSError, smtplib.SMTPException) as problem:
            if not client.at_letter:
                raise _blocked(problem) from None
            raise TemporaryFailure(f"The mail server did not take it: {problem}") from None


_TOO_BIG = 552
_SIGN_IN_FIRST = frozenset({530, 534, 535, 538})  # RFC 4954 6
_CLOSING = 421
_NAME = frozenset({62, 64})  # OpenSSL: the certificate is for another host, another address


def _blocked(problem: Exception) -> ConnectorFailure:
    """Return the failure for all emails that a connection error, or one in the greeting, means."""
    said = str(problem)
    if isinstance(problem, ssl.SSLCertVerificationError):
        fault = Fault.OTHER_NAME if problem.verify_code in _NAME else Fault.CERTIFICATE
        return ConnectorFailure(fault, _sentence(problem.verify_message))
    if isinstance(problem, TimeoutError) or "timed out" in said:
        return ConnectorFailure(Fault.SILENT)
    if isinstance(problem, ssl.SSLError):
        return ConnectorFailure(Fault.ENCRYPTION, _sentence(problem.reason or said))
    if isinstance(problem, smtplib.SMTPServerDisconnected | ConnectionResetError | BrokenPipeError):
        return ConnectorFailure(Fault.HANGS_UP)
    if isinstance(problem, smtplib.SMTPResponseException):
        return ConnectorFailure(Fault.BUSY, _said(problem))
    if isinstance(problem, smtplib.SMTPException):
        return ConnectorFailure(Fault.BUSY, said)
    return ConnectorFailure(Fault.UNREACHED, _sentence(getattr(problem, "strerror", "") or said))


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].rstrip('.')}." if words else ""


def _said(reply: smtplib.SMTPResponseException) -> str:
    return f"It said: {reply.smtp_code} {_text(reply.smtp_error)}"


def _text(words: bytes | str) -> str:
    return words.decode("utf-8", "replace") if isinstance(words, bytes) else words


def _refused(code: int, words: bytes | str) -> TemporaryFailure | PermanentFailure:
    """Return the failure that an SMTP reply to a recipient or to the message means: 5yz is
    permanent (RFC 5321 4.2.1), unless it is not about this message.
    """
    said = f"{code} {_text(words)}"
    if code in _SIGN_IN_FIRST:
        return ConnectorFailure(Fault.NO_PASSWORD, f"It said: {said}")
    if code == _CLOSING:
        return ConnectorFailure(Fault.BUSY, f"It said: {said}")
    kind = PermanentFailure if 500 <= code < 600 else TemporaryFailure
    return kind(f"The mail server said: {said}")
