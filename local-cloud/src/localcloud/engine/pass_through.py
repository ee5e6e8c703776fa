"""Queries that only pick columns and rows of one table of the store: what is known of them without asking DuckDB."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from localcloud.engine.check import Check
from localcloud.engine.ctes import visible_ctes
from localcloud.googlesql import types
from localcloud.googlesql.names import Name, full_name
from localcloud.googlesql.types import Columns

_PARTS = {"expressions", "from_", "where"}


def is_simple(select: Any) -> bool:
    """Whether a query has nothing but SELECT, FROM and WHERE."""
    return isinstance(select, exp.Select) and not {part for part, value in select.args.items() if value} - _PARTS


def table_read(check: Check, node: Any, select: Any) -> Name | None:
    """The table with rows of its own that a query, an argument of the table function at `node`, reads directly."""
    path = select.args["from_"].this if select.args.get("from_") else None
    if not isinstance(path, exp.Table) or isinstance(path.this, exp.Func):
        return None
    ctes = {cte.alias.lower() for cte in visible_ctes(node)}
    if len(path.parts) == 1 and (path.name.lower() in ctes or check.statement.default_dataset is None):
        return None
    name = full_name(path, check.statement)
    document = check.store.get("table", str(name))
    return name if document and document["type"] == "TABLE" else None


def passes(select: Any, column: str) -> bool:
    """Whether the table's column comes out of the query as it is."""
    for expression in select.expressions:
        if is_whole(expression):
            return True
        if isinstance(expression, exp.Column) and (expression.name.lower() == column.lower() or expression.is_star):
            return True
    return False


def is_whole(expression: Any) -> bool:
    """Whether it is `*`, and nothing more."""
    return isinstance(expression, exp.Star) and not any(
        expression.args.get(a) for a in ("except_", "replace", "rename")
    )


def columns(check: Check, select: Any, name: Name) -> Columns | None:
    """The columns of a simple query over `name`; None where DuckDB has to be asked, which also finds what is wrong."""
    schema = (check.store.get("table", str(name)) or {}).get("schema", {})
    there = types.columns_of(schema)
    if len(select.expressions) == 1 and is_whole(select.expressions[0]):
        return there
    kinds, alias = dict(there), select.args["from_"].this.alias_or_name
    found: dict[str, types.Type] = {}
    for expression in select.expressions:
        column = expression.this if isinstance(expression, exp.Alias) else expression
        shown = expression.alias_or_name
        if not isinstance(column, exp.Column) or column.table not in ("", alias) or len(column.parts) > 2:
            return None
        if column.name not in kinds or column.name.lower() == alias.lower() or shown.lower() in found:
            return None
        found[shown.lower()] = kinds[column.name]
    return tuple(
        (expression.alias_or_name, kind) for expression, kind in zip(select.expressions, found.values(), strict=True)
    )


def row_ids(resolved: Any) -> Any:
    """The same simple query, resolved, for the ids of its rows, as `r`."""
    chosen = resolved.copy()
    chosen.set("expressions", [exp.alias_(row_id(resolved), "r")])
    return chosen


def row_id(resolved: Any) -> Any:
    """DuckDB's name of a row of the table that the resolved query reads."""
    source = resolved.args["from_"].this
    return exp.column(exp.to_identifier("rowid"), table=exp.to_identifier(source.alias, quoted=True))
