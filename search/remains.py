"""What is left of a generation that was damaged: a build begins with it rather than with nothing.

Only files that are as the manifest says are read, and nothing of one whose manifest is damaged.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from search import manifest
from search.errors import SearchError
from search.manifest import EXTRA, Manifest
from search.watching import BAD


@dataclass(frozen=True)
class Remains:
    """What is left of a damaged generation; its manifest and the files in `intact` are whole."""

    path: Path
    manifest: Manifest
    intact: frozenset[str]

    @property
    def id(self) -> str:
        """The generation's id."""
        return self.manifest.id

    @property
    def commit(self) -> str:
        """The commit of the articles."""
        return self.manifest.commit

    def read(self, name: str) -> bytes:
        """Return an extra file that is whole; SearchError when it is not."""
        if f"{EXTRA}/{name}" not in self.intact:
            raise SearchError(f"The damaged index holds no whole {name!r}.")
        return (self.path / EXTRA / name).read_bytes()


def remains(root: Path) -> list[Remains]:
    """Return what is left of damaged generations, newest first; those whose manifest is damaged
    are left out: nothing tells what of them is whole.
    """
    found = []
    for folder in sorted(root.glob(f"{BAD}*"), reverse=True):
        try:
            facts, now = manifest.read(folder), manifest.hashes(folder)
        except (SearchError, OSError):
            continue
        intact = frozenset(name for name, held in facts.files.items() if now.get(name) == held)
        found.append(Remains(folder, facts, intact))
    return found
