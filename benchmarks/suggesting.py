"""Suggestions at every stroke: `python -m benchmarks.suggesting [DIR]`.

Prints milliseconds of one suggestion in process for real titles and queries cut at every length
from 2 and for the same with one slip of the keyboard; the share whose own title is among the first
8; the time to open the table, and the memory that it adds to a fresh process. Seeded.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter

import numpy as np

from search.evaluation.judged import read_set
from search.evaluation.measures import percentile
from search.suggest.readings import ONE_EDIT_FROM
from search.suggest.suggester import ArticleFacts, Suggester, write

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SHOWN = 8
LETTERS = "abcdefghijklmnopqrstuvwxyz"
# What is typed, and the article whose title begins with it ("" for a query).
Typed = tuple[str, str]


def cut(texts: Sequence[Typed]) -> Iterator[Typed]:
    """Yield every beginning of each text, from 2 characters on."""
    for text, article in texts:
        yield from ((text[:n], article) for n in range(2, len(text) + 1))


def slipped(text: str, chance: random.Random) -> str:
    """Return the text with one edit in one of its longer words, "" when it has none."""
    words = [m for m in re.finditer(r"[^\W\d_]+", text) if len(m.group()) > ONE_EDIT_FROM]
    if not words:
        return ""
    at, end = chance.choice(words).span()
    place = chance.randrange(at, end)
    letter = chance.choice(LETTERS)
    last = place + 1 >= end
    made = chance.choice([
        text[:place] + text[place + 1 :],
        text[:place] + letter + text[place:],
        text[:place] + letter + text[place + 1 :],
        text[: end - 2] + text[end - 1] + text[end - 2] + text[end:] if last
        else text[:place] + text[place + 1] + text[place] + text[place + 2 :],
    ])  # fmt: skip
    return made if made != text else ""


def resident() -> dict[str, float]:
    """Return this process's own and mapped memory in MB."""
    rows = Path("/proc/self/status").read_text("ascii").splitlines()
    return {row.split(":")[0]: int(row.split()[1]) / 1024 for row in rows if row.startswith("Rss")}


def measure(folder: Path, library: ArticleFacts, kinds: dict[str, list[Typed]]) -> None:
    """Print every figure; the process must not have read a corpus before."""
    allowed, before = np.ones(len(library.alike), bool), resident()
    start = perf_counter()
    suggester = Suggester.open(folder, library)
    print(f"open: {(perf_counter() - start) * 1000:.1f} ms")
    for kind, typed in kinds.items():
        took, hits = list[float](), 0
        for text, article in typed:
            start = perf_counter()
            found = suggester.suggest(text, allowed=allowed, limit=SHOWN)
            took.append((perf_counter() - start) * 1000)
            hits += any(one.id == article for one in found)
        spread = ", ".join(f"p{q} {percentile(took, q / 100):.2f}" for q in (50, 95, 99))
        told = f"; own article among the first {SHOWN}: {hits / len(typed):.3f}"
        told = told if typed[0][1] else ""
        print(f"{kind}: {len(typed)} inputs; ms: {spread}, max {max(took):.2f}{told}")
    after = resident()
    print(f"memory added: {', '.join(f'{k} {after[k] - before[k]:.1f} MB' for k in sorted(after))}")


def main() -> int:
    """Build the table, then measure in a process of its own; return its exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("folder", type=Path, nargs="?", default=DATA / "scale_servicenow_10k")
    parser.add_argument("--titles", type=int, default=300)
    given = parser.parse_args()
    judged, chance = read_set(given.folder), random.Random(1)
    pairs = [(document.title, document.id) for document in judged.documents if document.title]
    titles = chance.sample(pairs, min(given.titles, len(pairs)))
    clean = list(cut(titles))
    kinds = {
        "titles as written": clean,
        "titles, a long word in": [(t, a) for t, a in clean if slipped(t, random.Random(1))],
        "titles, one slip": [(s, a) for t, a in clean if (s := slipped(t, chance))],
        "queries as written": list(cut([(asked.text, "") for asked in judged.queries])),
    }
    kinds["queries, one slip"] = [
        (s, "") for t, _ in kinds["queries as written"] if (s := slipped(t, chance))
    ]
    with tempfile.TemporaryDirectory() as name:
        start = perf_counter()
        write(Path(name), judged.documents)
        size = sum(path.stat().st_size for path in Path(name).iterdir()) / 2**20
        print(f"{judged.name}: {len(judged.documents)} articles; written in "
              f"{perf_counter() - start:.1f} s, {size:.1f} MB")  # fmt: skip
        fresh = multiprocessing.get_context("spawn").Process(
            target=measure, args=(Path(name), ArticleFacts.of(judged.documents), kinds)
        )
        fresh.start()
        fresh.join()
    return fresh.exitcode or 0


if __name__ == "__main__":
    raise SystemExit(main())
