"""How the code is laid out: `python -m benchmarks.structure [FOLDER...]`.

Each FOLDER is a checkout (this one if none is named); two side by side show what a move of modules
changed. Modules are the files of `kb` and `search` without the revisions of the database. Lines are
those of a file; a function's begin at its `def`. Two modules are in one circle when importing one
needs the other and the other way round, directly or by way of others: imports inside functions
count for circles of packages, not for those of modules.
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SMALL = 40  # lines
FLAT = 25  # modules in a package, its subpackages left out
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Module:
    """One source file: its dotted name, its text and its syntax."""

    name: str
    file: Path
    text: str
    tree: ast.Module

    @property
    def lines(self) -> int:
        """How many lines its file has."""
        return len(self.text.splitlines())

    @property
    def is_package(self) -> bool:
        """Whether the file stands for its folder."""
        return self.file.name == "__init__.py"

    @property
    def package(self) -> str:
        """The folder in which it lies, as a dotted name."""
        return self.name if self.is_package else self.name.rpartition(".")[0]


@cache
def modules(root: Path) -> dict[str, Module]:
    """Return the modules of a checkout by name."""
    found = {}
    for file in sorted([*(root / "kb").rglob("*.py"), *(root / "search").rglob("*.py")]):
        parts = file.relative_to(root).with_suffix("").parts
        if "versions" in parts:
            continue
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        text = file.read_text(encoding="utf-8")
        found[name] = Module(name, file, text, ast.parse(text))
    return found


def imports(module: Module, known: Iterable[str], *, inside: bool = True) -> set[str]:
    """Return the known modules that it imports; without `inside` only those at import time."""
    names = set(known)
    found = set()
    for node in ast.walk(module.tree) if inside else at_import(module.tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found |= {whole if whole in names else node.module} & names
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & names
    return found - {module.name}


def at_import(tree: ast.Module) -> Iterator[ast.AST]:
    """Give the nodes that run when it is imported: all but the bodies of functions."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += ast.iter_child_nodes(node)


def circles(edges: Mapping[str, set[str]]) -> list[list[str]]:
    """Return the groups of names that reach one another (R. Tarjan, 1972, without recursion)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on: set[str] = set()
    found = []
    for start in sorted(edges):
        if start in order:
            continue
        work = [(start, iter(sorted(edges.get(start, ()))))]
        order[start] = low[start] = len(order)
        stack.append(start)
        on.add(start)
        while work:
            name, following = work[-1]
            for other in following:
                if other not in order:
                    order[other] = low[other] = len(order)
                    stack.append(other)
                    on.add(other)
                    work.append((other, iter(sorted(edges.get(other, ())))))
                    break
                if other in on:
                    low[name] = min(low[name], order[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[name])
                if low[name] == order[name]:
                    group = []
                    while not group or group[-1] != name:
                        group.append(stack.pop())
                        on.discard(group[-1])
                    if len(group) > 1:
                        found.append(sorted(group))
    return found


def top(name: str) -> str:
    """Return the feature that a module belongs to: `kb.tickets`, `search`."""
    return "search" if name.startswith("search") else ".".join(name.split(".")[:2])


def functions(module: Module) -> Iterator[tuple[str, int]]:
    """Give each function's name and how many lines it has."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{module.name}.{node.name}", (node.end_lineno or 0) - node.lineno + 1


def measured(root: Path) -> dict[str, object]:
    """Return the figures of a checkout, each under what it counts."""
    found = modules(root)
    lines = sorted(module.lines for module in found.values() if module.lines)
    lengths = sorted(length for module in found.values() for _, length in functions(module))
    flat = Counter(module.package for module in found.values() if not module.is_package)
    needs = {name: imports(module, found) for name, module in found.items()}
    importers: dict[str, set[str]] = defaultdict(set)
    for name, wanted in needs.items():
        for other in wanted:
            importers[other].add(name)
    packages: dict[str, set[str]] = defaultdict(set)
    for name, wanted in needs.items():
        packages[top(name)] |= {top(other) for other in wanted} - {top(name)}
    classes = Counter(
        node.name
        for module in found.values()
        for node in module.tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    small = [
        name
        for name, module in found.items()
        if not module.is_package and module.lines < SMALL and len(importers[name]) == 1
    ]
    needed = {name: imports(module, found, inside=False) for name, module in found.items()}
    return {
        "modules of kb": sum(name.startswith("kb") for name in found),
        "of them __init__": sum(m.is_package for n, m in found.items() if n.startswith("kb")),
        "modules of search": sum(name.startswith("search") for name in found),
        "lines": sum(lines),
        "file, median": statistics.median(lines),
        "file, p90": lines[int(len(lines) * 0.9)],
        "file, longest": lines[-1],
        "function, median": statistics.median(lengths),
        "function, longest": lengths[-1],
        f"packages of more than {FLAT}": {n: c for n, c in flat.items() if c > FLAT} or 0,
        "circles of packages": circles(packages) or 0,
        "circles of modules": circles(needed) or 0,
        f"under {SMALL} lines, one importer": sorted(small),
        "classes of one name": sorted(name for name, many in classes.items() if many > 1) or 0,
        "fmt: skip": sum(module.text.count("# fmt: skip") for module in found.values()),
        "importers of one": sum(len(importers[name]) == 1 for name in found),
    }


def main() -> None:
    """Print the figures of each checkout."""
    for root in [Path(word) for word in sys.argv[1:]] or [ROOT]:
        sys.stdout.write(f"{root.name}\n")
        for name, value in measured(root).items():
            sys.stdout.write(f"  {name:32} {value}\n")


if __name__ == "__main__":
    main()
