"""The secret that signs sessions and pseudonyms, where no setting names one.

Promises one secret a data folder, made once, readable by its owner alone. Knows no setting.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from kb.errors import ConfigError


def kept_secret(file: Path) -> str:
    """Return the secret kept in the data folder, made on the first call."""
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
