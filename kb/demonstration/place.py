"""Where a demonstration may be put.

Promises that a folder which is, holds or lies in the site's own data is refused, as is any other
that is not empty and not a demonstration, and that clearing one removes what a demonstration is
made of and nothing else. Knows no content.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from kb.config import demo_marker
from kb.config.settings import Settings
from kb.errors import NotAllowed

SIGN_IN = "sign-in.txt"
# Everything that filling and serving a demonstration leave there; the model is kept: it is dear.
MADE = (
    "articles", "beyond", "index", "previews", "repositories", "spool", "tierzero.db",
    "tierzero.db-shm", "tierzero.db-wal", "secret.key", "solved-queries.json", "publishing.json",
    "publishing.lock", "publish-now", "preview",
    SIGN_IN,
)  # fmt: skip


def usual_place(settings: Settings) -> Path:
    """Return the folder beside the site's data, the folder itself where it is a demonstration."""
    data = settings.data if settings.data.name.strip(".") else settings.data.resolve()
    return data if settings.demonstration else data.with_name(f"{data.name}-demo")


def check_place(settings: Settings, place: Path, *, again: bool) -> None:
    """Raise NotAllowed, saying what to do, unless a demonstration may be made at `place`."""
    if settings.database_url:
        raise NotAllowed(
            "The setting database_url names a database server; a demonstration has a database of "
            "its own in its folder.",
            "Run it without that setting: KB_DATABASE_URL= kb demo",
        )
    here, data = place.resolve(), settings.data.resolve()
    if not settings.demonstration and (
        here == data or data in here.parents or here in data.parents
    ):
        raise NotAllowed(
            f"{place} is, holds or lies in the site's own data folder {settings.data}.",
            "Name another folder: kb demo --folder path/to/demo",
        )
    _check_free(place, again=again)


def _check_free(place: Path, *, again: bool) -> None:
    if place.exists() and not place.is_dir():
        raise NotAllowed(f"{place} is a file.", "Name a folder: kb demo --folder path/to/demo")
    if demo_marker.is_demonstration(place):
        made = demo_marker.read(place)
        if made is not None and made.whole and not again:
            raise NotAllowed(
                f"{place} holds a demonstration, made on {made.made[:10]}.",
                "Look at it, or replace it: kb demo --again",
            )
        return
    if place.is_dir() and any(place.iterdir()):
        raise NotAllowed(
            f"{place} is not empty and not a demonstration.",
            "Name a new folder: kb demo --folder path/to/demo",
        )


def clear(place: Path) -> None:
    """Remove what an earlier demonstration left; the mark stays until another replaces it."""
    for name in MADE:
        found = place / name
        if found.is_dir() and not found.is_symlink():
            shutil.rmtree(found)
        else:
            found.unlink(missing_ok=True)


def bring_model(settings: Settings, place: Path) -> None:
    """Copy the site's prepared model, where there is one: preparing it takes half a minute."""
    made, wanted = settings.data / "model", place / "model"
    if made.is_dir() and not wanted.exists():
        half = place / "model.part"
        shutil.rmtree(half, ignore_errors=True)
        shutil.copytree(made, half)
        half.rename(wanted)
