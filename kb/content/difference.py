"""Compare two renderings of an article and mark the changed words on one page.

The result is well-formed HTML, sanitised last, in which `ins` and `del` hold the words added and
removed. Ids and links to them are left out, so that two versions can stand on one page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from html import escape

from kb.content.html.sanitise import sanitise
from kb.content.html.tokens import HtmlToken, read_tokens, start_tag

_TEXT = "#text"
_VOID = frozenset({"br", "hr", "img"})
_WORD = re.compile(r"\w+|\s+|[^\w\s]")
_LIKENESS = 0.4  # the least at which two pieces are shown as one changed piece
_MOST_PAIRS = 400  # comparisons of old and new pieces; beyond that, they are paired in order
_MOST_STEPS = 1_000_000  # of a word-by-word comparison: about a second at worst
_DEEPEST = 60  # nested elements; what lies deeper is shown as new


@dataclass(slots=True)
class _Node:
    """An element or a text; two nodes are equal if their `html` is."""

    name: str
    text: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[_Node] = field(default_factory=list)
    html: str = ""

    @property
    def words(self) -> str:
        """All text within."""
        return self.text or " ".join(child.words for child in self.children)


def difference(old: str, new: str) -> str:
    """Return the HTML of `new` with what was added and removed since `old` marked."""
    try:
        marked = "".join(_compared(_tree(old), _tree(new), 0))
    except RecursionError:
        marked = new
    return sanitise(marked)


def is_marked(html: str) -> bool:
    """Whether any word is marked as added or removed."""
    return "<ins>" in html or "<del>" in html


def _tree(html: str) -> list[_Node]:
    root = _Node("")
    around = [root]
    for token in read_tokens(html):
        if token.kind == "end":
            _close(around, token.name)
            continue
        node = _node(token)
        around[-1].children.append(node)
        if token.kind == "start" and token.name not in _VOID:
            around.append(node)
    _write(root)
    return root.children


def _close(around: list[_Node], name: str) -> None:
    """Close the innermost element of that name, if one is open."""
    for place in range(len(around) - 1, 0, -1):
        if around[place].name == name:
            del around[place:]
            return


def _node(token: HtmlToken) -> _Node:
    if token.kind == "text":
        return _Node(_TEXT, token.name)
    kept = {name: value for name, value in token.attributes.items() if name != "id"}
    if kept.get("href", "").startswith("#"):
        del kept["href"]
    return _Node(token.name, attributes=kept)


def _write(node: _Node) -> str:
    if node.name == _TEXT:
        node.html = escape(node.text, quote=False)
    else:
        node.html = _around(node, "".join(_write(child) for child in node.children))
    return node.html


def _around(node: _Node, inside: str) -> str:
    if not node.name:
        return inside
    end = "" if node.name in _VOID else f"</{node.name}>"
    return f"{start_tag(node.name, node.attributes)}{inside}{end}"


def _compared(old: list[_Node], new: list[_Node], depth: int) -> Iterator[str]:
    matcher = SequenceMatcher(None, [n.html for n in old], [n.html for n in new])
    for what, i, j, k, m in matcher.get_opcodes():
        if what == "equal":
            yield from (node.html for node in new[k:m])
        else:
            yield from _replaced(old[i:j], new[k:m], depth)


def _replaced(old: list[_Node], new: list[_Node], depth: int) -> Iterator[str]:
    """Pair old pieces with the new ones they became; mark the rest as removed or added."""
    at = 0
    for partner, node in zip(_partners(old, new), new, strict=True):
        if partner is None:
            yield _marked(node, "ins")
            continue
        yield from (_marked(gone, "del") for gone in old[at:partner])
        yield _changed(old[partner], node, depth)
        at = partner + 1
    yield from (_marked(gone, "del") for gone in old[at:])


def _partners(old: list[_Node], new: list[_Node]) -> list[int | None]:
    """Return for each new piece the index of the old piece it came from, rising, or None."""
    found: list[int | None] = []
    at, few = 0, len(old) * len(new) <= _MOST_PAIRS
    for node in new:
        choices = range(at, len(old)) if few else range(at, min(at + 1, len(old)))
        best = max(choices, key=lambda number: _likeness(old[number], node), default=None)
        if best is not None and _likeness(old[best], node) < _LIKENESS:
            best = None
        found.append(best)
        at = at if best is None else best + 1
    return found


def _likeness(old: _Node, new: _Node) -> float:
    """Return how alike two pieces are, from 0 to 1; pieces of different kinds score 0."""
    if old.name != new.name:
        return 0.0
    return SequenceMatcher(None, old.words.split(), new.words.split()).quick_ratio()


def _changed(old: _Node, new: _Node, depth: int) -> str:
    if new.name == _TEXT:
        return _words(old.text, new.text)
    if depth > _DEEPEST:
        return _marked(new, "ins")
    return _around(new, "".join(_compared(old.children, new.children, depth + 1)))


def _words(old: str, new: str) -> str:
    """Return the new text with the words that differ from the old one marked."""
    before, after = _WORD.findall(old), _WORD.findall(new)
    if len(before) * len(after) > _MOST_STEPS:
        return _wrapped(old, "del") + _wrapped(new, "ins")
    parts = []
    for what, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if what == "equal":
            parts.append(escape("".join(after[k:m]), quote=False))
        else:
            parts += [_wrapped("".join(before[i:j]), "del"), _wrapped("".join(after[k:m]), "ins")]
    return "".join(parts)


def _marked(node: _Node, mark: str) -> str:
    """Return the piece with all its words marked, its structure as it is."""
    if node.name == _TEXT:
        return _wrapped(node.text, mark)
    return _around(node, "".join(_marked(child, mark) for child in node.children))


def _wrapped(text: str, mark: str) -> str:
    plain = escape(text, quote=False)
    return f"<{mark}>{plain}</{mark}>" if text.strip() else plain
