"""From a person's words to hits: codes, languages, audiences, spelling, hostile input."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.engine import Engine
from search.errors import SearchError
from search.index.generation import build
from search.types import Document, Mode, Query, Results, Section

STAFF = frozenset({"public", "staff"})


def first(engine: Engine, text: str) -> str:
    return engine.search(Query(text)).hits[0].id


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        *(
            (spelling, "vpn")
            for spelling in ("0x80070005", "80070005", "0X80070005 password reset")
        ),
        *((spelling, "oracle") for spelling in ("ORA-12541", "ora12541", "ora 12541", "12541")),
        *(
            (spelling, "update")
            for spelling in ("KB5034441", "kb 5034441", "KB-5034441", "5034441")
        ),
        ("srv-print-01.corp.example", "host"),
        ("SRV-PRINT-01.CORP.EXAMPLE", "host"),
        ("2.14.3", "host"),
        ("wifi", "wifi"),
        ("wi fi office", "wifi"),
        ("ＶＰＮ", "vpn"),
        ("tunnel", "vpn"),
        ("contrasena", "contrasena"),
        ("CONTRASEÑAS olvidadas", "contrasena"),
        ("日本語", "kanji"),
        ("キーボード", "kanji"),
        ("كلمة المرور", "arabic"),
        ("пароль", "russian"),
        ("елка", "russian"),
        ('"forgot password"', "password"),
        ("windows11", "update"),
    ],
)
def test_the_one_article_is_first(engine: Engine, text: str, wanted: str) -> None:
    assert first(engine, text) == wanted


def test_an_exact_title_is_first(engine: Engine) -> None:
    assert first(engine, "reset YOUR password") == "password"


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=400) | st.text(alphabet="ab*?\"()[]{}~^:+-&|\\/ 'OR AND NOT", max_size=400))
def test_no_words_make_a_search_fail(engine: Engine, text: str) -> None:
    results = engine.search(Query(text))
    assert 0 <= results.confidence <= 1
    assert results.total >= len(results.hits)
    assert len({hit.id for hit in results.hits}) == len(results.hits)


@pytest.mark.parametrize(
    "text", ["", "   ", "\x00", "a* b* c*", "🦒", "\u202e", "'" * 500, "a " * 5000]
)
def test_hostile_words(engine: Engine, text: str) -> None:
    assert engine.search(Query(text)).hits == () or engine.search(Query(text)).total


def _texts(results: Results) -> Iterable[str]:
    yield from (hit.id for hit in results.hits)
    yield from (results.suggestion, results.searched_for)
    yield from (name for names in results.facets.values() for name in names)


@pytest.mark.parametrize(
    "text",
    ["quetzalcoatl", "quetzalcoatll", "Quetzalcoatl vault rotation", "XJ-9901", '"staff rotate"'],
)
def test_restricted_articles_leave_no_trace(engine: Engine, text: str) -> None:
    results = engine.search(Query(text))
    traces = set(_texts(results)) - {text}
    assert "secret" not in traces
    assert "internal" not in traces
    assert not any("quetzalcoatl" in trace.split() for trace in traces)
    assert not any("Quetzal" in s.text for s in engine.suggest("quetz"))
    staff = engine.search(Query(text, audiences=STAFF))
    assert staff.hits[0].id == "secret"
    assert engine.suggest("quetz", STAFF)[0].id == "secret"


def test_restricted_articles_cannot_be_explained(engine: Engine) -> None:
    with pytest.raises(SearchError):
        engine.explain(Query("keys"), "secret")
    assert engine.explain(Query("keys", audiences=STAFF), "secret").score > 0


def test_a_typo_is_corrected_said_and_can_be_taken_back(engine: Engine) -> None:
    results = engine.search(Query("isntall the passwrod link"))
    assert (results.corrected, results.searched_for) == (True, "install the password link")
    literal = engine.search(Query("isntall the passwrod link", literal=True))
    assert (literal.corrected, literal.searched_for) == (False, "isntall the passwrod link")


@pytest.mark.parametrize("word", ["vpm", "PASSWROD", "kb50344", "srv-prnt-01", "giraffe"])
def test_short_words_capitals_codes_and_known_words_are_left_alone(
    engine: Engine, word: str
) -> None:
    assert not engine.search(Query(word)).corrected


def test_filters_and_facets(engine: Engine) -> None:
    every = engine.search(Query("password contraseña"))
    assert every.facets["language"]["es"] == 1
    spanish = engine.search(Query("password contraseña", languages=frozenset({"es"})))
    assert [hit.id for hit in spanish.hits] == ["contrasena"]
    assert spanish.total == 1
    assert spanish.facets == every.facets
    accounts = engine.search(Query("password contraseña", collections=frozenset({"cuentas"})))
    assert [hit.id for hit in accounts.hits] == ["contrasena"]


def test_pages_follow_each_other(engine: Engine) -> None:
    whole = [hit.id for hit in engine.search(Query("service desk", limit=6)).hits]
    parts = [engine.search(Query("service desk", limit=2, offset=n)).hits for n in (0, 2, 4)]
    assert [hit.id for part in parts for hit in part] == whole


def test_a_hit_names_the_section_that_answers(engine: Engine) -> None:
    hit = engine.search(Query("ask the service desk about the VPN")).hits[0]
    assert (hit.id, hit.anchor, hit.heading) == ("vpn", "more", "More help")
    assert "<mark>service</mark>" in hit.snippet


def test_text_of_an_article_is_escaped(engine: Engine) -> None:
    snippet = engine.search(Query("campus network free")).hits[0].snippet
    assert "&lt;b&gt;" in snippet
    assert "<b>" not in snippet


def test_results_say_what_answered(engine: Engine) -> None:
    results = engine.search(Query("reset password"))
    assert (results.mode, results.degraded, results.commit) == (Mode.HYBRID, "", "abc")
    assert engine.status().documents == 11


def test_suggestions_by_word_starts_in_any_order(engine: Engine) -> None:
    assert engine.suggest("pass res")[0].text == "Reset your password"
    assert engine.suggest("contras")[0].id == "contrasena"
    assert engine.suggest("") == engine.suggest("zzz") == ()


def test_what_is_looked_up_of_a_long_text_does_not_show_what_closed_articles_say(
    tmp_path: Path,
) -> None:
    closed = Document(
        "closed", "Orchid takeover", (Section("", (), "Orchid."),), audience="staff", language="en"
    )
    others = [
        Document(f"a{n}", f"Paper {n}", (Section("", (), f"Load paper {n}."),), language="en")
        for n in range(3)
    ]
    build((closed, *others), tmp_path, commit="x")
    engine = Engine(tmp_path)
    filler = "We were all told many things of late in the canteen and then nothing came of it. "
    text = f"{filler * 3}Somebody spoke of orchid there and of paper too. {filler * 3}"
    for audience, shown in (("public", False), ("staff", True)):
        found = engine.search(Query(text, audiences=frozenset({"public", audience})))
        assert found.shortened
        assert ("orchid" in found.searched_for) is shown
        assert "paper" in found.searched_for
