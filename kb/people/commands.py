"""`kb user`: accounts and their API tokens from the command line.

Promises that a password is never an argument, where other users of the machine could read it.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from kb.config import load
from kb.people.roles import Role

if TYPE_CHECKING:
    from kb.people.store import Accounts, Then


@click.group()
def user() -> None:
    """Accounts and their API tokens."""


def _accounts() -> Accounts:
    """Return the accounts of the configured database, its schema made when it is new."""
    from kb.db import Database
    from kb.people.store import Accounts

    database = Database(load().database)
    database.migrate()
    return Accounts(database)


def _then() -> Then | None:
    """Return what else an account's change causes, which the command line hands down."""
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


@user.command("password")
@click.argument("email")
def user_password(email: str) -> None:
    """Give an account a new password."""
    _accounts().set_password(email, _password())
    click.echo(f"The password of {email} is changed; sessions and API tokens have ended.")


@user.command("off")
@click.argument("email")
def user_off(email: str) -> None:
    """Switch an account off: it can no longer sign in."""
    given_back = _accounts().set_active(email, False, then=_then())
    click.echo(f"{email} can no longer sign in.")
    _say(given_back)


@user.command("on")
@click.argument("email")
def user_on(email: str) -> None:
    """Switch an account on again."""
    _accounts().set_active(email, True)
    click.echo(f"{email} can sign in again.")


@user.command("token")
@click.argument("email")
@click.option("--label", default="", help="What it is for.")
def user_token(email: str, label: str) -> None:
    """Print a new API token that acts as the account; it is shown this once."""
    click.echo(_accounts().new_token(email, label, datetime.now(UTC)))
