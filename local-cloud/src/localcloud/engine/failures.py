"""DuckDB's errors as BigQuery words them. Without a wording here it has DuckDB's, as 400 invalidQuery, not 500."""

from __future__ import annotations

import re

import duckdb

from localcloud.core.errors import ApiError, Unsupported, invalid_query

#: Patterns of DuckDB's messages at run time, and BigQuery's message for each ({0}, {1} are the groups).
_WORDINGS = (
    (r"NOT NULL constraint failed: .*\.(\S+)", "Required field {0} cannot be null"),
    (r"Could not convert string '(.*?)' to (?:INT|BIGINT)\d*", "Bad int64 value: {0}"),
    (r"Could not convert string '(.*?)' to (?:DOUBLE|FLOAT)", "Bad double value: {0}"),
    (r"Could not convert string '(.*?)' to BOOL", "Bad bool value: {0}"),
    (r"invalid (timestamp|date|time) field format: \"(.*?)\"", "Invalid {0}: '{1}'"),
    (r"Overflow in \w+ of INT64 \((.*?)\)", "int64 overflow: {0}"),
    (
        r"cannot affect the same target row more than once",
        "UPDATE/MERGE must match at most one source row for each target row",
    ),
    (r"[Dd]ivision by zero", "division by zero"),
    (
        r"dimensions must be equal, got left length '(\d+)' and right length '(\d+)'",
        "Array length mismatch: {0} and {1}",
    ),
    (r"More than one row returned by a subquery", "Scalar subquery produced more than one element"),
)

_TYPES = (
    ("TIMESTAMP WITH TIME ZONE", "TIMESTAMP"), ("INTEGER_LITERAL|BIGINT|INTEGER", "INT64"),
    ("STRING_LITERAL|VARCHAR", "STRING"), ("DOUBLE", "FLOAT64"), ("BOOLEAN", "BOOL"), ("BLOB", "BYTES"),
)  # fmt: skip


def translated(error: duckdb.Error) -> ApiError:
    """The ApiError for an error of DuckDB, as BigQuery words it.

    The analyzer has taken the statement: what DuckDB cannot bind or cast is valid, and beyond it.
    """
    message = str(error)
    if isinstance(error, duckdb.InterruptException):
        return stopped()
    beyond = isinstance(error, (duckdb.NotImplementedException, duckdb.BinderException))
    if beyond or "Unimplemented type for cast" in message:
        return Unsupported(_typed(_first_line(message)))
    for pattern, wording in _WORDINGS:
        found = re.search(pattern, message)
        if found:
            return invalid_query(_typed(wording.format(*found.groups())))
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
