"""Which Python the language host and the dynamic providers run with."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from offline.tests.pulumi_cli.conftest import CHECKOUT, script

LANGUAGE = "pulumi-language-python"
DYNAMIC = "pulumi-resource-pulumi-python"


class Bench:
    """A project folder and the launchers, with stand-ins for Python that say where they stand."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.project = root / "a project"
        self.project.mkdir()
        for name in (LANGUAGE, DYNAMIC):
            (root / "cli").mkdir(exist_ok=True)
            shutil.copy(CHECKOUT / "offline" / "pulumi_cli" / "launcher.sh", root / "cli" / name)
            (root / "cli" / name).chmod(0o755)
        self.python(root / "path" / "python3")

    def python(self, path: Path) -> Path:
        return script(path, 'echo "$0 $*"; echo "$VIRTUAL_ENV"')

    def environment(self, folder: Path) -> Path:
        self.python(folder / "bin" / "python")
        return folder

    def options(self, text: str) -> None:
        (self.project / "Pulumi.yaml").write_text(text)

    def start(
        self, name: str = LANGUAGE, *, cwd: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        variables = {"PATH": f"{self.root}/path:{os.defpath}", "VIRTUAL_ENV": "", **environment}
        return subprocess.run(
            [self.root / "cli" / name, "127.0.0.1:1"],
            cwd=cwd or self.project,
            env=variables,
            capture_output=True,
            text=True,
        )


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.parametrize(
    "options",
    [
        "runtime:\n  name: python\n  options:\n    toolchain: pip\n    virtualenv: venv-1\n",
        "runtime: {name: python, options: {toolchain: pip, virtualenv: venv-1}}\n",
        "runtime: {name: python, options: {virtualenv: venv-1, toolchain: pip}}\n",
        "runtime:\n  options:\n    virtualenv: venv-1  # beside the program\n",
        "runtime:\n  options:\n    virtualenv: venv-1/\n",
        "# virtualenv: of-old\nruntime:\n  options:\n    # virtualenv: another\n    virtualenv: 'venv-1'\n",
        'runtime: {options: {virtualenv: "venv-1"}}\nname: virtualenv\n',
    ],
)
def test_the_virtualenv_of_the_project_is_used_however_it_is_written(bench: Bench, options: str) -> None:
    venv = bench.environment(bench.project / "venv-1")
    bench.options(options)
    started = bench.start().stdout.splitlines()
    assert started[0].startswith(f"{venv}/bin/python -u -P {bench.root}/cli/language_host.py 127.0.0.1:1")
    assert started[1] == str(venv), "programs that the program starts find the same environment"


def test_a_virtualenv_with_spaces_or_an_absolute_path_is_used(bench: Bench) -> None:
    venv = bench.environment(bench.root / "my environment")
    bench.options(f'runtime:\n  options:\n    virtualenv: "{venv}"\n')
    assert bench.start().stdout.startswith(f"{venv}/bin/python ")


def test_the_project_is_found_from_the_folder_of_its_program(bench: Bench) -> None:
    venv = bench.environment(bench.project / ".venv")
    bench.options("runtime: {options: {virtualenv: .venv}}\nmain: src/program\n")
    (bench.project / "src" / "program").mkdir(parents=True)
    assert bench.start(cwd=bench.project / "src" / "program").stdout.startswith(f"{venv}/bin/python ")


def test_dynamic_providers_run_with_the_virtualenv_that_the_engine_names(bench: Bench) -> None:
    venv = bench.environment(bench.project / "venv-2")
    bench.options("runtime: python\n")
    started = bench.start(DYNAMIC, PULUMI_RUNTIME_VIRTUALENV="venv-2").stdout
    assert started.startswith(
        f"{venv}/bin/python -u -P {bench.root}/cli/language_host.py --dynamic-providers 127.0.0.1:1"
    )


def test_without_the_option_it_is_the_active_environment_then_pulumi_python_cmd_then_python3(bench: Bench) -> None:
    bench.options("runtime: python\n")
    active = bench.environment(bench.root / "active")
    command = bench.python(bench.root / "another-python")
    assert bench.start(VIRTUAL_ENV=str(active), PULUMI_PYTHON_CMD=str(command)).stdout.startswith(
        f"{active}/bin/python "
    )
    assert bench.start(PULUMI_PYTHON_CMD=str(command)).stdout.startswith(f"{command} ")
    assert bench.start().stdout.startswith(f"{bench.root}/path/python3 ")


@pytest.mark.parametrize("name", [LANGUAGE, DYNAMIC])
def test_a_missing_virtualenv_is_named_with_the_command_that_makes_it(bench: Bench, name: str) -> None:
    bench.options("runtime: {options: {virtualenv: .venv}}\n")
    refused = bench.start(name)
    assert refused.returncode == 1
    assert f"names the virtual environment {bench.project}/.venv, and there is none" in refused.stderr
    assert f"python3 -m venv '{bench.project}/.venv'" in refused.stderr
