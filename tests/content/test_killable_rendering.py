"""Text that never ends, recurses or kills its process costs its own article and no other."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from kb.content.build import build_library
from kb.content.link_targets import Directory
from kb.content.rendering import Rendered, RenderJob
from kb.content.rendering_pool import render_all
from kb.content.sources.source import open_source

LIMIT = 3.0  # seconds: ample for a short text on a busy machine, and no machine reads "[[[" in it
# Inputs on which Python-Markdown needs very long or overflows the stack, one shape each.
PATHOLOGICAL = {
    "brackets": "[" * 20_000,
    "quotes": ">" * 5_000 + " x",
    "stars": "*a" * 5_000,
    "underscores": "_" * 30_000,
    "nested lists": "\n".join(" " * 2 * n + "- x" for n in range(500)),
    "links in links": "[a](" * 10_000,
    "backticks": "".join("`" * n + "a" for n in range(1, 200)),
    "footnotes": "".join(f"[^{n}]: x\n" for n in range(5_000)) + "[^1]" * 3_000,
    "tags": "<a" * 5_000,
    "divs": "<div>" * 10_000,
    "tables": "|a" * 5_000 + "\n" + "|-" * 5_000 + "\n" + "|b" * 5_000,
    "references": "".join(f"[{n}]: /x\n" for n in range(3_000)) + "[a][1]" * 3_000,
    "entities": "&" * 60_000,
    "comments": "<!--" * 20_000,
}


def jobs(bodies: list[str]) -> list[RenderJob]:
    return [RenderJob(f"{number}.md", body, "T", "en") for number, body in enumerate(bodies)]


def test_every_job_gets_its_own_answer_in_order() -> None:
    results = render_all(jobs([f"Text {n}" for n in range(40)]), Directory(), processes=2)
    pages = [result.html.strip() for result in results if isinstance(result, Rendered)]
    assert pages == [f"<p>Text {n}</p>" for n in range(40)]


def test_progress_counts_every_job() -> None:
    seen: list[int] = []
    render_all(jobs(["a", "b", "c"]), Directory(), done=seen.append)
    assert seen == [1, 2, 3]


def test_pathological_text_is_contained_and_the_rest_is_rendered() -> None:
    bodies = [body for bad in PATHOLOGICAL.values() for body in (bad, "Fine")]
    results = render_all(jobs(bodies), Directory(), limit=LIMIT, processes=2)
    assert all(isinstance(result, (Rendered, str)) for result in results[::2])
    assert [result.html.strip() for result in results[1::2] if isinstance(result, Rendered)] == [
        "<p>Fine</p>"
    ] * len(PATHOLOGICAL)


def test_a_process_that_takes_too_long_is_killed_and_replaced() -> None:
    slow, fine = render_all(jobs(["[" * 240_000, "Fine"]), Directory(), limit=LIMIT, processes=1)
    assert slow == f"it takes longer than {LIMIT:g} seconds"
    assert isinstance(fine, Rendered)


def test_nesting_that_overflows_the_stack_is_a_reason() -> None:
    deep = "\n".join(" " * 4 * n + "- x" for n in range(900))
    result, fine = render_all(jobs([deep, "Fine"]), Directory(), limit=LIMIT, processes=1)
    assert isinstance(result, str)
    assert "nested" in result or "longer" in result or "died" in result
    assert isinstance(fine, Rendered)


def test_a_process_that_dies_is_replaced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A worker that leaves in the middle of a job, as one killed by the system does."""
    marks = count()
    dying = tmp_path / "dying.py"
    dying.write_text(
        "import json, os, sys\n"
        "sys.stdin.readline(); print(json.dumps({'ready': True}), flush=True)\n"
        "for line in sys.stdin:\n"
        "    if 'die' in json.loads(line)['body']: os.kill(os.getpid(), 9)\n"
        "    print(json.dumps({'failed': 'alive'}), flush=True)\n"
    )
    import subprocess

    real = subprocess.Popen

    def start(command: list[str], **facts: object) -> object:
        next(marks)
        return real([command[0], str(dying)], **facts)  # type: ignore[call-overload]

    monkeypatch.setattr("kb.content.rendering_pool.subprocess.Popen", start)
    results = render_all(jobs(["die", "x", "die", "y"]), Directory(), processes=1)
    assert results == ["the process that rendered it died", "alive"] * 2
    assert next(marks) == 3


def test_an_older_text_that_stays_is_shown_to_no_more_than_the_newer_may_be(
    tmp_path: Path,
) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.md").write_text("---\ntitle: T\n---\nText")
    first = build_library(open_source(tmp_path))
    (tmp_path / "a.md").write_text("---\ntitle: T\naudience: staff\n---\n" + "[" * 240_000)
    (tmp_path / "b.md").write_text("---\ntitle: T\nstatus: archived\n---\n" + "[" * 240_000)
    second = build_library(open_source(tmp_path), previous=first, limit=LIMIT)
    assert [article.stale for article in second.articles.values()] == [True, True]
    assert [a.slug for a in second.visible({"public", "signed-in"})] == []
    assert [a.slug for a in second.visible({"staff"})] == ["a"]


def test_one_bad_article_leaves_the_others_published(tmp_path: Path) -> None:
    (tmp_path / "bad.md").write_text("---\ntitle: Bad\n---\n" + "[" * 240_000)
    (tmp_path / "good.md").write_text("---\ntitle: Good\n---\nText")
    library = build_library(open_source(tmp_path), limit=LIMIT)
    assert "good" in library.articles
    assert "bad" not in library.articles
    assert [(p.path, p.code, p.refused) for p in library.problems] == [("bad.md", "render", True)]
