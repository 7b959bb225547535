"""A generation opened for reading: articles, passages and indexes.

Everything in it is of one commit and never changes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from whoosh.index import Index

from search.errors import SearchError
from search.index import duplicates, keyword, storage, watching
from search.index.manifest import EXTRA, Manifest, mapped
from search.index.names import names_with
from search.index.postings import Ordinals, Postings, load_postings, load_texts
from search.index.right_words import load_right_words
from search.index.storage import Documents
from search.index.watching import Damage, Looks
from search.ranking.confidence import PRIOR, Calibration, calibration_of
from search.semantic.vectors import SemanticIndex
from search.text.analysis import base_language, fold
from search.text.lexicon import Lexicon
from search.text.passages import Passages
from search.text.query import Synonyms, folded
from search.text.tokens import tokens

Mask = npt.NDArray[np.bool_]
# The folder with the vectors of the model for texts in other languages than English.
OTHER = "other"


@dataclass(frozen=True)
class Generation:
    """The articles, passages and indexes of one commit. Large arrays map from disk."""

    path: Path
    manifest: Manifest
    documents: Documents
    passages: Passages
    articles: Postings
    passage_terms: Postings
    titles: Postings
    pairs: Postings
    words: Postings
    alike: npt.NDArray[np.int32]
    synonyms: Synonyms  # folded
    names: tuple[str, ...]  # the authors' own names of products
    meaning: SemanticIndex | None
    other_meaning: SemanticIndex | None
    seen: dict[str, Looks]  # the stat of each file when it was verified

    def damage(self) -> Damage | None:
        """Return the damage to its files since they were verified, None when they are whole."""
        return watching.damage(self.path, self.manifest, self.seen)

    def damage_that_reaches(self) -> Damage | None:
        """Return the damage to files that searches read from disk; these are few to check."""
        found = watching.damage(self.path, self.manifest, self.seen, of=self._mapped)
        return found if found and found.reaches else None

    @cached_property
    def _mapped(self) -> tuple[str, ...]:
        return watching.mapped(self.seen)

    def hold(self) -> None:
        """Open now what is otherwise opened on first use, while its files are there."""
        _ = self.whoosh, self._whoosh_articles, self.lexicon

    @property
    def id(self) -> str:
        """The generation's id."""
        return self.manifest.id

    @property
    def commit(self) -> str:
        """The commit of the articles."""
        return self.manifest.commit

    @cached_property
    def calibration(self) -> Calibration:
        """The calibration that turns evidence into a probability in this corpus."""
        held = self.manifest.calibration
        return calibration_of(held) if held else PRIOR

    def read(self, name: str) -> bytes:
        """Return an extra file kept with the generation; SearchError when there is none."""
        path = (self.path / EXTRA / name).resolve()
        if not path.is_relative_to((self.path / EXTRA).resolve()) or not path.is_file():
            raise SearchError(f"The index holds no file {name!r}.", "Build the index again.")
        return path.read_bytes()

    @cached_property
    def whoosh(self) -> Index:
        """The Whoosh index of articles, for phrases."""
        return keyword.open_index(self.path / "whoosh")

    @cached_property
    def _whoosh_articles(self) -> npt.NDArray[np.int32]:
        """The article number of each Whoosh document number, -1 for deleted ones."""
        found: npt.NDArray[np.int32] = mapped(self.path / "whoosh.articles.npy")
        return found

    def numbered(self, whoosh_documents: Sequence[int]) -> npt.NDArray[np.int32]:
        """Return the article numbers of Whoosh's document numbers."""
        found = self._whoosh_articles[np.asarray(whoosh_documents, np.int64)]
        return found[found >= 0]

    @cached_property
    def lexicon(self) -> Lexicon:
        """Every word of the articles, and words that are right even if no article has them."""
        path = self.path / "known.words"
        known = frozenset(path.read_text("utf-8").split("\n")) if path.is_file() else frozenset()
        return Lexicon(
            load_texts(self.path, "words"),
            self.words,
            self.articles,
            names=names_with(self.names),
            right=load_right_words(self.path, known),
        )

    def titled(self, text: str) -> Ordinals:
        """Return the articles whose title or answered question is that text."""
        return self.titles.find("", plain(text))[0]

    @cached_property
    def passage_starts(self) -> npt.NDArray[np.int64]:
        """The number of each article's first passage, then of all passages: shape (n + 1,)."""
        return np.searchsorted(self.passages[:, 0], np.arange(len(self.documents) + 1))

    @cached_property
    def passage_documents(self) -> npt.NDArray[np.int32]:
        """The article number of each passage, ascending."""
        return np.ascontiguousarray(self.passages[:, 0])

    @cached_property
    def in_english(self) -> Mask:
        """Which articles are in English."""
        names = self.documents.language.names
        return self.documents.language.among(n for n in names if base_language(n) == "en")

    @cached_property
    def repetitive(self) -> bool:
        """Whether any two articles are duplicates."""
        return bool((self.alike != np.arange(len(self.alike))).any())

    @cached_property
    def ordinals(self) -> Mapping[str, int]:
        """Article id -> number."""
        return {name: number for number, name in enumerate(self.documents.ids)}


def plain(text: str) -> str:
    """Return the folded words of a text with single spaces, for comparing titles."""
    return " ".join(fold(token.surface) for token in tokens(text))


def load(folder: Path, manifest: Manifest, seen: dict[str, Looks] | None = None) -> Generation:
    """Return the generation in a folder whose files were verified when they looked as `seen`."""
    documents = storage.Documents(folder)
    passages = storage.load_passages(folder)
    sizes = {"articles": len(documents), "passages": len(passages)}
    meaning = other = None
    if manifest.fingerprint:
        meaning = SemanticIndex(folder, **sizes)
    if manifest.other_fingerprint:
        other = SemanticIndex(folder / OTHER, **sizes)
    return Generation(
        path=folder,
        manifest=manifest,
        documents=documents,
        passages=passages,
        articles=load_postings(folder, "articles"),
        passage_terms=load_postings(folder, "passages"),
        titles=load_postings(folder, "titles"),
        pairs=load_postings(folder, "pairs"),
        words=load_postings(folder, "words"),
        alike=duplicates.load_groups(folder, len(documents)),
        synonyms=folded(json.loads((folder / "synonyms.json").read_text("utf-8"))),
        names=_names(folder),
        meaning=meaning,
        other_meaning=other,
        seen=watching.looks(folder) if seen is None else seen,
    )


def _names(folder: Path) -> tuple[str, ...]:
    """Return the authors' names of products; generations made before 2026-11-30 have none."""
    path = folder / "names.json"
    return tuple(json.loads(path.read_text("utf-8"))) if path.is_file() else ()
