"""Queries: which columns they give, and what is wrong with them (S/query-syntax)."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace

from localcloud.googlesql.analysis import coercion
from localcloud.googlesql.analysis.comparison import check_order
from localcloud.googlesql.analysis.context import Context
from localcloud.googlesql.analysis.expressions import (
    check_row_count,
    is_plain_literal,
    resolve,
    resolve_condition,
    resolve_ordering,
)
from localcloud.googlesql.analysis.from_clause import resolve_from
from localcloud.googlesql.analysis.function_kinds import has_aggregates, has_analytics
from localcloud.googlesql.analysis.scopes import Clause, Column, Columns, Ctes, Relation, Scope, relation
from localcloud.googlesql.analysis.values import Value, expression, shown
from localcloud.googlesql.syntax import (
    Expression,
    Identifier,
    Item,
    Literal,
    Member,
    Name,
    Node,
    Ordering,
    Query,
    QueryBody,
    Select,
    SetOperation,
    Star,
)
from localcloud.googlesql.types import Type


@dataclass(frozen=True)
class _OrderNames:
    """What a query's own ORDER BY may name."""

    clause: Clause
    keys: Mapping[Hashable, Type]
    aggregated: bool
    """Whether aggregate functions may be called."""


def resolve_query(context: Context, node: Query, around: Scope | None, ctes: Ctes) -> Relation:
    """The columns of a query inside the scope `around`."""
    seen: set[str] = set()
    for name, cte in node.ctes:
        if name.key in seen:
            raise context.invalid(f"Duplicate alias {name.text} for WITH subquery", name)
        seen.add(name.key)
        ctes = ctes.plus(name.key, _resolve_cte(context, name, cte, ctes, recursive=node.recursive))
    given, names = _resolve_body(context, node.body, around, ctes)
    for one in node.order:
        _check_ordering(context, one, given, names)
    for count in node.limit:
        check_row_count(context, count, "LIMIT")
    return given


def _resolve_cte(context: Context, name: Identifier, cte: Query, ctes: Ctes, *, recursive: bool) -> Relation:
    body = cte.body
    if not recursive or not isinstance(body, SetOperation) or not body.operation.startswith("UNION"):
        return resolve_query(context, cte, None, ctes)
    first, _ = _resolve_body(context, body.parts[0], None, ctes)
    known = relation(first.kinds())
    inside = ctes.plus(name.key, known)
    for place, part in enumerate(body.parts[1:], 2):
        given, _ = _resolve_body(context, part, None, inside)
        if len(given.columns) != len(known.columns):
            _raise_column_counts(context, body, [first, given], place)
        for number, (column, kind) in enumerate(zip(given.columns, known.columns, strict=True), 1):
            if coercion.cost(column.value or Value(column.kind), kind.kind) is None:
                raise context.invalid(
                    f"Cannot coerce type ({column.kind.sql()}) of column {number} in the recursive term to type"
                    f" ({kind.kind.sql()}) of column {number} in non-recursive term",
                    part,
                )
    resolve_query(context, cte, None, inside)
    return known


def _resolve_body(
    context: Context, body: QueryBody, around: Scope | None, ctes: Ctes
) -> tuple[Relation, _OrderNames | None]:
    """Its columns, and what ORDER BY after it may name; None: only the columns."""
    if isinstance(body, Query):
        return resolve_query(context, body, around, ctes), None
    if isinstance(body, SetOperation):
        return _resolve_set_operation(context, body, around, ctes), None
    assert isinstance(body, Select)
    return _resolve_select(context, body, around, ctes)


def _check_ordering(context: Context, one: Ordering, given: Relation, names: _OrderNames | None) -> None:
    by = one.by
    if isinstance(by, Literal) and by.kind == "INT64":
        place = int(by.text)
        if not 1 <= place <= len(given.columns):
            raise context.invalid(f"ORDER BY is out of SELECT column number range: {by.text}", by)
        kind = given.columns[place - 1].kind
        check_order(context, kind, "ORDER BY does not support expressions of type", by)
        return
    if names is None:
        scope = Scope(tuple(Column(column.name, column.kind) for column in given.columns))
        resolve_ordering(context, by, Clause("ORDER BY clause", scope))
        return
    if not names.aggregated and has_aggregates(context, by):
        raise context.invalid(
            "The ORDER BY clause only allows aggregation if GROUP BY or SELECT list aggregation is present", by
        )
    kind_of_key = _grouping_key_type(context, by, names)
    if kind_of_key is None:
        resolve_ordering(context, by, names.clause)
    else:
        check_order(context, kind_of_key, "ORDER BY does not support expressions of type", by)


def _grouping_key_type(context: Context, by: Expression, names: _OrderNames) -> Type | None:
    """The type of an expression that is a grouping key; None for any other."""
    rows = names.clause.rows
    if not names.keys or rows is None or has_aggregates(context, by) or has_analytics(context, by):
        return None
    if isinstance(by, (Name, Member)):
        return None
    value = resolve(context, by, Clause("ORDER BY clause", rows, ctes=names.clause.ctes))
    return names.keys.get(value.identity)


# Set operations


def _resolve_set_operation(context: Context, node: SetOperation, around: Scope | None, ctes: Ctes) -> Relation:
    parts = [_resolve_body(context, part, around, ctes)[0] for part in node.parts]
    for place, part in enumerate(parts[1:], 2):
        if len(part.columns) != len(parts[0].columns):
            _raise_column_counts(context, node, [parts[0], part], place)
    columns = []
    for number, same in enumerate(zip(*(part.columns for part in parts), strict=True), 1):
        kind = coercion.common([column.value or Value(column.kind) for column in same])
        if kind is None:
            found = ", ".join(shown(column.value or Value(column.kind)) for column in same)
            raise context.invalid(f"Column {number} in {node.operation} has incompatible types: {found}", node)
        if node.operation.endswith("DISTINCT"):
            _check_groupable(context, kind, f"{node.operation} cannot be used with columns of type", node)
        columns.append((same[0].name, kind))
    value = parts[0].value
    return replace(relation(columns), value=value) if value is not None else relation(columns)


def _raise_column_counts(context: Context, node: SetOperation, two: list[Relation], place: int) -> None:
    first, other = (len(part.columns) for part in two)
    raise context.invalid(
        f"Queries in {node.operation} have mismatched column count; query 1 has {_counted(first)}, query {place}"
        f" has {_counted(other)}",
        node,
    )


# SELECT


def _resolve_select(
    context: Context, node: Select, around: Scope | None, ctes: Ctes
) -> tuple[Relation, _OrderNames | None]:
    rows = resolve_from(context, node.tables, around, ctes) if node.tables is not None else Scope(around=around)
    windows = {name.key: window for name, window in node.windows}
    base = Clause("SELECT list", rows, ctes=ctes, windows=windows, without_tables=node.tables is None)
    if node.where is not None:
        resolve_condition(context, node.where, replace(base, name="WHERE clause"), "WHERE")
    _check_clauses(context, node)
    aggregated = node.group is not None or any(has_aggregates(context, item) for item in node.items)
    listed = replace(base, rows=rows if aggregated else None, analytic=True)
    listed = replace(listed, rows=rows) if node.tables is None else listed
    columns = _select_list(context, node, listed)  # over ungrouped rows: GROUP BY may name aliases and places
    keys = _grouping_keys(context, node, columns, base) if aggregated else {}
    if aggregated:
        listed = replace(listed, scope=rows.after_grouping(keys), keys=keys)
        columns = _select_list(context, node, listed)
    aliases = Scope(tuple(column for column in columns if column.name), around=listed.scope)
    after = replace(
        listed,
        name="HAVING clause",
        scope=aliases,
        rows=Scope(aliases.columns, around=rows) if aggregated else None,
        analytic=False,
    )
    if node.having is not None:
        resolve_condition(context, node.having, after, "HAVING")
    if node.qualify is not None:
        resolve_condition(context, node.qualify, replace(after, name="QUALIFY clause", analytic=True), "QUALIFY")
    _check_windows(context, node, replace(after, name="WINDOW clause"))
    if node.distinct:
        after, keys = _after_distinct(context, node, columns, after, rows)
    names = _OrderNames(replace(after, name="ORDER BY clause", analytic=True), keys, aggregated)
    return _select_relation(context, node, columns), names


def _check_clauses(context: Context, node: Select) -> None:
    listed = any(has_aggregates(context, item) for item in node.items)
    if node.having is not None and node.group is None and not listed:
        called = has_aggregates(context, node.having)
        what = "only allows aggregation if GROUP BY or SELECT list aggregation is present"
        raise context.invalid(
            f"The HAVING clause {what if called else 'requires GROUP BY or aggregation to be present'}", node
        )
    if node.qualify is not None and not any(has_analytics(context, one) for one in (node.qualify, *node.items)):
        raise context.invalid("The QUALIFY clause requires analytic function to be present", node.qualify)


def _check_windows(context: Context, node: Select, clause: Clause) -> None:
    seen: set[str] = set()
    for name, window in node.windows:
        if name.key in seen:
            raise context.invalid(f"Duplicate window alias {name.text}", name)
        seen.add(name.key)
        for part in (*window.partition, *(one.by for one in window.order)):
            resolve(context, part, replace(clause, inside="analytic"))


def _select_relation(context: Context, node: Select, columns: Columns) -> Relation:
    if node.kind == "VALUE":
        if len(columns) != 1:
            raise context.invalid("SELECT AS VALUE query must have exactly one column", node)
        return Relation(columns, columns[0].kind)
    if node.kind == "STRUCT":
        row = Type("STRUCT", tuple((column.name, column.kind) for column in columns))
        return Relation((Column("", row),), row)
    return Relation(columns)


def _after_distinct(
    context: Context, node: Select, columns: Columns, after: Clause, rows: Scope
) -> tuple[Clause, Mapping[Hashable, Type]]:
    """SELECT DISTINCT: its ORDER BY sees what is selected and nothing else."""
    for column in columns:
        _check_groupable(context, column.kind, "SELECT DISTINCT cannot be used with columns of type", node)
    keys = {column.identity: column.kind for column in columns}
    below = replace(rows.after_grouping(keys), distinct=True)
    aliases = Scope(tuple(column for column in columns if column.name), around=below)
    return replace(after, scope=aliases, rows=None), {}


# The select list


def _select_list(context: Context, node: Select, clause: Clause) -> Columns:
    columns: list[Column] = []
    for item in node.items:
        columns += (
            _expand_star(context, item, clause) if isinstance(item, Star) else [_select_item(context, item, clause)]
        )
    return tuple(columns)


def _select_item(context: Context, item: Item, clause: Clause) -> Column:
    value = _resolve_item(context, item.value, clause)
    name = item.alias.text if item.alias else _implied_name(item.value)
    return Column(name, value.kind, value, has_aggregates(context, item.value), has_analytics(context, item.value))


def _resolve_item(context: Context, node: Expression, clause: Clause) -> Value:
    """An expression of the select list, which as a whole may be a grouping key."""
    plain = (
        not isinstance(node, (Name, Member)) and not has_aggregates(context, node) and not has_analytics(context, node)
    )
    if clause.keys and clause.rows is not None and plain:
        early = resolve(context, node, replace(clause, scope=clause.rows, keys={}))
        if early.identity in clause.keys:
            return early
    return resolve(context, node, clause)


def _expand_star(context: Context, star: Star, clause: Clause) -> list[Column]:
    columns = _star_columns(context, star, clause)
    known = {column.key for column in columns}
    left_out: set[str] = set()
    for name in star.left_out:
        if name.key in left_out:
            raise context.invalid(f"Duplicate column {name.text} in SELECT * EXCEPT list", name)
        if name.key not in known:
            raise context.invalid(f"Column {name.text} in SELECT * EXCEPT list does not exist", name)
        left_out.add(name.key)
    replaced: dict[str, Column] = {}
    for value, name in star.replaced:
        if name.key not in known:
            raise context.invalid(f"Column {name.text} in SELECT * REPLACE list does not exist", name)
        if sum(column.key == name.key for column in columns) > 1:
            raise context.invalid(f"Column {name.text} in SELECT * REPLACE list is ambiguous", name)
        if name.key in left_out:
            raise context.invalid(f"Column {name.text} cannot occur in both SELECT * EXCEPT and REPLACE", name)
        if name.key in replaced:
            raise context.invalid(f"Duplicate column {name.text} in SELECT * REPLACE list", name)
        found = _resolve_item(context, value, clause)
        replaced[name.key] = Column(
            name.text, found.kind, found, has_aggregates(context, value), has_analytics(context, value)
        )
    kept = [replaced.get(column.key, column) for column in columns if column.key not in left_out]
    if not kept:
        raise context.invalid("SELECT * expands to zero columns after applying EXCEPT", star)
    return kept


def _star_columns(context: Context, star: Star, clause: Clause) -> list[Column]:
    """The columns of `*` or `of.*`; of grouped rows only what is grouped by."""
    scope = clause.scope
    if star.of is None:
        columns = scope.columns
    else:
        table = None
        if isinstance(star.of, Name):
            scope, _, table = clause.scope.find(star.of.name.key)
        if table is None:
            value = resolve(context, star.of, clause)
            if value.kind.kind != "STRUCT" or value.kind.array:
                raise context.invalid(f"Dot-star is not supported for type {value.kind.sql()}", star.of)
            return [
                Column(name, kind, expression(kind, value.identity and ("field", value.identity, name.lower())))
                for name, kind in value.kind.fields
            ]
        columns = table.columns
    for column in columns:
        if scope.grouped is not None and column.identity not in scope.grouped:
            raise context.invalid(
                f"Star expansion expression references column {column.name} which is neither grouped nor aggregated",
                star,
            )
    return [Column(column.name, column.kind, expression(column.kind, column.identity)) for column in columns]


# GROUP BY


def _grouping_keys(context: Context, node: Select, columns: Columns, base: Clause) -> Mapping[Hashable, Type]:
    group = node.group
    if group is None:
        return {}
    keys: dict[Hashable, Type] = {}
    if group.everything:
        keys = {c.identity: c.kind for c in columns if not c.aggregates and not c.analytic}
        if not keys or all(c.value is not None and c.value.is_constant for c in columns):
            raise context.unsupported("GROUP BY ALL of nothing but constants and aggregates", group)
        return keys
    clause = replace(base, name="GROUP BY", rows=None)
    for key in group.keys:
        value = _resolve_grouping(context, key, columns, clause)
        _check_groupable(context, value.kind, "Grouping by expressions of type", key, " is not allowed")
        keys[value.identity if value.identity is not None else ("key", id(key))] = value.kind
    return keys


def _resolve_grouping(context: Context, key: Expression, columns: Columns, clause: Clause) -> Value:
    if isinstance(key, Literal) and key.kind == "INT64":
        place = int(key.text)
        if not 1 <= place <= len(columns):
            raise context.invalid(f"GROUP BY is out of SELECT column number range: {key.text}", key)
        return _select_list_value(context, columns[place - 1], str(place), key)
    first = key
    while isinstance(first, Member):
        first = first.of
    if isinstance(first, Name):
        found = [column for column in columns if column.key == first.name.key and not _from_star(column)]
        if len(found) > 1:
            what = "it may refer to multiple columns in the SELECT-list"
            raise context.invalid(f"Name {first.name.text} in GROUP BY clause is ambiguous; {what}", key)
        if found and first is not key and not clause.scope.find(first.name.key)[2]:
            raise context.invalid(f"Cannot GROUP BY field references from SELECT list alias {first.name.text}", key)
        if found and first is key:
            return _select_list_value(context, found[0], first.name.text, key)
    value = resolve(context, key, clause)
    if is_plain_literal(key, value):
        raise context.invalid("Cannot GROUP BY literal values", key)
    return value


def _select_list_value(context: Context, column: Column, name: str, key: Expression) -> Value:
    """A column of the list that is grouped by under its alias or place."""
    for called, kind in ((column.aggregates, "aggregation"), (column.analytic, "analytic")):
        if called:
            raise context.invalid(f"Column {name} contains an {kind} function, which is not allowed in GROUP BY", key)
    assert column.value is not None
    return column.value


def _check_groupable(context: Context, kind: Type, what: str, node: Node, after: str = "") -> None:
    if not kind.array and kind.kind == "JSON":
        raise context.invalid(f"{what} {kind.sql()}{after}", node)
    for _, inner in kind.fields:
        _check_groupable(context, inner, what, node, after)


def _implied_name(node: Expression) -> str:
    """The name of a column that has no alias."""
    if isinstance(node, Name):
        return node.name.text
    return node.name.text if isinstance(node, Member) else ""


def _from_star(column: Column) -> bool:
    return column.value is None


def _counted(number: int) -> str:
    return f"{number} column{'' if number == 1 else 's'}"
