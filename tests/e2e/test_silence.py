"""Nothing phones home and nothing is left outside the data folder, as the kernel sees it.

Every process of the product runs under strace with a home and a temporary folder of its own, and
with a network where no connection succeeds. What libraries written in C++ do is seen as well.
Temporary files that are removed again are no finding, nor is Python's byte code beside the code.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from search import QUIET
from tests.conftest import missing

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 240  # for machines that are busy; nothing here measures time
CALLS = "connect,sendto,sendmsg,sendmmsg,bind,open,openat,creat,mkdir,mkdirat,rename,renameat," \
    "renameat2,symlink,symlinkat,link,linkat,mknod,mknodat"  # fmt: skip
MAKES = re.compile(r"(?:creat|mkdir|rename|symlink|link|mknod|bind|open)\w*\(")
READS = re.compile(r"open(?:at)?\((?!.*\bO_(?:CREAT|WRONLY|RDWR)\b)")
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


@dataclass
class Watched:
    """A data folder of its own, and what the processes that use it did beyond it."""

    place: Path
    environ: dict[str, str]
    traces: list[Path] = field(default_factory=list)

    def start(self, command: Sequence[str]) -> subprocess.Popen[str]:
        """Start a program of this Python under strace."""
        trace = self.place / "traces" / str(len(self.traces))
        trace.mkdir(parents=True)
        self.traces.append(trace)
        with (trace.parent / f"{trace.name}.out").open("w") as told:
            return subprocess.Popen(
                ["strace", "-ff", "--seccomp-bpf", "-qq", "-s", "400", "-e", f"trace={CALLS}",
                 "-e", "inject=connect:error=ENETUNREACH", "-o", trace / "t",
                 sys.executable, "-B", *command],
                env=self.environ, cwd=self.place / "work", stdout=told, stderr=subprocess.STDOUT,
                text=True,
            )  # fmt: skip

    def run(self, *command: str) -> str:
        """Run a program to its end and return what it printed."""
        assert self.start(command).wait(PATIENCE_S) == 0, self.printed()
        return self.printed()

    def printed(self) -> str:
        """Return what the last program has printed."""
        return self.traces[-1].with_suffix(".out").read_text()

    def lines(self) -> list[str]:
        """Return every call that was seen."""
        files = [file for trace in self.traces for file in trace.iterdir()]
        return [line for file in files for line in file.read_text(errors="replace").splitlines()]

    def lookups(self) -> list[str]:
        """Return the calls that ask for the address of a name."""
        return [line for line in self.lines() if "resolv.conf" in line or "htons(53)" in line]

    def connections(self) -> list[str]:
        """Return the calls that speak to another machine."""
        named = [line for line in self.lines() if "AF_INET" in line and "bind(" not in line]
        return [line for line in named if not re.search(r'"127\.|"::1"|"::ffff:127\.', line)]

    def files(self) -> list[str]:
        """Return what was made outside the data folder and is there still, or was bound there."""
        found = set()
        for line in self.lines():
            if MAKES.match(line) and not READS.match(line) and " = -1 " not in line:
                named = [self.place / "work" / name for name in QUOTED.findall(line)]
                socket = line.startswith("bind") and "AF_UNIX" in line
                found |= {str(path.resolve()) for path in named if socket or path.exists()}
        inside = ("/dev/", "/proc/", f"{self.place / 'data'}")
        left = {name for name in found if not name.startswith(inside)}
        for name in ("home", "tmp", "work"):
            left |= {str(each) for each in (self.place / name).rglob("*")}
        return sorted(left)


@pytest.fixture
def watched(tmp_path: Path, free_port: Callable[[], int]) -> Watched:
    """Return a place to run the product in, with an article and nothing else."""
    if not shutil.which("strace"):
        missing("strace")
    for name in ("home", "tmp", "work", "data", "articles/help"):
        (tmp_path / name).mkdir(parents=True)
    text = "---\ntitle: Reset a password\n---\n\nChoose Reset and follow the letter.\n"
    (tmp_path / "articles" / "help" / "reset.md").write_text(text)
    inherited = {n: v for n, v in os.environ.items() if n[:3] not in {"KB_", "XDG"}}
    return Watched(
        tmp_path,
        {n: v for n, v in inherited.items() if n not in QUIET}
        | {
            "HOME": f"{tmp_path / 'home'}",
            "TMPDIR": f"{tmp_path / 'tmp'}",
            "PYTHONPATH": f"{ROOT}",
            "ORT_DISABLE_TELEMETRY": "0",  # what a machine asks for does not win
            "KB_DATA": f"{tmp_path / 'data'}",
            "KB_ARTICLES": f"{tmp_path / 'articles'}",
            "KB_TEMPLATES": f"{ROOT / 'templates'}",
            "KB_PORT": f"{free_port()}",
            "KB_WORKER_INTERVAL": "1s",
        },
    )


def test_no_process_phones_home_or_writes_beside_the_data_folder(watched: Watched) -> None:
    """The commands, the child that makes the model's runtime, the site and its worker."""
    assert "Published: 1" in watched.run("-m", "kb.cli", "publish")
    assert "Reset a password" in watched.run(
        "-m", "kb.cli", "search", "how do I get a new password"
    )
    assert "0 errors" in watched.run("-m", "kb.cli", "check")
    watched.run("-m", "kb.cli", "worker", "--once")
    _evaluate(watched)
    _serve(watched)
    assert len(watched.lines()) > 1000
    assert (watched.lookups(), watched.connections(), watched.files()) == ([], [], [])


def _evaluate(watched: Watched) -> None:
    judged = watched.place / "judged"
    judged.mkdir()
    (judged / "corpus.jsonl").write_text('{"id": "a", "title": "VPN", "text": "Join the VPN."}\n')
    (judged / "queries.jsonl").write_text('{"id": "q", "text": "join vpn"}\n')
    (judged / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq\ta\t1\n")
    cache = str(watched.place / "data" / "model")
    assert "1 documents" in watched.run("-m", "search.evaluate", str(judged), "--cache", cache)


def _serve(watched: Watched) -> None:
    tracer = watched.start(["-m", "kb.cli", "serve"])
    address = f"http://127.0.0.1:{watched.environ['KB_PORT']}"
    try:
        ends = time.monotonic() + PATIENCE_S
        while not _page(f"{address}/readyz"):
            assert tracer.poll() is None, watched.printed()
            assert time.monotonic() < ends, watched.printed()
            time.sleep(0.2)
        assert "Reset a password" in _page(f"{address}/search?q=a+new+password")
    finally:
        for child in Path(f"/proc/{tracer.pid}/task/{tracer.pid}/children").read_text().split():
            os.kill(int(child), signal.SIGTERM)
        tracer.wait(PATIENCE_S)


def _page(address: str) -> str:
    with (
        suppress(urllib.error.URLError, OSError),
        urllib.request.urlopen(address, timeout=PATIENCE_S) as answer,
    ):
        return str(answer.read().decode())
    return ""
