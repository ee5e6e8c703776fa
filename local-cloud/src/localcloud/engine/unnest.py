"""UNNEST after FROM: one row an element, `WITH OFFSET` from 0; an element that is a STRUCT becomes its fields.

DuckDB gives a table of one column instead, and counts from 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from typing import Any

from sqlglot import exp

from localcloud.core.errors import ApiError
from localcloud.engine.check import Check
from localcloud.engine.ctes import visible_ctes
from localcloud.googlesql.types import Type


def replace(check: Check, node: Any) -> None:
    """Put a DuckDB subquery in the place of an Unnest node, which must stand in a FROM clause."""
    array = node.expressions[0]
    if len(node.expressions) != 1:
        raise check.text.unsupported("UNNEST of several arrays at once", node)
    element = _element(check, node, array)
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
    source.meta["array"] = True
    beside = node.parent
    if isinstance(beside, exp.Join) and beside.side and not beside.args.get("on") and not beside.args.get("using"):
        beside.set("on", exp.true())
    node.replace(source)


def _elements(array: Any, element: Type | None, name: str) -> Any:
    if element is not None and element.kind == "STRUCT":
        deep = exp.Kwarg(this=exp.var("max_depth"), expression=exp.var("2"))
        return _call("unnest", array.copy(), deep)
    return _named(_call("unnest", array.copy()), name or "f0_")


def _element(check: Check, node: Any, array: Any) -> Type | None:
    """The type of the elements; None when neither the array nor the queries around it tell."""
    for query in _queries(node, array):
        try:
            ((_, kind),) = check.columns(check.duck(query))
        except ApiError:
            continue
        return kind.element if kind.array else None
    return None


def _queries(node: Any, array: Any) -> Iterator[Any]:
    """Queries for the array alone: by itself, over the sources beside the UNNEST, over those of each query around."""
    yield exp.Select(expressions=[array.copy()])
    around = node.find_ancestor(exp.Select)
    while around is not None:
        clause = around.args.get("from_")
        if clause is not None and clause.this is not node:
            joins = around.args.get("joins") or []
            before = [join.copy() for join in takewhile(lambda join: join.this is not node, joins)]
            query = exp.Select(expressions=[array.copy()], from_=clause.copy(), joins=before)
            ctes = [cte.copy() for cte in visible_ctes(clause)]
            if ctes:
                query.set("with_", exp.With(expressions=ctes, recursive=True))
            yield query
        around = around.find_ancestor(exp.Select)


def _call(function: str, *arguments: Any) -> Any:
    return exp.Anonymous(this=function, expressions=list(arguments))


def _named(expression: Any, name: str) -> Any:
    return exp.Alias(this=expression, alias=exp.to_identifier(name, quoted=True))
