"""Pseudonyms: one for a browser and a day, shared by machines, never followed into the next."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from kb.database import Database
from kb.schema import salts
from kb.tracking.visitors import Visitors

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


def test_machines_agree_and_days_do_not(database: Database, noon: datetime) -> None:
    here, there = Visitors(database, "key"), Visitors(database, "key")
    today = here.anonymous("192.0.2.1", FIREFOX, noon)
    tomorrow = noon + timedelta(days=1)
    assert there.anonymous("192.0.2.1", FIREFOX, noon) == today
    assert len({today, here.anonymous("192.0.2.1", FIREFOX, tomorrow),
                here.anonymous("192.0.2.2", FIREFOX, noon),
                here.anonymous("192.0.2.1", "other", noon)}) == 4  # fmt: skip
    assert len(today) == 32
    with database.read() as connection:
        kept = connection.execute(sa.select(salts)).all()
    assert len(kept) == 2
    assert len({row.salt for row in kept}) == 2


def test_an_account_keeps_its_pseudonym(database: Database) -> None:
    assert Visitors(database, "key").signed_in("u") == Visitors(database, "key").signed_in("u")
    assert Visitors(database, "key").signed_in("u") != Visitors(database, "other").signed_in("u")


def test_a_browser_is_known_across_midnight_and_sign_in(database: Database, noon: datetime) -> None:
    visitors = Visitors(database, "key")
    before = visitors.anonymous("192.0.2.1", FIREFOX, noon)
    after = noon + timedelta(hours=13)
    assert before in Visitors(database, "key").others("192.0.2.1", FIREFOX, after)
    assert before not in visitors.others("192.0.2.1", FIREFOX, after + timedelta(days=1))


def test_without_a_database_machines_still_agree(
    away: Database, tmp_path: Path, noon: datetime
) -> None:
    here, there = Visitors(away, "key"), Visitors(away, "key")
    one = here.anonymous("192.0.2.1", FIREFOX, noon)
    assert one == there.anonymous("192.0.2.1", FIREFOX, noon)
    assert one != here.anonymous("192.0.2.1", FIREFOX, noon + timedelta(days=1))
