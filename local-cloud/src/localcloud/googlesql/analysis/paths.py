"""What a path means in a scope: a column, the row of a table, a field of a STRUCT (S/query-syntax)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from localcloud.googlesql.analysis.context import Context
from localcloud.googlesql.analysis.scopes import Clause, Column, Range, Scope
from localcloud.googlesql.analysis.values import JSON, Value, expression
from localcloud.googlesql.syntax import Expression, Identifier, Member, Name, Node
from localcloud.googlesql.types import Type

#: Functions that may be called without brackets.
_WITHOUT_BRACKETS = {
    "current_date": "DATE",
    "current_datetime": "DATETIME",
    "current_time": "TIME",
    "current_timestamp": "TIMESTAMP",
}


def resolve_path(context: Context, node: Expression, path: Sequence[Identifier], clause: Clause) -> Value:
    """a.b.c: a column or a table's row, and members of it."""
    first, *rest = path
    scope, columns, table = clause.scope.find(first.key)
    if table is not None and columns and not rest:
        raise context.unsupported(f"the row of {first.text}, which has a column of that name", node)
    if table is not None and (rest or not columns):
        value, rest = _in_table(context, table, first, rest)
    elif not columns:
        if first.key in _WITHOUT_BRACKETS and not rest:
            return expression(Type(_WITHOUT_BRACKETS[first.key]))
        raise context.invalid(f"Unrecognized name: {first.text}", first)
    else:
        value = _only_column(context, columns, first, clause)
    known = scope.grouped is None or value.identity in scope.grouped
    for name in rest:
        value = resolve_field(context, value, name)
        known = known or (scope.grouped is not None and value.identity in scope.grouped)
    if not known:
        _raise_ungrouped(context, scope, path, clause, node)
    return value


def _in_table(
    context: Context, table: Range, first: Identifier, rest: list[Identifier]
) -> tuple[Value, list[Identifier]]:
    """The row, or the column that is named next."""
    if not rest or table.value is not None:
        return expression(table.kind, ("row", id(table))), rest
    found = [column for column in table.columns if column.key == rest[0].key]
    if not found:
        raise context.invalid(f"Name {rest[0].text} not found inside {first.text}", rest[0])
    if len(found) > 1:
        raise context.invalid(f"Column name {rest[0].text} is ambiguous", rest[0])
    return expression(found[0].kind, found[0].identity), rest[1:]


def _only_column(context: Context, columns: list[Column], first: Identifier, clause: Clause) -> Value:
    if len(columns) > 1:
        raise context.invalid(f"Column name {first.text} is ambiguous", first)
    column = columns[0]
    if column.aggregates and clause.inside == "aggregate":
        raise context.invalid("Aggregations of aggregations are not allowed", first)
    if column.analytic and clause.inside:
        raise context.invalid("Analytic functions cannot be arguments to aggregate or analytic functions", first)
    return expression(column.kind, column.identity)


def _raise_ungrouped(
    context: Context, scope: Scope, path: Sequence[Identifier], clause: Clause, node: Node
) -> NoReturn:
    name = ".".join(one.text for one in path)
    named = f"column {name}" if len(path) == 1 else name
    why = "not visible after SELECT DISTINCT" if scope.distinct else "neither grouped nor aggregated"
    raise context.invalid(f"{clause.name} expression references {named} which is {why}", node)


def resolve_field(context: Context, value: Value, name: Identifier) -> Value:
    identity = value.identity and ("field", value.identity, name.key)
    if value.kind == JSON:
        return expression(JSON, identity)
    if value.kind.kind != "STRUCT" or value.kind.array:
        raise context.invalid(f"Cannot access field {name.text} on a value with type {value.kind.sql()}", name)
    found = [kind for known, kind in value.kind.fields if known.lower() == name.key]
    if not found:
        raise context.invalid(f"Field name {name.text} does not exist in {value.kind.sql()}", name)
    if len(found) > 1:
        raise context.invalid(f"Struct field name {name.text} is ambiguous", name)
    return expression(found[0], identity)


def path_of(node: Expression) -> list[Identifier] | None:
    """The names of a.b.c; None for a member of anything else than names."""
    if isinstance(node, Name):
        return [node.name]
    if isinstance(node, Member):
        before = path_of(node.of)
        return None if before is None else [*before, node.name]
    return None
