"""From a source to a library: read, parse, name, render, sanitise, check.

Promises that every article that can be published is, that one that cannot keeps its last good
version and says why, and that what did not change is not rendered again. Knows neither where the
library is kept nor who reads it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from urllib.parse import unquote

from kb.content.article import Article, Audience, Status
from kb.content.crosscheck import cross_check
from kb.content.directory import MEDIA, Directory
from kb.content.drafting import MAX_BYTES, Draft, read_draft
from kb.content.library import Collection, Library
from kb.content.names import Named, Names, give_names
from kb.content.naming import is_article
from kb.content.outline import opening
from kb.content.pictures import Pictures
from kb.content.pool import LIMIT, render_all
from kb.content.problem import Problem
from kb.content.redirect_lists import read_moves
from kb.content.rendering import RECIPE, Rendered
from kb.content.shared_texts import VARIABLES, read_data, read_snippets, read_variables
from kb.content.side_files import (
    COLLECTIONS,
    SYNONYMS,
    Synonyms,
    read_collections,
    read_synonyms,
)
from kb.content.source import Source

Progress = Callable[[str, int, int], None]  # stage ("read" or "render"), done, of how many


def _silent(stage: str, done: int, total: int) -> None:
    """Report nothing."""


def build_library(
    source: Source,
    *,
    previous: Library | None = None,
    progress: Progress = _silent,
    default_language: str = "en",
    limit: float = LIMIT,
) -> Library:
    """Return what `source` publishes; `limit` is in seconds, for rendering one article."""
    build = _Build(source, previous or Library(commit=""), progress, limit)
    try:
        return build.run(default_language)
    finally:
        source.close()


class _Build:
    def __init__(self, source: Source, previous: Library, progress: Progress, limit: float) -> None:
        self.source, self.previous = source, previous
        self.progress, self.limit = progress, limit
        self.before = {article.path: article for article in previous.articles.values()}
        self.problems: list[Problem] = list(source.problems)
        self.inline: dict[str, bytes] = {}
        self.changes: Mapping[str, tuple[datetime, str]] = {}

    def run(self, default_language: str) -> Library:
        moves, problems = read_moves(self.source.files())
        self.problems += problems
        names = give_names(
            self._drafts(), self.before, default_language=default_language, moves=moves
        )
        pictures = Pictures(self.source.files())
        self.changes = self.source.history()
        articles = self._articles(names, self._directory(names, pictures))
        self.problems += [*names.problems, *pictures.problems]
        self.problems += [problem for a in articles.values() for problem in a.problems]
        self.problems += cross_check(articles)
        return Library(
            commit=self.source.commit,
            articles=articles,
            collections=self._collections(articles),
            redirects={old: slug for old, slug in names.redirects.items() if slug in articles},
            translations=_present(names.translations, articles),
            media=pictures.media(articles.values(), self.inline, self.previous.media),
            synonyms=self._synonyms(),
            problems=tuple(dict.fromkeys(sorted(self.problems, key=_place))),
        )

    def _drafts(self) -> Iterator[Draft]:
        files = {path: blob for path, blob in self.source.files().items() if is_article(path)}
        for number, (path, blob) in enumerate(files.items(), start=1):
            draft = read_draft(path, blob)
            self.progress("read", number, len(files))
            if draft is not None:
                yield draft

    def _directory(self, names: Names, pictures: Pictures) -> Directory:
        """Drafts and refused articles without a good version are not to be linked to."""
        hidden = {slug for slug, named in names.named.items() if not self._is_open(named.draft)}
        variables, problems = read_variables(*self._side_file(VARIABLES))
        self.problems += problems
        variables |= read_data(self.source.files())
        return Directory(
            names.paths,
            names.sites,
            names.stems,
            pictures.names,
            frozenset(hidden),
            titles={slug: named.draft.title for slug, named in names.named.items()},
            shapes=pictures.shapes,
            weights=pictures.weights,
            snippets=read_snippets(self.source.files()),
            variables=variables,
        )

    def _is_open(self, draft: Draft) -> bool:
        if not draft.refused:
            return draft.facts.status is Status.PUBLISHED
        old = self.before.get(draft.path)
        return old is not None and old.status is Status.PUBLISHED

    # Articles

    def _articles(self, names: Names, directory: Directory) -> dict[str, Article]:
        kept: dict[str, Article | None] = {}
        for slug, named in names.named.items():
            refused = named.draft.refused
            kept[slug] = self._last_good(named, "") if refused else self._same(named, directory)
        waiting = [n for s, n in names.named.items() if kept[s] is None and not n.draft.refused]
        results = self._render(waiting, directory)
        for named, result in zip(waiting, results, strict=True):
            kept[named.slug] = (
                self._new(named, result)
                if isinstance(result, Rendered)
                else self._last_good(named, result)
            )
        return {slug: article for slug, article in sorted(kept.items()) if article is not None}

    def _render(self, waiting: list[Named], directory: Directory) -> list[Rendered | str]:
        return render_all(
            [named.job for named in waiting],
            directory,
            limit=self.limit,
            done=lambda count: self.progress("render", count, len(waiting)),
        )

    def _same(self, named: Named, directory: Directory) -> Article | None:
        """The article of before under today's facts, if its text would render the same."""
        old, draft = self.before.get(named.draft.path), named.draft
        if old is None or old.stale or (old.blob, old.recipe) != (draft.blob, RECIPE):
            return None
        if old.language != named.language:
            return None
        for kind, written, address in old.references:
            if directory.address(kind, written, base=draft.path, language=old.language) != address:
                return None
        return replace(self._facts(named), **{name: getattr(old, name) for name in _RENDERED})

    def _new(self, named: Named, result: Rendered) -> Article:
        addresses = [to for _, _, to in result.references if to.startswith(MEDIA)]
        names = (*(address.removeprefix(MEDIA) for address in addresses), *result.inline)
        digests = [name.partition(".")[0] for name in names]
        for name, text in result.inline.items():
            self.inline[name.partition(".")[0]] = base64.b64decode(unquote(text))
        facts = self._facts(named)
        return replace(
            facts,
            html=result.html,
            sections=result.sections,
            toc=result.toc,
            summary=facts.summary or opening(result.sections),
            links=tuple(dict.fromkeys(slug for slug, _ in result.targets)),
            targets=result.targets,
            images=tuple(dict.fromkeys(digests)),
            references=result.references,
            problems=(*named.draft.problems, *result.problems, *_empty(named, result)),
        )

    def _last_good(self, named: Named, reason: str) -> Article | None:
        """The last version that could be published, marked; None when there never was one."""
        draft, old = named.draft, self.before.get(named.draft.path)
        problems = draft.problems
        if reason:
            message = f"This article cannot be rendered: {reason}."
            hint = "Simplify it; nesting and long runs of brackets are the usual causes."
            problems += (Problem(draft.path, None, "render", message, hint, refused=True),)
        self.problems += problems
        if old is None:
            return None
        kept = replace(old, slug=named.slug, stale=True, problems=problems)
        return _restricted(kept, draft) if reason else kept

    def _facts(self, named: Named) -> Article:
        draft, facts = named.draft, named.draft.facts
        changed_at, changed_by = self.changes.get(draft.path, (facts.changed, ""))
        return Article(
            slug=named.slug,
            title=draft.title,
            path=draft.path,
            html="",
            summary=facts.summary,
            language=named.language,
            collection=named.collection,
            owner=facts.owner,
            audience=facts.audience,
            status=facts.status,
            reviewed=facts.reviewed,
            review_by=facts.review_by,
            keywords=facts.keywords,
            answers=facts.answers,
            not_answers=facts.not_answers,
            aliases=named.aliases,
            translation_of=facts.translation_of,
            changed_at=changed_at,
            changed_by=changed_by,
            extra=facts.extra,
            blob=draft.blob,
            recipe=RECIPE,
        )

    # What surrounds the articles

    def _collections(self, articles: Mapping[str, Article]) -> dict[str, Collection]:
        """Those described in the side file that hold articles, then the others by name."""
        described, problems = read_collections(*self._side_file(COLLECTIONS))
        self.problems += problems
        used = {article.collection for article in articles.values() if article.collection}
        known = {name: described.get(name, Collection(name)) for name in used}
        return dict(sorted(known.items(), key=lambda each: (each[1].order, each[0])))

    def _synonyms(self) -> Synonyms:
        synonyms, problems = read_synonyms(*self._side_file(SYNONYMS))
        self.problems += problems
        return synonyms

    def _side_file(self, name: str) -> tuple[str, str]:
        """Return the text and path of the file nearest the root, "" without one."""
        files = self.source.files()
        found = [path for path in files if path.rpartition("/")[2] == name]
        path = min(found, key=lambda each: each.count("/"), default=name)
        if path not in files or files[path].size > MAX_BYTES:
            return "", path
        return files[path].read().decode("utf-8", "replace"), path


_RENDERED = (
    "html", "sections", "toc", "summary", "links", "targets", "images", "references", "problems",
)  # fmt: skip


def _restricted(kept: Article, draft: Draft) -> Article:
    """An older text under the newer wish to show it to fewer, or to nobody."""
    audience = max(kept.audience, draft.facts.audience, key=list(Audience).index)
    status = kept.status if draft.facts.status is Status.PUBLISHED else draft.facts.status
    return replace(kept, audience=audience, status=status)


def _empty(named: Named, result: Rendered) -> Iterator[Problem]:
    if not result.html.strip():
        hint = "Write what readers should find, or set “status: draft”."
        yield Problem(named.draft.path, None, "empty", "This article has no text.", hint)


def _present(
    groups: Mapping[str, Mapping[str, str]], articles: Mapping[str, Article]
) -> dict[str, dict[str, str]]:
    """The translation groups without the articles that could not be published."""
    kept = {
        slug: {language: other for language, other in group.items() if other in articles}
        for slug, group in groups.items()
        if slug in articles
    }
    return {slug: group for slug, group in kept.items() if len(group) > 1}


def _place(problem: Problem) -> tuple[str, int, str, str]:
    return problem.path, problem.line or 0, problem.code, problem.message
