"""What stands after FROM: which columns and tables may be named then (S/query-syntax#from_clause)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from localcloud.googlesql.analysis import coercion
from localcloud.googlesql.analysis.calls import Calls
from localcloud.googlesql.analysis.names import Clause, Column, Columns, Ctes, Range, Relation, Scope, relation
from localcloud.googlesql.analysis.values import INT64, Value, shown
from localcloud.googlesql.positions import Text
from localcloud.googlesql.syntax import (
    Derived,
    Expression,
    Identifier,
    Join,
    Member,
    Name,
    Node,
    Path,
    Source,
    Table,
    TableFunction,
    Unnest,
)
from localcloud.googlesql.types import Columns as Kinds
from localcloud.googlesql.types import Type


class Catalog(Protocol):
    """What there is to read."""

    def table(self, path: Path) -> Kinds:
        """The columns of a table. Raises ApiError 404 when it is not there."""

    def model(self, path: Path) -> str:
        """The endpoint of a remote model. Raises ApiError 404 when it is not there."""


class Tables(Calls):
    """Finds the names that a FROM clause makes."""

    def __init__(self, text: Text, parameters: Mapping[str, Type], catalog: Catalog) -> None:
        super().__init__(text, parameters)
        self.catalog = catalog

    def tables(self, source: Source, around: Scope | None, ctes: Ctes) -> Scope:
        """The scope of a whole FROM clause."""
        return self._source(source, Scope(around=around), around, ctes)

    def table_function(self, node: TableFunction, around: Scope | None, ctes: Ctes) -> Relation:
        """What a table function gives."""
        raise NotImplementedError

    def _source(self, node: Source, before: Scope, around: Scope | None, ctes: Ctes) -> Scope:
        """The names of one source; `before` are those on its left, which only arrays may use."""
        if isinstance(node, Join):
            return self._join(node, before, around, ctes)
        if isinstance(node, Unnest):
            return self._unnest(node, before, around, ctes)
        if isinstance(node, Table):
            return self._table(node, before, around, ctes)
        if isinstance(node, Derived):
            return _named(self.query(node.query, around, ctes), node.alias, around)
        if isinstance(node, TableFunction):
            given = self.table_function(node, around, ctes)
            return _named(given, node.alias, around)
        raise AssertionError(node)

    # One table

    def _table(self, node: Table, before: Scope, around: Scope | None, ctes: Ctes) -> Scope:
        first, *rest = node.path
        known = ctes.known.get(first.key) if not rest else None
        if known is not None:
            self._no_offset(node)
            return _named(known, node.alias or first, around)
        if rest and "." not in first.text:
            _, columns, table = before.find(first.key)
            if columns or table:
                array: Expression = Name(first.at, first)
                for name in rest:
                    array = Member(first.at, array, name)
                alias = node.alias or rest[-1]
                return self._elements(node, array, alias, node.offset, before, around, ctes)
        self._no_offset(node)
        last = node.path[-1]
        named = last.text.rpartition(".")[2]
        alias = node.alias or Identifier(last.at, named, named.lower())
        return _named(relation(self.catalog.table(node.path)), alias, around)

    def _no_offset(self, node: Table) -> None:
        if node.offset is not None:
            self.wrong("WITH OFFSET can only be used with array scans", node.offset)

    # Arrays

    def _unnest(self, node: Unnest, before: Scope, around: Scope | None, ctes: Ctes) -> Scope:
        if len(node.arrays) != 1:
            self.unsupported("UNNEST of several arrays at once", node)
        return self._elements(node, node.arrays[0], node.alias, node.offset, before, around, ctes)

    def _elements(
        self,
        node: Node,
        array: Expression,
        alias: Identifier | None,
        offset: Identifier | None,
        before: Scope,
        around: Scope | None,
        ctes: Ctes,
    ) -> Scope:
        value = self.value(array, Clause("UNNEST", before, ctes=ctes))
        if not value.kind.array:
            self.wrong(
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
            self.wrong(f"Duplicate table alias {offset.text} in the same FROM clause", offset)
        return Scope((*columns, *numbers), ranges, around)

    # Joins

    def _join(self, node: Join, before: Scope, around: Scope | None, ctes: Ctes) -> Scope:
        left = self._source(node.left, before, around, ctes)
        visible = _beside(before, left) if node.kind not in ("RIGHT", "FULL") else before
        right = self._source(node.right, visible, around, ctes)
        for key in right.ranges:
            if key in left.ranges:
                self.wrong(f"Duplicate table alias {key} in the same FROM clause", node.right)
        both = _beside(left, right)
        if node.using:
            return self._using(node, left, right, both)
        if node.on is not None:
            self.condition(node.on, Clause("JOIN ON clause", replace(both, around=around), ctes=ctes), "JOIN ON")
        return replace(both, around=around)

    def _using(self, node: Join, left: Scope, right: Scope, both: Scope) -> Scope:
        merged: list[Column] = []
        taken: set[int] = set()
        for name in node.using:
            pair = []
            for side, scope in (("left", left), ("right", right)):
                found = [column for column in scope.columns if column.key == name.key]
                if len(found) != 1:
                    what = "is ambiguous" if found else "not found"
                    self.wrong(f"Column {name.text} in USING clause {what} on {side} side of join", name)
                pair.append(found[0])
                taken.add(id(found[0]))
            kind = coercion.common([Value(column.kind) for column in pair])
            if kind is None:
                self.wrong(
                    f"Column {name.text} in USING has incompatible types on either side of the join:"
                    f" {pair[0].kind.sql()} and {pair[1].kind.sql()}",
                    name,
                )
            self.check_equality(kind, name)
            one = pair[1] if node.kind == "RIGHT" else pair[0]
            merged.append(Column(name.text, kind) if node.kind == "FULL" or one.kind != kind else one)
        rest = tuple(column for column in both.columns if id(column) not in taken)
        return Scope((*merged, *rest), both.ranges, left.around)


def _named(given: Relation, alias: Identifier | None, around: Scope | None) -> Scope:
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
