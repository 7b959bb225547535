"""Does the diagnosis name the cause? A constructed set of failed searches with known causes.

    python -m benchmarks.diagnosing [SET.tsv]

The shipped articles are published with some of them made staff-only, drafts, expired or overdue
(CHANGED), so that each search of the set has one true cause; the set also says what people did
afterwards. Prints a table of true against found causes, and the misses.
"""

from __future__ import annotations

import csv
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kb.config.settings import Settings, load
from kb.gaps.diagnosis import diagnose
from kb.gaps.diagnosis_jobs import Investigation, QueryWording
from kb.gaps.model import AfterFailure, Diagnosis, RootCause
from kb.gaps.unpublished import open_unpublished, quiet_engine
from kb.publishing.live_library import LiveLibrary
from kb.publishing.publisher import open_encoder, publish
from search.semantic.encoder import silent

ROOT = Path(__file__).resolve().parents[1]
SET = Path(__file__).with_name("diagnosing.tsv")
NOW = datetime(2026, 11, 1, tzinfo=UTC)
# Changes to articles' front matter, by path below articles/.
CHANGED = {
    "storage/map-a-shared-drive": {"audience": "staff"},
    "security/isolate-an-infected-computer": {"audience": "staff"},
    "laptops/repair-broken-packages-on-ubuntu": {"audience": "staff"},
    "people/verify-a-callers-identity": {"audience": "staff"},
    "software/request-software": {"audience": "signed-in"},
    "people/return-equipment-when-leaving": {"audience": "signed-in"},
    "accessibility/use-a-screen-reader": {"status": "draft"},
    "meetings/share-your-screen-on-a-mac": {"status": "draft"},
    "calendar/book-a-meeting-room": {"expires_at": "2026-06-01"},
    "security/found-a-usb-stick": {"publish_at": "2027-06-01"},
    "wifi/give-a-visitor-guest-wi-fi": {"status": "draft"},
    "accounts/choose-a-strong-password": {"review_by": "2026-01-01"},
}


@dataclass(frozen=True, slots=True)
class Case:
    """One failed search with its true cause and what the person did afterwards."""

    cause: RootCause
    asked: QueryWording


def cases(file: Path = SET) -> list[Case]:
    """Return the cases of a set."""
    with file.open(encoding="utf-8", newline="") as lines:
        return [_case(row) for row in csv.DictReader(lines, delimiter="\t")]


def _case(row: dict[str, str | None]) -> Case:
    refuted = dict(pair.partition("=")[::2] for pair in (row["refuted"] or "").split(",") if pair)
    after = AfterFailure(row["found"] or "", row["how"] or "", row["later"] or "", refuted)
    return Case(
        RootCause(row["cause"]),
        QueryWording(row["words"] or "", language=row["language"] or "", aftermath=after),
    )


@contextmanager
def looking(model: Path, index: Path | None = None) -> Iterator[Investigation]:
    """Yield an investigation over the changed articles; `model` is the folder of the light runtime,
    and `index` a folder of generations whose vectors are reused.
    """
    with tempfile.TemporaryDirectory() as place:
        articles, data = Path(place) / "articles", Path(place) / "data"
        shutil.copytree(ROOT / "articles", articles)
        data.mkdir()
        (data / "model").symlink_to(model)
        if index:
            shutil.copytree(index, data / "index")
        for path, changes in CHANGED.items():
            _change(articles / f"{path}.md", changes)
        yield look_at(load({}, articles=articles, data=data))


def _change(file: Path, changes: dict[str, str]) -> None:
    text = file.read_text(encoding="utf-8")
    for name, value in changes.items():
        text = re.sub(rf"^{name}:.*\n", "", text, flags=re.MULTILINE)
        text = text.replace("---\n", f"---\n{name}: {value}\n", 1)
    file.write_text(text, encoding="utf-8")


def look_at(settings: Settings) -> Investigation:
    """Publish the articles and return an investigation over them."""
    publish(settings, progress=silent, now=NOW)
    encoder = open_encoder(settings)
    engine = quiet_engine(settings.generations, encoder)
    library = LiveLibrary(engine)()
    beyond = open_unpublished(settings.data / "beyond", engine.generation, library, lambda: encoder)
    return Investigation(engine, beyond, library, NOW.date())


def judged(some: list[Case], look: Investigation) -> list[tuple[Case, Diagnosis]]:
    """Return each case with its diagnosis."""
    return [(case, diagnose(look.facts(case.asked))) for case in some]


def show(found: list[tuple[Case, Diagnosis]], say: Callable[[str], None] = print) -> float:
    """Print true (rows) against found causes (columns); return the share that is right."""
    table = Counter((case.cause, diagnosis.cause) for case, diagnosis in found)
    say("true \\ found".ljust(16) + "".join(f"{each.value[:9]:>10}" for each in RootCause))
    for true in RootCause:
        say(true.value.ljust(16) + "".join(f"{table[true, each] or '.':>10}" for each in RootCause))
    right = sum(count for (true, each), count in table.items() if true is each)
    say(f"right: {right} of {len(found)} ({right / len(found):.1%})")
    return right / len(found)


def main() -> None:
    """Print the table and the misses."""
    cache = Path(tempfile.gettempdir()) / "tier-zero-benchmark-model"
    cache.mkdir(exist_ok=True)
    with looking(cache) as look:
        found = judged(cases(Path(sys.argv[1]) if len(sys.argv) > 1 else SET), look)
    show(found)
    for case, diagnosis in found:
        if case.cause is not diagnosis.cause:
            told = f"{case.cause.value} -> {diagnosis.cause.value} ({diagnosis.article})"
            print(f"  {case.asked.words!r}: {told} {dict(diagnosis.evidence)}")


if __name__ == "__main__":
    main()
