"""House style where a program can see it."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.order import SLOW

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 700  # a file is as long as its one subject
LONGEST_FUNCTION, MOST_PARAMETERS = 50, 7
# Longer or wider functions, each with the reason why parts of it would say less.
OVER = {
    "kb/web/api/schemas.py:_paths": "a listing, one row an operation",
    "kb/services.py:build": "the composition root, one line a part",
    "kb/analytics/external_tickets/service.py:import_tickets": "how a file is read, by name",
    "kb/cli/report.py:figures": "the options of one command",
    "search/index/generation.py:build": "what a generation is built from, by name",
}
SOURCES = sorted(
    file
    for part in ("kb", "search")
    for file in (ROOT / part).rglob("*.py")
    if "versions" not in file.parts
)
VAGUE = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}
# Methods that a library calls by these names; the library's documentation says what they do.
CALLED_BY_LIBRARIES = {
    "invoke", "run", "handle_starttag", "handle_endtag", "handle_data", "load_config", "load",
    "load_dialect_impl", "process_bind_param", "process_result_value",
}  # fmt: skip
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
# Places of one machine; what a page or test names as an example is not one.
MACHINE = re.compile(r"/(?:root|home|Users|work)/\w+|\bpypi\.[a-z]+\.|artifactory|index-url")


def relative(file: Path) -> str:
    """Return the path from the top of the repository."""
    return file.relative_to(ROOT).as_posix()


def public(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    """Give the functions, classes and methods that others may call."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            # Of a protocol the docstring of the class says what its members are.
            if isinstance(node, ast.ClassDef) and "Protocol" not in map(ast.unparse, node.bases):
                yield from _methods(node)


def _methods(owner: ast.ClassDef) -> Iterator[ast.FunctionDef]:
    for node in owner.body:
        if (
            isinstance(node, ast.FunctionDef)
            and not node.name.startswith("_")
            and node.name not in CALLED_BY_LIBRARIES
        ):
            yield node


def test_there_are_sources_to_look_at() -> None:
    assert len(SOURCES) > 100


@pytest.mark.parametrize("file", SOURCES, ids=relative)
def test_a_module_says_what_it_promises(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    if tree.body:  # an empty __init__.py promises nothing
        assert ast.get_docstring(tree), "a module opens with what it promises"
    missing = [node.name for node in public(tree) if not ast.get_docstring(node)]
    assert missing == []


@pytest.mark.parametrize("file", SOURCES, ids=relative)
def test_a_file_is_short_enough_for_one_idea(file: Path) -> None:
    lines = len(file.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST


def _functions(file: Path) -> Iterator[ast.FunctionDef]:
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    return (node for node in nodes if isinstance(node, ast.FunctionDef))


def _is_over(node: ast.FunctionDef) -> bool:
    every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    given = [one for one in every if one.arg not in {"self", "cls"}]
    lines = (node.end_lineno or 0) - node.lineno + 1
    return lines > LONGEST_FUNCTION or len(given) > MOST_PARAMETERS


def test_a_function_is_short_and_takes_few_parameters() -> None:
    over = {
        f"{relative(f)}:{node.name}" for f in SOURCES for node in _functions(f) if _is_over(node)
    }
    assert over == set(OVER)


def test_no_name_says_nothing() -> None:
    assert [relative(file) for file in SOURCES if file.stem in VAGUE] == []


def tracked() -> list[Path]:
    """Return the text files that Git keeps."""
    told = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    files = [ROOT / name for name in told.stdout.decode().split("\0") if name]
    return [file for file in files if file.is_file() and file.suffix not in {".png", ".gz"}]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a checkout")
@pytest.mark.parametrize("pattern", [UNFINISHED, MACHINE], ids=["unfinished", "machine"])
def test_nothing_unfinished_and_no_place_of_one_machine_is_kept(pattern: re.Pattern[str]) -> None:
    found = [
        f"{relative(file)}: {line.strip()[:80]}"
        for file in tracked()
        if file != Path(__file__).resolve() and "articles" not in file.parts
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines()
        if pattern.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("file", SOURCES, ids=relative)
def test_what_the_formatter_leaves_alone_says_why(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert not re.search(r"# fmt: skip(?! # \w)", text), "write: fmt: skip # why"


def test_the_slow_files_of_the_order_are_there() -> None:
    absent = [name for name in SLOW if not (ROOT / "tests" / f"{name}.py").is_file()]
    assert (absent, len(SLOW)) == ([], len(set(SLOW)))
