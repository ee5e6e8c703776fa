"""BigQuery's types and how SQL, REST schemas and query parameters spell them.

    REST field {"type": "RECORD", "mode": "REPEATED", …}   <->  Type  ->  ARRAY<STRUCT<…>>

engine/duckdb_types.py has the DuckDB type of each. Source: the BigQuery REST reference (TableFieldSchema,
QueryParameterType) and the data type page of GoogleSQL.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, replace
from typing import Any

from localcloud.core.errors import ApiError, Unsupported, invalid

_NUMBERS, _TIMES = ("INT64", "FLOAT64", "NUMERIC"), ("TIMESTAMP", "DATETIME", "DATE", "TIME", "INTERVAL")
SCALARS = (*_NUMBERS, *_TIMES, "BOOL", "STRING", "BYTES", "JSON")
"""The kinds of types without parts."""
_REST = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN", "STRUCT": "RECORD"}
_NAMES = {
    **{kind: kind for kind in (*SCALARS, "STRUCT")},
    **{rest: kind for kind, rest in _REST.items()},
    **dict.fromkeys(("INT", "SMALLINT", "BIGINT", "TINYINT", "BYTEINT"), "INT64"),
    "DECIMAL": "NUMERIC",
    "TIMESTAMPTZ": "TIMESTAMP",
    "DOUBLE": "FLOAT64",
    "TEXT": "STRING",
    "VARCHAR": "STRING",
    "VARBINARY": "BYTES",
    "BINARY": "BYTES",
}


@dataclass(frozen=True)
class Type:
    """One BigQuery type. `kind` is INT64, STRING, STRUCT …; `fields` a STRUCT's; `array` makes it an ARRAY of that."""

    kind: str
    fields: tuple[tuple[str, Type], ...] = ()
    array: bool = False

    @property
    def element(self) -> Type:
        return replace(self, array=False)

    def sql(self) -> str:
        """The type as GoogleSQL spells it."""
        if self.array:
            return f"ARRAY<{self.element.sql()}>"
        if self.kind == "STRUCT":
            return "STRUCT<" + ", ".join(f"{name} {kind.sql()}".strip() for name, kind in self.fields) + ">"
        return self.kind

    def field(self, name: str) -> dict[str, Any]:
        """The REST TableFieldSchema of a column of this type."""
        body: dict[str, Any] = {"name": name, "type": _REST.get(self.kind, self.kind)}
        body["mode"] = "REPEATED" if self.array else "NULLABLE"
        if self.kind == "STRUCT":
            body["fields"] = [kind.field(inner) for inner, kind in self.fields]
        return body


Columns = tuple[tuple[str, Type], ...]


def with_field_names(kind: Type) -> Type:
    """The type with the names that REST gives to the fields of a STRUCT without names."""
    fields = (
        (name or f"_field_{place}", with_field_names(inner)) for place, (name, inner) in enumerate(kind.fields, 1)
    )
    return replace(kind, fields=tuple(fields))


def rest_schema(columns: Columns) -> dict[str, Any]:
    """REST TableSchema of columns."""
    return {"fields": [kind.field(name) for name, kind in columns]}


def columns_of(schema: dict[str, Any]) -> Columns:
    """Columns of a REST TableSchema. Raises ApiError for types that do not exist or are not served here."""
    return tuple((field["name"], from_field(field)) for field in schema.get("fields", []))


def from_field(field: dict[str, Any]) -> Type:
    """The type of a REST TableFieldSchema."""
    kind = named(str(field.get("type", "")))
    return Type(kind, columns_of(field) if kind == "STRUCT" else (), field.get("mode") == "REPEATED")


def named(name: str) -> str:
    """The kind that a type name, of SQL or of REST, means."""
    upper = name.upper()
    if upper in _NAMES:
        return _NAMES[upper]
    if upper in ("GEOGRAPHY", "BIGNUMERIC", "BIGDECIMAL", "RANGE"):
        raise Unsupported(f"the type {upper}")
    raise invalid(f"Invalid value for type: {name} is not a valid value")


# Query parameters


def parameter(body: dict[str, Any]) -> tuple[Type, Any]:
    """Type and value of a REST QueryParameter. The value is text, list or dict, to be cast to the type."""
    kind = _parameter_type(body.get("parameterType") or {})
    try:
        return kind, _parameter_value(body.get("parameterValue") or {}, kind)
    except (binascii.Error, KeyError, TypeError) as error:
        raise invalid(f"Invalid value for query parameter {body.get('name') or ''}".rstrip()) from error


def _parameter_type(body: dict[str, Any]) -> Type:
    kind = str(body.get("type", "")).upper()
    if kind == "ARRAY":
        return replace(_parameter_type(body["arrayType"]), array=True)
    if kind in ("STRUCT", "RECORD"):
        fields = ((field.get("name", ""), _parameter_type(field["type"])) for field in body.get("structTypes", []))
        return Type("STRUCT", tuple(fields))
    if not kind:
        raise invalid("Required parameter is missing: parameterType")
    return Type(named(kind))


def _parameter_value(body: dict[str, Any], kind: Type) -> Any:
    if kind.array:
        if "arrayValues" not in body:
            return [] if body.get("value") is None else _refuse_value(kind)
        return [_parameter_value(item, kind.element) for item in body["arrayValues"]]
    if kind.kind == "STRUCT":
        values = body.get("structValues")
        unknown = set(values or ()) - {name for name, _ in kind.fields}
        if unknown:
            raise invalid(f"A query parameter of type {kind.sql()} has no field {', '.join(sorted(unknown))}")
        return None if values is None else {name: _parameter_value(values.get(name, {}), k) for name, k in kind.fields}
    value = body.get("value")
    if value is None:
        return None
    return base64.b64decode(value, validate=True) if kind.kind == "BYTES" else str(value)


def _refuse_value(kind: Type) -> ApiError:
    raise invalid(f"Invalid value for query parameter of type {kind.sql()}")
