"""Pages of an export, whichever program made it; told apart by what is in the files.

Promises for each page its title, HTML, language, place and former addresses, and a remark for each
page that cannot be read. Zendesk's fields are those of its Help Center API ("Articles", "Sections",
developer.zendesk.com); Confluence's marks those of its HTML export of a space.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup, Tag

from kb.authoring.trees import Tree
from kb.content.frontmatter.metadata import language_tag
from kb.content.html.rewrite import slugify
from kb.errors import ContentError

_PAGES = (".html", ".htm", ".xhtml")


class Kind(StrEnum):
    """Which program made an export."""

    ZENDESK = "zendesk"
    CONFLUENCE = "confluence"
    HTML = "html"


@dataclass(frozen=True, slots=True)
class Page:
    """`stem` is its place without an ending, `base` its file there, `facts` its front matter."""

    stem: str
    title: str
    html: str
    base: str = ""
    language: str = ""
    former: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def kind_of(tree: Tree) -> Kind:
    """Return what made the export; ContentError when it holds no page."""
    if any(name.casefold().endswith(".json") for name in tree.sizes) and any(_zendesk_rows(tree)):
        return Kind.ZENDESK
    pages = [name for name in tree.sizes if name.casefold().endswith(_PAGES)]
    if not pages:
        hint = "It should hold HTML pages, or Zendesk's list of articles as JSON."
        raise ContentError("This export holds no page.", hint)
    marked = (b'id="main-content"', b"wiki-content")
    is_confluence = any(mark in tree.read(name) for name in pages[:20] for mark in marked)
    return Kind.CONFLUENCE if is_confluence else Kind.HTML


def read_pages(tree: Tree, kind: Kind) -> Iterator[Page]:
    """Yield the pages of an export of that kind."""
    return {Kind.ZENDESK: _zendesk, Kind.CONFLUENCE: _confluence, Kind.HTML: _plain}[kind](tree)


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


def _zendesk(tree: Tree) -> Iterator[Page]:
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


def _zendesk_page(row: dict[str, Any], title: str, stem: str) -> Page:
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
    return Page(stem, title, body, "", language, former, facts, tuple(remarks))


# Confluence


def _confluence(tree: Tree) -> Iterator[Page]:
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
        yield Page(stem, title, str(content), name, _language(soup), tuple(former))


def _space_key(tree: Tree) -> str:
    name = next((name for name in tree.sizes if name.rpartition("/")[2] == "index.html"), "")
    soup = _soup(tree, name) if name else None
    heads = soup.find_all("th") if soup else []
    cell = next((th.find_next_sibling("td") for th in heads if _words(th) == "Key"), None)
    return _words(cell) if isinstance(cell, Tag) else ""


# Folders of HTML


def _plain(tree: Tree) -> Iterator[Page]:
    for name in _html_files(tree):
        soup = _soup(tree, name)
        for each in soup.select("nav, header nav, footer, form, noscript"):
            each.decompose()
        content = soup.select_one("main, article, [role=main]") or soup.body or soup
        heading = content.find("h1")
        plain = name.rpartition(".")[0]
        title = _words(heading) or _words(soup.title) or plain.rpartition("/")[2]
        stem = "/".join(slugify(part) for part in plain.split("/"))
        yield Page(stem, title, str(content), name, _language(soup), (f"/{name}",))


def _html_files(tree: Tree) -> list[str]:
    return [name for name in tree.sizes if name.casefold().endswith(_PAGES)]


def _soup(tree: Tree, name: str) -> BeautifulSoup:
    return BeautifulSoup(tree.read(name), "html.parser")


def _language(soup: BeautifulSoup) -> str:
    return language_tag(str(soup.html.get("lang", ""))) if soup.html else ""


def _words(element: Tag | None) -> str:
    return " ".join(element.get_text(" ").split()) if element is not None else ""
