"""One run of `kb check`: the state that is examined, its findings, known findings and fixes.

Findings are about the chosen articles, or about what a change touches or causes elsewhere; those in
a baseline file are left out. The same findings always make the same baseline file, sorted by path
so that Git shows changes line by line.

Rendered articles are kept between runs and reused only while their bytes are unchanged and their
newest version is not refused, so the findings never depend on an earlier run. `--fix` writes only
article files, each replaced whole or not at all, with line ends and a byte order mark kept;
`kb.content.lint.fixing` decides what is fixed.
"""

from __future__ import annotations

import json
import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from kb.authoring.alike import alike_by_words
from kb.authoring.check_output import CheckResult, QueryTestResults
from kb.authoring.working_copy import WorkingFiles, open_revision, open_working
from kb.config.settings import Settings
from kb.content.build import Built, Progress, build_again
from kb.content.library import MEDIA, SNAPSHOT, Library
from kb.content.lint.catalogue import Finding, findings_of, new_findings
from kb.content.lint.fixing import fixed_text
from kb.content.lint.library_rules import SourceLibrary, library_problems, present_target
from kb.content.lint.locating import exact
from kb.content.lint.page import SourcePage, read_page
from kb.content.lint.page_rules import fact_problems, structure_problems, wording_problems
from kb.content.lint.private_data import private_problems
from kb.content.media import media_name
from kb.content.paths import normal_path
from kb.content.problem import Problem
from kb.content.sources.source import Blob, Source
from kb.errors import ConfigError, ContentError

# -- The baseline: a file of known findings --


_VERSION = 1


def write_baseline(file: Path, findings: Iterable[Finding]) -> int:
    """Write the findings to the file and return how many there are."""
    rows = sorted([f.path, f.code, f.key] for f in findings)
    lines = ",\n".join(f"    {json.dumps(row, ensure_ascii=False)}" for row in rows)
    text = f'{{\n  "version": {_VERSION},\n  "known": [\n{lines}\n  ]\n}}\n'
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"The baseline {file} cannot be written: {error.strerror}.", "Name another file."
        ) from error
    return len(rows)


def read_baseline(file: Path) -> Counter[str]:
    """Return how often each finding's name is known. Raises ConfigError."""
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        if told["version"] != _VERSION:
            raise ValueError
        return Counter(str(key) for _, _, key in told["known"])
    except OSError as error:
        raise ConfigError(
            f"The baseline {file} cannot be read: {error.strerror}.",
            "Write it first: kb check --baseline FILE --write-baseline",
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{file} is no baseline.", "Write it again: kb check --baseline FILE --write-baseline"
        ) from error


# -- Fixes that need no judgement (`kb check --fix`) --


def fix_files(root: Path, shelf: SourceLibrary, wanted: Collection[str]) -> list[str]:
    """Fix the `wanted` files and return the paths of those that were written."""
    written = []
    for path in sorted(wanted):
        page = shelf.pages.get(path)
        if page and not page.draft.refused and _mend(root / path, page, shelf):
            written.append(path)
    return written


def _mend(file: Path, page: SourcePage, shelf: SourceLibrary) -> bool:
    targets = {
        link.target: present
        for link in page.links
        if (present := present_target(shelf, page, link))
    }
    try:
        before = file.read_bytes()
        after = fixed_text(before.decode("utf-8"), page, targets).encode("utf-8")
        if after == before or file.is_symlink():
            return False
        fresh = file.with_name(f".{file.name}.new")
        fresh.write_bytes(after)
        os.chmod(fresh, file.stat().st_mode & 0o777)
        fresh.replace(file)
    except UnicodeDecodeError:
        return False
    except OSError as error:
        raise ContentError(
            f"{file} cannot be written: {error.strerror}.",
            "Give this account the right to write it, or leave --fix out.",
        ) from error
    return True


# -- Checking one state of the articles --


HEAVY = 1024 * 1024  # bytes; a page with one such image takes 3 s at 3 Mbit/s
_SKETCHES = "sketches.npz"
Files = Mapping[str, Blob]


@dataclass(frozen=True, slots=True)
class Checked:
    """One state of the articles: its library, its findings, and its blob ids by path."""

    shelf: SourceLibrary
    findings: tuple[Finding, ...]
    blobs: Mapping[str, str]


def check_source(
    source: Source, *, language: str, now: datetime, kept: Path | None, progress: Progress
) -> Checked:
    """Check a source and return the result; rendered articles are kept in the folder `kept`."""
    files = source.files()
    try:
        built = build_again(
            source,
            previous=_kept(kept, files),
            progress=progress,
            default_language=language,
            now=now,
        )
        if kept:
            _keep(kept, built.library)
        shelf = _shelf(built, files, language, now.date())
        problems = list(_problems(shelf, files, kept / _SKETCHES if kept else None))
    finally:
        source.close()
    blobs = {path: blob.id for path, blob in files.items()}
    return Checked(shelf, findings_of(problems, line_reader(shelf)), blobs)


def line_reader(shelf: SourceLibrary) -> Callable[[str, int], str]:
    """Return a function that gives the text of a line by path and number, "" if there is none."""
    split: dict[str, list[str]] = {}

    def line(path: str, number: int) -> str:
        if path not in split:
            split[path] = shelf.pages[path].text.split("\n") if path in shelf.pages else []
        return split[path][number - 1] if number <= len(split[path]) else ""

    return line


# -- rendered articles, kept between runs -------------------------------------------------------


def _kept(folder: Path | None, files: Files) -> Library:
    """Return the articles of the previous run whose bytes are unchanged."""
    try:
        snapshot = (folder / SNAPSHOT).read_bytes() if folder else b""
        before = Library.load({SNAPSHOT: snapshot, MEDIA: b""}.__getitem__)
    except (OSError, ValueError, KeyError, TypeError):
        return Library(commit="")
    same = {
        slug: article
        for slug, article in before.articles.items()
        if not article.stale and article.path in files and files[article.path].id == article.blob
    }
    return Library(commit="", articles=same)


def _keep(folder: Path, library: Library) -> None:
    """Keep the rendered articles; if the folder is not writable, the next run is only slower."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fresh = folder / f"{SNAPSHOT}.new"
        fresh.write_bytes(library.dump()[SNAPSHOT])
        fresh.replace(folder / SNAPSHOT)
    except OSError:
        return


# -- pages and findings -------------------------------------------------------------------------


def _shelf(built: Built, files: Files, language: str, today: date) -> SourceLibrary:
    library, names = built.library, built.names
    slugs = {named.draft.path: named for named in names.named.values()}
    hidden = {
        slug
        for slug in names.named
        if slug not in library.articles or library.articles[slug].status != "published"
    }
    pages: dict[str, SourcePage] = {}
    for draft in built.drafts:
        named = slugs.get(draft.path)
        text = files[draft.path].read().decode("utf-8", "replace") if draft.body_line else ""
        slug = named.slug if named else _plain_slug(draft.path)
        spoken = named.language if named else language
        pages[draft.path] = read_page(draft, text, slug=slug, language=spoken)
    directory = replace(built.directory, hidden=frozenset(hidden))
    sizes = {path: blob.size for path, blob in files.items()}
    leading = {
        address: names.redirects[address]
        for page in pages.values()
        if page.draft.facts.redirect_to and (address := normal_path(page.slug)) in names.redirects
    }
    return SourceLibrary(pages, library, names, directory, sizes, today, leading)


def _plain_slug(path: str) -> str:
    return path.rpartition(".")[0]


def _problems(shelf: SourceLibrary, files: Files, sketches: Path | None) -> Iterator[Problem]:
    for problem in shelf.library.problems:
        yield exact(problem, shelf)
    for page in shelf.pages.values():
        if any(problem.refused for problem in page.draft.problems):
            continue
        yield from fact_problems(page, shelf.today)
        yield from structure_problems(page)
        yield from wording_problems(page, variables=_variables(shelf, page))
        yield from private_problems(page)
    yield from library_problems(shelf)
    yield from alike_by_words(shelf.published, sketches)
    yield from _image_problems(shelf, files)


def _variables(shelf: SourceLibrary, page: SourcePage) -> frozenset[str]:
    """Return the names of the variables that the article uses and that have a text."""
    article = shelf.library.articles.get(page.slug)
    asked = article.references if article else ()
    return frozenset(name for kind, name, text in asked if kind == "variable" and text)


def _image_problems(shelf: SourceLibrary, files: Files) -> Iterator[Problem]:
    used = {digest for article in shelf.library.articles.values() for digest in article.images}
    for path, blob in files.items():
        name = shelf.directory.media.get(unicodedata.normalize("NFC", path).casefold())
        if name is None:
            continue
        digest = media_name(blob.read()).partition(".")[0]
        if digest not in used:
            message = "No article shows this image."
            yield Problem(path, None, "image-unused", message, "Remove it, or show it.")
        elif blob.size > HEAVY:
            message = f"This image has {blob.size // 1024} KiB and makes its page slow."
            yield Problem(path, None, "image-heavy", message, "Save it smaller.")


# -- One run of `kb check` --


KEPT = "check"  # folder in the data folder for rendered articles


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """The options of the command line; None leaves the choice to the run."""

    paths: tuple[Path, ...] = ()
    since: str | None = None
    fix: bool = False
    baseline: Path | None = None
    write_baseline: bool = False
    questions: bool | None = None
    meaning: bool | None = None


def run_check(
    settings: Settings, wish: CheckOptions, *, now: datetime, progress: Progress
) -> CheckResult:
    """Return what is found. Raises ConfigError for wrong options, ContentError, SearchError."""
    return _Run(settings, wish, now, progress).outcome()


class _Run:
    def __init__(
        self, settings: Settings, wish: CheckOptions, now: datetime, progress: Progress
    ) -> None:
        self.settings, self.wish, self.now, self.progress = settings, wish, now, progress
        self.remarks: list[str] = []
        self.root = settings.articles.resolve()

    def outcome(self) -> CheckResult:
        chosen = self._chosen()
        checked = self._present(chosen)
        before = self._before()
        touched = _touched(checked, before) if before else None
        asked = self._asked(checked, touched, chosen)
        findings: Sequence[Finding] = checked.findings
        if before and touched is not None:
            findings = _brought(findings, touched, before)
        # Query tests already report only on the chosen articles and what they cause elsewhere.
        findings = [*(each for each in findings if chosen(each.path)), *asked.findings]
        told = self._beyond_baseline(findings)
        return CheckResult(
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
        """Check one state; both share a cache, since most articles are the same in both."""
        return check_source(
            source,
            language=self.settings.language,
            now=self.now,
            kept=self.settings.data / KEPT,
            progress=self.progress,
        )

    def _present(self, chosen: Callable[[str], bool]) -> Checked:
        """Return the present state checked, after fixing it where `--fix` was given."""
        checked = self._check(self._source())
        if not self.wish.fix:
            return checked
        if not self._is_written_here():
            raise ConfigError(
                "Articles of a commit cannot be mended.",
                "Run --fix where their files are, with the setting articles_ref left at HEAD.",
            )
        wanted = [path for path in checked.shelf.pages if chosen(path)]
        written = fix_files(self.root, checked.shelf, wanted)
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
    ) -> QueryTestResults:
        few = self.wish.since is not None or bool(self.wish.paths)
        if not (few if self.wish.questions is None else self.wish.questions):
            return QueryTestResults()
        from kb.authoring.query_tests import ask_questions  # the engine takes a second to import

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
        """Return a path from the command line relative to the articles."""
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
        return new_findings(findings, read_baseline(file))

    def _prefix(self) -> str:
        """Return the path from the current folder to the articles, "" or ending in "/"."""
        relative = os.path.relpath(self.root)
        return "" if relative == "." else f"{relative}/"


def _touched(now: Checked, before: Checked) -> frozenset[str]:
    """Return the files that are new or differ."""
    return frozenset(p for p, blob in now.blobs.items() if before.blobs.get(p) != blob)


def _brought(
    findings: Iterable[Finding], touched: frozenset[str], before: Checked
) -> list[Finding]:
    """Return the findings in files that a change touches, and new findings elsewhere."""
    known: dict[str, int] = {}
    for each in before.findings:
        known[each.key] = known.get(each.key, 0) + 1
    given = list(findings)
    elsewhere = [each for each in given if each.path not in touched]
    return [each for each in given if each.path in touched] + list(new_findings(elsewhere, known))
