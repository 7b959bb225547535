"""The headings of an article fitted under its title; pure.

Promises levels from 2 that skip none, and on each heading an id of its own that depends on its
words alone (or is the one its author gave), so that links to sections outlive other edits.
"""

from __future__ import annotations

import re
import unicodedata

from kb.content.sanitise import is_free_id
from kb.content.tokens import Token, anchors_in, text_of

MOST_READ = 1000  # characters of a heading for its id, which keeps 80
HEADINGS = {f"h{level}": level for level in range(1, 7)}


def slugify(text: str) -> str:
    """Return an id made of the words of `text` in any script: "¿Qué es?" -> "qué-es"."""
    plain = unicodedata.normalize("NFKC", text[:MOST_READ]).casefold()
    words = re.sub(r"[^\w\s-]", "", plain)
    return re.sub(r"[\s_-]+", "-", words).strip("-")[:80] or "section"


def fit_headings(
    tokens: list[Token], title: str, *, own_title: bool
) -> tuple[list[Token], set[str]]:
    """Return the tokens with levels and ids set, and the ids.

    A first heading of level 1 that repeats `title` is taken out, and any such heading when
    `own_title` is false, because then it gave the title.
    """
    headings = _Headings()
    return headings.run(tokens, title, own_title=own_title), headings.ids


class _Headings:
    def __init__(self) -> None:
        self.ids: set[str] = set()

    def run(self, tokens: list[Token], title: str, *, own_title: bool) -> list[Token]:
        spans = _heading_spans(tokens)
        if spans and _is_title(tokens, spans[0], title, own_title=own_title):
            start, end = spans[0]
            anchors = anchors_in(tokens[start:end])
            marks = [token for name in anchors for token in _anchor(name)]
            tokens = [*tokens[:start], *marks, *tokens[end:]]
            spans = _heading_spans(tokens)
        levels = [HEADINGS[tokens[start].name] for start, _ in spans]
        shift, last = 2 - min(levels, default=2), 1
        done: list[Token] = []
        position = 0
        for (start, end), level in zip(spans, levels, strict=True):
            last = min(level + shift, last + 1, 6)
            done += tokens[position:start]
            done += self._heading(tokens[start:end], last)
            position = end
        return done + tokens[position:]

    def _heading(self, tokens: list[Token], level: int) -> list[Token]:
        text = text_of(tokens).strip()
        if not text:
            return []
        given = [tokens[0].attributes.get("id", ""), *anchors_in(tokens)]
        name = self._unique(next((g for g in given if is_free_id(g)), slugify(text)))
        inner = [t for t in tokens[1:-1] if t.name != "a" or "href" in t.attributes]
        inner = _trimmed(_balanced_links(inner))
        return [Token("start", f"h{level}", {"id": name}), *inner, Token("end", f"h{level}")]

    def _unique(self, name: str) -> str:
        base = name if is_free_id(name) else f"section-{name}"
        base = base if is_free_id(base) else "section"
        free, number = base, 1
        while free in self.ids:
            free, number = f"{base}-{number}", number + 1
        self.ids.add(free)
        return free


def _heading_spans(tokens: list[Token]) -> list[tuple[int, int]]:
    """Return the (start, end) of each heading; one that is never closed ends at the next block."""
    spans: list[tuple[int, int]] = []
    start = -1
    for at, token in enumerate(tokens):
        if token.name in HEADINGS and token.kind == "start" and start < 0:
            start = at
        elif token.name in HEADINGS and token.kind == "end" and start >= 0:
            spans.append((start, at + 1))
            start = -1
    return spans


def _is_title(tokens: list[Token], span: tuple[int, int], title: str, *, own_title: bool) -> bool:
    start, end = span
    if tokens[start].name != "h1" or text_of(tokens[:start]).strip():
        return False
    heading = tokens[start:end]
    named = any(t.name == "a" and t.kind == "start" and "href" not in t.attributes for t in heading)
    same = slugify(text_of(heading)) == slugify(title)
    return same or named or not own_title


def _anchor(name: str) -> tuple[Token, Token]:
    return Token("start", "a", {"id": name}), Token("end", "a")


def _trimmed(tokens: list[Token]) -> list[Token]:
    """Take off the space that an anchor left at the end of a heading."""
    if tokens and tokens[-1].kind == "text":
        return [*tokens[:-1], Token("text", tokens[-1].name.rstrip())]
    return tokens


def _balanced_links(tokens: list[Token]) -> list[Token]:
    """Drop ends of links whose start is gone, so that the page's links stay paired."""
    done, depth = [], 0
    for token in tokens:
        if token.name == "a":
            depth += 1 if token.kind == "start" else -1
            if depth < 0:
                depth = 0
                continue
        done.append(token)
    return done
