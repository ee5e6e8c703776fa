"""The text that DuckDB writes of a row says of every value what REST has it say."""

from __future__ import annotations

import base64
import json
import math
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from localcloud.engine import cells, duckdb_types
from localcloud.engine.duckdb_types import duckdb_type, quote
from localcloud.googlesql.types import Type

_MICROSECOND = timedelta(microseconds=1)
_MOMENTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "INT64": st.integers(-(2**63), 2**63 - 1),
    "FLOAT64": st.floats(),
    "BOOL": st.booleans(),
    "STRING": st.text(),
    "BYTES": st.binary(),
    "TIMESTAMP": _MOMENTS.map(lambda moment: moment.replace(tzinfo=UTC)),
    "DATETIME": _MOMENTS,
    "DATE": st.dates(),
    "TIME": st.times(),
    "NUMERIC": st.decimals(-(10**20), 10**20, places=9),
}
_SCALARS = st.sampled_from([Type(kind) for kind in VALUES])


def _named(kinds: list[Type]) -> tuple[tuple[str, Type], ...]:
    return tuple((f'a "field" {place}', kind) for place, kind in enumerate(kinds))


def _array(kind: Type) -> Type:
    return Type(kind.kind, kind.fields, array=True)


def _nested(inner: st.SearchStrategy[Type]) -> st.SearchStrategy[Type]:
    structs = st.lists(inner, min_size=1, max_size=3).map(lambda kinds: Type("STRUCT", _named(kinds)))
    return structs | structs.map(_array)


TYPES = st.recursive(_SCALARS | _SCALARS.map(_array), _nested, max_leaves=5)


def values(kind: Type) -> st.SearchStrategy[Any]:
    if kind.array:
        return st.none() | st.lists(values(kind.element), max_size=4)
    if kind.kind == "STRUCT":
        return st.none() | st.fixed_dictionaries({name: values(inner) for name, inner in kind.fields})
    return st.none() | VALUES[kind.kind]


def in_rest(value: Any, kind: Type, *, seconds: bool) -> Any:
    """The definition, in Python."""
    if kind.array:
        return [{"v": in_rest(item, kind.element, seconds=seconds)} for item in value or ()]
    if value is None:
        return None
    if kind.kind == "STRUCT":
        return {"f": [{"v": in_rest(value[name], inner, seconds=seconds)} for name, inner in kind.fields]}
    return _SPELLED.get(kind.kind, str)(value) if kind.kind != "TIMESTAMP" else _timestamp(value, seconds=seconds)


def _timestamp(value: datetime, *, seconds: bool) -> str:
    microseconds = (value - datetime(1970, 1, 1, tzinfo=UTC)) // _MICROSECOND
    return repr(microseconds / 1e6) if seconds else str(microseconds)


def _float(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _clock(value: datetime | time) -> str:
    text = value.isoformat()
    return text.rstrip("0") if "." in text else text


def _decimal(value: Decimal) -> str:
    return f"{value:f}".rstrip("0").rstrip(".") if value else "0"


_SPELLED: dict[str, Any] = {
    "FLOAT64": _float,
    "BOOL": lambda value: "true" if value else "false",
    "BYTES": lambda value: base64.b64encode(value).decode(),
    "DATETIME": _clock,
    "TIME": _clock,
    "NUMERIC": _decimal,
}


@pytest.fixture(scope="module")
def cursor() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:")
    connection.execute("SET TimeZone = 'UTC'")
    return connection


@given(data=st.data(), kind=TYPES, seconds=st.booleans())
@settings(max_examples=200, deadline=None)
def test_a_value_of_any_type_is_spelled_as_rest_spells_it(
    cursor: duckdb.DuckDBPyConnection, data: st.DataObject, kind: Type, seconds: bool
) -> None:
    value = data.draw(values(kind))
    name = "the column"
    cursor.execute(f"CREATE OR REPLACE TABLE t ({quote(name)} {duckdb_type(kind)})")
    cursor.execute(f"INSERT INTO t VALUES (CAST(? AS {duckdb_type(kind)}))", [value])
    ((text,),) = cursor.execute(f"SELECT {cells.row(((name, kind),), seconds=seconds)} FROM t").fetchall()
    assert json.loads(text) == {"f": [{"v": in_rest(value, kind, seconds=seconds)}]}
    # Python writes few rows itself.
    ((rendered,),) = cursor.execute(f"SELECT {duckdb_types.render(quote(name), kind)} FROM t").fetchall()
    assert duckdb_types.cell(rendered, kind) == in_rest(value, kind, seconds=False)


@given(numbers=st.lists(st.floats() | st.none(), min_size=1, max_size=50))
@example(numbers=[1e15, 1e16, 1e22, 1e-4, 1e-5, -0.0, 5e-324, 1.7976931348623157e308, math.nan, math.inf, None])
@settings(max_examples=300, deadline=None)
def test_the_numbers_of_a_vector_keep_every_digit(
    cursor: duckdb.DuckDBPyConnection, numbers: list[float | None]
) -> None:
    kind = Type("FLOAT64", array=True)
    cursor.execute("CREATE OR REPLACE TABLE v (v DOUBLE[])")
    cursor.execute("INSERT INTO v VALUES (?)", [numbers])
    ((text,),) = cursor.execute(f"SELECT {cells.row((('v', kind),))} FROM v").fetchall()
    assert json.loads(text)["f"][0]["v"] == in_rest(numbers, kind, seconds=False)


def test_rows_have_their_columns_in_order(cursor: duckdb.DuckDBPyConnection) -> None:
    columns = (("b", Type("STRING")), ("a", Type("INT64")), ("c", Type("JSON")))
    found = cursor.execute(
        f"""SELECT {cells.row(columns)} FROM (SELECT 1 AS a, 'x"' AS b, '{{"k": "ü"}}'::JSON AS c)"""
    )
    assert json.loads(found.fetchall()[0][0]) == {"f": [{"v": 'x"'}, {"v": "1"}, {"v": '{"k": "ü"}'}]}
