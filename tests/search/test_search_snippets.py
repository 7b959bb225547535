"""Snippets are short, marked and safe."""

from __future__ import annotations

import re
from html import unescape

from hypothesis import given
from hypothesis import strategies as st

from search.ranking.snippets import LONGEST, _found, snippet
from search.text.analysis import spellings
from search.text.tokens import tokens

NASTY = st.text(alphabet=st.sampled_from("<>&\"'/ \nabcmark=script;日é"), max_size=900) | st.text()


@given(NASTY, st.frozensets(st.sampled_from(["mark", "script", "a", "日", "abc"])))
def test_only_mark_is_markup(text: str, wanted: frozenset[str]) -> None:
    found = snippet(text, wanted, language="en")
    left = re.sub(r"</?mark>", "", found)
    assert not set("<>\"'") & set(left)
    assert found.count("<mark>") == found.count("</mark>")
    assert re.fullmatch(r"(?:[^&]|&(?:amp|lt|gt|quot|#x27);)*", left, re.DOTALL)


@given(NASTY)
def test_a_snippet_is_a_stretch_of_the_text(text: str) -> None:
    found = unescape(re.sub(r"</?mark>", "", snippet(text, {"abc"}, language="en")))
    inner = found.removeprefix("… ").removesuffix(" …")
    assert inner in " ".join(text.split())
    assert len(inner) <= LONGEST


def test_the_stretch_holds_the_wanted_words_marked_by_stem() -> None:
    text = "Nothing here. " * 60 + "Printing needs drivers before you print. " + "More words. " * 60
    found = snippet(text, {"print", "driver"}, language="en")
    assert "<mark>Printing</mark> needs <mark>drivers</mark> before you <mark>print</mark>" in found
    assert len(found) < LONGEST + 3 * len("<mark></mark>") + 8


WORDS = """
configured Configuring non-configured myPrinter srv_print-01 printers paper Árbol arboles dying die
lied flying flies encryption encrypted synchronise synced ORA-12541 KB5034441 kb 日本語 e-mail mail
(printer) x Drucker 10.0.0.1 ñandú straße O'Brien
"""
SURFACES = st.sampled_from(WORDS.split())


@given(st.lists(SURFACES, max_size=20), st.lists(SURFACES, min_size=1, max_size=3))
def test_words_are_marked_as_if_each_had_been_looked_at(text: list[str], asked: list[str]) -> None:
    """The quick way to the words that can be meant leaves none of them out."""
    for language in ("en", "es", "de"):
        wanted = frozenset(term for word in asked for term in spellings(word, language))
        flat = " ".join(text)
        every = [t for t in tokens(flat) if not wanted.isdisjoint(spellings(t.surface, language))]
        assert [token for token, _ in _found(flat, wanted, language=language)] == every
