"""Images and files beside the articles: which there are, what they are served as, which are used.

Promises that only bytes that are a PNG, JPEG, GIF or WebP image, told by their first bytes and not
by their name, are shown; SVG is refused, as a document that can hold script. Other files are those
of `attachments`, to be saved only.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import replace

from kb.content.article import Article
from kb.content.attachments import MAX_BYTES as MOST
from kb.content.attachments import TYPES, attachment_name, is_attachment
from kb.content.dimensions import dimensions
from kb.content.library import Media
from kb.content.problem import Problem
from kb.content.source import Blob

MAX_BYTES = 5 * 1024 * 1024
_ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".webp")
_KINDS = (
    (b"\x89PNG\r\n\x1a\n", "png", "image/png"),
    (b"\xff\xd8\xff", "jpg", "image/jpeg"),
    (b"GIF87a", "gif", "image/gif"),
    (b"GIF89a", "gif", "image/gif"),
)


class Pictures:
    """The images and files of a source.

    `names` maps a folded source path to the name served, `shapes` that name to width and height,
    `weights` the names of files to be saved to their bytes.
    """

    def __init__(self, files: Mapping[str, Blob]) -> None:
        self.names: dict[str, str] = {}
        self.shapes: dict[str, tuple[int, int]] = {}
        self.weights: dict[str, int] = {}
        self.problems: list[Problem] = []
        self._saved: set[str] = set()
        self._blobs: dict[str, tuple[str, Blob]] = {}
        for path, blob in files.items():
            if path.casefold().endswith(_ENDINGS):
                self._add(path, blob)
            elif is_attachment(path):
                self._attach(path, blob)

    def media(
        self, articles: Iterable[Article], inline: Mapping[str, bytes], before: Mapping[str, Media]
    ) -> dict[str, Media]:
        """Return the images that the articles show, by digest.

        `inline` are those that were written into a text; `before` has those of unchanged articles
        and of articles that stay in an older version.
        """
        users: dict[str, list[str]] = {}
        for article in articles:
            for digest in article.images:
                users.setdefault(digest, []).append(article.slug)
        found = {}
        for digest, slugs in sorted(users.items()):
            media = self._media(digest, inline) or before.get(digest)
            if media:
                found[digest] = replace(media, slugs=tuple(sorted(slugs)))
        return found

    def _media(self, digest: str, inline: Mapping[str, bytes]) -> Media | None:
        path, blob = self._blobs.get(digest, ("", None))
        if path in self._saved and blob is not None:
            ending = path.rpartition(".")[2].casefold()
            name = path.rpartition("/")[2]
            return Media(f"{digest}.{ending}", TYPES[ending], blob.read(), filename=name)
        data = blob.read() if blob is not None else inline.get(digest)
        ending, mime = (kind_of(data) if data is not None else None) or ("", "")
        return Media(f"{digest}.{ending}", mime, data) if data is not None else None

    def _add(self, path: str, blob: Blob) -> None:
        if blob.size > MAX_BYTES:
            message = (
                f"This image has {blob.size // 1024} KiB; {MAX_BYTES // 1024} KiB is the most."
            )
            self._refuse(path, message, "Make it smaller.")
            return
        try:
            data = blob.read()
        except OSError as error:
            self._refuse(path, f"This image cannot be read: {error}.", "Run: git fsck")
            return
        name = media_name(data)
        if not name:
            message = "This file is not a PNG, JPEG, GIF or WebP image, whatever its name says."
            self._refuse(path, message, "Save it again in one of these formats.")
            return
        if shape := dimensions(data):
            self.shapes[name] = shape
        self._blobs[name.partition(".")[0]] = (path, blob)
        self.names[unicodedata.normalize("NFC", path).casefold()] = name

    def _attach(self, path: str, blob: Blob) -> None:
        if blob.size > MOST:
            message = f"This file has {blob.size // 1024} KiB; {MOST // 1024} KiB is the most."
            self._refuse(path, message, "Keep it on a file server and link to it there.", "file")
            return
        try:
            name = attachment_name(path, blob.read())
        except OSError as error:
            self._refuse(path, f"This file cannot be read: {error}.", "Run: git fsck", "file")
            return
        self._saved.add(path)
        self.weights[name] = blob.size
        self._blobs[name.partition(".")[0]] = (path, blob)
        self.names[unicodedata.normalize("NFC", path).casefold()] = name

    def _refuse(self, path: str, message: str, hint: str, code: str = "image") -> None:
        self.problems.append(Problem(path, None, code, message, hint))


def media_name(data: bytes) -> str:
    """Return the name that image bytes are served under, "" for anything else."""
    kind = kind_of(data)
    return f"{hashlib.sha256(data).hexdigest()[:32]}.{kind[0]}" if kind else ""


def kind_of(data: bytes) -> tuple[str, str] | None:
    """Return the file ending and media type of image bytes, None for anything else."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp", "image/webp"
    found = (kind[1:] for kind in _KINDS if data.startswith(kind[0]))
    return next(found, None)
