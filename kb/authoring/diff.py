"""Differences between the articles on disk and a commit, as readers would see them.

Gives each article whose text or facts differ; both texts are rendered alike, with removed and added
words marked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

from kb.content.difference import difference
from kb.content.draft import Draft, read_draft
from kb.content.html.tokens import read_tokens
from kb.content.media import Pictures
from kb.content.names import Names, give_names, read_moves
from kb.content.paths import is_article
from kb.content.rendering import Rendered
from kb.content.rendering_pool import render_all
from kb.content.shared_files import Surroundings
from kb.content.sources.folder import FolderSource
from kb.content.sources.git import GitSource, find_repository
from kb.content.sources.source import Source
from kb.errors import ContentError

FACTS = (
    "title", "summary", "language", "collection", "owner", "audience", "status", "reviewed",
    "review_by", "keywords", "answers", "former", "translation_of", "redirect_to",
)  # fmt: skip # a list, several to a line
STYLE = Path(__file__).parents[1] / "static" / "site.css"
_BLOCKS = frozenset({"p", "li", "h2", "h3", "h4", "h5", "h6", "tr", "pre", "dt", "dd", "figure"})


@dataclass(frozen=True, slots=True)
class ArticleDiff:
    """One changed article: `facts` are (key, before, after); `html` has changed words marked."""

    path: str
    what: str
    facts: tuple[tuple[str, str, str], ...]
    html: str


def compared(articles: Path, ref: str, language: str) -> list[ArticleDiff]:
    """Return the articles that differ on disk from the commit `ref`. ContentError if unknown."""
    repository = find_repository(articles.resolve())
    if repository is None or not articles.is_dir():
        raise ContentError(
            f"The articles at {articles} are in no Git repository.", "There is nothing to compare."
        )
    source = GitSource(repository, articles.resolve(), ref)
    try:
        before, after = _Side(source, language), _Side(FolderSource(articles), language)
    finally:
        source.close()
    paths = [path for path in sorted({*before.texts, *after.texts}) if _differ(before, after, path)]
    shown = [side.rendered(paths) for side in (before, after)]
    return [
        ArticleDiff(
            path,
            "removed" if path not in after.texts else "new" if path not in before.texts else "",
            tuple(_facts(before.drafts.get(path), after.drafts.get(path))),
            difference(shown[0].get(path, ""), shown[1].get(path, "")),
        )
        for path in paths
    ]


class _Side:
    """The articles in one state."""

    def __init__(self, source: Source, language: str) -> None:
        files = {path: blob for path, blob in source.files().items() if is_article(path)}
        self.texts = {path: blob.read() for path, blob in files.items()}
        drafts = (read_draft(path, blob) for path, blob in files.items())
        self.drafts: dict[str, Draft] = {draft.path: draft for draft in drafts if draft}
        moves, _ = read_moves(source.files())
        self._names: Names = give_names(
            self.drafts.values(), {}, default_language=language, moves=moves
        )
        around = Surroundings(source.files())
        self._directory = around.directory(self._names, Pictures(source.files()))

    def rendered(self, paths: list[str]) -> dict[str, str]:
        """Return the HTML of those articles that exist in this state and can be rendered."""
        known = {named.draft.path: named for named in self._names.named.values()}
        shown = [known[p] for p in paths if p in known and not known[p].draft.refused]
        results = render_all([named.job for named in shown], self._directory)
        return {
            named.draft.path: result.html
            for named, result in zip(shown, results, strict=True)
            if isinstance(result, Rendered)
        }


def _differ(before: _Side, after: _Side, path: str) -> bool:
    return before.texts.get(path) != after.texts.get(path)


def _facts(before: Draft | None, after: Draft | None) -> Iterator[tuple[str, str, str]]:
    for name in FACTS:
        old, new = _fact(before, name), _fact(after, name)
        if old != new:
            yield name, old, new


def _fact(draft: Draft | None, name: str) -> str:
    value = getattr(draft.facts, name) if draft else None
    if isinstance(value, tuple):
        return "; ".join(value)
    return str(value) if value else ""


def as_text(changed: ArticleDiff, marks: tuple[str, str, str, str]) -> Iterator[str]:
    """Yield the lines that changed; `marks` open and close removed, then added words."""
    gone, gone_end, new, new_end = marks
    yield f"{changed.path}{f' ({changed.what})' if changed.what else ''}"
    for name, before, after in changed.facts:
        old = f"{gone}{before}{gone_end} " if before else ""
        yield f"  {name}: {old}{f'{new}{after}{new_end}' if after else ''}".rstrip()
    for line in _lines(changed.html, {"del": (gone, gone_end), "ins": (new, new_end)}):
        yield f"  {line}"


def _lines(html: str, marks: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    """Yield the blocks that hold a mark, each on one line."""
    line, told = "", False
    for token in read_tokens(html):
        if token.kind != "text" and token.name in _BLOCKS:
            if told and line.strip():
                yield " ".join(line.split())
            line, told = "", False
        elif token.kind != "text" and token.name in marks:
            line += marks[token.name][0 if token.kind == "start" else 1]
            told = True
        elif token.kind == "text":
            line += token.name
    if told and line.strip():
        yield " ".join(line.split())


def as_page(changes: list[ArticleDiff], ref: str) -> str:
    """Return the changes as a self-contained HTML page."""
    style = STYLE.read_text(encoding="utf-8")
    parts = [_section(each) for each in changes] or ["<p>No article differs.</p>"]
    title = f"Changes since {escape(ref)}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{style}</style></head>\n"
        f"<body><main><h1>{title}</h1>\n{''.join(parts)}</main></body></html>\n"
    )


def _section(changed: ArticleDiff) -> str:
    what = f" ({changed.what})" if changed.what else ""
    rows = "".join(
        f"<dt>{escape(name)}</dt><dd><del>{escape(old)}</del> <ins>{escape(new)}</ins></dd>"
        for name, old, new in changed.facts
    )
    facts = f'<dl class="facts">{rows}</dl>' if rows else ""
    heading = f'<h2 class="path">{escape(changed.path)}{what}</h2>'
    return (
        f'<section>{heading}{facts}<div class="prose difference">{changed.html}</div></section>\n'
    )
