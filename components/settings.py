"""The stack's settings, from its config. Everything is checked here, before the first resource is declared."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env

from imagesearch.errors import ImageSearchError, SettingsError
from imagesearch.gcp.sql import dataset_name
from imagesearch.pipeline.ownership import stack_labels
from imagesearch.settings.schema import Settings, parse


@dataclass(frozen=True)
class Stack:
    """The stack's settings and where it lives: the facts that every resource needs, known before any is made."""

    settings: Settings
    project: str
    labels: dict[str, str]

    @property
    def location(self) -> str:
        """Where the dataset, the connection and every job are."""
        return self.settings.dataset.location

    @property
    def place(self) -> dict[str, Any]:
        """The inputs with which every dynamic resource finds its warehouse."""
        return {"project": self.project, "location": self.location, "labels": self.labels}


def provider_config(key: str) -> str | None:
    """A setting of the stack's gcp provider, by its whole key: gcp:accessToken."""
    return pulumi.Config("gcp").get(key.removeprefix("gcp:"))


def load() -> Stack:
    """Read and check the config. Ends the program with one message that names every wrong key."""
    try:
        project = provider_config("gcp:project")
        if not project:
            raise SettingsError(
                "The stack has no Google Cloud project.", "Set it: pulumi config set gcp:project my-project"
            )
        settings = parse(_values(), source=f"Pulumi.{pulumi.get_stack()}.yaml")
        try:
            dataset_name(project, settings.dataset.id)
        except ValueError as error:
            raise SettingsError(f"gcp:project: {error}.", "Nothing was created or changed.") from None
    except ImageSearchError as error:
        raise pulumi.RunError(str(error)) from None
    return Stack(settings, project, stack_labels(pulumi.get_project(), pulumi.get_stack()))


def _values() -> dict[str, Any]:
    """Every key of this project's in the stack config, sections parsed."""
    namespace = f"{pulumi.get_project()}:"
    config = {**get_config_env(), **CONFIG.get()}
    return {key.removeprefix(namespace): _parsed(value) for key, value in config.items() if key.startswith(namespace)}


def _parsed(value: Any) -> Any:
    """Sections arrive as JSON text, plain values as text."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except json.JSONDecodeError:
        return value
