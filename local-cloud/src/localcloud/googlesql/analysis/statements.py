"""Whole statements; of those that change rows, what may be assigned to what (S/dml-syntax)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from localcloud.googlesql.analysis import coercion
from localcloud.googlesql.analysis.context import Catalog, Context
from localcloud.googlesql.analysis.expressions import resolve, resolve_condition
from localcloud.googlesql.analysis.from_clause import resolve_from
from localcloud.googlesql.analysis.queries import resolve_query
from localcloud.googlesql.analysis.scopes import Clause, Column, Columns, Ctes, Range, Relation, Scope
from localcloud.googlesql.analysis.values import Value, shown
from localcloud.googlesql.positions import Text
from localcloud.googlesql.syntax import Default, Expression, Identifier, Node, Path, Query
from localcloud.googlesql.syntax_statements import (
    Assignment,
    CreateTable,
    Delete,
    Insert,
    Merge,
    Statement,
    Update,
    When,
)
from localcloud.googlesql.types import Type

_NOTHING = Scope()
_NO_CTES = Ctes()


def analyze(text: Text, tree: Statement, parameters: Mapping[str, Type], catalog: Catalog) -> Relation | None:
    """What a query gives; None for a statement that gives no rows. Raises ApiError for what is wrong with it.

    `parameters`: types by lower-case name, or by place from 0.
    """
    context = Context(text, parameters, catalog, resolve_query)
    if isinstance(tree, Query):
        return resolve_query(context, tree, None, _NO_CTES)
    if isinstance(tree, CreateTable):
        return resolve_query(context, tree.query, None, _NO_CTES) if tree.query is not None else None
    if isinstance(tree, Insert):
        _check_insert(context, tree)
    elif isinstance(tree, Update):
        _check_update(context, tree)
    elif isinstance(tree, Delete):
        target = _target_scope(context, tree.table, tree.alias)
        resolve_condition(context, tree.where, Clause("WHERE clause", target), "WHERE")
    elif isinstance(tree, Merge):
        _check_merge(context, tree)
    return None


def _target_scope(context: Context, path: Path, alias: Identifier | None) -> Scope:
    columns = tuple(Column(name, kind) for name, kind in context.catalog.table(path))
    name = alias.key if alias else path[-1].text.rpartition(".")[2].lower()
    return Scope(columns, {name: Range(columns)})


# INSERT


def _check_insert(context: Context, node: Insert) -> None:
    target = _target_scope(context, node.table, None)
    into = _listed_columns(context, target.columns, node.columns, node.table)
    for row in node.rows:
        values = [resolve(context, value, Clause("VALUES", _NOTHING, without_tables=True)) for value in row]
        _check_row(context, into, row, values, node)
    if node.query is None:
        return
    given = resolve_query(context, node.query, None, _NO_CTES)
    if len(given.columns) != len(into):
        raise context.invalid(
            f"Inserted row has wrong column count; Has {len(given.columns)}, expected {len(into)}", node
        )
    for place, (column, wanted) in enumerate(zip(given.columns, into, strict=True), 1):
        value = column.value or Value(column.kind)
        if not _is_assignable(value, wanted.kind):
            raise context.invalid(
                f"Query column {place} has type {shown(value)} which cannot be inserted into column {wanted.name},"
                f" which has type {wanted.kind.sql()}",
                node,
            )


def _listed_columns(
    context: Context, known: Columns, listed: tuple[Identifier, ...] | None, table: Path
) -> list[Column]:
    if listed is None:
        return list(known)
    found, seen = [], set[str]()
    for name in listed:
        column = next((column for column in known if column.key == name.key), None)
        if column is None:
            shown_name = ".".join(part.text for part in table)
            raise context.invalid(f"Column {name.text} is not present in table {shown_name}", name)
        if name.key in seen:
            raise context.invalid(f"INSERT has columns with duplicate name: {name.text}", name)
        seen.add(name.key)
        found.append(column)
    return found


def _check_row(
    context: Context, into: Sequence[Column], row: Sequence[Expression], values: Sequence[Value], node: Node
) -> None:
    if len(row) != len(into):
        raise context.invalid(f"Inserted row has wrong column count; Has {len(row)}, expected {len(into)}", node)
    for item, value, column in zip(row, values, into, strict=True):
        if not isinstance(item, Default) and not _is_assignable(value, column.kind):
            raise context.invalid(
                f"Value has type {shown(value)} which cannot be inserted into column {column.name}, which has type"
                f" {column.kind.sql()}",
                item,
            )


# UPDATE


def _check_update(context: Context, node: Update) -> None:
    target = _target_scope(context, node.table, node.alias)
    scope = _with_source(
        context, target, resolve_from(context, node.tables, None, _NO_CTES) if node.tables else None, node
    )
    _check_assignments(context, node.assignments, target, Clause("UPDATE SET clause", scope))
    resolve_condition(context, node.where, Clause("WHERE clause", scope), "WHERE")


def _with_source(context: Context, target: Scope, source: Scope | None, node: Node) -> Scope:
    if source is None:
        return target
    for name in source.ranges:
        if name in target.ranges:
            raise context.invalid(f"Duplicate table alias {name} in the same statement", node)
    return Scope((*target.columns, *source.columns), {**target.ranges, **source.ranges})


def _check_assignments(context: Context, assignments: Sequence[Assignment], target: Scope, clause: Clause) -> None:
    seen: set[str] = set()
    for one in assignments:
        first, *rest = one.path
        if rest and first.key in target.ranges:
            first, *rest = rest
        column = next((column for column in target.columns if column.key == first.key), None)
        if column is None:
            raise context.invalid(f"Unrecognized name: {first.text}", first)
        if rest:
            raise context.unsupported("an assignment to a field of a STRUCT", first)
        if column.key in seen:
            raise context.invalid(f"Update item {first.text} assigned more than once", first)
        seen.add(column.key)
        value = resolve(context, one.value, clause)
        if not isinstance(one.value, Default) and not _is_assignable(value, column.kind):
            raise context.invalid(
                f"Value of type {shown(value)} cannot be assigned to {column.name}, which has type {column.kind.sql()}",
                one.value,
            )


# MERGE


def _check_merge(context: Context, node: Merge) -> None:
    target = _target_scope(context, node.table, node.alias)
    source = resolve_from(context, node.source, None, _NO_CTES)
    both = _with_source(context, target, source, node)
    resolve_condition(context, node.on, Clause("ON clause", both), "ON")
    scopes = {"MATCHED": both, "TARGET": source, "SOURCE": target}
    for when in node.whens:
        clause = Clause("WHEN clause", scopes[when.by])
        if when.condition is not None:
            resolve_condition(context, when.condition, clause, "WHEN")
        if when.action == "UPDATE":
            _check_assignments(context, when.assignments, target, clause)
        elif when.action == "INSERT":
            _check_merge_insert(context, when, node.table, target, source, clause)


def _check_merge_insert(
    context: Context, when: When, table: Path, target: Scope, source: Scope, clause: Clause
) -> None:
    into = _listed_columns(context, target.columns, when.columns, table)
    if not when.row:
        _check_row(context, into, when.values, [resolve(context, value, clause) for value in when.values], when)
        return
    if len(source.columns) != len(into):
        raise context.invalid(
            f"Inserted row has wrong column count; Has {len(source.columns)}, expected {len(into)}", when
        )
    for given, column in zip(source.columns, into, strict=True):
        if not _is_assignable(Value(given.kind), column.kind):
            raise context.invalid(
                f"Value of type {given.kind.sql()} cannot be assigned to {column.name}, which has type"
                f" {column.kind.sql()}",
                when,
            )


def _is_assignable(value: Value, wanted: Type) -> bool:
    """Whether a value is, or by itself becomes, one of a column's type."""
    if coercion.cost(value, wanted) is None:
        return False
    if not value.is_null:
        coercion.check_names(value.kind, wanted)
    return True
