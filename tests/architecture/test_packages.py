"""The order of packages, and rules that stay free of effects (docs/architecture.md)."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.structure import FLAT, Module, circles, imports, measured, modules, top
from tests.architecture.syntax import EFFECTS, SQL, clock_readings, libraries, openings

ROOT = Path(__file__).resolve().parents[2]
MODULES = modules(ROOT)

# From what starts the product down to what everything else may use: a package imports packages of
# its own line and of the lines below, never of those above.
ORDER = (
    ("cli", "server"),
    ("app",),
    ("web",),
    ("scheduler",),
    ("services",),
    ("demo",),
    ("privacy",),
    ("authoring",),
    ("reports",),
    ("gaps",),
    ("tickets",),
    ("health",),
    ("notifications",),
    ("connectors",),
    ("links",),
    ("analytics",),
    ("searches",),
    ("publishing",),
    ("tracking",),
    ("access",),
    ("table", "workbook"),
    ("accounts",),
    ("content",),
    ("redaction",),
    ("search",),
    ("leases",),
    ("schema", "migrations"),
    ("database",),
    ("progress",),
    ("config", "data_folder"),
    ("logs", "proxies"),
    ("errors",),
)
LINE = {name: number for number, names in enumerate(ORDER) for name in names}

# Packages whose modules decide from what they are given: no file, network, database, clock or
# thread. The time is passed in as `now`.
PURE = (
    "kb.access",
    "kb.analytics",
    "kb.content",
    "kb.gaps",
    "kb.privacy.model",
    "kb.redaction",
    "kb.reports.model",
    "kb.reports.tables",
    "kb.table",
    "kb.tickets",
    "kb.tracking.experiments",
    "kb.tracking.query_text",
    "kb.tracking.user_agents",
    "kb.accounts.roles",
    "kb.accounts.sign_in_delays",
    "search.evaluation.measures",
    "search.ranking",
    "search.text",
    "search.types",
)
# Files of these names have effects wherever they lie.
EFFECTIVE = ("service", "store", "jobs")
# Others in the packages above that have effects, each with what for.
WITH_EFFECTS = {
    "kb.analytics.solved_queries": "keeps them in a file that web processes read",
    "kb.content.history": "remembers versions in memory, under a lock",
    "kb.content.rendering_pool": "starts and ends processes",
    "kb.content.rendering_worker": "is such a process",
    "kb.content.sources": "reads Git and folders",
    "kb.gaps.answers.live": "reads what is live from the database and the data folder",
    "kb.gaps.fixes": "reads the answers that it proposes as tests",
    "kb.gaps.subscriptions.notices": "writes e-mails into the outbox",
    "kb.gaps.unpublished": "builds an index of unpublished articles",
    "kb.redaction.redactor": "logs a pattern that took too long",
    "kb.tickets.creation": "draws the secret of a private link",
    "kb.tickets.escalation": "escalates tickets in the database",
    "kb.tickets.journey": "reads the event log",
    "kb.tickets.notices": "writes e-mails into the outbox",
    "kb.tickets.offers": "reads and writes offers",
    "kb.tickets.policies": "opens tickets in the database",
    "kb.tickets.private_links": "writes e-mails into the outbox",
    "kb.tickets.sending": "writes e-mails into the outbox",
    "search.ranking.calibration": "reads the texts that nothing answers",
    "search.ranking.conditions": "asks the Whoosh index",
}
# CSV is written into memory (io.StringIO), images are read from memory (io.BytesIO), and uuid5 is a
# hash of its argument.
HARMLESS = {
    ("kb.analytics.external_tickets.csv_files", "io"),
    ("kb.content.media", "io"),
    ("kb.table", "io"),
    ("kb.tickets.deduplication", "uuid"),
}


def package(name: str) -> str:
    """Return the part of a module's name that ORDER knows."""
    return top(name).removeprefix("kb.")


def below(name: str, places: tuple[str, ...]) -> bool:
    """Say whether a module is one of the places or lies in one."""
    return any(f"{name}.".startswith(f"{place}.") for place in places)


def is_effective(module: Module) -> bool:
    """Say whether a module's place says that it reads or writes."""
    stem = module.file.stem
    by_name = any(stem == word or stem.endswith(f"_{word}") for word in EFFECTIVE)
    return by_name or below(module.name, tuple(WITH_EFFECTS))


@pytest.fixture(scope="module")
def figures() -> dict[str, object]:
    """Return what is measured of this checkout."""
    return measured(ROOT)


RULES = sorted(
    name for name, module in MODULES.items() if below(name, PURE) and not is_effective(module)
)


def test_every_package_has_its_place() -> None:
    known = {package(name) for name in MODULES} - {"kb"}
    assert known == set(LINE)


@pytest.mark.parametrize("name", sorted(MODULES))
def test_imports_run_down_the_order(name: str) -> None:
    if name == "kb":
        return
    upward = {
        other
        for other in imports(MODULES[name], MODULES)
        if package(other) in LINE and LINE[package(other)] < LINE[package(name)]
    }
    assert not upward, f"{name} imports {sorted(upward)}, which stand above it"


def test_no_package_and_no_module_is_in_a_circle(figures: dict[str, object]) -> None:
    needs = {n: imports(m, MODULES, inside=False) for n, m in MODULES.items()}
    assert circles(needs) == []
    assert figures["circles of packages"] == 0


def test_no_package_holds_more_than_a_page_of_modules(figures: dict[str, object]) -> None:
    assert figures[f"packages of more than {FLAT}"] == 0


def test_a_name_is_one_class(figures: dict[str, object]) -> None:
    assert figures["classes of one name"] == 0


@pytest.mark.parametrize("name", RULES)
def test_rules_have_no_effects_and_no_clock(name: str) -> None:
    module = MODULES[name]
    stores = {n for n in MODULES if n.split(".")[-1].split("_")[-1] == "store"}
    effects = libraries(
        module.tree, EFFECTS | SQL | {"flask", "kb.database", "kb.schema", "whoosh.index", *stores}
    )
    assert not {each for each in effects if (name, each) not in HARMLESS}
    assert not list(clock_readings(module.tree)), "the time is passed in as `now`"
    assert not list(openings(module.tree))


@pytest.mark.parametrize("name", sorted(WITH_EFFECTS))
def test_what_is_said_to_have_effects_is_there(name: str) -> None:
    assert name in MODULES, "a module was renamed: rename it here too"
