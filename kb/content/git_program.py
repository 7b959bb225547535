"""The program `git`, asked about one repository so that nothing of the repository runs.

Promises that no hook, filter, attribute, pager, monitor or network of the repository's own
configuration is used, and that a question ends in time. Knows no article.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kb.errors import ContentError

_TIMEOUT = 60  # seconds for one listing; a repository of 100,000 files needs about one
# Settings of the repository that could run a program or change what is read.
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
        """Return what Git prints, None when it refuses. ContentError when it does not end."""
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
        """Hand out the NUL-ended records that Git prints, read as they are asked for."""
        process = start(self.command(*words))
        assert process.stdout is not None
        try:
            yield _split(process.stdout)
        finally:
            stop(process)

    def command(self, *words: str) -> list[str]:
        """Return the command line that asks this repository and no network."""
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
    """Return only what Git needs: nothing inherited can point it elsewhere or run a program."""
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
    """Return the program at work, spoken to over pipes; end it with `stop`."""
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
    """Return the refusal for a machine without Git."""
    return ContentError(
        "The program git is not installed, and the articles are in a Git repository.",
        "Install git, or set the articles path to a folder outside any repository.",
    )
