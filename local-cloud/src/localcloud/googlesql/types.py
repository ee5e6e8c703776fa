"""BigQuery's types and the forms they take: SQL, DuckDB, REST schemas, REST cells and query parameters.

    REST field {"type": "RECORD", "mode": "REPEATED", …}   <->  Type  <->  DuckDB STRUCT(…)[]  <->  ARRAY<STRUCT<…>>
    REST cells: everything a string, TIMESTAMP as integer microseconds (what `formatOptions.useInt64Timestamp`, which
    the official client always sends, asks for), BYTES in base64, STRUCT {"f": [{"v": …}]}, ARRAY [{"v": …}].

Source: the BigQuery REST reference (TableFieldSchema, QueryParameterType) and the data type page of GoogleSQL.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, replace
from typing import Any

import duckdb
from sqlglot import exp

from localcloud.core.errors import ApiError, Unsupported, invalid, invalid_query

_DUCKDB = {
    "INT64": "BIGINT",
    "FLOAT64": "DOUBLE",
    "BOOL": "BOOLEAN",
    "STRING": "VARCHAR",
    "BYTES": "BLOB",
    "TIMESTAMP": "TIMESTAMP WITH TIME ZONE",
    "DATETIME": "TIMESTAMP",
    "DATE": "DATE",
    "TIME": "TIME",
    "NUMERIC": "DECIMAL(38,9)",
    "INTERVAL": "INTERVAL",
    "JSON": "JSON",
}
_REST = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN", "STRUCT": "RECORD"}
_NAMES = {
    **{kind: kind for kind in (*_DUCKDB, "STRUCT")},
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
_FROM_DUCKDB = {
    **dict.fromkeys(("BIGINT", "INTEGER", "SMALLINT", "TINYINT", "HUGEINT", "UBIGINT", "UHUGEINT"), "INT64"),
    **dict.fromkeys(("UINTEGER", "USMALLINT", "UTINYINT", '"NULL"', "NULL"), "INT64"),
    **dict.fromkeys(("DOUBLE", "FLOAT"), "FLOAT64"),
    **{duck: kind for kind, duck in _DUCKDB.items()},
}
#: Logical bytes of a value of fixed size (the data size page of the pricing documentation).
_BYTES = {"INT64": 8, "FLOAT64": 8, "BOOL": 1, "TIMESTAMP": 8, "DATETIME": 8, "DATE": 8, "TIME": 8, "NUMERIC": 16}


@dataclass(frozen=True)
class Type:
    """One BigQuery type. `kind` is INT64, STRING, STRUCT …; `fields` a STRUCT's; `array` makes it an ARRAY of that."""

    kind: str
    fields: tuple[tuple[str, Type], ...] = ()
    array: bool = False

    @property
    def element(self) -> Type:
        return replace(self, array=False)

    def duckdb(self) -> str:
        """The DuckDB type that holds it."""
        if self.array:
            return self.element.duckdb() + "[]"
        if self.kind == "STRUCT":
            return "STRUCT(" + ", ".join(f"{quote(name)} {kind.duckdb()}" for name, kind in self.fields) + ")"
        return _DUCKDB[self.kind]

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


def quote(name: str) -> str:
    """A DuckDB identifier."""
    return '"' + name.replace('"', '""') + '"'


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


def from_duckdb(text: str) -> Type:
    """The BigQuery type of what a DuckDB expression of this type gives."""
    return _from_duckdb_type(duckdb.sqltype(text) if text != '"NULL"' else None)


def _from_duckdb_type(kind: Any) -> Type:
    if kind is None:
        return Type("INT64")
    if kind.id in ("list", "array"):
        inner = _from_duckdb_type(kind.children[0][1])
        if inner.array:
            raise invalid_query(
                "Cannot construct array with element type ARRAY because nested arrays are not supported"
            )
        return replace(inner, array=True)
    if kind.id in ("struct", "tuple"):
        named = enumerate(kind.children, 1)
        return Type(
            "STRUCT", tuple((name or f"_field_{place}", _from_duckdb_type(inner)) for place, (name, inner) in named)
        )
    if kind.id == "decimal":
        return Type("NUMERIC")
    name = str(kind)
    if name not in _FROM_DUCKDB:
        raise Unsupported(f"a result of the DuckDB type {name}")
    return Type(_FROM_DUCKDB[name])


def from_tree(kind: Any) -> Type:
    """The type that a sqlglot DataType node of the BigQuery dialect names."""
    name = kind.this.value if hasattr(kind.this, "value") else str(kind.this)
    if name == "ARRAY":
        inner = from_tree(kind.expressions[0])
        if inner.array:
            raise invalid_query("Nested arrays are not supported")
        return replace(inner, array=True)
    if name == "STRUCT":
        parts = [
            (part.name, from_tree(part.args["kind"])) for part in kind.expressions if isinstance(part, exp.ColumnDef)
        ]
        if len(parts) != len(kind.expressions):
            raise Unsupported("STRUCT types with unnamed fields")
        return Type("STRUCT", tuple(parts))
    if kind.expressions:
        raise Unsupported(f"the parameterised type {kind.sql('bigquery')}")
    # What sqlglot calls TIMESTAMP in BigQuery's dialect is DATETIME; its TIMESTAMPTZ is TIMESTAMP.
    return Type("DATETIME" if name in ("TIMESTAMP", "DATETIME") else named(name))


# Reading: DuckDB rows to REST cells


def render(expression: str, kind: Type, depth: int = 0) -> str:
    """DuckDB SQL that turns `expression` into what `cell` understands: no dates, no binary, no zones."""
    if not _needs_rendering(kind):
        return expression
    if kind.array:
        each = f"e{depth}"
        return f"list_transform({expression}, lambda {each}: {render(each, kind.element, depth + 1)})"
    if kind.kind == "STRUCT":
        parts = (
            f"{quote(name)} := {render(f'{expression}.{quote(name)}', inner, depth)}" for name, inner in kind.fields
        )
        return f"CASE WHEN {expression} IS NULL THEN NULL ELSE struct_pack({', '.join(parts)}) END"
    if kind.kind == "TIMESTAMP":
        return f"epoch_us({expression})"
    if kind.kind == "INTERVAL":
        return interval_text(expression)
    return f"to_base64({expression})" if kind.kind == "BYTES" else f"CAST({expression} AS VARCHAR)"


def _needs_rendering(kind: Type) -> bool:
    if kind.kind == "STRUCT":
        return any(_needs_rendering(inner) for _, inner in kind.fields)
    return kind.kind not in ("INT64", "FLOAT64", "BOOL", "STRING")


def interval_text(expression: str) -> str:
    """DuckDB SQL for an INTERVAL in GoogleSQL's canonical form `Y-M D H:M:S[.F]`, each part with its own sign
    (S/data-types#canonical_format_3)."""
    months = f"(date_part('year', {expression}) * 12 + date_part('month', {expression}))"
    micros = (
        f"(date_part('hour', {expression}) * 3600000000 + date_part('minute', {expression}) * 60000000"
        f" + date_part('microsecond', {expression}))"
    )
    fraction = f"abs({micros}) % 1000000"
    parts = (
        f"CASE WHEN {months} < 0 THEN '-' ELSE '' END || abs({months}) // 12 || '-' || abs({months}) % 12",
        f"' ' || date_part('day', {expression}) || ' '",
        f"CASE WHEN {micros} < 0 THEN '-' ELSE '' END || abs({micros}) // 3600000000",
        f"':' || (abs({micros}) // 60000000) % 60 || ':' || (abs({micros}) // 1000000) % 60",
        f"CASE WHEN {fraction} = 0 THEN '' WHEN {fraction} % 1000 = 0 THEN printf('.%03d', {fraction} // 1000)"
        f" ELSE printf('.%06d', {fraction}) END",
    )
    return f"CASE WHEN {expression} IS NULL THEN NULL ELSE concat({', '.join(parts)}) END"


#: How REST spells the elements that Python spells otherwise.
_ODD: dict[str, str | None] = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity", "None": None}


def cell(value: Any, kind: Type) -> Any:
    """A REST cell's `v` from a rendered value."""
    if kind.array and kind.kind == "FLOAT64":  # vectors: a million numbers a page
        return [{"v": _ODD.get(text, text)} for text in map(repr, value or ())]
    if kind.array:
        return [{"v": cell(item, kind.element)} for item in value or ()]
    if value is None:
        return None
    if kind.kind == "STRUCT":
        return {"f": [{"v": cell(value[name], inner)} for name, inner in kind.fields]}
    if kind.kind == "FLOAT64":
        return _ODD.get(repr(value), repr(value))
    if kind.kind == "BOOL":
        return "true" if value else "false"
    if kind.kind == "DATETIME":
        return str(value).replace(" ", "T")
    if kind.kind == "NUMERIC":
        return _trimmed(str(value))
    return str(value)


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def size(expression: str, kind: Type) -> str:
    """DuckDB SQL for the logical bytes of a value."""
    if kind.array:
        if kind.kind in _BYTES:
            return f"coalesce(len({expression}), 0) * {_BYTES[kind.kind]}"
        each = f"list_transform({expression}, lambda x: {size('x', kind.element)})"
        return f"coalesce(list_sum({each}), 0)"
    if kind.kind == "STRUCT":
        return "(" + " + ".join(size(f"{expression}.{quote(name)}", inner) for name, inner in kind.fields) + ")"
    if kind.kind in _BYTES:
        return f"CASE WHEN {expression} IS NULL THEN 0 ELSE {_BYTES[kind.kind]} END"
    if kind.kind == "BYTES":
        return f"coalesce(2 + octet_length({expression}), 0)"
    return f"coalesce(2 + strlen(CAST({expression} AS VARCHAR)), 0)"


# Query parameters


def parameter(body: dict[str, Any]) -> tuple[Type, Any]:
    """Type and value of a REST QueryParameter. The value is text, list or dict, to be cast to `Type.duckdb()`."""
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
