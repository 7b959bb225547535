"""Find where in the source file a finding of the renderer is, and what was probably meant.

Findings get a line where the source tells one, and a hint with the nearest file or heading where
one is near. No finding is added or dropped.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import unquote

from rapidfuzz import fuzz, process

from kb.content.html.rewrite import slugify
from kb.content.lint.library_rules import SourceLibrary
from kb.content.lint.page import SourcePage
from kb.content.problem import Problem

_QUOTED = re.compile("“([^”]*)”")
_NEAR = 75.0  # of 100; below it a suggestion is as often wrong as right


def exact(problem: Problem, shelf: SourceLibrary) -> Problem:
    """Return the finding with its line and, in the hint, the nearest target."""
    page = shelf.pages.get(problem.path)
    if page is None:
        return problem
    if problem.code == "link":
        return _link(problem, page, shelf)
    if problem.code == "anchor":
        return _anchor(problem, page, shelf)
    if problem.code == "audience-link":
        return _at(problem, page.find(_quoted(problem)[0]))
    if problem.code in ("translation", "redirect"):
        key = {"translation": "translation_of", "redirect": "redirect_to"}[problem.code]
        return _at(problem, page.keys.get(key))
    if problem.code in ("alias", "image"):
        return _at(problem, page.find(next(iter(_quoted(problem)), "")))
    return problem


def _at(problem: Problem, line: int | None) -> Problem:
    return replace(problem, line=problem.line or line)


def _quoted(problem: Problem) -> list[str]:
    return _QUOTED.findall(problem.message) or [""]


def _link(problem: Problem, page: SourcePage, shelf: SourceLibrary) -> Problem:
    written = _quoted(problem)[0]
    problem = _at(problem, page.find(f"]({written}") or page.find(written))
    if written.startswith("#"):
        return _own_anchor(problem, page, shelf, written[1:])
    slug = shelf.slug_of(page, written, closed=True)
    if slug and slug in shelf.directory.hidden:
        message = f"“{written[:100]}” is not published, so only the link's words are shown."
        hint = "Publish that article first (a draft, archived or refused), or link to another."
        return replace(problem, code="draft-link", message=message, hint=hint)
    near = _nearest_file(page, written, shelf)
    return replace(problem, hint=f"Did you mean “{near}”?") if near else problem


def _nearest_file(page: SourcePage, written: str, shelf: SourceLibrary) -> str:
    """Return the path, relative to the page, that is most like what was written."""
    path, mark, fragment = unquote(written).partition("#")
    if re.match(r"\w[\w+.-]*:", path) or not path:
        return ""
    wanted = posixpath.normpath(posixpath.join("/", posixpath.dirname(page.path), path)).lstrip("/")
    files = [other for other in shelf.pages if other != page.path]
    stem = posixpath.splitext(posixpath.basename(wanted))[0].casefold()
    same = [f for f in files if posixpath.splitext(posixpath.basename(f))[0].casefold() == stem]
    found = same[0] if len(same) == 1 else _most_like(wanted, files)
    if not found:
        return ""
    return posixpath.relpath(found, posixpath.dirname(page.path) or ".") + mark + fragment


def _most_like(wanted: str, among: Iterable[str]) -> str:
    found = process.extractOne(wanted, list(among), scorer=fuzz.ratio, score_cutoff=_NEAR)
    return str(found[0]) if found else ""


def _own_anchor(problem: Problem, page: SourcePage, shelf: SourceLibrary, written: str) -> Problem:
    article = shelf.article_at(page.path)
    near = _most_like(unquote(written), [anchor for _, anchor, _ in article.toc]) if article else ""
    changed = replace(problem, code="anchor")
    return replace(changed, hint=f"Did you mean “#{near}”?") if near else changed


def _anchor(problem: Problem, page: SourcePage, shelf: SourceLibrary) -> Problem:
    slug, fragment = (*_quoted(problem), "")[:2]
    lines = (
        link.line
        for link in page.links
        if unquote(link.target.partition("#")[2]) == fragment
        and shelf.slug_of(page, link.target) == slug
    )
    problem = _at(problem, next(lines, None) or page.find(f"#{fragment}"))
    target = shelf.library.articles.get(slug)
    near = _most_like(slugify(fragment), [a for _, a, _ in target.toc]) if target else ""
    return replace(problem, hint=f"Did you mean “#{near}”?") if near else problem
