"""What can stop every letter, in words that anybody may read.

A fault is kept as the beginning of what the outbox notes of a letter that waits; what the other
side said follows it, and is for staff.
"""

from __future__ import annotations

from enum import StrEnum


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


def fault_of(said: str) -> Fault | None:
    """Return the fault that a note of the outbox begins with, None where it is of one letter."""
    return next((fault for fault in Fault if said.startswith(fault)), None)
