"""A person asks: what they may not see is dropped, and the search is on record."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kb.accounts.roles import Role, Viewer
from kb.database import Database
from kb.searches.activity import ActivityRecorder
from kb.searches.service import SearchService
from kb.tickets.journey import journey
from kb.tracking import store as tracking_store
from kb.tracking.events import EventKind
from kb.tracking.query_text import bounded, words_key
from kb.tracking.recorder import Recorder
from search.types import Hit, Mode, Query, Results


class Index:
    """An engine over a fixed list that trusts nobody: it returns whatever it holds."""

    def __init__(self, *slugs: str) -> None:
        self.slugs = slugs
        self.asked: list[Query] = []

    def search(self, query: Query) -> Results:
        self.asked.append(query)
        hits = tuple(Hit(slug, 1.0 - n / 10) for n, slug in enumerate(self.slugs))
        timings = {"total": 4.2}
        return Results(query, hits, 9, Mode.HYBRID, answerable=True, timings_ms=timings)


def ask(
    recorder: Recorder, shelf: Any, viewer: Viewer, words: str, now: datetime, **more: Any
) -> Any:
    surface = more.pop("surface", "page")
    asker = SearchService(more.pop("index", Index("vpn", "wifi")), lambda: shelf, recorder)
    return asker.ask(viewer, Query(words, **more), surface=surface, now=now)


def written(recorder: Recorder) -> Database:
    """Return the record with what waited in it."""
    recorder.flush()
    return recorder.db


def test_hits_gone_draft_or_for_others_are_dropped_and_not_counted(
    recorder: Recorder, shelf: Any, reader: Viewer, noon: datetime
) -> None:
    index = Index("vpn", "gone", "draft", "staff")
    answer = ask(recorder, shelf, reader, "vpn", noon, index=index)
    assert [article.slug for _, article in answer.hits] == ["vpn"]
    assert [hit.id for hit in answer.results.hits] == ["vpn"]
    assert answer.results.total == 6
    agent = Viewer("agent", role=Role.AGENT, user_id="u", left_out="staff")
    seen = ask(recorder, shelf, agent, "vpn", noon, index=index)
    assert [article.slug for _, article in seen.hits] == ["vpn", "staff"]


def test_nothing_left_answers_nothing(
    recorder: Recorder, shelf: Any, reader: Viewer, noon: datetime
) -> None:
    answer = ask(recorder, shelf, reader, "x", noon, index=Index("draft"))
    assert not answer.results.answerable


def test_a_query_cannot_widen_what_its_viewer_may_read(
    recorder: Recorder, shelf: Any, reader: Viewer, noon: datetime
) -> None:
    index = Index()
    ask(recorder, shelf, reader, "x", noon, index=index, audiences=frozenset({"staff"}))
    assert index.asked[0].audiences == {"public"}


def test_the_search_on_record_has_redacted_words_and_its_facts(
    recorder: Recorder, shelf: Any, noon: datetime
) -> None:
    viewer = Viewer("v", role=Role.READER, user_id="u1")
    answer = ask(recorder, shelf, viewer, "vpn for ana@x.org\0", noon, prefer_language="es")
    (event,) = tracking_store.of_search(written(recorder), answer.search_id)
    assert answer.recorded
    assert (event.kind, event.words, event.user_id) == (EventKind.SEARCH, "vpn for [email]", "u1")
    assert event.words_key == words_key("vpn for [email]")
    assert event.data == {
        "language": "es", "mode": "hybrid", "degraded": "", "surface": "page", "total": 9,
        "hits": [["vpn", 1.0], ["wifi", 0.9]], "confidence": 0.0, "answerable": True, "ms": 4.2,
        "commit": "", "searched_for": "", "suggestion": "", "page": 1,
        "filters": {"languages": [], "collections": []}, "redacted": {"email": 1},
        "device": "", "collection": "",
    }  # fmt: skip


def test_a_filter_is_kept_only_when_some_article_has_it(
    recorder: Recorder, shelf: Any, reader: Viewer, noon: datetime
) -> None:
    asked = {"languages": frozenset({"en", "hunter2"}), "collections": frozenset({"my pin 4821"})}
    answer = ask(recorder, shelf, reader, "vpn", noon, **asked)
    (event,) = tracking_store.of_search(written(recorder), answer.search_id)
    assert event.data["filters"] == {"languages": ["en"], "collections": []}
    assert event.data["language"] == "en"
    assert "redacted" not in event.data


def test_turning_pages_is_one_search(
    recorder: Recorder, shelf: Any, reader: Viewer, noon: datetime
) -> None:
    first = ask(recorder, shelf, reader, "VPN", noon)
    second = ask(recorder, shelf, reader, "vpn!", noon + timedelta(minutes=1), offset=10)
    other = ask(recorder, shelf, reader, "wifi", noon + timedelta(minutes=2), offset=10)
    assert second.search_id == first.search_id != other.search_id
    assert len(tracking_store.of_visitor(written(recorder), reader.visitor, noon)) == 2


def test_a_search_is_answered_when_nothing_can_be_recorded(
    away: Database, tmp_path: Path, shelf: Any, reader: Viewer, noon: datetime
) -> None:
    (tmp_path / "file").write_text("")
    lost = Recorder(away, tmp_path / "file" / "spool")
    assert len(ask(lost, shelf, reader, "vpn", noon, offset=10).hits) == 2
    lost.flush()
    answer = ask(lost, shelf, reader, "vpn", noon, offset=10)
    assert len(answer.hits) == 2
    assert not answer.recorded


def test_an_unknown_surface_is_refused(
    recorder: Recorder, shelf: Any, reader: Viewer, noon: datetime
) -> None:
    with pytest.raises(ValueError, match="nowhere"):
        ask(recorder, shelf, reader, "vpn", noon, surface="nowhere")


def test_opening_from_ones_own_search_is_a_click_and_from_anothers_a_view(
    recorder: Recorder, record: ActivityRecorder, shelf: Any, reader: Viewer, noon: datetime
) -> None:
    found = ask(recorder, shelf, reader, "vpn", noon).search_id
    stranger = Viewer("stranger")
    assert record.opened(reader, "vpn", now=noon, search_id=found, rank=1) == found
    assert record.opened(stranger, "vpn", now=noon, search_id=found, rank=1) is None
    assert record.opened(reader, "staff", now=noon) is None
    kinds = [e.kind for e in tracking_store.of_visitor(written(recorder), reader.visitor, noon)]
    assert sorted(kinds) == [EventKind.CLICK, EventKind.SEARCH, EventKind.VIEW]
    (view,) = tracking_store.of_visitor(written(recorder), "stranger", noon)
    assert (view.kind, view.search_id) == (EventKind.VIEW, None)


def test_what_a_browser_sends_is_bounded_or_refused(
    recorder: Recorder, record: ActivityRecorder, reader: Viewer, noon: datetime
) -> None:
    assert not record.click(reader, None, "nowhere", rank=1, now=noon)
    assert not record.vote(reader, "draft", True, now=noon)
    assert not record.dwell(reader, "vpn", float("nan"), now=noon)
    assert not record.dwell(reader, "vpn", -1, now=noon)
    assert record.dwell(reader, "vpn", 1e9, now=noon, search_id="x' or 1=1 --")
    assert record.vote(reader, "vpn", False, reason="my password is hunter2 " * 99, now=noon)
    dwell, vote = tracking_store.of_visitor(written(recorder), reader.visitor, noon)
    assert (dwell.data["seconds"], dwell.search_id) == (3600.0, None)
    assert len(vote.data["reason"]) <= 500
    assert "hunter2" not in vote.data["reason"]


def test_a_form_opened_from_nowhere_is_still_a_form_opened(
    recorder: Recorder, record: ActivityRecorder, reader: Viewer, noon: datetime
) -> None:
    assert record.form_opened(reader, now=noon, slug="gone")
    (event,) = tracking_store.of_visitor(written(recorder), reader.visitor, noon)
    assert (event.kind, event.article) == (EventKind.FORM_OPENED, None)


def test_one_ticket_is_one_event(
    recorder: Recorder, record: ActivityRecorder, reader: Viewer, noon: datetime
) -> None:
    for _ in range(2):
        assert record.ticket_created(reader, 1001, "asked", now=noon, search_id=None)
    assert len(tracking_store.of_visitor(written(recorder), reader.visitor, noon)) == 1


def test_a_search_is_owned_by_its_browser_before_and_after_signing_in(
    recorder: Recorder, record: ActivityRecorder, shelf: Any, reader: Viewer, noon: datetime
) -> None:
    found = ask(recorder, shelf, reader, "vpn", noon).search_id
    account = Viewer("account", role=Role.READER, user_id="u")
    assert record.owned(account, found, now=noon) is None
    assert record.owned(account, found, now=noon, others=[reader.visitor]) == found
    assert record.owned(reader, "../../etc", now=noon) is None


def test_the_trail_tells_what_was_tried(
    recorder: Recorder, record: ActivityRecorder, shelf: Any, reader: Viewer, noon: datetime
) -> None:
    first = ask(recorder, shelf, reader, "vpn down", noon).search_id
    record.opened(reader, "vpn", now=noon + timedelta(seconds=2), search_id=first, rank=1)
    record.vote(reader, "vpn", False, now=noon + timedelta(seconds=30), search_id=first)
    later = noon + timedelta(minutes=2)
    ask(recorder, shelf, reader, "nothing like it", later, index=Index("gone"))
    told = journey(recorder, reader.visitor, first, now=later, library=lambda: shelf)
    assert [(s["words"], s["failure"]) for s in told["searches"]] == [
        ("vpn down", "voted_down"),
        ("nothing like it", "weak"),
    ]
    assert told["searches"][0]["top"][0] == {"slug": "vpn", "title": "Connect to the VPN"}
    assert told["articles"] == [
        {
            "slug": "vpn", "title": "Connect to the VPN", "seconds": 28.0,
            "vote": "unhelpful", "solved": False,
        }
    ]  # fmt: skip
    assert journey(recorder, "nobody", None, now=later)["searches"] == []


def test_a_trail_without_a_database_is_empty(
    away: Database, tmp_path: Path, noon: datetime
) -> None:
    told = journey(Recorder(away, tmp_path / "spool"), "v", "x", now=noon)
    assert (told["searches"], told["articles"]) == ([], [])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Wi-Fi roto", "wi fi  ROTO!"),
        ("contraseña", "CONTRASENA"),
        ("¿VPN?", "vpn"),
        ("ﬁle", "file"),
    ],
)
def test_the_same_words_have_one_key(one: str, other: str) -> None:
    assert words_key(one) == words_key(other)


def test_other_words_have_another_key() -> None:
    keys = {words_key(words) for words in ("a b", "b a", "ab", "???", "!!!", "हिंदी", "हदी")}
    assert len(keys) == 7


def test_bounded_text_is_what_every_database_takes() -> None:
    assert bounded("a\0b\ud800c\td\n" + "x" * 99, 8) == "abc d xx"


def test_viewer_marks_are_kept(
    recorder: Recorder, shelf: Any, reader: Viewer, noon: datetime
) -> None:
    robot = replace(reader, left_out="robot")
    answer = ask(recorder, shelf, robot, "vpn", noon)
    assert tracking_store.of_search(written(recorder), answer.search_id)[0].left_out == "robot"
