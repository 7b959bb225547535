"""The data folder: its files are readable by their owner alone, and it holds the site's secret.

Permissions that an older version left too wide are narrowed, and that is logged once. Files of
other users are left alone. The secret is made once per data folder.
"""

from __future__ import annotations

import logging
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kb.errors import ConfigError, StoreError

# -- File permissions --


log = logging.getLogger(__name__)

OTHERS = 0o077  # what group and others may do


def keep_new_files_private() -> None:
    """Restrict every file and folder that this process and its children create to its owner."""
    os.umask(OTHERS)


def keep_temporary_files(data: Path) -> None:
    """Have this process and its children keep temporary files in the data folder: they may hold
    what people typed, and no other folder need be writable. Raise StoreError when that is
    impossible.
    """
    folder = (data / "tmp").absolute()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as problem:
        raise StoreError(
            f"The data folder {data} cannot be written to: {problem.strerror}.",
            "Give this user the right to write there, or set KB_DATA to another folder.",
        ) from None
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = None  # determined again on the next use


def _home() -> Path | None:
    """Return this user's home folder, None where there is none."""
    try:
        return Path.home().resolve()
    except RuntimeError:
        return None


def keep_private(data: Path) -> None:
    """Restrict the data folder to its owner: new files, and those that are there already."""
    keep_new_files_private()
    if not data.is_dir():
        return
    if (data / ".git").exists() or data.resolve() in {Path("/"), _home()}:
        log.warning("the data folder %s holds other things too; give KB_DATA its own folder", data)
        return
    narrowed, foreign = 0, 0
    for path in _all(data):
        try:
            state = path.lstat()
            if not state.st_mode & OTHERS or not _is_file_or_folder(state.st_mode):
                continue
            if state.st_uid != os.geteuid():
                foreign += 1
                continue
            path.chmod(stat.S_IMODE(state.st_mode) & ~OTHERS)
            narrowed += 1
        except FileNotFoundError:  # removed meanwhile by a publish or the worker
            continue
        except OSError:
            foreign += 1
    if narrowed:
        log.info("%d files and folders in %s are now their owner's alone", narrowed, data)
    if foreign:
        log.warning(
            "%d files and folders in %s can be read by others and belong to another user; "
            "make them readable by their owner alone",
            foreign,
            data,
        )


def _is_file_or_folder(mode: int) -> bool:
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def _all(data: Path) -> Iterator[Path]:
    """Yield the folder and everything in it; follow no link inside it."""
    yield data.resolve()
    for folder, folders, files in os.walk(data):
        for name in (*folders, *files):
            yield Path(folder, name)


# -- The secret key --


def kept_secret(file: Path) -> str:
    """Return the data folder's secret, made on the first call. It signs sessions and pseudonyms
    where no setting names one.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as new:
            new.write(secrets.token_urlsafe(48))
    except FileExistsError:
        pass
    except OSError as problem:
        raise _unwritable(file.parent, problem) from None
    try:
        kept = file.read_text(encoding="utf-8").strip()
    except OSError as problem:
        raise _unwritable(file.parent, problem) from None
    if len(kept) < 32:
        raise ConfigError(f"{file} is damaged.", "Delete it; a new one signs everybody out.")
    return kept


def _unwritable(folder: Path, problem: OSError) -> ConfigError:
    return ConfigError(
        f"The data folder {folder} cannot be used: {problem.strerror}.",
        "Give this user the right to write there, or set KB_DATA to another folder.",
    )
