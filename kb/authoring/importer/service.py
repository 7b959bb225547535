"""Turns an export of another knowledge base into Markdown files with their images.

A run that was interrupted can be repeated and continues; a file that somebody changed is left alone
unless forced. Former addresses redirect to the new pages, and a report lists what was not imported.
Nothing is fetched: images are those in the export.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import posixpath
import re
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from kb.authoring.importer.html import markdown_of
from kb.authoring.importer.pages import ExportedPage, ExportKind, Tree, read_pages
from kb.content.draft import MAX_BYTES
from kb.content.media import ENDINGS
from kb.content.media import kind_of as image_kind
from kb.errors import ContentError

STATE = ".kb-import.json"
REPORT = "_import-report.csv"
_SAVED_EVERY = 50  # pages, at least, between two saves of the state
DEEPEST = 32  # parts of an address that are tried, from its end


class Import:
    """One import of an export into the folder `target`."""

    def __init__(self, tree: Tree, target: Path, language: str, *, force: bool) -> None:
        self._tree, self._target, self._language, self._force = tree, target, language, force
        self._state = _read_state(target / STATE)
        self._paths: dict[str, str] = {}  # file of the export -> path of the article
        self.remarks: list[tuple[str, str, str]] = []
        self.counts: Counter[str] = Counter()

    def run(self, kind: ExportKind) -> None:
        """Write every page, then the state and the report."""
        placed = self._placed(list(read_pages(self._tree, kind)))
        self._paths = {page.base: path for path, page in placed.items() if page.base}
        due = _SAVED_EVERY
        for number, (path, page) in enumerate(placed.items(), start=1):
            self._page(path, page)
            if number >= due:
                self._save()
                due = number + max(_SAVED_EVERY, number // 5)  # each save writes all of it
        self._save()
        _write(self._target / REPORT, _table(self.remarks))

    def _placed(self, pages: list[ExportedPage]) -> dict[str, ExportedPage]:
        placed: dict[str, ExportedPage] = {}
        following: dict[str, int] = {}  # wanted path -> next number to try
        for page in pages:
            language = page.language or self._language
            ending = ".md" if language == self._language else f".{language}.md"
            path = wanted = f"{page.stem}{ending}"
            while path in placed:
                number = following.get(wanted, 2)
                path, following[wanted] = f"{page.stem}-{number}{ending}", number + 1
            placed[path] = page
        return placed

    def _page(self, path: str, page: ExportedPage) -> None:
        text, remarks = markdown_of(page.html, lambda kind, to: self._resolve(kind, to, page, path))
        for remark in (*page.remarks, *remarks):
            self.remarks.append((path, "page", remark))
        whole = _front_matter(page) + text
        if len(whole.encode()) > MAX_BYTES:
            self.remarks.append(
                (path, "too large", f"More than {MAX_BYTES // 1024} KiB: split it.")
            )
        self._put(path, whole.encode())

    def _resolve(self, kind: str, written: str, page: ExportedPage, path: str) -> str:
        """Return what to write for a link or image of the page that goes to `path`."""
        parts = urlsplit(written.strip()) if "[" not in written else urlsplit("")
        here = posixpath.join(posixpath.dirname(page.base), unquote(parts.path))
        file = self._find(posixpath.normpath(here).lstrip("/"), parts.path)
        if kind == "image":
            return self._image(file, written, path)
        if file in self._paths:
            to = posixpath.relpath(self._paths[file], posixpath.dirname(path) or ".")
            return f"{to}#{parts.fragment}" if parts.fragment else to
        if file and file.casefold().endswith(ENDINGS) and not parts.netloc:
            return self._copied(file, path)
        if not parts.scheme and not parts.netloc and parts.path and not parts.path.startswith("/"):
            self.remarks.append((path, "link", f"“{written[:120]}” is not in the export."))
        return written

    def _find(self, here: str, written: str) -> str:
        """Return the export's file that an address means: relative to the page, or by its end."""
        if not written:
            return ""
        parts = [part for part in unquote(written).split("/") if part][-DEEPEST:]
        places = [here, *("/".join(parts[at:]) for at in range(len(parts)))]
        found = next(filter(None, map(self._tree.find, places)), "")
        if found or "article_attachments" not in parts:
            return found
        number = next((part for part in parts if part.isdecimal()), "")
        return self._tree.find_attachment(parts[-1] if len(parts) > 1 else "", number)

    def _image(self, file: str, written: str, path: str) -> str:
        data = self._tree.read(file) if file else b""
        if written.startswith("data:image/"):
            return written
        if not file or not image_kind(data):
            what = "is not in the export" if not file else "is no PNG, JPEG, GIF or WebP"
            self.remarks.append((path, "image", f"“{written[:160]}” {what}."))
            return ""
        return self._copied(file, path)

    def _copied(self, file: str, path: str) -> str:
        """Copy a file of the export beside the article and return its relative address."""
        data = self._tree.read(file)
        stem = posixpath.basename(path).partition(".")[0]
        folders = [_plain(part) for part in posixpath.dirname(file).split("/")[-1:] if part]
        name = "/".join(["images", stem, *folders, _named(_plain(posixpath.basename(file)), data)])
        self._put(posixpath.join(posixpath.dirname(path), name), data)
        return name

    def _put(self, path: str, data: bytes) -> None:
        """Write a file unless somebody changed it since it was imported."""
        file = self._target / path
        digest = hashlib.sha256(data).hexdigest()
        before = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""
        if before == digest:
            self.counts["as before"] += 1
        elif before and before != self._state.get(path) and not self._force:
            self.counts["left alone"] += 1
            detail = "Changed here since it was brought in; --force writes over it."
            self.remarks.append((path, "left alone", detail))
            return
        else:
            _write(file, data)
            self.counts["written"] += 1
        self._state[path] = digest

    def _save(self) -> None:
        _write(self._target / STATE, json.dumps(self._state, indent=0, sort_keys=True).encode())


def _front_matter(page: ExportedPage) -> str:
    facts: dict[str, Any] = {"title": page.title, **page.facts}
    if page.language:
        facts["language"] = page.language
    facts["redirect_from"] = list(page.former)
    # JSON strings and lists are valid YAML, and need no further quoting.
    lines = [
        f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in facts.items() if value
    ]
    return "---\n" + "\n".join(lines) + "\n---\n"


def _plain(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "file"


def _named(name: str, data: bytes) -> str:
    """Return the name, with the suffix of its image format if it has none."""
    kind = image_kind(data)
    return f"{name}.{kind[0]}" if kind and "." not in name else name


def _read_state(file: Path) -> dict[str, str]:
    try:
        value = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except (OSError, ValueError) as error:
        raise ContentError(f"{file} cannot be read.", "Remove it to begin again.") from error
    return {str(path): str(digest) for path, digest in value.items()}


def _write(file: Path, data: bytes) -> None:
    """Write the file whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.part")
    beside.write_bytes(data)
    beside.replace(file)


def _table(remarks: list[tuple[str, str, str]]) -> bytes:
    """Return the remarks as CSV; no cell can be taken for a formula."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(("file", "what", "detail"))
    for row in remarks:
        rows.writerow([f"'{cell}" if cell[:1] in "=+-@\t\r" else cell for cell in row])
    return out.getvalue().encode()
