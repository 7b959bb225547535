"""Files beside the articles that readers save: which kinds, and what they are served as; pure.

Promises a name only to kinds of a closed list. They are served to be saved and never to be shown,
so what is in them is not looked at. Knows no article.
"""

from __future__ import annotations

import hashlib

from kb.content.naming import is_furniture

MAX_BYTES = 8 * 1024 * 1024  # the library is held in memory; larger files belong on a file server
TYPES = {
    "pdf": "application/pdf", "zip": "application/zip", "csv": "text/csv",
    "tsv": "text/tab-separated-values", "txt": "text/plain", "log": "text/plain",
    "rtf": "application/rtf", "ics": "text/calendar",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "odt": "application/vnd.oasis.opendocument.text",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "odp": "application/vnd.oasis.opendocument.presentation",
    "ovpn": "application/x-openvpn-profile", "rdp": "application/x-rdp",
    "mobileconfig": "application/x-apple-aspen-config",
}  # fmt: skip
ENDINGS = tuple(f".{ending}" for ending in TYPES)


def is_attachment(path: str) -> bool:
    """Whether a file of this path may be offered: a known kind, and no part of the site itself."""
    *folders, name = path.split("/")
    hidden = name.startswith((".", "_")) or any(is_furniture(folder) for folder in folders)
    return name.casefold().endswith(ENDINGS) and not hidden


def attachment_name(path: str, data: bytes) -> str:
    """Return the name that the file is served under; equal bytes of another kind have another."""
    ending = path.rpartition(".")[2].casefold()
    return f"{hashlib.sha256(ending.encode() + data).hexdigest()[:32]}.{ending}"


def described(name: str, size: int) -> str:
    """Return what a reader should know before saving a file of `size` bytes: "PDF, 120 KB"."""
    kind = name.rpartition(".")[2].upper()
    if size < 1_000_000:
        return f"{kind}, {max(1, round(size / 1000))} KB"
    return f"{kind}, {size / 1_000_000:.1f} MB"
