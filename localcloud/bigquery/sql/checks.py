"""What BigQuery's analyzer refuses and DuckDB does not mind: names of the select list used inside it, and comparisons
of values whose types have nothing in common.

The types come from DuckDB: the operands are described over the sources of their own query. Where that cannot be done
(an operand that aggregates, or names something of the query around) nothing is checked.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from localcloud.bigquery.sql.ctes import visible_ctes
from localcloud.bigquery.sql.session import Session
from localcloud.bigquery.sql.types import Type
from localcloud.errors import ApiError

_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)
_SIGNS = {exp.EQ: "=", exp.NEQ: "!=", exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<="}
_NUMBERS = ("INT64", "FLOAT64", "NUMERIC")
#: What a string literal may be compared with (S/conversion_rules, literal coercion).
_FROM_LITERAL = ("DATE", "DATETIME", "TIME", "TIMESTAMP")


def check(session: Session, tree: Any) -> None:
    """Raises ApiError for the first such mistake in a resolved tree."""
    for scope in tree.find_all(exp.Select, exp.Merge, exp.Update, exp.Delete):
        _check_aliases(session, scope)
        _check_comparisons(session, scope)


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
    found = [node for node in scope.find_all(*_COMPARISONS) if _own(node, scope)]
    if not found:
        return
    try:
        types = _describe(session, scope, [operand for node in found for operand in (node.this, node.expression)])
    except ApiError:
        return
    for place, node in enumerate(found):
        left, right = types[2 * place], types[2 * place + 1]
        if not _comparable(left, node.this, right, node.expression):
            what = f"No matching signature for operator {_SIGNS[type(node)]}"
            raise session.text.invalid(f"{what} for argument types: {left.sql()}, {right.sql()}", node)


def _own(node: Any, scope: Any) -> bool:
    """Whether it is a comparison of this query, and its operands can be described by themselves."""
    if node.find_ancestor(exp.Select, exp.Merge, exp.Update, exp.Delete) is not scope:
        return False
    if isinstance(scope, (exp.Merge, exp.Update)) and isinstance(node.parent, exp.Update):
        return False  # an assignment
    return not any(operand.find(exp.AggFunc, exp.Window, exp.Select) for operand in (node.this, node.expression))


def _describe(session: Session, scope: Any, operands: list[Any]) -> list[Type]:
    query = exp.Select(expressions=[operand.copy() for operand in operands])
    if isinstance(scope, exp.Select):
        for part in ("from_", "joins"):
            value = scope.args.get(part)
            query.set(part, [one.copy() for one in value] if isinstance(value, list) else value and value.copy())
    else:
        query.set("from_", exp.From(this=scope.this.copy()))
        using = scope.args.get("using") or (scope.args["from_"].this if scope.args.get("from_") else None)
        query.set("joins", [exp.Join(this=using.copy())] if using is not None else [])
    ctes = [cte.copy() for cte in visible_ctes(scope)] + [cte.copy() for cte in _own_ctes(scope)]
    if ctes:
        query.set("with_", exp.With(expressions=ctes, recursive=True))
    return [kind for _, kind in session.columns(session.duck(query))]


def _own_ctes(scope: Any) -> list[Any]:
    clause = scope.args.get("with_")
    return list(clause.expressions) if clause is not None else []


def _comparable(left: Type, left_node: Any, right: Type, right_node: Any) -> bool:
    if left.array or right.array or "STRUCT" in (left.kind, right.kind):
        return left.array == right.array and left.kind == right.kind
    if left.kind == right.kind or (left.kind in _NUMBERS and right.kind in _NUMBERS):
        return True
    for node, kind, other in ((left_node, left, right), (right_node, right, left)):
        if isinstance(node, exp.Null):
            return True
        if isinstance(node, exp.Literal) and kind.kind == "STRING" and other.kind in _FROM_LITERAL:
            return True
    return False
