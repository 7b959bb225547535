"""Pages tell the truth where a program can check it: links, commands, targets, records."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from kb.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    str(file.relative_to(ROOT)) for file in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
)
RECORDS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
COMMAND = re.compile(r"(?:^|[\s`/|(])kb ([a-z]+(?: [a-z][a-z-]*[a-z])?)", re.MULTILINE)
TARGET = re.compile(r"\bmake ([a-z]+)")
PATH = re.compile(r"(?:kb|search|tests|templates|docs)/[\w./-]+\.(?:py|txt|html|md)")
PARTS = ("Context", "Decision", "Evidence", "Revisit when")


def text_of(page: str) -> str:
    """Return the page's text."""
    return (ROOT / page).read_text(encoding="utf-8")


def code_of(page: str) -> str:
    """Return the commands and names that the page quotes, in backquotes or fences."""
    return "\n".join(CODE.findall(text_of(page)))


def anchors(file: Path) -> set[str]:
    """Return the anchors of the page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}


def test_the_pages_are_there() -> None:
    wanted = {"README.md", "CHANGELOG.md", "docs/README.md", "docs/metrics.md", "docs/tickets.md"}
    assert set(PAGES) >= wanted
    assert len(RECORDS) >= 7


@pytest.mark.parametrize("page", PAGES)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    prose = CODE.sub("", text_of(page))
    for link in LINK.findall(prose):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, fragment = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), f"{page} links to {link}"
        assert not fragment or fragment in anchors(target), f"{page} links to {link}"


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_quoted_exist(page: str) -> None:
    for words in COMMAND.findall(code_of(page)):
        first, _, second = words.partition(" ")
        command = main.commands.get(first)
        assert command is not None, f"{page} quotes kb {words}"
        if isinstance(command, click.Group) and second:
            assert second in command.commands, f"{page} quotes kb {words}"


def test_the_commands_are_all_told() -> None:
    told = set(COMMAND.findall(code_of("docs/operations.md")))
    whole = {words.split()[0] for words in told} | told
    for name, command in main.commands.items():
        assert name in whole, f"docs/operations.md does not tell of kb {name}"
        for inner in getattr(command, "commands", {}):
            assert f"{name} {inner}" in told, (
                f"docs/operations.md does not tell of kb {name} {inner}"
            )


@pytest.mark.parametrize("page", PAGES)
def test_the_make_targets_quoted_exist(page: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", text_of("Makefile"), re.MULTILINE))
    assert set(TARGET.findall(code_of(page))) <= targets


@pytest.mark.parametrize("page", PAGES)
def test_the_files_named_exist(page: str) -> None:
    named = set(PATH.findall(code_of(page)))
    assert {name for name in named if not (ROOT / name).exists()} == set()


@pytest.mark.parametrize("page", PAGES)
def test_the_settings_named_in_commands_exist(page: str) -> None:
    from kb.config.settings import FILE_VARIABLE, FROM_FILE, PREFIX, ROWS

    known = {PREFIX + row.name.upper() for row in ROWS} | {FILE_VARIABLE, "KB_NAME"}
    named = set(re.findall(r"\bKB_[A-Z_]+\b", code_of(page)))
    assert {name.removesuffix(FROM_FILE) for name in named} <= known


def test_the_index_of_pages_misses_none() -> None:
    index = text_of("docs/README.md")
    pages = [page for page in PAGES if page.startswith("docs/") and page != "docs/README.md"]
    assert [page for page in pages if f"({page.removeprefix('docs/')})" not in index] == []


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [int(file.name[:4]) for file in RECORDS]
    assert numbers == list(range(1, len(numbers) + 1))
    for number, file in enumerate(RECORDS, start=1):
        assert file.read_text(encoding="utf-8").startswith(f"# {number}. "), file.name


@pytest.mark.parametrize("file", RECORDS, ids=lambda file: file.stem)
def test_a_decision_says_why_and_when_to_look_again(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    for part in PARTS:
        assert re.search(rf"^(?:## {part}|\*\*{part}\b)", text, re.MULTILINE), part


def test_the_changelog_has_a_place_for_the_next_line() -> None:
    sections = re.findall(r"^## (.+)$", text_of("CHANGELOG.md"), re.MULTILINE)
    assert sections[0] == "[Unreleased]"


def test_the_articles_counted_in_pages_are_those_shipped() -> None:
    files = list((ROOT / "articles").glob("*/*.md"))
    spanish = sum("\nlanguage: es\n" in file.read_text(encoding="utf-8") for file in files)
    for page in ("README.md", "CHANGELOG.md"):
        text = " ".join(text_of(page).split())
        assert re.search(rf"{len(files) - spanish} in English(,| and) {spanish} in Spanish", text)


def test_the_licence_is_whole() -> None:
    text = text_of("LICENSE")
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert [f"   {n}. " in text for n in range(1, 10)] == [True] * 9


def test_the_check_for_machines_runs_the_readmes_test_command() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert "make test" in script.read_text(encoding="utf-8").splitlines()[-1]
