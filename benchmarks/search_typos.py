"""What one real misspelling a query costs: `python -m benchmarks.search_typos DIR...`.

Prints nDCG@10 of the clean and the misspelt queries on the same index, and how many misspelt
queries were corrected.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

from search.engine import Engine, EngineSettings
from search.evaluate import _default_cache, evaluate, index_of
from search.evaluation.judged import read_set
from search.semantic.runtime import open_runtime
from search.types import Mode, Query


def main(folders: list[str]) -> None:
    """Print one line for each set."""
    cache = _default_cache()
    for folder in map(Path, folders):
        clean, typed = read_set(folder), read_set(folder, queries="queries_typo.jsonl")
        gains = {asked.id: asked for asked in clean.queries}
        queries = tuple(
            replace(asked, relevant=gains[asked.id].relevant, ignored=gains[asked.id].ignored)
            for asked in typed.queries
            if asked.id in gains
        )
        loader = partial(open_runtime, cache)
        settings = EngineSettings(Mode.HYBRID, 120.0, 60.0)
        engine = Engine(index_of(clean, cache), encoder_loader=loader, settings=settings)
        changed = sum(engine.search(Query(asked.text)).corrected for asked in queries)
        before = evaluate(clean, engine)["ndcg@10"]
        after = evaluate(replace(typed, queries=queries), engine)["ndcg@10"]
        print(
            f"{clean.name}: clean {before:.3f}, misspelt {after:.3f}; "
            f"{changed} of {len(queries)} corrected"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
