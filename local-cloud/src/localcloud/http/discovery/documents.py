"""Finds the method of an API that a request calls, by the discovery documents."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from localcloud.core.store import Document

PREFIXES = {
    "/bigquery/v2/": "bigquery.v2",
    "/storage/v1/": "storage.v1",
    "/bigqueryconnection/v1/": "bigqueryconnection.v1",
    "/cloudresourcemanager/v1/": "cloudresourcemanager.v1",
    "/serviceusage/v1/": "serviceusage.v1",
    "/serviceusage/v1beta1/": "serviceusage.v1beta1",
    "/dataform/v1/": "dataform.v1",
    "/dataform/v1beta1/": "dataform.v1beta1",
    "/aiplatform/v1/": "aiplatform.v1",
}
"""Where on this server an API is, and its document. Uploads and downloads are below /upload and /download."""

_UNDOCUMENTED: dict[str, Document] = {
    "bigquery.jobs.get": {"projection": {"type": "string"}},
    "bigquery.jobs.cancel": {"projection": {"type": "string"}},
}
"""Parameters that google-cloud-bigquery sends and the documents do not have."""


@dataclass(frozen=True)
class Method:
    """A method of an API."""

    api: str
    id: str
    pattern: re.Pattern[str]
    spec: Document

    def calls(self, verb: str, path: str) -> bool:
        """Whether `verb` on `path` is a call of it."""
        return bool(self.spec["httpMethod"] == verb and self.pattern.fullmatch(path))

    @property
    def own_parameters(self) -> dict[str, Document]:
        """The query parameters that it takes beside those that every method of its API takes."""
        return {name: each for name, each in self.spec.get("parameters", {}).items() if each["location"] == "query"}

    @property
    def parameters(self) -> dict[str, Document]:
        """Every query parameter that it takes."""
        return {**document(self.api)["parameters"], **self.own_parameters, **_UNDOCUMENTED.get(self.id, {})}

    @property
    def parts(self) -> list[tuple[str, bool]]:
        """Its path in pieces, below the API's base: (text, whether it is a parameter's name)."""
        pieces = re.split(r"\{\+?([^}]*)\}", _path(self.spec))
        return [(piece, n % 2 == 1) for n, piece in enumerate(pieces)]

    @property
    def request(self) -> str | None:
        """The schema of its body; None when it has none."""
        schema: str | None = self.spec.get("request", {}).get("$ref")
        return schema

    @property
    def response(self) -> str | None:
        """The schema of its answer; None when it answers nothing."""
        schema: str | None = self.spec.get("response", {}).get("$ref")
        return schema


@cache
def document(api: str) -> Document:
    """A discovery document, such as that of `bigquery.v2`."""
    found: Document = json.loads(
        (files("googleapiclient.discovery_cache.documents") / f"{api}.json").read_text(encoding="utf-8"),
        object_hook=_without_prose,
    )
    return found


def _without_prose(part: Document) -> Document:
    """Leaves out explanations, most of a document; a field that is named `description` is a dictionary and stays."""
    prose = ("description", "enumDescriptions", "scopes")
    return {name: each for name, each in part.items() if name not in prose or isinstance(each, dict)}


def find(verb: str, path: str) -> Method | None:
    """The method that `verb` on `path` (still percent-encoded) calls; None when the documents have none."""
    path = re.sub(r"^/(upload|download)(?=/)", "", path)
    for prefix, api in PREFIXES.items():
        if path.startswith(prefix):
            relative = path if document(api)["servicePath"] else path.removeprefix("/" + api.split(".")[0])
            return next((each for each in methods(api) if each.calls(verb, relative)), None)
    return None


@cache
def methods(api: str) -> list[Method]:
    """The methods of an API, those with the most literal paths first."""
    found = []
    base = document(api)["servicePath"]
    for spec in sorted(_specs(document(api)), key=lambda each: (_path(each).count("{"), -len(_path(each)))):
        # Where methods end in `:verb`, a name has no colon; in other APIs it may.
        literal = [re.escape(part) for part in re.split(r"\{[^}]*\}", _path(spec))]
        pattern = "/" + re.escape(base) + (r"[^/]+" if base else r"[^/:]+").join(literal)
        found.append(Method(api, spec["id"], re.compile(pattern), spec))
    return found


def _path(spec: Document) -> str:
    path: str = spec.get("flatPath") or spec["path"]
    return path


def _specs(part: Document) -> Iterator[Document]:
    yield from part.get("methods", {}).values()
    for resource in part.get("resources", {}).values():
        yield from _specs(resource)
