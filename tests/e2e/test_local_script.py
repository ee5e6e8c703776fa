"""./local: the environment of the local stack."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from offline.gcp_plugin.install import LAUNCHER
from tests.checkout import CHECKOUT

LOCAL = CHECKOUT / "local"


def local(*arguments: str, cwd: Path, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    own = {name: os.environ[name] for name in ("PATH", "HOME")}
    env = {**own, "LOCALCLOUD_HOME": str(home), "GCP_PLUGIN": "stand-in", **environment}
    return subprocess.run([str(LOCAL), *arguments], cwd=cwd, env=env, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("folder", ["home", "a home with 'quotes' and spaces"])
def test_the_printed_environment_can_be_evaluated(tmp_path: Path, folder: str) -> None:
    home = tmp_path / folder
    printed = local("env", cwd=tmp_path, home=home).stdout
    assert all(line.startswith("export ") for line in printed.splitlines())
    script = f'{printed}\nprintf "%s\\n" "$PULUMI_HOME" "$PULUMI_STACK" "$GOOGLE_APPLICATION_CREDENTIALS" "$PATH"'
    shell = subprocess.run(
        ["bash", "-uc", script], capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"}, check=True
    )
    pulumi_home, stack, credentials, path = shell.stdout.splitlines()
    assert (pulumi_home, stack) == (f"{home}/pulumi-local", "local")
    assert credentials == f"{home}/credentials.json"
    assert path.startswith(f"{CHECKOUT}/.venv/bin:") and path.endswith("/usr/bin:/bin")
    assert (home / "pulumi-state").is_dir()


def test_a_command_runs_with_it_in_the_callers_folder(tmp_path: Path) -> None:
    program = "import os; print(os.getcwd(), os.environ['BIGQUERY_EMULATOR_HOST'])"
    ran = local("python", "-c", program, cwd=tmp_path, home=tmp_path, LOCALCLOUD_PORT="8555")
    assert ran.stdout == f"{tmp_path} http://127.0.0.1:8555\n"


def test_the_exit_code_and_arguments_are_the_commands_own(tmp_path: Path) -> None:
    ran = local("bash", "-c", 'printf "%s|" "$@"; exit 7', "-", "a b", "*", cwd=tmp_path, home=tmp_path)
    assert (ran.returncode, ran.stdout) == (7, "a b|*|")


def test_googles_own_provider_is_used_where_it_is_installed_or_asked_for(tmp_path: Path) -> None:
    """offline/tests/gcp_plugin/test_choice.py has how it is kept on loopback."""
    asked = local("env", cwd=tmp_path, home=tmp_path, GCP_PLUGIN="real").stdout.splitlines()
    assert f"export PULUMI_HOME={tmp_path}/pulumi-real" in asked
    assert "export PULUMI_GCP_SKIP_REGION_VALIDATION=true" in asked
    plugin = tmp_path / f"bin/{LAUNCHER.name}"
    plugin.parent.mkdir()
    plugin.write_text("#!/bin/sh\n")
    plugin.chmod(0o755)
    path = f"{plugin.parent}:{os.environ['PATH']}"
    found = local("env", cwd=tmp_path, home=tmp_path, GCP_PLUGIN="auto", PATH=path).stdout.splitlines()
    assert f"export PULUMI_HOME={tmp_path}/pulumi-real" in found
    assert "export PULUMI_IGNORE_AMBIENT_PLUGINS=true" in found, "not as it is on PATH: through the launcher"
    refused = local("env", cwd=tmp_path, home=tmp_path, GCP_PLUGIN="googles")
    assert (refused.returncode, refused.stdout) == (1, "")


def test_without_a_command_it_says_what_it_is_for(tmp_path: Path) -> None:
    ran = local(cwd=tmp_path, home=tmp_path)
    assert (ran.returncode, "./local pulumi preview" in ran.stderr) == (2, True)
