"""Errors that a person can cause, each with what to do about it.

Whatever the product refuses, it says so in one sentence and offers the next step. The command line
prints both and exits with `exit_code`; the site shows both.
"""

from __future__ import annotations


class ProductError(Exception):
    """A refusal: `message` says what is wrong, `hint` what to do; `exit_code` ends the command."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class ConfigError(ProductError):
    """A setting is unknown or holds a value that cannot be used."""

    exit_code = 2


class ContentError(ProductError):
    """The folder, repository or commit of articles cannot be read."""

    exit_code = 3


class BranchGone(ContentError):
    """The branch, tag or commit to be published does not exist."""


class PublishRefused(ContentError):
    """The articles can be read, but publishing them would take too many from readers."""


class StoreError(ProductError):
    """The database cannot be reached, opened or written."""

    exit_code = 4


class PortError(ProductError):
    """The address to serve on is not free."""

    exit_code = 5


class InvalidInput(ProductError):
    """A form or request holds something that cannot be accepted; `fields` maps name to problem."""

    def __init__(self, message: str, hint: str = "", *, fields: dict[str, str] | None = None):
        super().__init__(message, hint)
        self.fields = fields or {}


class NotAllowed(ProductError):
    """The rules do not permit this now, and the message says why."""


class TooSoon(ProductError):
    """It was tried too often; the next try is accepted after `wait` seconds."""

    def __init__(self, message: str, hint: str = "", *, wait: int) -> None:
        super().__init__(message, hint)
        self.wait = wait


class NotFound(ProductError):
    """The thing named does not exist, or this person may not know of it."""


class MailFailed(ProductError):
    """An email that was to be sent at once was not."""

    exit_code = 7


class NotReady(ProductError):
    """What is asked for is still being made; try again later."""

    exit_code = 6
