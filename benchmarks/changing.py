"""How soon a changed article is found: `python -m benchmarks.changing DIR`.

Builds an index of a judged set's articles, then changes one article at a time, its text or its
title, builds again and searches for the new word. Prints the seconds from the change to the hit in
an engine that was open before, the median of five of each kind, and the peak memory.
"""

from __future__ import annotations

import resource
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter

from search.engine import Engine
from search.evaluate import _default_cache, index_of
from search.evaluation.judged import read_set
from search.index.generation import build
from search.prepare import prepare
from search.semantic.encoder import Encoder
from search.semantic.runtime import open_runtime
from search.types import Document, Query

TIMES = 5


def main() -> None:
    """Print the figures for the judged set in the folder named on the command line."""
    judged = read_set(Path(sys.argv[1]))
    cache = _default_cache()
    encoder = open_runtime(prepare(cache).parent)
    documents = list(judged.documents)
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        shutil.copytree(index_of(judged, cache), root / "index")
        print(f"{judged.name}: {len(documents)} articles")
        engine = Engine(root / "index", encoder_loader=lambda: encoder)
        engine.search(Query("warm up"))
        for kind in ("text", "title"):
            took = [
                changed(documents, engine, root / "index", (kind, n), encoder) for n in range(TIMES)
            ]
            print(f"a changed {kind}: found after {median(took):.2f} s (longest {max(took):.2f})")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:.0f} MB")


def changed(
    documents: list[Document], engine: Engine, root: Path, change: tuple[str, int], encoder: Encoder
) -> float:
    """Return the seconds from the change of one article until it is found by its new word."""
    kind, number = change
    at, word = (number * 97 + 11) % len(documents), f"zebrafish{kind}{number}"
    old = documents[at]
    new = f"{old.title} {word}" if kind == "title" else old.title
    said = f"{old.summary} {word}" if kind == "text" else old.summary
    documents[at] = replace(old, title=new, summary=said)
    start = perf_counter()
    build(documents, root, commit=word, encoder=encoder)
    found = engine.search(Query(word, audiences=frozenset(d.audience for d in documents)))
    took = perf_counter() - start
    assert found.hits
    assert found.hits[0].id == old.id
    return took


if __name__ == "__main__":
    main()
