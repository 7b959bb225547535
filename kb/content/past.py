"""What became of files that are no longer there: moved, or removed; pure.

Promises that chains of moves end at a file that exists now, that a path in use has no past, and
that what is found step by step is what is found at once. Knows no Git and no address.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from kb.content.article import Article, Status

MOST = 5000  # pasts kept, newest first; each is about 100 bytes in every process


@dataclass(frozen=True, slots=True)
class Change:
    """A file that left `old`: for `new`, or for nowhere (""). `blob` is what it held there."""

    old: str
    new: str
    blob: str


@dataclass(frozen=True, slots=True)
class Fate:
    """Where the article of a former path is now (`to`, a path), or what it was when removed.

    `blob` names a removed file that is still to be looked at; `audience` is "" for one that was
    never shown.
    """

    to: str = ""
    blob: str = ""
    title: str = ""
    audience: str = ""

    def to_row(self) -> list[Any]:
        """Return the fate as a JSON-able list."""
        return [self.to, self.blob, self.title, self.audience]


@dataclass(frozen=True, slots=True)
class Removed:
    """An article that is gone: its title and who could read it."""

    title: str
    audience: str


def fates(
    changes: Iterable[Change], present: Collection[str], before: Mapping[str, Fate]
) -> dict[str, Fate]:
    """Return the fate of each former path, newest first.

    `changes` come newest first and happened after those that `before` tells of.
    """
    found: dict[str, Fate] = {}
    left: dict[str, Fate] = {}  # by path, what became of the file that left it next
    for change in changes:
        fate = _followed(Fate(to=change.new, blob=change.blob), present, left)
        left[change.old] = fate
        if change.old not in present:
            found.setdefault(change.old, fate)
    for path, fate in before.items():
        if path not in present and path not in found:
            found[path] = _followed(fate, present, left)
    return dict(islice(found.items(), MOST))


def _followed(fate: Fate, present: Collection[str], left: Mapping[str, Fate]) -> Fate:
    """Return the fate with its move followed through what happened later; another file may have
    come to that path since.
    """
    if not fate.to:
        return fate
    return left.get(fate.to) or (fate if fate.to in present else Fate(blob=fate.blob))


def of_folder(before: Mapping[str, Article], present: Mapping[str, str]) -> dict[str, Fate]:
    """Return the fate of articles by path that a folder without history held `before`.

    `present` maps path to blob: the same bytes under another path are the same article, moved.
    """
    places = {blob: path for path, blob in present.items() if path not in before}
    return {
        path: Fate(to=places.get(article.blob, ""))
        if article.blob in places
        else Fate(title=article.title, audience=audience_shown(article.status, article.audience))
        for path, article in before.items()
        if path not in present
    }


def audience_shown(status: Status, audience: str) -> str:
    """Return who could read an article of that status, "" for nobody."""
    return str(audience) if status is not Status.DRAFT else ""
