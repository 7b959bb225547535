"""How much redaction finds, and how much it hides needlessly: `python -m benchmarks.redaction`.

Reads tests/redaction/redaction_cases.tsv: searches and sentences of tickets in English and Spanish,
with secrets marked ⟦so⟧, split at random into two halves before any rule was tried on them. The
rules were tuned on one half. Prints by kind and language how many secrets are found, how many
harmless texts are changed, and the same for the queries of public sets when these are beside the
checkout. Returns 1 below 99 % found or above 2 % changed.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kb.redaction.redactor import Redactor, redactor

ROOT = Path(__file__).resolve().parents[1]
CASES = ROOT / "tests" / "redaction" / "redaction_cases.tsv"
DATA = ROOT.parent / "shared" / "data"
HALVES = ("tuned", "held")
HARMLESS = "none"
OWN = (r"\bEMP\d{5}\b", r"\bINC\d{7}\b")  # as a site would set redact_patterns
LEAST_FOUND, MOST_CHANGED = 0.99, 0.02
_MARKED = re.compile("⟦(.*?)⟧")


@dataclass(frozen=True, slots=True)
class Case:
    """One text: `secrets` must be hidden; a harmless one has none and must not change."""

    half: str
    language: str
    kind: str
    text: str
    secrets: tuple[str, ...]


def cases() -> tuple[Case, ...]:
    """Return the labelled set."""
    rows = [line.split("\t") for line in CASES.read_text(encoding="utf-8").splitlines()[1:]]
    return tuple(
        Case(half, language, kind, _MARKED.sub(r"\1", text), tuple(_MARKED.findall(text)))
        for half, language, kind, text in rows
    )


def failed(case: Case, redact: Redactor) -> bool:
    """Return whether a secret was kept, or a harmless text was changed."""
    stored = redact(case.text)
    if case.kind == HARMLESS:
        return stored != case.text
    return any(secret in stored for secret in case.secrets)


def failures(chosen: Iterable[Case]) -> tuple[list[Case], int]:
    """Return the cases that failed, and the number of all."""
    redact, chosen = redactor(OWN), list(chosen)
    return [case for case in chosen if failed(case, redact)], len(chosen)


def main() -> int:
    """Print the tables."""
    known, worst = cases(), 0
    print(f"{'kind':<10}{'language':<10}" + "".join(f"{half + ' half':>16}" for half in HALVES))
    for kind, language in sorted({(case.kind, case.language) for case in known}):
        cells = [_cell(known, half, kind=kind, language=language) for half in HALVES]
        label = "harmless" if kind == HARMLESS else kind
        print(f"{label:<10}{language:<10}" + "".join(f"{cell:>16}" for cell in cells))
    for half in HALVES:
        found, changed = shares(known, half)
        worst |= found < LEAST_FOUND or changed > MOST_CHANGED
        print(f"{half} half: found {found:.2%}, changed for nothing {changed:.2%}")
    for name in sorted(file.parent.name for file in DATA.glob("*/queries.jsonl")):
        _queries(name)
    return int(worst)


def shares(known: Iterable[Case], half: str) -> tuple[float, float]:
    """Return the share of texts whose secrets are all found, and of harmless texts changed."""
    known = [case for case in known if case.half == half]
    missed, secret = failures(case for case in known if case.kind != HARMLESS)
    changed, harmless = failures(case for case in known if case.kind == HARMLESS)
    return 1 - len(missed) / secret, len(changed) / harmless


def _cell(known: Iterable[Case], half: str, *, kind: str, language: str) -> str:
    bad, count = failures(
        case for case in known if (case.half, case.kind, case.language) == (half, kind, language)
    )
    return f"{len(bad)} of {count}" if kind == HARMLESS else f"{count - len(bad)} of {count}"


def _queries(name: str) -> None:
    """Print how many queries of a set are changed, and the first few of them."""
    lines = (DATA / name / "queries.jsonl").read_text(encoding="utf-8").splitlines()
    texts = list(dict.fromkeys(json.loads(line)["text"] for line in lines))
    redact, rules = redactor(()), Counter[str]()
    changed = [text for text in texts if redact(text) != text]
    rules.update(each.rule for text in changed for each in redact.explained(text).findings)
    print(f"{name}: {len(changed)} of {len(texts)} queries changed {dict(rules) or ''}")
    for text in changed[:5]:
        print(f"  {text[:90]}")


if __name__ == "__main__":
    sys.exit(main())
