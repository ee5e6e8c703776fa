"""Statements that change rows: names, types, and what may be assigned to what (S/dml-syntax)."""

from __future__ import annotations

from collections.abc import Sequence

from localcloud.googlesql.analysis import coercion
from localcloud.googlesql.analysis.names import Clause, Column, Columns, Ctes, Range, Relation, Scope
from localcloud.googlesql.analysis.queries import Queries
from localcloud.googlesql.analysis.values import Value, shown
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


class Statements(Queries):
    """Looks through whole statements."""

    def statement(self, node: Statement) -> Relation | None:
        """What a query gives; None for what gives no rows. Raises ApiError for what is wrong with it."""
        if isinstance(node, Query):
            return self.query(node, None, _NO_CTES)
        if isinstance(node, CreateTable):
            return self.query(node.query, None, _NO_CTES) if node.query is not None else None
        if isinstance(node, Insert):
            self._insert(node)
        elif isinstance(node, Update):
            self._update(node)
        elif isinstance(node, Delete):
            target = self._target(node.table, node.alias)
            self.condition(node.where, Clause("WHERE clause", target), "WHERE")
        elif isinstance(node, Merge):
            self._merge(node)
        return None

    def _target(self, path: Path, alias: Identifier | None) -> Scope:
        columns = tuple(Column(name, kind) for name, kind in self.catalog.table(path))
        name = alias.key if alias else path[-1].text.rpartition(".")[2].lower()
        return Scope(columns, {name: Range(columns)})

    # INSERT

    def _insert(self, node: Insert) -> None:
        target = self._target(node.table, None)
        into = self._columns(target.columns, node.columns, node.table)
        for row in node.rows:
            values = [self.value(value, Clause("VALUES", _NOTHING, without_tables=True)) for value in row]
            self._check_row(into, row, values, node)
        if node.query is None:
            return
        given = self.query(node.query, None, _NO_CTES)
        if len(given.columns) != len(into):
            self.wrong(f"Inserted row has wrong column count; Has {len(given.columns)}, expected {len(into)}", node)
        for place, (column, wanted) in enumerate(zip(given.columns, into, strict=True), 1):
            value = column.value or Value(column.kind)
            if not self._fits(value, wanted.kind):
                self.wrong(
                    f"Query column {place} has type {shown(value)} which cannot be inserted into column {wanted.name},"
                    f" which has type {wanted.kind.sql()}",
                    node,
                )

    def _columns(self, known: Columns, listed: tuple[Identifier, ...] | None, table: Path) -> list[Column]:
        if listed is None:
            return list(known)
        found, seen = [], set[str]()
        for name in listed:
            column = next((column for column in known if column.key == name.key), None)
            if column is None:
                shown_name = ".".join(part.text for part in table)
                self.wrong(f"Column {name.text} is not present in table {shown_name}", name)
            if name.key in seen:
                self.wrong(f"INSERT has columns with duplicate name: {name.text}", name)
            seen.add(name.key)
            found.append(column)
        return found

    def _check_row(
        self, into: Sequence[Column], row: Sequence[Expression], values: Sequence[Value], node: Node
    ) -> None:
        if len(row) != len(into):
            self.wrong(f"Inserted row has wrong column count; Has {len(row)}, expected {len(into)}", node)
        for item, value, column in zip(row, values, into, strict=True):
            if not isinstance(item, Default) and not self._fits(value, column.kind):
                self.wrong(
                    f"Value has type {shown(value)} which cannot be inserted into column {column.name}, which has type"
                    f" {column.kind.sql()}",
                    item,
                )

    # UPDATE

    def _update(self, node: Update) -> None:
        target = self._target(node.table, node.alias)
        scope = self._with(target, self.tables(node.tables, None, _NO_CTES) if node.tables else None, node)
        self._assign(node.assignments, target, Clause("UPDATE SET clause", scope))
        self.condition(node.where, Clause("WHERE clause", scope), "WHERE")

    def _with(self, target: Scope, source: Scope | None, node: Node) -> Scope:
        if source is None:
            return target
        for name in source.ranges:
            if name in target.ranges:
                self.wrong(f"Duplicate table alias {name} in the same statement", node)
        return Scope((*target.columns, *source.columns), {**target.ranges, **source.ranges})

    def _assign(self, assignments: Sequence[Assignment], target: Scope, clause: Clause) -> None:
        seen: set[str] = set()
        for one in assignments:
            first, *rest = one.path
            if rest and first.key in target.ranges:
                first, *rest = rest
            column = next((column for column in target.columns if column.key == first.key), None)
            if column is None:
                self.wrong(f"Unrecognized name: {first.text}", first)
            if rest:
                self.unsupported("an assignment to a field of a STRUCT", first)
            if column.key in seen:
                self.wrong(f"Update item {first.text} assigned more than once", first)
            seen.add(column.key)
            value = self.value(one.value, clause)
            if not isinstance(one.value, Default) and not self._fits(value, column.kind):
                self.wrong(
                    f"Value of type {shown(value)} cannot be assigned to {column.name}, which has type"
                    f" {column.kind.sql()}",
                    one.value,
                )

    # MERGE

    def _merge(self, node: Merge) -> None:
        target = self._target(node.table, node.alias)
        source = self.tables(node.source, None, _NO_CTES)
        both = self._with(target, source, node)
        self.condition(node.on, Clause("ON clause", both), "ON")
        scopes = {"MATCHED": both, "TARGET": source, "SOURCE": target}
        for when in node.whens:
            clause = Clause("WHEN clause", scopes[when.by])
            if when.condition is not None:
                self.condition(when.condition, clause, "WHEN")
            if when.action == "UPDATE":
                self._assign(when.assignments, target, clause)
            elif when.action == "INSERT":
                self._merge_insert(when, node.table, target, source, clause)

    def _merge_insert(self, when: When, table: Path, target: Scope, source: Scope, clause: Clause) -> None:
        into = self._columns(target.columns, when.columns, table)
        if not when.row:
            self._check_row(into, when.values, [self.value(value, clause) for value in when.values], when)
            return
        if len(source.columns) != len(into):
            self.wrong(f"Inserted row has wrong column count; Has {len(source.columns)}, expected {len(into)}", when)
        for given, column in zip(source.columns, into, strict=True):
            if not self._fits(Value(given.kind), column.kind):
                self.wrong(
                    f"Value of type {given.kind.sql()} cannot be assigned to {column.name}, which has type"
                    f" {column.kind.sql()}",
                    when,
                )

    def _fits(self, value: Value, wanted: Type) -> bool:
        """Whether a value is, or by itself becomes, one of a column's type."""
        if coercion.cost(value, wanted) is None:
            return False
        if not value.is_null:
            coercion.check_names(value.kind, wanted)
        return True
