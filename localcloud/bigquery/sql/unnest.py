"""UNNEST after FROM: one row an element, `WITH OFFSET` from 0; an element that is a STRUCT stands as its fields.

DuckDB gives a table of one column instead, and counts from 1.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from localcloud.bigquery.sql.session import Session
from localcloud.bigquery.sql.types import Type
from localcloud.errors import ApiError


def replace(session: Session, node: Any) -> None:
    """Put a DuckDB subquery in the place of an Unnest node, which must stand in a FROM clause."""
    array = node.expressions[0]
    if len(node.expressions) != 1:
        raise session.text.unsupported("UNNEST of several arrays at once", node)
    element = _element(session, node, array)
    alias = node.args.get("alias")
    name = alias.columns[0].name if alias and alias.columns else (alias.name if alias else "")
    columns = [_elements(array, element, name)]
    offset = node.args.get("offset")
    if offset:
        label = offset.name if isinstance(offset, exp.Identifier) else "offset"
        columns.append(_named(_call("unnest", _call("range", _call("len", array.copy()))), label))
    source = exp.Subquery(this=exp.Select(expressions=columns), joins=node.args.get("joins"))
    if name:
        source.set("alias", exp.TableAlias(this=exp.to_identifier(name, quoted=True)))
    node.replace(source)


def _elements(array: Any, element: Type | None, name: str) -> Any:
    if element is not None and element.kind == "STRUCT":
        deep = exp.Kwarg(this=exp.var("max_depth"), expression=exp.var("2"))
        return _call("unnest", array.copy(), deep)
    return _named(_call("unnest", array.copy()), name or "f0_")


def _element(session: Session, node: Any, array: Any) -> Type | None:
    """The type of the elements; None when only the query around tells and it is not one of the usual forms."""
    select = exp.Select(expressions=[array.copy()])
    for query in (select, _beside(node, select)):
        if query is None:
            continue
        try:
            ((_, kind),) = session.columns(session.duck(query))
        except ApiError:
            continue
        return kind.element if kind.array else None
    return None


def _beside(node: Any, select: Any) -> Any:
    """`select` over the sources that stand before the UNNEST in the same FROM clause."""
    around = node.find_ancestor(exp.Select)
    clause = around.args.get("from_") if around else None
    if clause is None:
        return None
    joins = around.args.get("joins") or []
    before = []
    for join in joins:
        if join.this is node:
            break
        before.append(join.copy())
    query = select.copy()
    query.set("from_", clause.copy())
    query.set("joins", before)
    if around.args.get("with_"):
        query.set("with_", around.args["with_"].copy())
    return query


def _call(function: str, *arguments: Any) -> Any:
    return exp.Anonymous(this=function, expressions=list(arguments))


def _named(expression: Any, name: str) -> Any:
    return exp.Alias(this=expression, alias=exp.to_identifier(name, quoted=True))
