"""Render the body of one article into what readers and the search engine get.

The steps have one order: shared text in, foreign markup out, Markdown to HTML, links and images
resolved, sanitised LAST; then contents and text are read from the HTML, which is not changed again.
Hostile text may take long; `rendering_pool` runs this where it can be killed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from kb.content.html.hidden import without_hidden
from kb.content.html.rewrite import rewrite
from kb.content.html.sanitise import sanitise
from kb.content.html.tokens import read_outline
from kb.content.inclusion import include
from kb.content.link_targets import Directory
from kb.content.markdown.containers import quoted_blocks
from kb.content.markdown.conversion import to_html
from kb.content.markdown.dialects import plain_markdown
from kb.content.problem import Problem
from search.types import Section

# Increase the number with any change to what the same source renders to. Unchanged articles made by
# another recipe, or by other versions of these packages, are rendered again.
RECIPE = "6 " + " ".join(f"{n}-{version(n)}" for n in ("markdown", "nh3", "pygments"))


@dataclass(frozen=True, slots=True)
class RenderJob:
    """A body to render: `own_title` says that the title came from the front matter."""

    path: str
    body: str
    title: str
    language: str
    own_title: bool = True
    jekyll: bool = False
    body_line: int = 1
    audience: str = "public"

    def to_row(self) -> dict[str, Any]:
        """Return the job as a JSON-able mapping."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Rendered:
    """The result of a job: fields of `Article`, and in `inline` images in base64 by name."""

    html: str
    sections: tuple[Section, ...]
    toc: tuple[tuple[int, str, str], ...]
    references: tuple[tuple[str, str, str], ...]
    targets: tuple[tuple[str, str], ...]
    problems: tuple[Problem, ...]
    inline: dict[str, str]

    def to_row(self) -> dict[str, Any]:
        """Return the result as a JSON-able mapping."""
        return {
            "html": self.html,
            "sections": [section.to_row() for section in self.sections],
            "toc": self.toc,
            "references": self.references,
            "targets": self.targets,
            "problems": [problem.to_row() for problem in self.problems],
            "inline": self.inline,
        }

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Rendered:
        """Return the result that `to_row` wrote."""
        return cls(
            row["html"],
            tuple(map(Section.from_row, row["sections"])),
            tuple((level, anchor, text) for level, anchor, text in row["toc"]),
            tuple((kind, written, to) for kind, written, to in row["references"]),
            tuple((slug, fragment) for slug, fragment in row["targets"]),
            tuple(Problem.from_row(problem) for problem in row["problems"]),
            row["inline"],
        )


def render(job: RenderJob, directory: Directory) -> Rendered:
    """Return the rendered article; hostile text may raise RecursionError or never end."""
    seen = directory.seen_by(job.audience)
    whole = include(job.body, seen, path=job.path, language=job.language)
    text, dropped = plain_markdown(whole.text, jekyll=job.jekyll)
    shown, hidden = without_hidden(to_html(quoted_blocks(text), job.language))
    page = rewrite(
        shown,
        seen,
        directory,
        path=job.path,
        language=job.language,
        title=job.title,
        own_title=job.own_title,
    )
    html = sanitise(page.html)
    sections, toc = read_outline(html)
    problems = [problem.at(job.path) for problem in dropped] + whole.problems + page.problems
    problems += [_hidden(job.path, words) for words in hidden]
    return Rendered(
        html,
        sections,
        toc,
        tuple(dict.fromkeys((*whole.references, *page.references))),
        tuple(dict.fromkeys(page.targets)),
        tuple(_placed(problem, job) for problem in problems),
        page.inline,
    )


def _hidden(path: str, words: str) -> Problem:
    message = f"“{words[:60]}” is hidden by HTML, so it is left out with its element."
    hint = "Take it out: who reads the source can see it. Or show it, without what hides it."
    return Problem(path, None, "hidden-text", message, hint)


def _placed(problem: Problem, job: RenderJob) -> Problem:
    """Return the finding with the first line that holds the words it quotes."""
    _, _, rest = problem.message.partition("“")
    quoted = rest.partition("”")[0]
    wanted = {"liquid": "{%", "include": "[!INCLUDE"}.get(problem.code, quoted)
    at = job.body.find(wanted) if wanted else -1
    if at < 0:
        return problem
    line = job.body_line + job.body.count("\n", 0, at)
    row = problem.to_row()
    row[1] = line
    return Problem.from_row(row)
