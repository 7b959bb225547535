"""Milliseconds of a page of hits: `python -m benchmarks.snippets [FOLDER] [--before CHECKOUT]`.

Answers every title and answered question of a folder of articles (the shipped ones by default),
then of long articles made of several of them, and makes the ten hits of each answer again and
again. With `--before`, a checkout of an earlier commit, both make the same hits in turn, so
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
from time import process_time
from types import ModuleType
from typing import Any

from kb.content.build import build_library
from kb.content.sources.source import open_source
from search import engine as searching
from search.engine import Engine
from search.index.generation import build
from search.ranking import snippets, units
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


def earlier(checkout: Path) -> Callable[..., Any]:
    """Return `hits_of` of an earlier checkout, with the tokens that it reads."""
    now = sys.modules["search.text.tokens"]
    try:
        sys.modules["search.text.tokens"] = _loaded(checkout, "search/text/tokens.py")
        return _loaded(checkout, "search/ranking/snippets.py").hits_of  # type: ignore[no-any-return]
    finally:
        sys.modules["search.text.tokens"] = now


def _loaded(checkout: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"before_{Path(name).stem}", checkout / name)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def long_articles(documents: Sequence[Document]) -> list[Document]:
    """Return each article with the sections of the next ones of its language."""
    rows = []
    for at, document in enumerate(documents):
        like = [d for d in documents[at:] if d.language == document.language][:JOINED]
        rows.append(replace(document, sections=tuple(s for d in like for s in d.sections)))
    return rows


def timed(makers: Sequence[Callable[..., Any]], given: Sequence[Answer]) -> list[float]:
    """Return for each maker the median milliseconds of the processor for an answer's hits."""
    taken: list[list[float]] = [[] for _ in makers]
    for turn in range(ROUNDS):
        for one in given:
            for place in range(len(makers)) if turn % 2 else reversed(range(len(makers))):
                start = process_time()
                makers[place](*one)
                taken[place].append((process_time() - start) * 1000)
    return [median(rows) for rows in taken]


def compared(name: str, root: Path, texts: Sequence[str], before: Path | None) -> None:
    """Print the milliseconds of ten hits over one index, now and before."""
    given = answers(Engine(root), texts)
    makers = [snippets.hits_of, *([earlier(before)] if before else [])]
    for when, forget in (("new", True), ("again", False)):
        rows = timed([forgetful(m) if forget else m for m in makers], given)
        ours = rows[0]
        line = f"{name}, {len(given)} queries, {when}: {ours:.3f} ms"
        if before:
            theirs = rows[1]
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
    reader.add_argument("--limit", type=int, help="how many queries are asked")
    options = reader.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        library = build_library(open_source(options.folder))
        documents = [article.to_document() for article in library.articles.values()]
        texts = [text for each in documents for text in (each.title, *each.answers)]
        for name, each in (("articles", documents), ("long articles", long_articles(documents))):
            root = Path(folder) / name
            build(each, root)
            compared(name, root, texts[: options.limit], options.before)


if __name__ == "__main__":
    main()
