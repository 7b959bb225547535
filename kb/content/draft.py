"""Read one source file into a draft: parsed, but not yet rendered.

Every file that is an article gives a draft, with the reasons if it must be refused. The time taken
is proportional to the file's length, even for hostile bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kb.content.article import ArticleStatus
from kb.content.frontmatter.metadata import Metadata, read_metadata
from kb.content.frontmatter.parsing import FrontMatter, read_front_matter
from kb.content.paths import is_section
from kb.content.problem import Problem
from kb.content.sources.source import Blob

# 256 KiB is a book of 40,000 words; Python-Markdown's time grows faster than the text.
MAX_BYTES = 256 * 1024
_MAX_TITLE = 200
_HEADING = re.compile(r"^ {0,3}#[ \t]+(.+?)[ \t#]*$", re.MULTILINE)
_SETEXT = re.compile(r"\A\s*(\S[^\n]*)\n=+[ \t]*(?:\n|\Z)")
_TAGS = re.compile(r"<[^<>]*>|\{[#:][^{}]*\}")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Draft:
    """A file as its author wrote it; `own_title` says that the front matter gave the title."""

    path: str
    blob: str
    facts: Metadata
    body: str = ""
    body_line: int = 1
    title: str = ""
    own_title: bool = False
    problems: tuple[Problem, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether this version cannot be published."""
        return any(problem.refused for problem in self.problems)


def read_draft(path: str, blob: Blob) -> Draft | None:
    """Return the draft in the file; None for a file that belongs to the site and is no article."""
    if blob.size > MAX_BYTES:
        message = f"This article has {blob.size // 1024} KiB; {MAX_BYTES // 1024} KiB is the most."
        return _refused(path, blob, "too-large", message, "Split it into several articles.")
    try:
        text = blob.read().decode("utf-8")
    except OSError as error:
        return _refused(path, blob, "unreadable", f"It cannot be read: {error}.", "Run: git fsck")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        message = "This article is not encoded as UTF-8."
        return _refused(path, blob, "encoding", message, "Save it again as UTF-8.", line)
    front = read_front_matter(_CONTROLS.sub("\ufffd", text))
    if is_section(path) and not front.body.strip() and not front.problems:
        return None  # it only names its folder
    if not front.values and not front.problems and "/_" in f"/{path}":
        return None  # folders such as _layouts hold articles only where they have front matter
    return _draft(path, blob, front)


def _draft(path: str, blob: Blob, front: FrontMatter) -> Draft:
    facts = read_metadata(front)
    if "/_drafts/" in f"/{path}" and facts.status is ArticleStatus.PUBLISHED:
        facts.status = ArticleStatus.DRAFT
    title = facts.title or first_heading(front.body) or str(facts.extra.get("sidebar_label", ""))
    problems = [problem.at(path) for problem in (*front.problems, *facts.problems)]
    if not facts.title and not facts.redirect_to and not front.problems:
        shown = title or title_of(path)
        message = f"There is no title, so “{shown[:80]}” is used."
        hint = "Begin the file with --- and a line “title: …”."
        problems.append(Problem(path, 1, "title", message, hint))
    return Draft(
        path,
        blob.id,
        facts,
        front.body,
        front.body_line,
        (title or title_of(path))[:_MAX_TITLE],
        bool(facts.title),
        tuple(problems),
    )


def first_heading(body: str) -> str:
    """Return the words of the first heading of level 1, "" without one."""
    found = _SETEXT.match(body) or _HEADING.search(body)
    return " ".join(re.sub(r"[*_`]+", "", _TAGS.sub("", found[1])).split()) if found else ""


def title_of(path: str) -> str:
    """Return a title made of the file's name: "a/reset-password._es.md" -> "Reset password"."""
    name = path.rpartition("/")[2].partition(".")[0]
    if name.casefold().strip("_") == "index" and "/" in path:
        name = path.split("/")[-2]
    words = " ".join(re.sub(r"[-_]+", " ", name).split())
    return words[:1].upper() + words[1:] or "Untitled"


def _refused(
    path: str, blob: Blob, code: str, message: str, hint: str, line: int | None = None
) -> Draft:
    problem = Problem(path, line, code, message, hint, refused=True)
    return Draft(path, blob.id, Metadata(), title=title_of(path), problems=(problem,))
