"""`python -m search.evaluate DIR`: judged queries to nDCG, MRR, recall, answerability and speed.

The figures that the documentation quotes come from the very engine that serves. Index and vectors
are cached, so that another run is quick.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from statistics import fmean
from time import perf_counter
from typing import Any

from search.engine import Engine, EngineSettings
from search.errors import SearchError
from search.evaluation.judged import JudgedQuery, JudgedSet, guess_language, read_set
from search.evaluation.measures import (
    auroc,
    brier,
    calibration_error,
    ndcg,
    percentile,
    recall,
    reciprocal_rank,
    reliability,
    success,
)
from search.index.building import recipe
from search.index.generation import build, open_current
from search.prepare import prepare, prepare_multilingual
from search.ranking.confidence import OUTSIDE
from search.semantic.runtime import open_multilingual, open_runtime
from search.types import Mode, Query, Results

DEPTH = 10
ENGINES = (Mode.HYBRID, Mode.KEYWORD, Mode.SEMANTIC)
_COLUMNS = [
    "ndcg@10",
    "mrr@10",
    "recall@5",
    "recall@10",
    "success@1",
    "success@3",
    "auroc",
    "brier",
    "ece",
    "p50_ms",
    "p95_ms",
]


def index_of(judged: JudgedSet, cache: Path) -> Path:
    """Return the folder of an index of the set, built unless the cache has it for this code.

    A build after a change of the code reuses the vectors of unchanged texts.
    """
    root = cache / f"judged-{judged.name}"
    digest = _digest(judged)
    foreign = _is_foreign(judged)
    if not _holds(root, digest, foreign=foreign):
        encoder = open_runtime(prepare(cache, progress=_progress).parent)
        if foreign:
            encoder.other = prepare_multilingual(cache, progress=_progress)
        build(judged.documents, root, commit=digest, encoder=encoder, progress=_progress)
    return root


def _is_foreign(judged: JudgedSet) -> bool:
    """Return whether documents, or one query in ten, are in another language than English."""
    others = sum(guess_language(asked.text) != "en" for asked in judged.queries)
    return 10 * others >= max(1, len(judged.queries)) or any(
        document.language != "en" for document in judged.documents
    )


def _holds(root: Path, digest: str, *, foreign: bool) -> bool:
    try:
        held = open_current(root)
    except SearchError:
        return False
    whole = held.meaning is not None and (not foreign or held.other_meaning is not None)
    return held.commit == digest and whole


def _digest(judged: JudgedSet) -> str:
    """Return a hash of the set's text and of how it is indexed."""
    line = f"{recipe()}{judged.documents!r}"
    return hashlib.sha256(line.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _progress(stage: str, done: int, total: int) -> None:
    if sys.stderr.isatty() or done == total:
        print(f"\r{stage} {done}/{total}", end="\n" if done == total else "", file=sys.stderr)


def evaluate(judged: JudgedSet, engine: Engine, *, limit: int = 0) -> dict[str, Any]:
    """Return the measures of an engine over the set's queries (the first `limit`, 0 for all)."""
    queries = judged.queries[:limit] if limit else judged.queries
    audiences = frozenset(document.audience for document in judged.documents)
    engine.search(Query("warm up", audiences=audiences))
    scored, times, sure = [], [], {True: list[float](), False: list[float]()}
    for asked in queries:
        start = perf_counter()
        results = engine.search(_query(asked, audiences))
        times.append((perf_counter() - start) * 1000)
        if asked.in_scope is not None:
            sure[asked.in_scope].append(results.confidence)
        if asked.relevant:
            scored.append(_scores(results, asked))
    means = {name: fmean(row[name] for row in scored) for name in (scored[0] if scored else {})}
    return {
        **means,
        "auroc": auroc(sure[True], sure[False]),
        **_calibrated(sure),
        "p50_ms": percentile(times, 0.5),
        "p95_ms": percentile(times, 0.95),
    }


def _calibrated(sure: Mapping[bool, Sequence[float]]) -> dict[str, Any]:
    """Return Brier score, calibration error and reliability curve as if the assumed share of
    queries (`confidence.OUTSIDE`) had no answer; None unless the set has queries with and without.
    """
    if not sure[True] or not sure[False]:
        return {"brier": None, "ece": None, "reliability": []}
    given = [*sure[True], *sure[False]]
    truth = [True] * len(sure[True]) + [False] * len(sure[False])
    share = {True: (1 - OUTSIDE) / len(sure[True]), False: OUTSIDE / len(sure[False])}
    weights = [share[one] * len(given) for one in truth]
    return {
        "brier": brier(given, truth, weights=weights),
        "ece": calibration_error(given, truth, weights=weights),
        "reliability": [asdict(one) for one in reliability(given, truth, weights=weights)],
    }


def _query(asked: JudgedQuery, audiences: frozenset[str]) -> Query:
    return Query(asked.text, audiences=audiences, limit=DEPTH + len(asked.ignored))


def _scores(results: Results, asked: JudgedQuery) -> dict[str, float]:
    found = [name for hit in results.hits for name in (hit.id, *hit.duplicates)]
    ranked = [name for name in found if name not in asked.ignored]
    gains = asked.relevant
    return {
        "ndcg@10": ndcg(ranked, gains, depth=DEPTH),
        "mrr@10": reciprocal_rank(ranked, gains, depth=DEPTH),
        "recall@5": recall(ranked, gains, depth=5),
        "recall@10": recall(ranked, gains, depth=DEPTH),
        "success@1": success(ranked, gains, depth=1),
        "success@3": success(ranked, gains, depth=3),
    }


def run(
    folder: Path, *, engines: Sequence[Mode], cache: Path, limit: int, language: str
) -> dict[str, Any]:
    """Return the report on a judged set, as printed with --json."""
    judged = read_set(folder, language=language)
    root = index_of(judged, cache)
    loaders = {
        "encoder_loader": partial(open_runtime, cache),
        "other_loader": partial(open_multilingual, cache),
    }
    rows = {}
    for mode in engines:
        engine = Engine(root, **loaders, settings=EngineSettings(mode, 120.0, 60.0))
        rows[str(mode)] = evaluate(judged, engine, limit=limit)
    count = min(limit or len(judged.queries), len(judged.queries))
    return {
        "set": judged.name,
        "documents": len(judged.documents),
        "queries": count,
        "engines": rows,
    }


def table(report: dict[str, Any]) -> str:
    """Return the report as lines of text."""
    head = f"{report['set']}: {report['documents']} documents, {report['queries']} queries"
    lines = [head, "engine    " + "".join(f"{name:>11}" for name in _COLUMNS)]
    for name, row in report["engines"].items():
        cells = (row.get(column) for column in _COLUMNS)
        lines.append(
            f"{name:10}" + "".join(f"{'-' if c is None else f'{c:.3f}':>11}" for c in cells)
        )
        lines += [_reliability(row["reliability"])] if row.get("reliability") else []
    return "\n".join(lines)


def _reliability(bins: Sequence[Mapping[str, float]]) -> str:
    cells = [f"{b['predicted']:.2f}>{b['observed']:.2f} ({b['weight']:.0f})" for b in bins]
    return "  said>true (queries): " + ", ".join(cells)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code: 0, or 2 for an unusable set or model."""
    parser = argparse.ArgumentParser(prog="python -m search.evaluate", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--engine", choices=[str(mode) for mode in ENGINES])
    parser.add_argument("--limit", type=int, default=0, help="only the first N queries")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--language", default="", help="of the documents; default: guessed")
    parser.add_argument("--cache", type=Path, default=_default_cache())
    given = parser.parse_args(arguments)
    engines = (Mode(given.engine),) if given.engine else ENGINES
    try:
        report = run(
            given.folder,
            engines=engines,
            cache=given.cache,
            limit=given.limit,
            language=given.language,
        )
    except SearchError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(report, indent=1) if given.json else table(report))
    return 0


def _default_cache() -> Path:
    return Path(os.environ.get("KB_CACHE") or Path(tempfile.gettempdir()) / "tier-zero-cache")


if __name__ == "__main__":
    sys.exit(main())
