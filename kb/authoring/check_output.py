"""Findings for people and programs: text, JSON, GitHub annotations and SARIF 2.1.0.

Every form holds every finding, and escapes whatever an article's words could break. Paths are
relative to the folder in which the command runs.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote

from kb.content.lint.catalogue import CATALOGUE, Finding, Severity

JSON_VERSION = 1
_SARIF = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


@dataclass(frozen=True, slots=True)
class AnsweredQuery:
    """Failed searches with the same words, and the article that answers them now."""

    path: str
    words: str
    searches: int


@dataclass(frozen=True, slots=True)
class QueryTestResults:
    """The result of query tests: `mode` is "hybrid" or "keyword", "" when none was asked."""

    findings: Sequence[Finding] = ()
    count: int = 0
    mode: str = ""
    answered: Sequence[AnsweredQuery] = ()
    remarks: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of a run. `prefix` leads from the command's folder to the articles; `known`
    counts findings left out by a baseline; `mode` is how questions were asked, "" if none was;
    `remarks` are sentences for people.
    """

    findings: Sequence[Finding]
    articles: int
    prefix: str = ""
    known: int = 0
    asked: int = 0
    mode: str = ""
    answered: Sequence[AnsweredQuery] = ()
    remarks: Sequence[str] = ()

    def count(self, severity: Severity) -> int:
        """Return how many findings have this severity."""
        return sum(finding.severity is severity for finding in self.findings)

    def fails(self, *, strict: bool) -> bool:
        """Return whether there is an error, or when `strict` a warning."""
        warnings = self.count(Severity.WARNING) if strict else 0
        return self.count(Severity.ERROR) + warnings > 0

    def place(self, path: str) -> str:
        """Return an article's path relative to the command's folder."""
        return f"{self.prefix}{path}"


def text(outcome: CheckResult) -> str:
    """Return one line per finding, as compilers write them, with the fix under it."""
    lines = []
    for f in outcome.findings:
        lines.append(f"{outcome.prefix}{f.place}: {f.severity}: {f.message} [{f.code}]")
        if f.fix:
            lines.append(f"    {f.fix}")
    by_path = Counter[str]()
    for each in outcome.answered:
        by_path[each.path] += each.searches
    for path, searches in by_path.items():
        words = ", ".join(f"“{each.words}”" for each in outcome.answered if each.path == path)
        plural = "searches" if searches > 1 else "search"
        lines.append(f"{outcome.place(path)} answers {searches} failed {plural}: {words}")
    return "\n".join(lines)


def summary(outcome: CheckResult) -> str:
    """Return one line that counts what was found."""
    counts = [_counted(outcome.count(severity), severity) for severity in Severity]
    known = f" ({outcome.known} known and left out)" if outcome.known else ""
    asked = f", {outcome.asked} questions asked ({outcome.mode})" if outcome.mode else ""
    plural = "" if outcome.articles == 1 else "s"
    return f"{outcome.articles} article{plural}: {', '.join(counts)}{known}{asked}."


def _counted(number: int, severity: Severity) -> str:
    return f"{number} {severity}" + ("" if number == 1 else "s")


def as_json(outcome: CheckResult) -> str:
    """Return an object whose fields docs/checks.md lists."""
    rows = [{**asdict(each), "path": outcome.place(each.path)} for each in outcome.findings]
    answered = [{**asdict(each), "path": outcome.place(each.path)} for each in outcome.answered]
    told: dict[str, Any] = {
        "version": JSON_VERSION,
        "articles": outcome.articles,
        "counts": {severity.value: outcome.count(severity) for severity in Severity},
        "known": outcome.known,
        "questions": {"asked": outcome.asked, "mode": outcome.mode},
        "findings": rows,
        "answered_searches": answered,
        "remarks": list(outcome.remarks),
    }
    return json.dumps(told, ensure_ascii=False, indent=2)


def github(outcome: CheckResult) -> str:
    """Return workflow commands, which GitHub shows beside the lines they concern."""
    lines = []
    for f in outcome.findings:
        facts = {"file": outcome.place(f.path), "line": str(f.line or 1), "title": f.code}
        inner = ",".join(f"{name}={_property(value)}" for name, value in facts.items())
        lines.append(f"::{_LEVELS[f.severity]} {inner}::{_data(f'{f.message} {f.fix}'.strip())}")
    return "\n".join(lines)


def _data(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")


def sarif(outcome: CheckResult) -> str:
    """Return a SARIF 2.1.0 log: one run, one rule per code, one result per finding."""
    codes = sorted({finding.code for finding in outcome.findings})
    rules = [_rule(code) for code in codes]
    results = [_result(outcome, finding, codes) for finding in outcome.findings]
    run = {
        "tool": {"driver": {"name": "kb check", "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"SRCROOT": {"description": {"text": "Where kb check ran."}}},
        "results": results,
    }
    return json.dumps({"$schema": _SARIF, "version": "2.1.0", "runs": [run]}, indent=2)


def _rule(code: str) -> dict[str, Any]:
    check = CATALOGUE[code]
    return {
        "id": code,
        "shortDescription": {"text": check.about},
        "defaultConfiguration": {"level": check.severity.value},
    }


def _result(outcome: CheckResult, finding: Finding, codes: list[str]) -> dict[str, Any]:
    place: dict[str, Any] = {
        "artifactLocation": {"uri": quote(outcome.place(finding.path)), "uriBaseId": "SRCROOT"}
    }
    if finding.line:
        place["region"] = {"startLine": finding.line}
    return {
        "ruleId": finding.code,
        "ruleIndex": codes.index(finding.code),
        "level": finding.severity.value,
        "message": {"text": f"{finding.message} {finding.fix}".strip()},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"finding/v1": finding.key},
    }


FORMATS: dict[str, Callable[[CheckResult], str]] = {
    "text": text,
    "json": as_json,
    "github": github,
    "sarif": sarif,
}
