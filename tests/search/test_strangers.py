"""What people who run knowledge bases elsewhere reported of their search, tried with the shipped
articles and the real models.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from search.engine import Engine, EngineSettings
from search.index.generation import build
from search.prepare import prepare_multilingual
from search.semantic.runtime import LightEncoder, open_multilingual, open_runtime
from search.text.query import MAX_TERMS
from search.types import Document, Mode, Query, Results, Section

CASES = Path(__file__).parents[3] / "shared" / "data" / "cases"
READER = frozenset({"public", "signed-in"})
PATIENT = EngineSettings(Mode.HYBRID, load_seconds=120.0, query_seconds=60.0)


@pytest.fixture(scope="module")
def shipped(published: Path) -> Engine:
    cache = published / "model"
    return Engine(
        published / "index",
        encoder_loader=partial(open_runtime, cache),
        other_loader=partial(open_multilingual, cache),
        settings=PATIENT,
    )


@pytest.fixture(scope="module")
def models(published: Path) -> LightEncoder:
    encoder = open_runtime(published / "model")
    encoder.other = prepare_multilingual(published / "model")
    return encoder


def ask(engine: Engine, text: str, **more: Any) -> Results:
    return engine.search(Query(text, audiences=READER, **more))


def first(results: Results) -> str:
    return results.hits[0].id if results.hits else ""


def told(name: str) -> list[Any]:
    """Return a list of strangers' cases; skip, saying so, where they are not there."""
    path = CASES / name
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    text = path.read_text("utf-8")
    return json.loads(text) if path.suffix == ".json" else text.split()  # type: ignore[no-any-return]


# -- Knows when it cannot --


def test_most_questions_that_nothing_answers_are_told_so(shipped: Engine) -> None:
    """120 questions written before looking: at most one in ten passes of those without an answer,
    at least 95 in 100 of the others.
    """
    asked = yaml.safe_load(Path(__file__).with_name("questions.yml").read_text("utf-8"))
    passed = [text for text in asked["unanswered"] if ask(shipped, text).answerable]
    missed = [text for text in asked["answered"] if not ask(shipped, text).answerable]
    assert len(passed) <= len(asked["unanswered"]) // 10, passed
    assert len(missed) <= len(asked["answered"]) // 20, missed


def test_strangers_questions_are_told_apart(shipped: Engine) -> None:
    """Two of those that the list calls unanswered are named in articles: a loud fan is a sign of a
    slow laptop, and the pointer is made larger because people lose it.
    """
    rows = told("answerable.json")
    named = {"laptop fan is very loud", "mouse pointer moves by itself"}
    wrong = [
        row["q"]
        for row in rows
        if ask(shipped, row["q"]).answerable != row["answered_by_shipped_articles"]
    ]
    assert set(wrong) - named <= {"order a second monitor", "zoom recording missing"}


@pytest.mark.parametrize(
    "text", ["olvidé mi contraseña", "no puedo entrar en mi cuenta", "impresora atascada"]
)
def test_a_plain_question_in_spanish_is_answered(shipped: Engine, text: str) -> None:
    assert ask(shipped, text).answerable


@pytest.mark.parametrize("code", ["0x80070643", "KB5027231 fails", "ORA-12541", "error 1603"])
def test_a_code_that_no_article_has_is_not_answered(shipped: Engine, code: str) -> None:
    assert not ask(shipped, code).answerable
    assert ask(shipped, "0x80070005").answerable


# -- Never puts words in the mouth --


def test_no_name_of_a_product_is_replaced(shipped: Engine) -> None:
    """meilisearch/meilisearch#1358"""
    results = {name: ask(shipped, name) for name in told("product_names.txt")}
    assert not [name for name, found in results.items() if found.corrected]
    answered = {name for name, found in results.items() if found.answerable}
    assert answered <= {"Bitlocker", "Wetransfer"}  # each in an article


@pytest.mark.parametrize("name", ["Figma", "Zylqor", "install Coupa", "Miro board access", "figma"])
def test_a_name_is_searched_as_typed(shipped: Engine, name: str) -> None:
    found = ask(shipped, name)
    assert (found.corrected, found.searched_for) == (False, name)


@pytest.mark.parametrize("typed", ["figm", "figma", "Figma"])
def test_a_name_is_not_completed_to_another_word(shipped: Engine, typed: str) -> None:
    assert not shipped.suggest(typed, READER)
    assert shipped.suggest("pasword", READER)


def test_no_right_word_is_called_misspelt(shipped: Engine) -> None:
    """ruby/did_you_mean#187"""
    results = {word: ask(shipped, word) for word in told("words_es.txt")}
    assert not [w for w, found in results.items() if found.corrected or found.suggestion]


@pytest.mark.parametrize(
    "text",
    [
        "salas de reunión",
        "hojas de cálculo lentas",
        "macros bloqueadas en excel",
        "unenroll tablet",
    ],
)
def test_another_meaning_is_not_put_in(shipped: Engine, text: str) -> None:
    assert not ask(shipped, text).corrected


def test_a_slip_is_corrected_as_articles_write_it(shipped: Engine) -> None:
    found = ask(shipped, "contrsaeña olvidada")
    assert (found.corrected, found.searched_for) == (True, "contraseña olvidada")
    assert ask(shipped, "contrsaeña olvidada", literal=True).searched_for == "contrsaeña olvidada"


# -- Words as people type them --


@pytest.mark.parametrize(
    ("typed", "slug"),
    [
        ("authentica", "mfa/set-up-an-authenticator-app"),
        ("printer -not printing", "printing/print-job-stuck-in-the-queue"),
        ("ERROR: 0x80070005", "laptops/windows-update-error-0x80070005"),
    ],
)
def test_the_right_article_is_first(shipped: Engine, typed: str, slug: str) -> None:
    assert first(ask(shipped, typed)) == slug


def test_an_exclusion_goes_on_working_and_can_be_taken_back(shipped: Engine) -> None:
    with_all, without = ask(shipped, "vpn split"), ask(shipped, "vpn -split")
    assert str(without.conditions) == "-split"
    assert not ask(shipped, "vpn -split", literal=True).conditions
    assert with_all.total


MAIL = (
    "Hello team, I hope you are well. This morning I wanted to install the updates of the month as "
    "I always do, but after a minute the window stopped and told me that it did not work. I tried "
    "three times and also restarted the computer. My colleague next door has the same model and "
    "nothing of the kind. The message says {}\n\nMany thanks in advance\n"
)
TRACE = (
    "Traceback (most recent call last):\n"
    '  File "/opt/app/main.py", line 88, in handle\n'
    "    result = client.update(path, timeout=30, verify=True)\n"
    '  File "/opt/app/client.py", line 214, in update\n'
    "    raise UpdateError(code)\n"
    '  File "/opt/app/errors.py", line 12, in __init__\n'
    "    super().__init__(message)\n"
    "UpdateError: {}"
)


@pytest.mark.parametrize("pasted", [MAIL, TRACE])
def test_a_code_at_the_end_of_a_pasted_text_decides(shipped: Engine, pasted: str) -> None:
    """openwhyd/openwhyd#703"""
    found = ask(shipped, pasted.format("0x80070005"))
    assert first(found) == "laptops/windows-update-error-0x80070005"
    assert found.shortened
    assert "0x80070005" in found.searched_for
    assert "thanks" not in found.searched_for


# -- Languages --


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("encontré una memoria usb en el aparcamiento", "security/found-a-usb-stick"),
        ("subtítulos en directo en una reunión", "accessibility/turn-on-live-captions"),
    ],
)
def test_a_question_finds_the_article_in_the_other_language(
    shipped: Engine, text: str, slug: str
) -> None:
    found = ask(shipped, text)
    assert first(found).startswith(slug)
    assert found.languages == {"es"}


def page(name: str, title: str, text: str, language: str) -> Document:
    return Document(name, title, (Section("", (), text),), language=language)


GERMAN = (
    page("printer", "Netzwerkdrucker einrichten", "Wählen Sie das Gerät aus der Liste.", "de"),
    page("driver", "Druckertreiber neu installieren", "Laden Sie ihn aus dem Katalog.", "de"),
    page("leave", "Urlaubsantrag stellen", "Öffnen Sie das Personalportal.", "de"),
    page("screen", "Bildschirm flackert", "Stellen Sie die Bildwiederholfrequenz ein.", "de"),
    page("password", "Kennwort zurücksetzen", "Wählen Sie „Kennwort vergessen“.", "de"),
)
OTHERS = (
    page("ja-printer", "プリンターを追加する", "設定を開き、プリンターを選びます。", "ja"),
    page("ja-password", "パスワードを忘れた場合", "サインイン画面で手順に従います。", "ja"),
    page("zh-password", "重置忘记的密码", "在登录页面选择忘记密码。", "zh"),
    page("en-it", "What IT does for you", "IT looks after computers and networks.", "en"),
    page("en-mail", "Contact the press office", "Write to the press office.", "en"),
    page("en-todo", "Keep a list in To Do", "Open To Do from the app launcher.", "en"),
    page("en-phone", "Call the help line", "Call (0800) 123-456 at any hour.", "en"),
)


@pytest.fixture(scope="module")
def world(models: LightEncoder, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    root = tmp_path_factory.mktemp("world")
    build((*GERMAN, *OTHERS), root, encoder=models)
    return Engine(
        root,
        encoder_loader=lambda: models,
        other_loader=lambda: models.other,  # type: ignore[arg-type, return-value]
        settings=PATIENT,
    )


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Drucker", "printer"),  # typesense/typesense#2486: parts of compounds
        ("Treiber", "driver"),
        ("Antrag", "leave"),
        ("Frequenz", "screen"),
        ("Urlaubsanträge", "leave"),
        ("contact IT", "en-it"),  # squidfunk/mkdocs-material#658: capitals are names
        ("what does IT do", "en-it"),
        ("To Do app", "en-todo"),
        ("0800123456", "en-phone"),
        ("0800 12 34 56", "en-phone"),
        ("暗証番号 忘れた", "ja-password"),
        ("忘记密码", "zh-password"),
    ],
)
def test_words_as_people_type_them_in_many_languages(world: Engine, typed: str, name: str) -> None:
    assert first(world.search(Query(typed))) == name


def test_runs_of_characters_are_marked_and_no_single_ones(world: Engine) -> None:
    [hit, *_] = world.search(Query("プリンターの予約")).hits
    assert "<mark>プリンター</mark>" in hit.snippet
    assert "<mark>の</mark>" not in hit.snippet


def test_the_section_that_names_it_is_shown(models: LightEncoder, tmp_path: Path) -> None:
    """mkdocs/mkdocs#1693: C# is another section than C."""
    sections = (
        Section("c", ("C#",), "Install the SDK from the catalogue."),
        Section("c-1", ("C",), "Install the compiler from the catalogue."),
    )
    build((Document("tools", "Set up tools for developers", sections),), tmp_path, encoder=models)
    engine = Engine(tmp_path, encoder_loader=lambda: models, settings=PATIENT)
    [hit] = engine.search(Query("C# tools")).hits
    assert hit.anchor == "c"


def test_only_the_same_code_is_marked(models: LightEncoder, tmp_path: Path) -> None:
    text = (
        "0x80070005 means access denied, 0x80070643 that a file is damaged, ORA-12541 no listener."
    )
    build((page("codes", "Codes", text, "en"),), tmp_path)
    engine = Engine(tmp_path, settings=PATIENT)
    for typed, marked in (("0x80070643", "0x80070643"), ("ora 12541", "ORA-12541")):
        [hit] = engine.search(Query(typed)).hits
        assert hit.snippet.count("<mark>") == 1
        assert f"<mark>{marked}</mark>" in hit.snippet


@pytest.mark.parametrize("absent", ["社員食堂のメニュー", "停车位申请", "주차장 신청", "🚀🚀"])
def test_a_shared_character_is_no_answer(world: Engine, absent: str) -> None:
    """xiaoyifang/goldendict-ng#2179"""
    assert not world.search(Query(absent)).answerable


@pytest.mark.parametrize("text", ["^", "~", "→", "a* b* c* d*"])
def test_signs_alone_are_no_error(world: Engine, text: str) -> None:
    assert not world.search(Query(text)).answerable


def test_without_the_second_model_the_first_reads_every_language(
    models: LightEncoder, tmp_path: Path
) -> None:
    alone = open_runtime(models._folder.parent)
    build(GERMAN, tmp_path, encoder=alone)
    engine = Engine(tmp_path, encoder_loader=lambda: alone, settings=PATIENT)
    found = engine.search(Query("Kennwort vergessen"))
    assert (first(found), found.mode, found.degraded) == ("password", Mode.HYBRID, "")


# -- Threads of other search engines, on small articles like those that they were about --


@pytest.fixture(scope="module")
def threads(tmp_path_factory: pytest.TempPathFactory, models: LightEncoder) -> Engine:
    root = tmp_path_factory.mktemp("threads")
    build(
        (
            page("be", "To be, or not to be", "A speech from a play about a prince.", "en"),
            page("way", "My way", "A song that many people sing.", "en"),
            page("camo", "PRODUCT-NAME-CAMO", "The jacket in camouflage.", "en"),
            page("grey", "PRODUCT-NAME-CAMO-GREY", "In grey. See PRODUCT-NAME-CAMO.", "en"),
            page("cos4100", "COS4100 maintenance", "How to clean the COS4100.", "en"),
            page("cos4101", "COS4101 maintenance", "How to clean the COS4101.", "en"),
            page("100", "Item 100", "Greeting cards, item 100.", "en"),
            page("62100", "Item 62100", "An item for a shelf.", "en"),
            page("2010010", "Item 2010010", "An item for a drawer.", "en"),
            page("docker-en", "Docker deploys", "Deploy with Docker in a container.", "en"),
            page("docker-es", "Despliegues con Docker", "Con Docker en un contenedor.", "es"),
            page("resp", "Respiración", "Ejercicios de respiración para dormir.", "es"),
            page("jub", "Jubilación", "Cómo pedir la jubilación anticipada.", "es"),
            page("fab", "La fábrica", "Visitas a la fábrica.", "es"),
            page("nino", "El niño", "Permisos por un niño enfermo.", "es"),
            page("phen", "El Nino", "The weather called El Nino.", "en"),
            page("decl", "Declaração de imposto", "Como enviar a declaração.", "pt"),
            page("homem", "O homem", "Um homem só.", "pt"),
            page("schlag", "Er schlägt den Ball", "Wie man den Ball schlägt.", "de"),
            page("geo", "Geolocation", "Turn geolocation on or off in the browser.", "en"),
            page("cook", "Cooking", "Recipes for the canteen.", "en"),
        ),
        root,
        commit="threads",
        encoder=models,
    )
    loaders = {"encoder_loader": lambda: models, "other_loader": lambda: models.other}
    return Engine(root, **loaders, settings=PATIENT)


@pytest.mark.parametrize(
    ("text", "wanted", "thread"),
    [
        ("to be or not to be", "be", "mysociety/sayit#187, algolia/algoliasearch-zendesk#15"),
        ("my way", "way", "fergiemcdowall/search-index#232"),
        ("PRODUCT-NAME-CAMO", "camo", "Merchello/Merchello#2052"),
        ("product name camo grey", "grey", "Merchello/Merchello#2052"),
        ("COS4101", "cos4101", "Smile-SA/elasticsuite#1607"),
        ("100", "100", "ShoppinPal/StockUp#412"),
        ("docker", "docker-en", "vapor/docs#853"),
        ("Docker contenedor", "docker-es", "jowilf/starlette-admin#336"),
        ("respiracion", "resp", "MihaiValentin/lunr-languages#59"),
        ("jubilacion", "jub", "manastech/middleman-search#23"),
        ("declarações", "decl", "sul-dlss/exhibits#1128"),
        ("homens", "homem", "sul-dlss/exhibits#1128"),
        ("schlagt", "schlag", "standardnotes/forum#1314"),
        ("fabrica", "fab", "standardnotes/forum#1314"),
        ("niño", "nino", "oleeskild/digitalgarden#348"),
        ("geeolocation", "geo", "laurent22/joplin#16118"),
        ("Cooking and food recipies", "cook", "laurent22/joplin#16118"),
    ],
)
def test_what_threads_asked_for_comes_first(
    threads: Engine, text: str, wanted: str, thread: str
) -> None:
    assert first(ask(threads, text)) == wanted, thread


@pytest.mark.parametrize(
    ("text", "thread"),
    [
        ("Franz Liszt sheet music", "laurent22/joplin#16118"),
        (
            "zebra pancake velocipede submarine trombone",
            "Embassy-of-the-Free-Mind/sourcelibrary-v2#3699",
        ),
        ("διαστημόπλοιο κοάλα", "schemalabz/opencouncil#625"),
        ("what's going on?", "aws-solutions-library-samples/qnabot-on-aws#439"),
        ("the and", "voteview/WebVoteView#78"),
        ("beekeeping", "huggingface/sentence-transformers#858"),
    ],
)
def test_what_nothing_answers_is_told_so(
    threads: Engine, shipped: Engine, text: str, thread: str
) -> None:
    for engine in (threads, shipped):
        assert not ask(engine, text).answerable, thread


def test_a_subject_of_another_world_lists_nothing(shipped: Engine) -> None:
    """huggingface/sentence-transformers#858, schemalabz/opencouncil#625"""
    for text in ("beekeeping", "διαστημόπλοιο κοάλα", "guitar tuning"):
        assert not ask(shipped, text).hits, text


def test_a_symptom_of_another_product_is_not_answered(shipped: Engine) -> None:
    """mozilla/sumo#3324"""
    told = (
        "I updated Firefox yesterday and now I can't find any of the bookmarks I've had for years"
    )
    assert not ask(shipped, told).answerable


def test_a_persons_language_comes_first_for_words_of_no_language(shipped: Engine) -> None:
    """mdn/kuma#7704"""
    for language in ("en", "es"):
        slug = first(ask(shipped, "VPN", prefer_language=language))
        found = shipped.generation.documents[shipped.generation.ordinals[slug]]
        assert found.language == language
        assert "VPN" in found.title


# -- Long texts --


LETTER = """Dear colleagues,

I write because since Monday the projector in the meeting room on our floor shows a blue picture.
We had visitors from two other offices and all of them tried their own cables, and one of them also
tried to borrow a docking station. In the afternoon somebody from the building looked at it.
By the way, the coffee machine is wonderful. What I need to know is how I get my forgotten password
back, because I cannot sign in to book the other room.

Kind regards
"""


def test_what_matters_in_the_middle_of_a_letter_is_read(shipped: Engine) -> None:
    """openwhyd/openwhyd#703: neither its first line nor its last says it."""
    found = ask(shipped, LETTER)
    assert found.shortened
    assert "password" in found.searched_for
    assert "regards" not in found.searched_for.casefold()
    assert "Dear" not in found.searched_for


def test_the_last_words_of_a_long_question_are_looked_up(shipped: Engine) -> None:
    asked = (
        "could you please tell me what it is that I would have to do if I were to find that it is "
        "not the one that I am used to but that there is something on the authenticator"
    )
    assert len(asked.split()) > MAX_TERMS
    assert any("mfa/" in hit.id for hit in ask(shipped, asked).hits[:3])
