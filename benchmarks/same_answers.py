"""Whether two checkouts answer alike over the same data: `python -m benchmarks.same_answers OLD`.

OLD is a checkout of an earlier commit (`git worktree add`). Its own command fills a folder with a
demonstration; copies of that folder are then served by OLD and by this checkout, one after the
other, with the clock standing still (libfaketime), and about 60 pages, 20 replies of the API and 12
exports are fetched from each as an administrator. Prints every difference, byte for byte but for
ids that are drawn anew for each request. `--database-url` puts the data into that PostgreSQL
database, which must be empty and is copied with its own tools (`createdb --template`).
"""

from __future__ import annotations

import argparse
import difflib
import http.cookiejar
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.site import free_port

ROOT = Path(__file__).resolve().parents[1]
LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
WHO, PASSWORD = "compare@example.org", "a long password for comparing"
DRAWN = re.compile(
    r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|\b[0-9a-f]{32}\b|\b[0-9a-f]{12,31}\b"
    r"|\?v=[0-9a-f]+"
)
QUERIES = (
    "password", "vpn does not connect", "impresora no imprime", "0x80070005", "printer offline",
    "outlook calendar", "zzzz qqqq", "teams call echo", "wifi", "two factor new phone",
    "correo en el móvil", "disk full", "title:printer", "install -office", "bitlocker recovery key",
)  # fmt: skip
REPORTS = ("", "searches", "articles", "tickets", "knowledge")
RANGE = "range=last-90-days"


def pages(slugs: list[str]) -> list[str]:
    """Return the addresses of pages."""
    found = ["/", "/about", "/tickets/new", "/my/account", "/my/data", "/my/tickets", "/authors/"]
    found += [
        "/authors/publishing",
        "/desk/",
        "/desk/?state=all",
        "/desk/undeliverable",
        "/previews/",
    ]
    found += [f"/search?q={urllib.parse.quote(query)}" for query in QUERIES]
    found += [f"/articles/{slug}" for slug in slugs[:8]]
    found += [f"/articles/{slug}/history" for slug in slugs[:3]]
    found += [f"/reports/{page}?{RANGE}" for page in REPORTS]
    found += ["/reports/definitions", "/reports/gaps", "/reports/gaps?status=any", "/reports/kept"]
    found += ["/reports/notes", "/reports/views", "/reports/privacy"]
    found += [f"/reports/gaps/{number}" for number in range(1, 4)]
    found += [f"/desk/tickets/{number}" for number in range(1, 4)]
    return found


def replies() -> list[str]:
    """Return the addresses of replies of the API."""
    found = [f"/api/v1/search?q={urllib.parse.quote(query)}" for query in QUERIES[:8]]
    found += ["/api/v1/articles", "/api/v1/gaps", "/api/v1/gaps/1", "/api/v1/tickets"]
    found += ["/api/v1/tickets/1", "/api/v1/reports", "/api/v1/publishing", "/api/v1/openapi.json"]
    tables = ("days", "searches", "articles", "failing-words", "outcomes")
    return found + [f"/api/v1/reports/{table}?{RANGE}" for table in tables]


def exports() -> list[str]:
    """Return the addresses of files."""
    tables = ("days", "searches", "articles", "failing-words", "outcomes", "tickets-by-tier")
    found = [f"/reports/{table}.csv?{RANGE}" for table in tables]
    found += [f"/reports/{page}.xlsx?{RANGE}" for page in ("deflection", *REPORTS[1:])]
    return [*found, "/reports/gaps.csv", "/reports/notes.csv"]


@contextmanager
def served(checkout: Path, environ: dict[str, str], port: int) -> Iterator[str]:
    """Serve a data folder by a checkout, with the clock standing still; give its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "kb.cli", "serve"], cwd=checkout, env=environ,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                with urllib.request.urlopen(f"{url}/search?q=a", timeout=5) as reply:
                    if reply.status == 200 and b"starting" not in reply.read(3000).lower():
                        break
            except (OSError, urllib.error.URLError):
                pass
            time.sleep(0.2)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def fetched(url: str, wanted: list[str]) -> dict[str, str]:
    """Return the status and text of each address, as the administrator sees it."""
    jar = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    browser.addheaders = [
        ("Sec-Fetch-Site", "same-origin"),
        ("User-Agent", "Mozilla/5.0 Firefox/140"),
    ]
    form = urllib.parse.urlencode({"email": WHO, "password": PASSWORD}).encode()
    browser.open(f"{url}/sign-in", form, timeout=60).read()
    found = {}
    for address in wanted:
        try:
            with browser.open(url + address, timeout=120) as reply:
                status, body = reply.status, reply.read()
        except urllib.error.HTTPError as refusal:
            status, body = refusal.code, refusal.read()
        found[address] = f"{status}\n{_text(body)}"
    return found


def _text(body: bytes) -> str:
    """Return a body as text: a workbook sheet by sheet, and what is drawn anew left out."""
    if body[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(body)) as book:
            names = sorted(name for name in book.namelist() if "docProps" not in name)
            body = b"\n".join(name.encode() + b"\n" + book.read(name) for name in names)
    return DRAWN.sub("*", body.decode("utf-8", "replace"))


def main() -> None:
    """Fill, serve twice, compare; exit 1 when something differs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.same_answers", description=__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("--days", default="30")
    asked = parser.parse_args()
    old, port = asked.old.resolve(), free_port()
    with tempfile.TemporaryDirectory() as place:
        base = Path(place) / "data"
        plain = {k: v for k, v in os.environ.items() if not k.startswith("KB_")}
        plain |= {
            "KB_PORT": str(port), "KB_PUBLISH_INTERVAL": "off", "KB_SEARCH_RATE": "100000",
            "KB_ARTICLES": str(old / "articles"), "HF_HUB_OFFLINE": "1",
        }  # fmt: skip

        def run(checkout: Path, data: Path, *words: str, text: str = "") -> None:
            environ = plain | {"PYTHONPATH": str(checkout), "KB_DATA": str(data)}
            subprocess.run(
                [sys.executable, "-m", "kb.cli", *words], cwd=checkout, env=environ, input=text,
                text=True, check=True, stdout=subprocess.DEVNULL,
            )  # fmt: skip

        run(old, base, "demo", "--folder", str(base), "--days", asked.days)
        run(old, base, "user", "add", WHO, "--role", "admin", text=f"{PASSWORD}\n{PASSWORD}\n")
        run(old, base, "report", "note", time.strftime("%Y-%m-%d"), "A note on a day")
        run(old, base, "worker", "--once")
        frozen = {
            "LD_PRELOAD": str(LIBRARIES[0]), "FAKETIME": time.strftime("%Y-%m-%d %H:%M:%S"),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
        }  # fmt: skip
        slugs: list[str] = []
        answers = []
        for number, checkout in enumerate((old, ROOT)):
            data = Path(place) / f"copy-{number}" / "data"
            shutil.copytree(base, data, symlinks=True)
            environ = plain | frozen | {"PYTHONPATH": str(checkout), "KB_DATA": str(data)}
            environ["KB_TEMPLATES"] = str(checkout / "templates")
            with served(checkout, environ, port) as url:
                if not slugs:
                    listing = urllib.request.urlopen(f"{url}/api/v1/articles?limit=50", timeout=60)
                    slugs = re.findall(r'"slug": ?"([^"]+)"', listing.read().decode())
                answers.append(fetched(url, [*pages(slugs), *replies(), *exports()]))
    differ = [a for a in answers[0] if answers[0][a] != answers[1][a]]
    refused = [a for a in answers[1] if not answers[1][a].startswith("200")]
    for address in differ:
        sys.stdout.write(f"{address}\n")
        lines = (answers[n][address].splitlines() for n in (0, 1))
        sys.stdout.writelines(f"  {x}\n" for x in list(difflib.unified_diff(*lines, n=0))[2:10])
    counts = len(pages(slugs)), len(replies()), len(exports())
    sys.stdout.write(
        f"{counts} pages, replies, exports; not 200: {refused}; differ: {len(differ)}\n"
    )
    sys.exit(bool(differ))


if __name__ == "__main__":
    main()
