"""Articles fetched from a remote: a mirror of it, and no program, question or secret on the way."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from kb.app import create_app
from kb.config.repositories import read_remote
from kb.config.settings import Settings, shown
from kb.content.sources.mirror import HEAD, fetch
from kb.errors import ContentError
from kb.publishing.publisher import Published, publish
from kb.publishing.state import publish_lock
from kb.services import build

Live = Callable[..., Published]


@pytest.fixture
def remote(repository: Any, tmp_path: Path) -> Path:
    """Return a bare repository to which the author's is pushed."""
    bare = tmp_path / "remote.git"
    subprocess.run(["git", "clone", "-q", "--bare", repository.folder, bare], check=True)
    repository.git("remote", "add", "origin", str(bare))
    return bare


@pytest.fixture
def fetched(settings: Settings, remote: Path) -> Callable[..., Published]:
    """Return a function that publishes what is fetched from the remote."""

    def run(**values: Any) -> Published:
        changed = {"articles_remote": str(remote), "articles": Path("nowhere")} | values
        return publish(replace(settings, **changed), progress=lambda *_: None)

    return run


def test_what_is_pushed_to_the_remote_is_published(repository: Any, fetched: Any) -> None:
    assert fetched().commit == repository.git("rev-parse", "HEAD")
    repository.write("vpn/new.md")
    commit = repository.commit()
    assert fetched().commit != commit
    repository.git("push", "-q", "origin", "main")
    live = fetched(articles_ref="main")
    assert (live.commit, live.articles) == (commit, 5)


def test_an_article_shows_its_history_from_the_mirror(
    fetched: Any, settings: Settings, remote: Path
) -> None:
    fetched()
    changed = replace(
        settings,
        articles_remote=str(remote),
        articles=Path("nowhere"),
        article_history="full",
    )
    parts = build(changed)
    page = create_app(services=parts).test_client().get("/articles/vpn/connect/history")
    parts.db.close()
    assert page.status_code == 200
    assert "the first articles" in page.text


def test_a_branch_a_tag_and_history_that_was_rewritten(repository: Any, fetched: Any) -> None:
    repository.git("tag", "v1")
    repository.write("vpn/new.md")
    repository.commit()
    repository.git("push", "-q", "origin", "main", "v1", "HEAD:refs/heads/other")
    assert fetched(articles_ref="v1").articles == 4
    assert fetched(articles_ref="other").articles == 5
    repository.git("reset", "-q", "--hard", "HEAD~1")
    repository.write("vpn/rewritten.md")
    commit = repository.commit()
    repository.git("push", "-qf", "origin", "main", ":refs/heads/other")
    assert fetched().commit == commit
    with pytest.raises(ContentError, match="other"):
        fetched(articles_ref="other")


def test_a_remote_that_does_not_answer_leaves_what_was_fetched(
    repository: Any, fetched: Any, remote: Path
) -> None:
    first = fetched()
    remote.rename(remote.with_name("away.git"))
    live = fetched()
    assert (live.commit, live.changed) == (first.commit, False)
    assert "articles_remote" in live.unfetched
    remote.with_name("away.git").rename(remote)
    assert fetched().unfetched == ""


def test_the_first_fetch_must_succeed(fetched: Any, remote: Path) -> None:
    (remote / "HEAD").unlink()
    with pytest.raises(ContentError, match="could not be fetched"):
        fetched()


def test_locks_that_a_killed_git_left_do_not_stop_the_next(
    repository: Any, fetched: Any, settings: Settings
) -> None:
    fetched()
    for name in ("packed-refs.lock", "refs/heads/main.lock", "shallow.lock"):
        (settings.data / "articles.git" / name).write_text("")
    repository.write("vpn/new.md")
    commit = repository.commit()
    repository.git("push", "-q", "origin", "main")
    assert fetched().commit == commit


def test_nothing_of_the_remote_or_the_mirror_runs(
    repository: Any, fetched: Any, settings: Settings, remote: Path, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    program = f"#!/bin/sh\ntouch {ran}\n"
    fetched()
    for place in (remote, settings.data / "articles.git"):
        for hook in ("reference-transaction", "post-update", "post-checkout", "pre-auto-gc"):
            (place / "hooks" / hook).write_text(program)
            (place / "hooks" / hook).chmod(0o755)
    (repository.folder / ".gitmodules").write_text(
        '[submodule "x"]\n\tpath = x\n\turl = ext::sh -c "touch ' + str(ran) + '"\n'
    )
    repository.write("vpn/new.md")
    head = repository.git("rev-parse", "HEAD")
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{head},x")
    repository.git("add", ".gitmodules", "vpn")
    repository.git("commit", "-qm", "a submodule")
    bare = ["git", "-C", str(remote), "-c", "core.hooksPath=/dev/null"]
    subprocess.run([*bare, "fetch", "-q", str(repository.folder), "+main:main"], check=True)
    assert fetched().articles == 5
    assert not ran.exists()


@pytest.mark.parametrize(
    "written",
    [
        "ext::sh -c 'touch /tmp/x'",
        "fd::17",
        "git://example.org/kb.git",
        "ftp://example.org/kb.git",
        "http://example.org/kb.git",
        "file:///nowhere/at/all",
        "/nowhere/at/all",
        "--upload-pack=touch",
        "https://[bad/kb.git",
        "-oProxyCommand=touch:x",
    ],
)
def test_other_ways_are_refused_before_anything_starts(
    fetched: Any, written: str, tmp_path: Path
) -> None:
    with pytest.raises(ContentError, match="articles_remote") as caught:
        fetched(articles_remote=written)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("written", "address", "protocol"),
    [
        ("https://me:s3cret@example.org:8443/kb.git", "https://example.org:8443/kb.git", "https"),
        ("https://token@example.org/kb.git?x=1", "https://example.org/kb.git", "https"),
        ("http://me:s3cret@127.0.0.1:3000/kb.git", "http://127.0.0.1:3000/kb.git", "http"),
        ("http://[::1]:3000/kb.git", "http://[::1]:3000/kb.git", "http"),
        ("ssh://git:s3cret@example.org/kb.git", "ssh://git@example.org/kb.git", "ssh"),
        ("git@example.org:team/kb.git", "git@example.org:team/kb.git", "ssh"),
    ],
)
def test_a_credential_is_not_part_of_what_is_shown(
    written: str, address: str, protocol: str
) -> None:
    remote = read_remote(written)
    assert (remote.address, remote.protocol) == (address, protocol)
    assert "s3cret" not in repr(remote)


@contextmanager
def server(root: Path, password: str) -> Iterator[tuple[str, list[str]]]:
    """Serve a repository to who knows the password; give the address and what was sent."""
    import base64

    heard: list[str] = []
    wanted = "Basic " + base64.b64encode(f"reader:{password}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.headers.get("Authorization", ""))
            path = self.path.partition("?")[0]
            if path.startswith("/moved/"):
                self.send_response(302)
                self.send_header("Location", self.path.replace("/moved/", "/"))
                self.end_headers()
                return
            if heard[-1] != wanted:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="kb"')
                self.end_headers()
                return
            file = root / path.lstrip("/")
            self.send_response(200 if file.is_file() else 404)
            self.end_headers()
            self.wfile.write(file.read_bytes() if file.is_file() else b"")

        def log_message(self, *words: Any) -> None:
            """Say nothing."""

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{made.server_address[1]}", heard
    finally:
        made.shutdown()
        made.server_close()
        thread.join()


def test_credentials_reach_the_server_and_nobody_else(
    remote: Path, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrapper stands in for git on the path: it writes down how it was called, then calls it."""
    subprocess.run(["git", "-C", str(remote), "update-server-info"], check=True)
    real = subprocess.run(["which", "git"], capture_output=True, text=True, check=True)
    calls = tmp_path / "calls"
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\necho "$@" >> {calls}\nexec {real.stdout.strip()} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")
    place = tmp_path / "mirror.git"
    with server(remote.parent, "s3cret") as (host, heard), publish_lock(tmp_path) as lock:
        address = f"http://reader:s3cret@{host}/remote.git"
        fetch(read_remote(address), place, lock=lock)
        found = subprocess.run(
            ["git", "-C", str(place), "rev-parse", HEAD], capture_output=True, check=True
        )
        with pytest.raises(ContentError) as wrong:
            fetch(read_remote(address.replace("s3cret", "guess3d")), place, lock=lock)
        with pytest.raises(ContentError) as moved:
            fetch(read_remote(address.replace("/remote", "/moved/remote")), place, lock=lock)
    assert found.stdout.strip()
    assert any(heard)
    assert "s3cret" not in calls.read_text()
    assert "guess3d" not in str(wrong.value) + repr(wrong.value)
    assert "s3cret" not in str(moved.value)
    kept = [file for file in place.rglob("*") if file.is_file() and b"s3cret" in file.read_bytes()]
    assert kept == []
    text = " ".join(value for _, value in shown(replace(settings, articles_remote=address)))
    assert "s3cret" not in text
