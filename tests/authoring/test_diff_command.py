"""`kb diff`: what a change does to the articles, on the terminal and as a page."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from tests.web.pages import Page

Kb = Callable[..., Result]


@pytest.fixture
def committed(articles: Path) -> Path:
    """Return the folder of articles as a repository with one commit."""
    (articles / "vpn" / "gone.md").write_text("---\ntitle: Going\n---\n\nSoon gone.\n")
    for words in (
        ["init", "-q"], ["add", "-A"],
        ["-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-qm", "one"],
    ):  # fmt: skip
        subprocess.run(["git", "-C", str(articles), *words], check=True, capture_output=True)
    return articles


def change(articles: Path) -> None:
    """Change one article's text and title, add one, remove one."""
    file = articles / "vpn" / "connect.md"
    text = file.read_text().replace("asks for a code", "shows <b>nothing</b> & ends")
    file.write_text(text.replace("title: Connect to the VPN", "title: Use the VPN"))
    (articles / "vpn" / "added.md").write_text("---\ntitle: Added\n---\n\nQuite new.\n")
    (articles / "vpn" / "gone.md").unlink()


def test_nothing_changed_is_said(run: Kb, committed: Path) -> None:
    told = run("diff")
    assert (told.exit_code, told.stdout) == (0, "")
    assert "0 articles differ from HEAD" in told.stderr


def test_words_and_facts_that_came_and_went_are_marked(run: Kb, committed: Path) -> None:
    change(committed)
    told = run("diff", "HEAD")
    assert told.exit_code == 0, told.output
    lines = told.stdout.splitlines()
    assert "vpn/added.md (new)" in lines
    assert "  {+Quite new.+}" in lines
    assert "vpn/gone.md (removed)" in lines
    assert "  [-Soon gone.-]" in lines
    assert "  title: [-Connect to the VPN-] {+Use the VPN+}" in lines
    (changed,) = (line for line in lines if "The VPN client" in line)
    assert "[-asks-]{+shows+}" in changed
    assert "{+nothing+}" in changed
    assert "3 articles differ" in told.stderr


def test_the_page_stands_alone_and_is_inert(run: Kb, committed: Path, tmp_path: Path) -> None:
    change(committed)
    (committed / "vpn" / "x.md").write_text(
        "---\ntitle: '<script>1</script>'\n---\n\n<script>2</script>\n"
    )
    page = tmp_path / "changes.html"
    assert run("diff", "HEAD", "--html", str(page)).exit_code == 0
    read = Page(page.read_text(encoding="utf-8"))
    assert read.all("script") == []
    assert read.all("img", "iframe", "object") == []
    assert len(read.all("section")) == 4
    assert {"del", "ins"} <= {element.tag for element in read.elements}


@pytest.mark.parametrize("rev", ["no-such-branch", "--all", "-n1"])
def test_what_is_no_commit_is_refused(run: Kb, committed: Path, rev: str) -> None:
    told = run("diff", "--", rev)
    assert told.exit_code == 3
    assert len(told.stderr.strip().splitlines()) == 2


def test_a_folder_without_git_has_nothing_to_compare(run: Kb) -> None:
    told = run("diff")
    assert told.exit_code == 3
    assert "no Git repository" in told.stderr
