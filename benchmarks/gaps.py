"""Are failed searches grouped by the needs that caused them, and do gaps keep their ids?

    python -m benchmarks.gaps meaning BANKING77     hidden intents found, covered ones left alone
    python -m benchmarks.gaps identity BANKING77    30 days of searches, grouped anew each day
    python -m benchmarks.gaps size BANKING77        100,000 failed searches: seconds and memory

BANKING77 is a folder with corpus.jsonl, queries.jsonl and qrels.tsv.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import sqlalchemy as sa
from sklearn.metrics import completeness_score, homogeneity_score, v_measure_score

from kb.content.article import Article
from kb.content.library import Library
from kb.database import Database
from kb.gaps import store as gaps_store
from kb.gaps.clustering import grouped, grouped_in_time
from kb.gaps.diagnosis import diagnose, of_gap
from kb.gaps.diagnosis_jobs import EACH, Investigation, QueryWording
from kb.gaps.jobs import Grouping
from kb.gaps.model import Diagnosis, GapEventKind, RootCause
from kb.gaps.unpublished import quiet_engine
from kb.schema import episodes, failed_searches, gap_events
from kb.tracking.query_text import words_key
from search.index import generation
from search.prepare import prepare
from search.semantic.encoder import Encoder, silent
from search.semantic.runtime import open_runtime
from search.types import Document, Section

HIDDEN = 15
CHOICES = (0, 1, 2)  # seeds of the three choices of intents to hide
DAYS, A_DAY = 30, 100
MANY = 100_000
START = datetime(2026, 1, 1, tzinfo=UTC)


class Set:
    """Judged queries: `texts`, the intent of each, and the article of each intent."""

    def __init__(self, folder: Path) -> None:
        read = (folder / "qrels.tsv").read_text("utf-8").splitlines()[1:]
        intent = dict(row.split("\t")[:2] for row in read)
        rows = [json.loads(line) for line in (folder / "queries.jsonl").open(encoding="utf-8")]
        corpus = [json.loads(line) for line in (folder / "corpus.jsonl").open(encoding="utf-8")]
        self.texts = [row["text"] for row in rows]
        self.intents = np.array([intent[row["id"]] for row in rows])
        self.articles = {row["id"]: row for row in corpus}


def open_encoder() -> Encoder:
    """Return the model's light runtime, prepared on the first call."""
    cache = Path(tempfile.gettempdir()) / "tier-zero-benchmark-model"
    prepare(cache, progress=silent)
    return open_runtime(cache)


def meaning(judged: Set, encoder: Encoder) -> None:
    """Hide intents, group all queries as failed, and diagnose the groups as the product does."""
    vectors = encoder.encode_documents(judged.texts)
    labels = grouped(vectors)
    print(
        f"{len(judged.texts)} queries of {len(judged.articles)} intents: {labels.max() + 1} groups"
    )
    for seed in CHOICES:
        names = sorted(judged.articles)
        hidden = set(np.random.default_rng(seed).permutation(names)[:HIDDEN])
        away = np.array([intent in hidden for intent in judged.intents])
        alone = grouped(vectors[away])
        causes = _causes(judged, labels, hidden, encoder)
        print(f"\nchoice {seed}: the hidden intents' {away.sum()} queries")
        for name, found in (("among all", labels[away]), ("alone", alone)):
            _agreement(name, judged.intents[away], found)
        _called(judged, labels, hidden, causes)


def _agreement(name: str, truth: np.ndarray, found: np.ndarray) -> None:
    v, h = v_measure_score(truth, found), homogeneity_score(truth, found)
    c = completeness_score(truth, found)
    print(f"  grouped {name}: V-measure {v:.3f}, homogeneity {h:.3f}, completeness {c:.3f}")


def _causes(
    judged: Set, labels: np.ndarray, hidden: set[str], encoder: Encoder
) -> Mapping[int, RootCause]:
    with tempfile.TemporaryDirectory() as place:
        articles = {
            name: Article(
                slug=name,
                title=row["title"],
                path=f"{name}.md",
                html="",
                sections=(Section("", (), row["text"]),),
            )
            for name, row in judged.articles.items()
            if name not in hidden
        }
        documents = [article.to_document() for article in articles.values()]
        look = _looking(Path(place), documents, Library("x", articles), encoder)
        found: dict[int, RootCause] = {}
        for label in range(int(labels.max()) + 1):
            rows = np.flatnonzero(labels == label)[:EACH]
            each = [(_one(look, judged.texts[row]), 1) for row in rows]
            cause, _ = of_gap(each)
            assert cause is not None
            found[label] = cause
    return found


def _looking(
    root: Path, documents: Sequence[Document], library: Library, encoder: Encoder
) -> Investigation:
    generation.build(documents, root, encoder=encoder)
    return Investigation(quiet_engine(root, encoder), None, library, START.date())


def _one(look: Investigation, text: str) -> Diagnosis:
    return diagnose(look.facts(QueryWording(text, language="en")))


def _called(
    judged: Set, labels: np.ndarray, hidden: set[str], causes: Mapping[int, RootCause]
) -> None:
    """Print how many covered and hidden intents and queries are in groups called a true gap."""
    called = np.array([causes[int(label)] is RootCause.TRUE_GAP for label in labels])
    for name, inside in (("covered", False), ("hidden", True)):
        of = [intent for intent in judged.articles if (intent in hidden) is inside]
        mostly = sum(called[judged.intents == intent].mean() > 0.5 for intent in of)
        queries = np.isin(judged.intents, of)
        share = called[queries].mean()
        print(
            f"  {name}: {mostly} of {len(of)} intents called a true gap ({mostly / len(of):.1%}), "
            f"{share:.1%} of {queries.sum()} queries"
        )


# -- Identity -----------------------------------------------------------------------------------


def identity(judged: Set, encoder: Encoder) -> None:
    """Simulate 30 days of searches whose needs come and go, and group everything each day."""
    rng = np.random.default_rng(0)
    names = sorted(judged.articles)
    begins = dict(zip(names, rng.integers(-30, DAYS, len(names)), strict=True))
    kept = steps = 0
    with tempfile.TemporaryDirectory() as place:
        db = Database(f"sqlite:///{place}/record.db")
        db.migrate()
        grouping = Grouping(db, lambda: encoder, k=5)
        before: dict[str, str] = {}
        for day in range(DAYS):
            due = [n for n, i in enumerate(judged.intents) if begins[i] <= day]
            chosen = rng.choice(due, A_DAY)
            at = START + timedelta(days=day)
            arrive(db, [judged.texts[n] for n in chosen], at)
            grouping.run(at + timedelta(hours=20), anew=True)
            with db.read() as connection:
                now = {s: p.gap_id for s, p in gaps_store.placed(connection).items() if p.gap_id}
            same, count = _steps(before, now)
            kept, steps, before = kept + same, steps + count, now
        with db.read() as connection:
            kinds = Counter(connection.scalars(sa.select(gap_events.c.kind)))
            held = gaps_store.every(connection)
        db.close()
    told = {
        kind: kinds[kind]
        for kind in (GapEventKind.MADE, GapEventKind.MERGED, GapEventKind.SPLIT, GapEventKind.FADED)
    }
    print(f"{DAYS} days of {A_DAY} searches: {len(held)} numbers given, {dict(told)}")
    print(f"a gap keeps its number in {kept} of {steps} day-to-day steps ({kept / steps:.1%})")


def _steps(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[int, int]:
    """Return in how many of yesterday's gaps most searches are in the same gap today, and the
    number of those gaps.
    """
    went: dict[str, Counter[str]] = {}
    for search, gap_id in before.items():
        went.setdefault(gap_id, Counter())[now.get(search, "")] += 1
    same = sum(counts.most_common(1)[0][0] == gap_id for gap_id, counts in went.items())
    return same, len(went)


def arrive(db: Database, texts: Sequence[str], at: datetime) -> None:
    """Write failed searches to the event log, each by another person."""
    rows = []
    for n, text in enumerate(texts):
        name = f"{at:%y%m%d%H}-{n}"
        rows.append({"search_id": name, "episode_id": name, "at": at, "visitor": name,
                     "failure": "weak", "words": text, "words_key": words_key(text),
                     "language": "en", "definition": 1})  # fmt: skip
    done = [{"id": row["episode_id"], "visitor": row["visitor"], "started_at": at,
             "ended_at": at, "outcome": "abandoned", "ended": True, "closed": True,
             "unresolved": True, "definition": 1,
             "data": {"last_failed": row["search_id"]}} for row in rows]  # fmt: skip
    with db.begin() as connection:
        connection.execute(sa.insert(episodes), done)
        connection.execute(sa.insert(failed_searches), rows)


# -- Size ---------------------------------------------------------------------------------------


def size(judged: Set, encoder: Encoder, count: int = MANY) -> None:
    """Group `count` distinct wordings: the set's vectors, each with a small random change."""
    began = time.perf_counter()
    vectors = encoder.encode_documents(judged.texts)
    rate = len(judged.texts) / (time.perf_counter() - began)
    print(f"the model reads {rate:.0f} questions a second, each once")
    rng = np.random.default_rng(0)
    for many in (count // 10, count):
        rows = vectors[rng.integers(0, len(vectors), many)]
        rows = rows + rng.normal(0, 0.025, rows.shape).astype(np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        began = time.perf_counter()
        found = grouped_in_time(rows.astype(np.float32), [1] * many)
        seconds = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{many:>7} wordings: {found.max() + 1} groups, {seconds:.0f} s, peak {peak:.0f} MB")


def main() -> None:
    """Run the measurement named."""
    what, folder = sys.argv[1], Path(sys.argv[2])
    {"meaning": meaning, "identity": identity, "size": size}[what](Set(folder), open_encoder())


if __name__ == "__main__":
    main()
