"""The bytes of a file into text, in the encoding that they are surely in.

A file in an encoding that cannot be told from another is refused, with what to do about it: names
and addresses read wrongly would match nobody, and nobody would know.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from kb.errors import InvalidInput

# The longer marks first: that of UTF-32 begins with that of UTF-16.
_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"), (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"),
)  # fmt: skip
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # xlsx and ods; xls
_NO_TEXT = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined"})
GUESSED = "cp1252"  # what is left when nothing says otherwise; see `refuse_unsure`
_SAMPLE = 400  # bytes in which UTF-16 without a mark shows
# What Western text in Windows-1252 does not hold, and other encodings read as it do: a sign within
# a word, a quotation mark that opens behind a letter, a capital within a small word, three accented
# letters in a row.
_STRANGE = re.compile(
    r"[^\W\d_](?:[^\w\s\x00-\x7f’´–—·\xad]|[¹²³])[^\W\d_]|[^\W\d_][‚„ˆ˜]"
    r"|[A-Za-z][À-ÞŠŒŽŸ][a-z]|[À-ÖØ-öø-ÿŠŒŽŸšœž]{3}"
)
_PARTLY = re.compile(rb"[\xc2\xc3][\x80-\xbf]")  # accents of UTF-8, in a file that is not all so
_SAVE = "Save the file as “CSV UTF-8”, or say which it is: --encoding cp1252"


def decoded(data: bytes, encoding: str = "") -> tuple[str, str]:
    """Return the text and the name of its encoding; InvalidInput where that is not sure.

    `encoding` is what the caller knows it to be, "" for nothing.
    """
    if data.startswith(_WORKBOOKS):
        raise InvalidInput("This is a workbook and not CSV.", "Save it as “CSV UTF-8” first.")
    if encoding:
        return _decode(data, encoding, _known(encoding)), encoding
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _decode(data, name), name.removesuffix("-sig")
    if name := _wide(data):
        return _decode(data, name), name
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as problem:
        cut = problem.end == len(data) and problem.reason == "unexpected end of data"
    try:
        text = "" if cut or _PARTLY.search(data) else data.decode(GUESSED)
    except UnicodeDecodeError:
        text = ""
    if not text or _STRANGE.search(text):
        raise InvalidInput(
            "The file is no whole UTF-8, and what it is cannot be told.", f"{_SAVE}. Is it cut off?"
        )
    return text, GUESSED


def refuse_unsure(cells: Iterable[str]) -> None:
    """Raise InvalidInput where cells that matter hold letters that a guessed encoding may have
    read wrongly; `cells` are the ids and addresses of a file read as GUESSED.
    """
    for cell in cells:
        if not cell.isascii():
            raise InvalidInput(f"The file is not UTF-8, and may read {cell[:40]!r} wrongly.", _SAVE)


def _known(encoding: str) -> str:
    """Return what to say when the encoding that was named does not fit."""
    try:
        "".encode(encoding)  # also refuses what turns no text into bytes
        known = encoding.lower().replace("-", "_") not in _NO_TEXT
    except (LookupError, ValueError):
        known = False
    if not known:
        raise InvalidInput(
            f"There is no encoding {encoding[:40]!r}.", "Write it as utf-8, utf-16 or cp1252."
        )
    return "Is it another one? Without --encoding the site looks for itself."


def _decode(data: bytes, name: str, hint: str = "Is the file cut off? Export it again.") -> str:
    try:
        return data.decode(name).removeprefix("\ufeff")
    except UnicodeError as problem:
        place = getattr(problem, "start", len(data))
        raise InvalidInput(f"The file is not {name}: byte {place} does not fit.", hint) from None


def _wide(data: bytes) -> str:
    """Return the name of UTF-16 without a mark, by the noughts beside the letters of the header."""
    head = data[:_SAMPLE]
    for name, low, high in (("utf-16-le", 0, 1), ("utf-16-be", 1, 0)):
        blank, letters = head[high::2], head[low::2]
        if (
            len(blank) > 4
            and blank.count(0) > len(blank) * 0.6
            and letters.count(0) * 9 < len(letters)
        ):
            return name
    return ""
