"""Addresses that a page had elsewhere: by its route there, or by a list of moves; pure.

Promises redirects that never take an address in use. Knows names, no rendered text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from kb.content.drafting import Draft
from kb.content.naming import Name, mount_of, normal_path
from kb.content.problem import Problem
from kb.content.redirect_lists import Moved

if TYPE_CHECKING:
    from kb.content.names import Names


def routes(draft: Draft, name: Name, root: str) -> Iterator[str]:
    """Yield the addresses of a page on a site of Hugo or Docusaurus whose folder is `root`."""
    plain = normal_path(name.stem)
    folder = plain.rpartition("/")[0]
    route = draft.facts.route
    if not route or " " in route:
        found = {plain}
    elif route.startswith("/"):
        found = {normal_path(route)}
    else:
        found = {normal_path(f"{folder}/{route}")}
    for address in sorted(found):
        yield from filter(None, (address, normal_path(f"{root}{address}")))


def follow(names: Names, moves: Iterable[Moved]) -> None:
    """Add to `names` the redirects of a list; those that lead nowhere are reported."""
    waiting = list(moves)
    for _ in range(3):  # a move may lead to another
        waiting = [move for move in waiting if not _follow(names, move)]
    for move in waiting:
        message = f"“{move.former[:120]}” leads to “{move.target[:120]}”, no article here."
        hint = "Name an article that exists, or remove the line."
        problem = Problem(move.path, move.line, "redirect", message, hint)
        names.problems.append(problem)


def _follow(names: Names, move: Moved) -> bool:
    mounts = dict.fromkeys((mount_of(move.path), ""))  # in its own repository first
    places = (mount + each for mount in mounts for each in _shorter(move.target))
    target = next(filter(None, (_slug(names, each) for each in places)), "")
    if not target:
        return False
    former = normal_path(move.former.partition("#")[0].partition("?")[0])
    if former and former not in names.sites:
        names.redirects[former] = names.sites[former] = target
    return True


def _slug(names: Names, address: str) -> str:
    return names.sites.get(address) or names.paths.get(address) or ""


def _shorter(target: str) -> Iterator[str]:
    """The address, and without its first one and two parts: the former site's own base."""
    plain = normal_path(target.partition("#")[0].partition("?")[0])
    parts = [] if "://" in target else plain.split("/")
    for first in range(min(3, len(parts))):
        yield "/".join(parts[first:])
