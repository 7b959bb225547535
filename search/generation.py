"""Immutable index generations: built whole beside the one that serves, then swapped in at once.

Promises that only whole generations are ever opened: a folder gets its name after its manifest is
on disk, the pointer moves by one atomic rename, every file is verified by SHA-256 when opened, and
a damaged generation is set aside for the one before it. Knows no query.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from search import impacts, keyword, manifest, semantic, spelling, storage, suggesting
from search.confidence import FLOOR
from search.encoder import Encoder, Progress, Vectors, silent
from search.errors import SearchError
from search.keyword import FIELDS, PASSAGE_FIELDS
from search.manifest import Manifest
from search.opened import Generation, load
from search.passages import Passage, passages_of
from search.querying import Synonyms
from search.types import Document

KEEP = 3
_CURRENT, _LOCK = "CURRENT", ".lock"
_WHOLE, _PART, _BAD = "gen-", "building-", "damaged-"
EXTRA = "extra"


def build(
    documents: Iterable[Document],
    root: Path,
    *,
    commit: str = "",
    encoder: Encoder | None = None,
    degraded: str = "",
    synonyms: Synonyms | None = None,
    extra_files: Mapping[str, bytes] | None = None,
    progress: Progress = silent,
) -> Generation:
    """Return the new generation, already current.

    Without an `encoder` it answers by keywords alone and `degraded` says why. `extra_files` are
    kept with it and read back by `Generation.read`. SearchError when another build is running, an
    article's id is given twice, or the folder cannot be written.
    """
    given = tuple(documents)
    _refuse_repeats(given)
    with _locked(root), _plain_faults(root):
        _sweep(root)
        part = root / f"{_PART}{_next_id(root)}"
        part.mkdir()
        _extras(part, extra_files or {})
        facts = _fill(part, given, root=root, encoder=encoder, synonyms=synonyms, progress=progress)
        facts = replace(facts, commit=commit, degraded=facts.degraded or degraded)
        return _publish(root, part, facts)


def _refuse_repeats(documents: tuple[Document, ...]) -> None:
    seen: set[str] = set()
    for document in documents:
        if document.id in seen:
            raise SearchError(f"Two articles have the id {document.id}.", "Give each its own id.")
        seen.add(document.id)


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    """Hold the builders' lock. It goes with the process, so a killed builder leaves none."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        file = (root / _LOCK).open("w")
    except OSError as error:
        raise SearchError(
            f"The index folder {root} cannot be written: {error.strerror}.",
            "Give the process write permission there, or set another folder.",
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SearchError("Another index build is running.", "Wait for it to end.") from error
        yield


@contextmanager
def _plain_faults(root: Path) -> Iterator[None]:
    """Turn what a full or vanished disk answers into words; what serves is not touched by it."""
    try:
        yield
    except OSError as error:
        raise SearchError(
            f"The index in {root} could not be written: {error.strerror or error}.",
            "Free some space or mend the folder, then publish again; what was live stays live.",
        ) from error


def _sweep(root: Path) -> None:
    """Remove what killed builds left."""
    for left in root.glob(f"{_PART}*"):
        shutil.rmtree(left, ignore_errors=True)


def _next_id(root: Path) -> str:
    taken = [path.name.rpartition("-")[2] for path in root.glob("*-*")]
    return f"{max((int(name) for name in taken if name.isdigit()), default=0) + 1:08d}"


def _extras(part: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        target = (part / EXTRA / name).resolve()
        if not target.is_relative_to((part / EXTRA).resolve()):
            raise SearchError(f"The file name {name!r} leaves its folder.", "Use a plain name.")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _fill(
    part: Path,
    documents: tuple[Document, ...],
    *,
    root: Path,
    encoder: Encoder | None,
    synonyms: Synonyms | None,
    progress: Progress,
) -> Manifest:
    passages = [p for number, d in enumerate(documents) for p in passages_of(d, number)]
    storage.save_documents(part, documents)
    storage.save_passages(part, passages)
    (part / "synonyms.json").write_text(json.dumps(synonyms or {}, ensure_ascii=False), "utf-8")
    spelling.vocabulary(documents).save(part, "words")
    suggesting.write(part, documents)
    _keywords(part, documents, passages=passages, progress=progress)
    fingerprint, degraded = _vectors(
        part, documents, passages=passages, root=root, encoder=encoder, progress=progress
    )
    return Manifest(
        id=part.name.removeprefix(_PART),
        commit="",
        documents=len(documents),
        passages=len(passages),
        languages=tuple(sorted({document.language for document in documents})),
        fingerprint=fingerprint,
        degraded=degraded,
        floor=FLOOR,
    )


def _keywords(
    part: Path, documents: tuple[Document, ...], *, passages: list[Passage], progress: Progress
) -> None:
    keyword.write_articles(part / "whoosh-articles", documents, progress=progress)
    keyword.write_passages(
        part / "whoosh-passages", documents, passages=passages, progress=progress
    )
    for name, fields in (("articles", FIELDS), ("passages", PASSAGE_FIELDS)):
        index = keyword.open_index(part / f"whoosh-{name}")
        impacts.impacts_of(index, fields, progress=progress).save(part, name)
        index.close()


def _vectors(
    part: Path,
    documents: tuple[Document, ...],
    *,
    passages: list[Passage],
    root: Path,
    encoder: Encoder | None,
    progress: Progress,
) -> tuple[str, str]:
    """Write vectors; return the recipe's fingerprint and, when there are none, why."""
    if encoder is None:
        return "", ""
    rows = semantic.rows_of(documents, passages)
    known = _known(root, encoder.fingerprint)
    try:
        vectors = semantic.encode(rows.texts, encoder, known=known, progress=progress)
    except Exception as error:  # a model that fails must not keep articles from being found
        return "", f"The model failed while reading the articles: {type(error).__name__}."
    semantic.save(part, rows, vectors)
    (part / "known.words").write_text("\n".join(sorted(encoder.words())), "utf-8")
    return encoder.fingerprint, ""


def _known(root: Path, fingerprint: str) -> dict[bytes, Vectors]:
    """Return vectors of the same recipe from the newest good generation that has any."""
    for folder in newest_first(root):
        try:
            if manifest.verify(folder).fingerprint == fingerprint:
                return semantic.known_vectors(folder)
        except (SearchError, OSError, ValueError):
            continue
    return {}


def _publish(root: Path, part: Path, facts: Manifest) -> Generation:
    manifest.write(part, replace(facts, files=manifest.hashes(part)))
    whole = root / f"{_WHOLE}{facts.id}"
    os.replace(part, whole)
    point(root, whole.name)
    for old in newest_first(root)[KEEP:]:
        shutil.rmtree(old, ignore_errors=True)
    return load(whole, manifest.read(whole))


def point(root: Path, name: str) -> None:
    """Make a generation the current one, atomically and durably."""
    fresh = root / f"{_CURRENT}.new"
    with fresh.open("w", encoding="utf-8") as file:
        file.write(name + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, root / _CURRENT)
    handle = os.open(root, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def newest_first(root: Path) -> list[Path]:
    """Return the folders of whole generations, newest first."""
    return sorted(root.glob(f"{_WHOLE}*"), reverse=True)


def current(root: Path) -> str:
    """Return the current generation's name, "" when the pointer is missing or senseless."""
    try:
        name = (root / _CURRENT).read_text("utf-8").strip()
    except (OSError, ValueError):
        return ""
    return name if name.startswith(_WHOLE) and "/" not in name else ""


def open_current(root: Path) -> Generation:
    """Return the current generation, or the newest good one before it; damaged ones are set aside.

    SearchError when none is good.
    """
    named = current(root)
    folders = newest_first(root)
    order = [f for f in folders if f.name <= named] if named else []
    for folder in [*order, *(f for f in folders if f not in order)]:
        try:
            return load(folder, manifest.verify(folder))
        except (SearchError, ValueError):
            _set_aside(folder)
        except OSError:
            continue  # a disk or a process in trouble now: the files may be good
    raise SearchError("There is no usable index.", "Build it from the articles: run `kb publish`.")


def _set_aside(folder: Path) -> None:
    """Rename a damaged generation, where that is permitted; else it is merely passed over."""
    name = _BAD + folder.name.removeprefix(_WHOLE)
    try:
        os.replace(folder, folder.with_name(name))
    except OSError:
        return
