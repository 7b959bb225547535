"""A build that carries articles over answers as one that reads them all anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search.engine import Engine
from search.index import building, keyword
from search.index.building import Journal
from search.index.generation import build
from search.semantic import vectors
from search.types import Document, Query, Section

WORDS = ("mail", "print", "vpn", "reset", "password", "ORA-12541", "wi-fi", "the", "my")
QUERIES = (
    "print mail",
    "reset my password",
    "ORA 12541",
    "wifi",
    '"the vpn"',
    "title:mail",
    "vpnn",
)
TEXT = st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).map(" ".join)
CORPUS = st.dictionaries(
    st.sampled_from([f"a{i}" for i in range(8)]),
    st.tuples(TEXT, TEXT, st.sampled_from(["en", "es"]), st.sampled_from(["public", "staff"])),
    max_size=8,
)


def documents(corpus: dict[str, tuple[str, str, str, str]]) -> list[Document]:
    return [
        Document(
            name,
            title,
            (Section("", (), text), Section("more", ("More",), f"{text}. {title}.")),
            language=language,
            audience=audience,
        )
        for name, (title, text, language, audience) in sorted(corpus.items())
    ]


def answers(root: Path, encoder: object) -> list[object]:
    engine = Engine(root, encoder_loader=lambda: encoder)  # type: ignore[arg-type,return-value]
    rows = []
    for text in QUERIES:
        for audiences in (frozenset({"public"}), frozenset({"public", "staff"})):
            results = engine.search(Query(text, audiences=audiences))
            found = {hit.id: (round(hit.score, 5), hit.anchor, hit.snippet) for hit in results.hits}
            rows.append((text, results.total, found, results.corrected, results.facets))
    return rows


@pytest.mark.parametrize("graph", [False, True])
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(corpora=st.lists(CORPUS, min_size=2, max_size=5))
def test_carried_over_is_as_good_as_new(  # type: ignore[no-untyped-def]
    tmp_path: Path, encoder, monkeypatch: pytest.MonkeyPatch, graph: bool, corpora
) -> None:
    monkeypatch.setattr(building, "MOST_CHANGED", 1.0)
    monkeypatch.setattr(keyword, "MOST_SEGMENTS", 2)
    monkeypatch.setattr(vectors, "EXACT_UP_TO", 0 if graph else 10_000)
    folder = tmp_path / str(len(list(tmp_path.iterdir())))
    for corpus in corpora:
        build(documents(corpus), folder / "carried", encoder=encoder)
    build(documents(corpora[-1]), folder / "new", encoder=encoder)
    assert answers(folder / "carried", encoder) == answers(folder / "new", encoder)


def test_only_what_changed_is_written_to_whoosh(tmp_path: Path) -> None:
    corpus = {f"a{i}": ("mail", f"print {i}", "en", "public") for i in range(20)}
    first = build(documents(corpus), tmp_path)
    corpus["a3"] = ("vpn", "changed", "en", "public")
    second = build(documents(corpus), tmp_path)
    held = {path.name for path in (first.path / "whoosh").glob("*.seg")}
    assert held < {path.name for path in (second.path / "whoosh").glob("*.seg")}
    assert keyword.extendable(second.path / "whoosh", ["en"])
    assert not keyword.extendable(second.path / "whoosh", ["en", "fr"])


def test_pieces_of_many_changes_become_one_and_the_great_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = {f"a{i}": ("mail", f"print {i}", "en", "public") for i in range(80)}
    first = build(documents(corpus), tmp_path)
    [great] = (path.name for path in (first.path / "whoosh").glob("*.seg"))
    monkeypatch.setattr(keyword, "MOST_SEGMENTS", 4)
    read: list[str] = []
    analysed = keyword.analysed
    monkeypatch.setattr(keyword, "analysed", lambda d, p: read.append(d.id) or analysed(d, p))
    for number in range(12):
        name = f"a{number % 4}"
        corpus[name] = ("vpn", f"saved {number}", "en", "public")
        last = build(documents(corpus), tmp_path)
        held = {path.name for path in (last.path / "whoosh").glob("*.seg")}
        assert great in held
        assert len(held) <= keyword.MOST_SEGMENTS
    assert len(read) == 12  # none but the changed ones
    build(documents(corpus), tmp_path / "new")
    for text in ('"saved 9"', '"saved 7"', "title:vpn saved", '"print 40"'):
        assert _found(tmp_path, text) == _found(tmp_path / "new", text)


def _found(root: Path, text: str) -> dict[str, float]:
    hits = Engine(root).search(Query(text, audiences=frozenset({"public"}), limit=50)).hits
    return {hit.id: round(hit.score, 5) for hit in hits}


def test_a_build_goes_on_where_a_killed_one_stopped(  # type: ignore[no-untyped-def]
    tmp_path: Path, encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal holds finished batches, and what a torn write left in it is not believed."""
    monkeypatch.setattr("search.index.building.BATCH", 4)
    corpus = documents({f"a{i}": (f"mail {i}", f"print {i}", "en", "public") for i in range(8)})
    asked: list[str] = []

    class Stopped(BaseException):
        pass

    class Stopping(type(encoder)):  # type: ignore[misc]
        def encode_documents(self, texts, *more):  # type: ignore[no-untyped-def]
            asked.extend(texts)
            if len(asked) > left:
                raise Stopped
            return super().encode_documents(texts, *more)

    left = 13
    with pytest.raises(Stopped):
        build(corpus, tmp_path, encoder=Stopping())
    [path] = tmp_path.glob("encoding-*.part")
    path.write_bytes(path.read_bytes()[:-3])
    kept = Journal(tmp_path, encoder.fingerprint).read()
    before, left = set(asked[1:13]), 10_000
    assert len(kept) == 11
    asked.clear()
    build(corpus, tmp_path, encoder=Stopping())
    assert len(before & set(asked)) == 1
    assert not list(tmp_path.glob("encoding-*.part"))
    assert answers(tmp_path, encoder)
