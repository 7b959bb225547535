"""Rolls back to a state that was live before, and forward again.

A rollback needs no build: it goes only to a complete, verified generation that is still kept. It
lasts until the articles change or somebody goes forward.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from kb.config.settings import Settings
from kb.content.sources.combined import commits_of
from kb.errors import NotFound
from kb.publishing.state import Pin, content_of, current, publish_lock, read_state, write_state
from search.index import generation as index_generation
from search.index.manifest import Manifest


@dataclass(frozen=True, slots=True)
class KeptGeneration:
    """A state to roll back to; `built` is when it was built, `live` whether it is live now."""

    generation: str
    commit: str
    articles: int
    built: datetime
    live: bool
    pinned: bool


def kept_generations(settings: Settings) -> list[KeptGeneration]:
    """Return the states on disk, newest first."""
    live = index_generation.current(settings.generations)
    pin = read_state(settings.data).pin
    return [
        KeptGeneration(
            generation=facts.id,
            commit=facts.commit,
            articles=facts.documents,
            built=_built(settings.generations, facts),
            live=live == index_generation.folder_name(facts.id),
            pinned=pin is not None and pin.generation == facts.id,
        )
        for facts in index_generation.kept(settings.generations)
    ]


def _built(root: Path, facts: Manifest) -> datetime:
    manifest = root / index_generation.folder_name(facts.id) / "manifest.json"
    return datetime.fromtimestamp(manifest.stat().st_mtime, UTC)


def roll_back(settings: Settings, to: str) -> KeptGeneration:
    """Return the state that is live now: `to` steps before the live one, or of the commit `to`.

    NotFound when none is kept, SearchError when it is damaged.
    """
    with publish_lock(settings.data):
        chosen = _chosen(kept_generations(settings), to)
        opened = index_generation.open_one(settings.generations, chosen.generation)
        standing, live = read_state(settings.data), current(settings.generations)
        away = standing.pin.away if standing.pin else content_of(live) if live else ""
        pin = Pin(chosen.generation, chosen.commit, away)
        # The pin comes first: after a kill in between, the next publish completes the rollback.
        write_state(settings.data, replace(standing, pin=pin, refusal=None, seen=()))
        index_generation.make_current(settings.generations, opened)
    return replace(chosen, live=True, pinned=True)


def _chosen(states: list[KeptGeneration], to: str) -> KeptGeneration:
    """Return the state meant by `to`: a short number counts steps, else a prefix of a commit."""
    if to.isdigit() and len(to) <= 3:
        older = [state for state in states if state.generation < _live(states)]
        found = older[int(to) - 1 : int(to)] if int(to) else []
    else:
        found = [state for state in states if _is_of(state, to)] if len(to) > 3 else []
    if not found:
        raise NotFound(
            f"No state “{to[:60]}” is kept to go back to.",
            "See which are: kb publish --list (the setting keep_generations says how many).",
        )
    return found[0]


def _is_of(state: KeptGeneration, commit: str) -> bool:
    """Return whether the state is of a commit with that prefix, in any repository."""
    names = (state.commit, *commits_of(state.commit).values())
    return any(name.startswith(commit) for name in names)


def _live(states: list[KeptGeneration]) -> str:
    return next((state.generation for state in states if state.live), "")


def go_forward(settings: Settings) -> bool:
    """End a rollback, so that the next publish follows the articles; return if there was one."""
    with publish_lock(settings.data):
        standing = read_state(settings.data)
        write_state(settings.data, replace(standing, pin=None))
        return standing.pin is not None
