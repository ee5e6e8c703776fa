"""Which types fit where: comparisons, conditions, branches, text functions, assignments (S/conversion_rules).

Only where DuckDB would convert silently; what it refuses itself is worded in failures.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlglot import exp

from localcloud.bigquery.sql import arguments
from localcloud.bigquery.sql.types import Type

Kinds = list[Type | None]
"""None is the type of a bare NULL, which goes with every other."""

_SIGNS = {exp.EQ: "=", exp.NEQ: "!=", exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<="}
_ORDERS = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between)
_NUMBERS = ("INT64", "NUMERIC", "FLOAT64")
#: What a string literal may stand for.
_FROM_LITERAL = ("DATE", "DATETIME", "TIME", "TIMESTAMP")


@dataclass(frozen=True)
class Demand:
    """What a node asks of the types of its operands: `judge` says what is wrong, or None."""

    node: Any
    operands: list[Any]
    judge: Callable[[Kinds], str | None]
    served: bool = True
    """Whether BigQuery, too, refuses what is judged wrong."""


def demands(tree: Any) -> Iterator[Demand]:
    """The demands of every node in the tree."""
    for node in tree.walk():
        if type(node) in _SIGNS:
            assigned = isinstance(node.parent, exp.Update)
            operands = [node.this, node.expression]
            yield Demand(node, operands, partial(_judge_assignment if assigned else _judge_comparison, node, operands))
        elif isinstance(node, (exp.In, exp.Between)):
            operands = [node.this, *(node.expressions or [node.args.get("low"), node.args.get("high")])]
            if all(operands):
                yield Demand(node, operands, partial(_judge_comparison, node, operands))
        else:
            yield from _conditions(node)
            yield from _branches(node)
            yield from _taken(node)


def assignable(kind: Type | None, wanted: Type) -> bool:
    """Whether a value of `kind` becomes one of `wanted` by itself.

    Choice: any STRING becomes a date or a time, as its literals do.
    """
    if kind is None or kind == wanted:
        return True
    if kind.array != wanted.array:
        return False
    if kind.kind == wanted.kind == "STRUCT":
        # BigQuery matches fields by position; DuckDB by name, so other names are refused.
        pairs = list(zip(kind.fields, wanted.fields, strict=False))
        named = all(one == other or one.startswith("_field_") for (one, _), (other, _) in pairs)
        return named and len(kind.fields) == len(wanted.fields) and all(assignable(a, b) for (_, a), (_, b) in pairs)
    if kind.kind == "STRING" and wanted.kind in (*_FROM_LITERAL, "BYTES"):
        return True
    return (
        kind.kind in _NUMBERS and wanted.kind in _NUMBERS and _NUMBERS.index(kind.kind) <= _NUMBERS.index(wanted.kind)
    )


def _conditions(node: Any) -> Iterator[Demand]:
    if isinstance(node, (exp.Where, exp.Having, exp.Qualify)):
        yield Demand(node, [node.this], partial(_judge_clause, type(node).__name__.upper()))
    elif isinstance(node, (exp.Join, exp.Merge)) and node.args.get("on") is not None:
        yield Demand(node, [node.args["on"]], partial(_judge_clause, "ON"))
    elif isinstance(node, (exp.And, exp.Or)):
        operands = [node.this, node.expression]
        yield Demand(node, operands, partial(_judge_booleans, f"operator {type(node).__name__.upper()}"))
    elif isinstance(node, exp.Not):
        yield Demand(node, [node.this], partial(_judge_booleans, "operator NOT"))
    elif isinstance(node, exp.If) and not (isinstance(node.parent, exp.Case) and node.parent.this):
        yield Demand(node, [node.this], partial(_judge_booleans, "function IF"))


def _branches(node: Any) -> Iterator[Demand]:
    operands: list[Any] = []
    if isinstance(node, exp.Case):
        operands = [branch.args["true"] for branch in node.args["ifs"]] + [node.args.get("default")]
    elif isinstance(node, exp.If) and not isinstance(node.parent, exp.Case):
        operands = [node.args["true"], node.args.get("false")]
    elif isinstance(node, exp.Coalesce):
        operands = [node.this, *node.expressions]
    elif isinstance(node, exp.Array):
        operands = list(node.expressions)
    operands = [operand for operand in operands if operand is not None]
    if len(operands) > 1:
        name = "operator CASE" if isinstance(node, exp.Case) else f"function {node.sql_name()}"
        yield Demand(node, operands, partial(_judge_branches, name, operands))


def _taken(node: Any) -> Iterator[Demand]:
    for operand, judge in arguments.taken(node):
        yield Demand(node, [operand], judge)
    if isinstance(node, (exp.StartsWith, exp.EndsWith, exp.RegexpLike, exp.DPipe, exp.Concat)):
        operands = [node.this, node.expression] if node.args.get("this") else list(node.expressions)
        yield Demand(node, operands, partial(_judge_joined, arguments.shown(node)))
    elif isinstance(node, exp.Sub):
        yield Demand(node, [node.this, node.expression], _judge_difference, served=False)
    elif isinstance(node, exp.ArrayToString):
        yield Demand(node, [node.this], _judge_strings)
    elif isinstance(node, exp.Window):
        for part in node.args.get("partition_by") or []:
            yield Demand(node, [part], _judge_partition)
    elif isinstance(node, exp.Ordered):
        yield Demand(node, [node.this], _judge_order)
    elif isinstance(node, exp.Is) and isinstance(node.expression, exp.Boolean):
        yield Demand(node, [node.this], partial(_judge_booleans, "operator IS"))


def _judge_comparison(node: Any, operands: list[Any], kinds: Kinds) -> str | None:
    for kind in kinds:
        if kind is not None and kind.kind == "STRUCT" and isinstance(node, _ORDERS):
            return f"Less than is not defined for arguments of type {kind.sql()}"
    for place in range(1, len(kinds)):
        if not _comparable(kinds[0], operands[0], kinds[place], operands[place]):
            sign = _SIGNS.get(type(node), type(node).__name__.upper())
            return f"No matching signature for operator {sign} for argument types: {_shown([kinds[0], kinds[place]])}"
    return None


def _judge_assignment(node: Any, operands: list[Any], kinds: Kinds) -> str | None:
    column, value = kinds
    if column is None or assignable(value, column):
        return None
    return f"Value of type {_shown([value])} cannot be assigned to {operands[0].name}, which has type {column.sql()}"


def _judge_clause(name: str, kinds: Kinds) -> str | None:
    if _booleans(kinds):
        return None
    return f"{name} clause should return type BOOL, but returns {_shown(kinds)}"


def _judge_booleans(name: str, kinds: Kinds) -> str | None:
    return None if _booleans(kinds) else f"No matching signature for {name} for argument types: {_shown(kinds)}"


def _judge_joined(name: str, kinds: Kinds) -> str | None:
    """All STRING, all BYTES, or, for `||`, all arrays of one type; CONCAT makes text of what is none."""
    known = [kind for kind in kinds if kind is not None]
    if name == "CONCAT" and all(not kind.array and kind.kind not in ("STRUCT", "BYTES", "JSON") for kind in known):
        return None
    same = all(kind == known[0] for kind in known)
    if same and all(kind.kind in ("STRING", "BYTES") or (name == "DPipe" and kind.array) for kind in known):
        return None
    return f"No matching signature for function {name} for argument types: {_shown(kinds)}"


def _judge_difference(kinds: Kinds) -> str | None:
    both = all(kind is not None and kind.kind in (*_FROM_LITERAL, "INTERVAL") for kind in kinds)
    return f"the difference of {_shown(kinds)}" if both and Type("INTERVAL") not in kinds else None


def _judge_strings(kinds: Kinds) -> str | None:
    if kinds[0] in (None, Type("STRING", array=True), Type("BYTES", array=True)):
        return None
    return f"No matching signature for function ARRAY_TO_STRING for argument types: {_shown(kinds)}"


def _judge_partition(kinds: Kinds) -> str | None:
    kind = kinds[0]
    return "Partitioning by expressions of type FLOAT64 is not allowed" if kind == Type("FLOAT64") else None


def _judge_order(kinds: Kinds) -> str | None:
    kind = kinds[0]
    if kind is None or not (kind.array or kind.kind in ("STRUCT", "JSON")):
        return None
    return f"ORDER BY does not support expressions of type {kind.sql()}"


def _judge_branches(name: str, operands: list[Any], kinds: Kinds) -> str | None:
    for place, kind in enumerate(kinds[1:], 1):
        if not _comparable(kinds[0], operands[0], kind, operands[place]):
            return f"No matching signature for {name}; arguments are not coercible to a common type: {_shown(kinds)}"
    return None


def _booleans(kinds: Kinds) -> bool:
    return all(kind is None or kind == Type("BOOL") for kind in kinds)


def _comparable(left: Type | None, left_node: Any, right: Type | None, right_node: Any) -> bool:
    if left is None or right is None:
        return True
    if left.array or right.array or "STRUCT" in (left.kind, right.kind):
        return left.array == right.array and (left.kind == right.kind or {left.kind, right.kind} <= set(_NUMBERS))
    if left.kind == right.kind or (left.kind in _NUMBERS and right.kind in _NUMBERS):
        return True
    return _coerced(left_node, left, right) or _coerced(right_node, right, left)


def _coerced(node: Any, kind: Type, other: Type) -> bool:
    """Whether a literal takes the type of what it meets. A parameter does not."""
    string = isinstance(node, exp.Literal) and kind == Type("STRING")
    return string and other.kind in _FROM_LITERAL and arguments.literal_fits(node.name, other.kind)


def _shown(kinds: Kinds) -> str:
    return ", ".join(kind.sql() if kind else "NULL" for kind in kinds)
