"""Whether keyword scores are Whoosh's own: `python -m benchmarks.equality DIR [--limit N]`.

Ranks a judged set's queries by our arrays and by Whoosh's `scoring.BM25F` over the index of record,
the same terms to both, and SQLite's FTS5 beside them. Prints how many of the queries have the same
ten scores within 1e-4, the largest difference, and p50 milliseconds with their ratios.
"""

from __future__ import annotations

import argparse
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter

from whoosh import scoring
from whoosh.query import Or, Query, Term
from whoosh.searching import Searcher

from search.evaluate import _default_cache, index_of
from search.evaluation.judged import JudgedSet, read_set
from search.evaluation.measures import percentile
from search.index.generation import open_current
from search.index.keyword import ARTICLE_SCORING, EVERYTHING, article_fields
from search.index.opened import Generation
from search.ranking.hybrid import highest
from search.ranking.keyword_scores import summed
from search.text.analysis import document_terms

TOP, NEAR = 10, 1e-4


def terms_of(text: str, language: str) -> list[str]:
    """Return the distinct terms of a query."""
    return sorted({term for row in document_terms(text, language)[:24] for term in row})


def ours(generation: Generation, terms: Sequence[str], language: str) -> list[float]:
    """Return the ten highest sums of impacts, highest first."""
    found = [generation.articles.find(language, term) for term in terms]
    best = highest(summed(found, size=len(generation.documents)), TOP)
    return sorted(best.tolist(), reverse=True)


def fts5(judged: JudgedSet) -> sqlite3.Connection:
    """Return a full-text index of the articles in SQLite."""
    database = sqlite3.connect(":memory:")
    database.execute("CREATE VIRTUAL TABLE a USING fts5(title, body, tokenize='porter unicode61')")
    rows = (article_fields(document) for document in judged.documents)
    database.executemany("INSERT INTO a VALUES (?, ?)", ((r["title"], r["body"]) for r in rows))
    database.execute("INSERT INTO a(a) VALUES ('optimize')")
    return database


def match(text: str) -> str:
    """Return the FTS5 query for any of the words."""
    words = ["".join(c for c in word if c.isalnum()) for word in text.split()]
    return " OR ".join(f'"{word}"' for word in words if word)


def _ask_fts5(database: sqlite3.Connection, words: str) -> list[float]:
    statement = "SELECT -bm25(a) FROM a WHERE a MATCH ? ORDER BY bm25(a) LIMIT 10"
    return [score for (score,) in database.execute(statement, (words,))]


def _ask_whoosh(searcher: Searcher, query: Query) -> list[float]:
    return [hit.score for hit in searcher.search(query, limit=TOP)]


def timed(work: Callable[[], list[float]]) -> tuple[list[float], float]:
    """Return the result of the work, and its milliseconds."""
    start = perf_counter()
    found = work()
    return found, (perf_counter() - start) * 1000


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--limit", type=int, default=1000)
    given = parser.parse_args()
    judged = read_set(given.folder)
    language = judged.documents[0].language
    # Whoosh divides by all articles, so all must be of one language for equal counts.
    same_language = tuple(replace(d, language=language) for d in judged.documents)
    indexed = replace(judged, name=f"{judged.name}-one-language", documents=same_language)
    generation = open_current(index_of(indexed, _default_cache()))
    database = fts5(judged)
    model = scoring.BM25F(B=ARTICLE_SCORING.b, K1=ARTICLE_SCORING.k1)
    times: dict[str, list[float]] = {"ours": [], "Whoosh": [], "FTS5": []}
    same, worst, asked = 0, 0.0, judged.queries[: given.limit]
    with generation.whoosh.searcher(weighting=model) as searcher:
        for query in asked:
            terms = terms_of(query.text, language)
            wanted = Or([Term(f"{EVERYTHING}_{language}", term) for term in terms])
            mine, took = timed(partial(ours, generation, terms, language))
            theirs, slow = timed(partial(_ask_whoosh, searcher, wanted))
            times["ours"].append(took)
            times["Whoosh"].append(slow)
            off = max((abs(a - b) for a, b in zip(mine, theirs, strict=False)), default=0.0)
            same += len(mine) == len(theirs) and off <= NEAR
            worst = max(worst, off)
            if words := match(query.text):
                _, between = timed(partial(_ask_fts5, database, words))
                times["FTS5"].append(between)
    print(f"{judged.name}: {len(judged.documents)} articles, {len(asked)} queries")
    print(f"same ten scores within {NEAR}: {same} of {len(asked)}; largest difference {worst:.1e}")
    base = percentile(times["ours"], 0.5)
    for name, row in times.items():
        half = percentile(row, 0.5)
        print(f"{name}: p50 {half:.3f} ms, {half / base:.0f} times ours")


if __name__ == "__main__":
    main()
