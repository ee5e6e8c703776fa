"""The FROM clause: which columns and tables may be named after it (S/query-syntax#from_clause)."""

from __future__ import annotations

from dataclasses import replace

from localcloud.googlesql.analysis import coercion
from localcloud.googlesql.analysis.comparison import check_equality
from localcloud.googlesql.analysis.context import Context
from localcloud.googlesql.analysis.expressions import resolve, resolve_condition
from localcloud.googlesql.analysis.scopes import Clause, Column, Columns, Ctes, Range, Relation, Scope, relation
from localcloud.googlesql.analysis.table_functions import resolve_table_function
from localcloud.googlesql.analysis.values import INT64, Value, shown
from localcloud.googlesql.syntax import (
    Derived,
    Expression,
    Identifier,
    Join,
    Member,
    Name,
    Source,
    Table,
    TableFunction,
    Unnest,
)


def resolve_from(context: Context, source: Source, around: Scope | None, ctes: Ctes) -> Scope:
    """The scope of a whole FROM clause."""
    return _resolve_source(context, source, Scope(around=around), around, ctes)


def _resolve_source(context: Context, node: Source, before: Scope, around: Scope | None, ctes: Ctes) -> Scope:
    """The names of one source; `before` are those on its left, which only arrays may use."""
    if isinstance(node, Join):
        return _resolve_join(context, node, before, around, ctes)
    if isinstance(node, Unnest):
        return _resolve_unnest(context, node, before, around, ctes)
    if isinstance(node, Table):
        return _resolve_table(context, node, before, around, ctes)
    if isinstance(node, Derived):
        return _under_alias(context.subquery(node.query, around, ctes), node.alias, around)
    if isinstance(node, TableFunction):
        given = resolve_table_function(context, node, ctes)
        return _under_alias(given, node.alias, around)
    raise AssertionError(node)


# One table


def _resolve_table(context: Context, node: Table, before: Scope, around: Scope | None, ctes: Ctes) -> Scope:
    first, *rest = node.path
    known = ctes.known.get(first.key) if not rest else None
    if known is not None:
        _check_no_offset(context, node)
        return _under_alias(known, node.alias or first, around)
    if rest and "." not in first.text:
        _, columns, table = before.find(first.key)
        if columns or table:
            array: Expression = Name(first.at, first)
            for name in rest:
                array = Member(first.at, array, name)
            alias = node.alias or rest[-1]
            return _scan_array(context, array, alias, node.offset, before, around, ctes)
    _check_no_offset(context, node)
    last = node.path[-1]
    named = last.text.rpartition(".")[2]
    alias = node.alias or Identifier(last.at, named, named.lower())
    return _under_alias(relation(context.catalog.table(node.path)), alias, around)


def _check_no_offset(context: Context, node: Table) -> None:
    if node.offset is not None:
        raise context.invalid("WITH OFFSET can only be used with array scans", node.offset)


# Arrays


def _resolve_unnest(context: Context, node: Unnest, before: Scope, around: Scope | None, ctes: Ctes) -> Scope:
    if len(node.arrays) != 1:
        raise context.unsupported("UNNEST of several arrays at once", node)
    return _scan_array(context, node.arrays[0], node.alias, node.offset, before, around, ctes)


def _scan_array(
    context: Context,
    array: Expression,
    alias: Identifier | None,
    offset: Identifier | None,
    before: Scope,
    around: Scope | None,
    ctes: Ctes,
) -> Scope:
    value = resolve(context, array, Clause("UNNEST", before, ctes=ctes))
    if not value.kind.array:
        raise context.invalid(
            f"Values referenced in UNNEST must be arrays. UNNEST contains expression of type {shown(value)}",
            array,
        )
    element = value.kind.element
    columns: Columns = (Column(alias.text if alias else "", element),)
    ranges = {}
    if element.kind == "STRUCT":
        columns = tuple(Column(name, kind) for name, kind in element.fields)
        ranges = {alias.key: Range(columns, element)} if alias else {}
    numbers = (Column(offset.text, INT64),) if offset else ()
    if offset and alias and offset.key == alias.key:
        raise context.invalid(f"Duplicate table alias {offset.text} in the same FROM clause", offset)
    return Scope((*columns, *numbers), ranges, around)


# Joins


def _resolve_join(context: Context, node: Join, before: Scope, around: Scope | None, ctes: Ctes) -> Scope:
    left = _resolve_source(context, node.left, before, around, ctes)
    visible = _beside(before, left) if node.kind not in ("RIGHT", "FULL") else before
    right = _resolve_source(context, node.right, visible, around, ctes)
    for key in right.ranges:
        if key in left.ranges:
            raise context.invalid(f"Duplicate table alias {key} in the same FROM clause", node.right)
    both = _beside(left, right)
    if node.using:
        return _join_using(context, node, left, right, both)
    if node.on is not None:
        resolve_condition(
            context, node.on, Clause("JOIN ON clause", replace(both, around=around), ctes=ctes), "JOIN ON"
        )
    return replace(both, around=around)


def _join_using(context: Context, node: Join, left: Scope, right: Scope, both: Scope) -> Scope:
    merged: list[Column] = []
    taken: set[int] = set()
    for name in node.using:
        pair = []
        for side, scope in (("left", left), ("right", right)):
            found = [column for column in scope.columns if column.key == name.key]
            if len(found) != 1:
                what = "is ambiguous" if found else "not found"
                raise context.invalid(f"Column {name.text} in USING clause {what} on {side} side of join", name)
            pair.append(found[0])
            taken.add(id(found[0]))
        kind = coercion.common([Value(column.kind) for column in pair])
        if kind is None:
            raise context.invalid(
                f"Column {name.text} in USING has incompatible types on either side of the join:"
                f" {pair[0].kind.sql()} and {pair[1].kind.sql()}",
                name,
            )
        check_equality(context, kind, name)
        one = pair[1] if node.kind == "RIGHT" else pair[0]
        merged.append(Column(name.text, kind) if node.kind == "FULL" or one.kind != kind else one)
    rest = tuple(column for column in both.columns if id(column) not in taken)
    return Scope((*merged, *rest), both.ranges, left.around)


def _under_alias(given: Relation, alias: Identifier | None, around: Scope | None) -> Scope:
    """The names that a relation has under an alias."""
    kinds = given.value.fields if given.value is not None and given.value.kind == "STRUCT" else tuple(given.kinds())
    if given.value is not None and given.value.kind != "STRUCT":
        kinds = ((alias.text if alias else "", given.value),)
    columns = tuple(Column(name, kind) for name, kind in kinds)
    if given.value is not None and given.value.kind != "STRUCT":
        return Scope(columns, {}, around)
    return Scope(columns, {alias.key: Range(columns, given.value)} if alias else {}, around)


def _beside(left: Scope, right: Scope) -> Scope:
    """The names of both."""
    return Scope((*left.columns, *right.columns), {**left.ranges, **right.ranges}, left.around)
