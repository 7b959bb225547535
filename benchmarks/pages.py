"""How many pages a second a served site gives, and how soon, to 1, 2, 4, 8 and 16 clients.

    python -m benchmarks.pages [--seconds 10] [--clients 1 2 4 8 16] [--database postgresql]
                               [--from-many] [--fresh] [--dokuwiki]

`kb serve` over the shipped articles, as it is by default but for the rates; wrk asks (Debian's
package). Beside it in the same run, since a machine is never the same twice: a trivial Flask page
under gunicorn with as many processes and threads, and DokuWiki with the same articles under
`php -S` with 8 workers (Debian's package dokuwiki). Searches are 500 different questions in a row;
with --fresh each is made unlike any before, so that no answer is remembered.
With --from-many each comes from another address (through one trusted proxy) instead of from one.
Prints pages a second, the times in which half and 99 of 100 are answered, and ratios.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote_plus

from benchmarks.cluster import cluster
from benchmarks.site import ROOT, free_port, start

CLIENTS = (1, 2, 4, 8, 16)
QUERIES = 500
WIKI = Path("/")  # where Debian's package installs its folders
TRIVIAL = """
from flask import Flask
app = Flask(__name__)

@app.get("/")
def page():
    return "<!doctype html><title>A page</title><p>Nothing is looked up for it."
"""
# Each of wrk's threads starts at another path, and each run uses other numbers.
ASKING = """
local paths = {{ {paths} }}
local at, number, many, fresh = 0, 0, {many}, {fresh}
function setup(thread) number = number + 1; thread:set("number", number) end
function init() at = number * 97; count = number * 10000000 + {since} end
function request()
  at, count = at % #paths + 1, count + 1
  local path, headers = paths[at], {{}}
  headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) Chrome/150.0 Safari/537.36"
  if many then
    headers["X-Forwarded-For"] = "10." .. math.floor(count / 65536) % 256 .. "."
      .. math.floor(count / 256) % 256 .. "." .. count % 256
  end
  if fresh then path = path .. "+" .. count end
  return wrk.format("GET", path, headers)
end
"""


@dataclass(frozen=True)
class Measured:
    """The result of one run of wrk: pages a second, milliseconds, and answers other than pages."""

    rate: float
    half_ms: float
    most_ms: float
    wrong: int


def articles() -> list[Path]:
    """Return the files of the shipped articles that are public."""
    files = sorted((ROOT / "articles").glob("*/*.md"))
    return [file for file in files if "\naudience: public" in file.read_text("utf-8")]


def questions(count: int) -> list[str]:
    """Return different questions made of words from the shipped articles' titles."""
    words = sorted({
        word.lower()
        for file in articles()
        for word in re.findall(r"[A-Za-z]{3,}", file.stem.replace("-", " "))
    })  # fmt: skip
    chance = random.Random(1)
    return [" ".join(chance.sample(words, chance.randint(2, 5))) for _ in range(count)]


def measure(
    url: str, paths: list[str], clients: int, seconds: int, *, many: bool, fresh: bool
) -> Measured:
    """Run wrk with this many clients, after a short run that warms the server."""

    def wrk(for_s: int) -> str:
        script = ASKING.format(
            paths=", ".join(f'"{path}"' for path in paths),
            many=str(many).lower(),
            fresh=str(fresh).lower(),
            since=time.monotonic_ns() // 10**6 % 10**7,
        )
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
            file.write(script)
            file.flush()
            command = ["wrk", "-t", "1", "-c", str(clients), "-d", f"{for_s}s", "--latency",
                       "--timeout", "10s", "-s", file.name, url]  # fmt: skip
            return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    wrk(1)
    told = wrk(seconds)
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", told)
    return Measured(
        float(re.search(r"Requests/sec:\s+([\d.]+)", told)[1]),  # type: ignore[index]
        _milliseconds(told, "50%"),
        _milliseconds(told, "99%"),
        int(wrong[1]) if wrong else 0,
    )


def _milliseconds(told: str, part: str) -> float:
    found = re.search(rf"{part}\s+([\d.]+)(us|ms|s|m)\b", told)
    assert found, told
    return float(found[1]) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60_000}[found[2]]


@contextmanager
def trivial() -> Iterator[str]:
    """Serve the trivial page with the defaults of `kb serve`; yield its address."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "trivial.py").write_text(TRIVIAL, "utf-8")
        port = free_port()
        command = [sys.executable, "-m", "gunicorn", "--workers", "2", "--threads", "4",
                   "--worker-class", "gthread", "--bind", f"127.0.0.1:{port}",
                   "--log-level", "error", "trivial:app"]  # fmt: skip
        with _running(command, folder, f"http://127.0.0.1:{port}/") as url:
            yield url


@contextmanager
def _running(command: list[str], folder: str | Path, url: str, **more: str) -> Iterator[str]:
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(
        command, cwd=folder, env=os.environ | more, stdout=quiet, stderr=quiet,
        start_new_session=True,
    )  # fmt: skip
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(url, timeout=10).close()
                break
            except OSError:
                time.sleep(0.1)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


@contextmanager
def served(database: str, data: Path, *, many: bool) -> Iterator[str]:
    """Serve the site over a database of that kind; yield its address."""
    with cluster() if database == "postgresql" else nullcontext("") as url:
        more = {"KB_DATABASE_URL": url, "KB_TRUSTED_PROXIES": "127.0.0.1" if many else ""}
        site, _ = start(data, **more)
        try:
            yield site.url
        finally:
            os.killpg(site.process.pid, signal.SIGTERM)
            site.process.wait(30)


@contextmanager
def dokuwiki() -> Iterator[str]:
    """Serve DokuWiki with the shipped articles as its pages; yield its address."""
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        shutil.copytree(WIKI / "etc/dokuwiki", home / "conf", ignore_dangling_symlinks=True)
        shutil.copytree(WIKI / "var/lib/dokuwiki/data", home / "data")
        (home / "conf" / "local.php").write_text(
            f"<?php\n$conf['savedir'] = '{home}/data';\n$conf['useacl'] = 0;\n", "utf-8"
        )
        (home / "first.php").write_text(f"<?php\ndefine('DOKU_CONF', '{home}/conf/');\n", "utf-8")
        for file in articles():
            body = file.read_text("utf-8").split("---", 2)[-1]
            page = home / "data" / "pages" / file.parent.name / f"{file.stem}.txt"
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(re.sub(r"(?m)^#+ (.*)$", r"===== \1 =====", body), "utf-8")
        php = ["php", "-d", f"auto_prepend_file={home}/first.php"]
        told = subprocess.run(
            [*php, WIKI / "usr/share/dokuwiki/bin/indexer.php"],
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        assert "done" in told, told
        url = f"http://127.0.0.1:{(port := free_port())}"
        command = [*php, "-S", f"127.0.0.1:{port}", "-t", str(WIKI / "usr/share/dokuwiki")]
        with _running(command, home, f"{url}/doku.php", PHP_CLI_SERVER_WORKERS="8"):
            yield url


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--clients", type=int, nargs="+", default=CLIENTS)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--from-many", action="store_true")
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--dokuwiki", action="store_true")
    parser.add_argument("--data", type=Path, help="a data folder in which the model is prepared")
    given = parser.parse_args()
    asked = [quote_plus(words) for words in questions(QUERIES)]
    slugs = [f"/articles/{file.parent.name}/{file.stem}" for file in articles()]

    def run(url: str, paths: list[str], clients: int, *, fresh: bool = False) -> Measured:
        return measure(
            url, paths, clients, given.seconds, many=given.from_many, fresh=fresh and given.fresh
        )

    with ExitStack() as stack:
        data = given.data or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        plain = stack.enter_context(trivial())
        site = stack.enter_context(served(given.database, data, many=given.from_many))
        kinds: dict[str, Callable[[int], Measured]] = {
            "trivial": lambda n: run(plain, ["/"], n),
            "article": lambda n: run(site, slugs, n),
            "suggest": lambda n: run(site, [f"/suggest?q={q[:9]}" for q in asked], n),
            "search": lambda n: run(site, [f"/search?q={q}" for q in asked], n, fresh=True),
        }
        if given.dokuwiki:
            wiki = stack.enter_context(dokuwiki())
            searches = [f"/doku.php?do=search&q={q}" for q in asked]
            kinds["dokuwiki search"] = lambda n: run(wiki, searches, n, fresh=True)
        whence = "many addresses" if given.from_many else "one address"
        which = "every search new" if given.fresh else f"{QUERIES} questions in a row"
        print(f"{given.database}, {whence}, {which}")
        print("clients  page              a second   half ms     99 % ms  of trivial  no page")
        for clients in given.clients:
            found = {name: one(clients) for name, one in kinds.items()}
            for name, each in found.items():
                share = each.rate / found["trivial"].rate
                print(f"{clients:7}  {name:16} {each.rate:9.0f} {each.half_ms:9.1f} "
                      f"{each.most_ms:11.1f} {share:11.2f} {each.wrong:8}", flush=True)  # fmt: skip
            if given.dokuwiki:
                ratio = found["search"].rate / found["dokuwiki search"].rate
                print(f"         searches beside DokuWiki's: {ratio:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
