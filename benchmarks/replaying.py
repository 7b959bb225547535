"""Failed searches asked again after each publish: `python -m benchmarks.replaying [--searches N]`.

Hides the 20 shipped articles of `tests/gaps/hidden.yml`, asks what they answer in other words (120
wordings) and 20 questions that nothing answers, then commits the articles back one at a time,
publishes and replays after each. Prints how many searches were answered, by the right article and
commit, and how many wrongly. Then replays N different failed searches (10,000) after a commit of
one article, twice: without and with cached vectors. Prints seconds.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time

import yaml

from kb.accounts.roles import Viewer
from kb.analytics import jobs as analytics_jobs
from kb.config.settings import Settings, load
from kb.gaps.answers.service import Replay, ReplayResult
from kb.publishing.publisher import publish
from kb.services import Services, build
from search.types import Query

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
JUDGED = ("int_banking77", "oos_clinc150_val", "rel_stackfaq_threads")
SETS = ROOT / "tests" / "gaps" / "hidden.yml"
LATER = timedelta(days=2)  # when every episode has closed


def main() -> None:
    """Print the figures."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--searches", type=int, default=10_000)
    arguments.add_argument("--model", type=Path, help="A prepared data/model folder.")
    arguments.add_argument("--judged", type=Path, default=DATA, help="Folder of judged sets.")
    given = arguments.parse_args()
    questions = yaml.safe_load(SETS.read_text("utf-8"))
    with tempfile.TemporaryDirectory() as place:
        site = Site(Path(place), list(questions["answered"]), given.model)
        asked = _ask_all(site, questions)
        _one_by_one(site, questions, asked)
        _many(site, list(itertools.islice(_different(questions, given.judged), given.searches)))


class Site:
    """A site over a Git repository in which some shipped articles are missing."""

    def __init__(self, place: Path, hidden: list[str], model: Path | None) -> None:
        self.articles, data = place / "articles", place / "data"
        shutil.copytree(ROOT / "articles", self.articles)
        self.kept = place / "hidden"
        for slug in hidden:
            held = self.kept / f"{slug}.md"
            held.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(self.articles / f"{slug}.md", held)
        data.mkdir()
        if model:
            (data / "model").symlink_to(model)
        self.git("init", "-q", "-b", "main")
        self.commit("the first articles")
        self.settings: Settings = load(
            {}, articles=self.articles, data=data, templates=ROOT / "templates", search_rate=100_000
        )
        self.publish()
        self.parts: Services = build(self.settings)
        self.parts.db.migrate()
        self.replaying = Replay(self.parts.db, self.settings, self.parts.histories)

    def git(self, *words: str) -> str:
        """Run Git in the repository; return what it prints."""
        name = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org"}
        name |= {"GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org"}
        done = subprocess.run(
            ["git", "-C", str(self.articles), *words],
            env={"PATH": os.environ["PATH"], "HOME": str(self.kept)} | name,
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout.strip()

    def commit(self, message: str) -> str:
        """Commit everything; return the commit."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def publish(self) -> None:
        """Publish the newest commit."""
        publish(self.settings, progress=lambda *_: None)

    def give_back(self, slug: str) -> str:
        """Commit a hidden article; return the commit."""
        file = self.articles / f"{slug}.md"
        file.parent.mkdir(exist_ok=True)
        shutil.copy(self.kept / f"{slug}.md", file)
        return self.commit(f"Add {slug}")

    def ask(self, words: str, number: int) -> str:
        """Search as another reader for each number; return the search's id."""
        reader = Viewer(visitor=f"reader-{number}")
        now = datetime.now(UTC)
        found = self.parts.asker.ask(reader, Query(words), surface="page", now=now)
        self.parts.recorder.flush()
        return found.search_id

    def replay(self) -> tuple[ReplayResult, float, float]:
        """Replay the failed searches that are due; return the result, elapsed seconds and processor
        seconds.
        """
        start, busy = perf_counter(), process_time()
        done = self.replaying.run(datetime.now(UTC))
        return done, perf_counter() - start, process_time() - busy


def _ask_all(site: Site, questions: dict) -> dict[str, tuple[str, str]]:
    """Search for everything; return, by search, the question and the article that answers it."""
    every = [(w, slug) for slug, ways in questions["answered"].items() for w in ways]
    every += [(words, "") for words in questions["nothing"]]
    asked = {site.ask(words, n): (words, slug) for n, (words, slug) in enumerate(every)}
    analytics_jobs.close_episodes(site.parts.db, site.settings, datetime.now(UTC) + LATER)
    site.replay()
    return asked


def _one_by_one(site: Site, questions: dict, asked: dict[str, tuple[str, str]]) -> None:
    right: list[str] = []
    wrong: list[str] = []
    commits, twice, seconds = dict[str, str](), 0, 0.0
    seen: set[str] = set()
    for slug in questions["answered"]:
        commits[slug] = site.give_back(slug)
        site.publish()
        done, took, _ = site.replay()
        seconds += took
        for each in done.answered:
            words, wanted = asked[each.asked.id]
            good = each.answer.article == wanted and each.answer.commit == commits[slug]
            (right if good else wrong).append(f"{words!r} by {each.answer.article}")
            twice += each.asked.id in seen
            seen.add(each.asked.id)
    print(f"{len(asked)} failed searches, 20 articles committed back one at a time")
    print(f"answered by the right article and commit: {len(right)} of {len(asked) - 20}")
    print(f"answered wrongly: {len(wrong)}; answered twice: {twice}")
    for each in wrong:
        print(f"  {each}")
    whole = [s for s in questions["answered"] if _share(asked, seen, s) >= 0.7]
    print(f"articles whose questions are answered to 70 % or more: {len(whole)} of 20")
    for each in questions["answered"]:
        if each not in whole:
            print(f"  {each}: {_share(asked, seen, each):.0%}")
    print(f"a replay took {seconds / 20:.2f} s on average")


def _share(asked: dict[str, tuple[str, str]], seen: set[str], slug: str) -> float:
    mine = [search for search, (_, wanted) in asked.items() if wanted == slug]
    return len(seen & set(mine)) / len(mine)


def _many(site: Site, rows: list[str]) -> None:
    """Time the replay of many failed searches, all worded differently."""
    _record(site, rows)
    for kind in ("not known", "known"):
        file = site.articles / "vpn" / "connect-to-the-vpn.md"
        file.write_text(f"{file.read_text('utf-8')}\nOne line more, {kind}.\n", "utf-8")
        site.commit(f"vectors {kind}")
        site.publish()
        done, took, busy = site.replay()
        print(
            f"{done.asked} searches asked again in {took:.1f} s ({busy:.1f} s of processors), "
            f"vectors {kind}; {done.left} left"
        )


def _different(questions: dict, judged: Path) -> Iterator[str]:
    """Yield questions, all different: people's own from the judged sets if present, then pairs."""
    ways = [w for ways in questions["answered"].values() for w in ways] + questions["nothing"]
    for name in JUDGED:
        file = judged / name / "queries.jsonl"
        lines = file.read_text("utf-8").splitlines() if file.exists() else []
        yield from dict.fromkeys(json.loads(line)["text"] for line in lines)
    yield from (f"{one}, {other}" for one, other in itertools.permutations(ways, 2))


def _record(site: Site, rows: list[str]) -> None:
    """Write failed searches to the database, as closing an episode does."""
    import sqlalchemy as sa

    from kb.schema import failed_searches
    from kb.tracking.query_text import words_key

    now = datetime.now(UTC)
    values = [
        {
            "search_id": f"many-{number}", "episode_id": f"episode-{number}", "at": now,
            "visitor": f"visitor-{number}", "failure": "weak", "words": words,
            "words_key": words_key(words), "language": "", "definition": 1,
        }
        for number, words in enumerate(rows)
    ]  # fmt: skip
    with site.parts.db.begin() as connection:
        connection.execute(sa.insert(failed_searches), values)


if __name__ == "__main__":
    main()
