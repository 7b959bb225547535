"""A letter as an e-mail message.

Promises the same Message-ID for the same key, headers that nobody can add lines to, and that
automatic answers are not provoked (RFC 3834). Knows no server.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, parseaddr
from typing import Any

from kb.connectors.channel import ChannelFailure, PermanentFailure
from kb.connectors.faults import Fault

_LINE_END = re.compile(r"[\r\n\x00\x0b\x0c\x85\u2028\u2029]")
_ONE_LINE = ("to", "name", "subject", "reply_to", "thread", "unsubscribe")


def message(payload: Mapping[str, Any], key: str, *, sender: str) -> EmailMessage:
    """Return the payload {to, name, subject, text, thread?, reply_to?, unsubscribe?, html?}
    as a message. With `html` it has two parts, the richer one last (RFC 2046 5.1.4).

    Raises PermanentFailure when a header would hold a line end, or an address is none;
    ChannelFailure when the sender's is none.
    """
    _refuse_injection(payload, key)
    letter = EmailMessage(policy=SMTP)
    name, address = parseaddr(sender)
    try:
        letter["From"] = Address(name, addr_spec=address)
    except (MessageError, ValueError, IndexError) as problem:
        raise ChannelFailure(Fault.NO_SENDER, f"{problem}") from None
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
