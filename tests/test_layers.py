"""The direction of imports between packages, and the size of modules. Imports are read from the syntax tree."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("components", "imagesearch", "offline")
FORBIDDEN = {
    "imagesearch": {"pulumi", "pulumi_gcp", "localcloud", "components", "offline"},
    "components": {"localcloud", "offline", "google"},
    "offline": {"imagesearch", "components", "localcloud"},
}
CONCERNS = ("errors", "gcp", "settings", "pipeline", "checks", "stacks", "web", "cli", "__main__")
"""The packages of imagesearch/: each imports those before it, and none that follows."""
MODULES = sorted(
    path
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if "tests" not in path.relative_to(ROOT).parts
)
PROGRAM = [
    ROOT / "__main__.py",
    *(path for package in ("components", "imagesearch") for path in (ROOT / package).rglob("*.py")),
]
LOCAL = re.compile(
    r"(?<![a-z])(local|locally|localcloud|localhost|loopback|emulators?)(?![a-z])|127\.0\.0\.1|::1", re.I
)


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _imports(tree: ast.AST) -> Iterator[str]:
    """The packages that a module imports, wherever in it, also by importlib."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name their package"
            yield (node.module or "").split(".")[0]
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("import_module", "__import__"):
            yield from (str(given.value).split(".")[0] for given in node.args if isinstance(given, ast.Constant))


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_imports_point_one_way(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    assert set(_imports(_tree(path))) & FORBIDDEN[package] == set()


@pytest.mark.parametrize("path", sorted((ROOT / "imagesearch").rglob("*.py")), ids=_name)
def test_the_concerns_of_imagesearch_import_one_way(path: Path) -> None:
    here = _concern(path.relative_to(ROOT / "imagesearch").with_suffix("").parts[0])
    for name in _modules(_tree(path)):
        assert _concern(name) <= here, f"{_name(path)} imports imagesearch.{name}"


def _concern(name: str) -> int:
    return CONCERNS.index(name) if name in CONCERNS else -1


def _modules(tree: ast.AST) -> Iterator[str]:
    """The packages of imagesearch/ that a module imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "imagesearch":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("imagesearch."):
            yield (node.module or "").split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (name.split(".")[1] for alias in node.names if (name := alias.name).startswith("imagesearch."))


def test_the_program_imports_components_and_nothing_below_them() -> None:
    assert set(_imports(_tree(ROOT / "__main__.py"))) == {"pulumi", "components"}


@pytest.mark.parametrize("package", ["imagesearch", "components"])
def test_what_a_user_of_the_cloud_needs_is_in_requirements_txt(package: str) -> None:
    installed = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    provided = {"google": "google-cloud-bigquery", "PIL": "pillow", "requests": "google-cloud-bigquery"}
    provided |= {"urllib3": "google-cloud-bigquery", "yaml": "pulumi", "pydantic_core": "pydantic"}
    used = {name for path in (ROOT / package).rglob("*.py") for name in _imports(_tree(path))}
    for name in used - set(PACKAGES) - set(sys.stdlib_module_names):
        assert f"{provided.get(name, name).replace('_', '-')}==" in installed, f"{name} is not pinned there"


def test_the_program_is_a_page() -> None:
    assert len((ROOT / "__main__.py").read_text(encoding="utf-8").splitlines()) < 60


def test_the_program_declares_and_decides_nothing() -> None:
    branches = (ast.If, ast.IfExp, ast.For, ast.While, ast.Try, ast.FunctionDef, ast.ClassDef, ast.Match, ast.BoolOp)
    assert [node for node in ast.walk(_tree(ROOT / "__main__.py")) if isinstance(node, branches)] == []


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_no_module_is_longer_than_400_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", PROGRAM, ids=_name)
def test_the_program_does_not_know_where_it_runs(path: Path) -> None:
    assert list(_decisions_about_place(_tree(path))) == []


def test_a_decision_about_the_place_would_be_found() -> None:
    for source in (
        "if local: pass",
        "x = 1 if project == 'local-project' else 2",
        "while emulator.up: pass",
        "endpoint = 'http://127.0.0.1:8440'",
        "url = f'http://localhost:{port}'",
        "match stack.name:\n  case 'local': pass",
        "x = is_local and 1",
        "x = [y for y in z if y.local]",
    ):
        assert list(_decisions_about_place(ast.parse(source))), source


def _decisions_about_place(tree: ast.AST) -> Iterator[str]:
    """Conditions that name a local cloud, and addresses of one. Help for the reader may speak of it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If | ast.IfExp | ast.While):
            yield from _local_names(node.test)
        elif isinstance(node, ast.BoolOp | ast.Compare | ast.match_case):
            yield from _local_names(node.pattern if isinstance(node, ast.match_case) else node)
        elif isinstance(node, ast.comprehension):
            for condition in node.ifs:
                yield from _local_names(condition)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from re.findall(r"127\.0\.0\.1|localhost", node.value)


def _local_names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        for word in (getattr(node, "id", ""), getattr(node, "attr", ""), getattr(node, "value", "")):
            if isinstance(word, str) and LOCAL.search(word.replace("_", " ")):
                yield word
