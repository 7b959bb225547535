"""Accounts that stop working tickets give them back: `kb user` and `kb privacy erase`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kb.accounts.roles import Role
from kb.cli.main import main
from kb.services import Services
from kb.tickets.model import NOBODY, Agent, Assign, QueueFilter, Requester, TicketDraft

Kb = Callable[..., Result]
ADA = "ada@example.org"


@pytest.fixture
def kb(services: Services, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Kb:
    """Return a function that runs `kb` on the test's own site."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KB_DATA", str(services.settings.data))
    return lambda *words: CliRunner().invoke(main, list(words))


@pytest.fixture
def held(services: Services) -> list[int]:
    """Return the numbers of two open tickets that Ada has."""
    now, password, numbers = datetime.now(UTC), "a long enough phrase", []
    made = services.accounts.add(ADA, password, name="Ada", role=Role.AGENT, now=now)
    ada = Agent(made.id, "Ada")
    for turn in range(2):
        draft = TicketDraft(f"Lamp {turn}", requester=Requester("Ann", "ann@example.com"))
        number = services.desk.open_ticket(draft, now=now).ticket.number
        services.desk.act(number, Assign(ada, ada), now=now)
        numbers.append(number)
    return numbers


def _given_back(services: Services, numbers: list[int]) -> bool:
    desk = services.desk
    queue = [each.number for each in desk.queue(QueueFilter(assignee=NOBODY)).tickets]
    last = [desk.history(desk.by_number(each), public_only=False)[-1].kind for each in numbers]
    return sorted(queue) == sorted(numbers) and set(last) == {"given_back"}


@pytest.mark.parametrize("words", [("off", ADA), ("role", ADA, "reader"), ("role", ADA, "author")])
def test_an_account_that_stops_gives_its_tickets_back_and_says_how_many(
    kb: Kb, services: Services, held: list[int], words: tuple[str, ...]
) -> None:
    """mozilla/sumo#2141: what somebody who left had is in the queue again."""
    done = kb("user", *words)
    assert done.exit_code == 0
    assert "2 open tickets are back in the queue, with nobody." in done.output
    assert _given_back(services, held)
    assert "back in the queue" not in kb("user", *words).output


def test_erasing_an_agent_is_refused_until_its_tickets_are_given_back(
    kb: Kb, services: Services, held: list[int]
) -> None:
    refused = kb("privacy", "erase", "--email", ADA, "--yes")
    assert refused.exit_code != 0
    assert services.desk.by_number(held[0]).assignee_id
    services.accounts.set_role(ADA, Role.READER)  # as an older version did: nothing given back
    done = kb("privacy", "erase", "--email", ADA, "--yes")
    assert done.exit_code == 0, done.output
    assert "2" in next(line for line in done.output.splitlines() if "given" in line)
    assert _given_back(services, held)
