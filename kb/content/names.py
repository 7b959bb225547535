"""Give articles their names: slugs, former addresses, redirects and translations.

Each article has one slug and each slug one article, whatever the case or Unicode form of the file
names; a file that loses its name to another is reported. Redirects never take an address in use.
Lists of redirects are read from `_redirects` (Netlify's form: from, to, an optional status),
`_redirects.csv` or `redirects.csv` (two columns) and Microsoft Learn's
`.openpublishing.redirection.json`, with a finding for each line that cannot be used.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kb.content.article import Article
from kb.content.draft import Draft
from kb.content.frontmatter.metadata import guess_language
from kb.content.paths import MOUNT, Name, common_root, mount_of, name_of, normal_path
from kb.content.problem import Problem
from kb.content.rendering import RenderJob
from kb.content.sources.source import Blob

# -- Lists of redirects --


MAX_BYTES = 2 * 1024 * 1024
_MOST = 50_000  # addresses; the largest list seen, Microsoft's, has 20,000
_LISTS = frozenset({"_redirects", "_redirects.csv", "redirects.csv"})
_HINT = "Write the former address and the present one, without * and without a condition."


@dataclass(frozen=True, slots=True)
class Moved:
    """A former address and where it leads now, as written at `line` of the file `path`."""

    former: str
    target: str
    path: str
    line: int | None = None


def read_moves(files: Mapping[str, Blob]) -> tuple[list[Moved], list[Problem]]:
    """Return the redirects of all lists, and findings about those that cannot be used."""
    moves: list[Moved] = []
    problems: list[Problem] = []
    for path, blob in files.items():
        name = path.rpartition("/")[2].casefold()
        is_learn = name.startswith(".openpublishing.redirection") and name.endswith(".json")
        if not is_learn and name not in _LISTS:
            continue
        text = _text(path, blob, problems)
        read = _learn if is_learn else _table if name.endswith(".csv") else _lines
        for former, target, line in read(text):
            if _is_usable(former, target) and len(moves) < _MOST:
                moves.append(Moved(former, target, path, line))
            elif former or target:
                message = (
                    f"The redirect from “{former[:120]}” to “{target[:120]}” is not understood."
                )
                problems.append(Problem(path, line, "redirect", message, _HINT))
    return moves, problems


def _is_usable(former: str, target: str) -> bool:
    return bool(former and target) and not re.search(r"[*\s]|/:", former + target)


def _text(path: str, blob: Blob, problems: list[Problem]) -> str:
    try:
        if blob.size <= MAX_BYTES:
            return blob.read().decode("utf-8-sig")
        message = f"This list has {blob.size // 1024} KiB; {MAX_BYTES // 1024} KiB is the most."
    except (OSError, UnicodeDecodeError):
        message = "This list cannot be read as UTF-8."
    problems.append(Problem(path, None, "redirect", message, _HINT))
    return ""


def _lines(text: str) -> Iterator[tuple[str, str, int | None]]:
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].split() if line.lstrip().startswith("#") else line.split()
        if not words:
            continue
        is_plain = len(words) == 2 or (len(words) == 3 and re.fullmatch(r"30[1278]!?", words[2]))
        yield (words[0], words[1], number) if is_plain else (line.strip(), "", number)


def _table(text: str) -> Iterator[tuple[str, str, int | None]]:
    """Yield rows of two or more columns; a first row without an address is a heading."""
    try:
        for number, row in enumerate(csv.reader(text.splitlines()), start=1):
            cells = [cell.strip() for cell in row]
            is_heading = number == 1 and not any("/" in cell for cell in cells)
            if any(cells) and not is_heading:
                yield cells[0], cells[1] if len(cells) > 1 else "", number
    except csv.Error:
        yield text[:80], "", None


def _learn(text: str) -> Iterator[tuple[str, str, int | None]]:
    try:
        value: Any = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        yield text[:80], "", None
        return
    rows = value.get("redirections") if isinstance(value, dict) else None
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict):
            former = row.get("source_path") or row.get("source_path_from_root") or ""
            yield str(former), str(row.get("redirect_url") or ""), None


# -- Addresses on a former site --


def routes(draft: Draft, name: Name, root: str) -> Iterator[str]:
    """Yield the addresses that a page had on a Hugo or Docusaurus site whose folder is `root`."""
    plain = normal_path(name.stem)
    folder = plain.rpartition("/")[0]
    route = draft.facts.route
    if not route or " " in route:
        found = {plain}
    elif route.startswith("/"):
        found = {normal_path(route)}
    else:
        found = {normal_path(f"{folder}/{route}")}
    for address in sorted(found):
        yield from filter(None, (address, normal_path(f"{root}{address}")))


def follow(names: Names, moves: Iterable[Moved]) -> None:
    """Add the redirects of a list to `names`; those that lead nowhere are reported."""
    waiting = list(moves)
    for _ in range(3):  # a move may lead to another
        waiting = [move for move in waiting if not _follow(names, move)]
    for move in waiting:
        message = f"“{move.former[:120]}” leads to “{move.target[:120]}”, no article here."
        hint = "Name an article that exists, or remove the line."
        problem = Problem(move.path, move.line, "redirect", message, hint)
        names.problems.append(problem)


def _follow(names: Names, move: Moved) -> bool:
    mounts = dict.fromkeys((mount_of(move.path), ""))  # in its own repository first
    places = (mount + each for mount in mounts for each in _shorter(move.target))
    target = next(filter(None, (_slug(names, each) for each in places)), "")
    if not target:
        return False
    former = normal_path(move.former.partition("#")[0].partition("?")[0])
    if former and former not in names.sites:
        names.redirects[former] = names.sites[former] = target
    return True


def _slug(names: Names, address: str) -> str:
    return names.sites.get(address) or names.paths.get(address) or ""


def _shorter(target: str) -> Iterator[str]:
    """Yield the address, then without its first one and two parts, the former site's base."""
    plain = normal_path(target.partition("#")[0].partition("?")[0])
    parts = [] if "://" in target else plain.split("/")
    for first in range(min(3, len(parts))):
        yield "/".join(parts[first:])


# -- The names of all articles --


# Keys that only Docusaurus has; there a number before a file's name only sets its position.
_COUNTING = frozenset({"sidebar_position", "sidebar_label", "pagination_next", "pagination_prev"})


def job_of(draft: Draft, language: str) -> RenderJob:
    """Return the job that renders a draft in that language."""
    return RenderJob(
        draft.path,
        draft.body,
        draft.title,
        language,
        own_title=draft.own_title,
        jekyll=draft.facts.jekyll,
        body_line=draft.body_line,
        audience=draft.facts.audience.value,
    )


@dataclass(frozen=True, slots=True)
class NamedDraft:
    """A draft with its name, language, collection and former addresses."""

    draft: Draft
    name: Name
    language: str
    collection: str
    aliases: tuple[str, ...]

    @property
    def slug(self) -> str:
        """The article's slug."""
        return self.name.slug

    @property
    def job(self) -> RenderJob:
        """The job that renders the article."""
        return job_of(self.draft, self.language)


@dataclass(slots=True)
class Names:
    """All named drafts by slug; `paths`, `sites` and `stems` as in `Directory`."""

    named: dict[str, NamedDraft] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    sites: dict[str, str] = field(default_factory=dict)
    stems: dict[str, dict[str, str]] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    translations: dict[str, dict[str, str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    root: str = ""


def give_names(
    drafts: Iterable[Draft],
    before: Mapping[str, Article],
    *,
    default_language: str = "en",
    moves: Iterable[Moved] = (),
) -> Names:
    """Return the names; `before` gives, by path, the article that is kept if a draft is refused."""
    naming = _Naming(list(drafts), before, default_language)
    names = naming.run()
    follow(names, moves)
    return names


class _Naming:
    def __init__(
        self, drafts: list[Draft], before: Mapping[str, Article], default_language: str
    ) -> None:
        self.drafts, self.before, self.default_language = drafts, before, default_language
        self.root = common_root([draft.path for draft in drafts])
        # Repositories in which numbers before file names are positions, as in Docusaurus.
        self.counting = {
            mount_of(d.path) for d in drafts if not _COUNTING.isdisjoint(d.facts.extra)
        }
        self.names = Names(root=self.root)

    def run(self) -> Names:
        taken: dict[str, str] = {}
        for draft in self.drafts:
            if draft.facts.redirect_to:
                continue
            named = self._named(draft)
            first = taken.setdefault(normal_path(named.slug), draft.path)
            if first == draft.path:
                self.names.named[named.slug] = named
            else:
                self._report_twin(draft, first, named.slug)
        for named in self.names.named.values():
            self._list(named)
        self._sites()
        self._forward()
        self._translate()
        return self.names

    def _named(self, draft: Draft) -> NamedDraft:
        name = self._name(draft)
        facts, old = draft.facts, self.before.get(draft.path)
        if draft.refused and old is not None:
            return NamedDraft(draft, name, old.language, old.collection, old.aliases)
        return NamedDraft(
            draft,
            name,
            facts.language
            or name.language
            or guess_language(f"{draft.title}\n{draft.body}")
            or self.default_language,
            facts.collection or name.collection,
            tuple(dict.fromkeys((*facts.permalinks, *facts.former))),
        )

    def _name(self, draft: Draft) -> Name:
        counted = mount_of(draft.path) in self.counting
        return name_of(
            draft.path, self.root, default_language=self.default_language, counted=counted
        )

    def _list(self, named: NamedDraft) -> None:
        path = named.draft.path
        self.names.paths[normal_path(path)] = named.slug
        self.names.paths.setdefault(normal_path(path.removeprefix(self.root)), named.slug)
        if (mount := mount_of(path)) in self.counting:
            plain = normal_path(f"{MOUNT if mount else self.root}{named.name.stem}")
            self.names.paths.setdefault(plain, named.slug)
        group = self.names.stems.setdefault(normal_path(named.name.stem), {})
        group.setdefault(named.language, named.slug)

    def _sites(self) -> None:
        """Collect addresses: a page's own permalink before slugs, slugs before older addresses."""
        slugs = {normal_path(slug): slug for slug in self.names.named}
        own: dict[str, str] = {}
        for slug, named in self.names.named.items():
            for number, alias in enumerate(named.aliases):
                other = self.names.redirects.get(alias)
                if other and other != slug:
                    self._report_alias(named.draft, alias, other)
                    continue
                if alias not in slugs:
                    self.names.redirects[alias] = slug
                if number < len(named.draft.facts.permalinks):
                    own.setdefault(alias, slug)
        for slug, named in self.names.named.items():
            for route in self._routes(named):
                if route not in slugs:
                    self.names.redirects.setdefault(route, slug)
        self.names.sites = {**self.names.redirects, **slugs, **own}
        self._own_sites()

    def _own_sites(self) -> None:
        """Add the addresses of a further repository's own former site, as used inside it."""
        for slug, named in self.names.named.items():
            if mount := mount_of(named.draft.path):
                inner = (a.removeprefix(mount[1:]) for a in self._routes(named))
                for address in (*named.aliases, *inner):
                    self.names.sites.setdefault(normal_path(mount + address), slug)

    def _routes(self, named: NamedDraft) -> Iterator[str]:
        return routes(named.draft, named.name, self.root)

    def _forward(self) -> None:
        """Redirect the addresses of pages that only redirect to where these point."""
        for draft in self.drafts:
            facts = draft.facts
            if not facts.redirect_to:
                continue
            target = self._site(draft.path, facts.redirect_to)
            name = self._name(draft)
            for alias in (normal_path(name.slug), *facts.permalinks, *facts.former):
                if target and alias not in self.names.sites:
                    self.names.redirects[alias] = self.names.sites[alias] = target
            if not target:
                message = f"This page only leads to “{facts.redirect_to[:120]}”, no article here."
                hint = "Remove it, or write what readers should find."
                self.names.problems.append(Problem(draft.path, None, "redirect", message, hint))

    def _translate(self) -> None:
        everyone = self.names.named.items()
        groups = {slug: _Group({named.language: slug}, [slug]) for slug, named in everyone}
        for first, second in self._pairs():
            _join(groups, first, second)
        for slug, group in groups.items():
            if len(group.members) > 1:
                self.names.translations[slug] = dict(sorted(group.members.items()))

    def _pairs(self) -> Iterator[tuple[str, str]]:
        """Yield slugs that are translations of each other: by the same stem or by front matter."""
        for slug, named in self.names.named.items():
            for other in self.names.stems[normal_path(named.name.stem)].values():
                if other != slug:
                    yield other, slug
            written = named.draft.facts.translation_of
            target = self.translation(named)
            if target and target != slug:
                yield target, slug
            elif written:
                message = f"There is no article “{written[:120]}” that this translates."
                hint = "Write the slug of the original, such as accounts/reset-a-password."
                problem = Problem(named.draft.path, None, "translation", message, hint)
                self.names.problems.append(problem)

    def translation(self, named: NamedDraft) -> str:
        """Return the slug of the original that the author names, "" for none."""
        wanted = named.draft.facts.translation_of
        return self._site(named.draft.path, wanted, files=True) if normal_path(wanted) else ""

    def _site(self, path: str, address: str, *, files: bool = False) -> str:
        """Return the slug that an address means in the file at `path`, first in its repository."""
        for mount in dict.fromkeys((mount_of(path), "")):
            wanted = normal_path(f"{mount}{address.lstrip('/')}" if mount else address)
            found = self.names.sites.get(wanted) or (files and self.names.paths.get(wanted))
            if found:
                return found
        return ""

    def _report_twin(self, draft: Draft, first: str, slug: str) -> None:
        message = f"“{first}” already has the name “{slug}”, so this file is not published."
        problem = Problem(draft.path, None, "slug", message, "Rename one of the two.", refused=True)
        self.names.problems.append(problem)

    def _report_alias(self, draft: Draft, alias: str, other: str) -> None:
        message = f"The former address “{alias}” already leads to “{other}”."
        problem = Problem(draft.path, None, "alias", message, "Remove it from one of the two.")
        self.names.problems.append(problem)


@dataclass(slots=True)
class _Group:
    members: dict[str, str]  # slug by language
    slugs: list[str]


def _join(groups: dict[str, _Group], first: str, second: str) -> None:
    """Merge two groups; a language that both have keeps the first group's article."""
    one, other = groups[first], groups[second]
    if one is other:
        return
    for language, slug in other.members.items():
        one.members.setdefault(language, slug)
    for slug in other.slugs:
        groups[slug] = one
    one.slugs += other.slugs
