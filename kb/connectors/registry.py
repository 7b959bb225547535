"""Every channel of the outbox: one row for each way out of the product."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kb.config.settings import Settings
from kb.connectors.base import HINTS, MAIL, Connector
from kb.connectors.files import FOLDER
from kb.connectors.mail import mail_channel


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel: its `name` in the outbox, `connect` makes its connector from the settings (None
    where they ask for none), `hints` says for each fault of the whole channel what helps.
    """

    name: str
    connect: Callable[[Settings], Connector | None]
    hints: Mapping[str, str]


def _mail(settings: Settings) -> Connector:
    folder, ca = settings.data / FOLDER, settings.mail_ca
    return mail_channel(settings.mail_url, settings.mail_from, folder, ca=ca)


CHANNELS = (Channel(MAIL, _mail, {fault.value: hint for fault, hint in HINTS.items()}),)


def connectors(settings: Settings) -> dict[str, Connector]:
    """Return the connectors that the settings ask for, by the name of their channel."""
    made = {channel.name: channel.connect(settings) for channel in CHANNELS}
    return {name: connector for name, connector in made.items() if connector is not None}


def fault_of(said: str) -> str:
    """Return the fault that an error in the outbox begins with, "" where it is of one message."""
    known = (fault for channel in CHANNELS for fault in channel.hints)
    return next((fault for fault in known if said.startswith(fault)), "")


def hint_of(fault: str) -> str:
    """Return what helps against a fault, "" for one that is not known."""
    return next((c.hints[fault] for c in CHANNELS if fault in c.hints), "")
