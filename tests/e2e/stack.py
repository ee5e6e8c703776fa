"""A stack of its own for a test: the program as it stands, a local cloud on a free port, the real Pulumi engine."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from localcloud.core.home import call
from localcloud.testing.ports import free_port
from tests.checkout import CHECKOUT

LOCAL = "local"
"""The stack that ./local is for."""
PROGRAM = ("Pulumi.yaml", "__main__.py", "components", "imagesearch", "queries", ".venv")
"""What a stack's folder needs of the checkout; linked, not copied."""
NOT_INSTALLED = Path(__file__).with_name("not_installed")
"""Hides what is in .venv for the tests alone and makes each command start later."""


def pointed_at_local_cloud(file: Path, port: int) -> str:
    """A stack file with the local cloud's endpoints and project, and everything else as it stands."""
    local = re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{port}", (CHECKOUT / f"Pulumi.{LOCAL}.yaml").read_text())
    if file.name == f"Pulumi.{LOCAL}.yaml":
        return local
    provider = {key: value for key, value in yaml.safe_load(local)["config"].items() if key.startswith("gcp:")}
    return yaml.safe_dump({"config": {**yaml.safe_load(file.read_text())["config"], **provider}}, sort_keys=False)


@dataclass
class Stack:
    """The program in `folder`, its local cloud's home in `folder`/.local.

    Its config is the stack file `file`, by default the repository's of its name, with nothing but the endpoints
    changed. Stacks of other names in the same folder, at the same port, share the cloud.
    """

    folder: Path
    port: int = field(default_factory=free_port)
    embedder: str = "real"
    name: str = LOCAL
    file: Path | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in PROGRAM:
            if not (self.folder / name).exists():
                (self.folder / name).symlink_to(CHECKOUT / name)
        file = self.file or CHECKOUT / f"Pulumi.{self.name}.yaml"
        self.config.write_text(pointed_at_local_cloud(file, self.port))
        self.environment = self._environment()  # of a cloud that does not run yet, hence the port

    @property
    def home(self) -> Path:
        return self.folder / ".local"

    @property
    def config(self) -> Path:
        return self.folder / f"Pulumi.{self.name}.yaml"

    def _environment(self) -> dict[str, str]:
        """What `./local env` exports, with this stack's home and port."""
        outer = {
            "GCP_PLUGIN": "stand-in",  # the same on every machine, unless the environment asks for another
            **os.environ,
            "LOCALCLOUD_HOME": str(self.home),
            "LOCALCLOUD_PORT": str(self.port),
            "PYTHONPATH": os.pathsep.join(filter(None, [str(NOT_INSTALLED), os.environ.get("PYTHONPATH")])),
        }
        script = f'eval "$({shlex.quote(str(CHECKOUT / "local"))} env)" && env -0'
        exported = subprocess.run(["bash", "-c", script], env=outer, capture_output=True, check=True).stdout.decode()
        inner = dict(line.split("=", 1) for line in exported.split("\0") if "=" in line)
        return {**outer, **inner, "PULUMI_STACK": self.name}

    def run(self, *command: str, check: bool = True, timeout: float = 240) -> subprocess.CompletedProcess[str]:
        """A command with the stack's environment, in its folder."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{shlex.join(command)} → {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def start_cloud(self) -> None:
        """Start the local cloud, from what is in its home."""
        self.run(*self._cloud("serve", "--detach", "--embedder", self.embedder))

    def stop_cloud(self) -> None:
        """Stop it, if it runs."""
        self.run(*self._cloud("stop"), check=False)

    def _cloud(self, *arguments: str) -> list[str]:
        return [str(CHECKOUT / ".venv/bin/python"), "-m", "localcloud", *arguments]

    def cloud(self, *arguments: str) -> Any:
        """A command of the local cloud that answers JSON."""
        return json.loads(self.run(*self._cloud(*arguments)).stdout)

    def ledger(self) -> dict[str, Any]:
        """What embedding has cost so far; asked without a process, which takes longer than the answer."""
        return call(f"http://127.0.0.1:{self.port}", "/control/ledger")

    def pulumi(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A pulumi command on the stack: by ./local where there is none yet, for that makes it; then by itself, since
        the environment is what ./local gives, and that takes three processes a command."""
        chosen = [] if self.name == LOCAL else ["--stack", self.name]
        command = ["pulumi"] if self._initialized() else [str(CHECKOUT / "local"), "pulumi"]
        return self.run(*command, *arguments, *chosen, "--non-interactive", check=check)

    def _initialized(self) -> bool:
        return any((self.home / "pulumi-state/.pulumi/stacks").glob(f"*/{LOCAL}.json"))

    def init(self) -> None:
        """Make the stack in the engine's state; ./local does that for its own."""
        self.run(str(CHECKOUT / "local"), "pulumi", "stack", "init", self.name, "--no-select", "--non-interactive")

    def up(self, *flags: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.pulumi("up", "--yes", "--skip-preview", *flags, check=check)

    def set(self, **sections: dict[str, Any] | list[Any] | None) -> None:
        """Change sections of the stack's settings; None removes one."""
        config = yaml.safe_load(self.config.read_text())
        for name, values in sections.items():
            key = f"image-search:{name}"
            if values is None:
                config["config"].pop(key, None)
            elif isinstance(values, dict):
                config["config"][key] = {**config["config"].get(key, {}), **values}
            else:
                config["config"][key] = values
        self.config.write_text(yaml.safe_dump(config, sort_keys=False))

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs as they are now, as `imagesearch status` prints them for machines."""
        return json.loads(self.run(".venv/bin/python", "-m", "imagesearch", "status", "--json").stdout)

    def resources(self, name: str = "") -> list[dict[str, Any]]:
        """What the engine's state holds of this stack, or of another in its folder, from the state's file: asking the
        command line takes a second."""
        (file,) = (self.home / "pulumi-state/.pulumi/stacks").glob(f"*/{name or self.name}.json")
        resources: list[dict[str, Any]] = json.loads(file.read_text())["checkpoint"]["latest"].get("resources", [])
        return resources

    def exports(self) -> dict[str, Any]:
        """The stack's outputs as the last `up` left them, from the same file."""
        (root,) = [resource for resource in self.resources() if resource["type"] == "pulumi:pulumi:Stack"]
        outputs: dict[str, Any] = root["outputs"]
        return outputs

    def remove(self) -> None:
        self.stop_cloud()
        shutil.rmtree(self.folder, ignore_errors=True)
