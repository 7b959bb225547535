"""`kb user`: accounts and their API tokens.

A password is never an argument, where other users of the machine could read it.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from kb.accounts.roles import Role
from kb.config.settings import load
from kb.config.values import duration

if TYPE_CHECKING:
    from kb.accounts.store import Accounts, Then


@click.group()
def user() -> None:
    """Accounts and their API tokens."""


def _accounts() -> Accounts:
    """Return the accounts of the configured database; make the schema where it is new."""
    from kb.accounts.store import Accounts
    from kb.database import Database

    database = Database(load().database)
    database.migrate()
    return Accounts(database)


def _then() -> Then | None:
    """Return what a change of an account causes in other modules, as set by the main command."""
    hand_down = click.get_current_context().find_root().obj
    return hand_down(datetime.now(UTC)) if hand_down else None


def _say(given_back: int) -> None:
    if given_back:
        what = "1 open ticket is" if given_back == 1 else f"{given_back} open tickets are"
        click.echo(f"{what} back in the queue, with nobody.")


ROLES = click.Choice([role.value for role in Role if role is not Role.ANONYMOUS])


def _password() -> str:
    """Return a password from standard input, or asked for twice on a terminal."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))


@user.command("add")
@click.argument("email")
@click.option("--role", type=ROLES, default="reader", show_default=True)
@click.option("--name", default="", help="The person's name.")
def user_add(email: str, role: str, name: str) -> None:
    """Add an account; the password is asked for, or read from standard input."""
    accounts = _accounts()
    made = accounts.add(email, _password(), name=name, role=Role(role), now=datetime.now(UTC))
    click.echo(f"{made.email} may sign in as {made.role}.")


@user.command("list")
def user_list() -> None:
    """Every account."""
    for account in _accounts().all():
        state = "" if account.active else " (switched off)"
        click.echo(f"{account.email:<40} {account.role:<8} {account.name}{state}")


@user.command("role")
@click.argument("email")
@click.argument("role", type=ROLES)
def user_role(email: str, role: str) -> None:
    """Change what an account may do."""
    given_back = _accounts().set_role(email, Role(role), then=_then())
    click.echo(f"{email} is now {role}; sessions opened before have ended.")
    _say(given_back)
    click.echo("API tokens may do no more than before, and no more than the new role.")


@user.command("password")
@click.argument("email")
@click.option("--link", is_flag=True, help="Print a link by which its owner chooses it, once.")
def user_password(email: str, link: bool) -> None:
    """Give an account a new password, or its owner a link to choose one."""
    if link:
        click.echo(_reset_link(email))
        return
    accounts = _accounts()
    accounts.set_password(email, _password())
    _forget_guesses(email)
    click.echo(f"The password of {email} is changed; sessions and API tokens have ended.")


def _reset_link(email: str) -> str:
    from kb.accounts.password_resets import PATH, Resets
    from kb.database import Database

    settings = load()
    database = Database(settings.database)
    database.migrate()
    token = Resets(database, None).link_token(email, datetime.now(UTC))
    return settings.site_url.rstrip("/") + PATH.format(token=token)


def _forget_guesses(email: str) -> None:
    from kb.accounts.sign_in import bucket_of
    from kb.accounts.store import Guesses
    from kb.database import Database

    Guesses(Database(load().database)).forget(bucket_of(email))


@user.command("sign-out")
@click.argument("email")
def user_sign_out(email: str) -> None:
    """End an account's sessions on all devices."""
    _accounts().sign_out(email)
    click.echo(f"{email} is signed out on all devices; API tokens go on.")


@user.command("off")
@click.argument("email")
def user_off(email: str) -> None:
    """Switch an account off: it can no longer sign in, and its API tokens end for good."""
    given_back = _accounts().set_active(email, False, then=_then())
    click.echo(f"{email} can no longer sign in; sessions and API tokens have ended.")
    _say(given_back)


@user.command("on")
@click.argument("email")
def user_on(email: str) -> None:
    """Switch an account on again."""
    _accounts().set_active(email, True)
    click.echo(f"{email} can sign in again.")


@user.command("token")
@click.argument("email")
@click.option("--name", "--label", default="", help="What it is for.")
@click.option("--expires", default="365d", show_default=True, help="30d, 24h ..., or never.")
def user_token(email: str, name: str, expires: str) -> None:
    """Print a new API token that acts as the account; it is shown this once."""
    click.echo(_accounts().new_token(email, name, datetime.now(UTC), life=_life(expires)))


def _life(expires: str) -> timedelta | None:
    """Return a token's lifetime, None for "never"."""
    try:
        life = None if expires.strip().lower() == "never" else duration(expires)
        if life == timedelta(0):
            raise ValueError("a span such as 30d, or never")
        if life is not None:
            datetime.now(UTC) + life  # what the calendar cannot hold is refused
    except (ValueError, OverflowError):
        raise click.BadParameter("Write a span such as 30d or 24h, or never.") from None
    return life


@user.command("tokens")
@click.argument("email")
def user_tokens(email: str) -> None:
    """List an account's API tokens: id, name, created, last used, expires."""
    now = datetime.now(UTC)
    for token in _accounts().tokens_of(email):
        used = f"{token.last_used_at:%Y-%m-%d}" if token.last_used_at else "never"
        ends = f"{token.expires_at:%Y-%m-%d}" if token.expires_at else "never"
        state = " (expired)" if token.expired(now) else ""
        click.echo(
            f"{token.id}  {token.name:<30} created {token.created_at:%Y-%m-%d}  "
            f"used {used:<10}  expires {ends}{state}"
        )


@user.command("revoke")
@click.argument("email")
@click.argument("token_id")
def user_revoke(email: str, token_id: str) -> None:
    """End one API token, by its id from `kb user tokens`."""
    _accounts().revoke(email, token_id)
    click.echo(f"The API token {token_id} of {email} is revoked.")
