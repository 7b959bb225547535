"""Which library is known to whom (docs/architecture.md), read from every module's syntax tree."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.structure import modules
from tests.architecture.syntax import SQL, clock_readings, libraries

ROOT = Path(__file__).resolve().parents[2]
MODULES = modules(ROOT)

# The index of record is written by keyword; these read it, or share Whoosh's word lists with it.
WHOOSH = {
    "search.index.keyword", "search.index.opened", "search.index.postings",
    "search.ranking.conditions", "search.text.analysis",
}  # fmt: skip
HEAVY = {"sentence_transformers", "torch", "transformers", "onnxruntime", "onnx"}
# What starts the product, and so builds it.
ROOTS = {"kb.app", "kb.cli", "kb.scheduler", "kb.server", "kb.services"}


def offenders(wanted: set[str], allowed: set[str], *, top_level: bool = False) -> dict[str, set]:
    """Return the modules outside `allowed` (modules or packages) that import any of the wanted."""
    return {
        name: found
        for name, module in MODULES.items()
        if not any(f"{name}.".startswith(f"{place}.") for place in allowed)
        and (found := libraries(module.tree, wanted, top_level=top_level))
    }


def stores() -> set[str]:
    """Return the modules that may speak SQL by their file's name."""
    return {name for name, module in MODULES.items() if module.file.stem.split("_")[-1] == "store"}


def test_the_walk_sees_every_package() -> None:
    assert len(MODULES) > 100
    assert set(MODULES) >= WHOOSH | ROOTS, "a module was renamed: rename it here too"


def test_the_search_engine_imports_nothing_of_the_site() -> None:
    assert not {name for name in offenders({"kb"}, {"kb"}) if name.split(".")[0] == "search"}


def test_articles_know_no_page_no_database_and_no_search_engine() -> None:
    for name, module in MODULES.items():
        if name.startswith("kb.content"):
            assert not libraries(module.tree, {"flask", "werkzeug", *SQL, "whoosh"}), name
            known = {n for n in MODULES if n.startswith("search.")} - {"search.types"}
            assert not libraries(module.tree, known), name


def test_sql_is_spoken_by_stores_alone() -> None:
    allowed = {"kb.database", "kb.schema", "kb.migrations", "kb.leases", "kb.notifications.outbox"}
    assert offenders(SQL, allowed | stores()) == {}


def test_flask_is_known_to_the_web_alone() -> None:
    assert offenders({"flask", "werkzeug"}, {"kb.app", "kb.web"}) == {}


def test_whoosh_stays_behind_the_index() -> None:
    assert offenders({"whoosh"}, WHOOSH) == {}


def test_sentence_transformers_is_imported_by_the_encoder_alone() -> None:
    assert offenders({"sentence_transformers"}, {"search.semantic.encoder"}) == {}


def test_no_heavy_library_is_imported_before_it_is_needed() -> None:
    assert offenders(HEAVY, set(), top_level=True) == {}


def test_the_servers_are_known_to_what_serves_alone() -> None:
    assert offenders({"gunicorn", "waitress"}, {"kb.server"}) == {}


def test_the_clock_is_read_at_the_edges_only() -> None:
    """Commands, the worker and the guard of requests read it; everything else is told."""
    readers = {name for name, module in MODULES.items() if list(clock_readings(module.tree))}
    assert {n for n in readers if not n.startswith("kb.cli.")} <= {"kb.scheduler", "kb.web.guard"}


def test_only_the_composition_roots_build_the_product() -> None:
    """`kb.web` may name the type that services hands out, and only its guard does."""
    assert offenders({"kb.services"}, ROOTS | {"kb.web.guard"}) == {}


def test_no_part_of_the_site_runs_the_authors_checks() -> None:
    assert offenders({"kb.authoring.check"}, {"kb.authoring", "kb.cli"}) == {}


def test_the_site_package_is_empty_so_that_importing_it_does_nothing() -> None:
    assert (ROOT / "kb" / "__init__.py").read_text() == ""


def test_importing_the_site_loads_no_model() -> None:
    code = (
        "import sys, kb.app, kb.scheduler, kb.cli.main, search.engine;"
        f"print(sorted(set(sys.modules) & {HEAVY!r}))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert told.stdout.strip() == "[]"
