"""A resolved BigQuery syntax tree as a DuckDB statement with bound parameters.

"Resolved" means that `relations.py` has put DuckDB tables in the place of every table and table function.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp
from sqlglot.errors import ErrorLevel, UnsupportedError

from localcloud.core.clock import Clock
from localcloud.core.errors import Unsupported
from localcloud.core.ports import Statement
from localcloud.engine import duckdb_rewrites
from localcloud.engine.duckdb_types import duckdb_type
from localcloud.googlesql import types
from localcloud.googlesql.positions import Text


@dataclass(frozen=True)
class Duck:
    """A DuckDB statement and the values it binds, by name."""

    sql: str
    values: dict[str, Any] = field(default_factory=dict)


class Translator:
    """Translates the trees of one statement; knows its parameters, its caller and its moment."""

    def __init__(self, statement: Statement, clock: Clock) -> None:
        self._text = Text(statement.text)
        self._now = clock.now()
        self._member = statement.member
        named = statement.parameter_mode.upper() != "POSITIONAL"
        self._parameters = {
            str(body.get("name", "")).lower() if named else str(place): types.parameter(body)
            for place, body in enumerate(statement.parameters)
        }

    def duck(self, tree: Any) -> Duck:
        """DuckDB's form of a resolved tree, which is left as it is. Raises ApiError."""
        values: dict[str, Any] = {}

        def change(node: Any) -> Any:
            if isinstance(node, exp.Parameter):
                return self._parameter(node, values)
            return duckdb_rewrites.rewrite(node, self._now, self._member)

        changed = _bottom_up(tree.copy(), change)
        try:
            sql = changed.sql("duckdb", identify=True, unsupported_level=ErrorLevel.RAISE)
        except UnsupportedError as error:
            raise Unsupported(str(error)) from error
        return Duck(sql, values)

    def _parameter(self, node: Any, values: dict[str, Any]) -> Any:
        name = node.name
        if name not in self._parameters:
            which = "Positional parameter" if name.isdigit() else f"Query parameter '{name}'"
            raise self._text.invalid(f"{which} not found", node)
        kind, value = self._parameters[name]
        values[f"p_{name}"] = value
        bound = exp.Parameter(this=exp.var(f"p_{name}"))
        return exp.Cast(this=bound, to=exp.DataType.build(duckdb_type(kind), dialect="duckdb", udt=True))


def _bottom_up(tree: Any, change: Any) -> Any:
    """`tree` with each node replaced by `change(node)`, parts before wholes, each once."""
    for node in list(tree.walk())[::-1]:
        new = change(node)
        if new is not node:
            if node.parent is None:
                return new
            node.replace(new)
    return tree
