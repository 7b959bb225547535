"""Combine several repositories into one source; each further one is a collection.

It behaves as any `Source`, with the files of the repository `hr` under `@hr/`. The name of a state
holds each repository's commit, so that each can be read again.
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

_SHORT = 12  # digits of a commit that are shown to people
Each = TypeVar("Each")


def state_name(commits: Mapping[str, str]) -> str:
    """Return the name of a state: the main repository's commit (key ""), then each other one's."""
    others = (f"+{name}@{commit}" for name, commit in sorted(commits.items()) if name)
    return commits[""] + "".join(others)


def commits_of(commit: str) -> dict[str, str]:
    """Return the commits by repository from the name of a state, "" for the main repository."""
    own, *others = commit.split("+")
    pairs = (other.partition("@") for other in others)
    return {"": own} | {name: of_it for name, _, of_it in pairs}


def shortened(commit: str) -> str:
    """Return the name of a state in the form shown to people."""
    parts = commits_of(commit)
    others = (f" {name}@{part[:_SHORT]}" for name, part in parts.items() if name)
    return parts[""][:_SHORT] + "".join(others)


class SeveralSources:
    """The main source of the articles, and those of further repositories by name."""

    def __init__(self, own: Source, others: Mapping[str, Source]) -> None:
        self._parts: dict[str, Source] = {"": own} | dict(sorted(others.items()))
        self.commit = state_name({name: part.commit for name, part in self._parts.items()})
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
        """What each part left out, and main files in a folder that a further repository takes."""
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
        """Close every part."""
        for part in self._parts.values():
            part.close()

    def history(self) -> Mapping[str, tuple[datetime, str]]:
        """Return the last change of each file, from its own repository."""
        parts = self._parts.items()
        return {p: each for n, part in parts for p, each in _mounted(part.history(), n)}

    def moves(self, since: str) -> Iterable[FileChange] | None:
        """Return the files moved or removed in each repository since its commit in `since`. Parts
        without a history are skipped; None if no part has one.
        """
        before = commits_of(since) if since else {}
        told = {name: part.moves(before.get(name, "")) for name, part in self._parts.items()}
        kept = {name: changes for name, changes in told.items() if changes is not None}
        return chain(*(_moved(changes, name) for name, changes in kept.items())) if kept else None

    def changed_since(self, commit: str) -> frozenset[str]:
        """Return the paths that each part changed since its commit in `commit`; a part that is not
        named there shares no history.
        """
        before = commits_of(commit) if commit else {}
        return frozenset(
            _prefix(name) + path
            for name, part in self._parts.items()
            for path in part.changed_since(before.get(name, ""))
        )

    def follows(self, commit: str) -> bool:
        """Whether that state has the same parts, and each of its commits leads to this state's."""
        before = commits_of(commit) if commit else {}
        parts = self._parts.items()
        return before.keys() == self._parts.keys() and all(p.follows(before[n]) for n, p in parts)

    def read(self, blob: str) -> bytes:
        """Return the bytes of a blob of any part; OSError if none keeps it."""
        for part in self._parts.values():
            try:
                return part.read(blob)
            except OSError:
                continue
        raise OSError(f"no repository holds {blob}")

    def lineage(self, most: int) -> tuple[str, ...]:
        """Return the name of this state, then the newest commits of all parts in turn."""
        rows = zip_longest(*(part.lineage(most) for part in self._parts.values()))
        turns = (commit for row in rows for commit in row if commit)
        return tuple(dict.fromkeys((self.commit, *turns)))[:most]

    def writer(self, path: str) -> Writer | None:
        """Return who last changed the file, in its own repository."""
        mount = mount_of(path)
        part = self._parts.get(mount.strip(f"{MOUNT}/")) if mount else self._parts[""]
        return part.writer(path.removeprefix(mount)) if part else None

    def unseen(self, path: str, shown: str, most: int) -> tuple[str, ...]:
        """Return the commits of the file's repository that changed it since it was blob `shown`."""
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
