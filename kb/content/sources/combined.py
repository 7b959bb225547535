"""Articles of several repositories as one source: each further one is a collection.

Promises what `Source` promises, with the files of the repository `hr` under `@hr/`, and a name of
the state from which each repository's commit can be read again. Knows no fetching and no setting.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import chain, zip_longest
from typing import TypeVar

from kb.content.paths import MOUNT, mount_of
from kb.content.problem import Problem
from kb.content.sources.source import Blob, FileChange, Source, Writer

_SHORT = 12  # digits of a commit that people are shown
Each = TypeVar("Each")


def joined(commits: Mapping[str, str]) -> str:
    """Return the name of a state: the articles' own commit (key ""), then each repository's."""
    others = (f"+{name}@{commit}" for name, commit in sorted(commits.items()) if name)
    return commits[""] + "".join(others)


def parted(commit: str) -> dict[str, str]:
    """Return the commits by repository that such a name says, "" for the articles' own."""
    own, *others = commit.split("+")
    pairs = (other.partition("@") for other in others)
    return {"": own} | {name: of_it for name, _, of_it in pairs}


def shortened(commit: str) -> str:
    """Return the name of a state as people are shown it."""
    parts = parted(commit)
    others = (f" {name}@{part[:_SHORT]}" for name, part in parts.items() if name)
    return parts[""][:_SHORT] + "".join(others)


class SeveralSources:
    """The articles' own source, and those of further repositories by name."""

    def __init__(self, own: Source, others: Mapping[str, Source]) -> None:
        self._parts: dict[str, Source] = {"": own} | dict(sorted(others.items()))
        self.commit = joined({name: part.commit for name, part in self._parts.items()})
        self._files = {
            path: blob
            for name, part in self._parts.items()
            for path, blob in _mounted(part.files(), name)
            if name or mount_of(path) not in self._mounts
        }

    @property
    def _mounts(self) -> set[str]:
        return {_prefix(name) for name in self._parts if name}

    @property
    def content(self) -> str:
        """A name for the files of all parts."""
        told = "\0".join(f"{name}\0{part.content}" for name, part in self._parts.items())
        return f"several-{hashlib.sha256(told.encode()).hexdigest()[:40]}"

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was left out of each part, and what of the articles' own lies where another is."""
        found = [
            replace(problem, path=_prefix(name) + problem.path)
            for name, part in self._parts.items()
            for problem in part.problems
        ]
        hidden = (path for path in self._parts[""].files() if mount_of(path) in self._mounts)
        for path in hidden:
            message = f"“{path}” lies where a repository of that name is read."
            hint = "Move it, or give the repository another name."
            found.append(Problem(path, None, "not-a-file", message, hint))
        return tuple(found)

    def files(self) -> Mapping[str, Blob]:
        """The regular files of all parts by path."""
        return dict(sorted(self._files.items()))

    def close(self) -> None:
        """Let go of every part's processes."""
        for part in self._parts.values():
            part.close()

    def history(self) -> Mapping[str, tuple[datetime, str]]:
        """The last change of each file, from its own repository."""
        parts = self._parts.items()
        return {p: each for n, part in parts for p, each in _mounted(part.history(), n)}

    def moves(self, since: str) -> Iterable[FileChange] | None:
        """Files moved or removed in each repository since its commit in `since`. A part that keeps
        no history tells of none; None where no part keeps any.
        """
        before = parted(since) if since else {}
        told = {name: part.moves(before.get(name, "")) for name, part in self._parts.items()}
        kept = {name: changes for name, changes in told.items() if changes is not None}
        return chain(*(_moved(changes, name) for name, changes in kept.items())) if kept else None

    def changed_since(self, commit: str) -> frozenset[str]:
        """The paths that each part changed since its commit in `commit`; a part that is not named
        there shares no history.
        """
        before = parted(commit) if commit else {}
        return frozenset(
            _prefix(name) + path
            for name, part in self._parts.items()
            for path in part.changed_since(before.get(name, ""))
        )

    def follows(self, commit: str) -> bool:
        """Whether that state has the same parts, and each leads to this one's."""
        before = parted(commit) if commit else {}
        parts = self._parts.items()
        return before.keys() == self._parts.keys() and all(p.follows(before[n]) for n, p in parts)

    def read(self, blob: str) -> bytes:
        """The bytes of a blob of any part; OSError where none keeps it."""
        for part in self._parts.values():
            try:
                return part.read(blob)
            except OSError:
                continue
        raise OSError(f"no repository holds {blob}")

    def lineage(self, most: int) -> tuple[str, ...]:
        """The name of this state, then the newest commits of all parts in turn."""
        rows = zip_longest(*(part.lineage(most) for part in self._parts.values()))
        turns = (commit for row in rows for commit in row if commit)
        return tuple(dict.fromkeys((self.commit, *turns)))[:most]

    def writer(self, path: str) -> Writer | None:
        """Who changed the file last, in its own repository."""
        mount = mount_of(path)
        part = self._parts.get(mount.strip(f"{MOUNT}/")) if mount else self._parts[""]
        return part.writer(path.removeprefix(mount)) if part else None

    def unseen(self, path: str, shown: str, most: int) -> tuple[str, ...]:
        """The commits of the file's own repository that changed it since it was that blob."""
        mount = mount_of(path)
        part = self._parts.get(mount.strip(f"{MOUNT}/")) if mount else self._parts[""]
        return part.unseen(path.removeprefix(mount), shown, most) if part else ()


def _prefix(name: str) -> str:
    return f"{MOUNT}{name}/" if name else ""


def _mounted(found: Mapping[str, Each], name: str) -> Iterator[tuple[str, Each]]:
    return ((_prefix(name) + path, each) for path, each in found.items())


def _moved(changes: Iterable[FileChange], name: str) -> Iterator[FileChange]:
    prefix = _prefix(name)
    for change in changes:
        new = prefix + change.new if change.new else ""
        yield replace(change, old=prefix + change.old, new=new)
