"""Errors that a person can cause, each with what to do about it.

Promises that whatever the product refuses says so in one sentence and offers the next step; the
command line prints both and exits with `exit_code`, the site renders both. Knows no HTTP.
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
    """The branch, tag or commit that is to be published is not there."""


class PublishRefused(ContentError):
    """The articles can be read, but to publish them would take too much from readers."""


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
    """It was tried too often; it will be taken again after `wait` seconds."""

    def __init__(self, message: str, hint: str = "", *, wait: int) -> None:
        super().__init__(message, hint)
        self.wait = wait


class NotFound(ProductError):
    """The thing named does not exist, or this person may not know of it."""


class MailFailed(ProductError):
    """A letter that was to go now did not."""

    exit_code = 7


class NotReady(ProductError):
    """What is asked for is still being made; it will be there in a while."""

    exit_code = 6
