"""Delivery from the outbox: at least once, later and later, never lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.config.settings import load
from kb.connectors.base import PermanentFailure, TemporaryFailure
from kb.database import Database
from kb.errors import NotFound
from kb.notifications.delivery import CLAIM, GIVE_UP, Delivery, deliver_due, wait
from kb.notifications.outbox import LONGEST_ASKED, LONGEST_WAIT, Outbox, State
from kb.tickets.model import Requester, TicketDraft
from kb.tickets.service import Desk

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


class Scripted:
    """A channel at the edge: it fails as told, then takes what it is given."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.taken: list[str] = []

    def send(self, payload: Mapping[str, Any], key: str) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.taken.append(key)


@pytest.fixture
def row(database: Database) -> str:
    with database.begin() as connection:
        payload = {"to": "ann@example.com", "subject": "s", "text": "a private link"}
        return Outbox(connection).put("mail", payload, now=NOW, ticket_id=None)


def states(database: Database) -> dict[State, int]:
    with database.read() as connection:
        counts = {state: Outbox(connection).count(state) for state in State}
    return {state: count for state, count in counts.items() if count}


def test_a_letter_is_delivered_once_and_its_text_forgotten(database: Database, row: str) -> None:
    mail = Scripted()
    assert deliver_due(database, {"mail": mail}, now=NOW) == Delivery(delivered=1)
    assert deliver_due(database, {"mail": mail}, now=NOW + timedelta(days=1)) == Delivery()
    assert mail.taken == [row]
    with database.read() as connection:
        kept = connection.exec_driver_sql("SELECT payload FROM outbox").scalar_one()
    assert "private link" not in str(kept)


def test_a_failure_is_tried_again_with_the_same_key(database: Database, row: str) -> None:
    mail = Scripted(TemporaryFailure("busy"), ValueError("a fault of ours"))
    for now in (NOW, NOW + LONGEST_WAIT):
        assert deliver_due(database, {"mail": mail}, now=now) == Delivery(postponed=1)
        assert deliver_due(database, {"mail": mail}, now=now) == Delivery()
    last = deliver_due(database, {"mail": mail}, now=NOW + 2 * LONGEST_WAIT)
    assert last == Delivery(delivered=1)
    assert mail.taken == [row]


def test_retry_after_is_honoured_within_reason(database: Database, row: str) -> None:
    mail = Scripted(TemporaryFailure("busy", timedelta(hours=1)), TemporaryFailure("x", GIVE_UP))
    deliver_due(database, {"mail": mail}, now=NOW)
    minutes = timedelta(minutes=59)
    assert deliver_due(database, {"mail": mail}, now=NOW + minutes) == Delivery()
    hour = NOW + timedelta(hours=1)
    assert deliver_due(database, {"mail": mail}, now=hour) == Delivery(postponed=1)
    assert deliver_due(database, {"mail": mail}, now=hour + LONGEST_ASKED) == Delivery(1)


def test_a_refusal_for_good_is_listed_and_can_be_revived(database: Database, row: str) -> None:
    mail = Scripted(PermanentFailure("550 no such user"))
    assert deliver_due(database, {"mail": mail}, now=NOW) == Delivery(dead=1)
    [dead] = Desk(database, load({})).undeliverable()
    assert (dead.id, dead.error, dead.attempts) == (row, "550 no such user", 1)
    assert deliver_due(database, {"mail": mail}, now=NOW + GIVE_UP) == Delivery()
    desk = Desk(database, load({}))
    desk.send_again(row, NOW + GIVE_UP)
    with pytest.raises(NotFound):
        desk.send_again(row, NOW + GIVE_UP)
    assert deliver_due(database, {"mail": mail}, now=NOW + GIVE_UP) == Delivery(delivered=1)
    assert mail.taken == [row]


def test_after_days_of_failures_it_is_given_up_and_listed(database: Database, row: str) -> None:
    mail = Scripted(TemporaryFailure("down"))
    assert deliver_due(database, {"mail": mail}, now=NOW + GIVE_UP) == Delivery(dead=1)
    assert states(database) == {State.DEAD: 1}


def test_a_missing_channel_waits_for_somebody_to_set_it_up(database: Database, row: str) -> None:
    assert deliver_due(database, {}, now=NOW) == Delivery(postponed=1)
    later = NOW + LONGEST_WAIT
    assert deliver_due(database, {"mail": Scripted()}, now=later) == Delivery(delivered=1)


def test_one_bad_letter_does_not_hold_up_the_rest(database: Database, row: str) -> None:
    with database.begin() as connection:
        Outbox(connection).put("mail", {}, now=NOW, ticket_id=None)
    mail = Scripted(KeyError("to"))
    assert deliver_due(database, {"mail": mail}, now=NOW) == Delivery(delivered=1, postponed=1)


def test_workers_share_the_outbox_and_send_each_letter_once(database: Database) -> None:
    with database.begin() as connection:
        put = Outbox(connection).put
        keys = {put("mail", {"n": n}, now=NOW, ticket_id=None) for n in range(60)}
    mail = Scripted()
    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(deliver_due, database, {"mail": mail}, now=NOW) for _ in range(4)]
        assert sum(run.result().delivered for run in runs) == 60
    assert sorted(mail.taken) == sorted(keys)


KILLED = """
import os, signal, sys
from datetime import datetime
from kb.database import Database
from kb.notifications.delivery import deliver_due

class Dies:
    def send(self, payload, key):
        if sys.argv[3] == "after":
            print(key, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

deliver_due(Database(sys.argv[1]), {"mail": Dies()}, now=datetime.fromisoformat(sys.argv[2]))
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_worker_killed_while_sending_delays_the_letter_and_loses_nothing(
    database: Database, database_url: str, row: str, when: str
) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, database_url, NOW.isoformat(), when],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    mail = Scripted()
    almost = NOW + CLAIM - timedelta(seconds=1)
    assert deliver_due(database, {"mail": mail}, now=almost) == Delivery()
    assert deliver_due(database, {"mail": mail}, now=NOW + CLAIM) == Delivery(delivered=1)
    assert mail.taken == [row]
    if when == "after":  # it went out twice, and the far side can see that by the key
        assert killed.stdout.split() == [row]


def test_a_late_failure_does_not_undo_anothers_claim(database: Database, row: str) -> None:
    with database.begin() as connection:
        slow = Outbox(connection).claim(NOW, CLAIM)
    with database.begin() as connection:
        quick = Outbox(connection).claim(NOW + CLAIM, CLAIM)
    assert slow is not None
    assert quick is not None
    with database.begin() as connection:
        Outbox(connection).postponed(slow, "timed out", until=NOW)
        assert Outbox(connection).claim(NOW + CLAIM, CLAIM) is None
        Outbox(connection).delivered(quick)
        Outbox(connection).refused(slow, "too late")
    assert states(database) == {State.DELIVERED: 1}


def test_the_ticket_is_there_whatever_the_mail_server_does(database: Database) -> None:
    desk = Desk(database, load({}))
    form = TicketDraft("VPN drops", requester=Requester("Ann", "ann@example.com"))
    number = desk.open_ticket(form, now=NOW).ticket.number
    deliver_due(database, {"mail": Scripted(TemporaryFailure("down"))}, now=NOW)
    assert desk.by_number(number).subject == "VPN drops"
    assert states(database) == {State.WAITING: 1}


@given(st.integers(1, 10_000), st.integers())
def test_waits_double_from_a_second_to_five_minutes(attempts: int, seed: int) -> None:
    longest = min(timedelta(seconds=2 ** min(attempts - 1, 9)), LONGEST_WAIT)
    waited = wait(attempts, random.Random(seed))
    assert timedelta(seconds=1) <= waited <= longest
    assert waited >= longest / 2
