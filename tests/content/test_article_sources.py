"""Git and folders as sources: one commit, nothing of the repository runs, no link is followed."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kb.content.sources.folder import FolderSource
from kb.content.sources.git import GitSource
from kb.content.sources.source import Source, open_source
from kb.errors import ContentError


def git(folder: Path, *words: str, when: int = 1_700_000_000) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *words],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Ana Ñ",
            "GIT_AUTHOR_EMAIL": "a@example.org",
            "GIT_COMMITTER_NAME": "Bot",
            "GIT_COMMITTER_EMAIL": "b@example.org",
            "GIT_COMMITTER_DATE": f"{when} +0200",
        },
        check=True,
        capture_output=True,
    )
    return done.stdout.decode().strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    (root / "articles" / "a").mkdir(parents=True)
    (root / "articles" / "a" / "one.md").write_text("One")
    (root / "articles" / "a" / "ñ two.md").write_text("Two")
    (root / "other.md").write_text("Other")
    git(root, "init", "-q", "-b", "main")
    git(root, "add", ".")
    git(root, "commit", "-qm", "first")
    (root / "articles" / "a" / "one.md").write_text("One, better")
    git(root, "commit", "-qam", "second", when=1_700_000_500)
    return root


def texts(source: Source) -> dict[str, bytes]:
    return {path: blob.read() for path, blob in source.files().items()}


def test_a_repository_is_read_at_its_commit(repository: Path) -> None:
    source = open_source(repository)
    assert isinstance(source, GitSource)
    assert source.commit == git(repository, "rev-parse", "HEAD")
    assert texts(source) == {
        "articles/a/one.md": b"One, better",
        "articles/a/ñ two.md": b"Two",
        "other.md": b"Other",
    }


def test_a_folder_inside_a_repository_is_read_from_the_commit(repository: Path) -> None:
    source = open_source(repository / "articles")
    assert isinstance(source, GitSource)
    assert texts(source) == {"a/one.md": b"One, better", "a/ñ two.md": b"Two"}
    assert source.history()["a/one.md"] == (datetime.fromtimestamp(1_700_000_500, UTC), "Ana Ñ")
    assert source.history()["a/ñ two.md"][0] == datetime.fromtimestamp(1_700_000_000, UTC)


def test_a_bare_repository_and_another_ref(repository: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare.git"
    git(tmp_path, "clone", "-q", "--bare", str(repository), str(bare))
    assert texts(open_source(bare)) == texts(open_source(repository))
    assert texts(open_source(bare, "HEAD~1"))["articles/a/one.md"] == b"One"


def test_a_linked_work_tree_is_read(repository: Path, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "-q", str(tmp_path / "linked"), "HEAD~1")
    assert texts(open_source(tmp_path / "linked"))["articles/a/one.md"] == b"One"


def test_uncommitted_work_is_not_read(repository: Path) -> None:
    before = texts(open_source(repository))
    (repository / "articles" / "a" / "one.md").write_text("Not yet")
    (repository / "articles" / "new.md").write_text("New")
    git(repository, "add", "articles/new.md")
    assert texts(open_source(repository)) == before


def test_a_source_stays_at_its_commit_when_the_branch_moves(repository: Path) -> None:
    source = open_source(repository)
    (repository / "articles" / "a" / "one.md").write_text("Later")
    git(repository, "commit", "-qam", "third")
    assert source.files()["articles/a/one.md"].read() == b"One, better"


def test_links_and_submodules_are_left_out_and_reported(repository: Path) -> None:
    (repository / "secret.md").symlink_to("/etc/passwd")
    git(repository, "add", "secret.md")
    head = git(repository, "rev-parse", "HEAD")
    git(repository, "update-index", "--add", "--cacheinfo", f"160000,{head},sub.md")
    git(repository, "commit", "-qm", "links")
    source = open_source(repository)
    assert "secret.md" not in source.files()
    assert "sub.md" not in source.files()
    assert {p.path: p.code for p in source.problems} == {
        "secret.md": "not-a-file",
        "sub.md": "not-a-file",
    }


def test_no_program_of_the_repository_runs(repository: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    program = tmp_path / "program.sh"
    program.write_text(f"#!/bin/sh\ntouch {ran}\ncat\n")
    program.chmod(0o755)
    (repository / ".gitattributes").write_text("*.md filter=evil diff=evil\n")
    git(repository, "add", ".gitattributes")
    git(repository, "commit", "-qm", "attributes")
    for key in ("filter.evil.smudge", "filter.evil.clean", "diff.evil.textconv", "core.pager",
                "core.fsmonitor", "core.sshCommand", "gpg.program", "diff.external"):  # fmt: skip
        git(repository, "config", key, str(program))
    git(repository, "config", "log.showSignature", "true")
    for hook in (repository / ".git" / "hooks").iterdir():
        hook.unlink()
    for name in ("post-checkout", "post-index-change", "reference-transaction"):
        (repository / ".git" / "hooks" / name).write_text(program.read_text())
        (repository / ".git" / "hooks" / name).chmod(0o755)
    source = open_source(repository)
    assert source.files()["other.md"].read() == b"Other"
    assert source.history()
    assert not ran.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another account")
def test_a_repository_of_another_account_is_read(repository: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare.git"
    git(tmp_path, "clone", "-q", "--bare", str(repository), str(bare))
    for root in (repository, bare):
        for place in [root, *root.rglob("*")]:
            os.chown(place, 12345, 12345)
        assert "other.md" in open_source(root).files()


def test_the_environment_cannot_point_elsewhere(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path))
    assert "other.md" in open_source(repository).files()


def test_a_folder_without_git(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.md").write_text("One")
    (tmp_path / ".hidden.md").write_text("x")
    (tmp_path / "out.md").symlink_to("/etc/passwd")
    (tmp_path / "away").symlink_to("/etc")
    source = open_source(tmp_path)
    assert isinstance(source, FolderSource)
    assert texts(source) == {"a/one.md": b"One"}
    assert source.history() == {}
    assert {problem.path for problem in source.problems} == {"out.md", "away"}


def test_a_folder_is_named_after_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "one.md").write_text("One")
    first = open_source(tmp_path).commit
    assert first.startswith("folder-")
    assert open_source(tmp_path).commit == first
    (tmp_path / "one.md").write_text("Two")
    assert open_source(tmp_path).commit != first


def test_an_untracked_folder_in_a_repository_is_a_folder(repository: Path) -> None:
    (repository / "drafts").mkdir()
    (repository / "drafts" / "x.md").write_text("X")
    assert texts(open_source(repository / "drafts")) == {"x.md": b"X"}


def test_faults_say_what_to_do(repository: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    git(empty, "init", "-q")
    for path, ref, word in [
        (tmp_path / "gone", "HEAD", "no folder"),
        (empty, "HEAD", "no commit yet"),
        (repository, "nope", "nope"),
        (repository, "--output=x", "--output=x"),
    ]:
        with pytest.raises(ContentError, match=word) as caught:
            open_source(path, ref)
        assert caught.value.hint


def test_a_missing_git_is_told(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ContentError, match="git is not installed"):
        open_source(repository)


def test_a_damaged_object_is_an_error_of_its_file(repository: Path) -> None:
    source = open_source(repository)
    blob = source.files()["other.md"]
    (repository / ".git" / "objects" / blob.id[:2] / blob.id[2:]).unlink()
    with pytest.raises(OSError, match="cannot be read"):
        blob.read()
    assert source.files()["articles/a/one.md"].read() == b"One, better"
