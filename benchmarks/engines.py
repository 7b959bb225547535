"""Compares our engine with its rivals on one judged set, in one run.

    python -m benchmarks.engines DIR [--limit N] [--rounds N] [--only NAME,NAME] [--json]

For each engine: build time (s), index size (MB), time to open (s), p50, p95 and p99 of a query
(ms), nDCG@10, and resident memory (MB): the largest while building, and after the queries. All get
the same articles, the same passages and the same MiniLM vectors, computed beforehand: build times
exclude encoding, query times include it, and neither includes importing a package.

An engine builds in one process and answers in another, so that memory and warm caches are its own.
Each distinct query is timed once in a round, so that remembered answers do not help. Engines take
turns, each round in fresh processes, and a query's time is its median over the rounds, so that load
on the machine affects all alike. A rival whose package is absent is skipped with a message.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean, median
from time import perf_counter
from typing import Any

from benchmarks.children import alone, forget_peak, peak, resident, size
from benchmarks.rivals import OURS, RIVALS
from benchmarks.rivals.base import SNOWBALL, Corpus
from benchmarks.vectors import encoding_rate, rows, vectors_of
from search.errors import SearchError
from search.evaluate import DEPTH, _default_cache
from search.evaluation.judged import JudgedQuery, JudgedSet, read_set
from search.evaluation.measures import ndcg, percentile
from search.prepare import prepare

Row = dict[str, float]
# Column -> heading and decimals, in the order of printing.
COLUMNS: Mapping[str, tuple[str, int]] = {
    "build_s": ("build s", 1),
    "peak_mb": ("peak MB", 0),
    "index_mb": ("index MB", 1),
    "open_s": ("open s", 2),
    "serving_mb": ("serving MB", 0),
    "p50_ms": ("p50 ms", 2),
    "p95_ms": ("p95 ms", 2),
    "p99_ms": ("p99 ms", 2),
    "ndcg@10": ("nDCG@10", 3),
}


@dataclass(frozen=True, slots=True)
class _Answered:
    """One round of one engine; `times_ms` in the order of the distinct queries."""

    open_s: float
    serving_mb: float
    times_ms: tuple[float, ...]
    ndcg: float


def compare(
    folder: Path, *, limit: int, rounds: int, names: Sequence[str], cache: Path
) -> dict[str, Any]:
    """Return the report: the set, the encoding rate, missing rivals, and a row for each engine."""
    prepare(cache)
    judged, corpus = alone(_given, folder, cache)
    asked = judged.queries[:limit] if limit else judged.queries
    absent = {name: missing for name in names if (missing := _missing(name))}
    present = [name for name in names if name not in absent]
    with tempfile.TemporaryDirectory(prefix="engines-") as place:
        built = _build_all(present, corpus, Path(place))
        answered = _ask_all(present, Path(place), cache=cache, asked=asked, rounds=rounds)
    return {
        "set": judged.name,
        "documents": len(corpus.documents),
        "passages": len(corpus.rows.texts),
        "queries": len(asked),
        "rounds": rounds,
        "language": corpus.language,
        "idle_mb": alone(_idle, corpus),
        "texts_encoded_per_s": alone(encoding_rate, corpus.rows.texts, cache),
        "left_out": absent,
        "engines": {name: built[name] | answered[name] for name in present},
    }


def _given(folder: Path, cache: Path) -> tuple[JudgedSet, Corpus]:
    """Return the set, and the corpus that every engine is given."""
    judged = read_set(folder)
    found = rows(judged.documents)
    vectors = vectors_of(found, cache)
    common = Counter(d.language for d in judged.documents if d.language in SNOWBALL)
    language = common.most_common(1)[0][0] if common else "en"
    return judged, Corpus(judged.documents, found, vectors, language, cache)


def _missing(name: str) -> list[str]:
    return [package for package in RIVALS[name].packages if find_spec(package) is None]


def _idle(corpus: Corpus) -> float:
    """Return the resident MB of a process that holds the corpus and does nothing."""
    return resident() if corpus.documents else 0.0


def _build_all(names: Sequence[str], corpus: Corpus, place: Path) -> dict[str, Row]:
    """Return the cost of each engine's build; engines that share an index build it once."""
    built: dict[str, Row] = {}
    for name in names:
        index = RIVALS[name].index
        if index not in built:
            print(f"{name}: building", file=sys.stderr, flush=True)
            (place / index).mkdir()
            built[index] = alone(_build, name, corpus, place / index)
    return {name: built[RIVALS[name].index] for name in names}


def _ask_all(
    names: Sequence[str], place: Path, *, cache: Path, asked: Sequence[JudgedQuery], rounds: int
) -> dict[str, Row]:
    """Return how each engine answered; in every round the engines take turns."""
    found: dict[str, list[_Answered]] = {name: [] for name in names}
    for number in range(rounds):
        for name in names:
            print(f"{name}: {len(asked)} queries, round {number + 1}", file=sys.stderr, flush=True)
            found[name].append(alone(_ask, name, place / RIVALS[name].index, cache, asked))
    return {name: _row(answered) for name, answered in found.items()}


def _row(answered: Sequence[_Answered]) -> Row:
    times = [median(of_query) for of_query in zip(*(a.times_ms for a in answered), strict=True)]
    return {
        "open_s": median(a.open_s for a in answered),
        "serving_mb": median(a.serving_mb for a in answered),
        "p50_ms": percentile(times, 0.5),
        "p95_ms": percentile(times, 0.95),
        "p99_ms": percentile(times, 0.99),
        "ndcg@10": median(a.ndcg for a in answered),
    }


def _build(name: str, corpus: Corpus, folder: Path) -> Row:
    _import(name)
    forget_peak()
    start = perf_counter()
    RIVALS[name].build(corpus, folder)
    return {"build_s": perf_counter() - start, "peak_mb": peak(), "index_mb": size(folder)}


def _import(name: str) -> None:
    """Import what an engine needs before the clock starts; our own modules are imported already."""
    for package in RIVALS[name].packages:
        import_module(package)


def _ask(name: str, folder: Path, cache: Path, asked: Sequence[JudgedQuery]) -> _Answered:
    _import(name)
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
    return _Answered(opened, resident(), tuple(times), fmean(scores) if scores else 0.0)


def _score(answers: Mapping[tuple[str, int], list[str]], query: JudgedQuery) -> float:
    found = answers[query.text, DEPTH + len(query.ignored)]
    ranked = [name for name in found if name not in query.ignored]
    return ndcg(ranked, query.relevant, depth=DEPTH)


def table(report: Mapping[str, Any]) -> str:
    """Return the report as Markdown: the figures, then their ratios to ours."""
    lines = [
        f"{report['set']}: {report['documents']} articles, {report['passages']} texts to encode, "
        f"{report['queries']} queries in {report['rounds']} rounds; "
        f"stems: {SNOWBALL[report['language']]}.",
        f"Encoding, apart from every build: {report['texts_encoded_per_s']:.0f} texts a second.",
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
    return f"{theirs / ours:.3g}" if ours else "-"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0, or 2 for an unusable set, model or name."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines")
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--limit", type=int, default=0, help="only the first N queries")
    parser.add_argument("--rounds", type=int, default=3, help="of all queries to all engines")
    parser.add_argument("--only", default="", help="these engines, by name, comma-separated")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--cache", type=Path, default=_default_cache())
    given = parser.parse_args(arguments)
    names = _named(given.only)
    if not names:
        print(f"No such engine. There are: {', '.join(map(repr, RIVALS))}.", file=sys.stderr)
        return 2
    try:
        report = compare(
            given.folder, limit=given.limit, rounds=given.rounds, names=names, cache=given.cache
        )
    except SearchError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(report, indent=1) if given.json else table(report))
    return 0


def _named(only: str) -> list[str]:
    """Return the engines named, all for "", none when one is unknown."""
    names = [name.strip() for name in only.split(",")] if only else list(RIVALS)
    return names if set(names) <= set(RIVALS) else []


if __name__ == "__main__":
    sys.exit(main())
