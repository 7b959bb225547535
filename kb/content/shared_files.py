"""Files that many articles share: collections, synonyms, snippets and variables.

A part that cannot be used gives a finding, and none of these files can keep articles from being
published. Snippets are used without their front matter.

    # _variables.yml
    phone: 5555
    desk: {en: the service desk, es: el centro de servicio}

    # _collections.yml                         # _synonyms.yml
    accounts:                                  en:
      order: 1                                   - [vpn, virtual private network]
      title: {en: Accounts, es: Cuentas}       es:
      description: {en: Passwords and names}     - [portátil, laptop, ordenador]

    # _names.yml: products that search never takes for misspelt words
    - Zentralis
    - Campus Card
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection as Some
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kb.content.article import Article, ArticleStatus, Audience
from kb.content.draft import MAX_BYTES
from kb.content.frontmatter.metadata import Metadata, read_metadata
from kb.content.frontmatter.parsing import YamlFault, read_front_matter, read_yaml
from kb.content.library import Collection
from kb.content.link_targets import Directory, hidden_from
from kb.content.media import Pictures
from kb.content.names import Names
from kb.content.paths import mount_of
from kb.content.problem import Problem
from kb.content.sources.source import Blob

# -- Snippets and variables --


VARIABLES = "_variables.yml"
MAX_SHARED_BYTES = 64 * 1024  # bytes; a snippet is only part of an article
_MOST = 2000  # files; each is sent to every process that renders
_FOLDERS = frozenset({"_snippets", "snippets", "includes", "_includes"})
_MARKDOWN = (".md", ".markdown", ".txt")
Variables = dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Snippet:
    """A text that may be included, and who may read it."""

    text: str
    audience: Audience


def read_snippets(files: Mapping[str, Blob]) -> tuple[dict[str, Snippet], list[Problem]]:
    """Return the texts that may be included, by source path. A file that is not UTF-8 is left out;
    so is, with a finding, one whose front matter cannot be read or holds it back.
    """
    found: dict[str, Snippet] = {}
    problems: list[Problem] = []
    for path, blob in files.items():
        folders = path.split("/")[:-1]
        is_text = path.casefold().endswith(_MARKDOWN) and blob.size <= MAX_SHARED_BYTES
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
    return timed or facts.status is not ArticleStatus.PUBLISHED


def read_variables(text: str, path: str) -> tuple[Variables, list[Problem]]:
    """Return each variable's texts by language, "" for any language."""
    try:
        value, lines = read_yaml(text)
    except YamlFault as fault:
        return {}, [Problem(path, fault.line, "side-file", fault.message, fault.hint)]
    if value is None:
        return {}, []
    if not isinstance(value, dict):
        return {}, [_odd_shared_text(path, None, "It is not a mapping.")]
    found = {name: _texts(each) for name, each in value.items()}
    wrong = [name for name, texts in found.items() if not texts]
    message = "The variable “{}” is neither a text nor a text by language."
    problems = [
        _odd_shared_text(path, lines.get(name), message.format(name[:60])) for name in wrong
    ]
    return {name: texts for name, texts in found.items() if texts}, problems


def read_data(files: Mapping[str, Blob]) -> Variables:
    """Return Jekyll's data: `phone: 1` in `_data/desk.yml` is `site.data.desk.phone`."""
    found: Variables = {}
    for path, blob in files.items():
        _, inside, name = f"/{path}".rpartition("/_data/")
        if not inside or not name.endswith((".yml", ".yaml")) or blob.size > MAX_SHARED_BYTES:
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


def _odd_shared_text(path: str, line: int | None, message: str) -> Problem:
    hint = "The documentation of kb.content.shared_files shows the form."
    return Problem(path, line, "side-file", message, hint)


def _text(blob: Blob) -> str | None:
    try:
        return blob.read().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


# -- Collections and synonyms --


COLLECTIONS = "_collections.yml"
SYNONYMS = "_synonyms.yml"
NAMES = "_names.yml"
Synonyms = dict[str, tuple[tuple[str, ...], ...]]


def read_collections(text: str, path: str) -> tuple[dict[str, Collection], list[Problem]]:
    """Return the collections by name; those without an order are numbered as listed."""
    value, problems = _mapping(text, path)
    found = {}
    for number, (name, facts) in enumerate(value.items(), start=1):
        if not isinstance(facts, dict):
            problems.append(_odd(path, f"The collection “{name}” is not a group of keys."))
            facts = {}
        order = facts.get("order", number)
        found[name] = Collection(
            name,
            order if isinstance(order, int) else number,
            _by_language(facts.get("titles", facts.get("title"))),
            _by_language(facts.get("descriptions", facts.get("description"))),
        )
    return found, problems


def read_synonyms(text: str, path: str) -> tuple[Synonyms, list[Problem]]:
    """Return the groups of two or more words by language."""
    value, problems = _mapping(text, path)
    found: Synonyms = {}
    for language, groups in value.items():
        rows = groups if isinstance(groups, list) else []
        kept = [_group(row) for row in rows]
        if not isinstance(groups, list) or any(len(row) < 2 for row in kept):
            problems.append(_odd(path, f"A group of “{language}” has fewer than two words."))
        found[language] = tuple(row for row in kept if len(row) >= 2)
    return found, problems


def read_names(text: str, path: str) -> tuple[tuple[str, ...], list[Problem]]:
    """Return the names of products, which search never takes for misspelt words."""
    try:
        value, _ = read_yaml(text)
    except YamlFault as fault:
        return (), [Problem(path, fault.line, "side-file", fault.message, fault.hint)]
    found = tuple(name for name in _group(value) if name)
    wrong = value is not None and (not isinstance(value, list) or len(found) < len(value))
    return found, [_odd(path, "It is not a list of names.")] if wrong else []


def _mapping(text: str, path: str) -> tuple[dict[str, Any], list[Problem]]:
    try:
        value, _ = read_yaml(text)
    except YamlFault as fault:
        return {}, [Problem(path, fault.line, "side-file", fault.message, fault.hint)]
    if value is None:
        return {}, []
    return (value, []) if isinstance(value, dict) else ({}, [_odd(path, "It is not a mapping.")])


def _odd(path: str, message: str) -> Problem:
    hint = "The documentation of kb.content.shared_files shows the form."
    return Problem(path, None, "side-file", message, hint)


def _by_language(value: Any) -> dict[str, str]:
    if isinstance(value, dict):
        return {str(language): str(text) for language, text in value.items() if text is not None}
    return {"en": str(value)} if value is not None else {}


def _group(row: Any) -> tuple[str, ...]:
    words = row if isinstance(row, list) else []
    return tuple(" ".join(str(word).split()) for word in words if isinstance(word, (str, int)))


# -- All shared files of a source --


Shown = tuple[str, Audience]


class Surroundings:
    """The files of a source that are not articles; `problems` grows as they are read."""

    def __init__(self, files: Mapping[str, Blob]) -> None:
        self._files = files
        self.problems: list[Problem] = []

    def directory(
        self,
        names: Names,
        pictures: Pictures,
        *,
        hidden: Some[str] = (),
        shown: Mapping[str, Shown] | None = None,
    ) -> Directory:
        """Return what links, images, snippets and variables resolve to. `hidden` are slugs that
        must not be linked to; `shown` has each slug's title and audience, by default its draft's.
        """
        if shown is None:
            drafts = {slug: named.draft for slug, named in names.named.items()}
            shown = {slug: (draft.title, draft.facts.audience) for slug, draft in drafts.items()}
        snippets, problems = read_snippets(self._files)
        self.problems += problems
        variables: Variables = {}
        for mount, text, path in self._side_files(VARIABLES):
            found, problems = read_variables(text, path)
            self.problems += problems
            variables |= {mount + name: texts for name, texts in found.items()}
        return Directory(
            names.paths,
            names.sites,
            names.stems,
            pictures.names,
            frozenset(hidden),
            titles={slug: title for slug, (title, _) in shown.items()},
            shapes=pictures.shapes,
            weights=pictures.weights,
            snippets={path: each.text for path, each in snippets.items()},
            variables=variables | read_data(self._files),
            hidden_from=hidden_from({slug: audience for slug, (_, audience) in shown.items()}),
            closed_snippets=hidden_from({p: each.audience for p, each in snippets.items()}),
        )

    def collections(self, articles: Iterable[Article]) -> dict[str, Collection]:
        """Return the collections that hold articles, by order and name, with their descriptions."""
        described: dict[str, Collection] = {}
        for _, text, path in self._side_files(COLLECTIONS):
            found, problems = read_collections(text, path)
            self.problems += problems
            described = found | described  # the main repository's file comes first, and wins
        used = {article.collection for article in articles if article.collection}
        known = {name: described.get(name, Collection(name)) for name in used}
        return dict(sorted(known.items(), key=lambda each: (each[1].order, each[0])))

    def synonyms(self) -> Synonyms:
        """Return the groups of words that mean the same."""
        synonyms: Synonyms = {}
        for _, text, path in self._side_files(SYNONYMS):
            found, problems = read_synonyms(text, path)
            self.problems += problems
            for language, groups in found.items():
                synonyms[language] = (*synonyms.get(language, ()), *groups)
        return synonyms

    def names(self) -> tuple[str, ...]:
        """Return the authors' own names of products."""
        found: list[str] = []
        for _, text, path in self._side_files(NAMES):
            names, problems = read_names(text, path)
            self.problems += problems
            found += names
        return tuple(dict.fromkeys(found))

    def _side_files(self, name: str) -> Iterator[tuple[str, str, str]]:
        """Yield the repository's folder, the text and the path of each repository's file of that
        name nearest its root. The main repository, whose folder is "", comes first.
        """
        nearest: dict[str, str] = {}
        for path in sorted(self._files, key=lambda each: (each.count("/"), each)):
            if path.rpartition("/")[2] == name:
                nearest.setdefault(mount_of(path), path)
        for mount, path in sorted(nearest.items()):
            if self._files[path].size <= MAX_BYTES:
                yield mount, self._files[path].read().decode("utf-8", "replace"), path
