"""The articles of a demonstration: a small Git repository with a made-up history.

It holds the shipped articles, some of them committed only in the course of the quarter. Each state
is published as if at its time: the files that tell since when articles are live are back-dated.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kb.config.settings import Settings
from kb.content.sources.git import environment, no_git
from kb.errors import ContentError
from kb.publishing.publisher import publish
from search.index import generation
from search.semantic.encoder import silent

SHIPPED = Path(__file__).resolve().parents[2] / "articles"
AUTHOR = ("Demo author", "author@example.org")
FIRST = "The articles as they stand"
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Addition:
    """Articles that are added later; `place` is when in the quarter, in [0, 1]."""

    place: float
    slugs: tuple[str, ...]
    message: str


# None of these has a translation, so that nothing answers before they are added.
ADDITIONS = (
    Addition(
        0.34,
        ("calendar/book-a-meeting-room", "laptops/external-monitor-not-detected"),
        "Answer what people ask of rooms and of second screens",
    ),
    Addition(
        0.54,
        ("printing/scan-to-email", "storage/map-a-shared-drive"),
        "Answer what people ask of scanners and of shared drives",
    ),
    Addition(0.74, ("email/open-a-shared-mailbox",), "Answer what people ask of shared mailboxes"),
)


class ArticleRepository:
    """The repository in a demonstration's folder."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._place = settings.articles

    def begin(self, at: datetime) -> None:
        """Create the repository at that time, without the articles that are added later."""
        if not SHIPPED.is_dir():
            raise ContentError(
                f"The articles that come with the product are not at {SHIPPED}.",
                "Run this from a checkout of the product: a demonstration is made of them.",
            )
        shutil.copytree(SHIPPED, self._place)
        for slug in (slug for addition in ADDITIONS for slug in addition.slugs):
            (self._place / f"{slug}.md").unlink()
        self._git("init", "--quiet", "--initial-branch=main", at=at)
        self._commit(FIRST, at)

    def add(self, addition: Addition, at: datetime) -> None:
        """Commit the articles of an addition, dated `at`."""
        for slug in addition.slugs:
            shutil.copy(SHIPPED / f"{slug}.md", self._place / f"{slug}.md")
        self._commit(addition.message, at)

    def publish(self, at: datetime, progress: Progress = silent) -> None:
        """Publish the newest commit as if at that time."""
        publish(self._settings, progress=progress, now=at)
        root, seconds = self._settings.generations, at.timestamp()
        live = generation.open_current(root)
        # The times of these two files tell since when a text is live.
        for file in (root / generation.folder_name(live.id) / "manifest.json", root / "CURRENT"):
            os.utime(file, (seconds, seconds))

    def _commit(self, message: str, at: datetime) -> None:
        self._git("add", "--all", at=at)
        self._git("commit", "--quiet", "--no-gpg-sign", "-m", message, at=at)

    def _git(self, *words: str, at: datetime) -> None:
        name, address = AUTHOR
        who = {
            f"GIT_{role}_{what}": value
            for role in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", name), ("EMAIL", address), ("DATE", at.isoformat()))
        }
        try:
            subprocess.run(  # noqa: S603 - fixed program, words of our own, no shell
                self._command(words),
                env=environment() | who,
                capture_output=True,
                check=True,
            )
        except FileNotFoundError:
            raise no_git() from None
        except subprocess.CalledProcessError as problem:
            said = problem.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
            raise ContentError(
                f"Git could not keep the demonstration's articles: {' '.join(said)}.",
                "Check that there is room on the disk, and run it again.",
            ) from None

    def _command(self, words: Sequence[str]) -> list[str]:
        return ["git", "-C", str(self._place), "-c", "core.hooksPath=/dev/null", *words]
