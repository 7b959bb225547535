"""Questions added to front matter: nothing else of the file changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.content.frontmatter.editing import with_answers
from kb.content.frontmatter.parsing import read_front_matter

BLOCK = """---
title: A
answers: # as people ask
  - one

  # rare
  - two
owner: x
---

Text.
"""
CASES = {
    "block": (BLOCK, "  - two\n  - three\nowner"),
    "flush": ("---\nanswers:\n- one\ntitle: A\n---\nT\n", "- one\n- three\ntitle"),
    "flow": ("---\nanswers: [one]  # few\n---\nT\n", 'answers: [one, "three"]  # few\n'),
    "empty flow": ("---\nanswers: []\ntitle: A\n---\nT\n", 'answers: ["three"]\n'),
    "none yet": ("---\ntitle: A\n---\nT\n", "title: A\nanswers:\n  - three\n---\nT\n"),
    "nothing in it": ("---\nanswers:\ntitle: A\n---\nT\n", "answers:\n  - three\ntitle"),
    "windows": ("---\r\ntitle: A\r\n---\r\nT\r\n", "answers:\r\n  - three\r\n---\r\nT\r\n"),
    "dots": ("\ufeff---\ntitle: A\n...\nT", "answers:\n  - three\n...\nT"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_question_is_added_where_the_others_are(case: str) -> None:
    before, after = CASES[case]
    changed = with_answers(before, ["three"])
    assert changed is not None
    assert after in changed
    lines = [line for line in changed.splitlines() if "three" not in line and line != "answers:"]
    assert lines == [x for x in before.splitlines() if "[" not in x and x != "answers:"]


@pytest.mark.parametrize(
    "text",
    [
        "", "Text alone.\n", "---\n", "+++\ntitle = 'A'\n+++\nT\n", "---\n[a, b]\n---\nT\n",
        "---\ntitle: 'A\n---\nT\n", "---\nanswers: one\n---\nT\n", "---\nanswers: {a: b}\n---\nT\n",
        "---\nanswers: [one,\n  two]\n---\nT\n", "---\n{title: A}\n---\nT\n",
    ],
)  # fmt: skip
def test_what_cannot_be_edited_for_certain_is_left_alone(text: str) -> None:
    assert with_answers(text, ["three"]) is None


def test_what_is_there_already_is_not_added_again() -> None:
    assert with_answers(BLOCK, ["one", "two"]) is None
    changed = with_answers(BLOCK, ["two", "three", "three"])
    assert changed is not None
    assert changed.count("three") == 1


questions = st.lists(st.text(min_size=1, max_size=60), min_size=1, max_size=4)


@given(st.sampled_from(sorted(CASES)), questions)
def test_any_words_become_answers_and_change_nothing_else(case: str, asked: list[str]) -> None:
    text = CASES[case][0]
    changed = with_answers(text, asked)
    if changed is None:  # words that YAML does not hold, or that are there already
        return
    before, after = read_front_matter(text), read_front_matter(changed)
    held = before.values.get("answers") or []
    new = [each for each in dict.fromkeys(asked) if each not in held]
    assert after.values == {**before.values, "answers": [*held, *new]}
    assert (after.body, after.problems) == (before.body, ())


@given(st.lists(st.from_regex(r"[A-Za-zñáéü0-9 ?¿:#'\"-]{3,50}", fullmatch=True), min_size=1))
def test_ordinary_questions_are_always_added(asked: list[str]) -> None:
    new = [each for each in asked if each.strip() not in ("one", "two")]
    if new:
        assert with_answers(BLOCK, [" ".join(each.split()) or "x" for each in new]) is not None
