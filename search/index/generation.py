"""Builds, opens and switches generations: immutable folders, each with the index of one commit.

A generation is built beside the one that serves and gets its name only when its manifest is on
disk; the pointer then moves to it by one atomic rename. Every file is verified by SHA-256 when a
generation is opened, and a damaged one is set aside in favour of the one before it.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from search.errors import SearchError
from search.index import building, manifest, watching
from search.index.building import Remains, remains
from search.index.manifest import EXTRA, Manifest
from search.index.opened import OTHER, Generation, load
from search.index.watching import BAD, WHOLE
from search.ranking.calibration import calibrate, still_good
from search.ranking.confidence import FLOOR
from search.semantic import vectors as semantic_vectors
from search.semantic.encoder import Encoder, Progress, other_of, silent
from search.text.passages import Passages
from search.text.query import Synonyms
from search.types import Document

log = logging.getLogger(__name__)

KEEP = 3
_CURRENT, _LOCK = "CURRENT", ".lock"
_PART = "building-"


def build(
    documents: Iterable[Document],
    root: Path,
    *,
    commit: str = "",
    encoder: Encoder | None = None,
    degraded: str = "",
    synonyms: Synonyms | None = None,
    names: Sequence[str] = (),
    extra_files: Mapping[str, bytes] | None = None,
    progress: Progress = silent,
    keep: int = KEEP,
    sure_as: Generation | None = None,
) -> Generation:
    """Build a generation, make it current and return it; the newest `keep` stay on disk.

    Without an `encoder` it answers by keywords alone and `degraded` says why. `extra_files` are
    kept with it and read back by `Generation.read`. Calibration is taken from `sure_as`, made by
    whatever recipe, where that fits. SearchError when another build is running, an article's id is
    given twice, or the folder cannot be written.
    """
    given = tuple(documents)
    _refuse_repeats(given)
    with _locked(root), _plain_faults(root):
        _sweep(root)
        part = root / f"{_PART}{_next_id(root)}"
        part.mkdir()
        _extras(part, extra_files or {})
        (part / "names.json").write_text(json.dumps(list(names), ensure_ascii=False), "utf-8")
        facts, linked = _fill(
            part, given, root=root, encoder=encoder, synonyms=synonyms, progress=progress
        )
        facts = replace(facts, commit=commit, degraded=facts.degraded or degraded)
        if sure_as is not None and facts.fingerprint in ("", sure_as.manifest.fingerprint):
            held = sure_as.manifest
            facts = replace(facts, floor=held.floor, calibration=held.calibration)
        facts = _calibrated(part, facts, encoder, progress=progress)
        return _publish(root, part, facts, linked=linked, keep=keep)


def _refuse_repeats(documents: tuple[Document, ...]) -> None:
    seen: set[str] = set()
    for document in documents:
        if document.id in seen:
            raise SearchError(f"Two articles have the id {document.id}.", "Give each its own id.")
        seen.add(document.id)


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    """Hold the lock for builds. It ends with the process, so a killed build leaves none behind."""
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
    """Raise SearchError for a full or missing disk; the generation that serves is not touched."""
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
) -> tuple[Manifest, Mapping[int, str]]:
    """Fill the folder; return its manifest, and the hashes of files linked from an earlier one."""
    (part / "synonyms.json").write_text(json.dumps(synonyms or {}, ensure_ascii=False), "utf-8")
    made, vectors, others = _before(root, encoder)
    left = remains(root) if made is None else []
    if vectors is None and encoder is not None:
        vectors = next((one.path for one in left if _has_vectors(one, encoder)), None)
    other = other_of(encoder)
    other_degraded = str(getattr(encoder, "other_missing", ""))
    plan = building.planned(documents, made[0] if made else None)
    passages = building.fill_words(part, plan, progress=progress)
    degraded = ""
    if encoder is not None:
        degraded = _vectors(part, plan, passages, encoder, known=vectors, progress=progress)
    if other is not None and not degraded:
        other_degraded = _vectors(
            part, plan, passages, other, known=others, progress=progress, lane=OTHER
        )
    else:
        other = None
    facts = Manifest(
        id=part.name.removeprefix(_PART),
        commit="",
        documents=len(documents),
        passages=len(passages),
        languages=plan.languages,
        fingerprint="" if encoder is None or degraded else encoder.fingerprint,
        degraded=degraded,
        floor=FLOOR,
        recipe=building.recipe(),
        other_fingerprint="" if other is None or other_degraded else other.fingerprint,
        other_degraded=other_degraded,
    )
    fitted = made[1] if made else _fitted(left, facts)
    if fitted and fitted.fingerprint == facts.fingerprint:
        facts = replace(facts, floor=fitted.floor, calibration=fitted.calibration)
    return facts, manifest.by_inode(*made) if made else {}


def _fitted(left: Iterable[Remains], facts: Manifest) -> Manifest | None:
    """Return the manifest of a damaged generation that was made by the same recipe."""
    alike = (one.manifest for one in left if one.manifest.recipe == facts.recipe)
    return next((made for made in alike if made.fingerprint == facts.fingerprint), None)


def _has_vectors(left: Remains, encoder: Encoder) -> bool:
    """Return whether the vectors of a damaged generation are whole and of the encoder's recipe."""
    return left.manifest.fingerprint == encoder.fingerprint and left.intact.issuperset(
        semantic_vectors.FILES
    )


def _calibrated(
    part: Path, facts: Manifest, encoder: Encoder | None, *, progress: Progress
) -> Manifest:
    """Return the manifest with its calibration: fitted now, unless one of nearly the same articles
    was carried over.
    """
    if still_good(facts.calibration, facts.documents):
        return facts
    usable = encoder if facts.fingerprint else None
    found = calibrate(load(part, facts), usable, progress=progress)
    return replace(facts, floor=found.floor, calibration=asdict(found))


def _vectors(
    part: Path,
    plan: building.BuildPlan,
    passages: Passages,
    encoder: Encoder,
    *,
    known: Path | None,
    progress: Progress,
    lane: str = "",
) -> str:
    """Write the vectors of a model into a folder of the generation; return why there are none, ""
    when there are.
    """
    try:
        building.fill_vectors(
            part, plan, passages, encoder=encoder, known=known, progress=progress, lane=lane
        )
    except (OSError, KeyboardInterrupt):
        raise
    except Exception as error:  # a model that fails must not keep articles from being found
        folder = part / lane
        for path in [*folder.glob("vectors.*"), *folder.glob("known.words")]:
            path.unlink()
        return f"The model failed while reading the articles: {type(error).__name__}."
    return ""


def _before(
    root: Path, encoder: Encoder | None
) -> tuple[tuple[Path, Manifest] | None, Path | None, Path | None]:
    """Return the newest good generation of this recipe, the newest with this encoder's vectors, and
    the newest with those of the one for other languages: each may be None. Verifying one reads all
    its files.
    """
    made, vectors, others = None, None, None
    other = other_of(encoder)
    for folder in newest_first(root):
        try:
            facts = manifest.verify(folder)
        except (SearchError, OSError, ValueError):
            continue
        if made is None and facts.recipe == building.recipe():
            made = folder, facts
        if vectors is None and encoder is not None and facts.fingerprint == encoder.fingerprint:
            vectors = folder
        if others is None and other is not None and facts.other_fingerprint == other.fingerprint:
            others = folder
        if made and (vectors or encoder is None) and (others or other is None):
            break
    return made, vectors, others


def _publish(
    root: Path, part: Path, facts: Manifest, *, linked: Mapping[int, str], keep: int
) -> Generation:
    manifest.write(part, replace(facts, files=manifest.hashes(part, linked)))
    whole = root / f"{WHOLE}{facts.id}"
    os.replace(part, whole)
    facts = _proved(whole)
    point(root, whole.name)
    for journal in root.glob("encoding-*.part"):
        journal.unlink(missing_ok=True)
    for old in [*newest_first(root)[keep:], *sorted(root.glob(f"{BAD}*"))[:-1]]:
        shutil.rmtree(old, ignore_errors=True)
    return load(whole, facts)


def _proved(whole: Path) -> Manifest:
    """Return the manifest of what was just written, verified from disk; SearchError when it is
    damaged.
    """
    try:
        return manifest.verify(whole)
    except SearchError as problem:
        _set_aside(whole, problem)
        raise


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
    return sorted(root.glob(f"{WHOLE}*"), reverse=True)


def current(root: Path) -> str:
    """Return the current generation's name, "" when the pointer is missing or invalid."""
    try:
        name = (root / _CURRENT).read_text("utf-8").strip()
    except (OSError, ValueError):
        return ""
    return name if name.startswith(WHOLE) and "/" not in name else ""


def moved_at(root: Path) -> float | None:
    """Return when the current generation became current, in seconds since 1970; None when there is
    none.
    """
    try:
        return (root / _CURRENT).stat().st_mtime
    except OSError:
        return None


def open_current(root: Path) -> Generation:
    """Return the current generation, or the newest good one before it; damaged ones are set aside.

    SearchError when none is good.
    """
    named = current(root)
    folders = newest_first(root)
    order = [f for f in folders if f.name <= named] if named else []
    for folder in [*order, *(f for f in folders if f not in order)]:
        try:
            return _verified(folder)
        except (SearchError, ValueError, EOFError) as problem:
            _set_aside(folder, problem)
        except OSError:
            continue  # trouble with the disk or the process: the files may be good
    raise SearchError("There is no usable index.", "Build it from the articles: run `kb publish`.")


def _verified(folder: Path) -> Generation:
    """Return the generation in a folder; SearchError when it is damaged."""
    seen = watching.looks(folder)
    return load(folder, manifest.verify(folder), seen)


def set_aside_if_damaged(root: Path, name: str) -> None:
    """Read every file of the generation with that id, and set it aside when one is damaged."""
    folder = root / folder_name(name)
    try:
        manifest.verify(folder)
    except SearchError as problem:
        _set_aside(folder, problem)
    except OSError:
        return  # it was removed meanwhile, or the disk is in trouble


def folder_name(name: str) -> str:
    """Return the folder of the generation with that id."""
    return f"{WHOLE}{name}"


def open_one(root: Path, name: str) -> Generation:
    """Return the generation with that id, verified; SearchError when it is missing or damaged."""
    return _verified(root / folder_name(name))


def make_current(root: Path, generation: Generation) -> None:
    """Make a kept generation the current one; SearchError when that cannot be written."""
    with _plain_faults(root):
        point(root, generation.path.name)


def kept(root: Path) -> list[Manifest]:
    """Return the manifests of all whole generations, newest first; unreadable ones are left out."""
    found = []
    for folder in newest_first(root):
        try:
            found.append(manifest.read(folder))
        except SearchError:
            continue
    return found


def peek(root: Path, name: str, file: str) -> bytes:
    """Return an extra file of a generation without verifying it, b"" where there is none."""
    try:
        return (root / folder_name(name) / EXTRA / file).read_bytes()
    except OSError:
        return b""


def _set_aside(folder: Path, problem: Exception) -> None:
    """Rename a damaged generation, where that is permitted; otherwise leave it."""
    name, told = BAD + folder.name.removeprefix(WHOLE), _told(folder, problem)
    try:
        os.replace(folder, folder.with_name(name))
    except OSError:
        return
    log.error("%s It is set aside as %s.", told, name)


def _told(folder: Path, problem: Exception) -> str:
    """Return which file of a generation is damaged and how, as one sentence."""
    if not isinstance(problem, SearchError):  # a file went bad between its check and its opening
        try:
            manifest.verify(folder)
        except (SearchError, OSError) as found:
            problem = found
    usual = f"Index generation {folder.name} is damaged: {problem}."
    return problem.message if isinstance(problem, SearchError) else usual


def lost_commit(root: Path) -> str:
    """Return the commit of the current generation, whole or damaged; "" when nothing tells."""
    name = current(root).removeprefix(WHOLE)
    folders = [root / f"{prefix}{name}" for prefix in (WHOLE, BAD) if name]
    if not name:
        folders = [*newest_first(root), *sorted(root.glob(f"{BAD}*"), reverse=True)]
    for folder in folders:
        try:
            return manifest.read(folder).commit
        except SearchError:
            continue
    return ""
