"""Lists of right words by language: they are never called misspelt, though no article has them.

They come from pyspellchecker. English words count as they are; of other languages, which inflect
more, their stems do. Kept with a generation as hashes, 8 bytes a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import numpy as np

from search.index.manifest import mapped, shared
from search.index.postings import Hashes, hash_of
from search.text.analysis import base_language
from search.text.lexicon import ENGLISH, RightWords, right_forms

_NAME, _FROM = "right.{}.npy", "right.from"


def write(folder: Path, languages: Iterable[str], before: Path | None = None) -> None:
    """Write the list of English, and of each language that has one. Those of the generation in
    `before` are linked when they are of the same version.
    """
    stamp = version("pyspellchecker")
    (folder / _FROM).write_text(stamp, "utf-8")
    same = before is not None and _stamp(before) == stamp
    for language in sorted({ENGLISH, *(base_language(each) for each in languages)}):
        name = _NAME.format(language)
        if same and before is not None and (before / name).is_file():
            shared(before / name, folder / name)
        elif (words := _listed(language)) is not None:
            np.save(folder / name, words)


def _stamp(folder: Path) -> str:
    path = folder / _FROM
    return path.read_text("utf-8") if path.is_file() else ""


@lru_cache(maxsize=4)
def _listed(language: str) -> Hashes | None:
    """Return the hashes of a language's right words, ascending; None where there is no list."""
    from spellchecker import SpellChecker  # a tenth of a second, and only builds need it

    try:
        listed = SpellChecker(language=language).word_frequency.words()
    except ValueError:
        return None
    forms = {form for word in listed for form in right_forms(word, language)}
    return np.unique(np.array([hash_of(language, form) for form in forms], np.uint64))


def load_right_words(folder: Path, english: frozenset[str]) -> Mapping[str, RightWords]:
    """Return the lists in a generation's folder; `english` are more words of that language."""
    found = {
        path.name.split(".")[1]: mapped(path) for path in sorted(folder.glob(_NAME.format("*")))
    }
    if english:
        found.setdefault(ENGLISH, np.empty(0, np.uint64))
    return {
        language: RightWords(language, hashes, english if language == ENGLISH else frozenset())
        for language, hashes in found.items()
    }
