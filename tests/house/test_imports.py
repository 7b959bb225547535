"""Who may import whom (docs/architecture.md), read from every module's syntax tree."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Modules that decide from what they are given: no file, network, database, clock or thread.
RULES = {
    "kb.demo.agenda",
    "kb.tickets.model",
    "kb.tickets.forms",
    "kb.links",
    "kb.tickets.deduplication",
    "kb.tickets.transitions",
    "kb.config.tiers",
    "kb.reports.digest.content",
    "kb.analytics.figures",
    "kb.authoring.tasks",
    "kb.content.frontmatter.editing",
    "kb.gaps.answers.model",
    "kb.gaps.answers.rules",
    "kb.gaps.anonymity",
    "kb.gaps.impact",
    "kb.gaps.model",
    "kb.gaps.clustering",
    "kb.gaps.diagnosis",
    "kb.gaps.knowledge_cycle",
    "kb.analytics.statistics.proportions",
    "kb.analytics.article_metrics",
    "kb.analytics.deflection",
    "kb.analytics.search_metrics",
    "kb.analytics.ticket_definitions",
    "kb.analytics.definitions",
    "kb.analytics.model",
    "kb.analytics.daily_counts",
    "kb.analytics.episodes",
    "kb.reports.tables.deflection",
    "kb.reports.tables.figures",
    "kb.reports.tables.searches",
    "kb.table",
    "kb.tracking.user_agents",
    "kb.analytics.statistics.holdout",
    "kb.analytics.statistics.survey",
    "kb.analytics.statistics.survival",
    "kb.analytics.ticket_metrics",
    "kb.analytics.failures",
    "kb.analytics.outcomes",
    "kb.analytics.external_tickets.csv_files",
    "kb.analytics.external_tickets.reading",
    "kb.tracking.experiments",
    "kb.analytics.report",
    "kb.tracking.query_text",
    "kb.reports.model",
    "kb.accounts.sign_in_delays",
    "kb.redaction.numbers",
    "kb.content.sources.combined",
    "kb.redaction.secrets",
    "kb.redaction.people",
    "kb.redaction.rule",
    "kb.accounts.roles",
    "kb.privacy.model",
    "kb.content.frontmatter.parsing",
    "kb.content.difference",
    "kb.content.frontmatter.fields",
    "kb.content.frontmatter.metadata",
    "kb.content.paths",
    "kb.content.html.rewrite",
    "kb.content.html.sanitise",
    "kb.content.lint.catalogue",
    "kb.content.lint.page_rules",
    "kb.content.lint.locating",
    "kb.content.lint.page",
    "kb.content.lint.fixing",
    "kb.content.lint.library_rules",
    "kb.authoring.check_output",
    "kb.content.lint.private_data",
    "search.text.analysis",
    "search.ranking.confidence",
    "search.ranking.fusion",
    "search.evaluation.measures",
    "search.ranking.snippets",
    "search.text.tokens",
    "search.types",
}
EFFECTS = {
    "aiohttp", "asyncio", "ctypes", "fcntl", "ftplib", "http", "io", "logging", "multiprocessing",
    "os", "pathlib", "random", "requests", "secrets", "select", "shutil", "signal", "smtplib",
    "socket", "sqlite3", "ssl", "subprocess", "sys", "tempfile", "threading", "time",
    "urllib.request", "uuid",
}  # fmt: skip
# CSV is written into memory (io.StringIO), and uuid5 is a hash of its argument.
HARMLESS = {
    ("kb.analytics.external_tickets.csv_files", "io"), ("kb.table", "io"),
    ("kb.tickets.deduplication", "uuid"), ("kb.authoring.reminders", "uuid"),
}  # fmt: skip
CLOCKS = {"now", "utcnow", "today"}
SQL = {"sqlalchemy", "alembic", "psycopg", "sqlite3"}
# The index of record is written by keyword; these read it, or share Whoosh's word lists with it.
WHOOSH = {
    "search.index.keyword",
    "search.ranking.conditions",
    "search.index.postings",
    "search.index.opened",
    "search.text.analysis",
}
HEAVY = {"sentence_transformers", "torch", "transformers", "onnxruntime", "onnx"}
ROOTS = {
    "kb.app", "kb.cli.preview", "kb.cli", "kb.cli.tickets",
    "kb.cli.report", "kb.cli.demo",
    "kb.cli.previews", "kb.server.run",
    "kb.services", "kb.scheduler",
}  # fmt: skip


@dataclass(frozen=True)
class Module:
    """One source file: its dotted name and its syntax."""

    name: str
    file: Path
    tree: ast.Module

    def imports(self, *, top_level: bool = False) -> set[str]:
        """Return what it imports, `from a import b` as both a and a.b."""
        nodes = self._unindented() if top_level else ast.walk(self.tree)
        return {name for node in nodes for name in _names(node)}

    def _unindented(self) -> Iterator[ast.AST]:
        """Give the statements that run on import: all but the bodies of functions."""
        waiting: list[ast.AST] = list(self.tree.body)
        while waiting:
            node = waiting.pop()
            yield node
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                continue
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                waiting += ast.iter_child_nodes(node)


def _names(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute here"
        whole = node.module or ""
        return {whole} | {f"{whole}.{alias.name}" for alias in node.names}
    return set()


def _module(file: Path) -> Module:
    parts = file.relative_to(ROOT).with_suffix("").parts
    dotted = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Module(dotted, file, ast.parse(file.read_text(encoding="utf-8"), str(file)))


MODULES = [_module(f) for part in ("kb", "search") for f in sorted((ROOT / part).rglob("*.py"))]


def _of(module: Module, libraries: set[str], *, top_level: bool = False) -> set[str]:
    """Return which of the libraries it imports, themselves or a part of them."""
    found = module.imports(top_level=top_level)
    return {lib for lib in libraries if any(f"{name}.".startswith(f"{lib}.") for name in found)}


def offenders(libraries: set[str], allowed: set[str], *, top_level: bool = False) -> dict[str, set]:
    """Return the modules outside `allowed` (names, or packages ending in a dot) that import any."""
    return {
        module.name: found
        for module in MODULES
        if not any(f"{module.name}.".startswith(f"{name.rstrip('.')}.") for name in allowed)
        and (found := _of(module, libraries, top_level=top_level))
    }


def stores() -> set[str]:
    """Return the modules that may speak SQL by their file's name."""
    named = {module.name for module in MODULES if module.file.stem.split("_")[-1] == "store"}
    return named | {"kb.leases", "kb.notifications.outbox"}


def test_the_walk_sees_every_package() -> None:
    assert len(MODULES) > 100
    known = {module.name for module in MODULES}
    assert known >= RULES | WHOOSH | ROOTS, "a module was renamed: rename it here too"


def test_the_search_engine_imports_nothing_of_the_site() -> None:
    found = {m.name: _of(m, {"kb"}) for m in MODULES if m.name.split(".")[0] == "search"}
    assert not {name for name, bad in found.items() if bad}


def test_articles_know_no_page_no_database_and_no_search_engine() -> None:
    allowed = {"search", "search.types"}
    for module in MODULES:
        if not module.name.startswith("kb.content"):
            continue
        assert not _of(module, {"flask", "werkzeug", *SQL, "whoosh"}), module.name
        searching = {n for n in module.imports() if n.split(".")[0] == "search"}
        beyond = {n for n in searching - allowed if not n.startswith("search.types.")}
        assert not beyond, f"{module.name} imports {beyond}"


def test_sql_is_spoken_by_stores_alone() -> None:
    assert offenders(SQL, {"kb.database", "kb.schema", "kb.migrations", *stores()}) == {}


def test_flask_is_known_to_the_web_alone() -> None:
    assert offenders({"flask", "werkzeug"}, {"kb.app", "kb.web"}) == {}


def test_whoosh_stays_behind_the_index() -> None:
    assert offenders({"whoosh"}, WHOOSH) == {}


def test_sentence_transformers_is_imported_by_the_encoder_alone() -> None:
    assert offenders({"sentence_transformers"}, {"search.semantic.encoder"}) == {}


def test_no_heavy_library_is_imported_before_it_is_needed() -> None:
    assert offenders(HEAVY, set(), top_level=True) == {}


def test_the_servers_are_known_to_what_serves_alone() -> None:
    assert offenders({"gunicorn"}, {"kb.server.run", "kb.server.gunicorn_worker"}) == {}
    assert offenders({"waitress"}, {"kb.server.gunicorn_worker", "kb.server.startup_page"}) == {}


@pytest.mark.parametrize("name", sorted(RULES))
def test_rules_have_no_effects_and_no_clock(name: str) -> None:
    module = next(m for m in MODULES if m.name == name)
    effects = _of(module, EFFECTS | SQL | {"flask", "kb.database", "kb.schema", "whoosh.index"})
    assert not {each for each in effects if (name, each) not in HARMLESS}
    assert not _of(module, stores())
    assert not list(_clock_readings(module)), "the time is passed in as `now`"
    assert not list(_openings(module))


def _clock_readings(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value)
            if node.func.attr in CLOCKS and owner.split(".")[-1] in {"datetime", "date"}:
                yield ast.unparse(node)


def _openings(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "open"
        ):
            yield ast.unparse(node)


def test_the_clock_is_read_at_the_edges_only() -> None:
    """Commands, the worker and the guard of requests read it; everything else is told."""
    readers = {module.name for module in MODULES if list(_clock_readings(module))}
    commands = {"kb.cli.main", "kb.cli.check", "kb.cli.authoring", "kb.cli.user"}
    commands |= {"kb.cli.previews"}
    commands |= {"kb.cli.privacy"}
    commands |= {"kb.cli.tickets", "kb.cli.report"}
    commands |= {"kb.cli.report"}
    commands |= {"kb.cli.tickets", "kb.cli.demo"}
    assert readers <= commands | {"kb.cli.publish", "kb.scheduler", "kb.web.guard"}


def test_only_the_composition_roots_build_the_product() -> None:
    """`kb.web` may name the type that wiring hands out, and only its guard does."""
    assert offenders({"kb.services"}, ROOTS | {"kb.web.guard"}) == {}
    assert offenders({"kb.app", "kb.cli", "kb.scheduler", "kb.server.run"}, ROOTS) == {}


def test_nothing_below_the_web_imports_it() -> None:
    assert offenders({"kb.web"}, {"kb.web", "kb.app"}) == {}


def test_the_record_and_the_reports_know_no_desk() -> None:
    for module in MODULES:
        if module.name.startswith(("kb.analytics", "kb.content", "kb.tracking", "kb.people")):
            assert not _of(module, {"kb.desk"}), f"{module.name} imports kb.desk"


def test_no_part_of_the_site_runs_the_authors_checks() -> None:
    checks = {"kb.cli.check", "kb.authoring.check"}
    assert offenders(checks, {"kb.authoring", "kb.cli"}) == {}


def test_the_site_package_is_empty_so_that_importing_it_does_nothing() -> None:
    assert (ROOT / "kb" / "__init__.py").read_text() == ""


def test_importing_the_site_loads_no_model() -> None:
    import subprocess

    code = (
        "import sys, kb.app, kb.scheduler, kb.cli, search.engine;"
        f"print(sorted(set(sys.modules) & {HEAVY!r}))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert told.stdout.strip() == "[]"
