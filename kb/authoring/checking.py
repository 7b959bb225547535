"""Every check of the articles at one state: the library they make, and what is wrong with it.

Promises the same findings whether or not anything was kept from an earlier run, because only
articles whose bytes are unchanged are carried over, and none whose newest version is refused.
Knows no output and no index.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from kb.authoring.alike import alike_by_words
from kb.content.build import Built, Progress, build_again
from kb.content.library import MEDIA, SNAPSHOT, Library
from kb.content.lint.catalogue import Finding, findings_of
from kb.content.lint.library_rules import SourceLibrary, library_problems
from kb.content.lint.locating import exact
from kb.content.lint.page import SourcePage, read_page
from kb.content.lint.page_rules import fact_problems, structure_problems, wording_problems
from kb.content.lint.private_data import private_problems
from kb.content.media import media_name
from kb.content.paths import normal_path
from kb.content.problem import Problem
from kb.content.sources.source import Blob, Source

HEAVY = 1024 * 1024  # bytes; a page of text with one such image takes 3 s at 3 Mbit/s
_SKETCHES = "sketches.npz"
Files = Mapping[str, Blob]


@dataclass(frozen=True, slots=True)
class Checked:
    """One state of the articles: what it makes, how it reads, what is wrong."""

    shelf: SourceLibrary
    findings: tuple[Finding, ...]
    blobs: Mapping[str, str]


def check_source(
    source: Source, *, language: str, now: datetime, kept: Path | None, progress: Progress
) -> Checked:
    """Return the findings about a source; what is rendered is kept in the folder `kept`."""
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
    """Return a function from a path and a line to the words there, "" where there are none."""
    split: dict[str, list[str]] = {}

    def line(path: str, number: int) -> str:
        if path not in split:
            split[path] = shelf.pages[path].text.split("\n") if path in shelf.pages else []
        return split[path][number - 1] if number <= len(split[path]) else ""

    return line


# -- what was rendered before -------------------------------------------------------------------


def _kept(folder: Path | None, files: Files) -> Library:
    """Return the articles of the run before whose bytes are still the same."""
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
    """Keep what was rendered; a folder that cannot be written costs time, not the check."""
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
        slug for slug in names.named
        if slug not in library.articles or library.articles[slug].status != "published"
    }  # fmt: skip
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
    """The variables that stand for a text in the article."""
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
