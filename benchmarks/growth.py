"""How our engine's speed, size and memory grow with the number of articles.

    python -m benchmarks.growth [--sizes 1000,3000,10000,30000,100000] [--set DIR]

For each size: build time (s), largest resident memory while building and what was resident before
(MB), index size (MB), opening until the first keyword search is answered (s), p50 and p95 of a
query (ms), hybrid and keyword, in process, with query encoding and without caches.

Sizes up to the set's are samples of it, each containing the smaller ones. Beyond it articles are
copied with perturbed text: in titles and sections words are dropped or swapped with the next one,
with a fixed seed. Their vectors are not encoded again: each is the original passage's vector plus a
small perturbation, renormalised. So beyond the set's size only speed, size and memory are
meaningful; quality is not printed. Vocabulary hardly grows with copies, as it would with as many
articles written by people.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np

from benchmarks.children import alone, forget_peak, peak, resident, size
from benchmarks.rivals.ours import Ours
from benchmarks.vectors import Rows, rows, vectors_of
from search.errors import SearchError
from search.evaluate import DEPTH, _default_cache
from search.evaluation.judged import read_set
from search.evaluation.measures import percentile
from search.index.generation import build
from search.prepare import prepare
from search.semantic.encoder import Progress, Vectors, silent
from search.semantic.runtime import LightEncoder, open_runtime
from search.semantic.vectors import key
from search.types import Document, Mode

SIZES = "1000,3000,10000,30000,100000"
SET = Path(__file__).resolve().parents[2] / "shared" / "data" / "scale_servicenow_10k"
SEED = 7
DROPPED, SWAPPED = 0.05, 0.05
# Length of a copy's perturbation of the unit vector: a cosine of about 0.96 with the original.
NOISE = 0.3
# The limits that `next_limit` considers, besides available memory: a tenth of a second feels
# immediate (Nielsen 1993), and an hour is long for a publish.
P95_MS, BUILD_S = 100.0, 3600.0

Row = dict[str, float]
COLUMNS: Mapping[str, tuple[str, int]] = {
    "articles": ("articles", 0),
    "passages": ("texts", 0),
    "build_s": ("build s", 1),
    "peak_mb": ("peak MB", 0),
    "before_mb": ("before MB", 0),
    "index_mb": ("index MB", 1),
    "open_s": ("open s", 2),
    "hybrid_p50": ("hybrid p50 ms", 2),
    "hybrid_p95": ("hybrid p95 ms", 2),
    "keyword_p50": ("keyword p50 ms", 2),
    "keyword_p95": ("keyword p95 ms", 2),
}


def grown(documents: Sequence[Document], count: int) -> Iterator[Document]:
    """Yield `count` articles: those given in a random order, then perturbed copies, round by round.

    A larger count begins with the articles of a smaller one.
    """
    order = list(documents)
    random.Random(SEED).shuffle(order)
    for number in range(count):
        copy, original = number // len(order), order[number % len(order)]
        yield perturbed(original, copy) if copy else original


def perturbed(document: Document, copy: int) -> Document:
    """Return a copy of an article; each copy number drops and swaps different words."""
    chance = random.Random(f"{SEED}:{copy}:{document.id}")
    sections = tuple(replace(s, text=_shaken(s.text, chance)) for s in document.sections)
    title = _shaken(document.title, chance) or document.title
    return replace(document, id=f"{document.id}~{copy}", title=title, sections=sections)


def _shaken(text: str, chance: random.Random) -> str:
    words = [word for word in text.split(" ") if chance.random() >= DROPPED]
    for at in range(len(words) - 1):
        if chance.random() < SWAPPED:
            words[at], words[at + 1] = words[at + 1], words[at]
    return " ".join(words)


class DerivedVectors:
    """An encoder that looks vectors up: an original text's own, a copy's derived from it."""

    def __init__(self, vectors: Vectors, row_of: Mapping[bytes, int], runtime: LightEncoder):
        self._vectors, self._row_of, self._runtime = vectors, row_of, runtime

    @property
    def fingerprint(self) -> str:
        """Return the fingerprint of the runtime that made the originals' vectors."""
        return self._runtime.fingerprint

    def words(self) -> frozenset[str]:
        """Return the runtime's words."""
        return self._runtime.words()

    def encode_query(self, text: str) -> Vectors:
        """Return the runtime's vector of a query."""
        return self._runtime.encode_query(text)

    def encode_documents(self, texts: Sequence[str], progress: Progress = silent) -> Vectors:
        """Return the vectors of texts listed in `row_of` (a copy's as ~row), and the runtime's for
        others: those that the confidence is fitted with.
        """
        found = np.empty((len(texts), self._vectors.shape[1]), np.float32)
        for at, text in enumerate(texts):
            name = key(text)
            if name not in self._row_of:
                found[at] = self._runtime.encode_documents([text])[0]
                continue
            row = self._row_of[name]
            found[at] = self._vectors[row] if row >= 0 else _near(self._vectors[~row], name)
        progress("encode", len(texts), len(texts))
        return found


def _near(vector: Vectors, name: bytes) -> Vectors:
    chance = np.random.default_rng(int.from_bytes(name, "big"))
    moved = vector + chance.standard_normal(len(vector)) * NOISE / np.sqrt(len(vector))
    near: Vectors = (moved / np.linalg.norm(moved)).astype(np.float32)
    return near


def look_up(
    documents: Sequence[Document], of_set: Rows, found: Rows, ids: Sequence[str]
) -> dict[bytes, int]:
    """Return text key -> row of the set's vectors, ~row for a copy's text.

    `found` are the rows of `documents`; `of_set` those of the set's articles `ids`. A copy's rows
    follow its original's in order; any beyond the original's last use the last one's.
    """
    starts = np.searchsorted(of_set.documents, np.arange(len(ids) + 1))
    number = {name: at for at, name in enumerate(ids)}
    first = np.searchsorted(found.documents, np.arange(len(documents)))
    row_of = {key(text): row for row, text in enumerate(of_set.texts)}
    for row, text in enumerate(found.texts):
        article = int(found.documents[row])
        original = number[documents[article].id.partition("~")[0]]
        nearest = min(starts[original] + row - first[article], starts[original + 1] - 1)
        row_of.setdefault(key(text), ~int(nearest))
    return row_of


def measured(folder: Path, cache: Path, count: int) -> Row:
    """Return the row of one size; its index is deleted afterwards."""
    with tempfile.TemporaryDirectory(prefix="growth-") as place:
        root = Path(place)
        row = alone(_build, folder, cache, count, root) | {"index_mb": size(root)}
        for mode in (Mode.HYBRID, Mode.KEYWORD):
            row |= alone(_ask, mode, root, cache, folder)
        return row


def _build(folder: Path, cache: Path, count: int, root: Path) -> Row:
    originals = read_set(folder).documents
    of_set = rows(originals)
    vectors = np.load(vectors_of(of_set, cache), mmap_mode="r")
    documents = tuple(grown(originals, count))
    found = rows(documents)
    row_of = look_up(documents, of_set, found, [document.id for document in originals])
    passages = len(found.texts)
    del found, of_set, originals
    encoder = DerivedVectors(vectors, row_of, open_runtime(cache))
    forget_peak()
    before, start = resident(), perf_counter()
    build(documents, root, encoder=encoder)
    return {
        "articles": count,
        "passages": passages,
        "build_s": perf_counter() - start,
        "peak_mb": peak(),
        "before_mb": before,
    }


def _ask(mode: Mode, root: Path, cache: Path, folder: Path) -> Row:
    texts = list(dict.fromkeys(asked.text for asked in read_set(folder).queries))
    start = perf_counter()
    ask = Ours(mode).open(root, cache)
    ask("warm up", DEPTH)
    opened = {} if mode is Mode.HYBRID else {"open_s": perf_counter() - start}
    times = list(_times(ask, texts))
    return opened | {f"{mode}_p{n}": percentile(times, n / 100) for n in (50, 95)}


def _times(ask: Callable[[str, int], list[str]], texts: Sequence[str]) -> Iterator[float]:
    for text in texts:
        start = perf_counter()
        ask(text, DEPTH)
        yield (perf_counter() - start) * 1000


def next_limit(smaller: Row, larger: Row, memory_mb: float) -> str:
    """Return where a straight line through two sizes reaches each limit, the nearest first."""
    bounds = {
        f"hybrid p95 of {P95_MS:.0f} ms": ("hybrid_p95", P95_MS),
        f"this machine's memory, {memory_mb:.0f} MB, while building": ("peak_mb", memory_mb),
        f"a build of {BUILD_S / 60:.0f} minutes": ("build_s", BUILD_S),
    }
    found = []
    for name, (column, bound) in bounds.items():
        slope = (larger[column] - smaller[column]) / (larger["articles"] - smaller["articles"])
        if slope > 0:
            at = larger["articles"] + (bound - larger[column]) / slope
            found.append((at, f"{name} at {max(0.0, at):,.0f} articles"))
    lines = "; ".join(line for _, line in sorted(found)) or "no bound: nothing grew"
    return f"Next limit, by a straight line through the two largest sizes: {lines}."


def table(found: Sequence[Row]) -> str:
    """Return the rows as Markdown."""
    heads = [head for head, _ in COLUMNS.values()]
    lines = [f"| {' | '.join(heads)} |", "|" + "---:|" * len(heads)]
    for row in found:
        cells = [f"{row[column]:,.{places}f}" for column, (_, places) in COLUMNS.items()]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _memory_mb() -> float:
    for line in Path("/proc/meminfo").read_text("ascii").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) / 1024
    raise OSError("/proc/meminfo has no MemTotal")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0, or 2 for an unusable set or model."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth")
    parser.add_argument("--sizes", default=SIZES)
    parser.add_argument("--set", type=Path, default=SET, metavar="DIR")
    parser.add_argument("--cache", type=Path, default=_default_cache())
    given = parser.parse_args(arguments)
    sizes = sorted({int(number) for number in given.sizes.split(",")})
    found = []
    try:
        prepare(given.cache)
        articles = alone(_encoded, given.set, given.cache)
        for count in sizes:
            print(f"{count} articles", file=sys.stderr, flush=True)
            found.append(measured(given.set, given.cache, count))
    except SearchError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{given.set.name}: {articles} articles; sizes beyond are perturbed copies of them, with")
    print("vectors derived from the originals' and not encoded again; encoding is in no build.\n")
    print(table(found))
    if len(found) > 1:
        print(f"\n{next_limit(found[-2], found[-1], _memory_mb())}")
    return 0


def _encoded(folder: Path, cache: Path) -> int:
    """Return the number of the set's articles, after putting their vectors into the cache."""
    documents = read_set(folder).documents
    vectors_of(rows(documents), cache)
    return len(documents)


if __name__ == "__main__":
    sys.exit(main())
