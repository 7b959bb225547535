"""From the history of a source to the former addresses of its articles.

Promises that every former address leads to the article that is there now, or says what was removed,
and that an address in use is never taken. Knows `Source` and no Git.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from kb.content.drafting import read_draft
from kb.content.library import Library
from kb.content.names import Names
from kb.content.naming import is_article, name_of, normal_path
from kb.content.past import Change, Fate, Removed, audience_shown, fates, of_folder
from kb.content.schedule import status_at
from kb.content.source import Blob, Source

# Removed files read for their title in one build, newest first; the others wait for the next.
_READ_AT_ONCE = 500


def trace(source: Source, previous: Library, now: datetime) -> dict[str, Fate]:
    """Return what became of each former path of an article by `now`, newest first."""
    present = {path: blob.id for path, blob in source.files().items() if is_article(path)}
    known = previous.traced and source.follows(previous.commit)
    changes = source.moves(previous.commit if known else "")
    if changes is None:
        before = {article.path: article for article in previous.articles.values()}
        return fates((), present, of_folder(before, present) | dict(previous.past))
    found = fates(_of_articles(changes), present, previous.past if known else {})
    return _read(source, found, now)


def _of_articles(changes: Iterable[Change]) -> Iterable[Change]:
    """Give the changes of articles; one that became another kind of file was removed."""
    for change in changes:
        if is_article(change.old):
            yield change if is_article(change.new) else replace(change, new="")


def _read(source: Source, past: dict[str, Fate], now: datetime) -> dict[str, Fate]:
    """Look at what was removed, so that its title and audience are known."""
    waiting = [path for path, fate in past.items() if fate.blob and not fate.to][:_READ_AT_ONCE]
    return past | {path: _last_seen(source, path, past[path].blob, now) for path in waiting}


def _last_seen(source: Source, path: str, blob: str, now: datetime) -> Fate:
    """Return the fate of a removed file: what it was, if it ever was shown."""
    try:
        data = source.read(blob)
    except OSError:
        return Fate()
    draft = read_draft(path, Blob(blob, len(data), "100644", lambda: data))
    if draft is None or draft.refused or draft.facts.redirect_to:
        return Fate()
    facts = draft.facts
    status = status_at(facts.status, facts.publish_at, facts.expires_at, now=now)
    return Fate(title=draft.title, audience=audience_shown(status, facts.audience))


def former_addresses(
    past: Mapping[str, Fate], names: Names, *, default_language: str
) -> tuple[dict[str, str], dict[str, Removed]]:
    """Return the redirects and the removed articles by former address (`normal_path`)."""
    taken = {normal_path(slug) for slug in names.named} | set(names.redirects)
    redirects: dict[str, str] = {}
    removed: dict[str, Removed] = {}
    for path, fate in past.items():
        slug = name_of(path, names.root, default_language=default_language).slug
        address = normal_path(slug)
        if not address or address in taken:
            continue
        taken.add(address)
        target = names.paths.get(normal_path(fate.to)) if fate.to else None
        if target:
            redirects[address] = target
        elif not fate.to and fate.audience:
            removed[address] = Removed(fate.title, fate.audience)
    return redirects, removed
