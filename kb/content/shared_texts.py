"""Texts that many articles share: the files of `_snippets` and the values of `_variables.yml`.

Promises snippets without their front matter and variables by language, and a finding for each part
that cannot be used; neither can keep articles from being published.

    # _variables.yml
    phone: 5555
    desk: {en: the service desk, es: el centro de servicio}
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kb.content.article import Audience, Status
from kb.content.front_matter import read_front_matter
from kb.content.metadata import Metadata, read_metadata
from kb.content.naming import mount_of
from kb.content.problem import Problem
from kb.content.source import Blob
from kb.content.strict_yaml import YamlFault, read_yaml

VARIABLES = "_variables.yml"
MAX_BYTES = 64 * 1024  # a snippet is a part of an article
_MOST = 2000  # files; each travels to every process that renders
_FOLDERS = frozenset({"_snippets", "snippets", "includes", "_includes"})
_MARKDOWN = (".md", ".markdown", ".txt")
Variables = dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Snippet:
    """A text that may be included, and who may read it."""

    text: str
    audience: Audience


def read_snippets(files: Mapping[str, Blob]) -> tuple[dict[str, Snippet], list[Problem]]:
    """Return the texts that may be included, by source path; what is not UTF-8 is left out, and so
    is, with a finding, one whose front matter cannot be read or keeps it back.
    """
    found: dict[str, Snippet] = {}
    problems: list[Problem] = []
    for path, blob in files.items():
        folders = path.split("/")[:-1]
        is_text = path.casefold().endswith(_MARKDOWN) and blob.size <= MAX_BYTES
        if is_text and _FOLDERS.intersection(folders) and len(found) < _MOST:
            text = _text(blob)
            if text is None:
                continue
            front = read_front_matter(text)
            facts = read_metadata(front)
            refused = [p.at(path) for p in (*front.problems, *facts.problems) if p.refused]
            if not refused and _is_kept_back(facts):
                message = "A snippet is shown or not: it has no draft and no time of its own."
                hint = "Take status and times out of it, or move it away until it is to be shown."
                refused = [Problem(path, 1, "side-file", message, hint)]
            problems += [replace(problem, refused=False) for problem in refused]
            if not refused:
                name = unicodedata.normalize("NFC", path)
                found[name] = Snippet(front.body, facts.audience)
    return found, problems


def _is_kept_back(facts: Metadata) -> bool:
    timed = facts.publish_at is not None or facts.expires_at is not None
    return timed or facts.status is not Status.PUBLISHED


def read_variables(text: str, path: str) -> tuple[Variables, list[Problem]]:
    """Return each variable's texts by language, "" for any language."""
    try:
        value, lines = read_yaml(text)
    except YamlFault as fault:
        return {}, [Problem(path, fault.line, "side-file", fault.message, fault.hint)]
    if value is None:
        return {}, []
    if not isinstance(value, dict):
        return {}, [_odd(path, None, "It is not a mapping.")]
    found = {name: _texts(each) for name, each in value.items()}
    wrong = [name for name, texts in found.items() if not texts]
    message = "The variable “{}” is neither a text nor a text by language."
    problems = [_odd(path, lines.get(name), message.format(name[:60])) for name in wrong]
    return {name: texts for name, texts in found.items() if texts}, problems


def read_data(files: Mapping[str, Blob]) -> Variables:
    """Return Jekyll's data: `phone: 1` in `_data/desk.yml` is `site.data.desk.phone`."""
    found: Variables = {}
    for path, blob in files.items():
        _, inside, name = f"/{path}".rpartition("/_data/")
        if not inside or not name.endswith((".yml", ".yaml")) or blob.size > MAX_BYTES:
            continue
        try:
            value, _ = read_yaml(_text(blob) or "")
        except YamlFault:
            continue  # Jekyll's own tables may use what is not accepted here
        start = f"{mount_of(path)}site.data." + name.rpartition(".")[0].replace("/", ".")
        found |= dict(_leaves(start, value))
    return dict(list(found.items())[:_MOST])


def _leaves(name: str, value: Any) -> Iterator[tuple[str, dict[str, str]]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _leaves(f"{name}.{key}", each)
    elif isinstance(value, (str, int)) and not isinstance(value, bool):
        yield name, {"": str(value)}


def _texts(value: Any) -> dict[str, str]:
    if isinstance(value, dict):
        pairs = value.items()
        return {str(tag): str(text) for tag, text in pairs if isinstance(text, (str, int))}
    return {"": str(value)} if isinstance(value, (str, int)) else {}


def _odd(path: str, line: int | None, message: str) -> Problem:
    hint = "The documentation of kb.content.shared_texts shows the form."
    return Problem(path, line, "side-file", message, hint)


def _text(blob: Blob) -> str | None:
    try:
        return blob.read().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
