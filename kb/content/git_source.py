"""Articles read from a Git object database at one pinned commit.

Promises that nothing but committed objects is read: no checkout, hook, filter, attribute, symlink,
submodule, pager or network, whatever the repository's own configuration asks for. Knows the
`git` program and no Markdown.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import threading
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from kb.content.problem import Problem
from kb.content.source import Blob
from kb.content.versions import FORMAT, Version, read_versions
from kb.errors import ContentError

_TIMEOUT = 60  # seconds for one listing; a repository of 100,000 files needs about one
_TIMEOUT_OF_A_PAGE = 10  # seconds for what a reader waits for
# Settings of the repository that could run a program or change what is read.
_SAFE = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.attributesFile=/dev/null",
    "core.pager=cat",
    "log.showSignature=false",
    "log.mailmap=false",
    "protocol.allow=never",
)


def find_repository(path: Path) -> Path | None:
    """Return the bare repository or work tree that `path` is or lies in, None without one."""
    if (path / "HEAD").is_file() and (path / "objects").is_dir() and (path / "refs").is_dir():
        return path
    return next((place for place in (path, *path.parents) if (place / ".git").exists()), None)


class GitSource:
    """The files under `path` at the commit that `ref` named when this was opened."""

    def __init__(self, repository: Path, path: Path, ref: str = "HEAD") -> None:
        self._repository = repository
        self._bare = not (repository / ".git").exists()
        inside = "" if self._bare else path.relative_to(repository).as_posix()
        self._prefix = "" if inside == "." else inside
        self.commit = self._pin(ref)
        self._objects = _Objects(self._command("cat-file", "--batch"), self._environment())
        self._files, self.problems = self._list()

    @property
    def content(self) -> str:
        """The tree under the path: a commit that changes nothing there leaves it as it was."""
        found = self._run("rev-parse", "--verify", "--quiet", f"{self.commit}:{self._prefix}")
        return found.decode().strip() if found else self.commit

    @property
    def is_tracked(self) -> bool:
        """Whether the commit holds anything under the path; the root of a repository always is."""
        return bool(self._files) or not self._prefix

    def files(self) -> Mapping[str, Blob]:
        """The regular files by path."""
        return self._files

    def close(self) -> None:
        """End the process that reads objects; it starts again when it is needed."""
        self._objects.close()

    def history(self) -> Mapping[str, tuple[datetime, str]]:
        """The last commit that changed each file, read newest first until all are known."""
        missing = set(self._files)
        changes: dict[str, tuple[datetime, str]] = {}
        for when, author, path in self._log():
            if path in missing:
                missing.discard(path)
                changes[path] = (when, author)
            if not missing:
                break
        return changes

    def _log(self) -> Iterator[tuple[datetime, str, str]]:
        where = f"--relative={self._prefix}/" if self._prefix else "--no-relative"
        command = self._command(
            "log", "-z", where, "--no-renames", "--no-ext-diff", "--name-only",
            "--format=format:%x01%ct%x02%an", self.commit, "--", self._prefix or ".",
        )  # fmt: skip
        with _program(command, self._environment()) as out:
            when, author = datetime.fromtimestamp(0, UTC), ""
            for record in _split(out):
                head, _, path = record.rpartition("\n")
                if head.startswith("\x01"):
                    seconds, _, author = head[1:].partition("\x02")
                    when = datetime.fromtimestamp(int(seconds), UTC)
                if path:
                    yield when, author, path

    def versions(self, path: str, most: int) -> tuple[Version, ...]:
        """Return the commits that changed the file, newest first, followed through renames."""
        where = f"{self._prefix}/{path}" if self._prefix else path
        told = self._run(
            "log", "-z", "--follow", "--raw", "--no-abbrev", "--no-ext-diff", "--no-textconv",
            f"-n{most}", f"--format={FORMAT}", self.commit, "--", where,
            timeout=_TIMEOUT_OF_A_PAGE,
        )  # fmt: skip
        found = read_versions(told or b"")
        cut = f"{self._prefix}/" if self._prefix else ""
        return tuple(replace(each, path=each.path.removeprefix(cut)) for each in found)

    def version(self, version: Version, most: int) -> bytes:
        """Return the file's bytes at that version; OSError when it is missing or over `most`."""
        return self._objects.read(version.blob, most)

    def _list(self) -> tuple[dict[str, Blob], tuple[Problem, ...]]:
        tree = f"{self.commit}:{self._prefix}" if self._prefix else self.commit
        listing = self._run("ls-tree", "-r", "-z", "-l", "--full-tree", tree)
        if listing is None:
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

    def _pin(self, ref: str) -> str:
        if ref.startswith("-"):
            raise ContentError(f"“{ref}” is not a commit.", "Name a branch, tag or commit id.")
        found = self._run(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"
        )
        if found:
            return found.decode().strip()
        if ref == "HEAD":
            raise ContentError(
                f"The repository at {self._repository} has no commit yet.",
                "Commit the articles, or name the branch that holds them.",
            )
        raise ContentError(
            f"The repository at {self._repository} has no branch, tag or commit “{ref}”.",
            "Check the name with: git branch --all",
        )

    def _run(self, *words: str, timeout: int = _TIMEOUT) -> bytes | None:
        """Return what Git prints, None when it refuses."""
        try:
            done = subprocess.run(  # noqa: S603 - fixed program, words of our own, no shell
                self._command(*words),
                env=self._environment(),
                capture_output=True,
                timeout=timeout,
                check=False,
            )
        except FileNotFoundError as error:
            raise _no_git() from error
        except subprocess.TimeoutExpired as error:
            raise ContentError(
                f"Git did not answer within {timeout} seconds at {self._repository}.",
                "Check the disk, and run: git fsck",
            ) from error
        return done.stdout if done.returncode == 0 else None

    def _command(self, *words: str) -> list[str]:
        place = self._repository
        where = [f"--git-dir={place}"] if self._bare else ["-C", str(place)]
        settings = [*_SAFE, f"safe.directory={place}", f"safe.directory={place / '.git'}"]
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

    @staticmethod
    def _environment() -> dict[str, str]:
        """Only what Git needs: nothing inherited can point it elsewhere or run a program."""
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


class _Objects:
    """One `git cat-file --batch`, started when first asked and ended with its owner."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._command, self._environment = command, environment
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._end: weakref.finalize[..., _Objects] | None = None

    def read(self, oid: str, most: int | None = None) -> bytes:
        """Return the object's bytes; OSError when the database does not hold it, or too many."""
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
                self._drop()  # what it was about to say would be taken for the next answer
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
        self._process = _start(self._command, self._environment)
        self._end = weakref.finalize(self, _stop, self._process)
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


def _split(stream: IO[bytes]) -> Iterator[str]:
    """Yield NUL-ended records as text."""
    rest = b""
    while block := stream.read(1 << 16):
        *whole, rest = re.split(b"\0", rest + block)
        for record in whole:
            yield record.decode("utf-8", "replace")
    if rest:
        yield rest.decode("utf-8", "replace")


@contextlib.contextmanager
def _program(command: list[str], environment: dict[str, str]) -> Iterator[IO[bytes]]:
    process = _start(command, environment)
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        _stop(process)


def _start(command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 - fixed program, words of our own, no shell
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except FileNotFoundError as error:
        raise _no_git() from error


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    with contextlib.suppress(BrokenPipeError):
        process.communicate()


def _no_git() -> ContentError:
    return ContentError(
        "The program git is not installed, and the articles are in a Git repository.",
        "Install git, or set the articles path to a folder outside any repository.",
    )
