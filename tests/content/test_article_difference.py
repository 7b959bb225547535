"""What changed between two renderings: marked, whole, and never more than sanitised markup."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.content.difference import difference, is_marked
from kb.content.html.sanitise import sanitise
from kb.content.html.tokens import read_tokens, text_of
from kb.content.markdown.conversion import to_html


def side(html: str, gone: str) -> str:
    """Return the words of one of the two versions: those of `gone` left out."""
    kept = re.sub(rf"<{gone}>.*?</{gone}>", "", html, flags=re.DOTALL)
    return " ".join(text_of(read_tokens(kept)).split())


def words(html: str) -> str:
    """Return the words of a page."""
    return " ".join(text_of(read_tokens(html)).split())


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("<p>Press the red button.</p>", "<p>Press the green button.</p>",
         "<p>Press the <del>red</del><ins>green</ins> button.</p>"),
        ("<p>One.</p>", "<p>One.</p><p>Two.</p>", "<p>One.</p><p><ins>Two.</ins></p>"),
        ("<p>One.</p><p>Two.</p>", "<p>Two.</p>", "<p><del>One.</del></p><p>Two.</p>"),
        ("<ul><li>a b c</li><li>d</li></ul>", "<ul><li>a b x</li><li>d</li></ul>",
         "<ul><li>a b <del>c</del><ins>x</ins></li><li>d</li></ul>"),
        ("", "<h2 id=\"a\">New</h2>", "<h2><ins>New</ins></h2>"),
        ("<p>Same <a href=\"#x\">here</a></p>", "<p>Same <a href=\"#x\">here</a></p>",
         "<p>Same <a rel=\"noopener noreferrer\">here</a></p>"),
        ("<p>a &lt;b&gt;</p>", "<p>a &lt;i&gt;</p>",
         "<p>a &lt;<del>b</del><ins>i</ins>&gt;</p>"),
    ],
)  # fmt: skip
def test_words_are_marked_in_their_places(old: str, new: str, wanted: str) -> None:
    assert difference(old, new) == wanted


def test_a_changed_table_stays_a_table() -> None:
    rows = "<tr><td>1</td><td>one</td></tr><tr><td>2</td><td>two</td></tr>"
    old = f"<table><tbody>{rows}</tbody></table>"
    new = old.replace("<td>one</td>", "<td>uno</td>").replace(
        "</tbody>", "<tr><td>3</td><td>three</td></tr></tbody>"
    )
    marked = difference(old, new)
    assert "<td><del>one</del></td>" in marked or "<td><ins>uno</ins></td>" in marked
    assert "<ins>three</ins></td></tr></tbody></table>" in marked
    assert marked.count("<table") == 1


def test_equal_versions_have_no_marks() -> None:
    html = "<p>a</p><ul><li>b</li></ul>"
    assert not is_marked(difference(html, html))


@pytest.mark.parametrize(
    "hostile",
    [
        "<p>x</p><script>alert(1)</script>", "<p onclick='x()'>x</p>",
        "<a href='javascript:x'>x</a>",
        "<img src=x onerror=x()>", "<p><ins><script>x</script></ins>", "</p></div><svg onload=x()>",
    ],
)  # fmt: skip
def test_nothing_that_the_sanitiser_takes_out_comes_back(hostile: str) -> None:
    for old, new in ((hostile, "<p>y</p>"), ("<p>y</p>", hostile), (hostile, hostile)):
        marked = difference(old, new)
        assert sanitise(marked) == marked
        assert not re.search(r"script|onclick|onerror|onload|svg", marked)


def test_deep_and_long_texts_are_compared_in_bounded_time() -> None:
    deep = "<blockquote>" * 2000 + "x" + "</blockquote>" * 2000
    assert "x" in difference(deep, deep.replace("x", "x y"))
    long = "<p>" + "word " * 30_000 + "</p>"
    assert "other" in difference(long, long.replace("word", "other"))
    many = "".join(f"<p>line {number}</p>" for number in range(3000))
    assert "<ins>" in difference(many, many.replace("line", "row"))


BLOCKS = st.lists(
    st.sampled_from([
        "A plain paragraph with some words.", "Another one, quite different.", "## Heading",
        "- one\n- two\n- three", "1. first\n2. second", "| a | b |\n|---|---|\n| 1 | 2 |",
        "> quoted words", "```\ncode here\n```", "Some **bold** and `code` and [a link](https://e.org).",
    ]),
    max_size=6,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(old=BLOCKS, new=BLOCKS)
def test_each_version_can_be_read_out_of_the_difference(old: list[str], new: list[str]) -> None:
    """Without the removed words the new text remains, without the added ones the old."""
    before, after = (sanitise(to_html("\n\n".join(blocks), "en")) for blocks in (old, new))
    marked = difference(before, after)
    assert side(marked, "del").split() == words(after).split()
    assert sorted(side(marked, "ins").split()) == sorted(words(before).split())
