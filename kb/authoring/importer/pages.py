"""Files and pages of an export from Zendesk, Confluence or a folder of HTML.

An export is a folder, a zip or a single file. Only regular files are read, links are not followed,
nothing is unpacked to disk, names that lead outside are left out, and a zip that claims too much is
refused.

Each page has its title, HTML, language, place and former addresses; a page that cannot be read
becomes a remark. Zendesk's fields are those of its Help Center API ("Articles", "Sections",
developer.zendesk.com); Confluence's marks those of its HTML export of a space.
"""

from __future__ import annotations

import json
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup, Tag

from kb.content.frontmatter.metadata import language_tag
from kb.content.html.rewrite import slugify
from kb.errors import ContentError

# -- Files of an export --


LARGEST = 32 * 1024 * 1024  # bytes of one file; nothing larger is a page or its image
_MOST = 200_000  # files
_TOTAL = 4 << 30  # bytes that a zip may unfold to, all files together


class Tree:
    """The files under a folder or in a zip, or a single file."""

    def __init__(self, source: Path) -> None:
        self._source = source
        self._zip: zipfile.ZipFile | None = None
        if source.is_dir():
            self.sizes = dict(self._walk())
        elif zipfile.is_zipfile(source):
            self.sizes = self._open_zip()
        elif source.is_file():
            self.sizes = {source.name: source.stat().st_size}
            self._source = source.parent
        else:
            raise ContentError(f"There is no export at {source}.", "Name a folder or a file.")

    def read(self, name: str) -> bytes:
        """Return the bytes of a file; ContentError when it is too large or damaged."""
        if self.sizes[name] > LARGEST:
            raise ContentError(f"{name} has more than {LARGEST >> 20} MiB.", "Leave it out.")
        try:
            if self._zip is None:
                return (self._source / name).read_bytes()
            with self._zip.open(name) as stream:
                return stream.read(LARGEST)
        except (
            OSError,
            zipfile.BadZipFile,
            zlib.error,
            RuntimeError,
            NotImplementedError,
        ) as error:
            raise ContentError(f"{name} cannot be read: {error}.", "Export it again.") from error

    def find(self, name: str) -> str:
        """Return the file of this name, ignoring case; "" when there is none."""
        if name in self.sizes:
            return name
        return self._folded.get(name.casefold(), "")

    def find_attachment(self, ends_with: str, number: str) -> str:
        """Return the first file whose last part is `ends_with`, or whose stem or folder is
        `number`; "" when there is none. Either may be "".
        """
        places = [self._own[ends_with]] if ends_with in self._own else []
        places += [self._numbered[number]] if number in self._numbered else []
        return self._names[min(places)] if places else ""

    # A page may have as many links as the export has files, so lookups use dictionaries.

    @cached_property
    def _names(self) -> list[str]:
        return list(self.sizes)

    @cached_property
    def _folded(self) -> dict[str, str]:
        return {name.casefold(): name for name in reversed(self._names)}

    @cached_property
    def _own(self) -> dict[str, int]:
        names = enumerate(self._names)
        return dict(reversed([(name.rpartition("/")[2], place) for place, name in names]))

    @cached_property
    def _numbered(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for place, name in enumerate(self._names):
            *folders, own = name.split("/")
            for part in (own.partition(".")[0], *folders[-1:]):
                if part.isdecimal():
                    found.setdefault(part, place)
        return found

    def _walk(self) -> list[tuple[str, int]]:
        found: list[tuple[str, int]] = []
        for folder, folders, names in os.walk(self._source):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                file = Path(folder, name)
                facts = file.lstat()
                if stat.S_ISREG(facts.st_mode) and len(found) < _MOST:
                    found.append((file.relative_to(self._source).as_posix(), facts.st_size))
        return found

    def _open_zip(self) -> dict[str, int]:
        try:
            self._zip = zipfile.ZipFile(self._source)
        except (zipfile.BadZipFile, OSError) as error:
            raise ContentError(f"{self._source} is no readable zip.", "Export it again.") from error
        rows = [row for row in self._zip.infolist() if not row.is_dir()]
        if len(rows) > _MOST or sum(row.file_size for row in rows) > _TOTAL:
            raise ContentError(
                f"{self._source} unfolds to more than {_TOTAL >> 30} GiB or {_MOST} files.",
                "Export a part of it.",
            )
        return {row.filename: row.file_size for row in rows if _is_inside(row)}


def _is_inside(row: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(row.filename).parts
    is_link = stat.S_ISLNK(row.external_attr >> 16)
    return not is_link and ".." not in parts and not row.filename.startswith(("/", "\\"))


# -- Pages of an export --


_PAGES = (".html", ".htm", ".xhtml")


class ExportKind(StrEnum):
    """Which program made an export."""

    ZENDESK = "zendesk"
    CONFLUENCE = "confluence"
    HTML = "html"


@dataclass(frozen=True, slots=True)
class ExportedPage:
    """One page. `stem` is its path to be, without suffix; `base` is its file in the export, ""
    for none; `facts` is its front matter.
    """

    stem: str
    title: str
    html: str
    base: str = ""
    language: str = ""
    former: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def kind_of(tree: Tree) -> ExportKind:
    """Return which program made the export; ContentError when it has no page."""
    if any(name.casefold().endswith(".json") for name in tree.sizes) and any(_zendesk_rows(tree)):
        return ExportKind.ZENDESK
    pages = [name for name in tree.sizes if name.casefold().endswith(_PAGES)]
    if not pages:
        hint = "It should hold HTML pages, or Zendesk's list of articles as JSON."
        raise ContentError("This export holds no page.", hint)
    marked = (b'id="main-content"', b"wiki-content")
    is_confluence = any(mark in tree.read(name) for name in pages[:20] for mark in marked)
    return ExportKind.CONFLUENCE if is_confluence else ExportKind.HTML


def read_pages(tree: Tree, kind: ExportKind) -> Iterator[ExportedPage]:
    """Yield the pages of an export of that kind."""
    return {
        ExportKind.ZENDESK: _zendesk,
        ExportKind.CONFLUENCE: _confluence,
        ExportKind.HTML: _plain,
    }[kind](tree)


# Zendesk


def _zendesk_lists(tree: Tree) -> Iterator[dict[str, Any]]:
    for name in tree.sizes:
        if name.casefold().endswith(".json"):
            try:
                value = json.loads(tree.read(name))
            except (ValueError, RecursionError):
                continue
            yield value if isinstance(value, dict) else {"articles": value}


def _zendesk_rows(tree: Tree) -> Iterator[dict[str, Any]]:
    for value in _zendesk_lists(tree):
        rows = value.get("articles")
        for row in rows if isinstance(rows, list) else []:
            if isinstance(row, dict) and isinstance(row.get("body"), str) and "id" in row:
                yield row


def _zendesk(tree: Tree) -> Iterator[ExportedPage]:
    names: dict[str, str] = {}
    for value in _zendesk_lists(tree):
        rows = value.get("sections")
        for row in rows if isinstance(rows, list) else []:
            if isinstance(row, dict):
                names[str(row.get("id"))] = str(row.get("name", ""))
    rows = sorted(
        _zendesk_rows(tree), key=lambda row: row.get("locale") != row.get("source_locale")
    )
    stems: dict[str, str] = {}
    for row in rows:
        title = str(row.get("title") or row.get("name") or row["id"])
        folder = slugify(names.get(str(row.get("section_id")), "articles"))
        stem = stems.setdefault(str(row["id"]), f"{folder}/{slugify(title)}")
        yield _zendesk_page(row, title, stem)


def _zendesk_page(row: dict[str, Any], title: str, stem: str) -> ExportedPage:
    facts: dict[str, Any] = {}
    remarks: list[str] = []
    if row.get("draft"):
        facts["status"] = "draft"
    if row.get("user_segment_id") is not None:
        facts["audience"] = "staff"
        remarks.append("It was open to one user segment; it is for staff until you say otherwise.")
    if isinstance(row.get("label_names"), list) and row["label_names"]:
        facts["keywords"] = [str(label) for label in row["label_names"]]
    changed = str(row.get("edited_at") or row.get("updated_at") or "")[:10]
    if changed:
        facts["updated"] = changed
    address = unquote(urlsplit(str(row.get("html_url", ""))).path)
    short = re.match(r"(.*/articles/\d+)-", address)
    former = tuple(filter(None, (address, short[1] if short else "")))
    language = language_tag(str(row.get("locale", "")))
    host = urlsplit(str(row.get("html_url", ""))).netloc
    body = row["body"].replace(f"https://{host}/", "/") if host else row["body"]
    return ExportedPage(stem, title, body, "", language, former, facts, tuple(remarks))


# Confluence


def _confluence(tree: Tree) -> Iterator[ExportedPage]:
    key = _space_key(tree)
    for name in _html_files(tree):
        soup = _soup(tree, name)
        content = soup.select_one("#main-content, .wiki-content")
        if content is None:
            continue  # the index of the space
        title = _words(soup.select_one("#title-text, title")) or name
        crumbs = [_words(each) for each in soup.select("#breadcrumbs li")]
        space = crumbs[0] if crumbs else ""
        title = title.removeprefix(f"{space} : ").partition(" : ")[2] or title.removeprefix(
            f"{space} : "
        )
        parent = next((crumb for crumb in crumbs[1:] if crumb), space)
        former = [f"/{name}"]
        if key:
            former.append(f"/display/{key}/{title.replace(' ', '+')}")
        stem = f"{slugify(parent) if parent else 'articles'}/{slugify(title)}"
        yield ExportedPage(stem, title, str(content), name, _language(soup), tuple(former))


def _space_key(tree: Tree) -> str:
    name = next((name for name in tree.sizes if name.rpartition("/")[2] == "index.html"), "")
    soup = _soup(tree, name) if name else None
    heads = soup.find_all("th") if soup else []
    cell = next((th.find_next_sibling("td") for th in heads if _words(th) == "Key"), None)
    return _words(cell) if isinstance(cell, Tag) else ""


# Folders of HTML


def _plain(tree: Tree) -> Iterator[ExportedPage]:
    for name in _html_files(tree):
        soup = _soup(tree, name)
        for each in soup.select("nav, header nav, footer, form, noscript"):
            each.decompose()
        content = soup.select_one("main, article, [role=main]") or soup.body or soup
        heading = content.find("h1")
        plain = name.rpartition(".")[0]
        title = _words(heading) or _words(soup.title) or plain.rpartition("/")[2]
        stem = "/".join(slugify(part) for part in plain.split("/"))
        yield ExportedPage(stem, title, str(content), name, _language(soup), (f"/{name}",))


def _html_files(tree: Tree) -> list[str]:
    return [name for name in tree.sizes if name.casefold().endswith(_PAGES)]


def _soup(tree: Tree, name: str) -> BeautifulSoup:
    return BeautifulSoup(tree.read(name), "html.parser")


def _language(soup: BeautifulSoup) -> str:
    return language_tag(str(soup.html.get("lang", ""))) if soup.html else ""


def _words(element: Tag | None) -> str:
    return " ".join(element.get_text(" ").split()) if element is not None else ""
