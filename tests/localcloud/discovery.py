"""Google's API discovery documents as an oracle: is this JSON an answer that the API could give?

The documents come with google-api-python-client. Every field must exist in the schema and have its JSON type; int64 and
the like travel as strings.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import googleapiclient

_JSON_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}


@cache
def document(service: str, version: str) -> dict[str, Any]:
    """The static discovery document of an API."""
    folder = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"
    found: dict[str, Any] = json.loads((folder / f"{service}.{version}.json").read_text())
    return found


def problems(service: str, version: str, schema: str, value: Any) -> list[str]:
    """What in `value` the schema does not know or knows otherwise; empty when it fits."""
    schemas = document(service, version)["schemas"]

    def look(spec: dict[str, Any], value: Any, path: str) -> list[str]:
        if "$ref" in spec:
            return look(schemas[spec["$ref"]] | {"id": spec["$ref"]}, value, path)
        kind = spec.get("type", "any")
        if kind == "any":
            return []
        if not isinstance(value, _JSON_TYPES[kind]) or (kind == "integer" and isinstance(value, bool)):
            return [f"{path}: {value!r} is no {kind}"]
        if kind == "array":
            return [p for n, item in enumerate(value) for p in look(spec["items"], item, f"{path}[{n}]")]
        if kind == "object":
            return members(spec, value, path)
        return []

    def members(spec: dict[str, Any], value: dict[str, Any], path: str) -> list[str]:
        known, others = spec.get("properties", {}), spec.get("additionalProperties")
        found = []
        for name, item in value.items():
            if name in known:
                found += look(known[name], item, f"{path}.{name}")
            elif others is not None:
                found += look(others, item, f"{path}.{name}")
            else:
                found.append(f"{path}.{name}: not in {spec.get('id', 'the schema')}")
        return found

    return look(schemas[schema] | {"id": schema}, value, schema)
