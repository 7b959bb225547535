"""Addresses of pages as templates write them, each built once.

Promises what `flask.url_for` returns for a page of this site. A page has thirty of them, and
building each anew costs more than filling in the template.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from flask import Flask, request, url_for

_ABSOLUTE = frozenset({"_external", "_scheme", "_method"})  # depend on more than what is named
_SIMPLE = frozenset({str, int, type(None)})  # of True and 1, which are equal, one alone
_KEPT = 4096


def address(endpoint: str, **values: Any) -> str:
    """Return the address of a page, without host."""
    plain = all(type(value) in _SIMPLE for value in values.values())
    if not plain or endpoint.startswith(".") or not _ABSOLUTE.isdisjoint(values):
        return url_for(endpoint, **values)
    return _built(request.root_path, endpoint, tuple(values.items()))


@lru_cache(_KEPT)
def _built(_root: str, endpoint: str, values: tuple[tuple[str, Any], ...]) -> str:
    return url_for(endpoint, **dict(values))


def init_app(app: Flask) -> None:
    """Let the app's templates build addresses by it."""
    app.jinja_env.globals["url_for"] = address
