"""What a link or image in one article means, given all the others; pure.

Promises to turn what an author wrote (a path between files, an address of the former site, a slug,
a full address) into the address that the site serves, or "" when nothing answers to it. Reads no
file: it knows names only, so it can travel to the processes that render.
"""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from kb.content.naming import normal_path

ARTICLES = "/articles/"
MEDIA = "/media/"
_OUTSIDE = re.compile(r"(?i:https?://[^/\\\s][^\\]*|mailto:\S+)", re.DOTALL)
_IMAGES = re.compile(r"\.(png|jpe?g|gif|webp)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Directory:
    """Names of everything that can be pointed at.

    `paths` maps a source path without its ending (`normal_path`) to a slug, `sites` an address of
    this or the former site, `stems` a stem to its slugs by language, `media` a source path to the
    name that it is served under. `hidden` are slugs that readers cannot open.
    """

    paths: Mapping[str, str] = field(default_factory=dict)
    sites: Mapping[str, str] = field(default_factory=dict)
    stems: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    media: Mapping[str, str] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()

    def address(self, kind: str, written: str, *, base: str, language: str) -> str:
        """Return the address, without its fragment, of a reference that is a "link" or "image"."""
        if kind == "image":
            return self.image(written, base=base)
        return self.link(written, base=base, language=language).partition("#")[0]

    def link(self, written: str, *, base: str, language: str) -> str:
        """Return the address for a link in the file `base`; fragments are kept."""
        try:
            parts = urlsplit(written.strip())
        except ValueError:
            return ""
        if parts.scheme:
            return _outside(written.strip())
        if parts.netloc:
            return _outside(f"https:{written.strip()}")
        if parts.path == "/":
            return "/"
        fragment = f"#{quote(unquote(parts.fragment), safe='')}" if parts.fragment else ""
        if not parts.path:
            return fragment
        if _IMAGES.search(parts.path):
            return self.image(parts.path, base=base)
        slug = self.slug(unquote(parts.path), base=base, language=language)
        return f"{ARTICLES}{quote(slug)}{fragment}" if slug else ""

    def slug(self, path: str, *, base: str, language: str) -> str:
        """Return the published slug that `path` means in the file `base`, else ""."""
        if path.startswith("/"):
            wanted = normal_path(path)
            local = normal_path(path.removeprefix(ARTICLES.rstrip("/")))
            found = self.sites.get(wanted) or self.sites.get(local) or self.paths.get(wanted)
        else:
            wanted = normal_path(_beside(base, path))
            found = (
                self.paths.get(wanted)
                or self.stems.get(wanted, {}).get(language)
                or self.sites.get(normal_path(path) if "../" not in path else wanted)
            )
        return found if found and found not in self.hidden else ""

    def image(self, written: str, *, base: str) -> str:
        """Return the address for an image in the file `base`, "" when it is not one of ours."""
        try:
            parts = urlsplit(written.strip())
        except ValueError:
            return ""
        if parts.scheme or parts.netloc:
            return ""
        path = unicodedata.normalize("NFC", unquote(parts.path))
        places = [path.lstrip("/")] if path.startswith("/") else [_beside(base, path), path]
        names = (self.media.get(place.casefold()) for place in places)
        found = next(filter(None, names), "")
        return f"{MEDIA}{found}" if found else ""

    def to_row(self) -> dict[str, Any]:
        """Return the directory as a JSON-able mapping."""
        return {**asdict(self), "hidden": sorted(self.hidden)}

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Directory:
        """Return the directory that `to_row` wrote."""
        return cls(**{**row, "hidden": frozenset(row["hidden"])})


def _outside(address: str) -> str:
    """Return a full address that browsers and people read alike, with spaces encoded; else ""."""
    return re.sub(r"\s", "%20", address) if _OUTSIDE.fullmatch(address) else ""


def _beside(base: str, path: str) -> str:
    """Return `path` as seen from the folder of `base`; it cannot climb above the root."""
    joined = posixpath.normpath(posixpath.join("/", posixpath.dirname(base), path))
    return unicodedata.normalize("NFC", joined.lstrip("/"))
