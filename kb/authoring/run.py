"""One run of `kb check`: which state is looked at, what is asked, and what of it is told.

Promises findings in the articles that were chosen, or that a change touches or causes elsewhere,
without those a baseline knows. Joins the parts; knows no rule and no output.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kb.authoring.baseline import read_baseline, write_baseline
from kb.authoring.checking import Checked, check_source
from kb.authoring.mending import mend_files
from kb.authoring.outputs import Asked, Outcome
from kb.authoring.working import WorkingFiles, open_revision, open_working
from kb.config.settings import Settings
from kb.content.build import Progress
from kb.content.lint.catalogue import Finding, beyond
from kb.content.sources.source import Source
from kb.errors import ConfigError

KEPT = "check"  # folder in the data folder for what was rendered


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asked for; None leaves the choice to the run."""

    paths: tuple[Path, ...] = ()
    since: str | None = None
    fix: bool = False
    baseline: Path | None = None
    write_baseline: bool = False
    questions: bool | None = None
    meaning: bool | None = None


def run_check(settings: Settings, wish: Wish, *, now: datetime, progress: Progress) -> Outcome:
    """Return what is found. Raises ConfigError for a wrong wish, ContentError, SearchError."""
    return _Run(settings, wish, now, progress).outcome()


class _Run:
    def __init__(self, settings: Settings, wish: Wish, now: datetime, progress: Progress) -> None:
        self.settings, self.wish, self.now, self.progress = settings, wish, now, progress
        self.remarks: list[str] = []
        self.root = settings.articles.resolve()

    def outcome(self) -> Outcome:
        chosen = self._chosen()
        checked = self._present(chosen)
        before = self._before()
        touched = _touched(checked, before) if before else None
        asked = self._asked(checked, touched, chosen)
        findings: Sequence[Finding] = checked.findings
        if before and touched is not None:
            findings = _brought(findings, touched, before)
        # What asking finds is about the chosen articles, or caused by them elsewhere.
        findings = [*(each for each in findings if chosen(each.path)), *asked.findings]
        told = self._beyond_baseline(findings)
        return Outcome(
            sorted(told, key=lambda f: (f.path, f.line or 0, f.code)),
            articles=len(checked.shelf.library.articles),
            prefix=self._prefix(),
            known=len(findings) - len(told),
            asked=asked.count,
            mode=asked.mode,
            answered=asked.answered,
            remarks=(*self.remarks, *asked.remarks),
        )

    # States

    def _check(self, source: Source) -> Checked:
        """Both states keep what they render in one place: most articles are the same in both."""
        return check_source(
            source,
            language=self.settings.language,
            now=self.now,
            kept=self.settings.data / KEPT,
            progress=self.progress,
        )

    def _present(self, chosen: Callable[[str], bool]) -> Checked:
        """The articles as they are, mended first where that was asked for."""
        checked = self._check(self._source())
        if not self.wish.fix:
            return checked
        if not self._is_written_here():
            raise ConfigError(
                "Articles of a commit cannot be mended.",
                "Run --fix where their files are, with the setting articles_ref left at HEAD.",
            )
        wanted = [path for path in checked.shelf.pages if chosen(path)]
        written = mend_files(self.root, checked.shelf, wanted)
        self.remarks.append(f"Files mended: {len(written)}.")
        return self._check(self._source()) if written else checked

    def _source(self) -> Source:
        return open_working(self.settings.articles, self.settings.articles_ref, self.now)

    def _is_written_here(self) -> bool:
        from kb.content.sources.folder import FolderSource

        return isinstance(self._source(), WorkingFiles | FolderSource)

    def _before(self) -> Checked | None:
        if self.wish.since is None:
            return None
        return self._check(open_revision(self.settings.articles, self.wish.since))

    # Questions

    def _asked(
        self, checked: Checked, touched: frozenset[str] | None, chosen: Callable[[str], bool]
    ) -> Asked:
        few = self.wish.since is not None or bool(self.wish.paths)
        if not (few if self.wish.questions is None else self.wish.questions):
            return Asked()
        from kb.authoring.questions import ask_questions  # the engine takes a second to import

        about = {path for path in checked.shelf.pages if chosen(path)}
        if touched is not None:
            about &= touched
        return ask_questions(
            self.settings, checked.shelf, frozenset(about), meaning=self.wish.meaning, now=self.now
        )

    # Selection

    def _chosen(self) -> Callable[[str], bool]:
        wanted = [self._inside(path) for path in self.wish.paths]
        if not wanted or "." in wanted:
            return lambda _path: True
        return lambda path: any(path == each or path.startswith(f"{each}/") for each in wanted)

    def _inside(self, path: Path) -> str:
        """Return a path of the command line as the articles name it."""
        for place in (path.resolve(), (self.root / path).resolve()):
            if place.exists() and place.is_relative_to(self.root):
                return place.relative_to(self.root).as_posix()
        raise ConfigError(
            f"{path} is not among the articles at {self.settings.articles}.",
            "Name a file or folder there, or set the articles path (KB_ARTICLES).",
        )

    def _beyond_baseline(self, findings: Sequence[Finding]) -> Sequence[Finding]:
        file = self.wish.baseline
        if file is None:
            return findings
        if self.wish.write_baseline:
            count = write_baseline(file, findings)
            self.remarks.append(f"Findings written to {file}: {count}.")
        return beyond(findings, read_baseline(file))

    def _prefix(self) -> str:
        """Return what leads from the present folder to the articles, "" or ending in "/"."""
        relative = os.path.relpath(self.root)
        return "" if relative == "." else f"{relative}/"


def _touched(now: Checked, before: Checked) -> frozenset[str]:
    """Return the files that are new or differ."""
    return frozenset(p for p, blob in now.blobs.items() if before.blobs.get(p) != blob)


def _brought(
    findings: Iterable[Finding], touched: frozenset[str], before: Checked
) -> list[Finding]:
    """Return the findings in what a change touches, and those elsewhere that were not before."""
    known: dict[str, int] = {}
    for each in before.findings:
        known[each.key] = known.get(each.key, 0) + 1
    given = list(findings)
    elsewhere = [each for each in given if each.path not in touched]
    return [each for each in given if each.path in touched] + list(beyond(elsewhere, known))
