"""Redaction on a labelled set: half of it was looked at while the rules were written, half not."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.redaction import (
    HALVES,
    HARMLESS,
    LEAST_FOUND,
    MOST_CHANGED,
    cases,
    failures,
    shares,
)
from kb.redaction.redactor import KINDS, OWN, RULES, Redactor, redact, redactor
from kb.redaction.rule import RedactionRule

PAGE = Path(__file__).resolve().parents[2] / "docs" / "privacy.md"


def test_the_set_is_wide_enough_and_dealt_evenly() -> None:
    known = cases()
    assert sum(case.kind != HARMLESS for case in known) >= 300
    assert sum(case.kind == HARMLESS for case in known) >= 300
    assert {case.kind for case in known} == {*KINDS, HARMLESS}
    assert {*(rule.kind for rule in RULES), "number"} == set(KINDS)
    assert len({case.text for case in known}) == len(known)
    for kind in (*KINDS, HARMLESS):
        dealt = Counter(case.half for case in known if case.kind == kind)
        assert abs(dealt[HALVES[0]] - dealt[HALVES[1]]) <= 2, kind
        assert {case.language for case in known if case.kind == kind} == {"en", "es"}


@pytest.mark.parametrize("half", HALVES)
def test_secrets_are_found_and_what_people_search_for_stays(half: str) -> None:
    found, changed = shares(cases(), half)
    bad, _ = failures(case for case in cases() if case.half == half)
    assert found >= LEAST_FOUND, bad
    assert changed <= MOST_CHANGED, bad


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_hides_its_example_and_names_itself(rule: RedactionRule) -> None:
    redacted = redact.explained(f"why does {rule.example} not work")
    assert rule.name in {finding.rule for finding in redacted.findings}
    assert redacted.counts[rule.kind] >= 1
    assert f"[{rule.kind}]" in redacted.text


def test_the_page_lists_every_rule_as_it_is() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    for rule in RULES:
        example = rule.example.replace("|", "\\|")
        assert f"| `{rule.name}` | `[{rule.kind}]` | {rule.languages} | `{example}` |" in lines
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_counts_are_by_kind_and_hold_no_secret() -> None:
    text = "ana@uni.es and bob@uni.es call 612 345 678, EMP12345"
    redacted = redactor([r"\bEMP\d{5}\b"]).explained(text)
    assert redacted.counts == {"email": 2, "number": 1, "phone": 1}
    assert [f.text for f in redacted.findings if f.rule == OWN] == ["EMP12345"]
    assert redact.explained("printer offline").counts == {}


def test_a_name_beside_its_address_goes_too() -> None:
    said = 'mail from "Priya Raman" <priya@x.in>, Ana Pérez <ana@x.es> bounced'
    assert redact(said) == 'mail from "[name]" <[email]>, [name] <[email]> bounced'


@pytest.mark.parametrize("piece", ["a.", "1 ", "a@", "password is ", "clave: ", "Ana ", "9", "x-",
                                   "soy A", "calle A ", "[at] ", "A1B2-", "0034 6"])  # fmt: skip
def test_hostile_text_takes_no_longer_than_other_text(piece: str) -> None:
    """A rule that looks at every pair of places would take minutes here, not milliseconds."""
    assert isinstance(Redactor()(piece * (1200 // len(piece))), str)
