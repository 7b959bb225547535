"""Runs every measurement that the docs quote, one after the other (`make bench`).

    python -m benchmarks [NAME ...]

Each prints its figures with the command that runs it alone. Judged sets are read from
../shared/data beside the checkout; a measurement whose set is absent is skipped with a message.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
SCALE = DATA / "scale_servicenow_10k"
COMPARED = ("rel_links_arduino", "rel_stackfaq_threads", SCALE.name)
SETS = ("rel_links_arduino", "rel_stackfaq_threads", "oos_clinc150_val")

MEASUREMENTS: dict[str, list[list[str]]] = {
    "starting": [["benchmarks.starting"]],
    "quality": [["search.evaluate", str(DATA / name)] for name in SETS],
    "equality": [
        ["benchmarks.equality", str(DATA / "rel_stackfaq")],
        ["benchmarks.equality", str(DATA / "scale_servicenow_10k")],
    ],
    "changing": [["benchmarks.changing", str(DATA / "scale_servicenow_10k")]],
    "switching": [["benchmarks.switching"]],
    "typos": [["benchmarks.search_typos", str(DATA / "rel_links_arduino")]],
    "spelling": [["benchmarks.search_spelling"]],
    "adversarial": [["benchmarks.adversarial", str(DATA / "scale_servicenow_10k")]],
    "suggesting": [["benchmarks.suggesting", str(DATA / "scale_servicenow_10k")]],
    "snippets": [["benchmarks.snippets"]],
    "previewing": [["benchmarks.previewing"]],
    "redaction": [["benchmarks.redaction"]],
    "bounds": [["benchmarks.bounds"]],
    "publishing": [
        ["benchmarks.publishing", str(ROOT / "articles")],
        ["benchmarks.publishing", str(DATA / "kb_logingov" / "content")],
        ["benchmarks.publishing", str(DATA / "kb_alchemy_es")],
    ],
    "reading": [
        ["benchmarks.reading", str(DATA / "kb_logingov" / "content")],
        ["benchmarks.reading", str(DATA / "kb_alchemy_es")],
    ],
    "checking": [["benchmarks.checking", str(ROOT / "articles")]],
    "engines": [["benchmarks.engines", str(DATA / name)] for name in COMPARED],
    "growth": [["benchmarks.growth", "--set", str(SCALE)]],
    "gaps": [
        ["benchmarks.gaps", "meaning", str(DATA / "int_banking77")],
        ["benchmarks.gaps", "identity", str(DATA / "int_banking77")],
        ["benchmarks.gaps", "size", str(DATA / "int_banking77")],
    ],
    "diagnosing": [["benchmarks.diagnosing"]],
    "deflection": [
        ["benchmarks.deflection"],
        ["benchmarks.deflection_site"],
        ["benchmarks.looking"],
    ],
    "killing": [["benchmarks.killing"]],
    "pages": [
        ["benchmarks.pages"],
        ["benchmarks.pages", "--from-many"],
        ["benchmarks.pages", "--from-many", "--fresh"],
        ["benchmarks.pages", "--database=postgresql"],
    ],
    "damage": [["benchmarks.damage"]],
    "holding": [["benchmarks.holding"]],
    "pushing": [["benchmarks.pushing"]],
    "replaying": [["benchmarks.replaying"]],
    "tickets": [["benchmarks.tickets_report"]],
    "structure": [["benchmarks.structure"]],
}


def main() -> int:
    """Run the named measurements, or all; return 1 when one failed."""
    names = sys.argv[1:] or list(MEASUREMENTS)
    if unknown := [name for name in names if name not in MEASUREMENTS]:
        print(f"No measurement {', '.join(unknown)}. There are: {', '.join(MEASUREMENTS)}.")
        return 2
    return max([run(command) for name in names for command in MEASUREMENTS[name]])


def run(command: list[str]) -> int:
    """Run one measurement and return its exit status; 0 when its data is absent."""
    shown = ["python", "-m", *(part.replace(f"{ROOT.parent}/", "../") for part in command)]
    print(f"\n$ {' '.join(shown)}", flush=True)
    data = [part for part in command if part.startswith("/")]
    if not all(Path(part).exists() for part in data):
        print("left out: the data is not beside this checkout")
        return 0
    return subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
