"""scripts/make-venv and the Makefile: progress, failures, arguments. A script plays Python, so nothing is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import yaml

from tests.checkout import CHECKOUT

PYTHON = """#!/bin/sh
case "$1 $2" in
  "-c import"*) ;;
  "-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  "-m pip")
    echo "Collecting pulumi==1"
    echo "Collecting grpcio"
    while [ ! -e ../gate ]; do sleep 0.1; done
    [ -z "${FAILS:-}" ] || { echo "ERROR: $FAILS"; exit 1; }
    ;;
esac
"""


def started(root: Path, **environment: str) -> subprocess.Popen[str]:
    """`scripts/make-venv PYTHON` in a checkout with a space in its name; pip ends once the file gate is there."""
    checkout = root / "a checkout"
    (checkout / "scripts").mkdir(parents=True)
    shutil.copy(CHECKOUT / "scripts/make-venv", checkout / "scripts")
    python = root / "the python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    return subprocess.Popen(
        ["scripts/make-venv", str(python)],
        cwd=checkout,
        env={**os.environ, "PROGRESS_SECONDS": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_first_installation_says_how_long_it_takes_and_gives_signs_of_life(tmp_path: Path) -> None:
    with started(tmp_path) as installing:
        assert installing.stdout is not None
        assert installing.stdout.readline() == "   2 to 4 minutes the first time\n"
        assert "s so far, 2 packages found" in installing.stdout.readline()
        (tmp_path / "gate").touch()
        installing.communicate(timeout=30)
    assert installing.returncode == 0
    assert (tmp_path / "a checkout/.venv/ready").exists()


def test_a_failed_installation_says_why_and_is_not_taken_for_done(tmp_path: Path) -> None:
    (tmp_path / "gate").touch()
    with started(tmp_path, FAILS="no such package") as installing:
        _, errors = installing.communicate(timeout=30)
    assert installing.returncode == 1
    assert "could not be installed: ERROR: no such package (all of it: .venv/pip.log)" in errors
    assert not (tmp_path / "a checkout/.venv/ready").exists()


def test_what_is_given_to_make_reaches_the_command_as_it_is() -> None:
    """Neither make nor the shell expands it."""
    text = 'it\'s `id` $(shell id) $$HOME "x"'
    recipe = subprocess.run(
        ["make", "-n", "search", f"TEXT={text}"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    ).stdout
    script = recipe.replace("./local", "printf '%s\\0'", 1)
    words = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout.split("\0")
    assert words[-2] == text


def test_both_halves_of_make_test_run_and_either_ones_failure_is_its_own(tmp_path: Path) -> None:
    """With pytest played by a script: the first half fails, the second passes, and the other way round."""
    for name in ("Makefile", "requirements.txt", "requirements-dev.txt"):
        shutil.copy(CHECKOUT / name, tmp_path)
    shutil.copytree(CHECKOUT / "scripts", tmp_path / "scripts")
    (tmp_path / "local-cloud").mkdir()
    (tmp_path / "local-cloud/pyproject.toml").touch()
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "tests of $(basename "$PWD")"\n[ "$(basename "$PWD")" != "$FAILS" ]\n')
    python.chmod(0o755)
    (tmp_path / ".venv/ready").touch()
    for fails, code in ((tmp_path.name, 2), ("local-cloud", 2), ("none", 0)):
        done = subprocess.run(
            ["make", "test", "PYTHON=true"],
            cwd=tmp_path,
            env={**os.environ, "FAILS": fails},
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert f"tests of {tmp_path.name}\n" in done.stdout and "tests of local-cloud\n" in done.stdout


def test_the_workflow_runs_what_ci_run_runs_and_has_no_secrets() -> None:
    text = (CHECKOUT / ".github/workflows/ci.yml").read_text()
    (job,) = yaml.safe_load(text)["jobs"].values()
    assert ".ci/run" in [step.get("run") for step in job["steps"]]
    assert "make test\n" in (CHECKOUT / ".ci/run").read_text()
    assert "secrets." not in text
