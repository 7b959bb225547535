"""Fills a new generation's folder: what did not change is carried over, the rest is made anew.

The result is the same, except for the segments of the Whoosh index, whether all articles are new or
an earlier generation had most of them. Of a damaged generation, only files that match its manifest
are used, and nothing when the manifest itself is damaged. Vectors are made once for each text:
known ones are carried over, and every finished batch is written to a journal beside the
generations, so that a build that was stopped goes on where it was; torn records are ignored.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from search.errors import SearchError
from search.index import duplicates, keyword, postings, right_words, storage
from search.index import manifest as index_manifest
from search.index.keyword import ARTICLE_SCORING, PASSAGE_SCORING, Analysed
from search.index.manifest import EXTRA, Manifest, shared
from search.index.opened import plain
from search.index.postings import GONE, Collected, TermCounts, counts_of, load_counts, merged
from search.index.storage import Packed
from search.index.watching import BAD
from search.ranking.keyword_scores import plain_pairs, telling_pairs
from search.semantic import vectors as semantic_vectors
from search.semantic.encoder import Encoder, Progress, Vectors
from search.semantic.vectors import KEY_BYTES, NO_PASSAGE, StoredRows, VectorRows
from search.suggest import suggester
from search.text import spelling
from search.text.passages import Passage, Passages, passages_of
from search.types import Document

# -- Remains of a damaged generation --


@dataclass(frozen=True)
class Remains:
    """The usable part of a damaged generation: its manifest and the files in `intact` are whole."""

    path: Path
    manifest: Manifest
    intact: frozenset[str]

    @property
    def id(self) -> str:
        """The generation's id."""
        return self.manifest.id

    @property
    def commit(self) -> str:
        """The commit of the articles."""
        return self.manifest.commit

    def read(self, name: str) -> bytes:
        """Return an extra file that is whole; SearchError when it is not."""
        if f"{EXTRA}/{name}" not in self.intact:
            raise SearchError(f"The damaged index holds no whole {name!r}.")
        return (self.path / EXTRA / name).read_bytes()


def remains(root: Path) -> list[Remains]:
    """Return what is usable of damaged generations, newest first. Those with a damaged manifest are
    left out: nothing tells which of their files are whole.
    """
    found = []
    for folder in sorted(root.glob(f"{BAD}*"), reverse=True):
        try:
            facts, now = index_manifest.read(folder), index_manifest.hashes(folder)
        except (SearchError, OSError):
            continue
        intact = frozenset(name for name, held in facts.files.items() if now.get(name) == held)
        found.append(Remains(folder, facts, intact))
    return found


# -- The journal of new vectors --


# Texts given to the model at a time: few, so that memory and loss by a kill stay small.
BATCH = 256
JOURNAL_KEY_BYTES = 16


class Journal:
    """Vectors of one recipe, written as they are made: records of key, vector and checksum."""

    def __init__(self, root: Path, fingerprint: str) -> None:
        self._path = root / f"encoding-{fingerprint}.part"

    def read(self) -> dict[bytes, Vectors]:
        """Return the vectors that an earlier build had finished; {} when none are sound."""
        try:
            held = self._path.read_bytes()
            width = int.from_bytes(held[:4], "little")
        except OSError:
            return {}
        size = JOURNAL_KEY_BYTES + 4 * width + 4
        rows = (held[at : at + size] for at in range(4, len(held) - size + 1, size))
        sound = (row for row in rows if zlib.crc32(row[:-4]) == int.from_bytes(row[-4:], "little"))
        return {
            row[:JOURNAL_KEY_BYTES]: np.frombuffer(row[JOURNAL_KEY_BYTES:-4], np.float32)
            for row in sound
        }

    def write(self, rows: Mapping[bytes, Vectors]) -> None:
        """Start the journal with the vectors that are already known."""
        self._path.unlink(missing_ok=True)
        if rows:
            self.add(list(rows), np.stack(list(rows.values())))

    def add(self, keys: list[bytes], vectors: Vectors) -> None:
        """Append finished vectors (n, d) under their keys."""
        with self._path.open("ab") as file:
            if file.tell() == 0:
                file.write(vectors.shape[1].to_bytes(4, "little"))
            for name, vector in zip(keys, vectors, strict=True):
                record = name + np.asarray(vector, np.float32).tobytes()
                file.write(record + zlib.crc32(record).to_bytes(4, "little"))


def fill(
    vectors: StoredRows,
    missing: Mapping[bytes, tuple[str, list[int]]],
    encoder: Encoder,
    *,
    journal: Journal,
    progress: Progress,
) -> None:
    """Write the vectors of texts into their rows of a stored array.

    `missing` maps a text's key to the text and its rows. Texts of similar length are encoded
    together.
    """
    if not missing:
        return
    known = {name: row for name, row in journal.read().items() if name in missing}
    journal.write(known)
    for name, row in known.items():
        semantic_vectors.put(vectors, missing[name][1], row[None])
    left = sorted((name for name in missing if name not in known), key=lambda k: len(missing[k][0]))
    done = len(known)
    progress("encode", done, len(missing))
    for batch in _batches(left):
        made = encoder.encode_documents([missing[name][0] for name in batch])
        journal.add(batch, made)
        for name, row in zip(batch, made, strict=True):
            semantic_vectors.put(vectors, missing[name][1], row[None])
        done += len(batch)
        progress("encode", done, len(missing))


def _batches(names: list[bytes]) -> Iterator[list[bytes]]:
    for start in range(0, len(names), BATCH):
        yield names[start : start + BATCH]


# -- Filling a generation's folder --


# Beyond this share of changed articles the Whoosh index is written anew, in one piece.
MOST_CHANGED = 0.3
WHOOSH = "whoosh"
Integers = npt.NDArray[np.int32]
# The files that decide what a generation of given articles holds.
_READERS = (
    "text/tokens.py",
    "text/analysis.py",
    "text/passages.py",
    "text/shape.py",
    "text/numbered.py",
    "text/spelling.py",
    "text/lexicon.py",
    "index/right_words.py",
    "index/keyword.py",
    "index/postings.py",
    "index/storage.py",
    "index/duplicates.py",
    "index/building.py",
    "semantic/vectors.py",
    "suggest/suggester.py",
    "suggest/offers.py",
    "suggest/readings.py",
    "ranking/keyword_scores.py",
    "ranking/confidence.py",
    "ranking/calibration.py",
    "ranking/lanes.py",
    "ranking/elsewhere.txt",
    "ranking/nearby.txt",
)


@lru_cache(maxsize=1)
def recipe() -> str:
    """Return a hash of the files that read and store articles."""
    line = hashlib.sha256()
    for name in _READERS:
        line.update(Path(__file__).parents[1].joinpath(name).read_bytes())
    return line.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """What happens to each article: `former` (n,) is its number in the generation before, GONE when
    new or changed; `moved` maps former numbers to present ones; `left` are the ids of articles that
    changed or were removed.
    """

    documents: Sequence[Document]
    lines: Sequence[Packed]
    before: Path | None
    former: Integers
    moved: Integers
    left: frozenset[str] = frozenset()

    @property
    def fresh(self) -> npt.NDArray[np.int64]:
        """The numbers of new and changed articles."""
        return np.flatnonzero(self.former == GONE)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of the articles, in order."""
        return tuple(sorted({document.language for document in self.documents}))


def planned(documents: Sequence[Document], before: Path | None) -> BuildPlan:
    """Return what can be carried over from the generation in `before`, made by the same recipe."""
    lines = [storage.packed(document) for document in documents]
    held = storage.load_digests(before) if before else {}
    former = np.full(len(documents), GONE, np.int32)
    moved = np.full(len(held), GONE, np.int32)
    stayed = set()
    for number, (document, line) in enumerate(zip(documents, lines, strict=True)):
        old, digest = held.get(document.id, (GONE, b""))
        if digest == line.digest:
            former[number], moved[old] = old, number
            stayed.add(document.id)
    return BuildPlan(documents, lines, before, former, moved, frozenset(held.keys() - stayed))


@dataclass(slots=True)
class _Tables:
    """Counts of new and changed articles, by table."""

    articles: Collected = field(default_factory=Collected)
    passages: Collected = field(default_factory=Collected)
    titles: Collected = field(default_factory=Collected)
    words: Collected = field(default_factory=Collected)
    pairs: Collected = field(default_factory=Collected)


def fill_words(part: Path, plan: BuildPlan, *, progress: Progress) -> Passages:
    """Write text, the Whoosh index and every table of terms; return the passages."""
    storage.save_documents(part, plan.documents, plan.lines)
    passages, moved = _passages(plan)
    storage.save_passages(part, passages)
    tables = _Tables()
    _write_whoosh(part, plan, passages, tables=tables, progress=progress)
    languages = storage.column(document.language for document in plan.documents).numbers
    articles = _table(part, plan, "articles", fresh=tables.articles, moved=plan.moved)
    postings.impacts_of(articles, ARTICLE_SCORING, languages).save(part, "articles")
    heads = _table(part, plan, "passages", fresh=tables.passages, moved=moved)
    of_passages: Integers = languages[passages[:, 0]]
    postings.impacts_of(heads, PASSAGE_SCORING, of_passages).save(part, "passages")
    _list(part, plan, "titles", fresh=tables.titles)
    _list(part, plan, "pairs", fresh=tables.pairs)
    _save_words(part, plan, tables.words)
    right_words.write(part, plan.languages, plan.before)
    suggester.write(part, plan.documents, plan.before)
    duplicates.write(part, plan.documents, plan.before, plan.former)
    return passages


def _passages(plan: BuildPlan) -> tuple[Passages, Integers]:
    """Return the passages, and the present number of each former one (GONE when it has none)."""
    before = storage.load_passages(plan.before) if plan.before else np.empty((0, 4), np.int32)
    starts = np.searchsorted(before[:, 0], np.arange(len(plan.moved) + 1))
    moved = np.full(len(before), GONE, np.int32)
    found: list[Passages] = [np.empty((0, 4), np.int32)]
    size = 0
    for number, (document, old) in enumerate(zip(plan.documents, plan.former, strict=True)):
        if old == GONE:
            rows = np.array(list(passages_of(document, number)), np.int32).reshape(-1, 4)
        else:
            span = slice(starts[old], starts[old + 1])
            rows = np.array(before[span])
            rows[:, 0] = number
            moved[span] = np.arange(size, size + len(rows))
        found.append(rows)
        size += len(rows)
    return np.concatenate(found), moved


def _write_whoosh(
    part: Path, plan: BuildPlan, passages: Passages, *, tables: _Tables, progress: Progress
) -> None:
    folder, languages, left = part / WHOOSH, plan.languages, plan.left
    fresh = {int(number) for number in plan.fresh}
    chosen: Sequence[int] = sorted(fresh)
    carried = plan.before is not None and _carried(plan, plan.before / WHOOSH, folder)
    if not carried:
        chosen, left = range(len(plan.documents)), frozenset()
    starts = np.searchsorted(passages[:, 0], np.arange(len(plan.documents) + 1))

    def read() -> Iterator[tuple[Document, Analysed]]:
        for number in chosen:
            document = plan.documents[number]
            rows = passages[starts[number] : starts[number + 1]].tolist()
            terms = keyword.analysed(document, [Passage(*row) for row in rows])
            if number in fresh:
                _count(tables, document, terms, number=number, first=int(starts[number]))
            yield document, terms

    def done(count: int) -> None:
        if count % 100 == 0 or count == len(chosen):
            progress("index", count, len(chosen))

    keyword.write(folder, read(), languages=languages, gone=left, done=done)
    numbers = {document.id: number for number, document in enumerate(plan.documents)}
    np.save(part / "whoosh.articles.npy", keyword.article_numbers(folder, numbers))


def _carried(plan: BuildPlan, before: Path, folder: Path) -> bool:
    """Carry the former Whoosh index over where that pays, and return whether it was. Its files are
    linked: they never change.
    """
    few = len(plan.fresh) + len(plan.left) <= MOST_CHANGED * max(1, len(plan.documents))
    if not few or not keyword.extendable(before, plan.languages):
        return False
    folder.mkdir()
    for path in before.iterdir():
        shared(path, folder / path.name)
    return True


def _count(
    tables: _Tables, document: Document, terms: Analysed, *, number: int, first: int
) -> None:
    language = document.language
    keyword.count(tables.articles, number, terms.article, language)
    for at, fields in enumerate(terms.passages, first):
        keyword.count(tables.passages, at, fields, language)
    names = {plain(document.title), *map(plain, document.answers)} - {""}
    tables.titles.add(number, 0, language="", terms=names)
    tables.pairs.add(number, 0, language=language, terms=_pairs(terms, language))
    for spoken, words in _by_language(spelling.words_of(document)).items():
        tables.words.add(number, 0, language=spoken, terms=words)


def _by_language(words: Iterator[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for language, word in words:
        found.setdefault(language, []).append(word)
    return found


def _pairs(terms: Analysed, language: str) -> set[str]:
    """Return the pairs of neighbouring words in an article's title, answered questions, headings
    and passages.
    """
    texts = [terms.article["title"], terms.article["answers"], terms.article["headings"]]
    texts += [fields["text"] for fields in terms.passages]
    pairs = {pair for rows in texts for pair in plain_pairs(rows)}
    return pairs.union(*(telling_pairs(rows, language) for rows in texts))


def _table(
    part: Path, plan: BuildPlan, name: str, *, fresh: Collected, moved: Integers
) -> TermCounts:
    before = load_counts(plan.before, name) if plan.before else None
    found = merged(fresh, before, moved)
    found.save(part, name)
    return found


def _list(part: Path, plan: BuildPlan, name: str, *, fresh: Collected) -> TermCounts:
    """Write which articles have each term; how often does not matter."""
    before = counts_of(postings.load_postings(plan.before, name)) if plan.before else None
    found = merged(fresh, before, plan.moved)
    postings.listed(found).save(part, name)
    return found


def _save_words(part: Path, plan: BuildPlan, fresh: Collected) -> None:
    """Write the vocabulary: postings, and the text of each word."""
    texts = dict(fresh.texts)
    if plan.before:
        held = np.load(plan.before / "words.terms.npy").tolist()
        texts |= zip(held, postings.load_texts(plan.before, "words"), strict=True)
    words = _list(part, plan, "words", fresh=fresh)
    postings.save_texts(part, "words", [texts[held] for held in words.terms.tolist()])


def fill_vectors(
    part: Path,
    plan: BuildPlan,
    passages: Passages,
    *,
    encoder: Encoder,
    known: Path | None,
    progress: Progress,
    lane: str = "",
) -> None:
    """Write the vectors into the folder `lane` of a generation ("" for its own). `known` is the
    folder of a generation whose vectors there were made by the same model recipe; a journal beside
    the generation keeps new ones until the build is done.
    """
    former = known / lane if known is not None and known == plan.before else None
    journals, part = part.parent, part / lane
    part.mkdir(exist_ok=True)
    rows, texts = _rows(plan, passages, former=former)
    width = len(encoder.encode_query("width"))
    path = part / "vectors.npy"
    if not len(rows.keys):
        np.save(path, np.zeros((0, width), np.float32))
        vectors: StoredRows = np.load(path)
    else:
        written = semantic_vectors.empty(path, len(rows.keys), width)
        journal = Journal(journals, encoder.fingerprint)
        missing = _missing(written, rows, texts, known=known / lane if known else None)
        fill(written, missing, encoder, journal=journal, progress=progress)
        written.flush()
        vectors = written
    semantic_vectors.save(part, rows, vectors, former)
    (part / "known.words").write_text("\n".join(sorted(encoder.words())), "utf-8")


def _rows(
    plan: BuildPlan, passages: Passages, *, former: Path | None
) -> tuple[VectorRows, dict[bytes, str]]:
    """Return what each vector stands for, and the texts that may need one by key. `former` is the
    folder with the vectors of the generation before, None when they are of another model.
    """
    before = None
    if former is not None and plan.before is not None:
        before = _former_rows(former, storage.load_passages(plan.before), len(plan.moved))
    starts = np.searchsorted(passages[:, 0], np.arange(len(plan.documents) + 1))
    keys, owners, numbers = [], [], []
    texts: dict[bytes, str] = {}
    for number, (document, old) in enumerate(zip(plan.documents, plan.former, strict=True)):
        if before is not None and old != GONE:
            held, of = before[old]
            keys.append(held)
            shown = np.where(of == NO_PASSAGE, NO_PASSAGE, of + starts[number])
        else:
            rows = passages[starts[number] : starts[number + 1]].tolist()
            parts = [Passage(*row) for row in rows]
            found = semantic_vectors.texts_of(document, list(enumerate(parts, int(starts[number]))))
            named = {semantic_vectors.key(text): text for text, _ in found}
            texts |= named
            joined = b"".join(semantic_vectors.key(text) for text, _ in found)
            keys.append(np.frombuffer(joined, np.uint8).reshape(-1, KEY_BYTES))
            shown = np.array([passage for _, passage in found], np.int32)
        owners.append(np.full(len(shown), number, np.int32))
        numbers.append(shown.astype(np.int32))
    empty = np.empty(0, np.int32)
    return VectorRows(
        np.concatenate([np.empty((0, KEY_BYTES), np.uint8), *keys]),
        np.concatenate([empty, *owners]),
        np.concatenate([empty, *numbers]),
    ), texts


def _former_rows(
    former: Path, passages: Passages, articles: int
) -> list[tuple[npt.NDArray[np.uint8], Integers]]:
    """Return for each former article the keys of its vectors and their passages, numbered from the
    article's first.
    """
    rows = semantic_vectors.load_rows(former)
    bounds = np.searchsorted(rows.documents, np.arange(articles + 1))
    firsts = np.searchsorted(passages[:, 0], np.arange(articles))
    found = []
    for number, first in enumerate(firsts):
        span = slice(bounds[number], bounds[number + 1])
        of = rows.passages[span]
        found.append((rows.keys[span], np.where(of == NO_PASSAGE, NO_PASSAGE, of - first)))
    return found


def _missing(
    vectors: StoredRows, rows: VectorRows, texts: dict[bytes, str], *, known: Path | None
) -> dict[bytes, tuple[str, list[int]]]:
    """Fill in known vectors; return the texts that have none yet, with their rows."""
    names = [key.tobytes() for key in rows.keys]
    held: dict[bytes, int] = {}
    if known is not None:
        held = {key.tobytes(): i for i, key in enumerate(semantic_vectors.load_rows(known).keys)}
        there = np.array([held.get(name, GONE) for name in names])
        have = np.flatnonzero(there != GONE)
        source = semantic_vectors.load_vectors(known)
        for start in range(0, len(have), 4096):
            some = have[start : start + 4096]
            semantic_vectors.put(vectors, some, semantic_vectors.floats(source[there[some]]))
    missing: dict[bytes, tuple[str, list[int]]] = {}
    for row, name in enumerate(names):
        if name not in held:
            missing.setdefault(name, (texts[name], []))[1].append(row)
    return missing
