"""Which packages of the local cloud may import which (docs/architecture.md). Imports are read from the syntax tree.

A grammar or an analyzer may be one long file; other modules have at most 400 lines.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "localcloud"
MODULES = sorted(SOURCE.rglob("*.py"))
MAY_IMPORT = {
    "core": {"core"},
    "http": {"core", "http"},
    "googlesql": {"core", "googlesql"},
    "engine": {"core", "googlesql", "engine"},
    "apis": {"core", "http", "googlesql", "engine", "apis"},
    "server": {"core", "http", "googlesql", "engine", "apis", "server"},
    "images": {"core", "images"},
    "testing": {"core", "testing"},
    "pytest_plugin.py": {"testing"},
    "__main__.py": {"core", "server"},
    "__init__.py": set(),
}
NOT_IN_GOOGLESQL = {"duckdb", "sqlglot", "starlette"}


def _name(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name their package"
            if node.module == "localcloud":
                yield from (f"localcloud.{alias.name}" for alias in node.names)
            else:
                yield node.module or ""


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_imports_point_one_way(path: Path) -> None:
    package = path.relative_to(SOURCE).parts[0]
    ours = {name.split(".")[1] for name in _imports(path) if name.startswith("localcloud.")}
    assert ours <= MAY_IMPORT[package]


@pytest.mark.parametrize("path", sorted((SOURCE / "googlesql").rglob("*.py")), ids=_name)
def test_googlesql_knows_no_engine(path: Path) -> None:
    assert {name.split(".")[0] for name in _imports(path)} & NOT_IN_GOOGLESQL == set()


@pytest.mark.parametrize("package", ["googlesql", "engine"])
def test_no_imports_are_circular(package: str) -> None:
    names = {_module(path): path for path in sorted((SOURCE / package).rglob("*.py"))}
    TopologicalSorter({name: set(_modules(path, names)) for name, path in names.items()}).prepare()


def _module(path: Path) -> str:
    return ".".join(["localcloud", *path.relative_to(SOURCE).with_suffix("").parts]).removesuffix(".__init__")


def _modules(path: Path, names: dict[str, Path]) -> Iterator[str]:
    """The modules that one imports: `from package import name` is the module `package.name`, where there is one."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield from {whole if whole in names else node.module or ""} & names.keys()
        elif isinstance(node, ast.Import):
            yield from {alias.name for alias in node.names} & names.keys()


LONG = {
    "googlesql/grammar.py",
    "googlesql/analysis/expressions.py",
    "googlesql/analysis/queries.py",
    "engine/sqlglot_tree.py",
}
"""Grammar, analyzer and the conversion of their trees: each one file, as long as GoogleSQL is."""


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_other_modules_have_at_most_400_lines(path: Path) -> None:
    assert _name(path) in LONG or len(path.read_text(encoding="utf-8").splitlines()) <= 400
