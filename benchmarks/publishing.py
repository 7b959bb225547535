"""Time and memory to publish a folder of articles, from reading to the swap.

    python -m benchmarks.publishing FOLDER

Prints articles, problems by kind, seconds by stage, a second publish with nothing changed, peak
memory (MB), the size of the generation (MB), and the milliseconds of a search over it.
"""

from __future__ import annotations

import resource
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from kb.config.settings import load
from kb.publishing.live_library import LiveLibrary
from kb.publishing.publisher import publish
from kb.services import open_engine
from search.engine import Engine
from search.types import Query


def main() -> None:
    stages: dict[str, list[float]] = {}

    def progress(stage: str, _done: int, _total: int) -> None:
        stages.setdefault(stage, [time.monotonic(), 0.0])[1] = time.monotonic()

    with tempfile.TemporaryDirectory() as folder:
        settings = load({}, articles=Path(sys.argv[1]), data=Path(folder))
        began = time.monotonic()
        live = publish(settings, progress=progress)
        took = time.monotonic() - began
        began = time.monotonic()
        publish(settings, progress=progress)
        again = time.monotonic() - began
        size = sum(f.stat().st_size for f in settings.generations.rglob("*") if f.is_file())
        engine = open_engine(settings)
        library = LiveLibrary(engine)()
        waits = list(searches(engine, [a.title for a in library.articles.values()][:300]))
        links = sum(len(article.links) for article in library.articles.values())
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    kinds = Counter(problem.code for problem in live.problems)
    print(f"{live.articles} articles, {links} links between them; problems: {dict(kinds)}")
    print("seconds: " + ", ".join(f"{name} {b - a:.1f}" for name, (a, b) in stages.items()))
    print(f"publish {took:.1f} s, again with nothing changed {again:.2f} s, degraded: "
          f"{live.degraded or 'no'}")  # fmt: skip
    print(f"peak memory {own} MB (largest child {largest} MB), generation {size / 1e6:.1f} MB")
    print(f"search by title: p50 {statistics.median(waits):.1f} ms, "
          f"p95 {sorted(waits)[int(len(waits) * 0.95)]:.1f} ms")  # fmt: skip


def searches(engine: Engine, titles: Sequence[str]) -> Iterator[float]:
    """Yield the milliseconds of a search for each title, after one to warm up."""
    engine.warm()
    engine.search(Query(text="warm up"))
    for title in titles:
        began = time.monotonic()
        engine.search(Query(text=title))
        yield (time.monotonic() - began) * 1000


if __name__ == "__main__":
    main()
