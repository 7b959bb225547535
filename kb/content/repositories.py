"""The further repositories whose articles are published beside the own ones, as settings say.

Promises names that can be collections and addresses, each once; knows no Git.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_KEYS = frozenset({"name", "source", "ref", "path"})
FORM = (
    'tables with name (such as "hr"; lower-case letters, digits and hyphens) and source, and if '
    "need be ref and path (a folder inside it)"
)


@dataclass(frozen=True, slots=True)
class Repository:
    """Articles kept elsewhere: the collection `name`, fetched from `source`, read at `ref` from the
    folder `path` of it.
    """

    name: str
    source: str = field(repr=False)  # may hold a password
    ref: str = "HEAD"
    path: str = ""


def parse_repositories(tables: Sequence[Mapping[str, Any]]) -> tuple[Repository, ...]:
    """Return the repositories that tables describe; ValueError when one cannot be."""
    if not isinstance(tables, list | tuple):
        raise ValueError(FORM)
    found = tuple(_repository(table) for table in tables)
    if len({one.name for one in found}) < len(found):
        raise ValueError("repositories of different names")
    return found


def _repository(table: Mapping[str, Any]) -> Repository:
    if not isinstance(table, Mapping) or set(table) - _KEYS:
        raise ValueError(FORM)
    said = {key: str(value).strip() for key, value in table.items()}
    name, path = said.get("name", ""), said.get("path", "").strip("/")
    if not _NAME.fullmatch(name) or not said.get("source") or ".." in PurePosixPath(path).parts:
        raise ValueError(FORM)
    return Repository(name, said["source"], said.get("ref") or "HEAD", path)
