"""What numbers mean in GoogleSQL, said in DuckDB where the two differ: types of literals, and errors for what has no
answer, where DuckDB has NaN, infinity or nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from localcloud.engine.duckdb_sql import call, cast, from_template

_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.IntDiv, exp.Mod, exp.Neg)
_VALUES = (exp.Select, exp.Alias, exp.Array, exp.Struct, exp.PropertyEQ, exp.Tuple, exp.Coalesce, exp.If, exp.Case)


def _literal(node: Any) -> Any:
    """Numbers get BigQuery's two types: DuckDB would take 1 for a 32-bit integer and 1.5 for a decimal."""
    if node.is_string:
        return node
    if not node.name.isdigit():
        return cast(node.copy(), "DOUBLE")
    return cast(node.copy(), "BIGINT") if isinstance(node.parent, (*_ARITHMETIC, *_VALUES)) else node


def _divide(node: Any) -> Any:
    return from_template(
        "CASE WHEN :b = 0 THEN error('division by zero') ELSE :a / :b END",
        a=_wrapped(node.this),
        b=_wrapped(node.expression),
    )


def _wrapped(node: Any) -> Any:
    return exp.Paren(this=node.copy())


def _cosine(node: Any) -> Any:
    """As in `search.py`: a zero vector has no direction."""
    return from_template(
        "CASE WHEN list_inner_product(:a, :a) = 0 OR list_inner_product(:b, :b) = 0"
        " THEN error('Cannot compute cosine distance against zero vector.')"
        " ELSE 1 - list_inner_product(:a, :b) / sqrt(list_inner_product(:a, :a) * list_inner_product(:b, :b)) END",
        a=cast(node.this.copy(), "DOUBLE[]"),
        b=cast(node.expression.copy(), "DOUBLE[]"),
    )


def _euclidean(node: Any) -> Any:
    return call("list_distance", cast(node.this, "DOUBLE[]"), cast(node.expression, "DOUBLE[]"))


def _positive(argument: str, *, zero: bool, message: str) -> Callable[[Any], Any]:
    """An error where DuckDB answers NaN or infinity."""

    def convert(node: Any) -> Any:
        checked = f"CASE WHEN :x {'<' if zero else '<='} 0 THEN error('{message}') ELSE :whole END"
        return from_template(checked, x=node.args[argument].copy(), whole=node.copy())

    return convert


def _within_one(node: Any) -> Any:
    """ACOS and ASIN of more than 1: an error where DuckDB answers NaN."""
    failed = f"error('Floating point error in function: {node.sql_name()}')"
    return from_template(f"CASE WHEN abs(:x) > 1 THEN {failed} ELSE :whole END", x=node.this.copy(), whole=node.copy())


def _power(node: Any) -> Any:
    """A root of a negative number, and what is too large: an error where DuckDB answers NaN and infinity."""
    return from_template(
        "CASE WHEN NOT isfinite(CAST(:whole AS DOUBLE)) AND isfinite(CAST(:x AS DOUBLE))"
        " AND isfinite(CAST(:y AS DOUBLE))"
        " THEN error('Floating point error in function: POW') ELSE :whole END",
        whole=node.copy(),
        x=node.this.copy(),
        y=node.expression.copy(),
    )


#: Bits that leave are lost, and zeros come in; DuckDB fails, or keeps the sign.
_LEFT = (
    "CAST((CAST(:x AS HUGEINT) * (CAST(1 AS HUGEINT) << CAST(:n AS HUGEINT)) + 9223372036854775808)"
    " & 18446744073709551615 AS HUGEINT) - 9223372036854775808"
)
_RIGHT = "CASE WHEN :x >= 0 OR :n = 0 THEN :x >> :n ELSE (:x >> :n) & (9223372036854775807 >> (:n - 1)) END"


def _shift(shifted: str) -> Callable[[Any], Any]:
    """`<<` and `>>` of 64 bits."""
    whole = (
        "CASE WHEN :x IS NULL THEN NULL WHEN :n < 0 THEN error('Bitwise shift by negative offset.')"
        " WHEN :n >= 64 THEN 0"
        f" ELSE CAST({shifted} AS BIGINT) END"
    )

    def convert(node: Any) -> Any:
        number, count = (cast(part.copy(), "BIGINT") for part in (node.this, node.expression))
        return from_template(whole, x=number, n=count)

    return convert


def _digits(node: Any) -> Any:
    """DuckDB counts digits in 32 bits."""
    if node.args.get("decimals") is None:
        return node
    return call(node.sql_name().lower(), node.this.copy(), cast(node.args["decimals"].copy(), "INTEGER"))


REWRITES: dict[Any, Callable[[Any], Any]] = {
    exp.Literal: _literal,
    exp.Div: _divide,
    exp.CosineDistance: _cosine,
    exp.EuclideanDistance: _euclidean,
    exp.Sqrt: _positive("this", zero=True, message="Argument to SQRT cannot be negative"),
    exp.Ln: _positive("this", zero=False, message="Floating point error in function: LN"),
    exp.Log: _positive("expression", zero=False, message="Floating point error in function: LOG"),
    exp.BitwiseLeftShift: _shift(_LEFT),
    exp.BitwiseRightShift: _shift(_RIGHT),
    exp.Pow: _power,
    exp.Acos: _within_one,
    exp.Asin: _within_one,
    exp.Repeat: _positive("times", zero=True, message="Second argument (repeat count) for REPEAT cannot be negative"),
    exp.Left: _positive("expression", zero=True, message="Second argument in LEFT() cannot be negative"),
    exp.Right: _positive("expression", zero=True, message="Second argument in RIGHT() cannot be negative"),
    exp.Round: _digits,
}
"""By the kind of node."""
