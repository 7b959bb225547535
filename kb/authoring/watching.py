"""Whether files of a folder changed, found by looking at it.

Promises to notice whatever an editor does to the files that articles are made of (write, rename,
replace, delete), at the cost of one look at each file's date and size. Knows no article.

Looking is plain polling: 1,000 files take about 10 ms, and file events, which a library could
deliver, are lost on network drives and in containers.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from kb.content.sources.folder import is_read

Look = dict[str, tuple[int, int, int]]  # path -> date in nanoseconds, size in bytes, inode


class Watch:
    """The files under `root`, as they were when last looked at."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._seen = self._look()

    def changes(self) -> frozenset[str]:
        """Return the paths, from the root, of files that came, went or changed since last time."""
        before, self._seen = self._seen, self._look()
        if before == self._seen:
            return frozenset()
        different = before.items() ^ self._seen.items()
        return frozenset(os.path.relpath(path, self._root) for path, _ in different)

    def stirs(self) -> bool:
        """Return whether `changes` would name a file."""
        return self._look() != self._seen

    def _look(self) -> Look:
        return dict(_entries(str(self._root)))


def _entries(folder: str) -> Iterator[tuple[str, tuple[int, int, int]]]:
    """Yield the files that articles are made of; what vanishes meanwhile is not there."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    yield from _entries(entry.path)
                elif is_read(entry.name):
                    facts = entry.stat()
                    yield entry.path, (facts.st_mtime_ns, facts.st_size, facts.st_ino)
    except OSError:
        return
