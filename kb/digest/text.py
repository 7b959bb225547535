"""A digest as plain text.

Promises every word and figure that the HTML has, in lines that a mail program need not wrap, but
for addresses. Pure.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from kb.digest.sheet import Cell, Digest, Sheet

WIDTH = 76  # under the 78 that RFC 5322 2.1.1 advises


def plain(digest: Digest) -> str:
    """Return the letter's text."""
    return "\n".join(_lines(digest)) + "\n"


def _lines(digest: Digest) -> Iterator[str]:
    if digest.note:
        yield from (*_wrapped(f"*** {digest.note} ***"), "")
    yield from (f"{digest.site}: {digest.title}", digest.days, "")
    for sentence in digest.summary:
        yield from _wrapped(sentence)
    yield from ("", "The report:", digest.report)
    for sheet in digest.sheets:
        yield from _sheet(sheet)
    if digest.meanings:
        yield from _headed("What the figures mean")
    for meaning in digest.meanings:
        yield from (*_wrapped(f"{meaning.name}: {meaning.words}"), meaning.link, "")
    yield from ("", *_wrapped(digest.made), *_wrapped(digest.stop))


def _sheet(sheet: Sheet) -> Iterator[str]:
    yield from _headed(sheet.title)
    if not sheet.rows:
        yield from (*_wrapped(f"{sheet.empty} {sheet.quiet}".strip()), "", sheet.link)
        return
    yield from (*_wrapped(f"{sheet.caption}."), "")
    for row in sheet.rows:
        yield from _wrapped(_said(row[0]))
        for column, cell in zip(sheet.columns[1:], row[1:], strict=True):
            yield from _wrapped(f"{column}: {_said(cell)}", indent="  ")
    yield ""
    if sheet.quiet:
        yield from _wrapped(sheet.quiet)
    yield sheet.link


def _headed(title: str) -> Iterator[str]:
    yield from ("", "", title, "=" * len(title))


def _said(cell: Cell) -> str:
    return f"{cell.words} ({'; '.join(cell.below)})" if cell.below else cell.words


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + ("  " if indent else ""),
        break_long_words=False,
        break_on_hyphens=False,
    )
