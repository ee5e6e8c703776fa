"""A stack's settings, which exist before the stack: from its file, and from `pulumi config` if the stack exists.

The file is Pulumi.<stack>.yaml beside Pulumi.yaml, in the current folder or one above it. STACK_CONFIG_FILE names
another file for the stack of its name, Pulumi.<stack>.yaml, as --config-file does for `pulumi`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from imagesearch.errors import SettingsError
from imagesearch.gcp.rest import Client
from imagesearch.gcp.sql import dataset_name
from imagesearch.pipeline.ownership import stack_labels
from imagesearch.settings import schema
from imagesearch.settings.schema import Settings


@dataclass(frozen=True)
class StackFile:
    """The name and the config of a stack, which need not exist yet."""

    stack: str
    config: dict[str, Any]
    """Values by key with namespace, as in gcp:project; sections are parsed."""
    program: str
    """The name of the Pulumi project, which is the namespace of its keys."""

    @property
    def settings(self) -> Settings:
        """The checked settings. Raises SettingsError."""
        namespace = f"{self.program}:"
        values = {key.removeprefix(namespace): v for key, v in self.config.items() if key.startswith(namespace)}
        return schema.parse(values, source=f"Pulumi.{self.stack}.yaml")

    @property
    def project(self) -> str:
        """The id of the Google Cloud project. Raises SettingsError when it is missing or not a project id."""
        project = str(self.config.get("gcp:project") or "")
        if not project:
            raise SettingsError(
                f"Pulumi.{self.stack}.yaml has no Google Cloud project.",
                f"Run: pulumi stack select --create {self.stack} && pulumi config set gcp:project my-project; "
                "or try a project with --project.",
            )
        try:
            dataset_name(project, "dataset")
        except ValueError as error:
            raise SettingsError(f"gcp:project: {error}.", "Nothing was created or changed.") from None
        return project

    @property
    def labels(self) -> dict[str, str]:
        """The labels that the stack sets on its resources."""
        return stack_labels(self.program, self.stack)

    @property
    def client(self) -> Client:
        """A REST client with the endpoints and the token of the stack's gcp provider."""
        return Client.of(self.config.get)


def read(stack: str | None = None, project: str | None = None) -> StackFile:
    """The file of the named stack, of PULUMI_STACK, or of the selected one; `project` replaces gcp:project.

    Raises SettingsError when there is no such file.
    """
    folder = _folder()
    program = str(_yaml(folder / "Pulumi.yaml").get("name"))
    name = (stack or os.environ.get("PULUMI_STACK") or _selected(folder)).rsplit("/", 1)[-1]
    path = _file(folder, name)
    existing = ", ".join(sorted(file.name.split(".")[1] for file in folder.glob("Pulumi.*.yaml"))) or "none"
    remedy = f"Name a stack with --stack or PULUMI_STACK; with a file here: {existing}."
    if not name:
        raise SettingsError("No stack is selected.", remedy)
    if not path.is_file():
        raise SettingsError(f"There is no {path.name}.", remedy)
    config = {**(_yaml(path).get("config") or {}), **_pulumi_config(folder, name)}
    return StackFile(name, {**config, **({"gcp:project": project} if project else {})}, program)


def _file(folder: Path, stack: str) -> Path:
    named = os.environ.get("STACK_CONFIG_FILE")
    if named and Path(named).name == f"Pulumi.{stack}.yaml":
        return Path(named)
    return folder / f"Pulumi.{stack}.yaml"


def _folder() -> Path:
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "Pulumi.yaml").is_file():
            return folder
    raise SettingsError(f"There is no Pulumi.yaml in {here} or above it.", "Go to the folder of the program.")


def _yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise SettingsError(f"{path.name} is not YAML: {' '.join(str(error).split())}.", "Correct it.") from None
    return content if isinstance(content, dict) else {}


def _selected(folder: Path) -> str:
    return _pulumi(folder, "stack", "--show-name").strip()


def _pulumi_config(folder: Path, stack: str) -> dict[str, Any]:
    """The config as Pulumi has it: secrets decrypted, and values of its environments. Empty if there is no stack."""
    output = _pulumi(folder, "config", "--json", "--show-secrets", "--stack", stack)
    config: dict[str, Any] = json.loads(output) if output else {}
    return {key: entry.get("objectValue", entry.get("value", "")) for key, entry in config.items()}


def _pulumi(folder: Path, *arguments: str) -> str:
    """The output of a pulumi command; empty if pulumi is not installed or the command fails (no stack, no login)."""
    pulumi = shutil.which("pulumi")
    if pulumi is None:
        return ""
    command = [pulumi, *arguments, "--non-interactive"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, timeout=60
    )
    return done.stdout if done.returncode == 0 else ""
