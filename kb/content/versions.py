"""The versions of one file as Git's log tells them; pure.

Promises the commits in the log's order, each with the file's name and blob at that time; what is no
plain file any more is left out. Knows the log's form and runs no program.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

# For `git log -z --raw`: a mark, then commit, seconds, author and subject between marks.
FORMAT = "format:%x01%H%x02%ct%x02%an%x02%s"


@dataclass(frozen=True, slots=True)
class Version:
    """One commit of a file: `at` is aware UTC, `path` its name then, `blob` its content's id."""

    commit: str
    at: datetime
    author: str
    subject: str
    path: str
    blob: str


def read_versions(log: bytes) -> tuple[Version, ...]:
    """Return the versions in what Git printed in `FORMAT`.

    They end where the file began as a copy: what Git tells before that is another article's past.
    """
    found: list[Version] = []
    for record in log.decode("utf-8", "replace").split("\x01"):
        version, copied = _version(record)
        found += [version] if version else []
        if copied:
            break
    return tuple(found)


def _version(record: str) -> tuple[Version | None, bool]:
    """Return the version, None where there is no plain file, and whether it began as a copy."""
    head, _, raw = record.partition("\n:")
    commit, _, rest = head.partition("\x02")
    seconds, _, rest = rest.partition("\x02")
    author, _, subject = rest.partition("\x02")
    facts, *paths = raw.rstrip("\0").split("\0")
    words = facts.split()
    # ":100644 100644 <blob before> <blob> M"; a rename has both names, the new one last.
    if len(words) != 5 or not words[1].startswith("100") or not paths:
        return None, False
    at = datetime.fromtimestamp(int(seconds), UTC)
    version = Version(commit, at, author, subject, paths[-1], words[3])
    return version, words[4].startswith("C")
