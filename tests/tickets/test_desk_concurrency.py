"""Workers at the same desk at the same time, each with a database of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from kb.config.settings import load
from kb.database import Database
from kb.errors import NotAllowed
from kb.tickets.model import (
    Agent,
    Note,
    QueueFilter,
    Requester,
    Resolution,
    Resolve,
    TicketDraft,
    TicketStatus,
)
from kb.tickets.policies import apply_demand
from kb.tickets.service import Desk

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ADA = Agent("a1", "Ada")
WRITERS = 8
EACH = 150  # 8 x 150 = 1,200 transactions, of which a deferred BEGIN failed 1,152


@dataclass(frozen=True, slots=True)
class Wanted:
    """A demand as insight counts it."""

    words_key: str = "w1"
    words: str = "vpn"
    people: int = 5
    searches: int = 5
    first_at: datetime = NOW
    last_at: datetime = NOW


def draft(name: str, words_key: str) -> TicketDraft:
    person = Requester(name, f"{name}@example.com", f"id-{name}")
    return TicketDraft("VPN drops", requester=person, words_key=words_key)


def open_and_note(url: str, writer: int, transactions: int) -> list[int]:
    """Open tickets and annotate them, as one worker; return their numbers."""
    db = Database(url)
    desk = Desk(db, load({}))
    numbers = []
    for turn in range(transactions // 2):
        opened = desk.open_ticket(draft(f"p{writer}", f"w{turn}"), now=NOW)
        desk.act(opened.ticket.number, Note(ADA, "seen"), now=NOW)
        numbers.append(opened.ticket.number)
    db.close()
    return numbers


def race(url: str, submission: str) -> tuple[int, bool]:
    """Open the one ticket everybody wants; return its number and whether it was there."""
    db = Database(url)
    opened = Desk(db, load({})).open_ticket(draft("ann", "w1"), now=NOW, submission=submission)
    db.close()
    return opened.ticket.number, opened.existing


def test_eight_writers_and_1200_transactions_lose_nothing(database_url: str) -> None:
    with ThreadPoolExecutor(WRITERS) as pool:  # each with connections of its own
        runs = [pool.submit(open_and_note, database_url, n, EACH) for n in range(WRITERS)]
        numbers = sorted(number for run in runs for number in run.result())
    assert numbers == list(range(1001, 1001 + WRITERS * EACH // 2))
    database = Database(database_url)
    desk = Desk(database, load({}))
    assert desk.queue().total == len(numbers)
    assert {desk.by_number(number).version for number in numbers[:: EACH // 3]} == {2}
    database.close()


def test_racing_for_one_need_makes_one_ticket(database_url: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda turn: race(database_url, f"s{turn}"), range(16)))
    assert {number for number, _ in answers} == {1001}
    assert [existing for _, existing in answers].count(False) == 1
    database = Database(database_url)
    desk = Desk(database, load({}))
    replies = [each for each in desk.history(desk.by_number(1001)) if each.kind == "replied"]
    database.close()
    assert len(replies) == 15  # what the others wrote is on it


def test_racing_with_one_submission_makes_one_ticket(database: Database) -> None:
    desk = Desk(database, load({}))

    def send(_: int) -> bool:
        form = draft("ann", "")  # without words only the submission can tell
        return desk.open_ticket(form, now=NOW, submission="one").existing

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(send, range(16))).count(False) == 1
    assert desk.queue().total == 1


def test_reopening_and_opening_for_one_need_leave_one_open(database: Database) -> None:
    desk = Desk(database, load({}))
    for turn in range(10):
        first = desk.open_ticket(draft("ann", f"w{turn}"), now=NOW)
        desk.act(first.ticket.number, Resolve(ADA, Resolution.GAP), now=NOW)
        token = first.link_token or ""

        def reply(token: str = token) -> None:
            try:
                desk.reply_by_link(token, "It is back", now=NOW)
            except NotAllowed:
                return

        with ThreadPoolExecutor(2) as pool:
            replied = pool.submit(reply)
            pool.submit(desk.open_ticket, draft("ann", f"w{turn}"), now=NOW).result()
            replied.result()
    assert (
        desk.queue(QueueFilter(status=frozenset({TicketStatus.NEW, TicketStatus.OPEN}))).total == 10
    )


def test_two_workers_make_one_ticket_of_a_demand(database: Database) -> None:
    desk = Desk(database, load({}))
    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(apply_demand, desk, [Wanted()], now=NOW) for _ in range(4)]
        assert sum(len(run.result()) for run in runs) == 1
