"""Build a library from a source: read, parse, name, render, sanitise and check its articles.

Every article that can be published is published. One that cannot keeps its last good version and
says why. What did not change is not rendered again; the rules are in
docs/decisions/0010-builds-carry-over-what-did-not-change.md. Every former address leads to the
article that is there now or says what was removed, and a redirect never takes an address in use.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import unquote

from kb.content.article import Article, ArticleStatus, Audience
from kb.content.draft import Draft, read_draft
from kb.content.frontmatter.metadata import EARLIEST, Metadata, status_at
from kb.content.html.tokens import opening
from kb.content.library import Library
from kb.content.link_targets import MEDIA, Directory
from kb.content.lint.library_rules import cross_check
from kb.content.media import Pictures
from kb.content.names import NamedDraft, Names, give_names, read_moves
from kb.content.paths import is_article, name_of, normal_path
from kb.content.problem import Problem
from kb.content.rendering import RECIPE, Rendered
from kb.content.rendering_pool import LIMIT, Standby, render_all
from kb.content.shared_files import Shown, Surroundings
from kb.content.sources.source import (
    Blob,
    FileChange,
    FormerFile,
    Removed,
    Source,
    audience_shown,
    former_files,
    of_folder,
)

# -- Former addresses --


# Removed files whose title one build reads, newest first; the rest wait for the next build.
_READ_AT_ONCE = 500


def trace(source: Source, previous: Library, now: datetime) -> dict[str, FormerFile]:
    """Return what became of each former article path by `now`, newest first."""
    present = {path: blob.id for path, blob in source.files().items() if is_article(path)}
    known = previous.traced and source.follows(previous.commit)
    changes = source.moves(previous.commit if known else "")
    if changes is None:
        before = {article.path: article for article in previous.articles.values()}
        return former_files((), present, of_folder(before, present) | dict(previous.past))
    found = former_files(_of_articles(changes), present, previous.past if known else {})
    return _read(source, found, now)


def _of_articles(changes: Iterable[FileChange]) -> Iterable[FileChange]:
    """Yield the changes of articles; one that became another kind of file counts as removed."""
    for change in changes:
        if is_article(change.old):
            yield change if is_article(change.new) else replace(change, new="")


def _read(source: Source, past: dict[str, FormerFile], now: datetime) -> dict[str, FormerFile]:
    """Return `past` with the title and audience of removed files, read from the source."""
    waiting = [path for path, fate in past.items() if fate.blob and not fate.to][:_READ_AT_ONCE]
    return past | {path: _last_seen(source, path, past[path].blob, now) for path in waiting}


def _last_seen(source: Source, path: str, blob: str, now: datetime) -> FormerFile:
    """Return the title and audience of a removed file; the audience is "" if it was never shown."""
    try:
        data = source.read(blob)
    except OSError:
        return FormerFile()
    draft = read_draft(path, Blob(blob, len(data), "100644", lambda: data))
    if draft is None or draft.refused or draft.facts.redirect_to:
        return FormerFile()
    facts = draft.facts
    status = status_at(facts.status, facts.publish_at, facts.expires_at, now=now)
    return FormerFile(title=draft.title, audience=audience_shown(status, facts.audience))


def former_addresses(
    past: Mapping[str, FormerFile], names: Names, *, default_language: str
) -> tuple[dict[str, str], dict[str, Removed]]:
    """Return the redirects and the removed articles by former address (`normal_path`)."""
    taken = {normal_path(slug) for slug in names.named} | set(names.redirects)
    redirects: dict[str, str] = {}
    removed: dict[str, Removed] = {}
    for path, fate in past.items():
        slug = name_of(path, names.root, default_language=default_language).slug
        address = normal_path(slug)
        if not address or address in taken:
            continue
        taken.add(address)
        target = names.paths.get(normal_path(fate.to)) if fate.to else None
        if target:
            redirects[address] = target
        elif not fate.to and fate.audience:
            removed[address] = Removed(fate.title, fate.audience)
    return redirects, removed


# -- Articles held back --


def in_time(draft: Draft, now: datetime) -> Draft:
    """Return the draft, held back until its `date` if that is to come, as Hugo and Jekyll do."""
    facts = draft.facts
    if facts.dated is None or facts.publish_at or not EARLIEST < now < facts.dated:
        return draft
    message = f"“date” is {facts.dated.date().isoformat()}, so this article appears then."
    hint = "Write “publish_at” to mean that, or “updated” for the day of a change."
    problem = Problem(draft.path, facts.dated_line, "schedule", message, hint)
    held = replace(facts, publish_at=facts.dated)
    return replace(draft, facts=held, problems=(*draft.problems, problem))


def restricted(kept: Article, draft: Draft, *, status: ArticleStatus) -> Article:
    """Return the kept older version under the newer draft's stricter audience, status and times."""
    facts = draft.facts
    wanted = kept.wanted if facts.status is ArticleStatus.PUBLISHED else facts.status
    return replace(
        kept,
        audience=Audience.narrowest((kept.audience, facts.audience)),
        wanted=wanted,
        status=kept.status if status is ArticleStatus.PUBLISHED else status,
        publish_at=facts.publish_at or kept.publish_at,
        expires_at=facts.expires_at or kept.expires_at,
    )


# -- The build --


Progress = Callable[[str, int, int], None]  # stage ("read" or "render"), done, of how many


def _silent(stage: str, done: int, total: int) -> None:
    """Report nothing."""


@dataclass(frozen=True, slots=True)
class Built:
    """A library with the parts it was built from, so that a single article can be built again.

    `drafts` are those of all files read as articles, including files that got no name.
    """

    library: Library
    drafts: tuple[Draft, ...]
    names: Names
    directory: Directory
    source: Source


def build_library(
    source: Source,
    *,
    previous: Library | None = None,
    progress: Progress = _silent,
    default_language: str = "en",
    limit: float = LIMIT,
    now: datetime = EARLIEST,
    drafts: Collection[str] = frozenset(),
) -> Library:
    """Return what `source` publishes at `now`; by default, no publishing or expiry time has come.
    `limit` is in seconds, for rendering one article. Articles in the files `drafts` are published
    even if they are drafts or scheduled for later.
    """
    build = _Build(source, previous or Library(commit=""), progress, limit)
    build.now, build.drafts = now, drafts
    try:
        return build.run(default_language).library
    finally:
        source.close()


def build_again(
    source: Source,
    *,
    previous: Library,
    progress: Progress,
    default_language: str,
    now: datetime = EARLIEST,
) -> Built:
    """Return the library with the parts it was built from; `source` stays open."""
    build = _Build(source, previous, progress, LIMIT)
    build.now = now
    return build.run(default_language)


def renewed(built: Built, path: str, blob: Blob, standby: Standby) -> Library | None:
    """Return the library with the article at `path` rendered again from `blob` by `standby`.

    None if other pages may change too, which needs a full build. Findings between articles are
    those of the previous build.
    """
    named = next((n for n in built.names.named.values() if n.draft.path == path), None)
    draft = read_draft(path, blob)
    if named is None or draft is None or not _same_place(named.draft, draft):
        return None
    return _Renewal(built, standby).run_for(replace(named, draft=draft))


def _same_place(old: Draft, new: Draft) -> bool:
    """Whether both drafts look the same to other articles: name, addresses, language, status."""
    return not (old.refused or new.refused) and all(
        getattr(old.facts, name) == getattr(new.facts, name) for name in _SEEN_BY_OTHERS
    )


_SEEN_BY_OTHERS = (
    "language",
    "collection",
    "audience",
    "status",
    "permalinks",
    "former",
    "translation_of",
    "redirect_to",
)


class _Build:
    def __init__(self, source: Source, previous: Library, progress: Progress, limit: float) -> None:
        self.source, self.previous = source, previous
        self.progress, self.limit = progress, limit
        self.before = {article.path: article for article in previous.articles.values()}
        self.problems: list[Problem] = list(source.problems)
        self.inline: dict[str, bytes] = {}
        self.changes: Mapping[str, tuple[datetime, str]] = {}
        self.now = EARLIEST
        self.drafts: Collection[str] = frozenset()

    def run(self, default_language: str) -> Built:
        moves, problems = read_moves(self.source.files())
        self.problems += problems
        drafts = tuple(self._drafts())
        names = give_names(drafts, self.before, default_language=default_language, moves=moves)
        pictures = Pictures(self.source.files())
        self.changes = self.source.history()
        around = Surroundings(self.source.files())
        # No link may lead to a draft, or to a refused article without an earlier good version.
        hidden = {slug for slug, named in names.named.items() if not self._is_open(named.draft)}
        shown = {slug: self._shown(named.draft) for slug, named in names.named.items()}
        directory = around.directory(names, pictures, hidden=hidden, shown=shown)
        articles = self._articles(names, directory)
        collections, synonyms = around.collections(articles.values()), around.synonyms()
        own_names = around.names()
        past = trace(self.source, self.previous, self.now)
        moved, removed = former_addresses(past, names, default_language=default_language)
        self.problems += [*names.problems, *pictures.problems, *around.problems]
        self.problems += [problem for a in articles.values() for problem in a.problems]
        self.problems += cross_check(articles)
        library = Library(
            commit=self.source.commit,
            articles=articles,
            collections=collections,
            redirects={o: s for o, s in (moved | names.redirects).items() if s in articles},
            translations=_present(names.translations, articles),
            media=pictures.media(articles.values(), self.inline, self.previous.media),
            synonyms=synonyms,
            names=own_names,
            problems=_in_order(self.problems),
            past=past,
            removed=removed,
            traced=True,
        )
        return Built(library, drafts, names, directory, self.source)

    def _drafts(self) -> Iterator[Draft]:
        files = {path: blob for path, blob in self.source.files().items() if is_article(path)}
        for number, (path, blob) in enumerate(files.items(), start=1):
            draft = read_draft(path, blob)
            self.progress("read", number, len(files))
            if draft is not None:
                yield in_time(draft, self.now)

    def _is_open(self, draft: Draft) -> bool:
        facts = draft.facts
        if not draft.refused:
            return self._status(facts.status, facts, draft.path) is ArticleStatus.PUBLISHED
        old = self.before.get(draft.path)
        return (
            old is not None and self._status(old.wanted, old, old.path) is ArticleStatus.PUBLISHED
        )

    def _shown(self, draft: Draft) -> Shown:
        """Return the title and audience that go live; a refused draft keeps the earlier title."""
        old = self.before.get(draft.path)
        if not draft.refused or old is None:
            return draft.title, draft.facts.audience
        return old.title, Audience.narrowest((old.audience, draft.facts.audience))

    def _status(self, wanted: ArticleStatus, timed: Article | Metadata, path: str) -> ArticleStatus:
        found = status_at(wanted, timed.publish_at, timed.expires_at, now=self.now)
        early = found is ArticleStatus.DRAFT and path in self.drafts
        return ArticleStatus.PUBLISHED if early else found

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

    def _render(self, waiting: list[NamedDraft], directory: Directory) -> list[Rendered | str]:
        return render_all(
            [named.job for named in waiting],
            directory,
            limit=self.limit,
            done=lambda count: self.progress("render", count, len(waiting)),
        )

    def _same(self, named: NamedDraft, directory: Directory) -> Article | None:
        """Return the previous article with today's facts; None if its text would render anew."""
        old, draft = self.before.get(named.draft.path), named.draft
        if old is None or old.stale or (old.blob, old.recipe) != (draft.blob, RECIPE):
            return None
        if old.language != named.language:
            return None
        seen = directory.seen_by(named.draft.facts.audience.value)
        for kind, written, address in old.references:
            if seen.address(kind, written, base=draft.path, language=old.language) != address:
                return None
        return replace(self._facts(named), **{name: getattr(old, name) for name in _RENDERED})

    def _new(self, named: NamedDraft, result: Rendered) -> Article:
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

    def _last_good(self, named: NamedDraft, reason: str) -> Article | None:
        """Return the last publishable version, marked stale; None if there never was one."""
        draft, old = named.draft, self.before.get(named.draft.path)
        problems = draft.problems
        if reason:
            message = f"This article cannot be rendered: {reason}."
            hint = "Simplify it; nesting and long runs of brackets are the usual causes."
            problems += (Problem(draft.path, None, "render", message, hint, refused=True),)
        self.problems += problems
        if old is None:
            return None
        status = self._status(old.wanted, old, old.path)
        kept = replace(old, slug=named.slug, status=status, stale=True, problems=problems)
        status = self._status(draft.facts.status, draft.facts, draft.path)
        return restricted(kept, draft, status=status)

    def _facts(self, named: NamedDraft) -> Article:
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
            audience=facts.audience,
            status=self._status(facts.status, facts, draft.path),
            wanted=facts.status,
            publish_at=facts.publish_at,
            expires_at=facts.expires_at,
            reviewed=facts.reviewed,
            review_by=facts.review_by,
            keywords=facts.keywords,
            answers=facts.answers,
            not_answers=facts.not_answers,
            aliases=named.aliases,
            translation_of=facts.translation_of,
            changed_at=changed_at,
            changed_by=changed_by,
            fields=facts.fields,
            extra=facts.extra,
            blob=draft.blob,
            recipe=RECIPE,
        )


class _Renewal(_Build):
    """Builds one article of a library again, with a process that is already running."""

    def __init__(self, built: Built, standby: Standby) -> None:
        super().__init__(built.source, built.library, _silent, LIMIT)
        self._built, self._standby = built, standby
        self.changes = built.source.history()
        self.problems = []

    def run_for(self, named: NamedDraft) -> Library:
        only = Names(named={named.slug: named})
        made = self._articles(only, self._built.directory)
        others = [p for p in self.previous.problems if p.path != named.draft.path]
        found = [problem for article in made.values() for problem in article.problems]
        return replace(
            self.previous,
            articles={**self.previous.articles, **made},
            problems=_in_order([*others, *found, *self.problems]),
        )

    def _render(self, waiting: list[NamedDraft], directory: Directory) -> list[Rendered | str]:
        del directory  # the standby process already has it
        return [self._standby.render(named.job, self.limit) for named in waiting]


_RENDERED = (
    "html", "sections", "toc", "summary", "links", "targets", "images", "references", "problems",
)  # fmt: skip # a list, several to a line


def _empty(named: NamedDraft, result: Rendered) -> Iterator[Problem]:
    if not result.html.strip():
        hint = "Write what readers should find, or set “status: draft”."
        yield Problem(named.draft.path, None, "empty", "This article has no text.", hint)


def _present(
    groups: Mapping[str, Mapping[str, str]], articles: Mapping[str, Article]
) -> dict[str, dict[str, str]]:
    """Return the translation groups without the articles that could not be published."""
    kept = {
        slug: {language: other for language, other in group.items() if other in articles}
        for slug, group in groups.items()
        if slug in articles
    }
    return {slug: group for slug, group in kept.items() if len(group) > 1}


def _in_order(problems: list[Problem]) -> tuple[Problem, ...]:
    return tuple(dict.fromkeys(sorted(problems, key=_place)))


def _place(problem: Problem) -> tuple[str, int, str, str]:
    return problem.path, problem.line or 0, problem.code, problem.message
