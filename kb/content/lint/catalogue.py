"""The catalogue of findings: every code, its severity, and the form in which findings are reported.

Each code that any part of the product reports about articles has one row, so that outputs,
documentation and suppressions mean the same thing by it. A code is never used again for something
else. The key of a finding depends on the file's path and the text of its line, so it stays the same
when the line moves within the file.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from kb.content.problem import Problem

# -- Codes and severities --


class Severity(StrEnum):
    """How bad a finding is, worst first."""

    ERROR = "error"  # readers get something wrong, or not at all
    WARNING = "warning"  # readers get less than they could
    NOTE = "note"  # worth a look; often right as it is


@dataclass(frozen=True, slots=True)
class LintRule:
    """A kind of finding; `mends` says that `kb check --fix` can fix it."""

    code: str
    severity: Severity
    about: str
    mends: bool = False


_ERRORS = """
front-matter | The front matter cannot be read, so this version is refused.
type | A value of the front matter has the wrong form.
language | The language is not a tag such as en.
access | A key that is not read looks as if it said who may read the article or when; refused.
audience | The audience is not known, so only staff can read the article.
status | The status is not known, so the article stays a draft.
date | A day does not exist or is written in another form.
schedule | A moment at which the article appears or goes is none, or they exclude each other.
translation | `translation_of` names no article.
alias | Two articles claim the same former address.
slug | Two files have the same name, so one is not published.
redirect | A page leads to an article that does not exist.
redirect-loop | Pages that only lead elsewhere lead back to themselves.
link | A link leads nowhere, or begins in a way that is not allowed.
draft-link | A link leads to a draft or an archived article, which readers cannot open.
audience-link | A link leads to what is for fewer readers, so only its words are shown.
anchor | A link names a heading that its target does not have.
image | An image is missing, too large, of another site or of another kind.
fence | A code block has no end, so the rest of the article is shown as code.
liquid | Liquid tags of a former site are taken out with what they would have inserted.
include | An included file is not inserted.
snippet | A snippet is not there, includes itself, is for fewer readers, or is too long.
variable | A variable is not known, so its braces are shown.
file | A file to be saved is too large or cannot be read.
shortcode | A shortcode of Hugo is not known; only the text within it is shown.
jsx | A part of MDX that is a program is taken out; the words within it are shown.
block | A block between colons is not known, so its marks are shown.
secret | Text looks like a password, a token or a key.
render | The article cannot be rendered.
too-large | The article is larger than 256 KiB.
unreadable | The file cannot be read from the repository.
encoding | The file is not UTF-8.
answer-lost | A question of `answers` does not find its article among the first three.
answer-false | A question of `not_answers` finds the article among the first three.
"""
_WARNINGS = """
key + | A key of the front matter is nearly one that is known, so it is not used.
title | There is no title of its own.
title-long | The title is too long for a line of results.
title-twice | Two articles of one language have the same title.
summary | There is no summary.
summary-long | The summary is longer than results show.
summary-twice | Two articles of one language have the same summary.
owner | There is a day of review and nobody who does it.
overdue | The day of review has passed.
review-order | The day of review is not after the last one, or the last one is yet to come.
answers-twice | Two articles of one language claim to answer the same question.
translation-old | The original changed after its translation.
alias-taken | A former address is the address of an article, so it never leads here.
redirect-chain | A page leads to a page that leads elsewhere.
case | Two paths differ only in case or in the form of their letters.
moved-link + | A link leads through a former address.
link-words | The words of a link do not say where it leads.
http-link | A link without encryption leads to a host that the article also links with it.
alt | An image has no text for those who cannot see it.
alt-name | The text of an image is the name of its file.
image-heavy | An image is larger than a page should load.
heading-order + | A heading skips a level, or the first one is not of level 2.
heading-one | A heading of level 1 beside the title.
heading-twice | Two headings under one heading say the same.
section-empty | A section holds nothing.
table | A row of a table has more or fewer cells than its first row.
html | HTML that is taken out, often a placeholder in angle brackets.
hidden-text | Text that HTML hides is left out with its element.
placeholder | Text that was to be replaced.
personal | Text looks like a person's address or number.
copy | Two articles have the same text.
near-copy | Two articles share most of their text.
empty | The article has no text.
not-a-file | A file is a link, or has a name that cannot be used.
side-file | A file about all articles has a mistake.
"""
_NOTES = """
key-space + | White space before the colon of a key.
final-newline + | The file does not end with a line's end.
image-unused | No article shows this image.
orphan | No article links here, and it is in no collection.
same-meaning | Two articles mean nearly the same.
answer-moved | A change moves another article's question among the results.
"""


def _rows(table: str, severity: Severity) -> list[LintRule]:
    rows = []
    for line in table.strip().splitlines():
        head, about = line.split(" | ")
        rows.append(LintRule(head.split()[0], severity, about, mends=head.endswith("+")))
    return rows


CATALOGUE: dict[str, LintRule] = {
    check.code: check
    for check in (
        *_rows(_ERRORS, Severity.ERROR),
        *_rows(_WARNINGS, Severity.WARNING),
        *_rows(_NOTES, Severity.NOTE),
    )
}


def severity_of(code: str, *, refused: bool = False) -> Severity:
    """Return how bad a finding is; what keeps an article from being published is an error."""
    return Severity.ERROR if refused else CATALOGUE[code].severity


# -- Findings --


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding as reported: `fix` says what to do, `key` names it even when other lines change."""

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
    """Return the findings sorted by file, line and code, without repeats."""
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


def new_findings(findings: Iterable[Finding], known: Mapping[str, int]) -> tuple[Finding, ...]:
    """Return the findings that are not in `known`, which counts known findings by their key."""
    left = Counter(dict(known))
    new = []
    for finding in findings:
        if left[finding.key] > 0:
            left[finding.key] -= 1
        else:
            new.append(finding)
    return tuple(new)
