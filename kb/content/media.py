"""Images and other files beside the articles: which there are, their types, which are used.

Only PNG, JPEG, GIF and WebP images are shown, recognised by their first bytes and not by their
name; SVG is refused, because it can hold script. Their width and height are read without decoding,
so that a page can reserve the space before an image is loaded; they are None if the bytes do not
tell them or claim more than any screen shows. Other files are offered only if their kind is in a
closed list. They are served to be saved and never shown, so their content is not examined.
"""

from __future__ import annotations

import hashlib
import io
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import replace

from kb.content.article import Article
from kb.content.library import Media
from kb.content.paths import is_furniture
from kb.content.problem import Problem
from kb.content.sources.source import Blob

# -- Width and height --


Size = tuple[int, int]
_LARGEST = 20_000  # pixels per side; more is an error or an attack


def dimensions(data: bytes) -> Size | None:
    """Return (width, height) in pixels, None when the bytes do not tell."""
    if kind_of(data) is None:  # imagesize reads more kinds, SVG among them
        return None
    import imagesize  # imported late: it brings the standard library's web client, unused here

    if len(data) in (24, 25):  # a PNG cut off after its size, where imagesize reads on to byte 26
        data += bytes(2)
    width, height = imagesize.get(io.BytesIO(data), exif_rotation=False)
    if width > 0 and data[8:16] == b"WEBPVP8 ":  # the upper two bits are a scale (RFC 6386, 9.1)
        width, height = width & 0x3FFF, height & 0x3FFF
    return (width, height) if 0 < width <= _LARGEST and 0 < height <= _LARGEST else None


# -- Files for saving --


MAX_ATTACHMENT_BYTES = (
    8 * 1024 * 1024
)  # the library is held in memory; larger files belong on a file server
TYPES = {
    "pdf": "application/pdf",
    "zip": "application/zip",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "txt": "text/plain",
    "log": "text/plain",
    "rtf": "application/rtf",
    "ics": "text/calendar",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "odt": "application/vnd.oasis.opendocument.text",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "odp": "application/vnd.oasis.opendocument.presentation",
    "ovpn": "application/x-openvpn-profile",
    "rdp": "application/x-rdp",
    "mobileconfig": "application/x-apple-aspen-config",
}
ENDINGS = tuple(f".{ending}" for ending in TYPES)


def is_attachment(path: str) -> bool:
    """Whether a file at this path may be offered: a known kind, and not a part of the site."""
    *folders, name = path.split("/")
    hidden = name.startswith((".", "_")) or any(is_furniture(folder) for folder in folders)
    return name.casefold().endswith(ENDINGS) and not hidden


def attachment_name(path: str, data: bytes) -> str:
    """Return the name that the file is served under, made from its bytes and its kind."""
    ending = path.rpartition(".")[2].casefold()
    return f"{hashlib.sha256(ending.encode() + data).hexdigest()[:32]}.{ending}"


def described(name: str, size: int) -> str:
    """Return what a reader should know before saving a file of `size` bytes: "PDF, 120 KB"."""
    kind = name.rpartition(".")[2].upper()
    if size < 1_000_000:
        return f"{kind}, {max(1, round(size / 1000))} KB"
    return f"{kind}, {size / 1_000_000:.1f} MB"


# -- The images and files of a source --


MAX_IMAGE_BYTES = 5 * 1024 * 1024
_ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".webp")
_KINDS = (
    (b"\x89PNG\r\n\x1a\n", "png", "image/png"),
    (b"\xff\xd8\xff", "jpg", "image/jpeg"),
    (b"GIF87a", "gif", "image/gif"),
    (b"GIF89a", "gif", "image/gif"),
)


class Pictures:
    """The images and files of a source.

    `names` maps a case-folded source path to the served name, `shapes` the served name of an image
    to (width, height), `weights` the served name of a file for saving to its size in bytes.
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
        """Return the images and files that the articles use, by digest.

        `inline` are images embedded in a text; `before` has the images of unchanged articles and of
        articles kept in an older version.
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
        if blob.size > MAX_IMAGE_BYTES:
            most = MAX_IMAGE_BYTES // 1024
            message = f"This image has {blob.size // 1024} KiB; {most} KiB is the most."
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
        if blob.size > MAX_ATTACHMENT_BYTES:
            most = MAX_ATTACHMENT_BYTES // 1024
            message = f"This file has {blob.size // 1024} KiB; {most} KiB is the most."
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
