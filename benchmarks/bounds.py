"""How time grows with what somebody typed, imported or signed: `python -m benchmarks.bounds`.

Gives each function that reads such text inputs that are made to take long, of 10,000, 20,000 and
40,000 characters. Prints processor time in milliseconds and its growth at the last doubling.
Returns 1 when one that took 50 ms or more grew more than three times: linear is two, quadratic
four. `--only NUMBER SIZE` runs one and prints nothing, for callers that limit it from outside.
"""

from __future__ import annotations

import sys
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import process_time

from kb.accounts.passwords import hashed
from kb.accounts.store import looked_up, normal_email
from kb.analytics.external_tickets.csv_files import normal
from kb.authoring.importer.pages import ExportKind, Tree
from kb.authoring.importer.service import Import
from kb.connectors.files import masked
from kb.content.markdown.dialects import plain_markdown
from kb.errors import InvalidInput, ProductError
from kb.redaction.redactor import redact, redactor
from kb.tracking.query_text import words_key
from kb.tracking.user_agents import device_of, is_robot
from kb.web.filters import linked
from search.text.pasted import bounded
from search.text.tokens import normal as normal_text

SIZES = (10_000, 20_000, 40_000)
LEAST_MS, MOST_GROWTH = 50.0, 3.0
ENDS = {"digits": "a", "particles": "x", "blanks": "x"}
STARTS = {"digits": "dni: ", "particles": "calle ", "blanks": "calle A", "coded": "pass AA"}
REDACTED = {
    "digits": "1", "particles": "de la ", "blanks": " ", "coded": "_", "tokens": "eyJ",
    "tokens apart": "eyJ-", "keys": "AKIA", "names": "a_", "quotes": "password=“", "before": "“a ",
    "assigned": "token", "avenues": "Av.", "this is": "this is Ab Cd, ", "addresses": "a@",
    "escaped": "a%40a.1", "spoken": "a at b dot ", "urls": "://a:", "words": "Ab ", "dots": ".1",
    "passwords": "password ", "numbers": "1 ", "dashes": "1-", "ibans": "DE89 ", "heads": "a <",
    "headers": "basic ", "keys begun": "-----BEGIN ", "secrets": "secret.",
}  # fmt: skip
MARKS = "\u0301\u0323"  # out of order, so that they have to be sorted
Case = tuple[str, Callable[[int], object]]


def _typed(act: Callable[[str], object], unit: str, start: str = "", end: str = "") -> Case:
    name = f"{getattr(act, '__name__', 'own patterns')} {unit[:12]!r}"

    def run(size: int) -> None:
        with suppress(ProductError, InvalidInput):
            act(start + unit * (size // len(unit)) + end)

    return name, run


def _export(size: int) -> None:
    """Import a zip of many files, one page of which links to them all."""
    count = size // 10
    links = "".join(f'<a href="article_attachments/{n}/x.txt">l</a>' for n in range(count))
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, "export.zip")
        with zipfile.ZipFile(archive, "w") as made:
            made.writestr("page.html", f"<html><body><h1>Links</h1>{links}</body></html>")
            for number in range(count):
                made.writestr(f"files/{number}.bin", b"")
        Import(Tree(archive), Path(folder, "out"), "en", force=False).run(ExportKind.HTML)


def cases() -> list[Case]:
    """Return each function and input, by name."""
    own = redactor([r"(a+)+b", r"(?:x|x)*y"])
    found = [
        _typed(redact, unit, STARTS.get(name, ""), ENDS.get(name, ""))
        for name, unit in REDACTED.items()
    ]
    found += [_typed(own, "a"), _typed(own, "x")]
    found += [_typed(act, MARKS) for act in (looked_up, normal_email, hashed, words_key)]
    found += [_typed(act, MARKS) for act in (normal, normal_text, bounded)]
    found += [_typed(linked, unit) for unit in ("http://a.com/a?", "http://a(", "a@", "www.a.")]
    agent = "Mozilla/5.0 "
    found += [_typed(device_of, "Android"), _typed(is_robot, "Android 1;a", agent)]
    found += [_typed(plain_markdown, "<!-- a\n", "", "-->"), _typed(plain_markdown, "<!-- a\n")]
    found += [_typed(masked, unit) for unit in ("/a", "=", "#a1", "://")]
    return [*found, ("export of many files", _export)]


def main() -> int:
    """Print the table."""
    if sys.argv[1:2] == ["--only"]:
        cases()[int(sys.argv[2])][1](int(sys.argv[3]))
        return 0
    worst = 0
    for name, run in cases():
        times = []
        for size in SIZES:
            began = process_time()
            run(size)
            times.append(1000 * (process_time() - began))
        growth = times[-1] / max(times[-2], 0.1)
        bad = times[-1] >= LEAST_MS and growth > MOST_GROWTH
        worst |= bad
        shown = "".join(f"{time:10.1f}" for time in times)
        print(f"{name:<34}{shown}   x{growth:.1f}{'  more than linear' if bad else ''}")
    return int(worst)


if __name__ == "__main__":
    sys.exit(main())
