"""The state of publishing: its state file, the facts kept beside each library, and notices.

The state file is small, lies in the data folder and is replaced in one step; a fresh data folder
has none. A lock allows one publisher at a time.

The facts of a generation are its recipe, until when it is valid, which commits it contains, and
whom its problems concern. There is one notice for each problem that withholds an article, addressed
to whoever changed the file last, and none for problems older than the first notices.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from kb.config.repositories import Repository
from kb.config.settings import Settings
from kb.content.article import ArticleStatus
from kb.content.frontmatter.metadata import next_change
from kb.content.library import Library
from kb.content.paths import MOUNT, is_article, mount_of
from kb.content.problem import Problem
from kb.content.rendering import RECIPE
from kb.content.sources import mirror
from kb.content.sources.combined import SeveralSources, commits_of
from kb.content.sources.git import GitSource, branches, find_repository
from kb.content.sources.source import Source, open_mirror, open_source
from kb.errors import ContentError, StoreError
from search.errors import SearchError
from search.index import generation as index_generation
from search.index.building import Remains, recipe
from search.index.manifest import shared
from search.index.opened import Generation

# -- The state file --


FILE, LOCK, WAKE = "publishing.json", "publishing.lock", "publish-now"


@dataclass(frozen=True, slots=True)
class Pin:
    """A rollback: `generation` of `commit` stays live while the articles' content is `away`."""

    generation: str
    commit: str
    away: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why `commit` did not go live; `content` names the state of the articles it had."""

    commit: str
    content: str
    reason: str
    hint: str


@dataclass(frozen=True, slots=True)
class PublishState:
    """What the last publish found. `seen` are the newest commits that are live in `generation`,
    newest first, including those that changed no article; `unfetched` says why a remote could not
    be fetched, `trouble` why nothing could be published, `gone` that the branch does not exist any
    more.
    """

    seen: tuple[str, ...] = ()
    pin: Pin | None = None
    refusal: Refusal | None = None
    unfetched: str = ""
    generation: str = ""
    trouble: str = ""
    gone: bool = False

    @property
    def wrong(self) -> str:
        """Return in plain words what keeps newer articles from readers; "" for nothing."""
        if self.gone:
            return "the branch that is published is gone; what was live stays"
        if self.trouble:
            return "the articles cannot be read or published; what was live stays"
        if self.refusal:
            return self.refusal.reason
        return "a repository of articles could not be fetched from" if self.unfetched else ""


def read_state(data: Path) -> PublishState:
    """Return the state in the data folder; an empty one if it cannot be read."""
    try:
        held = json.loads((data / FILE).read_text("utf-8"))
        pin, refusal = held.pop("pin"), held.pop("refusal")
        return PublishState(
            pin=Pin(**pin) if pin else None,
            refusal=Refusal(**refusal) if refusal else None,
            seen=tuple(held.pop("seen")),
            **held,
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return PublishState()


def write_state(data: Path, standing: PublishState) -> None:
    """Write the state durably, unless it is unchanged."""
    if read_state(data) == standing:
        return
    _replace(data / FILE, json.dumps(asdict(standing), ensure_ascii=False, indent=1))


@contextmanager
def publish_lock(data: Path) -> Iterator[int]:
    """Wait for the publishers' lock and hold it; gives its file descriptor for child processes."""
    with _opened(data) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def _opened(data: Path) -> IO[str]:
    try:
        data.mkdir(parents=True, exist_ok=True)
        return (data / LOCK).open("w")
    except OSError as problem:
        raise _unwritable(data, problem) from None


def request_publish(data: Path) -> None:
    """Ask the worker on this machine to publish now rather than at its next poll."""
    _replace(data / WAKE, uuid.uuid4().hex)


def publish_request(data: Path) -> str:
    """Return a text that changes with every call of `wake`, "" if there was none."""
    try:
        return (data / WAKE).read_text("utf-8")
    except (OSError, ValueError):
        return ""


def _replace(file: Path, text: str) -> None:
    fresh = file.with_name(f"{file.name}.{uuid.uuid4().hex[:8]}.new")
    try:
        with fresh.open("w", encoding="utf-8") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(fresh, file)
    except OSError as problem:
        fresh.unlink(missing_ok=True)
        raise _unwritable(file.parent, problem) from None


def _unwritable(data: Path, problem: OSError) -> StoreError:
    return StoreError(
        f"The data folder {data} cannot be written: {problem.strerror}.",
        "Give this user the right to write there, or set KB_DATA to another folder.",
    )


# -- Sources and generations --


log = logging.getLogger(__name__)

Kept = Generation | Remains  # a generation that holds a library, or what remains of one
RECIPE_FILE, SCHEDULE, LINEAGE, NOTICES, WITHHELD = (
    "recipe.json",
    "schedule.json",
    "lineage.json",
    "notices.json",
    "withheld.json",
)
FORMAT = 2  # raise it to rebuild every library although no article has changed
MOST_WITHHELD = 200  # articles whose commits are looked up; each costs a call to Git
ANCESTORS = 500  # newest commits kept of a generation; CI asks soon after its push


def open_articles(settings: Settings, state: str = "") -> Source:
    """Return the articles that the settings name, in that state or the one to be published.

    Additional repositories that were never fetched are left out. ContentError names the repository
    that cannot be read.
    """
    commits = commits_of(state)
    own = _open_own(settings, commits.pop("", ""))
    others = {
        one.name: _open_other(settings, one, commits.get(one.name, ""))
        for one in settings.repositories
        if mirror.is_fetched(settings.mirror_of(one))
    }
    return SeveralSources(own, others) if others else own


def open_repository(settings: Settings, path: str, state: str) -> tuple[GitSource, str] | None:
    """Return the repository of the article's file at `path` in that state, and the file's path in
    it; None if it has no history.
    """
    mount, commits = mount_of(path), commits_of(state)
    name = mount.strip(f"{MOUNT}/")
    if commits.get(name, "folder-").startswith("folder-"):
        return None
    one = next((one for one in settings.repositories if one.name == name), None)
    if name and one is None:
        return None
    source = _open_other(settings, one, commits[name]) if one else _open_own(settings, commits[""])
    return (source, path.removeprefix(mount)) if isinstance(source, GitSource) else None


def branches_of(settings: Settings) -> tuple[str, ...]:
    """Return the branches that can be previewed: of the articles, then of others ("hr:draft")."""
    own = settings.mirror if settings.articles_remote else find_repository(settings.articles)
    found = list(branches(own)) if own and own.is_dir() else []
    for one in settings.repositories:
        if mirror.is_fetched(settings.mirror_of(one)):
            found += [f"{one.name}:{branch}" for branch in branches(settings.mirror_of(one))]
    return tuple(found)


def _open_own(settings: Settings, commit: str) -> Source:
    if not settings.articles_remote:
        return open_source(settings.articles, commit or settings.articles_ref)
    ref = commit or _ref(settings.articles_ref)
    return open_mirror(settings.mirror, ref, settings.articles_path.strip("/"))


def _open_other(settings: Settings, one: Repository, commit: str) -> Source:
    try:
        return open_mirror(settings.mirror_of(one), commit or _ref(one.ref), one.path)
    except ContentError as problem:
        message = f"The repository {one.name} cannot be read: {problem.message}"
        raise type(problem)(message, problem.hint) from None


def _ref(chosen: str) -> str:
    """Return the name in a mirror of the branch, tag or commit that a setting chooses."""
    return mirror.HEAD if chosen == "HEAD" else chosen


def current(root: Path) -> Generation | None:
    """Return the live generation, None if there is none or it cannot be read."""
    try:
        return index_generation.open_current(root)
    except SearchError:
        return None


def library_of(live: Kept | None) -> Library | None:
    """Return the library of a generation, None if it cannot be read."""
    try:
        return Library.load(live.read) if live else None
    except (OSError, SearchError, ValueError, KeyError, TypeError):
        log.warning("the library of generation %s cannot be read", live.id if live else "")
        return None


def recipe_of(settings: Settings, source: Source) -> bytes:
    """Return the recipe that decides a generation's content: the files and how they are read."""
    read = [RECIPE, recipe(), settings.language, settings.semantic, settings.model, FORMAT]
    return json.dumps([source.content, *read]).encode()


def made_of(live: Generation) -> bytes:
    """Return the recipe of a generation, empty when it is unknown."""
    try:
        return live.read(RECIPE_FILE)
    except (OSError, SearchError):
        return b""


def content_of(live: Generation) -> str:
    """Return the name of the articles' state that a generation was made of, "" when unknown."""
    found = json.loads(made_of(live) or b'[""]')
    return str(found[0])


def is_due(live: Generation, now: datetime) -> bool:
    """Return whether an article of this generation should have appeared or expired by now."""
    until = _fact(live, SCHEDULE, "")
    return bool(until) and datetime.fromisoformat(until) <= now


def lineage_of(live: Kept | None) -> frozenset[str]:
    """Return the newest commits that a generation contains; none when that is unknown."""
    return frozenset(_fact(live, LINEAGE, [])) if live else frozenset()


def withheld_of(live: Kept | None) -> frozenset[str]:
    """Return the commits of a generation whose change to an article is not live: it was refused, or
    its time has not come.
    """
    return frozenset(_fact(live, WITHHELD, [])) if live else frozenset()


def notices_of(live: Kept | None) -> tuple[CommitProblem, ...]:
    """Return the notices of a generation: its problems and whom they concern."""
    return tuple(CommitProblem(**row) for row in _fact(live, NOTICES, [])) if live else ()


def _fact(live: Kept, name: str, otherwise: Any) -> Any:
    """Return one of the facts; a generation built by an older version may have none."""
    try:
        return json.loads(live.read(name))
    except (OSError, SearchError):
        return otherwise


def facts(
    source: Source, library: Library, *, before: Kept | None, now: datetime
) -> dict[str, bytes]:
    """Return the facts of a generation that is to be built, as files."""
    until, lineage = next_change(library.articles.values(), now), source.lineage(ANCESTORS)
    told = notices(
        source,
        library.problems,
        known=lineage_of(before),
        fresh=lineage,
        before=notices_of(before),
    )
    found: dict[str, Any] = {
        SCHEDULE: until.isoformat() if until else "",
        LINEAGE: lineage,
        NOTICES: [notice.to_row() for notice in told],
        WITHHELD: sorted(set(_withheld(source, library)) & set(lineage)),
    }
    return {name: json.dumps(each).encode() for name, each in found.items()}


def _withheld(source: Source, library: Library) -> Iterator[str]:
    """Yield the commits whose changes to articles readers do not get."""
    by_path = {article.path: article for article in library.articles.values()}
    refused = {each.path for each in library.problems if each.refused and is_article(each.path)}
    early = {
        path
        for path, article in by_path.items()
        if article.status is ArticleStatus.DRAFT and article.wanted is ArticleStatus.PUBLISHED
    }
    for path in sorted(refused | early)[:MOST_WITHHELD]:
        shown = by_path[path].blob if path in by_path and path not in early else ""
        try:
            yield from source.unseen(path, shown, ANCESTORS)
        except ContentError as problem:  # Git took too long; publishing goes on without
            log.warning("which commits of %s readers do not get is unknown: %s", path, problem)


def seed(root: Path, live: Path) -> None:
    """Copy the live index to a preview's `root` if it has none, to reuse its vectors."""
    found = None if current(root) else current(live)
    if found is None:
        return
    root.mkdir(parents=True, exist_ok=True)
    shutil.copytree(found.path, root / found.path.name, copy_function=shared)
    (root / "CURRENT").write_text(found.path.name, "utf-8")


# -- Notices about commits that do not go live as intended --


MOST = 50  # notices of one publish; more mean that the whole is wrong, not single files
# Problems that do not refuse an article and yet keep it from its intended readers.
_WITHHOLDING = frozenset({"audience", "status", "schedule"})


@dataclass(frozen=True, slots=True)
class CommitProblem:
    """A problem, and the commit that caused it, with its author's name and address."""

    path: str
    line: int
    code: str
    message: str
    hint: str
    commit: str
    name: str
    address: str

    def to_row(self) -> dict[str, Any]:
        """Return the notice as a JSON-able mapping."""
        return asdict(self)


def notices(
    source: Source,
    problems: Collection[Problem],
    *,
    known: Collection[str],
    fresh: Collection[str],
    before: Collection[CommitProblem],
) -> list[CommitProblem]:
    """Return the notices to send.

    `fresh` are the commits of this publish and `known` those of the one before; if nothing is known
    only notices in `before` are kept. Those whose problem persists stay.
    """
    told = {(each.path, each.code, each.commit) for each in before}
    new = set(fresh) - set(known) if known else set()
    return [
        each
        for each in _addressed(source, problems)
        if each.commit in new or (each.path, each.code, each.commit) in told
    ]


def _addressed(source: Source, problems: Collection[Problem]) -> Iterator[CommitProblem]:
    withheld = [each for each in problems if each.refused or each.code in _WITHHOLDING]
    for problem in withheld[:MOST]:
        writer = source.writer(problem.path)
        if writer is not None and "@" in writer.address:
            yield CommitProblem(
                path=problem.path,
                line=problem.line or 0,
                code=problem.code,
                message=problem.message,
                hint=problem.hint,
                commit=writer.commit,
                name=writer.name,
                address=writer.address,
            )
