"""Queries: which columns they give, and what is wrong with them (S/query-syntax)."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from localcloud.googlesql.analysis import coercion
from localcloud.googlesql.analysis.calls import is_plain_literal
from localcloud.googlesql.analysis.function_kinds import Called
from localcloud.googlesql.analysis.names import Clause, Column, Columns, Ctes, Relation, Scope, relation
from localcloud.googlesql.analysis.table_functions import TableFunctions
from localcloud.googlesql.analysis.values import Value, expression, shown
from localcloud.googlesql.syntax import (
    Expression,
    Grouping,
    Identifier,
    Item,
    Literal,
    Member,
    Name,
    Ordering,
    Query,
    QueryBody,
    Select,
    SetOperation,
    Star,
)
from localcloud.googlesql.types import Type


@dataclass(frozen=True)
class _Names:
    """What a query's own ORDER BY may name."""

    clause: Clause
    keys: Mapping[Hashable, Type]
    aggregated: bool
    """Whether aggregate functions may be called."""


class Queries(Called, TableFunctions):
    """Finds what queries give."""

    def query(self, node: Query, around: Scope | None, ctes: Ctes) -> Relation:
        """What a query inside `around` gives."""
        seen: set[str] = set()
        for name, cte in node.ctes:
            if name.key in seen:
                self.wrong(f"Duplicate alias {name.text} for WITH subquery", name)
            seen.add(name.key)
            ctes = ctes.plus(name.key, self._cte(name, cte, ctes, recursive=node.recursive))
        given, names = self._body(node.body, around, ctes)
        for one in node.order:
            self._order(one, given, names)
        for count in node.limit:
            self.count(count, "LIMIT")
        return given

    def _cte(self, name: Identifier, cte: Query, ctes: Ctes, *, recursive: bool) -> Relation:
        body = cte.body
        if not recursive or not isinstance(body, SetOperation) or not body.operation.startswith("UNION"):
            return self.query(cte, None, ctes)
        first, _ = self._body(body.parts[0], None, ctes)
        known = relation(first.kinds())
        inside = ctes.plus(name.key, known)
        for place, part in enumerate(body.parts[1:], 2):
            given, _ = self._body(part, None, inside)
            if len(given.columns) != len(known.columns):
                self._mismatched(body, [first, given], place)
            for number, (column, kind) in enumerate(zip(given.columns, known.columns, strict=True), 1):
                if coercion.cost(column.value or Value(column.kind), kind.kind) is None:
                    self.wrong(
                        f"Cannot coerce type ({column.kind.sql()}) of column {number} in the recursive term to type"
                        f" ({kind.kind.sql()}) of column {number} in non-recursive term",
                        part,
                    )
        self.query(cte, None, inside)
        return known

    def _body(self, body: QueryBody, around: Scope | None, ctes: Ctes) -> tuple[Relation, _Names | None]:
        """What it gives, and what ORDER BY of the query around may name; None for its columns alone."""
        if isinstance(body, Query):
            return self.query(body, around, ctes), None
        if isinstance(body, SetOperation):
            return self._set_operation(body, around, ctes), None
        assert isinstance(body, Select)
        return self._select(body, around, ctes)

    def _order(self, one: Ordering, given: Relation, names: _Names | None) -> None:
        by = one.by
        if isinstance(by, Literal) and by.kind == "INT64":
            place = int(by.text)
            if not 1 <= place <= len(given.columns):
                self.wrong(f"ORDER BY is out of SELECT column number range: {by.text}", by)
            kind = given.columns[place - 1].kind
            self.check_order(kind, "ORDER BY does not support expressions of type", by)
            return
        if names is None:
            scope = Scope(tuple(Column(column.name, column.kind) for column in given.columns))
            self.ordering(by, Clause("ORDER BY clause", scope))
            return
        if not names.aggregated and self.aggregates(by):
            self.wrong(
                "The ORDER BY clause only allows aggregation if GROUP BY or SELECT list aggregation is present", by
            )
        kind_of_key = self._key(by, names)
        if kind_of_key is None:
            self.ordering(by, names.clause)
        else:
            self.check_order(kind_of_key, "ORDER BY does not support expressions of type", by)

    def _key(self, by: Expression, names: _Names) -> Type | None:
        """The type of an expression that says what is grouped by; None for any other."""
        rows = names.clause.rows
        if not names.keys or rows is None or self.aggregates(by) or self.analytics(by):
            return None
        if isinstance(by, (Name, Member)):
            return None
        value = self.value(by, Clause("ORDER BY clause", rows, ctes=names.clause.ctes))
        return names.keys.get(value.identity)

    # Set operations

    def _set_operation(self, node: SetOperation, around: Scope | None, ctes: Ctes) -> Relation:
        parts = [self._body(part, around, ctes)[0] for part in node.parts]
        for place, part in enumerate(parts[1:], 2):
            if len(part.columns) != len(parts[0].columns):
                self._mismatched(node, [parts[0], part], place)
        columns = []
        for number, same in enumerate(zip(*(part.columns for part in parts), strict=True), 1):
            kind = coercion.common([column.value or Value(column.kind) for column in same])
            if kind is None:
                found = ", ".join(shown(column.value or Value(column.kind)) for column in same)
                self.wrong(f"Column {number} in {node.operation} has incompatible types: {found}", node)
            if node.operation.endswith("DISTINCT"):
                self._check_grouped(kind, f"{node.operation} cannot be used with columns of type", node)
            columns.append((same[0].name, kind))
        value = parts[0].value
        return replace(relation(columns), value=value) if value is not None else relation(columns)

    def _mismatched(self, node: SetOperation, two: list[Relation], place: int) -> None:
        first, other = (len(part.columns) for part in two)
        self.wrong(
            f"Queries in {node.operation} have mismatched column count; query 1 has {_counted(first)}, query {place}"
            f" has {_counted(other)}",
            node,
        )

    # SELECT

    def _select(self, node: Select, around: Scope | None, ctes: Ctes) -> tuple[Relation, _Names | None]:
        rows = self.tables(node.tables, around, ctes) if node.tables is not None else Scope(around=around)
        windows = {name.key: window for name, window in node.windows}
        base = Clause("SELECT list", rows, ctes=ctes, windows=windows, without_tables=node.tables is None)
        if node.where is not None:
            self.condition(node.where, replace(base, name="WHERE clause"), "WHERE")
        self._check_clauses(node)
        aggregated = node.group is not None or any(self.aggregates(item) for item in node.items)
        listed = replace(base, rows=rows if aggregated else None, analytic=True)
        listed = replace(listed, rows=rows) if node.tables is None else listed
        columns = self._items(node, listed)  # before anything is grouped: what its expressions say
        keys = self._grouped_by(node, columns, base) if aggregated else {}
        if aggregated:
            listed = replace(listed, scope=rows.after_grouping(keys), keys=keys)
            columns = self._items(node, listed)
        aliases = Scope(tuple(column for column in columns if column.name), around=listed.scope)
        after = replace(
            listed,
            name="HAVING clause",
            scope=aliases,
            rows=Scope(aliases.columns, around=rows) if aggregated else None,
            analytic=False,
        )
        if node.having is not None:
            self.condition(node.having, after, "HAVING")
        if node.qualify is not None:
            self.condition(node.qualify, replace(after, name="QUALIFY clause", analytic=True), "QUALIFY")
        self._check_windows(node, replace(after, name="WINDOW clause"))
        if node.distinct:
            after, keys = self._distinct(node, columns, after, rows)
        names = _Names(replace(after, name="ORDER BY clause", analytic=True), keys, aggregated)
        return self._shaped(node, columns), names

    def _check_clauses(self, node: Select) -> None:
        listed = any(self.aggregates(item) for item in node.items)
        if node.having is not None and node.group is None and not listed:
            called = self.aggregates(node.having)
            what = "only allows aggregation if GROUP BY or SELECT list aggregation is present"
            self.wrong(
                f"The HAVING clause {what if called else 'requires GROUP BY or aggregation to be present'}", node
            )
        if node.qualify is not None and not any(self.analytics(one) for one in (node.qualify, *node.items)):
            self.wrong("The QUALIFY clause requires analytic function to be present", node.qualify)

    def _check_windows(self, node: Select, clause: Clause) -> None:
        seen: set[str] = set()
        for name, window in node.windows:
            if name.key in seen:
                self.wrong(f"Duplicate window alias {name.text}", name)
            seen.add(name.key)
            for part in (*window.partition, *(one.by for one in window.order)):
                self.value(part, replace(clause, inside="analytic"))

    def _shaped(self, node: Select, columns: Columns) -> Relation:
        if node.kind == "VALUE":
            if len(columns) != 1:
                self.wrong("SELECT AS VALUE query must have exactly one column", node)
            return Relation(columns, columns[0].kind)
        if node.kind == "STRUCT":
            row = Type("STRUCT", tuple((column.name, column.kind) for column in columns))
            return Relation((Column("", row),), row)
        return Relation(columns)

    def _distinct(
        self, node: Select, columns: Columns, after: Clause, rows: Scope
    ) -> tuple[Clause, Mapping[Hashable, Type]]:
        """SELECT DISTINCT: its ORDER BY sees what is selected and nothing else."""
        for column in columns:
            self._check_grouped(column.kind, "SELECT DISTINCT cannot be used with columns of type", node)
        keys = {column.identity: column.kind for column in columns}
        below = replace(rows.after_grouping(keys), distinct=True)
        aliases = Scope(tuple(column for column in columns if column.name), around=below)
        return replace(after, scope=aliases, rows=None), {}

    # The select list

    def _items(self, node: Select, clause: Clause) -> Columns:
        columns: list[Column] = []
        for item in node.items:
            columns += self._star(item, clause) if isinstance(item, Star) else [self._item(item, clause)]
        return tuple(columns)

    def _item(self, item: Item, clause: Clause) -> Column:
        value = self._whole(item.value, clause)
        name = item.alias.text if item.alias else _implied(item.value)
        return Column(name, value.kind, value, self.aggregates(item.value), self.analytics(item.value))

    def _whole(self, node: Expression, clause: Clause) -> Value:
        """An expression of the list, which may say as a whole what is grouped by."""
        plain = not isinstance(node, (Name, Member)) and not self.aggregates(node) and not self.analytics(node)
        if clause.keys and clause.rows is not None and plain:
            early = self.value(node, replace(clause, scope=clause.rows, keys={}))
            if early.identity in clause.keys:
                return early
        return self.value(node, clause)

    def _star(self, star: Star, clause: Clause) -> list[Column]:
        columns = self._starred(star, clause)
        known = {column.key for column in columns}
        left_out: set[str] = set()
        for name in star.left_out:
            if name.key in left_out:
                self.wrong(f"Duplicate column {name.text} in SELECT * EXCEPT list", name)
            if name.key not in known:
                self.wrong(f"Column {name.text} in SELECT * EXCEPT list does not exist", name)
            left_out.add(name.key)
        replaced: dict[str, Column] = {}
        for value, name in star.replaced:
            if name.key not in known:
                self.wrong(f"Column {name.text} in SELECT * REPLACE list does not exist", name)
            if sum(column.key == name.key for column in columns) > 1:
                self.wrong(f"Column {name.text} in SELECT * REPLACE list is ambiguous", name)
            if name.key in left_out:
                self.wrong(f"Column {name.text} cannot occur in both SELECT * EXCEPT and REPLACE", name)
            if name.key in replaced:
                self.wrong(f"Duplicate column {name.text} in SELECT * REPLACE list", name)
            found = self._whole(value, clause)
            replaced[name.key] = Column(name.text, found.kind, found, self.aggregates(value), self.analytics(value))
        kept = [replaced.get(column.key, column) for column in columns if column.key not in left_out]
        if not kept:
            self.wrong("SELECT * expands to zero columns after applying EXCEPT", star)
        return kept

    def _starred(self, star: Star, clause: Clause) -> list[Column]:
        """The columns of `*` or `of.*`; of grouped rows only what is grouped by."""
        scope = clause.scope
        if star.of is None:
            columns = scope.columns
        else:
            table = None
            if isinstance(star.of, Name):
                scope, _, table = clause.scope.find(star.of.name.key)
            if table is None:
                value = self.value(star.of, clause)
                if value.kind.kind != "STRUCT" or value.kind.array:
                    self.wrong(f"Dot-star is not supported for type {value.kind.sql()}", star.of)
                return [
                    Column(name, kind, expression(kind, value.identity and ("field", value.identity, name.lower())))
                    for name, kind in value.kind.fields
                ]
            columns = table.columns
        for column in columns:
            if scope.grouped is not None and column.identity not in scope.grouped:
                self.wrong(
                    f"Star expansion expression references column {column.name} which is neither grouped nor"
                    " aggregated",
                    star,
                )
        return [Column(column.name, column.kind, expression(column.kind, column.identity)) for column in columns]

    # GROUP BY

    def _grouped_by(self, node: Select, columns: Columns, base: Clause) -> Mapping[Hashable, Type]:
        group = node.group
        if group is None:
            return {}
        keys: dict[Hashable, Type] = {}
        if group.everything:
            keys = {c.identity: c.kind for c in columns if not c.aggregates and not c.analytic}
            if not keys or all(c.value is not None and c.value.is_constant for c in columns):
                self.unsupported("GROUP BY ALL of nothing but constants and aggregates", group)
            return keys
        clause = replace(base, name="GROUP BY", rows=None)
        for key in group.keys:
            value = self._grouping(key, columns, clause, group)
            self._check_grouped(value.kind, "Grouping by expressions of type", key, " is not allowed")
            keys[value.identity if value.identity is not None else ("key", id(key))] = value.kind
        return keys

    def _grouping(self, key: Expression, columns: Columns, clause: Clause, group: Grouping) -> Value:
        if isinstance(key, Literal) and key.kind == "INT64":
            place = int(key.text)
            if not 1 <= place <= len(columns):
                self.wrong(f"GROUP BY is out of SELECT column number range: {key.text}", key)
            return self._selected(columns[place - 1], str(place), key)
        first = key
        while isinstance(first, Member):
            first = first.of
        if isinstance(first, Name):
            found = [column for column in columns if column.key == first.name.key and not _from_star(column)]
            if len(found) > 1:
                what = "it may refer to multiple columns in the SELECT-list"
                self.wrong(f"Name {first.name.text} in GROUP BY clause is ambiguous; {what}", key)
            if found and first is not key and not clause.scope.find(first.name.key)[2]:
                self.wrong(f"Cannot GROUP BY field references from SELECT list alias {first.name.text}", key)
            if found and first is key:
                return self._selected(found[0], first.name.text, key)
        value = self.value(key, clause)
        if is_plain_literal(key, value):
            self.wrong("Cannot GROUP BY literal values", key)
        return value

    def _selected(self, column: Column, name: str, key: Expression) -> Value:
        """A column of the list that is grouped by under its alias or place."""
        for called, kind in ((column.aggregates, "aggregation"), (column.analytic, "analytic")):
            if called:
                article = "an"
                self.wrong(f"Column {name} contains {article} {kind} function, which is not allowed in GROUP BY", key)
        assert column.value is not None
        return column.value

    def _check_grouped(self, kind: Type, what: str, node: Any, after: str = "") -> None:
        if not kind.array and kind.kind == "JSON":
            self.wrong(f"{what} {kind.sql()}{after}", node)
        for _, inner in kind.fields:
            self._check_grouped(inner, what, node, after)


def _implied(node: Expression) -> str:
    """The name of a column that has no alias."""
    if isinstance(node, Name):
        return node.name.text
    return node.name.text if isinstance(node, Member) else ""


def _from_star(column: Column) -> bool:
    return column.value is None


def _counted(number: int) -> str:
    return f"{number} column{'' if number == 1 else 's'}"
