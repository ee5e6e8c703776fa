"""Rows in REST's form, as JSON text that DuckDB writes: `{"f":[{"v":"1"},{"v":null}]}`.

Every value is a string, an ARRAY `[{"v": …}]` and never null, a STRUCT `{"f": [{"v": …}]}`, TIMESTAMP microseconds, or
seconds where `seconds` is set, BYTES base64. A number's digits are the fewest that mean it, as in Python's `repr`.

Written by Python, a page of vectors took ten times as long, and held the interpreter meanwhile.
"""

from __future__ import annotations

from localcloud.engine.duckdb_types import interval_text, quote
from localcloud.googlesql.types import Columns, Type

_SEPARATOR = """'"},{"v":"'"""
#: How DuckDB spells the elements of a list that REST spells otherwise.
_ODD = {
    '"NULL"': "null",
    **dict.fromkeys(('"nan"', '"-nan"'), '"NaN"'),
    '"inf"': '"Infinity"',
    '"-inf"': '"-Infinity"',
}
_AS_TEXT = ("INT64", "BOOL", "DATE", "TIME")


def row(columns: Columns, *, seconds: bool = False) -> str:
    """DuckDB SQL for the text of a row with these columns."""
    return _fields([_cell(quote(name), kind, seconds, 0) for name, kind in columns])


def _fields(cells: list[str]) -> str:
    between = """, '},{"v":', """
    return f"""concat('{{"f":[{{"v":', {between.join(cells)}, '}}]}}')"""


def _cell(value: str, kind: Type, seconds: bool, depth: int) -> str:
    """SQL for the text of one value; never NULL. `depth` tells the lambdas inside each other apart."""
    if kind.array:
        return f"""CASE WHEN len({value}) > 0 THEN {_array(value, kind, seconds, depth)} ELSE '[]' END"""
    if kind.kind == "STRUCT":
        fields = [_cell(f"{value}.{quote(name)}", inner, seconds, depth) for name, inner in kind.fields]
        return f"CASE WHEN {value} IS NULL THEN 'null' ELSE {_fields(fields)} END"
    return f"coalesce({_scalar(value, kind.kind, seconds)}, 'null')"


def _array(value: str, kind: Type, seconds: bool, depth: int) -> str:
    if kind.kind in ("FLOAT64", "INT64"):  # vectors: a million numbers a page
        text = f"t{depth}"
        listed = changed = f"""concat('[{{"v":"', replace({text}, ', ', {_SEPARATOR}), '"}}]')"""
        for spelled, wanted in _ODD.items():
            changed = f"replace({changed}, '{spelled}', '{wanted}')"
        # Only what has no digits has an n. The lambda is for writing the numbers once.
        odd = f"contains({text}, 'n') OR contains({text}, 'N')"
        chosen = f"lambda {text}: CASE WHEN {odd} THEN {changed} ELSE {listed} END"
        return f"list_transform([CAST({value} AS VARCHAR)[2:-2]], {chosen})[1]"
    each = f"e{depth}"
    cell = _cell(each, kind.element, seconds, depth + 1)
    texts = f"""list_transform({value}, lambda {each}: concat('{{"v":', {cell}, '}}'))"""
    return f"""concat('[', array_to_string({texts}, ','), ']')"""


def _scalar(value: str, kind: str, seconds: bool) -> str:
    """SQL for the text of one value; NULL for NULL."""
    text = f"CAST({value} AS VARCHAR)"
    if kind in ("STRING", "JSON"):
        return f"CAST(to_json({text}) AS VARCHAR)"
    if kind == "FLOAT64":
        text = f"CASE WHEN isfinite({value}) THEN {text} ELSE {_named(value)} END"
    elif kind == "TIMESTAMP":
        micros = f"epoch_us({value})"
        text = f"CAST({f'CAST({micros} AS DOUBLE) / 1e6' if seconds else micros} AS VARCHAR)"
    elif kind == "DATETIME":
        text = f"replace({text}, ' ', 'T')"
    elif kind == "NUMERIC":
        text = f"rtrim(rtrim({text}, '0'), '.')"
    elif kind == "BYTES":
        text = f"to_base64({value})"
    elif kind == "INTERVAL":
        text = interval_text(value)
    elif kind not in _AS_TEXT:
        raise ValueError(f"no cells of type {kind}")
    return f"""'"' || {text} || '"'"""


def _named(value: str) -> str:
    return f"CASE WHEN isnan({value}) THEN 'NaN' WHEN {value} > 0 THEN 'Infinity' WHEN {value} < 0 THEN '-Infinity' END"
