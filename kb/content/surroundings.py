"""What lies beside the articles and is for all of them: collections, synonyms, shared texts.

Promises the same from the same files, with a finding for each part that cannot be used. Knows no
rendering.
"""

from __future__ import annotations

from collections.abc import Collection as Some
from collections.abc import Iterable, Iterator, Mapping

from kb.content.article import Article, Audience
from kb.content.directory import Directory, hidden_from
from kb.content.drafting import MAX_BYTES
from kb.content.library import Collection
from kb.content.names import Names
from kb.content.naming import mount_of
from kb.content.pictures import Pictures
from kb.content.problem import Problem
from kb.content.shared_texts import VARIABLES, Variables, read_data, read_snippets, read_variables
from kb.content.side_files import (
    COLLECTIONS,
    SYNONYMS,
    Synonyms,
    read_collections,
    read_synonyms,
)
from kb.content.source import Blob

Shown = tuple[str, Audience]


class Surroundings:
    """The files of a source that are no articles; `problems` grows with what is asked for."""

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
        """Return what links, images, snippets and variables mean; `hidden` are slugs that are not
        to be linked to, `shown` the title and audience of each slug, else those of its draft.
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
        """Return those described in the side file that hold articles, then the others by name."""
        described: dict[str, Collection] = {}
        for _, text, path in self._side_files(COLLECTIONS):
            found, problems = read_collections(text, path)
            self.problems += problems
            described = found | described  # the articles' own file comes first, and counts
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

    def _side_files(self, name: str) -> Iterator[tuple[str, str, str]]:
        """Yield the repository's folder ("" for the articles' own, which comes first), the text and
        the path of each repository's file of that name nearest its root.
        """
        nearest: dict[str, str] = {}
        for path in sorted(self._files, key=lambda each: (each.count("/"), each)):
            if path.rpartition("/")[2] == name:
                nearest.setdefault(mount_of(path), path)
        for mount, path in sorted(nearest.items()):
            if self._files[path].size <= MAX_BYTES:
                yield mount, self._files[path].read().decode("utf-8", "replace"), path
