"""OPTIONS (…) of DDL statements to fields of REST resources (S/data-definition-language)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from typing import Any

from localcloud.core.errors import Unsupported, invalid_query
from localcloud.engine import functions, sqlglot_tree
from localcloud.engine.check import Check
from localcloud.engine.table_schemas import analyze
from localcloud.googlesql.syntax import (
    ArrayLiteral,
    Expression,
    Interval,
    Item,
    Literal,
    Query,
    Select,
    StructLiteral,
)
from localcloud.googlesql.syntax_statements import Option

_CONSTANTS: dict[str, Callable[[str], Any]] = {
    "BOOL": lambda text: text == "TRUE",
    "FLOAT64": float,
    "INT64": lambda text: int(text, 16 if "x" in text.lower() else 10),
    "NULL": lambda _: None,
    "STRING": str,
}
_SECONDS = {"MINUTE": 60, "HOUR": 3600, "DAY": 86400}


def listed(options: Iterable[Option]) -> dict[str, Expression]:
    """Expressions by option name."""
    return {option.name: option.value for option in options}


def value(check: Check, node: Expression) -> Any:
    """The constant an option is set to: text, number, bool, list, list of pairs, or None.

    Raises ApiError for an expression that is wrong, and for one that names a column.
    """
    if isinstance(node, (ArrayLiteral, StructLiteral)):
        return [value(check, item) for item in node.items]
    if isinstance(node, Literal) and node.kind in _CONSTANTS:
        return _CONSTANTS[node.kind](node.text)
    query = Query(node.at, Select(node.at, False, "", (Item(node.at, node, None),), None))
    analyze(query, check.statement, check.store)
    return check.constant(functions.served(sqlglot_tree.expression(node), check.text))


def resource_fields(check: Check, given: dict[str, Expression]) -> dict[str, Any]:
    """description, labels and friendly_name as REST fields; an option set to NULL has the value None."""
    fields: dict[str, Any] = {}
    for name, node in given.items():
        if name in ("description", "friendly_name"):
            fields["friendlyName" if name == "friendly_name" else name] = value(check, node)
        elif name == "labels":
            fields["labels"] = labels(value(check, node) or [])
        else:
            raise Unsupported(f"the option {name}")
    return fields


def labels(pairs: list[Any]) -> dict[str, str]:
    """Labels from [('key', 'value'), …]. Raises ApiError for what is not a label."""
    found: dict[str, str] = {}
    for pair in pairs:
        if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)):
            raise invalid_query("labels must be an array of pairs of strings")
        key, text = pair
        if not re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", key) or not re.fullmatch(r"[a-z0-9_-]{0,63}", text):
            raise invalid_query(f"Invalid label {key}: {text}; keys and values are lower-case letters, digits, _ and -")
        found[key] = text
    return found


def staleness(node: Expression) -> str:
    """REST maxStaleness, `0-0 D H:M:S`, of INTERVAL n unit. Raises ApiError outside 0 or 30 minutes to 7 days."""
    number = node.value if isinstance(node, Interval) and not node.to else None
    if not (
        isinstance(node, Interval) and isinstance(number, Literal) and number.text.isdigit() and node.unit in _SECONDS
    ):
        raise Unsupported("max_staleness other than INTERVAL n MINUTE, HOUR or DAY")
    seconds = int(number.text) * _SECONDS[node.unit]
    if seconds and not 1800 <= seconds <= 7 * 86400:
        raise invalid_query("max_staleness must be 0 or between 30 minutes and 7 days")
    days, rest = divmod(seconds, 86400)
    return f"0-0 {days} {rest // 3600}:{rest % 3600 // 60}:{rest % 60}"


def only(given: Collection[str], known: Collection[str]) -> None:
    """Raises Unsupported for options that are not known."""
    for name in given:
        if name not in known:
            raise Unsupported(f"the option {name}")
