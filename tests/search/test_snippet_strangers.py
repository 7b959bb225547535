"""What went wrong with the snippets of other searches, tried on ours; each names its report."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest

from kb.content.html.sanitise import sanitise
from kb.content.html.tokens import read_outline
from search.engine import Engine
from search.index.generation import build
from search.types import Document, Hit, Query


def hit(folder: Path, html: str, words: str, *, language: str = "en") -> Hit:
    """Return the hit for words among an article of this HTML and one about something else."""
    sections = read_outline(sanitise(html))[0]
    other = read_outline("<p>Nothing of that.</p>")[0]
    articles = (
        Document("a", "An article", sections, language=language),
        Document("b", "Another", other, language=language),
    )
    build(articles, folder)
    return next(h for h in Engine(folder).search(Query(words, literal=True)).hits if h.id == "a")


def words_of(found: Hit) -> str:
    return unescape(re.sub("</?mark>", "", found.snippet))


def test_terms_and_meanings_do_not_run_together(tmp_path: Path) -> None:
    """Pagefind/pagefind#736."""
    html = "<dl><dt>Quota</dt><dd>Space for mail</dd><dt>Alias</dt><dd>A second address</dd></dl>"
    found = hit(tmp_path, html, "alias")
    assert words_of(found) == "Alias · A second address"


def test_words_of_neighbouring_blocks_stay_apart_and_of_inline_markup_together(
    tmp_path: Path,
) -> None:
    """readthedocs/readthedocs.org#11658."""
    html = "<div>Installation</div><div>How to <b>un</b>pack</div>"
    assert words_of(hit(tmp_path, html, "unpack")) == "How to unpack"


def test_paragraphs_in_a_cell_stay_apart(tmp_path: Path) -> None:
    """xberg-io/html-to-markdown#470."""
    html = """<table><tr><th>Who</th><th>Where</th></tr>
    <tr><td><p><b>Ann Lee</b></p><p><i>Service desk</i></p></td><td>Floor 2</td></tr></table>"""
    assert words_of(hit(tmp_path, html, "desk")) == "Who: Ann Lee Service desk · Where: Floor 2"


def test_html_in_a_code_block_is_shown_as_text(tmp_path: Path) -> None:
    """Pagefind/pagefind#67."""
    html = "<pre><code>&lt;details open&gt;\n  &lt;img src=x onerror=alert(1)&gt;\n</code></pre>"
    found = hit(tmp_path, html, "onerror")
    assert set(re.findall("<[^>]*>", found.snippet)) <= {"<mark>", "</mark>"}
    assert "&lt;img src=x" in found.snippet


def test_no_mark_is_inside_an_entity(tmp_path: Path) -> None:
    """cmsimple-xh/cmsimple-xh#437."""
    html = "<p>Write R&amp;D, quot and amp as they stand: 'x' &lt; y.</p>"
    found = hit(tmp_path, html, "amp quot lt")
    assert found.snippet.count("<mark>") == 2
    assert "R&amp;D" in found.snippet


LONG = "The queue, which holds what was sent while nobody looked at it or at anything else, " * 5
NEEDLE = "then the zebra stripe appears, "


@pytest.mark.parametrize("before", range(0, 60, 7))
def test_a_cut_is_between_words_and_keeps_the_match(tmp_path: Path, before: int) -> None:
    """meilisearch/meilisearch#478, meilisearch/meilisearch#599."""
    text = f"{LONG}{'x' * before} {NEEDLE}{LONG}"
    found = hit(tmp_path, f"<p>{text}</p>", "zebra")
    inner = words_of(found).removeprefix("… ").removesuffix(" …")
    assert set(inner.split()) <= set(text.split())
    assert "<mark>zebra</mark>" in found.snippet


def test_a_cut_does_not_begin_with_the_end_of_what_was_left_out(tmp_path: Path) -> None:
    """meilisearch/product#122."""
    text = ("mot ; " * 60) + "le zèbre ; " + ("mot ; " * 60)
    found = words_of(hit(tmp_path, f"<p>{text}</p>", "zèbre", language="fr"))
    assert re.match(r"… \w", found)


def test_dots_stand_only_where_something_is_left_out(tmp_path: Path) -> None:
    """meilisearch/product#70, Pagefind/pagefind#1264."""
    html = "<p>iPhones join by themselves</p><p>android phones need the (old) app</p>"
    assert words_of(hit(tmp_path, html, "android")) == "android phones need the (old) app"
    cut = f"<p>One sentence. The zebra is striped. {LONG}</p>"
    found = words_of(hit(tmp_path / "cut", cut, "zebra"))
    assert found.startswith("… The zebra is striped. The queue")
    assert found.endswith(" …")


def test_a_long_text_without_spaces_is_cut(tmp_path: Path) -> None:
    """HubPress/hubpress.io#161."""
    text = (
        "文書を保存してから共有フォルダに移動し" * 40 + "暗証番号を再設定する" + "画面を閉じる" * 40
    )
    found = hit(tmp_path, f"<p>{text}</p>", "暗証番号", language="ja")
    assert len(words_of(found)) <= 264
    assert "<mark>暗証番号</mark>" in found.snippet


@pytest.mark.parametrize(
    ("text", "asked", "marked"),
    [
        # pixelated/pixelated-user-agent#192
        ("Any company has many printers", "any printer company", ["company", "printers"]),
        # localwiki/localwiki#20
        ("A better way to bet on better days", "bet better", ["better", "bet", "better"]),
        # krisk/Fuse#792
        ("The office of the olympic team", "olympics", ["olympic"]),
        # wet-boew/wet-boew#7655
        ("An ear, this year, nearest to fear", "ear", ["ear"]),
    ],
)
def test_words_are_marked_whole_and_not_inside_others(
    tmp_path: Path, text: str, asked: str, marked: list[str]
) -> None:
    found = hit(tmp_path, f"<p>{text}.</p>", asked)
    assert re.findall("<mark>(.*?)</mark>", found.snippet) == marked
