"""Milliseconds of a page of hits: `python -m benchmarks.snippets [FOLDER] [--before FILE]`.

Answers every title and answered question of a folder of articles (the shipped ones by default),
then of long articles made of several of them, and makes the ten hits of each answer again and
again. With `--before`, an earlier `search/ranking/snippets.py`, both make the same hits in turn, so
that a busy machine affects both alike; the ratio is of the medians. "new" is the first time that a
passage is shown, "again" any later one.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from kb.config.settings import load
from kb.publishing.live_library import LiveLibrary
from kb.publishing.publisher import publish
from kb.services import open_engine
from search import engine as searching
from search.engine import Engine
from search.index.generation import build, open_current
from search.ranking import snippets, units
from search.semantic.encoder import silent
from search.types import Document, Query

ROOT = Path(__file__).resolve().parents[1]
ROUNDS, HITS, JOINED = 7, 10, 8
Answer = tuple[Any, ...]


def answers(engine: Engine, texts: Sequence[str]) -> list[Answer]:
    """Return what each query's hits are made of."""
    found: list[Answer] = []
    made, searching.hits_of = searching.hits_of, lambda *given: found.append(given) or ()  # type: ignore[func-returns-value,assignment]
    try:
        for text in texts:
            engine.search(Query(text, limit=HITS))
    finally:
        searching.hits_of = made
    return found


def earlier(path: Path) -> Callable[..., Any]:
    """Return `hits_of` of an earlier file."""
    spec = importlib.util.spec_from_file_location("snippets_before", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["snippets_before"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.hits_of  # type: ignore[no-any-return]


def long_articles(documents: Sequence[Document]) -> list[Document]:
    """Return each article with the sections of the next ones of its language."""
    rows = []
    for at, document in enumerate(documents):
        like = [d for d in documents[at:] if d.language == document.language][:JOINED]
        rows.append(replace(document, sections=tuple(s for d in like for s in d.sections)))
    return rows


def timed(makers: Sequence[Callable[..., Any]], given: Sequence[Answer]) -> list[list[float]]:
    """Return for each maker its milliseconds: the median of a round, round by round."""
    rounds: list[list[float]] = [[] for _ in makers]
    for turn in range(ROUNDS):
        order = list(enumerate(makers))
        for place, maker in order if turn % 2 else reversed(order):
            taken = []
            for one in given:
                start = perf_counter()
                maker(*one)
                taken.append((perf_counter() - start) * 1000)
            rounds[place].append(median(taken))
    return rounds


def compared(name: str, root: Path, texts: Sequence[str], before: Path | None) -> None:
    """Print the milliseconds of ten hits over one index, now and before."""
    given = answers(Engine(root), texts)
    makers = [snippets.hits_of, *([earlier(before)] if before else [])]
    for when, forget in (("new", True), ("again", False)):
        rows = timed([forgetful(m) if forget else m for m in makers], given)
        ours = median(rows[0])
        line = f"{name}, {len(given)} queries, {when}: {ours:.3f} ms"
        if before:
            theirs = median(rows[1])
            line += f", before {theirs:.3f} ms, ratio {ours / theirs:.2f}"
        print(line)


def forgetful(maker: Callable[..., Any]) -> Callable[..., Any]:
    """Return the maker without what it remembers of passages."""

    def make(*given: Any) -> Any:
        units.forget()
        return maker(*given)

    return make


def main() -> None:
    """Print the comparison."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("folder", nargs="?", type=Path, default=ROOT / "articles")
    reader.add_argument("--before", type=Path)
    options = reader.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = load({}, articles=options.folder, data=Path(folder) / "data")
        publish(settings, progress=silent)
        articles = LiveLibrary(open_engine(settings))().articles.values()
        texts = [t for a in articles for t in (a.title, *a.answers)]
        compared("articles", settings.generations, texts, options.before)
        joined, root = long_articles(open_current(settings.generations).documents), Path(folder)
        build(joined, root / "long")
        compared("long articles", root / "long", texts, options.before)


if __name__ == "__main__":
    main()
