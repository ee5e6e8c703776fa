"""Checks values against discovery documents: names, JSON types, formats and enumerations."""

from __future__ import annotations

import re
from collections.abc import Mapping

from localcloud.core.store import Document
from localcloud.http.discovery.documents import Method, document

_JSON_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}
_FORMATS = {
    "byte": r"[A-Za-z0-9+/_-]*={0,2}",
    "date-time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)",
    "google-datetime": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z",
    "google-duration": r"-?\d+(\.\d+)?s",
}
_WHOLE_NUMBERS = {
    "int32": range(-(2**31), 2**31),
    "uint32": range(2**32),
    "int64": range(-(2**63), 2**63),
    "uint64": range(2**64),
}
"""The range of each format. 64-bit numbers travel as strings."""
_MAX_DIGITS = 20
_SENT_AS_NUMBERS = {("QueryParameterValue", "value")}
"""String fields in which google-cloud-bigquery sends numbers."""
_NUMBERS_OF_STRUCT = ("NaN", "Infinity", "-Infinity")


_MAX_ITEMS = 100
"""So many items of an array are checked: rows are alike, and there can be many."""


def problems(api: str, schema: str, value: object, *, sent: bool = False) -> list[str]:
    """What in `value` the schema of `api` does not allow; empty when it conforms.

    `sent`: it is a request, in which null means absent, and a number may be sent as text and the other way round (the
    JSON mapping of protocol buffers).
    """
    return _Checker(document(api)["schemas"], sent).check({"$ref": schema}, value, schema)


def parameter_problems(method: Method, given: Mapping[str, list[str]]) -> list[str]:
    """The same for the query parameters of a call, by name."""
    known = method.parameters
    found = [f"parameter {name}: not one of {method.id}" for name in given if name not in known]
    for name, values in given.items():
        spec = known.get(name, {})
        if len(values) > 1 and not spec.get("repeated") and spec:
            found.append(f"parameter {name}: given {len(values)} times")
        wanted = f"none of {', '.join(spec['enum'])}" if "enum" in spec else f"no {spec.get('type')}"
        found += [f"parameter {name}: {value!r} is {wanted}" for value in values if not _parses(spec, value)]
    required = [name for name, spec in known.items() if spec.get("required")]
    return found + [f"parameter {name}: missing" for name in required if name not in given]


def error_problems(value: object, status: int) -> list[str]:
    """What in an error answer is not of the form of Google's REST services: {"error": {code, message, errors?, …}}."""
    error = value.get("error") if isinstance(value, dict) else None
    if not isinstance(error, dict):
        return ["no error object"]
    found = [] if error.get("code") == status else [f"error.code {error.get('code')!r} under HTTP status {status}"]
    if not isinstance(error.get("message"), str) or not error["message"]:
        found.append("error.message is empty")
    for item in error.get("errors", []):
        found += [f"error.errors: no {name}" for name in ("message", "reason", "domain") if not item.get(name)]
    return found


def _parses(spec: Document, text: str) -> bool:
    """Whether a query parameter's text is a value of its type; an empty text counts as absent."""
    if not text:
        return True
    kind = spec.get("type")
    if kind == "integer":
        return _is_whole(spec, text)
    if kind == "boolean":
        return text in ("true", "false", "True", "False")
    if spec.get("format") in _WHOLE_NUMBERS:
        return _is_whole(spec, text)
    return "enum" not in spec or text in spec["enum"]


def _has_alternative_spelling(spec: Document, value: object) -> bool:
    """Whether it is a number sent as text, or the other way round, where a request may."""
    if spec.get("type") == "string" and spec.get("format") in ("int64", "uint64"):
        return isinstance(value, int) and not isinstance(value, bool) and value in _WHOLE_NUMBERS[spec["format"]]
    return spec.get("type") == "integer" and isinstance(value, str) and _is_whole(spec, value)


def _is_whole(spec: Document, text: str) -> bool:
    """Whether the text is a whole number in the format's range."""
    fits = _WHOLE_NUMBERS.get(spec.get("format", "int64"), _WHOLE_NUMBERS["int64"])
    return re.fullmatch(rf"-?[0-9]{{1,{_MAX_DIGITS}}}", text) is not None and int(text) in fits


class _Checker:
    def __init__(self, schemas: Document, sent: bool) -> None:
        self._schemas = schemas
        self._sent = sent

    def check(self, spec: Document, value: object, path: str) -> list[str]:
        if "$ref" in spec:
            spec = self._schemas[spec["$ref"]]
        kind = spec.get("type", "any")
        if kind == "any" or (self._sent and (value is None or _has_alternative_spelling(spec, value))):
            return []
        if kind == "number" and value in _NUMBERS_OF_STRUCT:
            return []
        if not isinstance(value, _JSON_TYPES[kind]) or (kind in ("integer", "number") and isinstance(value, bool)):
            return [f"{path}: {value!r} is no {kind}"]
        if isinstance(value, list):
            indexed = enumerate(value[:_MAX_ITEMS])
            return [found for n, item in indexed for found in self.check(spec["items"], item, f"{path}[{n}]")]
        if isinstance(value, dict):
            return self._members(spec, value, path)
        if kind == "integer" and value not in _WHOLE_NUMBERS.get(spec.get("format", "int64"), (value,)):
            return [f"{path}: {value!r} is no {spec.get('format', kind)}"]
        return self._text(spec, value, path) if isinstance(value, str) else []

    def _text(self, spec: Document, value: str, path: str) -> list[str]:
        form = _FORMATS.get(spec.get("format", ""))
        whole = spec.get("format") in _WHOLE_NUMBERS
        if (form and not re.fullmatch(form, value)) or (whole and not _is_whole(spec, value)):
            return [f"{path}: {value!r} is no {spec['format']}"]
        if "enum" in spec and value not in spec["enum"]:
            return [f"{path}: {value!r} is none of {', '.join(spec['enum'])}"]
        return []

    def _members(self, spec: Document, value: Document, path: str) -> list[str]:
        known, others = spec.get("properties", {}), spec.get("additionalProperties")
        found = []
        for name, item in value.items():
            if self._sent and (spec.get("id"), name) in _SENT_AS_NUMBERS and isinstance(item, int | float):
                continue
            if name in known or others is not None:
                found += self.check(known.get(name, others), item, f"{path}.{name}")
            else:
                found.append(f"{path}.{name}: not in {spec.get('id', 'the schema')}")
        return found
