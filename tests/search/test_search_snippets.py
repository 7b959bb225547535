"""Snippets are short, marked, safe, and keep the shape of what they show."""

from __future__ import annotations

import re
from html import unescape

from hypothesis import given
from hypothesis import strategies as st

from kb.content.html.sanitise import sanitise
from kb.content.html.tokens import read_outline
from search.ranking.excerpts import LONGEST, Excerpt, excerpt, found_in, wanted_terms
from search.text.analysis import spellings
from search.text.scanning import scan, words_beginning
from search.text.tokens import tokens
from search.types import Section

NASTY = st.text(alphabet=st.sampled_from("<>&\"'/ \nabcmark=script;日é。.!"), max_size=900)
ANYTHING = NASTY | st.text()
TAGS = re.compile(r"</?mark>")


def of_text(text: str, wanted: frozenset[str] | set[str]) -> Excerpt:
    return excerpt(Section("", (), text), 0, len(text), wanted_terms(sorted(wanted)), language="en")


def of_html(html: str, *wanted: str) -> Excerpt:
    """Return the snippet of the first section with text of an article's HTML."""
    section = next(each for each in read_outline(sanitise(html))[0] if each.text)
    return excerpt(section, 0, len(section.text), wanted_terms(wanted), language="en")


def plain(html: str) -> str:
    return unescape(TAGS.sub("", html))


def is_safe(html: str) -> bool:
    left = TAGS.sub("", html)
    marks = re.findall(r"</?mark>", html)
    pattern = r"(?:[^&<>\"']|&(?:amp|lt|gt|quot|#x27);)*"
    alternate = marks == ["<mark>", "</mark>"] * (len(marks) // 2)
    return re.fullmatch(pattern, left, re.DOTALL) is not None and alternate


@given(ANYTHING, st.frozensets(st.sampled_from(["mark", "script", "a", "日", "abc"])))
def test_only_mark_is_markup_and_no_mark_is_inside_another(
    text: str, wanted: frozenset[str]
) -> None:
    found = of_text(text, wanted)
    assert is_safe(found.html)
    assert all(is_safe(line) for block in found.blocks for line in block.lines)


@given(ANYTHING)
def test_a_snippet_of_sentences_is_a_stretch_of_the_text(text: str) -> None:
    found = of_text(text, {"abc"})
    inner = " ".join(plain(found.html).split()).removeprefix("… ").removesuffix(" …")
    assert inner.replace(" ", "") in "".join(text.split())
    assert len(inner) <= LONGEST


CELL = st.text(alphabet="ab6<& é日", min_size=1, max_size=30)
PIECES = st.lists(
    st.one_of(
        st.builds("<p>{}</p>".format, CELL),
        st.builds("<ol start='7'><li>{}</li><li><p>{}</p><ul><li>{}</li></ul></li></ol>".format,
                  CELL, CELL, CELL),
        st.builds("<table><tr><th>{}</th><th></th></tr><tr><td>{}</td><td>{}</td></tr></table>"
                  .format, CELL, CELL, CELL),
        st.builds("<pre><code>{}\n  {}\n</code></pre>".format, CELL, CELL),
        st.builds("<dl><dt>{}</dt><dd>{}</dd></dl>".format, CELL, CELL),
    ),
    min_size=1, max_size=6,
).map("".join)  # fmt: skip


@given(PIECES, st.sampled_from(["a", "b", "6", "日", "ab"]))
def test_every_line_of_a_block_stands_in_the_article_in_its_order(html: str, word: str) -> None:
    sections = [each for each in read_outline(sanitise(html))[0] if each.text]
    for section in sections:
        wanted = wanted_terms([word])
        found = excerpt(section, 0, len(section.text), wanted, language="en")
        assert is_safe(found.html)
        left = " ".join(section.text.split())
        for block in found.blocks:
            for line in block.lines:
                inner = plain(line).removeprefix("… ").removesuffix(" …").strip()
                assert inner in left
                left = left[left.index(inner) + len(inner) :]
        assert sum(len(plain(line)) for b in found.blocks for line in b.lines) <= LONGEST + 12


@given(st.text(alphabet="👩‍👧👍🏽e\u0301ñ🇪🇸a 字।", min_size=280, max_size=900))
def test_no_cut_parts_what_is_seen_as_one_character(text: str) -> None:
    flat = " ".join(text.split())
    for line in (line for block in of_text(text, set()).blocks for line in block.lines):
        shown = plain(line)
        whole = shown.removeprefix("… ").removesuffix(" …")
        if shown.endswith(" …") and whole in flat:
            after = flat[flat.index(whole) + len(whole) :][:1]
            assert after not in {"\u200d", "\u0301", "🏽"}
            assert after == " " or not whole.endswith("\u200d")


def test_the_stretch_holds_the_wanted_words_marked_by_stem() -> None:
    text = "Nothing here. " * 60 + "Printing needs drivers before you print. " + "More words. " * 60
    found = of_text(text, {"print", "driver"}).html
    assert "<mark>Printing</mark> needs <mark>drivers</mark> before you <mark>print</mark>" in found
    assert len(found) < LONGEST + 3 * len("<mark></mark>") + 8


# -- Shapes --


STEPS = """
<p>To move a mailbox:</p>
<ol start="4"><li>Open <strong>Settings</strong>.</li>
<li><p>Choose the calendar.</p><p>Wait until it is there.</p></li>
<li>Confirm.</li><li>Leave.</li></ol>
"""
TABLE = """
<table><thead><tr><th>Code</th><th>Meaning</th><th>What to do</th></tr></thead><tbody>
<tr><td>5</td><td>Cover</td><td></td></tr>
<tr><td>6</td><td></td><td>Cool the <code>fuser</code></td></tr>
</tbody></table>
"""
CODE = """<pre><code>if enrolled; then
    enrol status \\
        --tenant contoso

fi
</code></pre>"""


def test_steps_stay_steps_with_their_own_numbers() -> None:
    [block] = of_html(STEPS, "calendar").blocks
    assert (block.kind, block.start) == ("steps", 5)
    assert block.lines == (
        "Choose the <mark>calendar</mark>. Wait until it is there.", "Confirm.", "Leave.",
    )  # fmt: skip
    assert of_html(STEPS, "calendar").html.startswith("5. Choose the")


def test_what_leads_to_steps_comes_with_them_and_never_ends_a_snippet() -> None:
    assert [block.kind for block in of_html(STEPS, "mailbox").blocks] == ["text", "steps"]
    night = "A mailbox moves at night, when nobody reads it and no other one goes to and fro."
    before = f"<p>{night}</p>" + STEPS.partition("<ol")[0]
    long = "<ol><li>" + "Long words. " * 30 + "</li></ol>"
    assert plain(of_html(before + long, "night").html) == night


def test_a_row_is_shown_alone_under_its_own_headings() -> None:
    found = of_html(TABLE, "fuser")
    [block] = found.blocks
    assert block.kind == "row"
    assert block.heads == ("Code", "What to do")
    assert found.html == "Code: 6 · What to do: Cool the <mark>fuser</mark>"


def test_code_keeps_its_lines_and_begins_where_its_command_does() -> None:
    [block] = of_html(CODE, "tenant").blocks
    assert block.kind == "code"
    assert [plain(line) for line in block.lines] == ["enrol status \\", "--tenant contoso", "fi"]
    assert block.indents == (4, 8, 0)


def test_a_nested_point_is_a_point() -> None:
    html = "<ol><li>One<ul><li>Debian asks</li><li>Fedora does not</li></ul></li><li>Two</li></ol>"
    [block, *_] = of_html(html, "debian").blocks
    assert (block.kind, block.lines[0]) == ("points", "<mark>Debian</mark> asks")


def test_wide_cells_keep_later_ones_under_their_headings() -> None:
    html = """<table><tr><th>A</th><th>B</th><th>C</th></tr>
    <tr><td rowspan="2">one</td><td colspan="2">two</td></tr><tr><td>x</td><td>needle</td></tr>
    </table>"""
    [block] = of_html(html, "needl").blocks
    assert block.heads == ("B", "C")


def test_the_text_of_a_section_is_the_same_with_and_without_a_shape() -> None:
    [section] = read_outline(sanitise(STEPS + TABLE + CODE))[0]
    assert section.text.startswith("To move a mailbox:\nOpen Settings.\nChoose the calendar.\n")
    assert len(re.findall(r"[a-zA-Z+]\d*'*", section.shape)) == len(section.text.split("\n"))


# -- Words --


WORDS = """
configured Configuring non-configured myPrinter srv_print-01 printers paper Árbol arboles dying die
lied flying flies encryption encrypted synchronise synced ORA-12541 KB5034441 kb 日本語 e-mail mail
(printer) x Drucker 10.0.0.1 ñandú straße O'Brien äußern œuvre Größe Fußball ißt İstanbul ошибка
“printer” don’t – printing™ naïve Maß ﬁle co\u00adoperate e\u0301tape
"""
SURFACES = st.sampled_from(WORDS.split())


@given(st.lists(SURFACES, max_size=20), st.lists(SURFACES, min_size=1, max_size=3))
def test_words_are_marked_as_if_each_had_been_looked_at(text: list[str], asked: list[str]) -> None:
    """The quick way to the words that can be meant leaves none of them out."""
    for language in ("en", "es", "de"):
        wanted = wanted_terms(term for word in asked for term in spellings(word, language))
        flat = " ".join(text)
        every = [
            (token.start, token.end)
            for token in tokens(flat)
            if not wanted.terms.keys().isdisjoint(spellings(token.surface, language))
        ]
        read = scan(flat, language)
        found = [(m.start(), m.end()) for m in words_beginning(read, wanted.initials)
                 if not wanted.terms.keys().isdisjoint(spellings(m.group(), language))]  # fmt: skip
        assert found == every
        marked = [(one.start, one.end) for one in found_in(read, wanted, language=language)]
        assert set(marked) <= set(every) or "日本語" in flat
