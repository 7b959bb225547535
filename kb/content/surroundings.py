"""What lies beside the articles and is for all of them: collections, synonyms, shared texts.

Promises the same from the same files, with a finding for each part that cannot be used. Knows no
rendering.
"""

from __future__ import annotations

from collections.abc import Collection as Some
from collections.abc import Iterable, Mapping

from kb.content.article import Article
from kb.content.directory import Directory
from kb.content.drafting import MAX_BYTES
from kb.content.library import Collection
from kb.content.names import Names
from kb.content.pictures import Pictures
from kb.content.problem import Problem
from kb.content.shared_texts import VARIABLES, read_data, read_snippets, read_variables
from kb.content.side_files import (
    COLLECTIONS,
    SYNONYMS,
    Synonyms,
    read_collections,
    read_synonyms,
)
from kb.content.source import Blob


class Surroundings:
    """The files of a source that are no articles; `problems` grows with what is asked for."""

    def __init__(self, files: Mapping[str, Blob]) -> None:
        self._files = files
        self.problems: list[Problem] = []

    def directory(self, names: Names, pictures: Pictures, *, hidden: Some[str] = ()) -> Directory:
        """Return what links, images, snippets and variables mean; `hidden` are slugs that are not
        to be linked to.
        """
        variables, problems = read_variables(*self._side_file(VARIABLES))
        self.problems += problems
        return Directory(
            names.paths,
            names.sites,
            names.stems,
            pictures.names,
            frozenset(hidden),
            titles={slug: named.draft.title for slug, named in names.named.items()},
            shapes=pictures.shapes,
            weights=pictures.weights,
            snippets=read_snippets(self._files),
            variables=variables | read_data(self._files),
        )

    def collections(self, articles: Iterable[Article]) -> dict[str, Collection]:
        """Return those described in the side file that hold articles, then the others by name."""
        described, problems = read_collections(*self._side_file(COLLECTIONS))
        self.problems += problems
        used = {article.collection for article in articles if article.collection}
        known = {name: described.get(name, Collection(name)) for name in used}
        return dict(sorted(known.items(), key=lambda each: (each[1].order, each[0])))

    def synonyms(self) -> Synonyms:
        """Return the groups of words that mean the same."""
        synonyms, problems = read_synonyms(*self._side_file(SYNONYMS))
        self.problems += problems
        return synonyms

    def _side_file(self, name: str) -> tuple[str, str]:
        """Return the text and path of the file nearest the root, "" without one."""
        found = [path for path in self._files if path.rpartition("/")[2] == name]
        path = min(found, key=lambda each: each.count("/"), default=name)
        if path not in self._files or self._files[path].size > MAX_BYTES:
            return "", path
        return self._files[path].read().decode("utf-8", "replace"), path
