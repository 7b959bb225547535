"""Text and queries become the same terms however they are spelt."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from search.text.analysis import document_terms, fold, terms
from search.text.pasted import bounded
from search.text.query import MAX_CHARACTERS, MAX_TERMS, understand
from search.text.tokens import tokens

LANGUAGES = st.sampled_from(["en", "es", "fr", "de", "ru", "ar", "tr", "ja", "xx"])


@given(st.text(max_size=300), LANGUAGES)
@example("a" * 5000, "en")
@example("' ’ -- __ @ \\ 0x", "fr")
def test_any_text_gives_terms_and_each_token_is_a_slice_of_it(text: str, language: str) -> None:
    for token in tokens(text):
        assert text[token.start : token.end] == token.surface
    for row in document_terms(text, language):
        assert all(term and len(term) <= 66 for term in row)


@given(st.text(max_size=2000), LANGUAGES)
def test_a_query_is_bounded_whatever_is_typed(text: str, language: str) -> None:
    short = bounded(text)
    assert len(short) <= MAX_CHARACTERS
    assert len(understand(short, language).sought) <= MAX_TERMS


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyzáéíóúñü", min_size=1, max_size=20))
def test_case_accents_and_composition_do_not_matter(word: str) -> None:
    assert fold(word) == fold(word.upper()) == fold(unicodedata.normalize("NFD", word))


@given(st.integers(10_000, 9_999_999), st.sampled_from(["ora", "kb", "sap", "inc"]))
def test_a_code_is_one_term_in_all_its_spellings(number: int, prefix: str) -> None:
    wanted = f"#{prefix}{number}"
    for spelling in (
        f"{prefix}-{number}",
        f"{prefix.upper()}{number}",
        f"{prefix}_{number}",
        f"{prefix} {number}",
    ):
        named = understand(spelling, "en").identifiers
        assert [wanted] == [term for one in named for term in one.exact]
        assert any(wanted in row for row in document_terms(f"see {spelling}.", "en"))


@given(st.integers(0x1000, 0xFFFFFFFF))
def test_hexadecimal_with_and_without_its_prefix(number: int) -> None:
    text = f"{number:08x}"
    assert terms(f"0x{text}", "en")[-1] == terms("0X" + text.upper(), "en")[-1] == f"#{text}"


@pytest.mark.parametrize(
    ("left", "right", "language"),
    [
        ("contraseñas", "contrasena", "es"),
        ("printers", "printer", "en"),
        ("ＡＢＣ１２３", "abc123", "en"),
        ("Wi-Fi", "wifi", "en"),
        ("sam_admin", "SAM_ADMIN", "en"),
        ("v1.8.19", "1.8.19", "en"),
        ("пароли", "пароль", "ru"),
        ("ёлка", "елка", "ru"),
        ("كلمة", "كلمه", "xx"),
        ("l'imprimante", "imprimante", "fr"),
    ],
)
def test_spellings_that_share_a_term(left: str, right: str, language: str) -> None:
    assert set(terms(left, language)) & set(terms(right, language))


@pytest.mark.parametrize(("left", "right"), [("й", "и"), ("C++", "C#"), ("क्या", "की")])
def test_different_words_stay_different(left: str, right: str) -> None:
    assert set(terms(left, "xx")) != set(terms(right, "xx"))


def test_chinese_and_japanese_are_cut_into_pairs() -> None:
    assert {"日本", "本語"} <= set(terms("日本語", "ja"))


def test_years_and_small_numbers_are_no_identifiers() -> None:
    assert understand("office 2019 on windows 11 in 3 steps", "en").identifiers == ()


def test_stop_words_alone_are_still_looked_for() -> None:
    assert any(
        weight == 1
        for s in understand("who is it", "en").sought
        for weight in s.alternatives.values()
    )
