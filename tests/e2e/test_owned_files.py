"""The data folder is its owner's alone, whatever the umask of who starts a command, and what was
erased is in none of its files.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kb.database import Database
from kb.services import Services
from kb.tickets.model import Requester, TicketDraft

ROOT = Path(__file__).resolve().parents[2]
ANA = "ana.zyqwipe@uni.es"
SAID = "zyqwipedword"
ARTICLE = """---
title: Connect to the VPN
summary: Reach the office network from home.
language: en
collection: vpn
---

## Issue

The VPN client asks for a code.
"""


Kb = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def kb(tmp_path: Path) -> Kb:
    """Return a function that runs `kb` as a process of its own under umask 022."""
    articles = tmp_path / "articles" / "vpn"
    articles.mkdir(parents=True, exist_ok=True)
    (articles / "connect.md").write_text(ARTICLE, encoding="utf-8")

    def run(*words: str, data: Path = tmp_path / "data", **settings: str) -> Any:
        environ = os.environ | {
            "KB_DATA": str(data),
            "KB_ARTICLES": str(articles.parent),
            "KB_TEMPLATES": str(ROOT / "templates"),
            "KB_SEMANTIC": "false",
            **settings,
        }
        return subprocess.run(
            [sys.executable, "-m", "kb.cli", *words],
            cwd=ROOT, env=environ, capture_output=True, text=True, umask=0o022, timeout=120,
            check=False,
        )  # fmt: skip

    return run


def _open_to_others(data: Path) -> list[str]:
    """Return what in the folder, itself included, others than its owner may do anything with."""
    every = [path for path in (data, *data.rglob("*")) if not path.is_symlink()]
    assert len(every) > 1
    return [
        f"{path}: {path.stat().st_mode & 0o777:o}" for path in every if path.stat().st_mode & 0o77
    ]


def test_what_commands_make_is_their_owners_alone(kb: Kb, tmp_path: Path) -> None:
    """dani-garcia/vaultwarden#1658, #4571, #7598; greizgh/vaultwarden-debian#3."""
    for words in (("migrate",), ("publish",), ("worker", "--once")):
        done = kb(*words)
        assert done.returncode == 0, done.stderr
        assert _open_to_others(tmp_path / "data") == [], words


def test_a_folder_of_an_older_version_is_narrowed_and_the_log_says_so_once(
    kb: Kb, tmp_path: Path
) -> None:
    """dani-garcia/vaultwarden#1658: a folder that was made open stays open after the upgrade."""
    data = tmp_path / "data"
    assert kb("migrate").returncode == 0
    (data / "spool").mkdir()
    (data / "spool" / "events.jsonl").write_text("", encoding="utf-8")
    outside = tmp_path / "elsewhere"
    outside.write_text("not in the folder", encoding="utf-8")
    outside.chmod(0o644)
    (data / "link").symlink_to(outside)
    for path in (data, *data.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)
    told = kb("migrate").stderr
    assert _open_to_others(data) == []
    assert told.count("now their owner's alone") == 1
    assert outside.stat().st_mode & 0o777 == 0o644
    assert "owner" not in kb("migrate").stderr


def test_a_folder_that_holds_more_than_our_data_is_left_alone(kb: Kb, tmp_path: Path) -> None:
    """hellodword's case in dani-garcia/vaultwarden#2610: modes that others' programs rely on."""
    data = tmp_path / "checkout"
    (data / ".git").mkdir(parents=True)
    (data / "notes.txt").write_text("mine", encoding="utf-8")
    (data / "notes.txt").chmod(0o644)
    told = kb("migrate", data=data)
    assert told.returncode == 0
    assert "give KB_DATA its own folder" in told.stderr
    assert (data / "notes.txt").stat().st_mode & 0o777 == 0o644
    assert (data / "tierzero.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file away, which root alone may")
def test_what_belongs_to_somebody_else_is_told_of_and_left(
    kb: Kb, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert kb("migrate").returncode == 0
    theirs = tmp_path / "data" / "theirs"
    theirs.write_text("x", encoding="utf-8")
    theirs.chmod(0o644)
    os.chown(theirs, 65534, 65534)
    done = kb("migrate")
    assert done.returncode == 0
    assert "belong to another user" in done.stderr


def test_articles_that_authors_write_keep_the_usual_modes(kb: Kb, tmp_path: Path) -> None:
    """Another user's site reads them: `kb new` is no command of the data folder."""
    done = kb("new", "Print on both sides", "--collection", "vpn")
    assert done.returncode == 0, done.stderr
    made = next((tmp_path / "articles").rglob("print*.md"))
    assert made.stat().st_mode & 0o777 == 0o644


# -- what was erased ----------------------------------------------------------------------------


@contextmanager
def _holding(file: Path, *, reading: bool) -> Iterator[None]:
    """Keep a connection of another process open, in the middle of reading if asked for."""
    program = (
        "import sqlite3, sys\n"
        "db = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "db.execute('BEGIN') if sys.argv[2] else None\n"
        "db.execute('SELECT count(*) FROM tickets').fetchone()\n"
        "print('reads', flush=True)\n"
        "sys.stdin.read()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(file), "yes" if reading else ""],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert holder.stdout
        assert holder.stdout.readline() == "reads\n"
        yield
    finally:
        holder.communicate()


def _files_with(data: Path, *words: str) -> set[str]:
    return {
        path.name
        for path in data.rglob("*")
        if path.is_file() and any(word.encode() in path.read_bytes() for word in words)
    }


@pytest.fixture
def asked(services: Services) -> Services:
    """Return a site on which many tickets were opened, so that pages of the database split."""
    now = datetime.now(UTC)
    for number in range(60):
        person = Requester("Ana", ANA if number % 2 else f"bob{number}@uni.es")
        word = SAID if number % 2 else "kept"
        draft = TicketDraft(
            subject=f"{word} {number}", body=f"{word} " * 40 * (number % 5 + 1), requester=person
        )
        services.desk.open_ticket(draft, now=now)
    return services


def test_no_file_holds_what_was_erased_when_the_command_returns(kb: Kb, asked: Services) -> None:
    """marmot-protocol/mdk#756, WiseLibs/better-sqlite3#978, eightyeighteyes/kamp#234."""
    data = asked.settings.data
    assert _files_with(data, SAID)
    with _holding(data / "tierzero.db", reading=False), asked.db.read():
        pass  # this process keeps its connections too
    with _holding(data / "tierzero.db", reading=False):
        done = kb("privacy", "erase", "--email", ANA, "--with-open", "--yes", data=data)
        assert done.returncode == 0, done.stderr
        assert _files_with(data, SAID, ANA) == set()


def test_a_reader_that_holds_the_log_is_told_of_and_the_next_run_wipes_it(
    kb: Kb, asked: Services
) -> None:
    """marmot-protocol/mdk#936: a wipe that did not happen must not be told as done."""
    data = asked.settings.data
    words = ("privacy", "erase", "--email", ANA, "--with-open", "--yes")
    with _holding(data / "tierzero.db", reading=True):
        done = kb(*words, data=data)
        assert done.returncode == 4
        assert done.stdout.startswith("Erased: ")
        assert "still in the database's files" in done.stderr
        assert _files_with(data, SAID)
    again = kb(*words, data=data)
    assert (again.returncode, again.stdout) == (0, "Nothing is held.\n")
    assert _files_with(data, SAID, ANA) == set()


def test_what_the_database_forgets_can_be_wiped_on_every_kind(database_url: str) -> None:
    database = Database(database_url)
    assert database.scrub()
    database.close()
