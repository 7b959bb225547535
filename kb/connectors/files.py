"""Emails as files in the data folder, where no mail server is set.

Each email is a file that only its owner can read; the log names it by its id and says nothing of
its content. An id becomes a file's name only where it is one plain word, so that none leads out of
the folder.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from kb.connectors.base import ConnectorFailure, Fault, message

log = logging.getLogger("kb.mail")

FOLDER = "mail"  # in the data folder
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
# A long part of a URL that is no word, such as the token of a private page.
_PART = re.compile(r"(?:(?<=[^:/]/)|(?<=[=#]))[^/?#&=\s<>\"']{16,}")
MASK = "(hidden)"


@dataclass(frozen=True, slots=True)
class StoredEmail:
    """One email that is stored in a file."""

    id: str
    written: datetime
    to: str
    subject: str
    text: str


class FileConnector:
    """Writes each email into a file of its own."""

    def __init__(self, folder: Path, sender: str) -> None:
        self._folder = folder
        self._sender = sender

    def send(self, payload: Mapping[str, Any], key: str) -> None:
        """Write the email; the same key again replaces it. ConnectorFailure when that fails."""
        letter = message(payload, key, sender=self._sender)
        name = email_id(key)
        try:
            _write(self._folder, name, letter.as_bytes())
        except OSError as problem:
            raise ConnectorFailure(Fault.FOLDER, problem.strerror or "") from None
        log.info("no mail server is set: letter %s is in the data folder", name)


def email_id(key: str) -> str:
    """Return the name of a key's file: the key, or its hash where it is more than a plain word."""
    return key if _PLAIN.fullmatch(key) else hashlib.sha256(key.encode()).hexdigest()[:32]


def _write(folder: Path, name: str, content: bytes) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = folder / f".{name}.{secrets.token_hex(8)}"
    try:
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as new:
            new.write(content)
            new.flush()
            os.fsync(new.fileno())
        os.replace(fresh, folder / f"{name}.eml")
    finally:
        fresh.unlink(missing_ok=True)


def stored_emails(folder: Path) -> tuple[StoredEmail, ...]:
    """Return the emails in the folder, newest first."""
    found = [kept for file in _files(folder) if (kept := _read(file))]
    return tuple(sorted(found, key=lambda each: (each.written, each.id), reverse=True))


def stored_email(folder: Path, name: str) -> StoredEmail | None:
    """Return one email; None where there is none of that id or the id is not a plain word."""
    return _read(folder / f"{name}.eml") if _PLAIN.fullmatch(name) else None


def of_person(
    folder: Path, addresses: Collection[str], keys: Collection[str]
) -> tuple[StoredEmail, ...]:
    """Return the emails to these addresses (in lower case) or with these keys."""
    names = {email_id(key) for key in keys}
    mine = (
        each for each in stored_emails(folder) if each.id in names or each.to.lower() in addresses
    )
    return tuple(mine)


def remove(folder: Path, letters: Collection[StoredEmail]) -> int:
    """Remove these emails; return how many there were."""
    for each in letters:
        (folder / f"{each.id}.eml").unlink(missing_ok=True)
    return len(letters)


def older(folder: Path, before: datetime) -> tuple[Path, ...]:
    """Return the files from before that time, including partial ones that a crash left."""
    stale = []
    with suppress(FileNotFoundError):
        for file in folder.iterdir():
            with suppress(FileNotFoundError):
                if file.is_file() and file.lstat().st_mtime < before.timestamp():
                    stale.append(file)
    return tuple(stale)


def masked(text: str) -> str:
    """Return the text with every long random part of a URL hidden: it may open a page."""
    return _PART.sub(lambda found: MASK if _random(found[0]) else found[0], text)


def _random(part: str) -> bool:
    return any(sign.isdigit() or sign.isupper() for sign in part)


def _files(folder: Path) -> Iterator[Path]:
    yield from folder.glob("*.eml")


def _read(file: Path) -> StoredEmail | None:
    try:
        if file.is_symlink():
            return None
        content, state = file.read_bytes(), file.lstat()
    except OSError:
        return None
    letter = message_from_bytes(content, _class=EmailMessage, policy=default)
    body = letter.get_body(("plain",))
    to = letter["To"].addresses[0].addr_spec if letter["To"] and letter["To"].addresses else ""
    return StoredEmail(
        id=file.stem,
        written=datetime.fromtimestamp(state.st_mtime, UTC),
        to=to,
        subject=str(letter["Subject"] or ""),
        text=str(body.get_content()) if body else "",
    )
