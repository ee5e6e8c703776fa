"""BigQuery's types in DuckDB: which type holds a value, what a result's type means, and values as REST cells.

REST cells: everything a string, TIMESTAMP as integer microseconds (what `formatOptions.useInt64Timestamp`, which
the official client always sends, asks for), BYTES in base64, STRUCT {"f": [{"v": …}]}, ARRAY [{"v": …}].
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import duckdb
from duckdb.sqltypes import DuckDBPyType

from localcloud.core.errors import Unsupported, invalid_query
from localcloud.googlesql.types import Type

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
_FROM_DUCKDB = {
    **dict.fromkeys(("BIGINT", "INTEGER", "SMALLINT", "TINYINT", "HUGEINT", "UBIGINT", "UHUGEINT"), "INT64"),
    **dict.fromkeys(("UINTEGER", "USMALLINT", "UTINYINT", '"NULL"', "NULL"), "INT64"),
    **dict.fromkeys(("DOUBLE", "FLOAT"), "FLOAT64"),
    **{duck: kind for kind, duck in _DUCKDB.items()},
}
#: Logical bytes of a value of fixed size (the data size page of the pricing documentation).
_BYTES = {"INT64": 8, "FLOAT64": 8, "BOOL": 1, "TIMESTAMP": 8, "DATETIME": 8, "DATE": 8, "TIME": 8, "NUMERIC": 16}


def quote(name: str) -> str:
    """A DuckDB identifier."""
    return '"' + name.replace('"', '""') + '"'


def duckdb_type(kind: Type) -> str:
    """The DuckDB type that holds values of this one."""
    if kind.array:
        return duckdb_type(kind.element) + "[]"
    if kind.kind == "STRUCT":
        return "STRUCT(" + ", ".join(f"{quote(name)} {duckdb_type(inner)}" for name, inner in kind.fields) + ")"
    return _DUCKDB[kind.kind]


def from_duckdb(text: str) -> Type:
    """The BigQuery type of what a DuckDB expression of this type gives."""
    return _from_duckdb_type(duckdb.sqltype(text) if text != '"NULL"' else None)


def _from_duckdb_type(kind: DuckDBPyType | None) -> Type:
    if kind is None:
        return Type("INT64")
    if kind.id in ("list", "array"):
        inner = _from_duckdb_type(_parts(kind)[0][1])
        if inner.array:
            raise invalid_query(
                "Cannot construct array with element type ARRAY because nested arrays are not supported"
            )
        return replace(inner, array=True)
    if kind.id in ("struct", "tuple"):
        named = enumerate(_parts(kind), 1)
        return Type(
            "STRUCT", tuple((name or f"_field_{place}", _from_duckdb_type(inner)) for place, (name, inner) in named)
        )
    if kind.id == "decimal":
        return Type("NUMERIC")
    name = str(kind)
    if name not in _FROM_DUCKDB:
        raise Unsupported(f"a result of the DuckDB type {name}")
    return Type(_FROM_DUCKDB[name])


def _parts(kind: DuckDBPyType) -> list[tuple[str, DuckDBPyType]]:
    return [(name, inner) for name, inner in kind.children if isinstance(inner, DuckDBPyType)]


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
