"""What the dynamic providers have in common: the way to the warehouse, one-line errors, progress.

A provider class is stateless, is defined at the top of an importable module, and only translates between the
properties of a resource and imagesearch/, where a specification (imagesearch/settings/spec.py) says which they are.
"""

from __future__ import annotations

import sys
import traceback
from functools import cache
from types import SimpleNamespace
from typing import Any

import pulumi
from pulumi.dynamic import Config, ConfigureRequest, DiffResult, ResourceProvider
from pulumi.output import contains_unknowns

from imagesearch.errors import ImageSearchError
from imagesearch.gcp.bigquery import Target, Warehouse

Properties = dict[str, Any]


class Provider(ResourceProvider):
    """A resource of the warehouse. `replacing` names the inputs that make it another resource."""

    serialize_as_secret_always = False
    replacing: tuple[str, ...] = ("project", "location")
    _config: Config

    def configure(self, req: ConfigureRequest) -> None:
        self._config = req.config
        _report_our_errors_without_traceback()

    def diff(self, _id: str, olds: Properties, news: Properties) -> DiffResult:
        """Which changed inputs replace the resource, and whether the data have changed; the engine compares the inputs.

        In a preview, inputs that come from a resource to be updated are unknown: then the data are not asked.
        """
        replaces = [key for key in self.replacing if key in olds and olds[key] != news.get(key)]
        moved = not contains_unknowns(news) and not replaces and self.moved(olds, news)
        return DiffResult(changes=True if moved or replaces else None, replaces=replaces)

    def moved(self, olds: Properties, news: Properties) -> bool:
        """Whether the data have changed though the inputs have not: at most one cheap query."""
        return False

    def warehouse(self, properties: Properties) -> Warehouse:
        """The warehouse that these properties are of."""
        target = Target.of(self._config.get, properties["project"], properties["location"])
        return _warehouse(target, tuple(sorted(properties["labels"].items())))


def hidden(options: pulumi.ResourceOptions | None = None) -> pulumi.ResourceOptions:
    """Options of every dynamic resource: its serialized provider is no news in a diff."""
    return pulumi.ResourceOptions.merge(pulumi.ResourceOptions(hide_diffs=["__provider"]), options)


def inputs_of(properties: Properties, *names: str) -> Properties:
    """The inputs among a resource's properties, for a read that must not touch the others."""
    return {name: properties[name] for name in ("project", "location", "labels", *names) if name in properties}


def say(line: str) -> None:
    """One line of progress to whoever watches the engine: in one write, for resources work at the same time, and not
    twice in a row, for an update repeats what the diff before it said."""
    if _said[-1:] != [line]:
        _said[:] = [line]
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


_said: list[str] = []
"""The last line that was said."""


@cache
def _warehouse(target: Target, labels: tuple[tuple[str, str], ...]) -> Warehouse:
    return Warehouse(target, labels=dict(labels))


def _report_our_errors_without_traceback() -> None:
    """Our errors are two lines for the reader. The SDK's host of dynamic providers answers every exception with its
    traceback (pulumi 3.272.0, pulumi/dynamic/__main__.py, `_abort_with_traceback`); only that module's own name
    `traceback` is replaced."""
    host = sys.modules["__main__"]
    if hasattr(host, "_abort_with_traceback"):
        vars(host)["traceback"] = SimpleNamespace(format_exc=_format_exc)


def _format_exc() -> str:
    error = sys.exc_info()[1]
    return str(error) if isinstance(error, ImageSearchError) else traceback.format_exc()
