"""Our engine and its rivals on one judged set, in one run.

    python -m benchmarks.engines DIR [--limit N] [--only NAME,NAME] [--json]

For each engine: build time (s), index size (MB), time to open (s), p50, p95 and p99 of a query
(ms), nDCG@10, and the largest resident memory while building (MB). All get the same articles, the
same passages and the same MiniLM vectors, computed once before: build times leave encoding out,
query times have it in. An engine builds in one process and answers in another, so that memory and
warm caches are its own. Each distinct query is timed once: nothing that an engine remembers of a
query can help it. A rival whose package is absent is left out, saying so.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean
from time import perf_counter
from typing import Any

from benchmarks.children import alone, forget_peak, peak, resident, size
from benchmarks.rivals import OURS, RIVALS
from benchmarks.rivals.base import SNOWBALL, Corpus
from benchmarks.vectors import Encoded, rows, vectors_of
from search.errors import SearchError
from search.evaluate import DEPTH, _default_cache
from search.judged import Asked, JudgedSet, read_set
from search.measures import ndcg, percentile
from search.prepare import prepare

Row = dict[str, float]
# Column -> its heading and decimals, in the order of printing.
COLUMNS: Mapping[str, tuple[str, int]] = {
    "build_s": ("build s", 1),
    "peak_mb": ("peak MB", 0),
    "index_mb": ("index MB", 1),
    "open_s": ("open s", 2),
    "p50_ms": ("p50 ms", 2),
    "p95_ms": ("p95 ms", 2),
    "p99_ms": ("p99 ms", 2),
    "ndcg@10": ("nDCG@10", 3),
}


def compare(folder: Path, *, limit: int, names: Sequence[str], cache: Path) -> dict[str, Any]:
    """Return the report: the set, what encoding cost, who is absent, and a row an engine."""
    prepare(cache)
    judged, corpus, encoded = alone(_given, folder, cache)
    asked = judged.queries[:limit] if limit else judged.queries
    absent = {name: missing for name in names if (missing := _missing(name))}
    engines = {name: _measured(name, corpus, asked) for name in names if name not in absent}
    return {
        "set": judged.name,
        "documents": len(corpus.documents),
        "passages": len(corpus.rows.texts),
        "queries": len(asked),
        "language": corpus.language,
        "idle_mb": alone(_idle, corpus),
        "encoding": {
            "seconds": encoded.seconds,
            "peak_mb": encoded.megabytes,
            "from_cache": encoded.kept,
        },
        "left_out": absent,
        "engines": engines,
    }


def _given(folder: Path, cache: Path) -> tuple[JudgedSet, Corpus, Encoded]:
    """Return the set, and what every engine is given of it."""
    judged = read_set(folder)
    found = rows(judged.documents)
    encoded = vectors_of(found, cache)
    common = Counter(d.language for d in judged.documents if d.language in SNOWBALL)
    language = common.most_common(1)[0][0] if common else "en"
    return judged, Corpus(judged.documents, found, encoded.path, language, cache), encoded


def _missing(name: str) -> list[str]:
    return [package for package in RIVALS[name].packages if find_spec(package) is None]


def _idle(corpus: Corpus) -> float:
    """Return the MB of a process that holds the corpus and does nothing."""
    return resident() if corpus.documents else 0.0


def _measured(name: str, corpus: Corpus, asked: Sequence[Asked]) -> Row:
    """Return one engine's row; its index is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="engine-") as place:
        print(f"{name}: building", file=sys.stderr, flush=True)
        folder = Path(place)
        built = alone(_build, name, corpus, folder)
        print(f"{name}: {len(asked)} queries", file=sys.stderr, flush=True)
        return built | {"index_mb": size(folder)} | alone(_ask, name, folder, corpus.cache, asked)


def _build(name: str, corpus: Corpus, folder: Path) -> Row:
    forget_peak()
    start = perf_counter()
    RIVALS[name].build(corpus, folder)
    return {"build_s": perf_counter() - start, "peak_mb": peak()}


def _ask(name: str, folder: Path, cache: Path, asked: Sequence[Asked]) -> Row:
    start = perf_counter()
    ask = RIVALS[name].open(folder, cache)
    ask("warm up", DEPTH)
    opened = perf_counter() - start
    answers: dict[tuple[str, int], list[str]] = {}
    times = []
    for query in asked:
        wanted = query.text, DEPTH + len(query.ignored)
        if wanted not in answers:
            start = perf_counter()
            answers[wanted] = ask(*wanted)
            times.append((perf_counter() - start) * 1000)
    scores = [_score(answers, query) for query in asked if query.relevant]
    return {
        "open_s": opened,
        "p50_ms": percentile(times, 0.5),
        "p95_ms": percentile(times, 0.95),
        "p99_ms": percentile(times, 0.99),
        "ndcg@10": fmean(scores) if scores else 0.0,
    }


def _score(answers: Mapping[tuple[str, int], list[str]], query: Asked) -> float:
    found = answers[query.text, DEPTH + len(query.ignored)]
    ranked = [name for name in found if name not in query.ignored]
    return ndcg(ranked, query.relevant, depth=DEPTH)


def table(report: Mapping[str, Any]) -> str:
    """Return the report as Markdown: the figures, then their ratios to ours."""
    encoding = report["encoding"]
    source = "kept from an earlier run" if encoding["from_cache"] else "now"
    lines = [
        f"{report['set']}: {report['documents']} articles, {report['passages']} texts to encode, "
        f"{report['queries']} queries, stems: {SNOWBALL[report['language']]}.",
        f"Encoding, apart from every build: {encoding['seconds']:.1f} s, "
        f"peak {encoding['peak_mb']:.0f} MB ({source}).",
        f"A process that holds the corpus and builds nothing: {report['idle_mb']:.0f} MB.",
    ]
    lines += [f"Left out: {n} (no {', '.join(m)})." for n, m in report["left_out"].items()]
    lines += ["", *_grid(report["engines"], ratios=False)]
    if OURS in report["engines"]:
        lines += ["", f"Ratios to {OURS}:", "", *_grid(report["engines"], ratios=True)]
    return "\n".join(lines)


def _grid(engines: Mapping[str, Row], *, ratios: bool) -> list[str]:
    heads = [head for head, _ in COLUMNS.values()]
    lines = [f"| engine | {' | '.join(heads)} |", "|---|" + "---:|" * len(heads)]
    for name, row in engines.items():
        cells = [
            _ratio(row[column], engines[OURS][column]) if ratios else f"{row[column]:.{places}f}"
            for column, (_, places) in COLUMNS.items()
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _ratio(theirs: float, ours: float) -> str:
    return f"{theirs / ours:.2f}" if ours else "-"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0, or 2 for a set, a model or a name that is no good."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines")
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--limit", type=int, default=0, help="only the first N queries")
    parser.add_argument("--only", default="", help="these engines, by name, comma-separated")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--cache", type=Path, default=_default_cache())
    given = parser.parse_args(arguments)
    names = _named(given.only)
    if not names:
        print(f"No such engine. There are: {', '.join(map(repr, RIVALS))}.", file=sys.stderr)
        return 2
    try:
        report = compare(given.folder, limit=given.limit, names=names, cache=given.cache)
    except SearchError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(report, indent=1) if given.json else table(report))
    return 0


def _named(only: str) -> list[str]:
    """Return the engines named, all for "". Names hold commas: each is looked for whole."""
    return [name for name in RIVALS if not only or name in only]


if __name__ == "__main__":
    sys.exit(main())
