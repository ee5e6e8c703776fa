"""Common table expressions: which ones a table function inside a query sees."""

from __future__ import annotations

from typing import Any

from sqlglot import exp


def visible_ctes(node: Any) -> list[Any]:
    """The CTEs that a name at `node` may mean, outermost and earliest first."""
    found: list[Any] = []
    inner, outer = node, node.parent
    while outer is not None:
        clause = outer.args.get("with_")
        if clause is not None:
            inside = inner if isinstance(inner, exp.CTE) else None
            found = _before(clause, inside) + found
        if not isinstance(outer, exp.With):
            inner = outer
        outer = outer.parent
    return found


def with_visible(query: Any, node: Any) -> Any:
    """A copy of `query`, an argument of the table function at `node`, that carries the CTEs it may name."""
    ctes = [cte.copy() for cte in visible_ctes(node)]
    whole = query.copy()
    if ctes:
        own = whole.args.get("with_")
        whole.set("with_", exp.With(expressions=[*ctes, *(own.expressions if own else [])]))
    return whole


def _before(clause: Any, inside: Any) -> list[Any]:
    ctes = list(clause.expressions)
    if inside is None:
        return ctes
    place = next(number for number, cte in enumerate(ctes) if cte is inside)
    return ctes[: place + 1] if clause.args.get("recursive") else ctes[:place]
