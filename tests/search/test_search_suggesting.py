"""Suggestions against a plain reading of their rules, and what each rule is for."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.suggest.marking import marked
from search.suggest.offers import OfferSource, Prefixes
from search.suggest.suggester import ArticleFacts, Queries, Suggester, Suggestion, write
from search.text.analysis import fold
from search.text.query import Synonyms, folded
from search.types import Document, Section


def article(
    name: str,
    title: str,
    *headings: str,
    answers: Sequence[str] = (),
    audience: str = "public",
    **more: Any,
) -> Document:
    sections = tuple(Section(f"s{n}", (text,), "") for n, text in enumerate(headings))
    return Document(name, title, sections, answers=tuple(answers), audience=audience, **more)


def opened(documents: Sequence[Document], synonyms: Synonyms | None = None) -> Suggester:
    with TemporaryDirectory() as folder:  # mapped files outlive their names
        write(Path(folder), documents)
        return Suggester.open(Path(folder), ArticleFacts.of(documents, folded(synonyms or {})))


def suggest(
    documents: Sequence[Document],
    prefix: str,
    *,
    limit: int = 8,
    audiences: Sequence[str] = ("public",),
    queries: Sequence[tuple[str, str]] = (),
    people: Sequence[int] | None = None,
    synonyms: Synonyms | None = None,
    prefer: str = "",
) -> tuple[Suggestion, ...]:
    allowed = np.array([document.audience in audiences for document in documents], bool)
    return opened(documents, synonyms).suggest(
        prefix, allowed=allowed, limit=limit, popular=Queries(queries, people), prefer=prefer
    )


def texts(*given: object, **more: object) -> list[str]:
    return [one.text for one in suggest(*given, **more)]  # type: ignore[arg-type]


def ids(*given: object, **more: object) -> list[str]:
    return [one.id for one in suggest(*given, **more)]  # type: ignore[arg-type]


def shown(title: str, typed: str, **more: Any) -> str:
    """Return a title with what is marked of it for what was typed in brackets."""
    [found] = suggest([article("a", title, **more)], typed)
    return in_brackets(marked(title, found.sought))


def in_brackets(parts: Sequence[str]) -> str:
    return "".join(f"[{part}]" if at % 2 else part for at, part in enumerate(parts))


LETTERS = "abcéñöøžабдשלם"
TITLES = st.text(alphabet="aeoœßİé\u0301\u0308 -'’日本รี\u200d☕1#" + LETTERS, max_size=14)

# -- the rules, read plainly --------------------------------------------------------------------


@cache
def distance(left: str, right: str) -> int:
    """Optimal string alignment distance, by its definition."""
    if not left or not right:
        return len(left) + len(right)
    ways = [
        distance(left[:-1], right) + 1,
        distance(left, right[:-1]) + 1,
        distance(left[:-1], right[:-1]) + (left[-1] != right[-1]),
    ]
    if len(left) > 1 and len(right) > 1 and left[-2:] == right[-1] + right[-2]:
        ways.append(distance(left[:-2], right[:-2]) + 1)
    return min(ways)


def fewest(typed: str, word: str, *, whole: bool) -> int:
    """Edits between the typed word and the nearest prefix of a word; 99: more than are believed."""
    believed = 0 if len(typed) < 4 or any(map(str.isdigit, typed)) else 1 + (len(typed) > 7)
    if word == typed or (word.startswith(typed) and not whole):
        return 0
    near = [distance(typed, word[:n]) for n in range(len(word) + 1)] if believed else [99]
    return min(near) if min(near) <= believed else 99


@dataclass(frozen=True)
class Asked:
    """What was typed, by whom, and (query, article, people) of solved queries."""

    typed: Sequence[str]
    solved: Sequence[tuple[str, str, int]]
    readable: set[str]
    prefer: str
    limit: int


PLACES = ("title", "answer", "query", "keyword", "heading")


def plainly(documents: Sequence[Document], asked: Asked) -> list[tuple[str, str]]:
    """Return (text, article) pairs by the rules, for texts of plain words apart by spaces in
    languages without common words.
    """
    held = {document.id: document for document in documents}
    ranked = sorted(
        (key, text, name)
        for name, document in held.items()
        if name in asked.readable
        for place, text in offered(document, asked)
        if (key := rank(place, text, document, asked)) is not None
    )
    kept: dict[str, str] = {}
    lines = set[object]()
    for key, text, name in ranked:
        one = held[name]
        line = one.title, one.collection, one.language
        if len(kept) < asked.limit and name not in kept and line not in lines:
            title = rank("title", one.title, one, asked)
            kept[name] = one.title if title is not None and title[0] == key[0] else text
            lines.add(line)
    return [(text, name) for name, text in kept.items()]


def offered(document: Document, asked: Asked) -> Iterator[tuple[str, str]]:
    yield "title", document.title
    yield from (("answer", text) for text in document.answers)
    yield from (("keyword", text) for text in document.keywords)
    yield from (("heading", section.heading) for section in document.sections)
    yield from (("query", text) for text, name, _ in asked.solved if name == document.id)


def rank(place: str, text: str, document: Document, asked: Asked) -> tuple[Any, ...] | None:
    """Return what a text is sorted by, None when it is not what was typed."""
    words, typed = text.split(), asked.typed
    short = {one for one in typed[:-1] if len(one) < 3} - {typed[-1]} if typed else set()
    need = [min(fewest(one, word, whole=one in short) for word in words) for one in typed]
    if not typed or max(need) > 2:
        return None
    edits = sum(need)
    begins = "".join(words).startswith("".join(typed)) if not edits else all(
        at < len(words) and fewest(one, words[at], whole=False) < 99 for at, one in enumerate(typed)
    )  # fmt: skip
    whole = len(words) == len(typed) and (place, len(words)) != ("keyword", 1)
    popular = sum(people for _, name, people in asked.solved if name == document.id).bit_length()
    foreign = bool(asked.prefer) and document.language != asked.prefer
    order = (edits > 0, foreign, place == "heading", not whole, edits, PLACES.index(place))
    return *order, -popular, not begins, len(text)


WORDS = st.text("abcd", min_size=1, max_size=10) | st.sampled_from(["abcdabcd", "ab12", "a1b2c3"])
TEXT = st.lists(WORDS, min_size=1, max_size=3).map(" ".join)
FEW = st.lists(TEXT, max_size=2)
ARTICLES = st.lists(st.tuples(TEXT, FEW, FEW, FEW, st.booleans()), max_size=5)


@settings(max_examples=150, deadline=None)
@given(
    ARTICLES,
    st.lists(WORDS, max_size=2),
    st.lists(st.tuples(TEXT, st.integers(0, 6), st.integers(1, 9)), max_size=3),
    st.sets(st.integers(0, 4)),
    st.sampled_from(["", "qaa", "qbb"]),
    st.integers(1, 4),
)
def test_what_is_suggested_is_what_the_rules_say(
    made: list[tuple[str, list[str], list[str], list[str], bool]],
    typed: list[str],
    solved: list[tuple[str, int, int]],
    hidden: set[int],
    prefer: str,
    limit: int,
) -> None:
    documents = [
        article(f"n{n}", title, *headings, answers=answers, keywords=tuple(keywords),
                audience="staff" if n in hidden else "public", language="qbb" if other else "qaa")
        for n, (title, answers, headings, keywords, other) in enumerate(made)
    ]  # fmt: skip
    named = {(text, f"n{n}"): people for text, n, people in solved}  # some of one that is gone
    queries = [(text, name, people) for (text, name), people in named.items()]
    readable = {document.id for document in documents if document.audience == "public"}
    spoken = prefer if any(document.language == prefer for document in documents) else ""
    found = suggest(
        documents,
        " ".join(typed),
        limit=limit,
        queries=list(named),
        people=list(named.values()),
        prefer=prefer,
    )
    wanted = plainly(documents, Asked(typed, queries, readable, spoken, limit))
    assert [(one.text, one.id) for one in found] == wanted


@settings(max_examples=200, deadline=None)
@given(st.sets(st.text("abc", min_size=1, max_size=7)), st.text("abc", max_size=7))
def test_the_tree_finds_every_word_with_a_prefix_near_enough(words: set[str], typed: str) -> None:
    ordered = sorted(words)
    tree = Prefixes.of(ordered)
    for edits in (0, 1, 2):
        found: dict[str, int] = {}
        for reading in tree.near(typed, edits):
            found |= dict.fromkeys(ordered[reading.low : reading.high], reading.edits)
        nearest = {
            word: min(distance(typed, word[:n]) for n in range(len(word) + 1)) for word in ordered
        }
        assert found == {word: n for word, n in nearest.items() if n <= edits}
    assert not typed or bool(tree.exact(typed, whole=True)) is (typed in words)
    [(low, high, _)] = tree.exact(typed) or [(0, 0, 0)]
    assert ordered[low:high] == [word for word in ordered if word.startswith(typed)]


# -- what each is for ---------------------------------------------------------------------------

PRINTERS = (
    article("add", "Add a printer", "Choose the driver"),
    article("offline", "Printer is offline", answers=["Why does nothing print?"]),
    article("pointer", "Pointer moves by itself"),
)


def test_what_begins_as_typed_comes_first_and_exact_before_corrected() -> None:
    assert texts(PRINTERS, "print") == [
        "Printer is offline", "Add a printer", "Pointer moves by itself",
    ]  # fmt: skip
    assert texts(PRINTERS, "is printer off") == ["Printer is offline"]


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("pritner", "Printer is offline"),  # swapped
        ("prnter is", "Printer is offline"),  # left out
        ("priinter", "Printer is offline"),  # added
        ("orinter off", "Printer is offline"),  # replaced, the first letter too
        ("chose th", "Choose the driver"),
        ("offilne pinter", "Printer is offline"),  # one in each of two words
    ],
)
def test_a_slip_is_forgiven(typed: str, wanted: str) -> None:
    assert texts(PRINTERS, typed)[0] == wanted


def test_short_words_and_codes_are_taken_as_typed() -> None:
    documents = [article("vpn", "VPN"), article("code", "Error KB5034441"), article("c", "C++")]
    for typed in ("vpm", "KB5034442", "kb5034414", "vnp"):
        assert texts(documents, typed) == []
    assert texts(documents, "kb50344") == ["Error KB5034441"]
    assert texts(documents, "c++") == ["C++"]


@pytest.mark.parametrize(
    ("title", "typed"),
    [
        ("Restablecer la contraseña", "contrasen"),
        ("Restablecer la contraseña", "CONTRASEÑA rest"),
        ("日本語入力の設定", "日本語"),
        ("日本語入力の設定", "設定"),
        ("打印机无法连接", "打印机连接"),
        ("비밀번호 재설정", "비밀번호재"),
        ("การตั้งค่าเครื่องพิมพ์", "เครื่องพิ"),
        ("إعادة تعيين كلمة المرور", "كلمه"),
        ("Сброс пароля", "порол"),
        ("पासवर्ड रीसेट करें", "रीसे"),
        ("Ｗｉ-Ｆｉ at the office", "wifi"),
        ("Wi-Fi at the office", "wi fi at"),
        ("Naïve café ☕ hours", "naive cafe"),
        ("☕ hours", "☕"),
        ("Error ORA-12541", "ora12541"),
    ],
)
def test_every_script_and_spelling(title: str, typed: str) -> None:
    other = article("other", "Something else")
    assert texts([other, article("a", title)], typed) == [title]


def test_one_line_for_each_article_and_for_each_title_of_a_collection() -> None:
    documents = [
        article("a", "Set up mail", "Set up the phone", "Before you begin"),
        article("b", "Set up mail!", "Before you begin"),
        article("c", "SET UP MAIL", "Before you begin", collection="phones"),
        article("d", "Set up mail", language="de"),
    ]
    assert ids(documents, "set up") == ["c", "a", "d"]  # b looks like a
    assert ids(documents, "set up", audiences=("staff",)) == []
    assert ids(documents, "before you") == ["a", "c"]
    assert suggest(documents, "before")[0].anchor == "s1"


def test_a_heading_that_says_the_title_again_is_no_second_line() -> None:
    """backstage/mkdocs-techdocs-core#192"""
    [found] = suggest([article("a", "Welcome to the wiki", "Welcome to the wiki")], "welc")
    assert (found.text, found.anchor) == ("Welcome to the wiki", "")


def test_nothing_comes_from_an_article_that_may_not_be_read() -> None:
    documents = [
        article("open", "Quarterly figures"),
        article("shut", "Quetzal rotation", "Quetzal keys", answers=["Where is quetzal?"],
                audience="staff"),
    ]  # fmt: skip
    queries = [("quetzal broke", "shut"), ("quaint numbers", "open"), ("quetzal", "gone")]
    for typed in ("q", "que", "quetzal", "quetzla", "keys", "rotation"):
        found = suggest(documents, typed, queries=queries)
        assert {one.id for one in found} <= {"open"}
        assert not any("uetzal" in one.text for one in found)
    staff = ("public", "staff")
    assert texts(documents, "quetzal", queries=queries, audiences=staff) == ["Quetzal rotation"]
    assert texts(documents, "broke", queries=queries, audiences=staff) == ["quetzal broke"]


def test_an_article_is_suggested_by_what_it_solved_for_others() -> None:
    queries = [("printer jams all the time", "jam"), ("print", "offline"), ("gobbles", "pointer")]
    documents = [*PRINTERS, article("jam", "Paper is stuck", "Print again")]
    assert [(one.id, one.source) for one in suggest(documents, "print", queries=queries)] == [
        ("offline", OfferSource.TITLE),
        ("add", OfferSource.TITLE),
        ("jam", OfferSource.QUERY),
        ("pointer", OfferSource.TITLE),  # a correction comes last
    ]
    [found] = suggest(documents, "gobb", queries=queries)
    assert (found.text, found.id, found.source) == ("gobbles", "pointer", OfferSource.QUERY)


def test_of_titles_with_the_words_the_one_that_solved_more_comes_first() -> None:
    documents = [article("new", "VPN keeps dropping"), article("set", "Set up the VPN at home")]
    assert ids(documents, "vpn") == ["new", "set"]
    solved = [("work from home", "set"), ("tunnel", "new")]
    assert ids(documents, "vpn", queries=solved, people=[9, 5]) == ["set", "new"]
    assert ids(documents, "vpn", queries=solved, people=[6, 5]) == ["new", "set"]  # about as many


def test_a_query_that_two_articles_solved_is_open_to_who_may_read_one() -> None:
    documents = [article("open", "Wipe a disk"), article("shut", "Wipe", audience="staff")]
    queries = [("sell my laptop", "shut"), ("sell my laptop", "open")]
    [found] = suggest(documents, "sell", queries=queries)
    assert (found.text, found.id, found.source) == ("sell my laptop", "open", OfferSource.QUERY)


# -- the order, and what may be missing -----------------------------------------------------------

PASSWORDS = (
    article("reset", "Reset a forgotten password", answers=["I do not remember my password"],
            collection="accounts", keywords=("can't log in", "sign in")),
    article("odd", "Change the label printer", "I forgot my password on the printer"),
    article("manager", "Use a password manager", answers=["I forgot my master password"]),
    article("lock", "Unlock your account", answers=["Why can't I get in?"]),
)  # fmt: skip
SYNONYMS = {"en": [["sign in", "log in", "login"], ["wi-fi", "wlan"], ["laptop", "notebook"]]}


@pytest.mark.parametrize(
    "typed",
    ["forgot my password", "forgot my pasword", "forgotten passwords", "i forgot the password",
     "how do i reset my password", "cant log in", "can't log in", "CANT LOG IN"],
)  # fmt: skip
def test_an_everyday_phrase_leads_to_the_article_on_it(typed: str) -> None:
    assert ids(PASSWORDS, typed)[0] == "reset"


def test_titles_come_before_headings_and_headings_are_there() -> None:
    assert ids(PASSWORDS, "forgot my password") == ["reset", "manager", "odd"]


@pytest.mark.parametrize(
    ("typed", "found"),
    [("forgot my umbrella", False), ("how do i reset my toaster", False), ("cant swim", False),
     ("reset the the", True)],
)  # fmt: skip
def test_every_word_that_tells_something_is_there(typed: str, found: bool) -> None:
    """InseeFr/Lunatic#1177: words too common to look for are left out, others never."""
    assert ids(PASSWORDS, typed) == ["reset"] * found


@pytest.mark.parametrize("typed", ["t", "th", "the", "theo"])
def test_a_common_word_may_begin_another(typed: str) -> None:
    """meilisearch/specifications#23"""
    documents = [article("a", "Theodore, a printer"), article("b", "Nothing like it")]
    assert ids(documents, typed) == ["a"]


def test_what_is_common_depends_on_the_language_of_the_article() -> None:
    documents = [article("es", "Conectar la impresora", language="es"), article("en", "Printers")]
    assert ids(documents, "mi impresora") == ["es"]
    assert ids([article("en", "Impresora")], "mi impresora") == []  # "mi" is no English word


def test_the_persons_language_comes_first_and_exact_before_it() -> None:
    documents = [article("en", "Connect to the VPN"), article("es", "VPN", language="es")]
    assert ids(documents, "vpn") == ["es", "en"]
    assert ids(documents, "vpn", prefer="en") == ["en", "es"]
    assert ids(documents, "vpn", prefer="en-GB") == ["en", "es"]
    assert ids(documents, "vpn", prefer="fr") == ["es", "en"]  # no article is in it
    spoken = [article("en", "Pointer"), article("es", "Printer", language="es")]
    assert ids(spoken, "printer", prefer="en") == ["es", "en"]


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [("wlan", "wifi"), ("notebook slow", "slow"), ("slow notebook", "slow"), ("login", "mfa"),
     ("log in", "mfa"), ("wi-fi", "wifi")],
)  # fmt: skip
def test_the_authors_synonyms_are_understood(typed: str, wanted: str) -> None:
    documents = [
        article("wifi", "Wi-Fi at home"), article("slow", "A slow laptop"),
        article("fix", "Fix Windows"), article("mfa", "Sign in without a phone"),
        article("sign", "Sign for insurance"),
    ]  # fmt: skip
    assert ids(documents, typed, synonyms=SYNONYMS) == [wanted]


# -- what is marked -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "typed", "wanted"),
    [
        ("Reset a forgotten password", "forgot my pass", "Reset a [forgot]ten [pass]word"),
        ("Reset a forgotten password", "reset a pasword", "[Reset] a forgotten [password]"),
        # typesense/typesense#136, twitter/typeahead.js#919
        ("Symfony and synths", "symf", "[Symf]ony and synths"),
        ("Install it in Italy", "it", "Install [it] in Italy"),
        # voteview/WebVoteView#78
        ("The art of the VPN", "how do i the vpn", "The art of the [VPN]"),
        # ericgio/react-bootstrap-typeahead#288, pstanoev/simple-svelte-autocomplete#66
        ("Fünf Drucker", "fü", "[Fü]nf Drucker"),
        ("Fu\u0308nf Drucker", "fu", "[Fu\u0308]nf Drucker"),
        ("Réalité augmentée", "realite", "[Réalité] augmentée"),
        # moroshko/autosuggest-highlight#18
        ("Œuvre pompes test", "pompes", "Œuvre [pompes] test"),
        ("Œuvre pompes test", "oeu", "[Œu]vre pompes test"),
        ("Œuvre pompes test", "o", "[Œ]uvre pompes test"),
        ("Straße sperren", "strass", "[Straß]e sperren"),
        ("İstanbul box", "istanbul", "[İstanbul] box"),
        ("İstanbul box", "box", "İstanbul [box]"),
        # meilisearch/milli#272
        ("☕ hours 🎉 party", "party", "☕ hours 🎉 [party]"),
        ("☕️ hours", "☕", "[☕️] hours"),
        ("Wi-Fi at work", "wifi", "[Wi-Fi] at work"),
        ("Wi-Fi at work", "wi fi", "[Wi-Fi] at work"),
        ("Can't log in", "cant", "[Can't] log in"),
        # rero/rero-ils#1042
        ("l'école fermée", "ecole", "l'[école] fermée"),
        ("日本語入力の設定", "日本語", "[日本語]入力の設定"),
        ("日本入力本", "日本", "[日本]入力本"),
        ("打印机无法连接", "打印机连接", "[打印机]无法[连接]"),
        ("पासवर्ड रीसेट करें", "रीस", "पासवर्ड [रीसे]ट करें"),
        ("إعادة تعيين كلمة المرور", "كلمه", "إعادة تعيين [كلمة] المرور"),
        ("Error ORA-12541", "ora-12541", "Error [ORA-12541]"),
        ("Use C++ and C#", "c++", "Use [C++] and C#"),
    ],
)
def test_what_was_typed_is_marked_in_the_title(title: str, typed: str, wanted: str) -> None:
    assert shown(title, typed) == wanted


def test_a_title_beside_the_question_that_matched_is_marked_too() -> None:
    documents = [article("a", "Reset a password", answers=["I forgot my password"])]
    [found] = suggest(documents, "forgot my password")
    assert in_brackets(marked("Reset a password", found.sought)) == "Reset a [password]"
    assert in_brackets(marked(found.text, found.sought)) == "I [forgot] [my] [password]"


@settings(max_examples=200, deadline=None)
@given(TITLES, TITLES)
def test_the_parts_are_the_text_and_no_mark_parts_a_letter(title: str, typed: str) -> None:
    for found in suggest([article("a", title, answers=[typed])], typed):
        for text in (title, typed):
            parts = marked(text, found.sought)
            assert "".join(parts) == text
            assert len(parts) % 2 == 1
            assert all(parts[1::2])
            assert not any(unicodedata.combining(part[0]) for part in parts[2::2] if part)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=LETTERS, min_size=3, max_size=6), st.data())
def test_the_beginning_of_a_title_that_is_typed_is_what_is_marked(
    title: str, data: st.DataObject
) -> None:
    typed = title[: data.draw(st.integers(1, len(title)))]
    [found] = suggest([article("a", title, language="qaa")], typed)
    assert marked(title, found.sought) == ("", typed, title[len(typed) :])


@pytest.mark.parametrize(
    "typed", ["", " ", "--", "\0", "a" * 300, "日" * 300, "a " * 100, "\u0301"]
)
def test_odd_words_are_no_trouble(typed: str) -> None:
    assert texts(PRINTERS, typed) in ([], texts(PRINTERS, "a"))
    assert suggest([], typed) == ()


def test_the_order_of_the_articles_changes_nothing() -> None:
    names = ["Set up mail", "Set up mail on a phone", "Set up phones", "Set"]
    documents = [article(fold(name), name, "Set up", "Set it") for name in names]
    for typed in ("s", "set", "set up", "sett", "phone"):
        assert suggest(documents, typed) == suggest(documents[::-1], typed)


def test_a_generation_from_before_sizes_and_keywords_were_stored_opens(tmp_path: Path) -> None:
    write(tmp_path, PRINTERS)
    (tmp_path / "suggest.size.npy").unlink()
    before = Suggester.open(tmp_path, ArticleFacts.of(PRINTERS))
    found = before.suggest("print", allowed=np.ones(len(PRINTERS), bool), limit=8)
    assert [one.id for one in found] == ids(PRINTERS, "print")


def test_the_same_articles_give_the_same_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, PRINTERS)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
