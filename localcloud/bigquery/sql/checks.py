"""What BigQuery's analyzer refuses and DuckDB does not mind: names of the select list used inside it, and values of
types that have nothing in common compared, assigned or put into one column.

The types come from DuckDB: the operands are described over the sources of their own query. Where that cannot be done
(an operand that aggregates, or names something of the query around) nothing is checked.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from localcloud.bigquery.sql.ctes import visible_ctes
from localcloud.bigquery.sql.session import Session
from localcloud.bigquery.sql.translate import Duck
from localcloud.bigquery.sql.types import Columns, Type
from localcloud.errors import ApiError, invalid_query

_SIGNS = {exp.EQ: "=", exp.NEQ: "!=", exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<="}
_SCOPES = (exp.Select, exp.Merge, exp.Update, exp.Delete)
_NUMBERS = ("INT64", "FLOAT64", "NUMERIC")
#: What a string literal may stand for (S/conversion_rules, literal coercion).
_FROM_LITERAL = ("DATE", "DATETIME", "TIME", "TIMESTAMP")
_Described = list[Type | None]
"""None is the type of a bare NULL, which goes with every other."""


def check(session: Session, tree: Any) -> None:
    """Raises ApiError for the first such mistake in a resolved tree."""
    for scope in tree.find_all(*_SCOPES):
        _check_aliases(session, scope)
        _check_comparisons(session, scope)
    for union in tree.find_all(exp.SetOperation):
        _check_union(session, union)


def check_insert(session: Session, given: Duck, into: Columns) -> None:
    """Raises ApiError when a column of the inserted rows does not fit the table's column at its place."""
    kinds = session.kinds(given)
    for place, (kind, (name, wanted)) in enumerate(zip(kinds, into, strict=True), 1):
        if not _assignable(kind, wanted):
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


def _check_comparisons(session: Session, scope: Any) -> None:
    found = [node for node in scope.find_all(*_SIGNS) if _own(node, scope)]
    if not found:
        return
    try:
        kinds = _describe(session, scope, [operand for node in found for operand in (node.this, node.expression)])
    except ApiError:
        return
    for node, left, right in zip(found, kinds[::2], kinds[1::2], strict=True):
        if isinstance(node.parent, exp.Update):
            _check_assignment(session, node, left, right)
        elif not _comparable(left, node.this, right, node.expression):
            shown = ", ".join(kind.sql() if kind else "NULL" for kind in (left, right))
            what = f"No matching signature for operator {_SIGNS[type(node)]} for argument types: {shown}"
            raise session.text.invalid(what, node)


def _check_assignment(session: Session, node: Any, column: Type | None, value: Type | None) -> None:
    if column and not _assignable(value, column) and not _coerced(node.expression, value, column):
        shown = value.sql() if value else "NULL"
        what = f"Value of type {shown} cannot be assigned to {node.this.name}, which has type {column.sql()}"
        raise session.text.invalid(what, node)


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
        if one and other and not _assignable(one, other) and not _assignable(other, one):
            what = f"Column {place} in {kind} has incompatible types: {one.sql()}, {other.sql()}"
            raise session.text.invalid(what, union)


def _own(node: Any, scope: Any) -> bool:
    """Whether it belongs to this query itself, and its operands can be described by themselves."""
    owner = node.find_ancestor(*_SCOPES)
    if isinstance(owner, exp.Update) and isinstance(owner.parent, exp.When):
        owner = owner.find_ancestor(exp.Merge)
    if owner is not scope:
        return False
    return not any(operand.find(exp.AggFunc, exp.Window, exp.Select) for operand in (node.this, node.expression))


def _describe(session: Session, scope: Any, operands: list[Any]) -> _Described:
    query = exp.Select(expressions=[operand.copy() for operand in operands])
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


def _comparable(left: Type | None, left_node: Any, right: Type | None, right_node: Any) -> bool:
    if left is None or right is None:
        return True
    if left.array or right.array or "STRUCT" in (left.kind, right.kind):
        return left.array == right.array and left.kind == right.kind
    if left.kind == right.kind or (left.kind in _NUMBERS and right.kind in _NUMBERS):
        return True
    return _coerced(left_node, left, right) or _coerced(right_node, right, left)


def _coerced(node: Any, kind: Type | None, other: Type) -> bool:
    """Whether a literal takes the type of what it meets. A parameter does not."""
    return isinstance(node, exp.Literal) and kind == Type("STRING") and other.kind in _FROM_LITERAL and not other.array


def _assignable(kind: Type | None, wanted: Type) -> bool:
    """Whether a value of `kind` becomes one of `wanted` by itself. Choice: STRING to dates and times, as literals may."""
    if kind is None or kind == wanted:
        return True
    if kind.array != wanted.array:
        return False
    if kind.kind == wanted.kind == "STRUCT":
        pairs = zip(kind.fields, wanted.fields, strict=False)
        return len(kind.fields) == len(wanted.fields) and all(_assignable(a, b) for (_, a), (_, b) in pairs)
    if kind.kind == "STRING" and wanted.kind in (*_FROM_LITERAL, "BYTES"):
        return True
    order = ("INT64", "NUMERIC", "FLOAT64")
    return kind.kind in order and wanted.kind in order and order.index(kind.kind) <= order.index(wanted.kind)
