"""The local cloud as a project of its own: built as a wheel, installed and tested without the repository around it."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import PROJECT_FOLDER

USER_TEST = """
from google.cloud import bigquery


def test_what_a_user_of_the_fixture_does(local_cloud):
    local_cloud.bigquery.create_dataset("pictures")
    local_cloud.query("CREATE TABLE pictures.seen AS SELECT name FROM UNNEST(['a', 'b']) AS name")
    wanted = bigquery.ScalarQueryParameter("name", "STRING", "b")
    rows = local_cloud.query("SELECT name FROM pictures.seen WHERE name = @name", query_parameters=[wanted])
    assert [row.name for row in rows] == ["b"]
    local_cloud.storage.create_bucket("photos").blob("a.txt").upload_from_string("a")
    local_cloud.control("faults", {"path": "/queries", "status": 400, "reason": "invalid", "times": None})


def test_that_faults_do_not_outlive_a_test(local_cloud):
    assert [row.name for row in local_cloud.query("SELECT name FROM pictures.seen ORDER BY name")] == ["a", "b"]
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*build, "--wheel-dir", str(folder), str(PROJECT_FOLDER)], check=True, stdin=subprocess.DEVNULL)
    (made,) = folder.glob("*.whl")
    return made


def run_user_tests(python: Path | str, folder: Path, path: str = "") -> str:
    (folder / "test_of_a_user.py").write_text(USER_TEST)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [str(python), "-m", "pytest", "-q", "test_of_a_user.py"],
        cwd=folder,
        env={**environment, "PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_serves_and_its_fixture_works_without_the_repository(wheel: Path, tmp_path: Path) -> None:
    unpacked = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    work = tmp_path / "work"
    work.mkdir()
    run_user_tests(sys.executable, work, path=str(unpacked))


def test_the_wheel_holds_every_file_that_the_server_reads(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    source = PROJECT_FOLDER / "src"
    files = [path.relative_to(source) for path in source.rglob("*") if path.is_file()]
    expected = {path.as_posix() for path in files if "__pycache__" not in path.parts}
    assert {name for name in names if ".dist-info/" not in name} == expected


def test_serving_without_the_packages_of_the_model_says_what_to_install(wheel: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    venv.create(bare, with_pip=False)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    serve = [str(bare / "bin/python"), "-m", "localcloud", "serve", "--detach", "--port", "0"]
    done = subprocess.run(
        serve, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path / "site")}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "pip install 'image-search-localcloud[embedder]'" in done.stderr
    assert "Traceback" not in done.stderr


#: Files of the project that are read by people and tests.
TEXTS = [
    path
    for pattern in ("pyproject.toml", "README.md", "docs/**/*", "benchmarks/*", "src/**/*", "tests/**/*")
    for path in sorted(PROJECT_FOLDER.glob(pattern))
    if path.suffix in (".py", ".md", ".toml", ".sql") and path != Path(__file__).resolve()
]
#: What only the repository around this folder has: its commands, and its packages as imports.
AROUND = re.compile(
    r"`(?:make|\./local) |\bmake (?:up|setup|clean|destroy|status|bench|lint|test[a-z-]*)\b(?! take)"
    r"|\./local\b(?!-)|^\s*(?:from|import) (?:imagesearch|components|offline|pulumi)\b",
    re.MULTILINE,
)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.relative_to(PROJECT_FOLDER).as_posix())
def test_no_file_needs_the_repository_around_it(path: Path) -> None:
    assert AROUND.findall(path.read_text(encoding="utf-8")) == []


def test_a_command_of_the_repository_would_be_found() -> None:
    for text in ("start it: `make up`", "run make setup first", "./local python -m localcloud", "import pulumi\n"):
        assert AROUND.findall(text), text


def test_every_import_is_declared() -> None:
    """By the package's dependencies in src/, by any extra in tests/ and benchmarks/."""
    project = tomllib.loads((PROJECT_FOLDER / "pyproject.toml").read_text())["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    declared = {canonicalize_name(Requirement(line).name) for line in [*project["dependencies"], *extras]}
    modules = {name: {canonicalize_name(each) for each in found} for name, found in packages_distributions().items()}
    for path in TEXTS:
        if path.suffix == ".py":
            for name in imported(path) - set(sys.stdlib_module_names) - {"localcloud", "tests", "benchmarks"}:
                assert modules[name] & declared, f"{path}: {name} is not declared in pyproject.toml"


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").split(".")[0])
    return names


@pytest.mark.slow
def test_its_own_tests_run_in_a_fresh_environment_without_the_repository(tmp_path: Path) -> None:
    """A copy of the folder, installed with the extra `tests` alone: all tests are collected, some of each kind run."""
    copy = shutil.copytree(PROJECT_FOLDER, tmp_path / "copy", ignore=shutil.ignore_patterns("__pycache__", ".*"))
    venv.create(tmp_path / "fresh", with_pip=True)
    python = tmp_path / "fresh/bin/python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", f"{copy}[tests]"], check=True)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    subprocess.run([python, "-m", "pytest", "--collect-only", "-q"], cwd=copy, env=environment, check=True)
    tests = ["tests/server/test_control.py", "tests/server/test_cli.py", "tests/sql/test_page.py", "tests/vertex"]
    subprocess.run([python, "-m", "pytest", "-q", *tests], cwd=copy, env=environment, check=True)


@pytest.mark.slow
def test_a_fresh_environment_needs_nothing_but_the_package_and_its_extras(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "fresh", with_pip=True)
    python = tmp_path / "fresh/bin/python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", f"{wheel}[embedder,testing]"], check=True)
    work = tmp_path / "work"
    work.mkdir()
    run_user_tests(python, work)
    serve = [tmp_path / "fresh/bin/localcloud", "serve", "--detach", "--port", "0"]
    subprocess.run(serve, cwd=work, check=True, capture_output=True)
    subprocess.run([tmp_path / "fresh/bin/localcloud", "stop"], cwd=work, check=True, capture_output=True)
