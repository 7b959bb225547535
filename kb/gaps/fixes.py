"""What mends a gap, by its cause: the change to make, ready where a program can write it.

Promises one sentence for every cause, and patches that hold only words which may be shown. Reads
an article's source at the live commit; writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kb.config.settings import Settings
from kb.content.library import Library
from kb.errors import ContentError
from kb.gaps.gap import Cause
from kb.gaps.patches import SYNONYMS, answers_patch, synonyms_patch
from kb.gaps.reading import Detail
from kb.publishing.state import open_articles

ADVICE = {
    Cause.TYPO: "People misspell it. Add the spelling they use to the article's keywords, or as a "
    "synonym.",
    Cause.WORDING: "An article answers it in other words. Add the questions to its “answers”, or "
    "their words as synonyms.",
    Cause.RANKS_LOW: "The article that answers comes too far down. Say what people ask in its "
    "title and “answers”.",
    Cause.NOT_PERMITTED: "An article answers it that these people may not read. Open it to them, "
    "or write one that they may.",
    Cause.LANGUAGE: "An article answers it in another language. Translate it.",
    Cause.DRAFT: "An article answers it that is a draft, has expired, is not yet due or is out of "
    "date. Finish it and publish it.",
    Cause.TRUE_GAP: "No article answers it. Write one.",
}
MOST_QUESTIONS = 6
Read = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Fix:
    """What to do about a gap; `patch` is "" where a person has to think first."""

    cause: str
    advice: str
    article: str = ""
    patch: str = ""


def fix_of(found: Detail, library: Library, read: Read) -> Fix | None:
    """Return what mends the gap, None where its cause is not known yet."""
    if not found.gap.cause:
        return None
    cause = Cause(found.gap.cause)
    slug = str(found.gap.data.get("article", ""))
    return Fix(cause.value, ADVICE[cause], slug, _patch(found, cause, library, read))


def _patch(found: Detail, cause: Cause, library: Library, read: Read) -> str:
    if cause not in (Cause.WORDING, Cause.RANKS_LOW, Cause.TYPO):
        return ""
    patches = [_answers(found, library, read)] if cause is not Cause.TYPO else []
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
    """Return what reads a file beside the articles at a commit; "" where it cannot."""

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
