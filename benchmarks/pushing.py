"""How soon a push is live, and what is live after the site was killed while pushes came in.

    python -m benchmarks.pushing [--articles 1000] [--pushes 50] [--model FOLDER]

A bare repository on loopback, served by `git http-backend`, calls the site's push hook after each
push, signed as GitHub signs; the site runs as `kb serve` and fetches over HTTP from it. First, one
article at a time is changed, pushed, and timed until a reader finds the new words and the page says
them. Then each push changes several articles and the whole process group is killed at a random
moment after it: what is published must be one whole commit (each article carries its commit's
number), and after a restart the newest must be live.
"""

from __future__ import annotations

import argparse
import contextlib
import http.server
import json
import os
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.site import Site, free_port, start

SECRET = "a secret of this measurement"
TOPICS = ("printer", "VPN", "mailbox", "monitor", "badge", "scanner", "laptop", "calendar")
WITNESSES = 5  # articles that every push changes together; readers must see the same state in all
PATIENCE_S = 60.0
HOOK = """#!{python}
import hashlib, hmac, json, sys, urllib.request
for line in sys.stdin:
    old, new, ref = line.split()
    body = json.dumps({{"ref": ref, "before": old, "after": new}}).encode()
    proof = hmac.new({secret!r}.encode(), body, hashlib.sha256).hexdigest()
    request = urllib.request.Request(open({port!r}).read().strip() + "/hooks/push", body)
    request.add_header("Content-Type", "application/json")
    request.add_header("X-GitHub-Event", "push")
    request.add_header("X-Hub-Signature-256", "sha256=" + proof)
    try:
        urllib.request.urlopen(request, timeout=5).read()
    except OSError as problem:
        print("the site did not hear of it:", problem, file=sys.stderr)
"""


@dataclass(frozen=True)
class Authors:
    """A clone in which articles are written, and the bare repository they are pushed to."""

    clone: Path
    bare: Path
    url: str
    hook_target: Path

    def git(self, *words: str) -> str:
        """Run Git in the clone and return what it prints."""
        return git(self.clone, *words)

    def commit(self, number: int, articles: int) -> str:
        """Write `number` into the first `articles` articles; return the commit."""
        for article in range(articles):
            write(self.clone, article, number)
        self.git("commit", "-qam", f"push {number}")
        return self.git("rev-parse", "HEAD")

    def push(self) -> None:
        """Push the commits; the hook has been called when this returns."""
        self.git("push", "-q", self.url, "HEAD:main")


def git(folder: Path, *words: str) -> str:
    """Run Git as an author and return what it prints."""
    names = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org"}
    names |= {"GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org"}
    done = subprocess.run(
        ["git", "-C", str(folder), *words],
        env=os.environ | names,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def write(folder: Path, article: int, number: int) -> None:
    """Write one article that contains the number of its push."""
    topic = TOPICS[article % len(TOPICS)]
    file = folder / "articles" / topic.lower() / f"case-{article}.md"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        f"---\ntitle: The {topic} of office {article}\nlanguage: en\n---\n\n## Issue\n\n"
        f"The {topic} in office {article} does not do what it should since Monday.\n\n"
        f"## Resolution\n\nTurn the {topic} off and on, then call extension {article + 2000}. "
        f"This is state{number}end.\n",
        "utf-8",
    )


class _Backend(http.server.BaseHTTPRequestHandler):
    """`git http-backend` (git-http-backend(1)) behind the standard library's server."""

    root: Path

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path, _, query = self.path.partition("?")
        size = int(self.headers.get("Content-Length") or 0)
        body = self._chunks() if self.headers.get("Transfer-Encoding") else self.rfile.read(size)
        environment = os.environ | {
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_USER": "author",
            "REMOTE_ADDR": "127.0.0.1",
        }
        done = subprocess.run(
            ["git", "http-backend"], env=environment, input=body, capture_output=True, check=False
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = [line.partition(b": ") for line in head.split(b"\r\n") if line]
        status = next((value for name, _, value in fields if name == b"Status"), b"200 OK")
        with contextlib.suppress(OSError):  # the client may have been killed
            self.send_response(int(status.split()[0]))
            for name, _, value in fields:
                if name != b"Status":
                    self.send_header(name.decode(), value.decode())
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def git_server(root: Path) -> Iterator[str]:
    """Serve the repositories under a folder over HTTP; yield the address."""
    handler = type("Handler", (_Backend,), {"root": root})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


def prepared(folder: Path, articles: int, server: str) -> Authors:
    """Return a clone with this many articles, pushed to a bare repository that has the hook."""
    bare, clone, port = folder / "git" / "kb.git", folder / "clone", folder / "site-url"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(bare)], check=True)
    git(bare, "config", "http.receivepack", "true")
    subprocess.run(["git", "init", "-q", "-b", "main", str(clone)], check=True)
    for article in range(articles):
        write(clone, article, 0)
    git(clone, "add", ".")
    git(clone, "commit", "-qm", "push 0")
    url = f"{server}/kb.git"
    git(clone, "push", "-q", url, "HEAD:main")
    hook = bare / "hooks" / "post-receive"
    hook.write_text(HOOK.format(python=sys.executable, secret=SECRET, port=str(port)))
    hook.chmod(0o755)
    return Authors(clone, bare, url, port)


def serve(authors: Authors, data: Path, *, interval: str) -> tuple[Site, float]:
    """Return the site over the articles of the bare repository, and its seconds to start."""
    site, seconds = start(
        data,
        KB_ARTICLES_REMOTE=authors.url,
        KB_ARTICLES_REF="main",
        KB_WEBHOOK_SECRET=SECRET,
        KB_PUBLISH_INTERVAL=interval,
        KB_AUTHOR_MAIL="off",
    )
    authors.hook_target.write_text(site.url)
    return site, seconds


def states(site: Site, witnesses: int = WITNESSES) -> set[str]:
    """Return the push numbers that the pages of the witness articles show now."""
    found = set()
    for witness in range(witnesses):
        slug = f"{TOPICS[witness % len(TOPICS)].lower()}/case-{witness}"
        with urllib.request.urlopen(f"{site.url}/articles/{slug}", timeout=10) as answer:
            found |= set(re.findall(r"state(\d+)end", answer.read().decode()))
    return found


def status(site: Site, commit: str = "") -> dict[str, object]:
    """Return what the API says of publishing."""
    address = f"{site.url}/api/v1/publishing?commit={commit}"
    with urllib.request.urlopen(address, timeout=10) as answer:
        found: dict[str, object] = json.load(answer)
    return found


def found_by_words(site: Site, number: int) -> bool:
    """Return whether a search for the push's own word finds an article that has it."""
    word = f"state{number}end"
    with urllib.request.urlopen(f"{site.url}/api/v1/search?q={word}", timeout=10) as answer:
        snippets = [re.sub("</?mark>", "", hit["snippet"]) for hit in json.load(answer)["hits"]]
    return any(word in snippet for snippet in snippets)


def push_to_live(authors: Authors, site: Site, number: int) -> float:
    """Return the seconds from the start of `git push` until search and page have the new words."""
    authors.commit(number, 1)
    began = time.monotonic()
    authors.push()
    while time.monotonic() - began < PATIENCE_S:
        if found_by_words(site, number) and states(site, 1) == {str(number)}:
            return time.monotonic() - began
        time.sleep(0.05)
    raise RuntimeError(f"push {number} was not live within {PATIENCE_S:.0f} s")


def mixed(data: Path, known: dict[str, str]) -> list[str]:
    """Return what is wrong with the live generation: an unknown commit, or articles of several."""
    from kb.config.settings import load
    from kb.publishing.state import current, library_of

    live = current(load({}, data=data).generations)
    library = library_of(live)
    assert live is not None
    assert library is not None
    told = {n for a in library.articles.values() for n in re.findall(r"state(\d+)end", a.html)}
    faults = [] if live.commit in known else [f"{live.commit} was never pushed"]
    if library.commit != live.commit:
        faults.append(f"index {live.commit} beside library {library.commit}")
    if told - {"0"} not in ({known.get(live.commit, "")} - {"0"}, set()):
        faults.append(f"{live.commit} shows {sorted(told)}")
    return faults


def pushed_and_killed(authors: Authors, data: Path, pushes: int, first: int) -> dict[str, int]:
    """Push and kill `pushes` times; return the counts."""
    known = {authors.git("rev-parse", f"HEAD~{back}"): str(first - 1 - back)
             for back in range(first)}  # fmt: skip
    counts = {"kills": 0, "mixtures": 0, "newest not live": 0, "midway": 0}
    site, _ = serve(authors, data, interval="5s")
    for number in range(first, first + pushes):
        commit = authors.commit(number, WITNESSES)
        authors.push()
        known[commit] = str(number)
        time.sleep(random.uniform(0.0, 3.0))
        with contextlib.suppress(urllib.error.URLError, OSError):
            counts["midway"] += not status(site, commit)["live"]
        os.killpg(site.process.pid, signal.SIGKILL)
        site.process.wait()
        counts["kills"] += 1
        for fault in mixed(data, known):
            counts["mixtures"] += 1
            print(fault, file=sys.stderr)
        site, _ = serve(authors, data, interval="5s")
        if not status(site, commit)["live"] or states(site) != {str(number)}:
            counts["newest not live"] += 1
        print(f"\r{counts}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    os.killpg(site.process.pid, signal.SIGKILL)
    site.process.wait()
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--articles", type=int, default=1000)
    parser.add_argument("--pushes", type=int, default=50)
    parser.add_argument("--timed", type=int, default=10)
    parser.add_argument("--model", type=Path, help="a prepared model to copy, saving half a minute")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, git_server(Path(place) / "git") as server:
        folder, data = Path(place), Path(place) / "data"
        if given.model:
            shutil.copytree(given.model, data / "model" / given.model.name)
        authors = prepared(folder, given.articles, server)
        site, seconds = serve(authors, data, interval="10m")
        print(f"{given.articles} articles fetched, built and served in {seconds:.1f} s", flush=True)
        waits = [push_to_live(authors, site, 1 + n) for n in range(given.timed)]
        os.killpg(site.process.pid, signal.SIGKILL)
        site.process.wait()
        print(f"push to live (search and page): median {statistics.median(waits):.2f} "
              f"s, longest {max(waits):.2f} s of {len(waits)}", flush=True)  # fmt: skip
        counts = pushed_and_killed(authors, data, given.pushes, given.timed + 1)
    print("pushes with kill -9: " + ", ".join(f"{name} {n}" for name, n in counts.items()))
    return 1 if counts["mixtures"] or counts["newest not live"] else 0


if __name__ == "__main__":
    sys.exit(main())
