"""Whether two checkouts answer alike over the same data: `python -m benchmarks.same_answers OLD`.

OLD is a checkout of an earlier commit (`git worktree add`). Its own command fills a folder with a
demonstration; OLD and this checkout then each open a copy of that folder and answer about 60 pages,
20 requests of the API and 12 exports to an administrator, with the clock standing still. Prints
every difference, byte for byte but for ids that are drawn anew for each request.
"""

from __future__ import annotations

import argparse
import difflib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import zipfile
from base64 import b64decode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
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
    found += [f"/articles/{slug}" for slug in slugs[:12]]
    found += [f"/articles/{slug}/history" for slug in slugs[:3]]
    found += [f"/reports/{page}?{RANGE}" for page in REPORTS]
    found += ["/reports/definitions", "/reports/gaps", "/reports/gaps?status=any", "/reports/kept"]
    found += ["/reports/notes", "/reports/views", "/reports/privacy"]
    found += [f"/reports/gaps/{number}" for number in range(1, 4)]
    found.append("/desk/tickets/NUMBER")  # of the first four in the queue
    return found


def replies() -> list[str]:
    """Return the addresses of replies of the API."""
    found = [f"/api/v1/search?q={urllib.parse.quote(query)}" for query in QUERIES[:8]]
    found += ["/api/v1/articles", "/api/v1/gaps", "/api/v1/gaps/1", "/api/v1/tickets"]
    found += [
        "/api/v1/tickets/NUMBER",
        "/api/v1/reports",
        "/api/v1/publishing",
        "/api/v1/openapi.json",
    ]
    tables = ("days", "searches", "articles", "failing-words", "outcomes")
    return found + [f"/api/v1/reports/{table}?{RANGE}" for table in tables]


def exports() -> list[str]:
    """Return the addresses of files."""
    tables = ("days", "searches", "articles", "failing-words", "outcomes", "tickets-by-tier")
    found = [f"/reports/{table}.csv?{RANGE}" for table in tables]
    found += [f"/reports/{page}.xlsx?{RANGE}" for page in ("deflection", *REPORTS[1:])]
    return [*found, "/reports/gaps.csv", "/reports/notes.csv"]


# Run by each checkout over its own copy of the data: signs in, asks, prints JSON.
FETCH = """
import datetime, json, re, sys
from base64 import b64encode
from kb.app import create_app
from kb.web import guard
try:
    from kb.config.settings import load
except ImportError:
    from kb.config import load

class Still(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromisoformat(asked["now"]).astimezone(tz)

asked = json.load(sys.stdin)
guard.datetime = Still
browser = create_app(load()).test_client()
own = {"Sec-Fetch-Site": "same-origin", "User-Agent": "Mozilla/5.0 Firefox/140"}
browser.post("/sign-in", data=asked["account"], headers=own)
found = {}
numbers = re.findall(r"/desk/tickets/([\\w-]+)", browser.get("/desk/?state=all").text)
tickets = list(dict.fromkeys(numbers))[:4]
addresses = []
for address in asked["addresses"]:
    many = [address.replace("NUMBER", n) for n in tickets]
    addresses += many if "NUMBER" in address else [address]
for address in addresses:
    reply = browser.get(address, headers=own)
    found[address] = [reply.status_code, b64encode(reply.data).decode()]
json.dump(found, open(sys.argv[1], "w"))
"""


def fetched(checkout: Path, environ: dict[str, str], asked: dict[str, Any]) -> dict[str, str]:
    """Return the status and text of each address, as the administrator sees it at one moment."""
    with tempfile.NamedTemporaryFile("r", suffix=".json") as file:
        subprocess.run(
            [sys.executable, "-c", FETCH, file.name], cwd=checkout, env=environ, text=True,
            input=json.dumps(asked), check=True,
        )  # fmt: skip
        found = json.load(file)
    return {a: f"{status}\n{_text(b64decode(body))}" for a, (status, body) in found.items()}


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
    old = asked.old.resolve()
    with tempfile.TemporaryDirectory() as place:
        base = Path(place) / "data"
        plain = {k: v for k, v in os.environ.items() if not k.startswith("KB_")}
        plain |= {
            "KB_PORT": "8000", "KB_PUBLISH_INTERVAL": "off", "KB_SEARCH_RATE": "100000",
            "KB_ARTICLES": str(old / "articles"), "HF_HUB_OFFLINE": "1",
        }  # fmt: skip

        def run(checkout: Path, data: Path, *words: str, text: str = "") -> None:
            environ = plain | {"PYTHONPATH": str(checkout), "KB_DATA": str(data)}
            subprocess.run(
                [sys.executable, "-m", "kb.cli", *words], cwd=checkout, env=environ, input=text,
                text=True, check=True, stdout=subprocess.DEVNULL,
            )  # fmt: skip

        run(old, Path(place) / "none", "demo", "--folder", str(base), "--days", asked.days)
        run(old, base, "user", "add", WHO, "--role", "admin", text=f"{PASSWORD}\n{PASSWORD}\n")
        run(old, base, "report", "note", "--day", time.strftime("%Y-%m-%d"), "A note")
        run(old, base, "worker", "--once")
        slugs = sorted(
            f"{file.parent.name}/{file.stem}" for file in (old / "articles").glob("*/*.md")
        )
        asked_for: dict[str, Any] = {
            "now": datetime.now(UTC).isoformat(),
            "account": {"email": WHO, "password": PASSWORD},
            "addresses": [*pages(slugs), *replies(), *exports()],
        }
        answers = []
        for number, checkout in enumerate((old, ROOT)):
            data = Path(place) / f"copy-{number}" / "data"
            shutil.copytree(base, data, symlinks=True)
            environ = plain | {"PYTHONPATH": str(checkout), "KB_DATA": str(data)}
            environ["KB_TEMPLATES"] = str(checkout / "templates")
            answers.append(fetched(checkout, environ, asked_for))
    differ = [a for a in answers[0] if answers[0][a] != answers[1][a]]
    refused = [a for a in answers[1] if not answers[1][a].startswith("200")]
    for address in differ:
        sys.stdout.write(f"{address}\n")
        lines = (answers[n][address].splitlines() for n in (0, 1))
        sys.stdout.writelines(f"  {x}\n" for x in list(difflib.unified_diff(*lines, n=0))[2:10])
    files = [a for a in answers[1] if re.search(r"\.(csv|xlsx)\b", a)]
    calls = [a for a in answers[1] if a.startswith("/api/")]
    counts = len(answers[1]) - len(files) - len(calls), len(calls), len(files)
    sys.stdout.write(
        f"{counts} pages, replies, exports; not 200: {refused}; differ: {len(differ)}\n"
    )
    sys.exit(bool(differ))


if __name__ == "__main__":
    main()
