"""The stack files of the repository, found by name: Pulumi.<stack>.yaml."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from imagesearch.settings.schema import Settings, parse

ROOT = Path(__file__).resolve().parents[2]
NAMESPACE = "image-search:"
NO_PROJECT = "my-project"
"""The project of a stack whose file names none: its user sets it."""


@dataclass(frozen=True)
class StackFile:
    """One stack file."""

    stack: str
    config: dict[str, Any]
    """Every key with its namespace, sections parsed."""

    @property
    def sections(self) -> dict[str, Any]:
        """The keys of this project, without the namespace."""
        return {key.removeprefix(NAMESPACE): value for key, value in self.config.items() if key.startswith(NAMESPACE)}

    @property
    def settings(self) -> Settings:
        return parse(self.sections, source=f"Pulumi.{self.stack}.yaml")

    @property
    def project(self) -> str:
        return str(self.config.get("gcp:project", NO_PROJECT))


def read() -> list[StackFile]:
    """Every stack file, by name."""
    found = []
    for path in sorted(ROOT.glob("Pulumi.*.yaml")):
        # The port is its user's choice: `make up PORT=…` writes it there.
        text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8440", path.read_text(encoding="utf-8"))
        content = yaml.safe_load(text)
        found.append(StackFile(path.name.split(".")[1], content["config"]))
    return found


STACK_FILES = read()
