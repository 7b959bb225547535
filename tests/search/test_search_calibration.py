"""Answerability: a probability that grows with the evidence, fitted to a corpus by itself."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.engine import Engine
from search.evaluation.measures import brier, calibration_error, reliability
from search.index.generation import build
from search.ranking import calibration
from search.ranking.calibration import calibrate, elsewhere
from search.ranking.confidence import (
    CERTAIN,
    PRIOR,
    Calibration,
    Evidence,
    calibration_of,
    confidence,
)
from search.semantic.encoder import Encoder
from search.types import Document, Query, Section

TOPICS: Mapping[str, tuple[str, str]] = {
    "Reset a forgotten password": ("Open the sign-in page. Choose Forgot password there.", "pw"),
    "Connect to the VPN from home": ("Start the tunnel client. Enter the gateway name.", "vpn"),
    "Print on both sides": ("Open the print dialog. Choose duplex under layout.", "print"),
    "Book a meeting room": ("Open the calendar. Pick a free room for the hour.", "room"),
    "Order a new laptop": ("Fill in the hardware form. Your manager approves it.", "laptop"),
    "Claim travel expenses": ("Keep the receipts. Upload them to the expense tool.", "travel"),
}


def article(name: str, title: str, text: str) -> Document:
    return Document(id=name, title=title, sections=(Section("", (), text),))


CORPUS = tuple(article(name, title, text) for title, (text, name) in TOPICS.items())
MANY = tuple(
    article(f"{name}-{place}", f"{title} in {place}", f"{text} So it is done at the {place} site.")
    for title, (text, name) in TOPICS.items()
    for place in ("lisbon", "oslo", "lima", "kyoto")
)


SHARE = st.floats(0, 1)
EVIDENCE = st.builds(
    Evidence,
    nearest=SHARE,
    margin=SHARE,
    coverage=SHARE,
    support=SHARE,
    spoken=SHARE,
    absent=SHARE,
    unnamed=st.booleans(),
    agreed=st.booleans(),
    exact=st.booleans(),
    title=st.booleans(),
)
CALIBRATION = st.builds(
    Calibration,
    meaning=st.tuples(st.floats(-90, 90), *[st.floats(0, 90)] * 5),
    words=st.tuples(st.floats(-90, 90), *[st.floats(0, 90)] * 2),
)


@given(EVIDENCE, CALIBRATION, st.booleans())
def test_it_is_a_probability(evidence: Evidence, fitted: Calibration, meaning: bool) -> None:
    assert 0 <= confidence(evidence, fitted, meaning=meaning) <= 1


@given(EVIDENCE, SHARE, st.booleans())
@pytest.mark.parametrize("name", ["nearest", "margin", "support", "coverage"])
def test_more_evidence_never_lowers_it(
    name: str, evidence: Evidence, share: float, meaning: bool
) -> None:
    more = replace(evidence, **{name: max(share, getattr(evidence, name))})
    assert confidence(more, meaning=meaning) >= confidence(evidence, meaning=meaning)


def test_a_title_and_a_code_held_with_every_word_leave_no_doubt() -> None:
    bare = Evidence(nearest=0.1, margin=0, coverage=1.0, agreed=False)
    assert confidence(replace(bare, title=True)) >= CERTAIN
    assert confidence(replace(bare, exact=True)) >= CERTAIN
    assert confidence(replace(bare, exact=True, coverage=0.4)) < 0.5


def test_what_the_manifest_keeps_reads_back() -> None:
    assert calibration_of(json.loads(json.dumps(asdict(PRIOR)))) == PRIOR
    assert calibration_of({**asdict(PRIOR), "version": -1, "floor": 0.1}) == PRIOR


def test_the_corpus_is_fitted_alike_each_time_and_in_order(
    tmp_path: Path, encoder: Encoder
) -> None:
    generation = build(MANY, tmp_path, encoder=encoder)
    found = calibrate(generation, encoder)
    assert found == calibrate(generation, encoder) == generation.calibration
    assert all(coefficient > 0 for coefficient in found.meaning[1:])
    assert found.answerable > 5
    assert found.unanswerable > len(elsewhere()) // 4
    assert 0.3 <= found.floor <= 0.6


@pytest.mark.parametrize("documents", [(), CORPUS[:1], CORPUS[:3]])
def test_a_tiny_corpus_stays_near_the_prior(
    documents: tuple[Document, ...], tmp_path: Path, encoder: Encoder
) -> None:
    found = build(documents, tmp_path, encoder=encoder).calibration
    assert all(math.isfinite(c) for c in found.meaning)
    for known, fitted in zip(PRIOR.meaning[1:], found.meaning[1:], strict=True):
        assert 0 < fitted < 3 * known


def test_a_fit_serves_until_the_articles_are_others(tmp_path: Path, encoder: Encoder) -> None:
    first = build(MANY, tmp_path, encoder=encoder).calibration
    assert build(MANY[1:], tmp_path, encoder=encoder).calibration == first
    assert build(MANY[:20], tmp_path, encoder=encoder).calibration.articles == 20


def test_words_alone_are_fitted_without_a_model(tmp_path: Path) -> None:
    found = build(MANY, tmp_path).calibration
    assert found.meaning == PRIOR.meaning
    assert found.words != PRIOR.words
    assert found.words[1] > 0


@pytest.mark.model
def test_the_real_model_tells_what_the_corpus_lacks(tmp_path: Path, cache: Path) -> None:
    from search.semantic.runtime import open_runtime

    real = open_runtime(cache)
    build(CORPUS, tmp_path, encoder=real)
    engine = Engine(tmp_path, encoder_loader=lambda: real)
    inside = ["I cannot remember my password", "reserve a conference room", "need another notebook"]
    outside = ["how do bees make honey", "who won the chess title", "best soil for roses"]
    sure = [engine.search(Query(text)).confidence for text in inside]
    unsure = [engine.search(Query(text)).confidence for text in outside]
    assert min(sure) > max(unsure)
    assert not any(engine.search(Query(text)).answerable for text in outside)


def test_the_regression_finds_the_odds_and_keeps_the_prior() -> None:
    rows = np.array([[0.0]] * 4 + [[1.0]] * 4)
    labels = np.array([0, 0, 0, 1, 0, 1, 1, 1.0])
    loose = np.full(2, 1e-9)
    found = calibration.fit(rows, labels, weights=np.ones(8), prior=np.zeros(2), precision=loose)
    assert found == pytest.approx([-math.log(3), 2 * math.log(3)], abs=1e-5)
    prior = np.array([1.0, 2.0])
    tight = np.full(2, 1e9)
    kept = calibration.fit(rows, labels, weights=np.ones(8), prior=prior, precision=tight)
    assert kept == pytest.approx(prior, abs=1e-6)


def test_measures_of_calibration_worked_by_hand() -> None:
    said, truth = [0.9, 0.9, 0.1, 0.1], [True, False, False, False]
    assert brier(said, truth) == pytest.approx((0.01 + 0.81 + 0.01 + 0.01) / 4)
    assert calibration_error(said, truth) == pytest.approx((0.4 * 2 + 0.1 * 2) / 4)
    assert [one.observed for one in reliability(said, truth)] == [0.0, 0.5]
    assert calibration_error([1.0], [True], weights=[2.0]) == 0
    assert brier([], []) is None
    assert calibration_error([], []) is None


def test_a_trial_is_as_sure_as_what_it_is_compared_with(
    tmp_path: Path, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though by an older recipe; where that had no vectors and this has some, it is fitted."""
    stages: set[str] = set()

    def told(stage: str, _done: int, _total: int) -> None:
        stages.add(stage)

    live = build(MANY, tmp_path / "live", encoder=encoder)
    words = build(MANY, tmp_path / "words")
    monkeypatch.setattr("search.index.building.recipe", lambda: "another")
    tried = build(MANY, tmp_path / "trial", encoder=encoder, sure_as=live, progress=told)
    assert tried.manifest.calibration == live.manifest.calibration
    assert tried.manifest.floor == live.manifest.floor
    assert "index" in stages
    assert "calibrate" not in stages
    build(MANY, tmp_path / "fitted", encoder=encoder, sure_as=words, progress=told)
    assert "calibrate" in stages
