"""DuckDB's errors in BigQuery's words. What has no wording here keeps DuckDB's, as 400 invalidQuery: never a 500."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import duckdb

from localcloud.bigquery.sql.places import Text
from localcloud.errors import ApiError, Unsupported, invalid_query

_Wording = Callable[[re.Match[str], Text, Any], str]


def _named(message: str) -> _Wording:
    return lambda found, text, tree: f"{message.format(*found.groups())} at {text.find(found[1], tree)}"


def _plain(message: str) -> _Wording:
    return lambda found, _text, _tree: message.format(*found.groups())


_WORDINGS: list[tuple[re.Pattern[str], _Wording]] = [
    (re.compile(pattern), wording)
    for pattern, wording in (
        (r'Referenced column "(.+?)" (?:was )?not found', _named("Unrecognized name: {0}")),
        (r'Referenced table "(.+?)" not found', _named("Unrecognized name: {0}")),
        (r'Table "(.+?)" does not have a column named "(.+?)"', None),
        (r'Could not find key "(.+?)" in struct', _named("Field name {0} does not exist in STRUCT")),
        (r'Ambiguous reference to column name "(.+?)"', _named("Column name {0} is ambiguous")),
        (
            r'column "(.+?)" must appear in the GROUP BY clause',
            _named("SELECT list expression references column {0} which is neither grouped nor aggregated"),
        ),
        (r"NOT NULL constraint failed: .*\.(\S+)", _plain("Required field {0} cannot be null")),
        (r"Could not convert string '(.*?)' to (?:INT|BIGINT)\d*", _plain("Bad int64 value: {0}")),
        (r"Could not convert string '(.*?)' to (?:DOUBLE|FLOAT)", _plain("Bad double value: {0}")),
        (r"Could not convert string '(.*?)' to BOOL", _plain("Bad bool value: {0}")),
        (r"invalid (?:timestamp|date|time) field format: \"(.*?)\"", _plain("Invalid timestamp: '{0}'")),
        (r"Overflow in (\w+) of INT64 \((.*?)\)", _plain("int64 overflow: {1}")),
        (r"cannot affect the same target row more than once", _plain("UPDATE/MERGE must match at most one source row for each target row")),
        (r"[Dd]ivision by zero", _plain("division by zero")),
        (r"list_(?:cosine_)?\w*: list dimensions must be equal, got left length '(\d+)' and right length '(\d+)'", _plain("Array length mismatch: {0} and {1}")),
        (r"No function matches the given name and argument types '(.+?)\((.*)\)'", _plain("No matching signature for {0} for argument types: {1}")),
        (r"Cannot compare values of type (\S+) and (?:type )?(\S+)", _plain("No matching signature for operator = for argument types: {0}, {1}")),
        (r"More than one row returned by a subquery", _plain("Scalar subquery produced more than one element")),
    )
]  # fmt: skip


def translated(error: duckdb.Error, text: Text, tree: Any) -> ApiError:
    """The ApiError that says in BigQuery's words what DuckDB said of `tree`."""
    message = str(error)
    if isinstance(error, duckdb.InterruptException):
        return stopped()
    if isinstance(error, duckdb.NotImplementedException):
        return Unsupported(_first_line(message))
    for pattern, wording in _WORDINGS:
        found = pattern.search(message)
        if found:
            return invalid_query(wording(found, text, tree) if wording else _not_inside(found, text, tree))
    return invalid_query(_first_line(message))


def stopped() -> ApiError:
    """The answer of a job that was cancelled."""
    return ApiError(499, "stopped", "Job execution was cancelled: User requested cancellation")


def is_conflict(error: duckdb.Error) -> bool:
    """Whether another transaction came first, so that the same statement may simply run again."""
    message = str(error).lower()
    return isinstance(error, duckdb.TransactionException) or "conflict" in message


def _not_inside(found: re.Match[str], text: Text, tree: Any) -> str:
    return f"Name {found[2]} not found inside {found[1]} at {text.find(found[2], tree)}"


def _first_line(message: str) -> str:
    line = message.split("\n")[0]
    return re.sub(r"^[A-Z][\w ]*? Error: ", "", line)
