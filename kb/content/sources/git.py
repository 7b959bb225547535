"""Read articles from Git at one pinned commit, with the program `git`.

Only committed objects are read: no checkout, hook, filter, attribute, symlink, submodule, pager,
monitor or network is used, whatever the repository's own configuration asks for. Every call has a
time limit. The reasons are in docs/decisions/0004-articles-from-git-objects.md.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import threading
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import IO

from kb.content.problem import Problem
from kb.content.sources.source import FORMAT, Blob, FileChange, Version, Writer, read_versions
from kb.errors import BranchGone, ContentError

# -- Running Git --


_TIMEOUT = 60  # seconds for one listing; a repository of 100,000 files needs about one
# Overrides of repository settings that could run a program or change what is read.
SAFE = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.attributesFile=/dev/null",
    "core.pager=cat",
    "log.showSignature=false",
    "log.mailmap=false",
)


@dataclass(frozen=True, slots=True)
class Git:
    """One repository: a bare one, or the root of a work tree."""

    place: Path
    bare: bool

    def run(self, *words: str, timeout: int = _TIMEOUT) -> bytes | None:
        """Return what Git prints, None when it fails. ContentError when it takes too long."""
        try:
            done = subprocess.run(  # noqa: S603 - fixed program, words of our own, no shell
                self.command(*words),
                env=environment(),
                capture_output=True,
                timeout=timeout,
                check=False,
            )
        except FileNotFoundError as error:
            raise no_git() from error
        except subprocess.TimeoutExpired as error:
            raise ContentError(
                f"Git did not answer within {timeout} seconds at {self.place}.",
                "Check the disk, and run: git fsck",
            ) from error
        return done.stdout if done.returncode == 0 else None

    @contextlib.contextmanager
    def records(self, *words: str) -> Iterator[Iterator[str]]:
        """Open an iterator over the NUL-ended records that Git prints, read on demand."""
        process = start(self.command(*words))
        assert process.stdout is not None
        try:
            yield _split(process.stdout)
        finally:
            stop(process)

    def command(self, *words: str) -> list[str]:
        """Return the command line that queries this repository without any network."""
        where = [f"--git-dir={self.place}"] if self.bare else ["-C", str(self.place)]
        trusted = (f"safe.directory={self.place}", f"safe.directory={self.place / '.git'}")
        settings = (*SAFE, "protocol.allow=never", *trusted)
        options = [word for setting in settings for word in ("-c", setting)]
        return [
            "git",
            *where,
            "--no-pager",
            "--no-optional-locks",
            "--literal-pathspecs",
            *options,
            *words,
        ]


def environment() -> dict[str, str]:
    """Return what Git needs and no more: nothing inherited can redirect it or run a program."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    return kept | {
        "LC_ALL": "C",
        "HOME": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
    }


def start(command: list[str]) -> subprocess.Popen[bytes]:
    """Start the program with pipes and return it; end it with `stop`."""
    try:
        return subprocess.Popen(  # noqa: S603 - fixed program, words of our own, no shell
            command,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except FileNotFoundError as error:
        raise no_git() from error


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the program and close its pipes."""
    process.kill()
    with contextlib.suppress(BrokenPipeError):
        process.communicate()


def _split(stream: IO[bytes]) -> Iterator[str]:
    """Yield NUL-ended records as text."""
    rest = b""
    while block := stream.read(1 << 16):
        *whole, rest = re.split(b"\0", rest + block)
        for record in whole:
            yield record.decode("utf-8", "replace")
    if rest:
        yield rest.decode("utf-8", "replace")


def no_git() -> ContentError:
    """Return the error for a machine without Git."""
    return ContentError(
        "The program git is not installed, and the articles are in a Git repository.",
        "Install git, or set the articles path to a folder outside any repository.",
    )


# -- The source --


_TIMEOUT_OF_A_PAGE = 10  # seconds, for calls that a reader waits for
_LONGEST = 20_000  # commits searched for moves: 0.9 s, with 1,900 renames among them


def find_repository(path: Path) -> Path | None:
    """Return the bare repository or work tree that `path` is or lies in, None without one."""
    if (path / "HEAD").is_file() and (path / "objects").is_dir() and (path / "refs").is_dir():
        return path
    return next((place for place in (path, *path.parents) if (place / ".git").exists()), None)


def branches(repository: Path) -> tuple[str, ...]:
    """Return the names of the repository's branches, the one with the latest commit first."""
    git = Git(repository, bare=not (repository / ".git").exists())
    told = git.run(
        "for-each-ref", "--sort=-committerdate", "--format=%(refname:lstrip=2)", "refs/heads"
    )
    return tuple((told or b"").decode("utf-8", "replace").split("\n")[:-1])


class GitSource:
    """The files under `path` at the commit that `ref` named when this was opened."""

    def __init__(self, repository: Path, path: Path, ref: str = "HEAD") -> None:
        self._repository = repository
        self._git = Git(repository, bare=not (repository / ".git").exists())
        inside = path.relative_to(repository).as_posix()
        self._prefix = "" if inside == "." else inside
        self.commit = self._pin(ref)
        self._objects = _Objects(self._git.command("cat-file", "--batch"))
        self._files, self.problems = self._list()

    @property
    def content(self) -> str:
        """The id of the tree under the path, the same for commits that change nothing there."""
        found = self._git.run("rev-parse", "--verify", "--quiet", f"{self.commit}:{self._prefix}")
        return found.decode().strip() if found else self.commit

    @property
    def inside(self) -> str:
        """The folder of the articles inside the repository, "" at its top."""
        return self._prefix

    @property
    def is_tracked(self) -> bool:
        """Whether the commit holds anything under the path; the root of a repository always is."""
        return bool(self._files) or not self._prefix

    def files(self) -> Mapping[str, Blob]:
        """The regular files by path."""
        return self._files

    def close(self) -> None:
        """End the process that reads objects; it starts again when needed."""
        self._objects.close()

    def history(self) -> Mapping[str, tuple[datetime, str]]:
        """Return the last change of each file, read newest first until all are known."""
        missing = set(self._files)
        changes: dict[str, tuple[datetime, str]] = {}
        for when, author, path in self._log():
            if path in missing:
                missing.discard(path)
                changes[path] = (when, author)
            if not missing:
                break
        return changes

    def moves(self, since: str) -> Iterator[FileChange]:
        """Return the files moved or removed, newest first, along first parents: after the commit
        `since` if it is an ancestor, else from the beginning. Renames are those that Git detects.
        """
        span = f"{since}..{self.commit}" if self.follows(since) else self.commit
        where = f"--relative={self._prefix}/" if self._prefix else "--no-relative"
        command = (
            "log", "-z", where, f"--max-count={_LONGEST}", "--first-parent", "-m", "-M", "-l1000",
            "--diff-filter=RD", "--raw", "--no-abbrev", "--no-ext-diff", "--format=format:",
            span, "--", self._prefix or ".",
        )  # fmt: skip # a command line
        with self._git.records(*command) as records:
            for record in records:
                head = record.lstrip("\n")
                if head.startswith(":"):
                    old, moved = next(records), " R" in head
                    yield FileChange(old, next(records) if moved else "", head.split()[2])

    def changed_since(self, commit: str) -> frozenset[str]:
        """Return the files added or changed since this commit and `commit` parted; none if they
        share no history. A file that was only moved does not count.
        """
        if not commit or commit.startswith("-"):
            return frozenset()
        where = f"--relative={self._prefix}/" if self._prefix else "--no-relative"
        told = self._git.run(
            "diff", "-z", where, "--name-only", "-M100%", "--diff-filter=AMT", "--no-ext-diff",
            "--no-textconv",
            f"{commit}...{self.commit}", "--", self._prefix or ".",
        )  # fmt: skip # a command line
        names = (told or b"").decode("utf-8", "replace").split("\0")
        return frozenset(name for name in names if name in self._files)

    def follows(self, commit: str) -> bool:
        """Whether `commit` is an ancestor of this one, or the same."""
        if not commit or commit.startswith("-"):
            return False
        return self._git.run("merge-base", "--is-ancestor", commit, self.commit) is not None

    def read(self, blob: str) -> bytes:
        """Return the bytes of any blob of the repository by its id; OSError if it is missing."""
        return self._objects.read(blob)

    def lineage(self, most: int) -> tuple[str, ...]:
        """Return the newest commits contained in this one, itself first."""
        told = self._git.run("rev-list", f"--max-count={most}", self.commit)
        return tuple((told or b"").decode().split())

    def writer(self, path: str) -> Writer | None:
        """Return who last changed the file, and in which commit."""
        inside = f"{self._prefix}/{path}" if self._prefix else path
        told = self._git.run("log", "-1", "--format=%H%x00%an%x00%ae", self.commit, "--", inside)
        facts = (told or b"").decode("utf-8", "replace").strip("\n").split("\0")
        return Writer(*facts) if len(facts) == 3 else None

    def unseen(self, path: str, shown: str, most: int) -> tuple[str, ...]:
        """Return the commits that changed the file since it was the blob `shown`, newest first."""
        newer = takewhile(lambda one: one.blob != shown, self.versions(path, most))
        return tuple(one.commit for one in newer)

    def _log(self) -> Iterator[tuple[datetime, str, str]]:
        where = f"--relative={self._prefix}/" if self._prefix else "--no-relative"
        command = (
            "log", "-z", where, "--no-renames", "--no-ext-diff", "--name-only",
            "--format=format:%x01%ct%x02%an", self.commit, "--", self._prefix or ".",
        )  # fmt: skip # a command line
        with self._git.records(*command) as records:
            when, author = datetime.fromtimestamp(0, UTC), ""
            for record in records:
                head, _, path = record.rpartition("\n")
                if head.startswith("\x01"):
                    seconds, _, author = head[1:].partition("\x02")
                    when = datetime.fromtimestamp(int(seconds), UTC)
                if path:
                    yield when, author, path

    def versions(self, path: str, most: int) -> tuple[Version, ...]:
        """Return the commits that changed the file, newest first, followed through renames."""
        where = f"{self._prefix}/{path}" if self._prefix else path
        told = self._git.run(
            "log", "-z", "--follow", "--raw", "--no-abbrev", "--no-ext-diff", "--no-textconv",
            f"-n{most}", f"--format={FORMAT}", self.commit, "--", where,
            timeout=_TIMEOUT_OF_A_PAGE,
        )  # fmt: skip # a command line
        found = read_versions(told or b"")
        cut = f"{self._prefix}/" if self._prefix else ""
        return tuple(replace(each, path=each.path.removeprefix(cut)) for each in found)

    def version(self, version: Version, most: int) -> bytes:
        """Return the file's bytes at that version; OSError when it is missing or over `most`."""
        return self._objects.read(version.blob, most)

    def _list(self) -> tuple[dict[str, Blob], tuple[Problem, ...]]:
        tree = f"{self.commit}:{self._prefix}" if self._prefix else self.commit
        listing = self._git.run("ls-tree", "-r", "-z", "-l", "--full-tree", tree)
        if listing is None and self._git.run("rev-parse", "--verify", "--quiet", tree):
            raise self._incomplete()
        if listing is None:  # there is no such folder in the commit
            return {}, ()
        files: dict[str, Blob] = {}
        problems = []
        for row in filter(None, listing.split(b"\0")):
            facts, _, raw = row.partition(b"\t")
            mode, kind, oid, size = facts.decode().split()
            path = raw.decode("utf-8", "replace")
            left_out = _left_out(path, mode, kind)
            if left_out:
                problems.append(left_out)
            else:
                files[path] = Blob(oid, int(size), mode, partial(self._objects.read, oid))
        return dict(sorted(files.items())), tuple(problems)

    def _incomplete(self) -> ContentError:
        """Return the error for a repository that lacks file contents of its own commit."""
        partial = r"^(extensions\.partialclone|remote\..*\.promisor)$"
        if self._git.run("config", "--local", "--get-regexp", partial):
            return ContentError(
                f"The repository at {self._repository} is a partial clone and lacks files.",
                "Clone it without --filter, or run in it: git fetch --refetch --no-filter",
            )
        return ContentError(
            f"The repository at {self._repository} lacks files of its commit {self.commit[:12]}.",
            "See what is missing with: git fsck --full; then clone it anew.",
        )

    def _pin(self, ref: str) -> str:
        if ref.startswith("-"):
            raise ContentError(f"“{ref}” is not a commit.", "Name a branch, tag or commit id.")
        found = self._git.run(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"
        )
        if found:
            return found.decode().strip()
        if ref == "HEAD":
            raise ContentError(
                f"The repository at {self._repository} has no commit yet.",
                "Commit the articles, or name the branch that holds them.",
            )
        raise BranchGone(
            f"The repository at {self._repository} has no branch, tag or commit “{ref}”.",
            "Check the name with: git branch --all",
        )


class _Objects:
    """One `git cat-file --batch` process, started on first use and ended with its owner."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._end: weakref.finalize[..., _Objects] | None = None

    def read(self, oid: str, most: int | None = None) -> bytes:
        """Return the object's bytes; OSError if it is missing or has more than `most` bytes."""
        with self._lock:
            process = self._process or self._start()
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"{oid}\n".encode())
            process.stdin.flush()
            head = process.stdout.readline().split()
            if len(head) != 3 or head[1] != b"blob":
                raise OSError(f"Git object {oid} cannot be read")
            if most is not None and int(head[2]) > most:
                self._drop()  # its pending output would be taken for the next answer
                raise OSError(f"Git object {oid} has {head[2].decode()} bytes")
            data = process.stdout.read(int(head[2]) + 1)
        if len(data) != int(head[2]) + 1:
            raise OSError(f"Git object {oid} is cut short")
        return data[:-1]

    def close(self) -> None:
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        if self._end is not None:
            self._end()
        self._process = self._end = None

    def _start(self) -> subprocess.Popen[bytes]:
        self._process = start(self._command)
        self._end = weakref.finalize(self, stop, self._process)
        return self._process


def _left_out(path: str, mode: str, kind: str) -> Problem | None:
    if kind == "commit":
        what, hint = "is a submodule", "Keep the articles themselves in this repository."
    elif mode == "120000":
        what, hint = "is a symbolic link", "Put the file itself here, or name it in aliases."
    elif "\ufffd" in path or any(part in ("..", ".git") for part in PurePosixPath(path).parts):
        what, hint = "has a name that cannot be used", "Rename it with letters and hyphens."
    else:
        return None
    return Problem(path, None, "not-a-file", f"“{path}” {what} and is not read.", hint)
