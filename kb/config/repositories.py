"""Remote repositories of articles, as the settings name them.

Each name is unique, and can be a collection and part of an address.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from kb.errors import ContentError

_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_KEYS = frozenset({"name", "source", "ref", "path"})
FORM = (
    'tables with name (such as "hr"; lower-case letters, digits and hyphens) and source, and if '
    "need be ref and path (a folder inside it)"
)


@dataclass(frozen=True, slots=True)
class Repository:
    """Articles kept elsewhere: the collection `name`, fetched from `source`, read at `ref` from its
    folder `path`.
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


_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_SSH = re.compile(r"(?:[\w.-]+@)?[\w.-]+:(?!/|:)\S+")


@dataclass(frozen=True, slots=True)
class Remote:
    """Where to fetch from; `address` may be shown, `authorization` may not."""

    address: str
    protocol: str
    authorization: str = field(default="", repr=False)


def read_remote(written: str) -> Remote:
    """Return the remote that a setting names; raise ContentError when its kind is not supported."""
    if "://" not in written:
        if _SSH.fullmatch(written):
            return Remote(written, "ssh")
        return _local(Path(written).expanduser())
    try:
        parts = urlsplit(written)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _unfit("is not an address") from None
    if parts.scheme == "file":
        return _local(Path(unquote(parts.path)))
    if parts.scheme == "ssh":
        return Remote(urlunsplit(parts._replace(netloc=_shown(parts.netloc))), "ssh")
    if parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK):
        place = f"[{host}]" if ":" in host else host
        netloc = f"{place}:{port}" if port else place
        address = urlunsplit(parts._replace(netloc=netloc, query="", fragment=""))
        return Remote(address, parts.scheme, _basic(parts.username, parts.password))
    raise _unfit("begins with something else")


def _local(path: Path) -> Remote:
    if not path.is_dir():
        raise _unfit("is a path where there is no folder")
    return Remote(str(path.resolve()), "file")


def _shown(netloc: str) -> str:
    """Return the host of an ssh address with its account, and without a password."""
    account, at, host = netloc.rpartition("@")
    return f"{account.partition(':')[0]}{at}{host}"


def _basic(user: str | None, password: str | None) -> str:
    if user is None and password is None:
        return ""
    both = f"{unquote(user or '')}:{unquote(password or '')}".encode()
    return f"Authorization: Basic {base64.b64encode(both).decode()}"


def _unfit(why: str) -> ContentError:
    return ContentError(
        f"The repository to fetch articles from {why}.",
        "In articles_remote or repositories, write https://host/path, ssh://git@host/path, "
        "git@host:path or the path of a repository.",
    )
