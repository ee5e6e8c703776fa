"""How large the tree is, at any commit: `python -m benchmarks.tree [COMMIT]`.

Files and lines of Python and SQL by part of the repository, and the packages and import edges of imagesearch/ and of
the local cloud. Read from git and the syntax tree, by the same rules for every layout that the repository has had.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

PARTS = (
    ("stand-ins, tests", ("offline/tests/", "tests/toolchain/", "tests/localcloud/gcp_plugin/")),
    ("stand-ins", ("offline/", "toolchain/", "localcloud/gcp_plugin/")),
    ("local cloud, tests", ("local-cloud/tests/", "tests/localcloud/")),
    ("local cloud", ("local-cloud/src/", "localcloud/")),
    ("program, tests", ("tests/",)),
    ("program", ("__main__.py", "components/", "imagesearch/", "queries/")),
)
"""The parts, each with the beginnings of its paths; a path belongs to the first that fits."""
PACKAGES = (
    ("imagesearch", "imagesearch/"),
    ("localcloud", "local-cloud/src/localcloud/"),
    ("localcloud", "localcloud/"),
)
"""Packages, each with its folder; the local cloud has had two."""


@dataclass(frozen=True)
class Module:
    """A module of a package: its text, and the folder directly below the package that it is in ('': in none)."""

    folder: str
    text: str


def main(commit: str) -> None:
    """Print both tables for a commit."""
    sources = dict(_sources(commit))
    print(f"{'part':20}{'files':>6}{'lines':>8}")
    for part, _ in reversed(PARTS):
        texts = [text for path, text in sources.items() if _part(path) == part]
        print(f"{part:20}{len(texts):6}{sum(text.count(chr(10)) for text in texts):8,}")
    print(f"\n{'package':20}{'modules':>8}{'edges':>7}{'folders':>9}{'edges':>7}")
    for package, folder in PACKAGES:
        modules = _modules(package, folder, sources)
        if modules:
            edges = {(name, used) for name, module in modules.items() for used in _used(module.text, modules)}
            between = {(a, b) for one, other in edges if (a := modules[one].folder) != (b := modules[other].folder)}
            folders = {module.folder for module in modules.values()}
            print(f"{package:20}{len(modules):8}{len(edges):7}{len(folders):9}{len(between):7}")


def _sources(commit: str) -> Iterator[tuple[str, str]]:
    for path in _git("ls-tree", "-r", "--name-only", commit).splitlines():
        if path.endswith((".py", ".sql")) and _part(path):
            yield path, _git("cat-file", "blob", f"{commit}:{path}")


def _part(path: str) -> str:
    return next((part for part, beginnings in PARTS if path.startswith(beginnings)), "")


def _modules(package: str, folder: str, sources: dict[str, str]) -> dict[str, Module]:
    """Every module of the package by its dotted name; that of a folder's `__init__` is the folder's."""
    found = {}
    for path, text in sources.items():
        if path.startswith(folder) and path.endswith(".py") and not path.startswith("localcloud/gcp_plugin/"):
            parts = PurePosixPath(path.removeprefix(folder)).with_suffix("").parts
            name = ".".join([package, *(part for part in parts if part != "__init__")])
            found[name] = Module(parts[0] if len(parts) > 1 else "", text)
    return found


def _used(text: str, modules: dict[str, Module]) -> Iterator[str]:
    """The modules that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names} & modules.keys()
            yield from names or ({node.module} & modules.keys())


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["HEAD"]))
