"""The connector interface, its failures, and outgoing emails as MIME messages.

A connector raises two kinds of failure: one that may pass and one that will not. Of the first,
`ConnectorFailure` concerns everything sent through the connector; its fault begins the error that
the outbox keeps, and what the other side said, which is for staff, follows.

The same key gives the same Message-ID, nobody can add header lines, and automatic replies are not
provoked (RFC 3834).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, parseaddr
from enum import StrEnum
from typing import Any, Protocol

# -- The interface --


MAIL = "mail"  # the channel of emails, as rows of the outbox name it


class TemporaryFailure(Exception):
    """Delivery failed this time; `retry_after` is the wait that the other side asked for."""

    def __init__(self, message: str, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ConnectorFailure(TemporaryFailure):
    """Nothing gets through this connector at present, for any recipient: `fault` says why in words
    that anybody may read, `detail` what the other side or this machine said.
    """

    def __init__(self, fault: str, detail: str = "") -> None:
        super().__init__(f"{fault} {detail}".strip())
        self.fault = fault


class PermanentFailure(Exception):
    """Delivery was refused and would be refused again; somebody has to look at it."""


class Connector(Protocol):
    """Delivers messages through one channel."""

    def send(self, payload: Mapping[str, Any], key: str) -> None:
        """Deliver the payload. The same key may come again after a failure or a crash, and the
        receiver must be able to tell that it is the same message.

        Raises TemporaryFailure or PermanentFailure.
        """


# -- Faults --


class Fault(StrEnum):
    """Why nothing gets through, as one sentence."""

    UNREACHED = "The mail server cannot be reached."
    SILENT = "The mail server does not answer in time."
    HANGS_UP = "The mail server ends the conversation."
    BUSY = "The mail server takes no mail at present."
    CERTIFICATE = "The mail server's certificate is not trusted."
    OTHER_NAME = "The mail server's certificate is for another name."
    ENCRYPTION = "No encrypted line to the mail server comes about."
    OPEN_LINE = "The mail server offers no encryption."
    PASSWORD = "The mail server refuses our user name or password."  # noqa: S105 - a sentence
    NO_PASSWORD = "The mail server wants a user name and a password."  # noqa: S105 - likewise
    SENDER = "The mail server refuses our sender address."
    NO_SENDER = "The setting mail_from holds no address to send from."
    FOLDER = "No letter can be written into the data folder."


HINTS = {
    Fault.UNREACHED: "Check the host and the port in mail_url, and that nothing blocks the way.",
    Fault.SILENT: "Check the port in mail_url: smtps:// is for servers that encrypt from the "
    "first byte (465), smtp:// for the others (25, 587).",
    Fault.HANGS_UP: "Look in the mail server's own log.",
    Fault.BUSY: "Try again in some minutes; if it stays, look in the mail server's own log.",
    Fault.CERTIFICATE: "Name the file with its certificate, or of whoever signed it, in mail_ca.",
    Fault.OTHER_NAME: "Write in mail_url the name that the certificate is made for.",
    Fault.ENCRYPTION: "Check the port in mail_url: smtps:// is for servers that encrypt from the "
    "first byte (465), smtp:// for the others (25, 587).",
    Fault.OPEN_LINE: "A password is sent over an encrypted line only, and mail_ca asks for one: "
    "have the server offer STARTTLS.",
    Fault.PASSWORD: "Check both in mail_url; signs such as @ are written as %40.",
    Fault.NO_PASSWORD: "Write them in mail_url: smtp://user:password@host:port.",
    Fault.SENDER: "Set mail_from to an address that this server sends for.",
    Fault.NO_SENDER: "Set mail_from to an address: Service desk <desk@example.org>.",
    Fault.FOLDER: "Check the disk of the data folder, and who may write there.",
}


# -- Emails as MIME messages --


_LINE_END = re.compile(r"[\r\n\x00\x0b\x0c\x85\u2028\u2029]")
_ONE_LINE = ("to", "name", "subject", "reply_to", "thread", "unsubscribe")


def message(payload: Mapping[str, Any], key: str, *, sender: str) -> EmailMessage:
    """Return the payload {to, name, subject, text, thread?, reply_to?, unsubscribe?, html?} as a
    message. With `html` it has two parts, the richer one last (RFC 2046 5.1.4).

    Raises PermanentFailure when a header would hold a line end or the recipient's address is not
    valid, ConnectorFailure when the sender's is not.
    """
    _refuse_injection(payload, key)
    letter = EmailMessage(policy=SMTP)
    name, address = parseaddr(sender)
    try:
        letter["From"] = Address(name, addr_spec=address)
    except (MessageError, ValueError, IndexError) as problem:
        raise ConnectorFailure(Fault.NO_SENDER, f"{problem}") from None
    try:
        letter["To"] = Address(payload.get("name", ""), addr_spec=payload["to"])
        letter["Reply-To"] = payload.get("reply_to") or letter["From"]
    except (MessageError, ValueError, IndexError, KeyError, TypeError) as problem:
        raise PermanentFailure(f"The address cannot be written to: {problem}") from None
    _identify(letter, payload, key, domain=address.rpartition("@")[2])
    letter.set_content(payload.get("text", ""), cte="quoted-printable")
    if html := payload.get("html"):
        letter.add_alternative(html, subtype="html", cte="quoted-printable")
    return letter


def _identify(letter: EmailMessage, payload: Mapping[str, Any], key: str, *, domain: str) -> None:
    """Set the headers that tell machines what this is, and what it belongs to."""
    letter["Subject"] = payload.get("subject", "")
    letter["Date"] = formatdate()
    letter["Message-ID"] = f"<{key}@{domain}>"
    if thread := payload.get("thread"):
        letter["References"] = f"<{thread}.thread@{domain}>"
    if unsubscribe := payload.get("unsubscribe"):  # RFC 8058: one click in the mail program
        letter["List-Unsubscribe"] = f"<{unsubscribe}>"
        letter["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    letter["Auto-Submitted"] = "auto-generated"
    letter["X-Auto-Response-Suppress"] = "All"  # Exchange heeds this one


def _refuse_injection(payload: Mapping[str, Any], key: str) -> None:
    for name, value in [*((name, payload.get(name, "")) for name in _ONE_LINE), ("key", key)]:
        if value and _LINE_END.search(value):
            raise PermanentFailure(f"The letter's {name} has more than one line.")
