"""What a source file imports, opens and asks the clock, read from its syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from benchmarks.structure import at_import

EFFECTS = {
    "aiohttp", "asyncio", "ctypes", "fcntl", "ftplib", "http", "io", "logging", "multiprocessing",
    "os", "pathlib", "random", "requests", "secrets", "select", "shutil", "signal", "smtplib",
    "socket", "sqlite3", "ssl", "subprocess", "sys", "tempfile", "threading", "time",
    "urllib.request", "uuid",
}  # fmt: skip
SQL = {"sqlalchemy", "alembic", "psycopg", "sqlite3"}
CLOCKS = {"now", "utcnow", "today"}


def names(node: ast.AST) -> set[str]:
    """Return what an import statement imports, `from a import b` as both a and a.b."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute here"
        whole = node.module or ""
        return {whole} | {f"{whole}.{alias.name}" for alias in node.names}
    return set()


def libraries(tree: ast.Module, wanted: Iterable[str], *, top_level: bool = False) -> set[str]:
    """Return which of the libraries it imports, themselves or a part of them."""
    nodes = at_import(tree) if top_level else ast.walk(tree)
    found = {name for node in nodes for name in names(node)}
    return {lib for lib in wanted if any(f"{name}.".startswith(f"{lib}.") for name in found)}


def clock_readings(tree: ast.Module) -> Iterator[str]:
    """Give the calls that read the clock as a date."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value)
            if node.func.attr in CLOCKS and owner.split(".")[-1] in {"datetime", "date"}:
                yield ast.unparse(node)


def openings(tree: ast.Module) -> Iterator[str]:
    """Give the calls that open a file."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "open"
        ):
            yield ast.unparse(node)
