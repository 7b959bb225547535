"""A finding as it is told: with how bad it is, and a name that outlives moved lines; pure.

Promises that the same fault in the same file has the same name while its own line and the file's
path stay what they are, wherever in the file it moves. Knows no output format.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from kb.content.checks.catalogue import Severity, severity_of
from kb.content.problem import Problem


@dataclass(frozen=True, slots=True)
class Finding:
    """`fix` says what to do; `key` names the finding across changes of other lines."""

    path: str
    line: int | None
    code: str
    severity: Severity
    message: str
    fix: str
    key: str

    @property
    def place(self) -> str:
        """Path and line, as compilers write them."""
        return self.path if self.line is None else f"{self.path}:{self.line}"


def findings_of(
    problems: Iterable[Problem], line_text: Callable[[str, int], str]
) -> tuple[Finding, ...]:
    """Return the findings in the order of files, lines and codes, each once."""
    told = {_finding(problem, line_text) for problem in problems}
    return tuple(sorted(told, key=lambda f: (f.path, f.line or 0, f.code, f.message)))


def _finding(problem: Problem, line_text: Callable[[str, int], str]) -> Finding:
    subject = line_text(problem.path, problem.line).strip() if problem.line else ""
    named = "\0".join((problem.path, problem.code, subject or problem.message))
    return Finding(
        problem.path,
        problem.line,
        problem.code,
        severity_of(problem.code, refused=problem.refused),
        problem.message,
        problem.hint,
        hashlib.sha256(named.encode("utf-8", "replace")).hexdigest()[:16],
    )


def beyond(findings: Iterable[Finding], known: Mapping[str, int]) -> tuple[Finding, ...]:
    """Return the findings that are not among the known: of each name, as many as are new."""
    left = Counter(dict(known))
    new = []
    for finding in findings:
        if left[finding.key] > 0:
            left[finding.key] -= 1
        else:
            new.append(finding)
    return tuple(new)
