"""`kb mail`: check whether emails get through, by sending one."""

from __future__ import annotations

import uuid

import click

from kb.config.settings import load
from kb.errors import ConfigError, MailFailed


@click.group()
def mail() -> None:
    """The mail that this site sends."""


@mail.command("test")
@click.argument("address")
def test(address: str) -> None:
    """Send one letter to ADDRESS now, and say what became of it."""
    from kb.connectors.base import (
        HINTS,
        ConnectorFailure,
        Fault,
        PermanentFailure,
        TemporaryFailure,
    )
    from kb.connectors.mail import server_channel

    settings = load()
    if not settings.mail_url:
        raise ConfigError(
            "No mail server is set, so nobody gets a letter: each becomes a file.",
            "Set mail_url to smtp://user:password@host:port or smtps://...",
        )
    channel = server_channel(settings.mail_url, settings.mail_from, settings.mail_ca)
    letter = {
        "to": address,
        "subject": f"{settings.site_name}: a test of the mail",
        "text": f"Somebody ran `kb mail test` at {settings.site_url}. Mail from there arrives.\n",
    }
    place = channel.place
    try:
        encrypted = channel.hand_over(letter, f"test-{uuid.uuid4()}")
    except ConnectorFailure as failure:
        hint = HINTS[Fault(failure.fault)]
        raise MailFailed(f"Not sent by {place}. {failure}", hint) from None
    except PermanentFailure as refusal:
        raise MailFailed(
            f"Not sent by {place}. {refusal}",
            "The server is there and listens: check this address, and what it sends for whom.",
        ) from None
    except TemporaryFailure as failure:
        raise MailFailed(
            f"Not sent by {place} this time. {failure}",
            "A letter of the site would be tried again by itself; run this again in some minutes.",
        ) from None
    line = "over an encrypted line, its certificate checked" if encrypted else "over an open line"
    click.echo(f"{place} took the letter to {address}, {line}.")
    click.echo("Whether it arrives is up to the servers behind it: look into the mailbox.")
