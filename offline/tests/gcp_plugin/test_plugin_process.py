"""The plugin as the engine starts it: an executable that prints its port, found from anywhere, ended by a signal."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2_grpc

from offline.gcp_plugin import VERSION, install

LAUNCHER = install.LAUNCHER


def started(command: Path, folder: Path) -> subprocess.Popen[str]:
    environment = {"PATH": "/usr/bin:/bin"}
    return subprocess.Popen([command, "127.0.0.1:1"], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_from_anywhere_through_a_link_and_ends_quietly(tmp_path: Path, ending: signal.Signals) -> None:
    link = tmp_path / "pulumi-resource-gcp"
    link.symlink_to(LAUNCHER)
    with started(link, tmp_path) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            information = provider_pb2_grpc.ResourceProviderStub(channel).GetPluginInfo(empty_pb2.Empty(), timeout=10)
        assert information.version == VERSION
        process.send_signal(ending)
        assert process.wait(timeout=10) == 0


def test_without_the_python_packages_it_names_the_target_that_installs_them(tmp_path: Path) -> None:
    launcher = tmp_path / "offline/gcp_plugin/bin/pulumi-resource-gcp"
    launcher.parent.mkdir(parents=True)
    shutil.copy(LAUNCHER, launcher)
    refused = subprocess.run([launcher, "127.0.0.1:1"], capture_output=True, text=True)
    assert refused.returncode == 1
    assert refused.stderr.endswith(f"is missing: run `make setup` in {tmp_path}\n")
    assert "\nsetup: " in (LAUNCHER.parents[3] / "Makefile").read_text()


def test_it_starts_without_importing_the_pulumi_package() -> None:
    script = (
        "import sys; from offline.gcp_plugin.__main__ import _skip_pulumi_package as skip; skip();"
        "import offline.gcp_plugin.servicer;"
        "print(*[m for m in ('pulumi.output', 'http.client', 'httpx', 'duckdb', 'starlette') if m in sys.modules])"
    )
    root = LAUNCHER.parents[3]
    answer = subprocess.run([sys.executable, "-c", script], cwd=root, check=True, capture_output=True, text=True)
    assert answer.stdout.strip() == "", "each of these makes every `pulumi` command start later"


def test_installing_twice_writes_once_and_uninstalling_takes_it_out(tmp_path: Path) -> None:
    folder = install.install(tmp_path)
    launcher = folder / "pulumi-resource-gcp"
    written = launcher.stat()
    assert install.install(tmp_path) == folder
    assert launcher.stat().st_mtime_ns == written.st_mtime_ns
    assert os.access(launcher, os.X_OK)
    with started(launcher, tmp_path) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) > 0
        process.send_signal(signal.SIGTERM)
    install.uninstall(tmp_path)
    assert not folder.exists()


def test_googles_own_plugin_is_not_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "plugins" / f"resource-gcp-v{VERSION}"
    folder.mkdir(parents=True)
    (folder / "pulumi-resource-gcp").write_bytes(b"\x7fELF")
    with pytest.raises(FileExistsError, match="remove that folder"):
        install.install(tmp_path)
    assert (folder / "pulumi-resource-gcp").read_bytes() == b"\x7fELF"
