"""The mark of a data folder that holds a demonstration, and the settings of such a site.

A marked folder stays marked for as long as it exists. A site over it reads no other database,
fetches nothing and sends no email, whatever else is set.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from kb.config.tiers import Tier
from kb.errors import StoreError

FILE = "demonstration.json"
SAYS = "Demonstration: made-up data, nothing here happened"
HOLDOUT, SURVEY = 30, 30  # per cent: larger than usual, so that a month shows an effect
# Made up as well: only an organisation knows what its tickets cost.
TIERS = (
    Tier(0, "Self-service", "the reader, with this site"),
    Tier(1, "First line", "service desk agents", timedelta(minutes=30), 14.0),
    Tier(2, "Technicians", "support technicians", None, 46.0),
    Tier(3, "Experts", "engineers of the product", None, 95.0),
    Tier(4, "Vendors", "outside suppliers", None, 210.0),
)


@dataclass(frozen=True, slots=True)
class DemoMark:
    """How the folder was filled: `made` is when, ISO 8601; `whole` is False while it is being
    filled and after an interruption. `outage` and `release` are days of the quarter, ISO 8601.
    """

    made: str
    seed: int
    days: int
    outage: str = ""
    release: str = ""
    whole: bool = False


def is_demonstration(data: Path) -> bool:
    """Return whether the data folder holds a demonstration, finished or not."""
    return (data / FILE).is_file()


def read(data: Path) -> DemoMark | None:
    """Return the folder's mark; None where there is none or writing it was interrupted."""
    try:
        return DemoMark(**json.loads((data / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write(data: Path, mark: DemoMark) -> None:
    """Mark the folder, before anything else is put there."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        (data / FILE).write_text(json.dumps(asdict(mark), indent=2) + "\n", encoding="utf-8")
    except OSError as problem:
        raise StoreError(
            f"The folder {data} cannot be written: {problem.strerror}.",
            "Name another: kb demo --folder path/to/demo",
        ) from None


def settings_of(data: Path) -> Mapping[str, Any]:
    """Return the settings that override all others in a marked folder: its own articles and
    database, no mail server, and the shares that its quarter was made with.
    """
    return {
        "articles": data / "articles",
        "articles_ref": "HEAD",
        "articles_remote": "",
        "articles_path": "",
        "repositories": (),
        "webhook_secret": "",
        "database_url": "",
        "mail_url": "",
        "author_mail": False,
        "review_reminders": False,
        "retention": timedelta(days=180),
        "holdout_share": HOLDOUT,
        "survey_share": SURVEY,
        "tiers": TIERS,
    }
