"""Documents made from what the code declares: `make docs` writes them anew.

A test compares every file with what is made here.
"""

from __future__ import annotations

import re
import tempfile
import textwrap
from collections.abc import Callable
from pathlib import Path

from flask import Flask

from kb.analytics.definitions import FAILURES
from kb.app import create_app
from kb.config.settings import ROWS, Setting, load, shown
from kb.content.frontmatter.fields import schema_text

ROOT = Path(__file__).resolve().parents[2]


def setting_row(row: Setting) -> str:
    """Return a setting's line in docs/settings.md."""
    ((_, default),) = [pair for pair in shown(load({})) if pair[0] is row]
    written = f"`{default}`" if default else "(empty)"
    return f"| `{row.name}` | {written} | {row.help} |"


def settings_page(page: str) -> str:
    """Return docs/settings.md with the table of settings."""
    lines = page.splitlines()
    places = [number for number, line in enumerate(lines) if line.startswith("| `")]
    lines[places[0] : places[-1] + 1] = [setting_row(row) for row in ROWS]
    restart = ", ".join(f"`{row.name}`" for row in ROWS if row.restart).rpartition(", ")
    names = f"{restart[0]} and {restart[2]}"
    text = "\n".join(lines) + "\n"
    return re.sub(r"^`.*(?= need a restart)", lambda _: names, text, flags=re.MULTILINE)


def metrics_page(page: str) -> str:
    """Return docs/metrics.md with the classes of failed searches."""
    told = "".join(
        f"### {row.name}\n\n{textwrap.fill(row.meaning, 99)}\n\n"
        f"- Numerator: {row.numerator}\n- Denominator: {row.denominator}\n\n"
        for row in FAILURES
    )
    first, following = f"### {FAILURES[0].name}\n", "## Figures\n"
    before, rest = page.split(first, 1)
    return before + told + following + rest.split(following, 1)[1]


def schema_page(_: str) -> str:
    """Return docs/front-matter.schema.json."""
    return schema_text()


def routes(app: Flask) -> list[str]:
    """Return one line a route: rule, methods, endpoint, permission, rate limit."""
    lines = []
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        methods = ",".join(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}))
        permission = getattr(view, "permission", "static" if rule.endpoint == "static" else "NONE")
        limit = getattr(view, "limit", "") or "-"
        lines.append(f"{rule.rule:<34} {methods:<9} {rule.endpoint:<24} {permission:<13} {limit}")
    return sorted(line.rstrip() for line in lines)


def routes_page(_: str) -> str:
    """Return tests/architecture/routes.txt, by which no route appears or vanishes unnoticed."""
    with tempfile.TemporaryDirectory() as folder:
        return "\n".join(routes(create_app(load({}, data=folder)))) + "\n"


PAGES: dict[str, Callable[[str], str]] = {
    "docs/settings.md": settings_page,
    "docs/metrics.md": metrics_page,
    "docs/front-matter.schema.json": schema_page,
    "tests/architecture/routes.txt": routes_page,
}


def main() -> None:
    """Write every page anew."""
    for name, make in PAGES.items():
        file = ROOT / name
        before = file.read_text(encoding="utf-8")
        after = make(before)
        if after != before:
            file.write_text(after, encoding="utf-8")
        print(f"{name}: {'written' if after != before else 'as it was'}")


if __name__ == "__main__":
    main()
