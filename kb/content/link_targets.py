"""Resolve the links, images and inclusions of one article, given the names of all the others.

What an author wrote (a path between files, an address of the former site, a slug, a full address)
becomes the address that the site serves, or "" when nothing answers to it. A `Directory` holds
names only and reads no file, so it can be sent to the processes that render.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from kb.content.article import Audience
from kb.content.paths import MOUNT, mount_of, normal_path, untranslated

ARTICLES = "/articles/"
MEDIA = "/media/"
# The words of a link that has none of its own, to an article its readers may not know of.
ANOTHER = {
    "en": "another article",
    "es": "otro artículo",
    "fr": "un autre article",
    "de": "ein anderer Artikel",
    "pt": "outro artigo",
    "it": "un altro articolo",
    "zh": "另一篇文章",
}
_OUTSIDE = re.compile(r"(?i:https?://[^/\\\s][^\\]*|mailto:\S+)", re.DOTALL)
_FILES = re.compile(r"\.[a-z0-9]{2,12}$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Directory:
    """Names of everything that can be pointed at.

    `paths` maps a source path without its ending (`normal_path`) to a slug, `sites` an address of
    this or the former site, `stems` a stem to its slugs by language, `media` a source path to the
    name that it is served under. `hidden` are slugs that no reader can open, `hidden_from` gives by
    audience the further slugs that its readers cannot open. `titles` are by slug, `shapes` the
    (width, height) of images and `weights` the bytes of files by served name, `snippets` texts by
    source path, `variables` texts by name and language ("" for any); `closed_snippets` gives by
    audience the snippets that its readers may not read.
    """

    paths: Mapping[str, str] = field(default_factory=dict)
    sites: Mapping[str, str] = field(default_factory=dict)
    stems: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    media: Mapping[str, str] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    titles: Mapping[str, str] = field(default_factory=dict)
    shapes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    weights: Mapping[str, int] = field(default_factory=dict)
    snippets: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    hidden_from: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    closed_snippets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def seen_by(self, audience: str) -> Directory:
        """Return the directory without what an article for that audience must not reveal."""
        closed = self.hidden_from.get(audience, ())
        snippets = self.closed_snippets.get(audience, ())
        if not closed and not snippets:
            return self
        return replace(
            self,
            hidden=self.hidden | frozenset(closed),
            snippets=dict(self.snippets) | dict.fromkeys(snippets, ""),
            closed_snippets={"": tuple(snippets)},
        )

    def address(self, kind: str, written: str, *, base: str, language: str) -> str:
        """Return what a reference resolves to: an address without its fragment, the text of a title
        or variable, or the digest of a snippet.

        `kind` is "link", "image", "title", "snippet" or "variable".
        """
        if kind == "image":
            return self.image(written, base=base)
        if kind == "title":
            return self.title(written, base=base, language=language)
        if kind == "variable":
            return self.variable(written, language, base=base) or ""
        if kind == "snippet":
            text = self.snippets.get(self.snippet_file(written, base=base))
            return "" if text is None else hashlib.sha256(text.encode()).hexdigest()[:32]
        return self.link(written, base=base, language=language).partition("#")[0]

    def link(self, written: str, *, base: str, language: str) -> str:
        """Return the address for a link in the file `base`; fragments are kept."""
        try:
            parts = urlsplit(written.strip())
        except ValueError:
            return ""
        if parts.scheme == "kb":
            slug = self.named(unquote(parts.path), base=base, language=language)
            return f"{ARTICLES}{quote(slug)}{_fragment(parts.fragment)}" if slug else ""
        if parts.scheme:
            return _outside(written.strip())
        if parts.netloc:
            return _outside(f"https:{written.strip()}")
        if parts.path == "/":
            return "/"
        fragment = _fragment(parts.fragment)
        if not parts.path:
            return fragment
        if _FILES.search(parts.path) and (file := self.image(parts.path, base=base)):
            return file
        slug = self.slug(unquote(parts.path), base=base, language=language)
        return f"{ARTICLES}{quote(slug)}{fragment}" if slug else ""

    def slug(self, path: str, *, base: str, language: str) -> str:
        """Return the published slug that `path` means in the file `base`, else ""."""
        if path.startswith("/"):
            own, wanted = normal_path(_rooted(base, path)), normal_path(path)
            local = normal_path(path.removeprefix(ARTICLES.rstrip("/")))
            found = (
                self.sites.get(own)
                or (self.paths.get(own) if own != wanted else "")
                or self.sites.get(wanted)
                or self.sites.get(local)
                or self.paths.get(wanted)
            )
        else:
            wanted = normal_path(_beside(base, path))
            found = (
                self.paths.get(wanted)
                or self.stems.get(wanted.removeprefix(MOUNT), {}).get(language)
                or self.sites.get(normal_path(path) if "../" not in path else wanted)
                or self._original(wanted)
            )
        return found if found and found not in self.hidden else ""

    def _original(self, wanted: str) -> str:
        """Return the slug of the original where a Docusaurus translation has no page of its own."""
        rest, tag = untranslated(wanted)
        mount = mount_of(rest)
        places = (rest, f"{mount}docs/{rest.removeprefix(mount)}") if tag else ()
        return next(filter(None, map(self.paths.get, places)), "") or ""

    def named(self, name: str, *, base: str, language: str) -> str:
        """Return the slug for `[[name]]`: a slug, a path or the last part of one slug alone."""
        wanted = normal_path(name)
        groups = [self.stems[wanted]] if wanted in self.stems else []
        if not groups:
            found = self.slug(name, base=base, language=language)
            found = found or self.slug(f"/{name}", base=base, language=language)
            if found:
                return found
            groups = [group for stem, group in self.stems.items() if stem.endswith(f"/{wanted}")]
        if len(groups) != 1 or not wanted:
            return ""
        open_ones = {tag: slug for tag, slug in groups[0].items() if slug not in self.hidden}
        return open_ones.get(language) or next(iter(open_ones.values()), "")

    def title(self, written: str, *, base: str, language: str) -> str:
        """Return the title of the article that a `kb:` link leads to, "" for none.

        All articles that must not be revealed get the same words.
        """
        name = unquote(written.removeprefix("kb:").partition("#")[0])
        slug = self.named(name, base=base, language=language)
        if not slug and self.hidden:
            everything = replace(self, hidden=frozenset())
            if everything.named(name, base=base, language=language):
                return ANOTHER.get(language, ANOTHER["en"])
        return self.titles.get(slug, "")

    def snippet_file(self, name: str, *, base: str) -> str:
        """Return the path of the snippet that `name` means in the file `base`, "" for none."""
        plain = unicodedata.normalize("NFC", unquote(name.strip()))
        inner = plain.lstrip("/")
        beside = [] if plain.startswith("/") else [("", _beside(base, plain))]
        # A further repository falls back to the snippets of the main one.
        mounts = dict.fromkeys(("",) if mount_of(inner) else (mount_of(base), ""))
        places = beside + [(mount, inner) for mount in mounts]
        roots = ("", "_snippets/", "_includes/", "includes/", "docs/", "docs/_snippets/")
        for place in (f"{mount}{root}{each}" for mount, each in places for root in roots):
            for file in (place, f"{place}.md"):
                if file in self.snippets:
                    return file
        return ""

    def variable(self, name: str, language: str, *, base: str = "") -> str | None:
        """Return the text of a variable in the file `base`, None when there is none."""
        texts = self.variables.get(mount_of(base) + name) or self.variables.get(name)
        if texts is None:
            return None
        return texts.get(language) or texts.get("") or next(iter(texts.values()), "")

    def image(self, written: str, *, base: str) -> str:
        """Return the address for a file used in `base`, "" when it is not one of ours."""
        try:
            parts = urlsplit(written.strip())
        except ValueError:
            return ""
        if parts.scheme or parts.netloc:
            return ""
        path = unicodedata.normalize("NFC", unquote(parts.path))
        rooted = _rooted(base, path)
        places = [rooted] if path.startswith("/") else [_beside(base, path), rooted]
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


def hidden_from(audiences: Mapping[str, Audience]) -> dict[str, tuple[str, ...]]:
    """Return, by audience, the keys that are for a narrower one."""
    found = {
        audience.value: tuple(key for key, own in audiences.items() if own.is_narrower(audience))
        for audience in Audience
    }
    found.pop(Audience.narrowest(Audience))
    return found


def _fragment(written: str) -> str:
    return f"#{quote(unquote(written), safe='')}" if written else ""


def _outside(address: str) -> str:
    """Return a full address that browsers and people read alike, with spaces encoded, else ""."""
    return re.sub(r"\s", "%20", address) if _OUTSIDE.fullmatch(address) else ""


def _rooted(base: str, path: str) -> str:
    """Return `path` as seen from the root of the repository that `base` is in."""
    inner = path.lstrip("/")
    return inner if mount_of(inner) else mount_of(base) + inner


def _beside(base: str, path: str) -> str:
    """Return `path` as seen from the folder of `base`; it cannot climb above the root."""
    mount = mount_of(base)
    folder = posixpath.dirname(base.removeprefix(mount))
    joined = posixpath.normpath(posixpath.join("/", folder, path))
    return mount + unicodedata.normalize("NFC", joined.lstrip("/"))
