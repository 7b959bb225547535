"""Conditions hold, in every language of the corpus, and ordinary queries have none."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from search.engine import Engine, EngineSettings
from search.ranking.conditions import constraints
from search.text.pasted import bounded
from search.types import Document, Mode, Query, Section


def article(
    name: str, title: str, text: str, *, language: str = "en", keywords: str = ""
) -> Document:
    sections = (Section("", (), text),)
    return Document(name, title, sections, language=language, keywords=tuple(keywords.split()))


ARTICLES = (
    article("printer", "Printer offline", "Turn the printer on. Clear the paper jam."),
    article("printing", "Printing from a phone", "Print by wireless.", keywords="mobile KB5034441"),
    article("scanner", "Scanner is slow", "The scanner sends mail. A jam of paper."),
    article("vpn", "Connect to the VPN", "Configuring the client takes a while. Not the printer."),
    article("wifi", "Wi-Fi drops", "The signal is weak near the printer or the lift."),
    article("teclado", "Configuración del teclado", "Elija el idioma español.", language="es"),
    article("raton", "Configuración del ratón", "Elija la velocidad.", language="es"),
    article("ja1", "日本語入力の設定", "キーボードを追加します。", language="ja"),
    article("ja2", "日誌の入力", "本日の語を書く。", language="ja"),
    article("ru", "Отчёт о расходах", "Заполните отчёт.", language="ru"),
    article("ar", "إعادة تعيين كلمة المرور", "اختر نسيت", language="ar"),
)


@pytest.fixture(scope="module", params=[Mode.HYBRID, Mode.KEYWORD])
def engine(request, built, encoder) -> Engine:  # type: ignore[no-untyped-def]
    root = built(ARTICLES)
    return Engine(root, encoder_loader=lambda: encoder, settings=EngineSettings(request.param))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("title:printer", {"printer"}),
        ("title:Printer jam", {"printer"}),
        ('title:"printer offline"', {"printer"}),
        ('title:"offline printer"', set()),
        ("keywords:mobile", {"printing"}),
        ("keywords:kb5034441", {"printing"}),
        ("keywords:KB5034442", set()),
        ("title:wifi", {"wifi"}),
        ("printer -offline", {"vpn", "wifi"}),
        ('paper -"paper jam"', {"scanner"}),
        ("printer -title:printer", {"vpn", "wifi"}),
        ("configura*", {"vpn", "teclado", "raton"}),
        ("prin*", {"printer", "printing", "vpn", "wifi"}),
        ("kb503*", {"printing"}),
        ("scanner OR wifi", {"scanner", "wifi"}),
        ('"paper jam" OR lift', {"printer", "wifi"}),
        ("configuracion -teclado", {"raton"}),
        ("título title:configuracion -raton", {"teclado"}),
        ("title:日本語", {"ja1"}),
        ("入力 -キーボード", {"ja2"}),
        ("title:отчет", {"ru"}),
        ("title:المرور", {"ar"}),
        ("title:nothinglikeit", set()),
        ("printer -printer", set()),
    ],
)
def test_only_articles_that_meet_the_conditions_are_hits(
    engine: Engine, text: str, wanted: set[str]
) -> None:
    results = engine.search(Query(text))
    found = {hit.id for hit in results.hits}
    assert results.conditions
    if results.mode is Mode.HYBRID and " -" in text:
        assert wanted <= found  # what is near in meaning stays, unless it holds the word
    else:
        assert found == wanted


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("printer -offline", {"printer"}),
        ('paper -"paper jam"', {"printer"}),
        ("printer -title:printer", {"printer"}),
        ("入力 -キーボード", {"ja1"}),
        ("printer -printer", {"printer", "vpn", "wifi"}),
    ],
)
def test_articles_that_hold_what_is_not_wanted_are_gone(
    engine: Engine, text: str, gone: set[str]
) -> None:
    assert gone.isdisjoint(hit.id for hit in engine.search(Query(text)).hits)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ('"paper jam"', "printer"),
        ('"jam of paper"', "scanner"),
        ('"日本語入力"', "ja1"),
        ('"Wi-Fi drops"', "wifi"),
    ],
)
def test_a_phrase_lifts_and_does_not_filter(engine: Engine, text: str, first: str) -> None:
    results = engine.search(Query(text))
    assert results.hits[0].id == first
    assert results.conditions == ""


def test_a_phrase_that_nobody_wrote_still_finds_its_words(engine: Engine) -> None:
    assert engine.search(Query('"the printer is offline"')).hits[0].id == "printer"


@pytest.mark.parametrize(
    "text",
    [
        "error: printer not found",
        "error:printer",
        "wi-fi",
        "e-mail",
        "C:\\temp",
        "2:1",
        "http://example.org/title:",
        "title: vpn",
        "subtitle:vpn",
        "printer or scanner",
        "PRINTER OR SCANNER",
        "OR",
        "OR printer",
        "printer OR",
        "-printer",
        "vpn - not working",
        "git commit --no-verify",
        "ls -l",
        "a* b* c*",
        "2 * 3",
        "**bold**",
        "!!! OR ???",
        "well-known -- not",
    ],
)
def test_ordinary_queries_have_no_conditions(text: str) -> None:
    assert not constraints(text)
    assert constraints(text).text == text


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("printer -the", "printer the"),
        ("printer -not printing", "printer not printing"),
        ("word -safe mode", "word safe mode"),
        ("teams -cannot share screen", "teams cannot share screen"),
        ("Get-AppxPackage -AllUsers", "Get-AppxPackage -AllUsers"),
        ("docker run -name web", "docker run -name web"),
        ("ssh -keygen", "ssh -keygen"),
        ("msiexec -install printer driver", "msiexec -install printer driver"),
    ],
)
def test_a_minus_excludes_only_where_that_is_meant(typed: str, read: str) -> None:
    """codidact/qpixel#1964: a switch pasted with its command is looked for."""
    assert not constraints(typed)
    assert constraints(typed).text == read


def test_a_literal_query_has_no_conditions() -> None:
    assert str(constraints("vpn -cisco")) == "-cisco"
    assert constraints("vpn -cisco", literal=True).text == "vpn -cisco"
    assert not constraints("vpn -cisco", literal=True)


@settings(max_examples=60, deadline=None)
@given(
    st.text(max_size=300)
    | st.lists(
        st.sampled_from(
            [
                "title:",
                "keywords:",
                "-",
                "OR",
                '"',
                "*",
                "abc",
                "日本",
                " ",
                "a*",
                "(",
                "\ud800",
                "0x",
                "\u0301",
            ]
        ),
        max_size=60,
    ).map("".join)
)
@example('title:"" OR -"a" OR * -title:*')
@example("abc* OR def* OR ghi* -jkl* title:mno*")
def test_no_words_make_a_search_fail(engine: Engine, text: str) -> None:
    assert engine.search(Query(text)).total >= 0
    asked = constraints(bounded(text))
    assert len(asked.every) <= 8
    assert len(asked.none) <= 8
