"""`python -m benchmarks.answerability DIR...`: where `search.ranking.confidence.PRIOR` comes from.

Over judged sets: queries whose answers stay in the corpus or are taken out (three articles in ten)
and questions from the other sets. Prints, for each set, AUROC, Brier score and expected calibration
error of a prior fitted on the other sets, of that prior drawn to the set's own made queries, and
last the prior of all sets, ready to be copied. Stated: OUTSIDE of the queries have no answer.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

import numpy as np
import numpy.typing as npt

from search.evaluate import _default_cache, index_of
from search.evaluation.judged import JudgedQuery, JudgedSet, read_set
from search.evaluation.measures import auroc, brier, calibration_error
from search.index.generation import open_current
from search.index.opened import Generation
from search.ranking import calibration
from search.ranking.calibration import LabelledEvidence, judged, weights_of
from search.ranking.conditions import constraints
from search.ranking.confidence import PRIOR, Calibration, features
from search.ranking.hybrid import collect, rank, requests_for
from search.ranking.lanes import vectors_of
from search.semantic.encoder import Encoder
from search.semantic.runtime import open_runtime
from search.text.pasted import bounded
from search.types import Mode

Doubles = npt.NDArray[np.float64]
MOST = 600
FOREIGN = 60
PRIOR_PRECISION = 0.5


def _taken_out(name: str) -> bool:
    """Return whether an article is left out: three in ten, the parts of one thread together."""
    return zlib.crc32(name.split("-a")[0].encode()) % 10 < 3


def _row(
    generation: Generation, encoder: Encoder, text: str, *, without: set[str], answered: bool
) -> LabelledEvidence:
    text = bounded(text)
    asked = constraints(text)
    requests = requests_for(generation, asked)
    allowed = np.array([document.id not in without for document in generation.documents])
    vectors = vectors_of(generation, encoder, text)
    signals = collect(
        generation, asked, requests=requests, vectors=lambda: vectors, allowed=allowed
    )
    hybrid, words = (rank(generation, signals, mode=m).evidence for m in _MODES)
    return LabelledEvidence(hybrid, words, answered, 0)


_MODES = (Mode.HYBRID, Mode.KEYWORD)


def rows_of(
    held: JudgedSet, generation: Generation, encoder: Encoder, foreign: Sequence[JudgedQuery]
) -> list[LabelledEvidence]:
    """Return the evidence for the set's queries, each with whether the corpus answers it."""
    order = np.random.default_rng(0).permutation(len(held.queries))
    inside = [held.queries[i] for i in order if held.queries[i].relevant][:MOST]
    out = {document.id for document in held.documents if _taken_out(document.id)}
    rows = []
    for asked in inside:
        without = out | asked.ignored
        there = bool(set(asked.relevant) - without)
        rows.append(_row(generation, encoder, asked.text, without=without, answered=there))
    judged_out = [asked for asked in held.queries if asked.in_scope is False]
    for asked in judged_out or foreign:
        row = _row(generation, encoder, asked.text, without=set(), answered=False)
        rows.append(LabelledEvidence(row.hybrid, row.words, answered=False, group=-1, generic=True))
    return rows


def arrays(rows: Sequence[LabelledEvidence], *, meaning: bool) -> tuple[Doubles, Doubles, Doubles]:
    """Return features (n, k), labels (n,) and weights (n,) that sum to 1."""
    given = np.array([features(r.hybrid if meaning else r.words, meaning=meaning) for r in rows])
    labels = np.array([row.answered for row in rows], np.float64)
    weights = weights_of(rows)
    return given, labels, weights / weights.sum()


def prior_of(sets: Sequence[Sequence[LabelledEvidence]], *, meaning: bool) -> tuple[float, ...]:
    """Return coefficients fitted on several sets, each of equal weight."""
    parts = [arrays(rows, meaning=meaning) for rows in sets]
    given, labels, weights = (np.concatenate(column) for column in zip(*parts, strict=True))
    size = given.shape[1] + 1
    found = calibration.fit(
        given,
        labels,
        weights=weights * 500,
        prior=np.zeros(size),
        precision=np.r_[1e-3, np.full(size - 1, PRIOR_PRECISION)],
    )
    return tuple(round(float(c), 2) for c in found)


def line(
    name: str, rows: Sequence[LabelledEvidence], coefficients: Sequence[float], *, meaning: bool
) -> str:
    """Return the measures of coefficients on a set; near: only answers taken out."""
    given, labels, weights = arrays(rows, meaning=meaning)
    sure = calibration.probabilities(given, np.array(coefficients))
    kinds, far = labels == 1, np.array([row.generic for row in rows])
    yes = sure[kinds].tolist()
    cells = (
        auroc(yes, sure[~kinds & ~far].tolist()),
        auroc(yes, sure[far].tolist()),
        brier(sure.tolist(), kinds.tolist(), weights=weights.tolist()),
        calibration_error(sure.tolist(), kinds.tolist(), weights=weights.tolist()),
    )
    return f"{name:34}" + "".join(f"{'-' if c is None else f'{c:.3f}':>9}" for c in cells)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.answerability", description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", metavar="DIR")
    parser.add_argument("--cache", type=Path, default=_default_cache())
    given = parser.parse_args(arguments)
    sets = {folder.name: read_set(folder) for folder in given.folders}
    real, made = {}, {}
    for name, held in sets.items():
        generation = open_current(index_of(held, given.cache))
        encoder = open_runtime(given.cache)
        real[name] = rows_of(held, generation, encoder, _foreign(sets, name))
        made[name] = judged(generation, encoder)
        print(name, len(real[name]), len(made[name]), file=sys.stderr, flush=True)
    report(real, made)
    return 0


def _foreign(sets: dict[str, JudgedSet], name: str) -> list[JudgedQuery]:
    chance = np.random.default_rng(1)
    rows = []
    for other, held in sets.items():
        if other.split("_")[1] != name.split("_")[1]:
            picked = chance.permutation(len(held.queries))[:FOREIGN]
            rows += [held.queries[i] for i in picked if held.queries[i].relevant]
    return rows


def report(
    real: dict[str, list[LabelledEvidence]], made: dict[str, list[LabelledEvidence]]
) -> None:
    """Print the table and the prior."""
    print(f"{'set':34}{'near':>9}{'far':>9}{'brier':>9}{'ece':>9}")
    for meaning in (True, False):
        for name, rows in real.items():
            others = [held for other, held in real.items() if other != name]
            prior = prior_of(others, meaning=meaning)
            print(line(f"{name} prior", rows, prior, meaning=meaning))
            start = Calibration(*((prior, PRIOR.words) if meaning else (PRIOR.meaning, prior)))
            with mock.patch.object(calibration, "PRIOR", start):
                own, _, _ = calibration._fitted(made[name], meaning=meaning)
            print(line(f"{name} fitted", rows, own, meaning=meaning))
        print("prior", prior_of(list(real.values()), meaning=meaning))


if __name__ == "__main__":
    sys.exit(main())
