"""What `kb check` finds and how long it takes: `python -m benchmarks.checking FOLDER`.

Prints the share of 200 seeded faults that are found (`benchmarks.faults`, a fixed seed), in the
right file and, where the fault has one, at the right line; the findings about the folder as it is;
and the seconds of the whole command over 1,000 articles, cold, again with nothing changed, and with
one article changed. No model is used.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.faults import KINDS, Corpus, Fault, multiplied, seeded

FAULTS, ARTICLES = 200, 1000
ROOT = Path(__file__).resolve().parents[1]
Report = dict[str, Any]


def main() -> int:
    """Print the figures for the folder named on the command line; return 1 when too few faults are
    found.
    """
    folder = Path(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="checking-") as place:
        plain, _ = checked(folder, Path(place) / "plain")
        print(f"{plain['articles']} articles as they are: {plain['counts']}")
        share = _faults(folder, Path(place))
        _speed(folder, Path(place))
    return 0 if share >= 0.95 else 1


def checked(articles: Path, data: Path) -> tuple[Report, str]:
    """Return the report of `kb check --format json` on a folder, and the time that it took."""
    environ = {**os.environ, "KB_ARTICLES": str(articles), "KB_DATA": str(data)}
    environ["PYTHONPATH"] = str(ROOT)
    began, before = time.perf_counter(), _processor()
    done = subprocess.run(
        [sys.executable, "-m", "kb.cli", "check", "--format", "json"],
        env=environ, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    took = f"{time.perf_counter() - began:.1f} s ({_processor() - before:.1f} s of processors)"
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout), took


def _processor() -> float:
    """Return the processor seconds of ended child processes, which other load does not change."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _faults(folder: Path, place: Path) -> float:
    corpus, faults = seeded(folder, FAULTS)
    sound = multiplied(folder, 3)
    sound.write(place / "sound")
    corpus.write(place / "faulty")
    before, _ = checked(place / "sound", place / "sound-data")
    report, _ = checked(place / "faulty", place / "faulty-data")
    missed = [fault for fault in faults if not found(fault, report, corpus, place / "faulty")]
    share = 1 - len(missed) / len(faults)
    print(f"{len(faults)} faults of {len(KINDS)} kinds in {report['articles']} articles: "
          f"{len(faults) - len(missed)} found ({share:.1%}); without them "
          f"{before['counts']}")  # fmt: skip
    for name, count in Counter(fault.kind for fault in missed).items():
        print(f"  missed {count} of {name}: {next(f.path for f in missed if f.kind == name)}")
    return share


def found(fault: Fault, report: Report, corpus: Corpus, folder: Path) -> bool:
    """Return whether a finding with one of the fault's codes names its file and its line."""
    prefix = f"{os.path.relpath(folder.resolve(), ROOT)}/"
    lines = [
        n for n, line in enumerate(corpus.text(fault.path).split("\n"), 1) if fault.mark in line
    ]
    return any(
        each["code"] in fault.codes
        and (
            (each["path"] == prefix + fault.path and (not fault.mark or each["line"] in lines))
            # A pair is reported once, at one of the two, with the other's name.
            or f" {fault.path} " in each["message"].replace(".md.", ".md ")
        )
        for each in report["findings"]
    )


def _speed(folder: Path, place: Path) -> None:
    copies = -(-ARTICLES // len(Corpus(folder).articles()))
    corpus = multiplied(folder, copies)
    for path in corpus.articles()[ARTICLES:]:
        del corpus.files[path]
    corpus.write(place / "many")
    report, cold = checked(place / "many", place / "data")
    _, warm = checked(place / "many", place / "data")
    changed = place / "many" / corpus.articles()[0]
    changed.write_text(changed.read_text() + "\nOne more line.\n")
    _, one = checked(place / "many", place / "data")
    print(f"{report['articles']} articles: {cold} the first time, {warm} again,")
    print(f"{one} with one article changed (whole command, {os.cpu_count()} cores)")


if __name__ == "__main__":
    sys.exit(main())
