"""DuckDB's errors in BigQuery's words. What has no wording here keeps DuckDB's, as 400 invalidQuery: never a 500."""

from __future__ import annotations

import re
from typing import Any

import duckdb

from localcloud.bigquery.sql.places import Text
from localcloud.errors import ApiError, Unsupported, invalid_query

#: What DuckDB says, what BigQuery says of it ({0}, {1} are the groups), and which group names the place, if any.
_WORDINGS: tuple[tuple[str, str, int | None], ...] = (
    (r'Referenced column "(.+?)" (?:was )?not found', "Unrecognized name: {0}", 1),
    (r'Referenced table "(.+?)" not found', "Unrecognized name: {0}", 1),
    (r'Table "(.+?)" does not have a column named "(.+?)"', "Name {1} not found inside {0}", 2),
    (r'Could not find key "(.+?)" in struct', "Field name {0} does not exist in STRUCT", 1),
    (r'Ambiguous reference to column name "(.+?)"', "Column name {0} is ambiguous", 1),
    (
        r'column "(.+?)" must appear in the GROUP BY clause',
        "SELECT list expression references column {0} which is neither grouped nor aggregated",
        1,
    ),
    (r"NOT NULL constraint failed: .*\.(\S+)", "Required field {0} cannot be null", None),
    (r"Could not convert string '(.*?)' to (?:INT|BIGINT)\d*", "Bad int64 value: {0}", None),
    (r"Could not convert string '(.*?)' to (?:DOUBLE|FLOAT)", "Bad double value: {0}", None),
    (r"Could not convert string '(.*?)' to BOOL", "Bad bool value: {0}", None),
    (r"invalid (timestamp|date|time) field format: \"(.*?)\"", "Invalid {0}: '{1}'", None),
    (r"Overflow in \w+ of INT64 \((.*?)\)", "int64 overflow: {0}", None),
    (
        r"cannot affect the same target row more than once",
        "UPDATE/MERGE must match at most one source row for each target row",
        None,
    ),
    (r"[Dd]ivision by zero", "division by zero", None),
    (
        r"dimensions must be equal, got left length '(\d+)' and right length '(\d+)'",
        "Array length mismatch: {0} and {1}",
        None,
    ),
    (
        r"No function matches the given name and argument types '(.+?)\((.*)\)'",
        "No matching signature for {0} for argument types: {1}",
        None,
    ),
    (
        r"Cannot compare values of type (\S+) and (?:type )?(\S+)",
        "No matching signature for operator = for argument types: {0}, {1}",
        None,
    ),
    (
        r'Could not choose a best candidate function for the function call "(.+?)\((.*?)\)"',
        "No matching signature for function {0} for argument types: {1}",
        None,
    ),
    (r"More than one row returned by a subquery", "Scalar subquery produced more than one element", None),
)

_TYPES = (
    ("TIMESTAMP WITH TIME ZONE", "TIMESTAMP"), ("INTEGER_LITERAL|BIGINT|INTEGER", "INT64"),
    ("STRING_LITERAL|VARCHAR", "STRING"), ("DOUBLE", "FLOAT64"), ("BOOLEAN", "BOOL"), ("BLOB", "BYTES"),
)  # fmt: skip


def translated(error: duckdb.Error, text: Text, tree: Any) -> ApiError:
    """The ApiError that says in BigQuery's words what DuckDB said of `tree`."""
    message = str(error)
    if isinstance(error, duckdb.InterruptException):
        return stopped()
    if isinstance(error, (duckdb.NotImplementedException, duckdb.BinderException)):
        # The analyzer has taken the statement: what DuckDB cannot bind is valid, and beyond it.
        return Unsupported(_typed(_first_line(message)))
    if "Unimplemented type for cast" in message:
        return Unsupported(_typed(_first_line(message)))
    for pattern, wording, named in _WORDINGS:
        found = re.search(pattern, message)
        if found:
            place = f" at {text.find(found[named], tree)}" if named and tree is not None else ""
            return invalid_query(_typed(wording.format(*found.groups())) + place)
    return invalid_query(_typed(_first_line(message)))


def stopped() -> ApiError:
    """The answer of a job that was cancelled."""
    return ApiError(499, "stopped", "Job execution was cancelled: User requested cancellation")


def is_conflict(error: duckdb.Error) -> bool:
    """Whether another transaction came first, so that the same statement may simply run again."""
    message = str(error).lower()
    return isinstance(error, duckdb.TransactionException) or "conflict" in message


def _typed(message: str) -> str:
    for duck, kind in _TYPES:
        message = re.sub(rf"\b{duck}\b", kind, message)
    return message


def _first_line(message: str) -> str:
    line = message.split("\n")[0]
    return re.sub(r"^[A-Z][\w ]*? Error: ", "", line)
