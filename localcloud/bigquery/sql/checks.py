"""What BigQuery's analyzer refuses and DuckDB does not mind: names of the select list used inside it, and values whose
types do not fit where they stand (signatures.py).

The types come from DuckDB: the operands are described over the sources of their own query. Where that cannot be done
(an operand that aggregates, or names something of the query around) nothing is checked.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from localcloud.bigquery.sql.ctes import visible_ctes
from localcloud.bigquery.sql.session import Session
from localcloud.bigquery.sql.signatures import Demand, Kinds, assignable, demands
from localcloud.bigquery.sql.translate import Duck
from localcloud.bigquery.sql.types import Columns
from localcloud.errors import ApiError, invalid_query

_SCOPES = (exp.Select, exp.Merge, exp.Update, exp.Delete)


def check(session: Session, tree: Any) -> None:
    """Raises ApiError for the first such mistake in a resolved tree."""
    for scope in tree.find_all(*_SCOPES):
        _check_aliases(session, scope)
        _check_rows(session, scope)
        _check_types(session, scope)
        if isinstance(scope, exp.Select):
            _check_distinct(session, scope)
    for union in tree.find_all(exp.SetOperation):
        _check_union(session, union)


def check_insert(session: Session, given: Duck, into: Columns) -> None:
    """Raises ApiError when a column of the inserted rows does not fit the table's column at its place."""
    kinds = session.kinds(given)
    for place, (kind, (name, wanted)) in enumerate(zip(kinds, into, strict=True), 1):
        if not assignable(kind, wanted):
            raise invalid_query(
                f"Query column {place} has type {kind.sql() if kind else 'NULL'} which cannot be inserted into column"
                f" {name}, which has type {wanted.sql()}"
            )


def _check_aliases(session: Session, scope: Any) -> None:
    aliases = {one.alias.lower() for one in scope.expressions if isinstance(one, exp.Alias)}
    clauses = [*scope.expressions, scope.args.get("where")] if isinstance(scope, exp.Select) else []
    for column in (c for clause in clauses if clause for c in clause.find_all(exp.Column)):
        if column.table or column.name.lower() not in aliases or column.find_ancestor(exp.Select) is not scope:
            continue
        try:
            _describe(session, scope, [column])
        except ApiError as error:
            if error.message.startswith("Unrecognized name"):
                raise session.text.invalid(f"Unrecognized name: {column.name}", column) from error


def _check_rows(session: Session, scope: Any) -> None:
    """A bare name that is a table's means its row, even where the table has a column of that name."""
    clause = scope.args.get("from_")
    if not isinstance(scope, exp.Select) or clause is None:
        return
    sources = [clause.this, *(join.this for join in scope.args.get("joins") or [])]
    names = {one.alias_or_name.lower() for one in sources if not one.meta.get("array")}
    for column in scope.find_all(exp.Column):
        if column.table or column.name.lower() not in names or column.find_ancestor(exp.Select) is not scope:
            continue
        named = exp.column(column.this.copy(), table=exp.to_identifier(column.name, quoted=True))
        try:
            _describe(session, scope, [named])
        except ApiError:
            continue
        raise session.text.unsupported(f"the row of {column.name}, which has a column of that name", column)


def _check_types(session: Session, scope: Any) -> None:
    """One description of all operands; one at a time when some of them cannot be described."""
    found = [demand for demand in demands(scope) if _own(demand, scope)]
    groups = [found] if found else []
    while groups:
        group = groups.pop()
        try:
            kinds = iter(_describe(session, scope, [operand for demand in group for operand in demand.operands]))
        except ApiError:
            groups += [[demand] for demand in group] if len(group) > 1 else []
            continue
        for demand in group:
            wrong = demand.judge([next(kinds) for _ in demand.operands])
            if wrong and not demand.served:
                raise session.text.unsupported(wrong, demand.node)
            if wrong:
                raise session.text.invalid(wrong, demand.node)


def _check_distinct(session: Session, scope: Any) -> None:
    order = scope.args.get("order")
    if not scope.args.get("distinct") or order is None or any(one.is_star for one in scope.expressions):
        return
    visible = {one.alias_or_name.lower() for one in scope.expressions}
    for column in (part.this for part in order.expressions):
        if isinstance(column, exp.Column) and column.name.lower() not in visible:
            what = (
                f"ORDER BY clause expression references column {column.name} which is not visible after SELECT DISTINCT"
            )
            raise session.text.invalid(what, column)


def _check_union(session: Session, union: Any) -> None:
    sides = []
    for side in (union.this, union.expression):
        ctes = [cte.copy() for cte in visible_ctes(side)]
        query = side.copy()
        if ctes and query.args.get("with_") is None and isinstance(query, exp.Query):
            query.set("with_", exp.With(expressions=ctes, recursive=True))
        try:
            sides.append(session.kinds(session.duck(query)))
        except ApiError:
            return
    left, right = sides
    kind = type(union).__name__.upper()
    if len(left) != len(right):
        raise session.text.invalid(f"Queries in {kind} have mismatched column count", union)
    for place, (one, other) in enumerate(zip(left, right, strict=True), 1):
        if one and other and not assignable(one, other) and not assignable(other, one):
            what = f"Column {place} in {kind} has incompatible types: {one.sql()}, {other.sql()}"
            raise session.text.invalid(what, union)


def _own(demand: Demand, scope: Any) -> bool:
    """Whether it belongs to this query itself."""
    owner = demand.node if isinstance(demand.node, _SCOPES) else demand.node.find_ancestor(*_SCOPES)
    if isinstance(owner, exp.Update) and isinstance(owner.parent, exp.When):
        owner = owner.find_ancestor(exp.Merge)
    return owner is scope


def _qualified(operand: Any, scope: Any) -> Any:
    """The operand by itself; the column that is assigned to is the target table's."""
    copy = operand.copy()
    if (
        isinstance(operand.parent, exp.EQ)
        and isinstance(operand.parent.parent, exp.Update)
        and operand.arg_key == "this"
    ):
        copy.set("table", exp.to_identifier(scope.this.alias, quoted=True))
    return copy


def _describe(session: Session, scope: Any, operands: list[Any]) -> Kinds:
    query = exp.Select(expressions=[_qualified(operand, scope) for operand in operands])
    if isinstance(scope, exp.Select):
        for part in ("from_", "joins"):
            value = scope.args.get(part)
            query.set(part, [one.copy() for one in value] if isinstance(value, list) else value and value.copy())
    else:
        query.set("from_", exp.From(this=scope.this.copy()))
        using = scope.args.get("using") or (scope.args["from_"].this if scope.args.get("from_") else None)
        query.set("joins", [exp.Join(this=using.copy())] if using is not None else [])
    own = scope.args.get("with_")
    ctes = [cte.copy() for cte in [*visible_ctes(scope), *(own.expressions if own is not None else [])]]
    if ctes:
        query.set("with_", exp.With(expressions=ctes, recursive=True))
    return session.kinds(session.duck(query))
