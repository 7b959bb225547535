"""What a run of tests does once instead of for each site that a test makes: read the model, compile
templates and addresses. What a site answers stays the same.
"""

from __future__ import annotations

import atexit
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from argon2 import PasswordHasher
from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule

from kb import database
from kb.accounts import passwords
from kb.content import rendering_pool
from kb.publishing import publisher
from search.errors import SearchError
from search.prepare import prepare_multilingual
from search.semantic.encoder import Progress, Vectors, silent
from search.semantic.runtime import LightEncoder, open_multilingual, open_runtime


def make_quick() -> None:
    """Do these things once, in this process."""
    # Programs that tests start, and the next run, need not compile every source again.
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    publisher.open_runtime = _opened_once(open_runtime)  # type: ignore[attr-defined]
    opened = _opened_once(open_multilingual)
    publisher.open_multilingual = opened  # type: ignore[attr-defined]

    def prepared(folder: Path, model: Path | None = None, *, progress: Progress) -> LightEncoder:
        try:
            return opened(folder, model)
        except SearchError:
            return prepare_multilingual(folder, model, progress=progress)

    publisher.prepare_multilingual = prepared  # type: ignore[attr-defined]
    Flask.jinja_options = {"bytecode_cache": _Compiled()}
    Rule._compile_builder = _built_once()  # type: ignore[method-assign]
    _keep_rendering()
    # No machine loses power here: what a test writes need not be on the disk when it ends.
    os.fsync = lambda _descriptor: None  # type: ignore[assignment]
    database.PRAGMAS = tuple(p.replace("=FULL", "=OFF") for p in database.PRAGMAS)
    # Nobody's password is protected here: a hash takes a millisecond instead of 50.
    passwords._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def _keep_rendering() -> None:
    """Hand a process that renders on to the next publish: starting one takes half a second."""
    worker, popen = rendering_pool._Worker, subprocess.Popen
    start, spare = worker._start, list[subprocess.Popen[bytes]]()

    def take(self: rendering_pool._Worker) -> subprocess.Popen[bytes]:
        while spare and rendering_pool.subprocess.Popen is popen:
            process = spare.pop()
            if isinstance(self._ask(process, self._greeting, rendering_pool.LIMIT), dict):
                return process  # one that was killed does not answer
            end(process)
        return start(self)

    def put_back(self: rendering_pool._Worker) -> None:
        process, self._process = self._process, None
        if process is not None:
            spare.append(process)

    def end(process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.communicate()

    worker._start, worker.stop = take, put_back  # type: ignore[method-assign]
    atexit.register(lambda: [end(process) for process in spare])


def _opened_once(open_one: Callable[..., LightEncoder]) -> Callable[..., LightEncoder]:
    """Return what opens each model once: that takes longer than most tests. A model whose files
    were touched is another.
    """

    @cache
    def opened(_files: tuple[object, ...], folder: Path, model: Path | None) -> LightEncoder:
        return open_one(folder, model)

    def open_once(folder: Path, model: Path | None = None) -> LightEncoder:
        place = folder.resolve()
        files = [(file, file.stat()) for file in sorted(place.rglob("*")) if file.is_file()]
        looks = tuple((str(f), s.st_size, s.st_mtime_ns, s.st_ino) for f, s in files)
        return opened(looks, place, model)

    return open_once


@contextmanager
def vectors_kept(file: Path) -> Iterator[None]:
    """Encode no text of an article that was encoded before: its vector is kept in the file."""
    encode = LightEncoder.encode_documents
    held: dict[tuple[str, str], Vectors] = pickle.loads(file.read_bytes()) if file.exists() else {}
    known = len(held)

    def look_up(self: LightEncoder, texts: Sequence[str], progress: Progress = silent) -> Vectors:
        keys = [(self.fingerprint, text) for text in texts]
        strange = [key for key in dict.fromkeys(keys) if key not in held]
        if strange:
            made = encode(self, [text for _, text in strange], progress)
            held.update(zip(strange, made, strict=True))
        return np.stack([held[key] for key in keys])

    LightEncoder.encode_documents = look_up  # type: ignore[method-assign]
    try:
        yield
    finally:
        LightEncoder.encode_documents = encode  # type: ignore[method-assign]
    if len(held) > known:
        part = file.with_suffix(".part")
        part.write_bytes(pickle.dumps(held))
        part.replace(file)


class _Compiled(BytecodeCache):
    """Compiled templates, in memory; Jinja compares the source."""

    def __init__(self) -> None:
        self._held: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give a template's code, if it was compiled before."""
        if bucket.key in self._held:
            bucket.bytecode_from_string(self._held[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a template's code."""
        self._held[bucket.key] = bucket.bytecode_to_string()


def _built_once() -> Callable[..., Any]:
    """Return what makes the function that builds a rule's addresses, once for equal rules: Werkzeug
    compiles one for each of some 120 rules, twice, whenever a site is made.
    """
    compiled, held = Rule._compile_builder, dict[object, Any]()

    def build(self: Rule, append_unknown: bool = True) -> Any:
        key = self.rule, tuple(self._trace), repr(self.defaults), append_unknown
        if key not in held:
            held[key] = compiled(self, append_unknown)
        return held[key]

    return build
