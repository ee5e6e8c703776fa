"""The local cloud as a package of its own: built as a wheel, used where this repository is not."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.conftest import PROJECT_FOLDER

SOMEBODYS_TEST = """
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


def run_somebodys_tests(python: Path | str, folder: Path, path: str = "") -> str:
    (folder / "test_somebodys.py").write_text(SOMEBODYS_TEST)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [str(python), "-m", "pytest", "-q", "test_somebodys.py"],
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
    run_somebodys_tests(sys.executable, work, path=str(unpacked))


def test_the_wheel_holds_every_file_that_the_server_reads(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "src"],
        cwd=PROJECT_FOLDER,
        capture_output=True,
        text=True,
        check=True,
    )
    of_the_server = {name.removeprefix("src/") for name in tracked.stdout.splitlines()}
    assert {name for name in names if ".dist-info/" not in name} == of_the_server


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


@pytest.mark.slow
def test_a_fresh_environment_needs_nothing_but_the_package_and_its_extras(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "fresh", with_pip=True)
    python = tmp_path / "fresh/bin/python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", f"{wheel}[embedder,testing]"], check=True)
    work = tmp_path / "work"
    work.mkdir()
    run_somebodys_tests(python, work)
    serve = [tmp_path / "fresh/bin/localcloud", "serve", "--detach", "--port", "0"]
    subprocess.run(serve, cwd=work, check=True, capture_output=True)
    subprocess.run([tmp_path / "fresh/bin/localcloud", "stop"], cwd=work, check=True, capture_output=True)
