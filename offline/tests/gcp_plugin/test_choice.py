"""Google's provider is used where it is installed, on loopback only, and the stand-in where it is not.

Google's own cannot be had here: a script plays it, which notes how it was started.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from offline.gcp_plugin import choice, install
from offline.tests.gcp_plugin.test_engine import settings, tool_path
from tests.checkout import CHECKOUT

NOTED = ("HTTPS_PROXY", "NO_PROXY", "PULUMI_GCP_SKIP_REGION_VALIDATION", "PWD")
ON_LOOPBACK = ["http://127.0.0.1:9", "127.0.0.1,localhost", "true", "/"]


class Machine:
    """A user's home, a PATH and the local stack's folder, without any gcp plugin."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.local = root / "a folder/.local"
        (root / "bin").mkdir()
        self.environment = {"HOME": str(root / "home"), "PATH": f"{root}/bin:/usr/bin:/bin"}
        self.log = root / "started"

    def google(self, folder: Path) -> Path:
        """Google's provider in `folder`: it notes the environment and arguments that it was started with."""
        folder.mkdir(parents=True, exist_ok=True)
        executable = folder / "pulumi-resource-gcp"
        noted = "".join(f'"${name}" ' for name in NOTED)
        executable.write_text(
            f'#!/bin/sh\nprintf "%s\\n" {noted} "$@" > "{self.log}"\nexec "{install.LAUNCHER}" "$@"\n'
        )
        executable.chmod(0o755)
        return executable

    def choose(self, asked: str = "auto") -> str:
        """The name of the PULUMI_HOME that is chosen."""
        chosen = choice.choose(asked, self.local, self.environment)
        assert chosen.parent == self.local
        return chosen.name

    def start(self) -> list[str]:
        """What Google's provider noted when the launcher was started as the engine does."""
        launcher = install.plugin_file(self.local / "pulumi-real")
        with subprocess.Popen([launcher, "an argument"], env=self.environment, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert int(process.stdout.readline()) > 0, "the port that it serves on"
            process.terminate()
        return self.log.read_text().splitlines()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def plugins(home: Path) -> Path:
    return install.plugin_file(home).parent


@pytest.mark.parametrize("place", ["PULUMI_HOME", "~/.pulumi", "PATH"])
@pytest.mark.parametrize("asked", ["auto", "real"])
def test_googles_provider_is_used_where_it_is_installed_and_kept_on_loopback(
    machine: Machine, place: str, asked: str
) -> None:
    machine.environment["PULUMI_HOME"] = str(machine.root / "pulumi's home")
    machine.google(
        {
            "PULUMI_HOME": plugins(machine.root / "pulumi's home"),
            "~/.pulumi": plugins(machine.root / "home/.pulumi"),
            "PATH": machine.root / "bin",
        }[place]
    )
    assert machine.choose(asked) == "pulumi-real"
    assert machine.start() == [*ON_LOOPBACK, "an argument"]


def test_where_it_is_not_installed_the_stand_in_is_used(machine: Machine) -> None:
    assert machine.choose() == "pulumi-local"
    assert install.real_behind(install.plugin_file(machine.local / "pulumi-local")) is None
    assert not (machine.local / "pulumi-real").exists()


def test_the_stand_in_can_be_forced(machine: Machine) -> None:
    machine.google(plugins(machine.root / "home/.pulumi"))
    assert machine.choose("stand-in") == "pulumi-local"


def test_a_provider_that_is_gone_gives_way_to_the_stand_in_and_is_not_started_when_forced(machine: Machine) -> None:
    google = machine.google(plugins(machine.root / "home/.pulumi"))
    assert machine.choose() == "pulumi-real"
    google.unlink()
    assert machine.choose() == "pulumi-local"
    assert machine.choose("real") == "pulumi-real"
    folder = install.plugin_file(machine.local / "pulumi-real").parent
    assert not folder.exists(), "`pulumi plugin install` downloads it only where the folder is not there"


def test_what_pulumi_plugin_install_downloaded_is_started_through_the_launcher_too(machine: Machine) -> None:
    assert machine.choose("real") == "pulumi-real"
    machine.google(plugins(machine.local / "pulumi-real"))
    for _ in range(2):
        assert machine.choose("real") == "pulumi-real"
        assert machine.start()[:4] == ON_LOOPBACK
    assert machine.choose() == "pulumi-real", "it is installed now"


@pytest.mark.parametrize(
    "mark",
    [
        "# The stand-in gcp plugin; written by `python -m offline.gcp_plugin install`.",
        "# The local cloud's gcp plug; written by `python -m localcloud.gcp_plugin install`.",
    ],
)
def test_a_stand_in_is_never_taken_for_googles_and_an_old_one_is_replaced(machine: Machine, mark: str) -> None:
    launcher = install.plugin_file(machine.local / "pulumi-local")
    launcher.parent.mkdir(parents=True)
    launcher.write_text(f'#!/bin/sh\n{mark}\nexec "/moved/pulumi-resource-gcp" "$@"\n')
    launcher.chmod(0o755)
    machine.environment["PULUMI_HOME"] = str(machine.local / "pulumi-local")  # ./local inside of ./local
    machine.environment["PATH"] = f"{install.LAUNCHER.parent}:/usr/bin:/bin"
    assert machine.choose() == "pulumi-local"
    assert str(install.LAUNCHER) in launcher.read_text()


@pytest.mark.parametrize(
    ("word", "home"), [("auto", "real"), ("", "real"), ("real", "real"), ("stand-in", "local"), ("local", "local")]
)
def test_gcp_plugin_chooses(machine: Machine, word: str, home: str) -> None:
    machine.google(plugins(machine.root / "home/.pulumi"))
    command = [sys.executable, "-m", "offline.gcp_plugin", "choose", str(machine.local)]
    environment = {**machine.environment, "GCP_PLUGIN": word}
    chosen = subprocess.run(command, env=environment, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert chosen.stdout == f"{machine.local}/pulumi-{home}\n"


def test_another_word_is_refused_by_name(machine: Machine) -> None:
    command = [sys.executable, "-m", "offline.gcp_plugin", "choose", str(machine.local)]
    environment = {**machine.environment, "GCP_PLUGIN": "googles"}
    refused = subprocess.run(command, env=environment, cwd=CHECKOUT, capture_output=True, text=True)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "error: GCP_PLUGIN must be auto, real or stand-in, not 'googles'\n"


def test_the_engine_starts_it_on_loopback_though_it_is_on_path(machine: Machine) -> None:
    machine.google(machine.root / "bin")
    project = machine.root / "project"
    project.mkdir()
    runtime = {"name": "python", "options": {"virtualenv": sys.prefix}}
    (project / "Pulumi.yaml").write_text(json.dumps({"name": "pictures", "runtime": runtime}))
    (project / "__main__.py").write_text("import pulumi_gcp as gcp\ngcp.bigquery.Dataset('d', dataset_id='d')\n")
    (project / "Pulumi.test.yaml").write_text(json.dumps({"config": settings("http://127.0.0.1:9")}))
    (machine.root / "state").mkdir()
    environment = {
        **machine.environment,
        "PATH": f"{machine.root}/bin{os.pathsep}{tool_path()}",
        "PULUMI_HOME": str(choice.choose("auto", machine.local, machine.environment)),
        "PULUMI_BACKEND_URL": f"file://{machine.root}/state",
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",  # as ./local has it
    }
    for command in (["stack", "init", "test"], ["preview"]):
        done = subprocess.run(
            ["pulumi", *command, "--non-interactive"], cwd=project, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert machine.log.read_text().splitlines()[:4] == ON_LOOPBACK
    assert "warning" not in done.stdout + done.stderr
