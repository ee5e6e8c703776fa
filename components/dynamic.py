"""What the dynamic providers have in common: the way to the warehouse, one-line errors, progress.

A provider class is stateless, lives at the top of an importable module, and only translates between Pulumi's properties
and imagesearch/. Numbers arrive as floats and None is dropped; pydantic puts both right where properties become
a dataclass of imagesearch/.
"""

from __future__ import annotations

import sys
import traceback
from functools import cache
from typing import Any

import pulumi
from pulumi.dynamic import ConfigureRequest, DiffResult, ResourceProvider
from pulumi.output import contains_unknowns

from imagesearch.errors import ImageSearchError
from imagesearch.gcp.bigquery import Target, Warehouse
from imagesearch.gcp.sql import Identifier

Properties = dict[str, Any]


class Provider(ResourceProvider):
    """A resource of the warehouse. `replacing` names the inputs that make it another resource."""

    serialize_as_secret_always = False
    replacing: tuple[str, ...] = ("project", "location")
    _endpoint = ""
    _access_token = ""

    def configure(self, req: ConfigureRequest) -> None:
        self._endpoint = req.config.get("gcp:bigQueryCustomEndpoint") or ""
        self._access_token = req.config.get("gcp:accessToken") or ""
        _answer_in_one_line()

    def diff(self, _id: str, olds: Properties, news: Properties) -> DiffResult:
        """Changed inputs are the engine's to find; here is which of them replace, and whether the data moved.

        In a preview, inputs that come from what is yet to be updated are not known: then the data are not looked at.
        """
        replaces = [key for key in self.replacing if key in olds and olds[key] != news.get(key)]
        moved = not contains_unknowns(news) and not replaces and self.moved(olds, news)
        return DiffResult(changes=True if moved or replaces else None, replaces=replaces)

    def moved(self, olds: Properties, news: Properties) -> bool:
        """Whether the world has changed though the inputs have not. Looks only where it costs one cheap query."""
        return False

    def warehouse(self, properties: Properties) -> Warehouse:
        """The warehouse that these properties are of."""
        target = Target(properties["project"], properties["location"], self._endpoint, self._access_token)
        return _warehouse(target, tuple(sorted(properties["labels"].items())))


def hidden(options: pulumi.ResourceOptions | None = None) -> pulumi.ResourceOptions:
    """Options of every dynamic resource: its serialized provider is no news in a diff."""
    return pulumi.ResourceOptions.merge(pulumi.ResourceOptions(hide_diffs=["__provider"]), options)


def inputs_of(properties: Properties, *names: str) -> Properties:
    """The inputs among a resource's properties, for a read that must not touch the others."""
    return {name: properties[name] for name in ("project", "location", "labels", *names) if name in properties}


def identifier(path: str) -> Identifier:
    """A dotted path that was validated when it was an input."""
    return Identifier(tuple(path.split(".")))


def say(line: str) -> None:
    """One line of progress to whoever watches the engine: in one piece, for resources work at the same time, and not
    again what was said last, for an update says what the diff before it said."""
    if _said[-1:] != [line]:
        _said[:] = [line]
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


_said: list[str] = []
"""The last line that was said."""


@cache
def _warehouse(target: Target, labels: tuple[tuple[str, str], ...]) -> Warehouse:
    return Warehouse(target, labels=dict(labels))


def _answer_in_one_line() -> None:
    """Our errors are for the reader; the SDK's host of dynamic providers answers any exception with its traceback."""
    with_traceback = traceback.format_exc

    def format_exc(limit: int | None = None, chain: bool = True) -> str:
        error = sys.exc_info()[1]
        return str(error) if isinstance(error, ImageSearchError) else with_traceback(limit, chain)

    if not getattr(traceback.format_exc, "of_image_search", False):
        format_exc.of_image_search = True  # type: ignore[attr-defined]
        traceback.format_exc = format_exc
