"""Damage every file of index, library and model under a serving site, and watch what readers get.

    python -m benchmarks.damage [--whole 1 2] [--files GLOB] [--ways flipped ...] [--sample N]

Each file is flipped (20 bytes), cut to half, emptied and deleted, one after the other, while pages
are asked for all the time: an article, a search, the ticket form, `/healthz`. Prints a row for each
kind of file and way: answers of 200, plain 503 pages, anything else, whether the server (gunicorn's
first process) ended, and seconds until every file is whole again.
"""

from __future__ import annotations

import argparse
import fnmatch
import os
import random
import shutil
import signal
import statistics
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.site import ROOT, Site, start
from kb.config.settings import load
from kb.publishing.publisher import publish
from search.errors import SearchError
from search.index.generation import current
from search.index.manifest import read, verify
from search.semantic.encoder import silent
from search.semantic.runtime import check

WAYS = ("flipped", "truncated", "emptied", "deleted")
PAGES = ("/articles/vpn/connect-to-the-vpn", "/search?q=vpn", "/tickets/new", "/healthz")
PATIENCE_S = 240.0
BETWEEN_S = 0.1
NOTICED_S = 2.0  # seconds within which the site may not have noticed yet


def spoil(path: Path, way: str) -> None:
    """Damage one file in place."""
    if way == "deleted":
        path.unlink()
        return
    size = path.stat().st_size
    if way in {"truncated", "emptied"}:
        os.truncate(path, size // 2 if way == "truncated" else 0)
        return
    places = random.Random(3).sample(range(size), min(20, size))
    with path.open("r+b") as file:
        for place in places:
            file.seek(place)
            byte = file.read(1)[0]
            file.seek(place)
            file.write(bytes([byte ^ 0x41]))


@dataclass
class Answers:
    """What readers got while a file was damaged."""

    kinds: Counter[str] = field(default_factory=Counter)
    odd: list[str] = field(default_factory=list)


def asked(url: str) -> str:
    """Return "200", "503" for the plain page of a repair, otherwise what was answered."""
    try:
        with urllib.request.urlopen(url, timeout=10) as page:
            return str(page.status)
    except urllib.error.HTTPError as refused:
        text = refused.read().decode("utf-8", "replace")
        plain = refused.code == 503 and "repaired" in text and refused.headers["Retry-After"]
        return "503" if plain else f"{refused.code}: {text[:80]!r}"
    except OSError as problem:
        return type(getattr(problem, "reason", problem)).__name__


@contextmanager
def readers(url: str) -> Iterator[Answers]:
    """Request each page again and again, with one thread a page."""
    got, stop = Answers(), threading.Event()

    def read_on(page: str) -> None:
        while not stop.is_set():
            answer = asked(url + page)
            got.kinds[answer if answer in {"200", "503"} else "other"] += 1
            if answer not in {"200", "503"}:
                got.odd.append(f"{page} {answer}")
            stop.wait(BETWEEN_S)

    threads = [threading.Thread(target=read_on, args=(page,)) for page in PAGES]
    for thread in threads:
        thread.start()
    try:
        yield got
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def is_whole(data: Path, commit: str) -> bool:
    """Return whether the live generation and the model are whole and of that commit; reads every
    file.
    """
    name = current(data / "index")
    try:
        check(data / "model")
        return bool(name) and verify(data / "index" / name).commit == commit
    except (SearchError, OSError):
        return False


def is_ready(url: str) -> bool:
    """Return whether the site itself reports that all is well."""
    return asked(f"{url}/readyz") == "200" and '"files":{"detail":"whole"' in _text(url)


def _text(url: str) -> str:
    with urllib.request.urlopen(f"{url}/readyz", timeout=10) as page:
        return str(page.read().decode()).replace(" ", "").replace("\n", "")


def targets(data: Path, glob: str) -> list[str]:
    """Return the files to damage, relative to the data folder; the live generation is "LIVE"."""
    live = data / "index" / current(data / "index")
    found = ["index/CURRENT"]
    found += [f"LIVE/{p.relative_to(live)}" for p in sorted(live.rglob("*")) if p.is_file()]
    found += [str(p.relative_to(data)) for p in sorted((data / "model").rglob("*")) if p.is_file()]
    sizes = {name: placed(data, name).stat().st_size for name in found}
    return [name for name in found if sizes[name] and fnmatch.fnmatch(name, glob)]


def placed(data: Path, name: str) -> Path:
    """Return the present path of a file."""
    if name.startswith("LIVE/"):
        name = name.replace("LIVE", f"index/{current(data / 'index')}", 1)
    return data / name


def one(site: Site, data: Path, name: str, way: str, commit: str) -> tuple[Answers, float]:
    """Damage one file; return what readers got and the seconds until all was whole."""
    began = time.monotonic()
    with readers(site.url) as got:
        time.sleep(0.2)
        spoil(placed(data, name), way)
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE_S and site.process.poll() is None:
            time.sleep(0.2)
            took = time.monotonic() - began
            if took > NOTICED_S and is_ready(site.url) and is_whole(data, commit):
                return got, took
    return got, float("inf")


def kind(name: str) -> str:
    """Return the row of the table for a file."""
    if "/extra/" in name:
        return "library"
    if "/whoosh/" in name:
        return "whoosh"
    if name.startswith("model/"):
        return "model"
    if name.endswith(("manifest.json", "CURRENT")):
        return name.rpartition("/")[2]
    return "vectors" if "/vectors" in name else "tables and text"


def run(data: Path, articles: Path, whole: int, chosen: argparse.Namespace) -> bool:
    """Damage the files of one site; return whether the server kept running and all became whole."""
    site, _ = start(
        data, KB_ARTICLES=str(articles), KB_KEEP_GENERATIONS="2", KB_WORKER_INTERVAL="5s"
    )
    commit = read(data / "index" / current(data / "index")).commit
    rows: dict[tuple[str, str], list[tuple[Answers, float]]] = defaultdict(list)
    try:
        pairs = [(name, way) for name in targets(data, chosen.files) for way in chosen.ways]
        if chosen.sample:
            pairs = random.Random(7).sample(pairs, min(chosen.sample, len(pairs)))
        for number, (name, way) in enumerate(pairs, 1):
            if not placed(data, name).exists():
                continue
            rows[kind(name), way].append(one(site, data, name, way, commit))
            got, seconds = rows[kind(name), way][-1]
            print(f"{number}/{len(pairs)} {name} {way}: {seconds:.1f} s {dict(got.kinds)}"
                  f" {got.odd[:2] or ''}", file=sys.stderr, flush=True)  # fmt: skip
            if site.process.poll() is not None:
                break
        ended = site.process.poll() is not None
    finally:
        if site.process.poll() is None:
            os.killpg(site.process.pid, signal.SIGTERM)
        site.process.wait(30)
    show(whole, rows, ended=ended)
    return not ended and all(s < float("inf") for found in rows.values() for _, s in found)


def show(
    whole: int, rows: dict[tuple[str, str], list[tuple[Answers, float]]], *, ended: bool
) -> None:
    """Print the table of one site."""
    print(f"\nwhole generations: {whole}; the server ended: {'yes' if ended else 'never'}\n")
    print("| file | way | times | 200 | 503 page | other | seconds to whole, median | longest |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for (what, way), found in sorted(rows.items()):
        total = sum((answers.kinds for answers, _ in found), Counter[str]())
        seconds = [each for _, each in found]
        counts = f"{total['200']:,} | {total['503']:,} | {total['other']:,}"
        times = f"{statistics.median(seconds):.1f} | {max(seconds):.1f}"
        print(f"| {what} | {way} | {len(found)} | {counts} | {times} |")


def main() -> int:
    """Run the measurement; return 1 when a server ended or a file stayed damaged."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--whole", type=int, nargs="+", default=[1, 2], choices=[1, 2])
    parser.add_argument("--files", default="*", help="only files like this, as LIVE/vectors*")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--sample", type=int, default=0, help="only so many, drawn by chance")
    parser.add_argument("--model", type=Path, help="a folder with a prepared model, to copy")
    chosen = parser.parse_args()
    good = True
    for whole in chosen.whole:
        with tempfile.TemporaryDirectory() as folder:
            data, articles = Path(folder) / "data", Path(folder) / "articles"
            shutil.copytree(ROOT / "articles", articles)
            data.mkdir()
            if chosen.model:
                shutil.copytree(chosen.model, data / "model")
            settings = load({}, data=data, articles=articles, keep_generations=2)
            publish(settings, progress=silent)
            if whole == 2:
                changed = articles / "vpn/connect-to-the-vpn.md"
                changed.write_text(changed.read_text() + "\nThe last line is new.\n")
                publish(settings, progress=silent)
            good = run(data, articles, whole, chosen) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
