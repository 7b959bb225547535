"""Ready changes: whatever the file looks like, the patch adds what it says and nothing else."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from kb.analytics.episodes import episodes
from kb.gaps.diagnosis import after_failure, refinements
from kb.gaps.fixes import answers_patch, synonyms_patch
from kb.tracking.events import Event, EventKind
from kb.tracking.query_text import words_key

QUESTIONS = ["where is “my” refund?", "refund: late"]
BODY = "---\n\n## Issue\n\nanswers: no\n"


def applied(folder: Path, name: str, text: str, patch: str) -> str:
    """Return the text after `git apply`."""
    (folder / name).write_text(text, encoding="utf-8")
    subprocess.run(["git", "init", "-q", folder], check=True)
    subprocess.run(["git", "apply", "-"], input=patch.encode(), cwd=folder, check=True)
    return (folder / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("front", "before"),
    [
        ("title: A\n", []),
        ("title: A\nanswers: []\nowner: x\n", []),
        ("answers: [one, two]\ntitle: A\n", ["one", "two"]),
        ("answers:\n  - one\n  - two\ntitle: A\n", ["one", "two"]),
        ("title: A\nanswers:\n- one\n", ["one"]),
    ],
)
def test_questions_are_added_to_whatever_list_there_is(
    tmp_path: Path, front: str, before: list[str]
) -> None:
    text = f"---\n{front}{BODY}"
    patch = answers_patch("a.md", text, QUESTIONS)
    changed = applied(tmp_path, "a.md", text, patch)
    front_now, body = changed.removeprefix("---\n").split("---\n", 1)
    assert yaml.safe_load(front_now)["answers"] == [*before, *QUESTIONS]
    assert f"---\n{body}" == BODY
    assert answers_patch("a.md", changed, QUESTIONS) == ""


@pytest.mark.parametrize(
    "text",
    [
        "no front matter\n",
        "---\nnever closed\n",
        "---\nanswers: >\n  folded\n---\n",
        "---\na: 1\n---",
    ],
)
def test_a_file_that_lines_cannot_change_safely_gets_no_patch(text: str) -> None:
    assert answers_patch("a.md", text, QUESTIONS) == ""


@pytest.mark.parametrize(
    ("text", "group"),
    [
        ("en:\n  - [a, b]\nes:\n  - [c, d]\n", ["payslip", "salary slip"]),
        ("# words\nen:\n  - [a, payslip]\n", ["a", "payslip", "salary slip"]),
        ("es:\n  - [c, d]\n", ["payslip", "salary slip"]),
    ],
)
def test_synonyms_join_a_group_or_make_one(tmp_path: Path, text: str, group: list[str]) -> None:
    patch = synonyms_patch(text, "en", "payslip", "salary slip")
    changed = applied(tmp_path, "_synonyms.yml", text, patch)
    now, before = yaml.safe_load(changed), yaml.safe_load(text)
    assert group in now["en"]
    assert now.get("es") == before.get("es")
    assert synonyms_patch(changed, "en", "payslip", "salary slip") == ""


# -- what people did afterwards -----------------------------------------------------------------


def did(kind: str, after: float, visitor: str = "v", **more: Any) -> Event:
    at = datetime(2026, 3, 10, 12, tzinfo=UTC) + timedelta(seconds=after)
    fields = {name: more.pop(name, None) for name in ("search_id", "article", "words")}
    made = more.pop("id", f"{kind}{visitor}{after}")
    if kind == "search":
        fields["search_id"] = made
    key = words_key(fields["words"]) if fields["words"] else None
    return Event(made, at, EventKind(kind), visitor, words_key=key, data=more, **fields)


def way(visitor: str, *, seconds: float = 60) -> list[Event]:
    """Return one person's way: failed, came back from a wrong article, found the right one."""
    return [
        did("search", 0, visitor, id=f"s{visitor}", words="payslip pdf", total=3),
        did("view", 2, visitor, article="wrong", search_id=f"s{visitor}"),
        did("search", 6, visitor, id=f"t{visitor}", words="salary statement pdf", total=3),
        did("view", 10, visitor, article="right", search_id=f"t{visitor}"),
        did("dwell", 20, visitor, article="right", search_id=f"t{visitor}", seconds=seconds),
    ]


GAP = timedelta(minutes=30)


def test_two_who_read_the_same_article_later_say_what_answers() -> None:
    one, both = way("a"), [*way("a"), *way("b")]
    assert after_failure(episodes(one, GAP), {"sa"}, {}).found == ""
    found = after_failure(episodes(both, GAP), {"sa", "sb"}, {})
    assert (found.found, found.how, found.later) == ("right", "read", "salary statement pdf")
    assert found.refuted == {"wrong": ""}
    short = [*way("a", seconds=3), *way("b", seconds=3)]
    assert after_failure(episodes(short, GAP), {"sa", "sb"}, {}).found == ""


def test_what_one_said_or_an_agent_found_is_enough() -> None:
    said = [*way("a"), did("solved", 90, "a", article="right", search_id="ta")]
    assert after_failure(episodes(said, GAP), {"sa"}, {}).how == "said"
    assert after_failure(episodes(way("a"), GAP), {"sa"}, {"sa": "other"}).found == "other"


def test_words_that_led_there_are_candidates_for_synonyms() -> None:
    [found] = refinements(episodes(way("a"), GAP), {"sa"})
    assert (found.words, found.later, found.article) == (
        "payslip pdf", "salary statement pdf", "right",
    )  # fmt: skip
