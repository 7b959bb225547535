"""How to fix a gap, by its root cause: advice, and a patch where a program can write one.

A patch is made against the live commit, applies with `git apply` at the top of the repository,
changes nothing but what it adds, and holds only words that may be shown. An article whose front
matter cannot be edited safely gets no patch; its path is named instead. Nothing is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import unified_diff

from kb.config.settings import Settings
from kb.content.article import Article
from kb.content.frontmatter.editing import with_answers
from kb.content.frontmatter.fields import names
from kb.content.frontmatter.parsing import read_front_matter
from kb.content.library import Library
from kb.content.paths import mount_of
from kb.content.sources.git import GitSource
from kb.content.sources.source import Source
from kb.database import Database
from kb.errors import ContentError
from kb.gaps.answers import store
from kb.gaps.answers.rules import AnswersOfArticle
from kb.gaps.answers.rules import answers_by_article as summed
from kb.gaps.model import RootCause
from kb.gaps.service import Detail
from kb.publishing.state import open_articles
from kb.tracking.query_text import folded

# -- Patches to answered questions and synonyms --


SYNONYMS = "_synonyms.yml"
_ITEM = re.compile(r"^(\s*)-\s")


def answers_patch(path: str, text: str, questions: Sequence[str]) -> str:
    """Return the diff that adds questions to `answers:` of an article's front matter; "" where all
    are there already or the front matter cannot be changed line by line.
    """
    held = {folded(each) for each in _held(text)}
    changed = with_answers(text, [each for each in questions if folded(each) not in held])
    if changed is None:
        return ""
    return _diff(path, text.splitlines(keepends=True), changed.splitlines(keepends=True))


def _held(text: str) -> list[str]:
    values = read_front_matter(text).values
    return [str(each) for name in names("answers") for each in values.get(name) or ()]


def synonyms_patch(text: str, language: str, words: str, instead: str) -> str:
    """Return the diff that makes two wordings synonyms in `_synonyms.yml`, joining the group that
    holds one of them; "" where one holds both already.
    """
    lines = text.splitlines(keepends=True)
    at = next((n for n, line in enumerate(lines) if line.rstrip() == f"{language}:"), None)
    if at is None:
        tail = [f"{language}:\n", f"  - [{words}, {instead}]\n"]
        return _diff(SYNONYMS, lines, [*_ended(lines), *tail])
    last = at
    for n in range(at + 1, len(lines)):
        if not lines[n].startswith((" ", "#", "\n")):
            break
        if not _ITEM.match(lines[n]):
            continue
        last = n
        group = [each.strip() for each in lines[n].strip(" -[]\n").split(",")]
        if {words, instead} <= set(group):
            return ""
        if missing := {words: instead, instead: words}.get(_one_of(group, words, instead)):
            row = lines[n].rstrip()
            if not row.endswith("]"):
                return ""
            return _diff(
                SYNONYMS, lines, [*lines[:n], f"{row[:-1]}, {missing}]\n", *lines[n + 1 :]]
            )
    new = f"  - [{words}, {instead}]\n"
    return _diff(SYNONYMS, lines, [*_ended(lines[: last + 1]), new, *lines[last + 1 :]])


def _one_of(group: Sequence[str], *wanted: str) -> str:
    return next((each for each in wanted if each in group), "")


def _ended(lines: Sequence[str]) -> list[str]:
    """Return the lines, the last ending in a line break."""
    if lines and not lines[-1].endswith("\n"):
        return [*lines[:-1], lines[-1] + "\n"]
    return list(lines)


def _diff(path: str, before: Sequence[str], after: Sequence[str]) -> str:
    if before and not before[-1].endswith("\n"):
        return ""  # few tools agree on how to mark a missing line end
    return "".join(unified_diff(list(before), list(after), f"a/{path}", f"b/{path}"))


# -- Answered questions as must-find tests --


SPAN = timedelta(days=90)
MOST = 10  # questions for one article: each is a test that runs at every check


@dataclass(frozen=True, slots=True)
class Proposal:
    """The patch ("" where there is nothing to add), and the paths of articles left out of it."""

    patch: str
    articles: int
    left_out: tuple[str, ...] = ()


def recent_answers(db: Database, now: datetime, *, k: int) -> tuple[AnswersOfArticle, ...]:
    """Return the searches answered in the last 90 days by commit and article, the latest first."""
    with db.read() as connection:
        rows = store.answered(connection, now - SPAN)
    return summed(rows, k=k)


def proposal(
    settings: Settings, library: Library, answered: Iterable[AnswersOfArticle]
) -> Proposal:
    """Return the patch that adds answered questions to the articles' front matter."""
    wanted = _wanted(library, answered)
    try:
        source = open_articles(settings, "" if _is_folder(library) else library.commit)
    except ContentError:
        return Proposal("", 0, tuple(sorted(library.articles[slug].path for slug in wanted)))
    try:
        found = [
            (library.articles[slug].path, _proposal_diff(source, library.articles[slug], questions))
            for slug, questions in sorted(wanted.items())
        ]
    finally:
        source.close()
    return Proposal(
        "".join(diff for _, diff in found if diff),
        sum(bool(diff) for _, diff in found),
        tuple(path for path, diff in found if not diff),
    )


def _wanted(library: Library, answered: Iterable[AnswersOfArticle]) -> dict[str, list[str]]:
    """Return the questions that each article does not name yet, by slug."""
    wanted: dict[str, list[str]] = {}
    for each in answered:
        if (article := library.get(each.article)) is not None:
            new = [q.words for q in each.questions if q.words not in article.answers]
            wanted.setdefault(each.article, []).extend(new)
    return {slug: questions[:MOST] for slug, questions in wanted.items() if questions}


def _lines(text: str) -> list[str]:
    """Return the lines as Git counts them, with their ends."""
    return re.findall(r"[^\n]*\n|[^\n]+\Z", text)


def _is_folder(library: Library) -> bool:
    return library.commit.startswith("folder-")


def _proposal_diff(source: Source, article: Article, questions: list[str]) -> str:
    """Return the diff of one file, "" where it cannot be edited."""
    blob = source.files().get(article.path)
    try:
        before = blob.read().decode("utf-8") if blob else ""
    except (OSError, UnicodeDecodeError):
        return ""
    after = with_answers(before, questions)
    if after is None:
        return ""
    inside = source.inside if isinstance(source, GitSource) else ""
    own = article.path.removeprefix(mount_of(article.path))  # a patch is for its own repository
    path = f"{inside}/{own}" if inside else own
    head = f"diff --git a/{path} b/{path}\n"
    lines = unified_diff(_lines(before), _lines(after), f"a/{path}", f"b/{path}")
    return head + "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


# -- The fix of a gap --


ADVICE = {
    RootCause.TYPO: "People misspell it. Add the spelling they use to the article's keywords, or "
    "as a synonym.",
    RootCause.WORDING: "An article answers it in other words. Add the questions to its “answers”, "
    "or their words as synonyms.",
    RootCause.RANKS_LOW: "The article that answers comes too far down. Say what people ask in its "
    "title and “answers”.",
    RootCause.NOT_PERMITTED: "An article answers it that these people may not read. Open it to "
    "them, or write one that they may.",
    RootCause.LANGUAGE: "An article answers it in another language. Translate it.",
    RootCause.DRAFT: "An article answers it that is a draft, has expired, is not yet due or is "
    "out of date. Finish it and publish it.",
    RootCause.TRUE_GAP: "No article answers it. Write one.",
}
MOST_QUESTIONS = 6
Read = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Fix:
    """What to do about a gap; `patch` is "" where only a person can make the change."""

    cause: str
    advice: str
    article: str = ""
    patch: str = ""


def fix_of(found: Detail, library: Library, read: Read) -> Fix | None:
    """Return the fix of the gap, None while its cause is unknown."""
    if not found.gap.cause:
        return None
    cause = RootCause(found.gap.cause)
    slug = str(found.gap.data.get("article", ""))
    return Fix(cause.value, ADVICE[cause], slug, _patch(found, cause, library, read))


def _patch(found: Detail, cause: RootCause, library: Library, read: Read) -> str:
    if cause not in (RootCause.WORDING, RootCause.RANKS_LOW, RootCause.TYPO):
        return ""
    patches = [_answers(found, library, read)] if cause is not RootCause.TYPO else []
    text = read(SYNONYMS)
    rows = found.gap.data.get("synonyms", ())
    enough = [row for row in rows if int(row["people"]) >= found.k]
    patches += [
        synonyms_patch(text, row["language"], row["words"], row["instead"]) for row in enough[:1]
    ]
    return "".join(patches)


def _answers(found: Detail, library: Library, read: Read) -> str:
    article = library.get(str(found.gap.data.get("article", "")))
    if article is None:
        return ""
    asked = [each.shown.words for each in found.questions if each.shown.whole]
    return answers_patch(article.path, read(article.path), asked[:MOST_QUESTIONS])


def reader_of(settings: Settings, commit: str) -> Read:
    """Return a function that reads a file next to the articles at a commit; "" on failure."""

    def read(path: str) -> str:
        try:
            source = open_articles(settings, "" if commit.startswith("folder-") else commit)
        except ContentError:
            return ""
        try:
            blob = source.files().get(path)
            return blob.read().decode("utf-8") if blob else ""
        except (OSError, UnicodeDecodeError, ContentError):
            return ""
        finally:
            source.close()

    return read
