"""Suggestions against a plain reading of their rules, and what each rule is for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.suggest.offers import OfferSource, Prefixes, Suggestion
from search.suggest.suggester import Queries, Suggester, write
from search.text.analysis import fold
from search.types import Document, Section


def article(
    name: str, title: str, *headings: str, answers: Sequence[str] = (), audience: str = "public"
) -> Document:
    sections = tuple(Section(f"s{n}", (text,), "") for n, text in enumerate(headings))
    return Document(name, title, sections, answers=tuple(answers), audience=audience)


def opened(documents: Sequence[Document]) -> Suggester:
    with TemporaryDirectory() as folder:  # mapped files outlive their names
        write(Path(folder), documents)
        return Suggester.open(Path(folder))


def suggest(
    documents: Sequence[Document],
    prefix: str,
    *,
    limit: int = 8,
    audiences: Sequence[str] = ("public",),
    queries: Sequence[tuple[str, str]] = (),
) -> tuple[Suggestion, ...]:
    allowed = np.array([document.audience in audiences for document in documents], bool)
    return opened(documents).suggest(prefix, allowed=allowed, limit=limit, popular=Queries(queries))


def texts(*given: object, **more: object) -> list[str]:
    return [one.text for one in suggest(*given, **more)]  # type: ignore[arg-type]


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


def fewest(typed: str, word: str) -> int:
    """Edits between the typed word and the nearest prefix of a word; 99: more than are believed."""
    believed = 0 if len(typed) < 4 or any(map(str.isdigit, typed)) else 1 + (len(typed) > 7)
    if word.startswith(typed):
        return 0
    near = [distance(typed, word[:n]) for n in range(len(word) + 1)] if believed else [99]
    return min(near) if min(near) <= believed else 99


def plainly(
    documents: Sequence[Document],
    typed: Sequence[str],
    queries: Sequence[tuple[str, str]],
    readable: set[str],
    limit: int,
) -> list[tuple[str, str]]:
    """Return (text, article) pairs by the rules, for texts of plain words apart by spaces."""
    ranked = []
    for source, text, name in offered(documents, queries):
        words = text.split()
        edits = sum(min(fewest(one, word) for word in words) for one in typed)
        if not typed or edits >= 99 or name not in readable:
            continue
        begins = "".join(words).startswith("".join(typed)) if not edits else all(
            place < len(words) and fewest(one, words[place]) < 99
            for place, one in enumerate(typed)
        )  # fmt: skip
        key = (edits > 0, source == 3, edits, not begins, source, len(text), text, name)
        ranked.append((key, "".join(words), text, name))
    kept: list[tuple[str, str]] = []
    seen: set[tuple[str, str]] = set()
    for _, folded, text, name in sorted(ranked):
        if len(kept) < limit and seen.isdisjoint({("text", folded), ("article", name)}):
            kept.append((text, name))
            seen |= {("text", folded), ("article", name)}
    return kept


def offered(
    documents: Sequence[Document], queries: Sequence[tuple[str, str]]
) -> Iterator[tuple[int, str, str]]:
    for document in documents:
        yield 0, document.title, document.id
        yield from ((1, answer, document.id) for answer in document.answers)
        yield from ((2, section.heading, document.id) for section in document.sections)
    yield from ((3, text, name) for text, name in queries)


WORDS = st.text("abcd", min_size=1, max_size=10) | st.sampled_from(["abcdabcd", "ab12", "a1b2c3"])
TEXT = st.lists(WORDS, min_size=1, max_size=3).map(" ".join)
ARTICLES = st.lists(st.tuples(TEXT, st.lists(TEXT, max_size=2), st.lists(TEXT, max_size=2)),
                    max_size=5)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    ARTICLES,
    st.lists(WORDS, max_size=2),
    st.lists(st.tuples(TEXT, st.integers(0, 6)), max_size=3),
    st.sets(st.integers(0, 4)),
    st.integers(1, 4),
)
def test_what_is_suggested_is_what_the_rules_say(
    made: list[tuple[str, list[str], list[str]]],
    typed: list[str],
    solved: list[tuple[str, int]],
    hidden: set[int],
    limit: int,
) -> None:
    documents = [
        article(f"n{n}", title, *headings, answers=answers,
                audience="staff" if n in hidden else "public")
        for n, (title, answers, headings) in enumerate(made)
    ]  # fmt: skip
    queries = [(text, f"n{n}") for text, n in solved]  # some of an article that is gone
    readable = {document.id for document in documents if document.audience == "public"}
    found = suggest(documents, " ".join(typed), limit=limit, queries=queries)
    wanted = plainly(documents, typed, queries, readable, limit)
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


def test_one_for_each_article_and_each_text() -> None:
    documents = [
        article("a", "Set up mail", "Set up the phone", "Before you begin"),
        article("b", "Set up mail!", "Before you begin"),
        article("c", "SET UP MAIL", "Before you begin"),
    ]
    found = suggest(documents, "set up")
    assert [(one.text, one.id) for one in found] == [
        ("SET UP MAIL", "c"),
        ("Set up the phone", "a"),
    ]
    assert [one.id for one in suggest(documents, "before")] == ["a"]
    assert suggest(documents, "before")[0].anchor == "s1"


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


def test_solved_queries_come_after_what_articles_say_themselves() -> None:
    queries = [("printer jams all the time", "jam"), ("print", "offline"), ("printr", "pointer")]
    documents = [*PRINTERS, article("jam", "Paper is stuck")]
    found = suggest(documents, "print", queries=queries)
    assert [(one.id, one.source) for one in found] == [
        ("offline", OfferSource.TITLE),
        ("add", OfferSource.TITLE),
        ("pointer", OfferSource.QUERY),
        ("jam", OfferSource.QUERY),
    ]


def test_a_query_that_two_articles_solved_is_open_to_who_may_read_one() -> None:
    documents = [article("open", "Wipe a disk"), article("shut", "Wipe", audience="staff")]
    queries = [("sell my laptop", "shut"), ("sell my laptop", "open")]
    [found] = suggest(documents, "sell", queries=queries)
    assert found == Suggestion("sell my laptop", "open", "", OfferSource.QUERY)


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


def test_the_same_articles_give_the_same_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, PRINTERS)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
