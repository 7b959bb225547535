"""Insert shared text where an article asks for it: snippets by file, variables by name.

What is missing stays as it was written and is reported. Inclusion always ends (`DEEPEST` levels,
`LARGEST` characters). Everything asked for is kept as a reference, so that an article is rendered
again when the shared text changes.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field

from kb.content.draft import MAX_BYTES
from kb.content.link_targets import Directory
from kb.content.markdown.dialects import CODE
from kb.content.problem import Problem

DEEPEST = 5
LARGEST = MAX_BYTES  # characters; as many as an article itself may have
_SNIPPET = re.compile(
    r"^(?P<margin>[ \t]*)(?P<off>;)?-{1,}8<-{1,}[ \t]+[\"'](?P<name>[^\"'\n]+)[\"'][ \t]*$",
    re.MULTILINE,
)
_INCLUDE = re.compile(
    r"\[!INCLUDE\s*\[(?P<title>[^\]\n]*)\]\((?P<name>[^)\n]+)\)\s*\]", re.IGNORECASE
)
_JEKYLL = re.compile(
    r"\{%-?\s*include(?:_relative)?\s+(?P<name>[^\s%{}]+\.(?:md|markdown|txt))\s*-?%\}"
)
_VARIABLE = re.compile(r"(?P<off>(?<!\\)\\)?\{\{\s*(?P<name>[A-Za-z_][\w.-]{0,80})\s*\}\}")
_RELATIVE = re.compile(r"(\]\(<?)(?![/#<]|[a-z][\w+.-]*:)([^)\s>]+)", re.IGNORECASE)
_OTHERS = ("site.", "page.", "include.", "content")  # Jekyll's own, reported as Liquid


@dataclass(slots=True)
class Whole:
    """A text with its inclusions done; `references` are those of `Article`."""

    text: str
    references: list[tuple[str, str, str]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def include(body: str, directory: Directory, *, path: str, language: str) -> Whole:
    """Return the text of the article in the file `path` with snippets and variables in place."""
    filling = _Filling(directory, path, language)
    text = filling.snippets(body, path, 0)
    if directory.variables:
        text = filling.variables(text)
    return Whole(text, filling.references, filling.problems)


class _Filling:
    def __init__(self, directory: Directory, path: str, language: str) -> None:
        self.directory, self.path, self.language = directory, path, language
        self.references: list[tuple[str, str, str]] = []
        self.problems: list[Problem] = []
        self._room = LARGEST

    def snippets(self, text: str, base: str, depth: int) -> str:
        """Return `text`, written in the file `base`, with its snippets in place."""
        if "8<" in text:
            text = _SNIPPET.sub(lambda found: self._line(found, base, depth), text)
        if "[!" in text:
            text = _INCLUDE.sub(lambda found: self._within(found, base, depth), text)
        if "{%" in text:
            text = _JEKYLL.sub(lambda found: self._jekyll(found, base, depth), text)
        return text

    def _line(self, found: re.Match[str], base: str, depth: int) -> str:
        if found["off"]:
            return found[0].replace(";", "", 1)
        inner = self._snippet(found["name"], base, depth)
        if inner is None:
            return found[0]
        return "\n".join(f"{found['margin']}{line}".rstrip() for line in inner.strip().split("\n"))

    def _within(self, found: re.Match[str], base: str, depth: int) -> str:
        inner = self._snippet(found["name"], base, depth)
        return found["title"] if inner is None else inner.strip()

    def _jekyll(self, found: re.Match[str], base: str, depth: int) -> str:
        """Insert Jekyll's own form if the file is here; otherwise it is reported as Liquid."""
        is_here = bool(self.directory.snippet_file(found["name"], base=base))
        return (self._snippet(found["name"], base, depth) or "") if is_here else found[0]

    def _snippet(self, name: str, base: str, depth: int) -> str | None:
        file = self.directory.snippet_file(name, base=base)
        written = f"/{file}" if file else name
        digest = self.directory.address("snippet", written, base=base, language=self.language)
        self.references.append(("snippet", written, digest))
        if file in self.directory.closed_snippets.get("", ()):
            hint = "Include what all readers of this article may read, or narrow its audience."
            message = (
                f"The snippet “{name[:120]}” is for fewer readers than this article: left out."
            )
            self._report("snippet", message, hint)
            return ""
        text = self.directory.snippets.get(file)
        if text is None:
            hint = "Put the file in _snippets and name it without its ending."
            self._report("snippet", f"There is no snippet “{name[:120]}”.", hint)
            return None
        self._room -= len(text)
        if depth >= DEEPEST or self._room < 0:
            hint = "A snippet may not include itself; split what is long."
            self._report("snippet", f"“{name[:120]}” is too much to include here.", hint)
            return ""
        return self.snippets(_rebased(text, file), file, depth + 1)

    def variables(self, text: str) -> str:
        """Return `text` with known variables replaced; the others stay as written."""
        code = [found.span() for found in CODE.finditer(text)]
        is_meant = any("site.data." not in name for name in self.directory.variables)

        def value(found: re.Match[str]) -> str:
            name = found["name"]
            known = self.directory.variable(name, self.language, base=self.path)
            if known is not None and found["off"]:
                return found[0][1:]
            self.references.append(("variable", name, known or ""))
            in_code = any(start <= found.start() < end for start, end in code)
            if known is None and is_meant and not in_code and not name.startswith(_OTHERS):
                hint = "Name it in _variables.yml, or write \\{{ to mean the braces."
                self._report("variable", f"The variable “{name}” is not known.", hint)
            return found[0] if known is None else known

        return _VARIABLE.sub(value, text)

    def _report(self, code: str, message: str, hint: str) -> None:
        self.problems.append(Problem(self.path, None, code, message, hint))


def _rebased(text: str, file: str) -> str:
    """Return a snippet with links and images relative to the root; articles lie elsewhere."""
    folder = posixpath.dirname(file)
    return _RELATIVE.sub(
        lambda found: f"{found[1]}{posixpath.normpath(posixpath.join('/', folder, found[2]))}", text
    )
