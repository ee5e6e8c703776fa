"""What a part of GoogleSQL means, said in DuckDB where the two differ.

Meanings: the GoogleSQL function reference (S in the contract); tests compare them with Google's own implementation.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlglot import exp

from localcloud.errors import ApiError, Unsupported

_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.IntDiv, exp.Mod, exp.Neg)
_VALUES = (exp.Select, exp.Alias, exp.Array, exp.Struct, exp.PropertyEQ, exp.Tuple, exp.Coalesce, exp.If, exp.Case)
_PARTS = ["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "DAYOFYEAR", "QUARTER", "ISOWEEK", "ISOYEAR"]

#: DuckDB also takes the text of a timestamp.
_TO_DATE = "CASE WHEN typeof(:x) = 'VARCHAR' AND contains(CAST(:x AS TEXT), ':') THEN {} ELSE :same END"


def rewrite(node: Any, now: datetime, member: str) -> Any:
    """The node that means in DuckDB what `node` means in BigQuery; `node` itself where both agree.

    Called on every node, parts before wholes.
    """
    if isinstance(node, (exp.CurrentTimestamp, exp.CurrentDate, exp.CurrentDatetime, exp.CurrentTime)):
        return _current(node, now)
    if isinstance(node, exp.SessionUser):
        return exp.Literal.string(member.partition(":")[2])
    rule = _REWRITES.get(type(node))
    return rule(node) if rule else node


def _built(template: str, **parts: Any) -> Any:
    """A DuckDB expression with `:name` replaced by the parts."""
    return exp.replace_placeholders(exp.maybe_parse(template), **parts)


def _duck(function: str, *arguments: Any) -> Any:
    return exp.Anonymous(this=function, expressions=list(arguments))


def _cast(node: Any, kind: str) -> Any:
    return exp.Cast(this=node, to=exp.DataType.build(kind, dialect="duckdb"))


def _current(node: Any, now: datetime) -> Any:
    if node.args.get("this") is not None or node.args.get("zone") is not None:
        raise Unsupported(f"{node.sql('bigquery')}: current date and time in a named zone")
    kinds = {exp.CurrentDate: "DATE", exp.CurrentDatetime: "TIMESTAMP", exp.CurrentTime: "TIME"}
    text = now.isoformat(sep=" ")
    if isinstance(node, exp.CurrentTimestamp):
        return _cast(exp.Literal.string(text), "TIMESTAMPTZ")
    return _cast(_cast(exp.Literal.string(text.split("+")[0]), "TIMESTAMP"), kinds[type(node)])


def _literal(node: Any) -> Any:
    """Numbers get BigQuery's two types: DuckDB would take 1 for a 32-bit integer and 1.5 for a decimal."""
    if node.is_string:
        return node
    if not node.name.isdigit():
        return _cast(node.copy(), "DOUBLE")
    return _cast(node.copy(), "BIGINT") if isinstance(node.parent, (*_ARITHMETIC, *_VALUES)) else node


def _divide(node: Any) -> Any:
    return _built(
        "CASE WHEN :b = 0 THEN error('division by zero') ELSE :a / :b END",
        a=_wrapped(node.this),
        b=_wrapped(node.expression),
    )


def _wrapped(node: Any) -> Any:
    return exp.Paren(this=node.copy())


def _cosine(node: Any) -> Any:
    """As in `search.py`: a zero vector has no direction."""
    return _built(
        "CASE WHEN list_inner_product(:a, :a) = 0 OR list_inner_product(:b, :b) = 0"
        " THEN error('Cannot compute cosine distance against zero vector.')"
        " ELSE 1 - list_inner_product(:a, :b) / sqrt(list_inner_product(:a, :a) * list_inner_product(:b, :b)) END",
        a=_cast(node.this.copy(), "DOUBLE[]"),
        b=_cast(node.expression.copy(), "DOUBLE[]"),
    )


def _euclidean(node: Any) -> Any:
    return _duck("list_distance", _cast(node.this, "DOUBLE[]"), _cast(node.expression, "DOUBLE[]"))


def _contained(node: Any) -> Any:
    """`x IN UNNEST(list)` as a semi-join: a scan of the list for each row would cost rows times elements."""
    unnest = node.args.get("unnest")
    if unnest is None:
        return node
    array = unnest.expressions[0] if isinstance(unnest, exp.Unnest) else unnest
    elements = exp.Select(expressions=[_duck("unnest", array.copy())])
    return exp.In(this=node.this.copy(), query=exp.Subquery(this=elements))


def _array_agg(node: Any) -> Any:
    """LIMIT inside ARRAY_AGG is a slice of the whole in DuckDB."""
    limit = node.find(exp.Limit)
    if limit is None or limit.find_ancestor(exp.ArrayAgg) is not node:
        return node
    ordered, count = limit.this, limit.expression
    limit.replace(ordered)
    return _duck("list_slice", node.copy(), exp.Literal.number(1), count.copy())


def _struct(node: Any) -> Any:
    """Fields without names are matched by position."""
    if not node.expressions or any(isinstance(one, (exp.PropertyEQ, exp.Column, exp.Dot)) for one in node.expressions):
        return node
    return _duck("row", *(one.copy() for one in node.expressions))


def _bracket(node: Any) -> Any:
    """a[OFFSET(n)] beyond the array is an error; with SAFE_ it is NULL."""
    if node.args.get("safe"):
        return node
    place = node.expressions[0].copy()
    if not node.args.get("offset"):  # sqlglot counts from 0 whatever the statement did
        place = exp.Add(this=exp.Paren(this=place), expression=exp.Literal.number(1))
    return _built(
        "CASE WHEN :n < 1 OR :n > len(:a) THEN error('Array index is out of bounds') ELSE list_extract(:a, :n) END",
        a=node.this.copy(),
        n=exp.Paren(this=place),
    )


def _extract(node: Any) -> Any:
    part, value = node.name.upper(), node.expression.copy()
    if part in _PARTS:
        name = {"ISOWEEK": "week"}.get(part, part.lower())
        return _duck("date_part", exp.Literal.string(name), value)
    if part == "DATE":
        return _cast(value, "DATE")
    if part == "DAYOFWEEK":  # Sunday is 1 in BigQuery and 0 in DuckDB
        day = _duck("date_part", exp.Literal.string("dow"), value)
        return exp.Paren(this=exp.Add(this=day, expression=exp.Literal.number(1)))
    if part in ("MILLISECOND", "MICROSECOND"):  # of the second, where DuckDB's are of the minute
        within = exp.Literal.number(1_000 if part == "MILLISECOND" else 1_000_000)
        return exp.Paren(
            this=exp.Mod(this=_duck("date_part", exp.Literal.string(part.lower()), value), expression=within)
        )
    raise Unsupported(f"EXTRACT({part} FROM …)")


def _elapsed(node: Any) -> Any:
    """TIMESTAMP_DIFF counts whole units that passed, not boundaries crossed."""
    unit = exp.Literal.string((node.args.get("unit") or exp.var("DAY")).name.lower())
    return _duck("date_sub", unit, node.expression.copy(), node.this.copy())


def _as(kind: str) -> Callable[[Any], Any]:
    """DuckDB's function gives another type than BigQuery's."""

    def convert(node: Any) -> Any:
        return _cast(node.copy(), kind)

    return convert


def _since_epoch(microseconds: int) -> Callable[[Any], Any]:
    """Whole units since 1970, rounded down."""

    def convert(node: Any) -> Any:
        units = exp.Div(this=_duck("epoch_us", node.this.copy()), expression=exp.Literal.number(microseconds))
        return _cast(_duck("floor", units), "BIGINT")

    return convert


def _cast_rule(node: Any) -> Any:
    """Numbers as text, and fractions as integers, differ: 1.0 is '1', and halves are rounded away from zero."""
    kind = node.to.this
    if kind == exp.DType.DATE and not (isinstance(node.this, exp.Literal) and ":" not in node.this.name):
        refused = "NULL" if isinstance(node, exp.TryCast) else "error('Invalid date: ' || CAST(:x AS TEXT))"
        return _built(_TO_DATE.format(refused), x=node.this.copy(), same=node.copy())
    if isinstance(node.this, exp.Literal) or kind not in (exp.DType.BIGINT, exp.DType.TEXT):
        return node
    value = node.this.copy()
    if kind == exp.DType.BIGINT:
        rounded = type(node)(this=_duck("round", _cast(value.copy(), "DOUBLE")), to=node.to.copy())
        return _built("CASE WHEN typeof(:x) = 'DOUBLE' THEN :r ELSE :same END", x=value, r=rounded, same=node.copy())
    return _built(
        "CASE WHEN typeof(:x) = 'DOUBLE' THEN regexp_replace(CAST(:x AS TEXT), '[.]0$', '')"
        " WHEN starts_with(typeof(:x), 'DECIMAL') THEN rtrim(rtrim(CAST(:x AS TEXT), '0'), '.') ELSE :same END",
        x=value,
        same=node.copy(),
    )


def _byte_length(node: Any) -> Any:
    return _built(
        "CASE WHEN typeof(:x) = 'BLOB' THEN octet_length(CAST(:x AS BLOB)) ELSE strlen(CAST(:x AS TEXT)) END",
        x=node.this.copy(),
    )


def _substring(node: Any) -> Any:
    """Position 0 is position 1, and a length is not negative."""
    start, length = node.args["start"].copy(), node.args.get("length")
    arguments = [node.this.copy(), _built("CASE WHEN :s = 0 THEN 1 ELSE :s END", s=start)]
    if length is not None:
        refused = "CASE WHEN :n < 0 THEN error('Third argument in SUBSTR() cannot be negative') ELSE :n END"
        arguments.append(_built(refused, n=length.copy()))
    return _duck("substring", *arguments)


def _positive(argument: str, *, zero: bool, message: str) -> Callable[[Any], Any]:
    """An error where DuckDB answers NaN or infinity."""

    def convert(node: Any) -> Any:
        checked = f"CASE WHEN :x {'<' if zero else '<='} 0 THEN error('{message}') ELSE :whole END"
        return _built(checked, x=node.args[argument].copy(), whole=node.copy())

    return convert


def _ignore_nulls(node: Any) -> Any:
    """ARRAY_AGG(x IGNORE NULLS …) is a filter in DuckDB."""
    whole = node.this
    sliced = isinstance(whole, exp.Anonymous) and whole.name == "list_slice"
    array = whole.expressions[0] if sliced else whole
    if not isinstance(array, exp.ArrayAgg):
        return node
    value = array.this.this if isinstance(array.this, exp.Order) else array.this
    present = exp.Where(this=exp.Not(this=exp.Is(this=value.copy(), expression=exp.Null())))
    filtered = exp.Filter(this=array.copy(), expression=present)
    return _duck("list_slice", filtered, *(one.copy() for one in whole.expressions[1:])) if sliced else filtered


def _decimal(node: Any) -> Any:
    if str(node.this).upper().endswith("DECIMAL") and not node.expressions:
        return exp.DataType.build("DECIMAL(38,9)", dialect="duckdb")
    return node


def _anonymous(node: Any) -> Any:
    return _duck("error", _cast(node.expressions[0].copy(), "TEXT")) if node.name.upper() == "ERROR" else node


def _safe(node: Any) -> Any:
    """SAFE.f(…) is NULL where f fails."""
    inner = exp.Paren(this=node.this.copy())
    for call in list(inner.find_all(exp.Anonymous)):
        if call.name == "error":  # DuckDB tries nothing that may raise by itself
            call.replace(exp.Null())
    return _duck("try", inner.this)


def _like(node: Any) -> Any:
    """Backslash escapes in BigQuery's patterns."""
    if isinstance(node.parent, exp.Escape) or not isinstance(node.expression, (exp.Literal, exp.RawString)):
        return node
    if "\\" not in node.expression.name:
        return node
    return exp.Escape(this=node.copy(), expression=exp.Literal.string("\\"))


def _digits(node: Any) -> Any:
    """DuckDB counts digits in 32 bits."""
    if node.args.get("decimals") is None:
        return node
    return _duck(node.sql_name().lower(), node.this.copy(), _cast(node.args["decimals"].copy(), "INTEGER"))


def _format(node: Any) -> Any:
    return _duck("printf", node.this.copy(), *(part.copy() for part in node.expressions))


def _refuse(what: str) -> Callable[[Any], ApiError]:
    def refuse(_node: Any) -> ApiError:
        raise Unsupported(what)

    return refuse


_REWRITES: dict[Any, Callable[[Any], Any]] = {
    exp.Literal: _literal,
    exp.Div: _divide,
    exp.CosineDistance: _cosine,
    exp.EuclideanDistance: _euclidean,
    exp.In: _contained,
    exp.ArrayAgg: _array_agg,
    exp.Bracket: _bracket,
    exp.Struct: _struct,
    exp.Extract: _extract,
    exp.TimestampDiff: _elapsed,
    exp.UnixSeconds: _since_epoch(1_000_000),
    exp.UnixMillis: _since_epoch(1_000),
    exp.Cast: _cast_rule,
    exp.TryCast: _cast_rule,
    exp.ByteLength: _byte_length,
    exp.Substring: _substring,
    exp.Sqrt: _positive("this", zero=True, message="Argument to SQRT cannot be negative"),
    exp.Ln: _positive("this", zero=False, message="Floating point error in function: LN"),
    exp.Log: _positive("expression", zero=False, message="Floating point error in function: LOG"),
    exp.IgnoreNulls: _ignore_nulls,
    exp.UnixToTime: _as("TIMESTAMPTZ"),
    exp.StrToTime: _as("TIMESTAMPTZ"),
    exp.DateAdd: _as("DATE"),
    exp.DateSub: _as("DATE"),
    exp.DateTrunc: _as("DATE"),
    exp.DataType: _decimal,
    exp.Anonymous: _anonymous,
    exp.SafeFunc: _safe,
    exp.Like: _like,
    exp.Round: _digits,
    exp.Format: _format,
    exp.Any: _refuse("quantified comparisons (ANY, SOME, ALL)"),
}
