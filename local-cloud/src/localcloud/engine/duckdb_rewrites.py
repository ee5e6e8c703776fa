"""What a part of GoogleSQL means, said in DuckDB where the two differ.

Meanings: the GoogleSQL function reference (S in the contract); tests compare them with Google's own implementation.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlglot import exp

from localcloud.core.errors import Unsupported
from localcloud.engine import duckdb_rewrites_numbers
from localcloud.engine.duckdb_sql import call, cast, from_template

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


def _current(node: Any, now: datetime) -> Any:
    if node.args.get("this") is not None or node.args.get("zone") is not None:
        raise Unsupported(f"{node.sql('bigquery')}: current date and time in a named zone")
    kinds = {exp.CurrentDate: "DATE", exp.CurrentDatetime: "TIMESTAMP", exp.CurrentTime: "TIME"}
    text = now.isoformat(sep=" ")
    if isinstance(node, exp.CurrentTimestamp):
        return cast(exp.Literal.string(text), "TIMESTAMPTZ")
    return cast(cast(exp.Literal.string(text.split("+")[0]), "TIMESTAMP"), kinds[type(node)])


def _contained(node: Any) -> Any:
    """`x IN UNNEST(list)` as a semi-join: a scan of the list for each row would cost rows times elements."""
    unnest = node.args.get("unnest")
    if unnest is None:
        return node
    elements = exp.Select(expressions=[call("unnest", unnest.expressions[0].copy())])
    return exp.In(this=node.this.copy(), query=exp.Subquery(this=elements))


def _array_agg(node: Any) -> Any:
    """LIMIT inside ARRAY_AGG is a slice of the whole in DuckDB."""
    limit = node.find(exp.Limit)
    if limit is None or limit.find_ancestor(exp.ArrayAgg) is not node:
        return node
    ordered, count = limit.this, limit.expression
    limit.replace(ordered)
    return call("list_slice", node.copy(), exp.Literal.number(1), count.copy())


def _struct(node: Any) -> Any:
    """Fields without names are matched by position, and have the names that REST gives them where others have some."""
    names = [one.name if isinstance(one, exp.PropertyEQ) else "" for one in node.expressions]
    if not any(names):
        return call("row", *(one.copy() for one in node.expressions)) if node.expressions else node
    fields = [
        exp.PropertyEQ(
            this=exp.to_identifier(name or f"_field_{place}", quoted=True),
            expression=(one.expression if isinstance(one, exp.PropertyEQ) else one).copy(),
        )
        for place, (name, one) in enumerate(zip(names, node.expressions, strict=True), 1)
    ]
    return exp.Struct(expressions=fields)


def _bracket(node: Any) -> Any:
    """a[OFFSET(n)] beyond the array is an error; with SAFE_ it is NULL. DuckDB counts negative places from the end."""
    place = node.expressions[0].copy()
    if not node.args.get("offset"):  # counted from 0
        place = exp.Add(this=exp.Paren(this=place), expression=exp.Literal.number(1))
    beyond = "NULL" if node.args.get("safe") else "error('Array index is out of bounds')"
    return from_template(
        f"CASE WHEN :n < 1 OR :n > len(:a) THEN {beyond} ELSE list_extract(:a, :n) END",
        a=node.this.copy(),
        n=exp.Paren(this=place),
    )


def _extract(node: Any) -> Any:
    part, value = node.name.upper(), node.expression.copy()
    if part in _PARTS:
        name = {"ISOWEEK": "week"}.get(part, part.lower())
        return call("date_part", exp.Literal.string(name), value)
    if part == "DATE":
        return cast(value, "DATE")
    if part == "DAYOFWEEK":  # Sunday is 1 in BigQuery and 0 in DuckDB
        day = call("date_part", exp.Literal.string("dow"), value)
        return exp.Paren(this=exp.Add(this=day, expression=exp.Literal.number(1)))
    if part in ("MILLISECOND", "MICROSECOND"):  # of the second, where DuckDB's are of the minute
        within = exp.Literal.number(1_000 if part == "MILLISECOND" else 1_000_000)
        return exp.Paren(
            this=exp.Mod(this=call("date_part", exp.Literal.string(part.lower()), value), expression=within)
        )
    raise Unsupported(f"EXTRACT({part} FROM …)")


def _elapsed(node: Any) -> Any:
    """TIMESTAMP_DIFF counts whole units that passed, not boundaries crossed."""
    unit = exp.Literal.string((node.args.get("unit") or exp.var("DAY")).name.lower())
    return call("date_sub", unit, node.expression.copy(), node.this.copy())


def _as(kind: str) -> Callable[[Any], Any]:
    """DuckDB's function gives another type than BigQuery's."""

    def convert(node: Any) -> Any:
        return cast(node.copy(), kind)

    return convert


def _since_epoch(microseconds: int) -> Callable[[Any], Any]:
    """Whole units since 1970, rounded down."""

    def convert(node: Any) -> Any:
        units = exp.Div(this=call("epoch_us", node.this.copy()), expression=exp.Literal.number(microseconds))
        return cast(call("floor", units), "BIGINT")

    return convert


def _cast_rule(node: Any) -> Any:
    """Numbers as text, and fractions as integers, differ: 1.0 is '1', and halves are rounded away from zero."""
    kind = node.to.this
    if kind == exp.DType.DATE and not (isinstance(node.this, exp.Literal) and ":" not in node.this.name):
        refused = "NULL" if isinstance(node, exp.TryCast) else "error('Invalid date: ' || CAST(:x AS TEXT))"
        return from_template(_TO_DATE.format(refused), x=node.this.copy(), same=node.copy())
    if isinstance(node.this, exp.Literal) or kind not in (exp.DType.BIGINT, exp.DType.TEXT):
        return node
    value = node.this.copy()
    if kind == exp.DType.BIGINT:
        rounded = type(node)(this=call("round", cast(value.copy(), "DOUBLE")), to=node.to.copy())
        return from_template(
            "CASE WHEN typeof(:x) = 'DOUBLE' THEN :r ELSE :same END", x=value, r=rounded, same=node.copy()
        )
    return from_template(
        "CASE WHEN typeof(:x) = 'DOUBLE' THEN regexp_replace(CAST(:x AS TEXT), '[.]0$', '')"
        " WHEN starts_with(typeof(:x), 'DECIMAL') THEN rtrim(rtrim(CAST(:x AS TEXT), '0'), '.')"
        f" WHEN starts_with(typeof(:x), 'TIME') THEN {_in_threes('CAST(:x AS TEXT)')} ELSE :same END",
        x=value,
        same=node.copy(),
    )


def _in_threes(text: str) -> str:
    """The text of a time: fractions of a second have three digits, or six."""
    for digits, zeros in ((1, "00"), (2, "0"), (4, "00"), (5, "0")):
        text = f"regexp_replace({text}, '[.]([0-9]{{{digits}}})([^0-9]|$)', '.\\1{zeros}\\2')"
    return text


def _byte_length(node: Any) -> Any:
    return from_template(
        "CASE WHEN typeof(:x) = 'BLOB' THEN octet_length(CAST(:x AS BLOB)) ELSE strlen(CAST(:x AS TEXT)) END",
        x=node.this.copy(),
    )


def _substring(node: Any) -> Any:
    """Position 0 is position 1, as is one before the beginning; and a length is not negative."""
    start, length = node.args["start"].copy(), node.args.get("length")
    arguments = [
        node.this.copy(),
        from_template("CASE WHEN :s = 0 OR -:s > length(:x) THEN 1 ELSE :s END", s=start, x=node.this.copy()),
    ]
    if length is not None:
        refused = "CASE WHEN :n < 0 THEN error('Third argument in SUBSTR() cannot be negative') ELSE :n END"
        arguments.append(from_template(refused, n=length.copy()))
    return call("substring", *arguments)


def _series(node: Any) -> Any:
    """A step of 0 is an error where DuckDB answers with nothing."""
    if node.args.get("step") is None:
        return node
    checked = "CASE WHEN :x = 0 THEN error('Sequence step cannot be 0.') ELSE :whole END"
    return from_template(checked, x=node.args["step"].copy(), whole=node.copy())


def _strict(node: Any) -> Any:
    """With NULL among its arguments it is NULL, where DuckDB passes over it."""
    parts = [node.this, node.args.get("expression"), node.args.get("null"), *node.expressions]
    given = [part.copy() for part in parts if isinstance(part, exp.Expr) and not isinstance(part, exp.Literal)]
    if not given:
        return node
    missing = exp.or_(*(exp.Is(this=exp.Paren(this=part), expression=exp.Null()) for part in given))
    return exp.Case(ifs=[exp.If(this=missing, true=exp.Null())], default=node.copy())


def _json(node: Any) -> Any:
    """Text that is no JSON has no parts, where DuckDB fails."""
    valid = from_template("CASE WHEN json_valid(:x) THEN CAST(:x AS JSON) END", x=node.this.copy())
    changed = node.copy()
    changed.set("this", exp.Paren(this=valid))
    return changed


def _formatted(node: Any) -> Any:
    """FORMAT_TIMESTAMP in a zone; sqlglot leaves the zone out."""
    zone = node.args.get("zone")
    if zone is None:
        return node
    changed = node.copy()
    changed.set("zone", None)
    changed.set("this", call("timezone", zone.copy(), cast(node.this.copy(), "TIMESTAMPTZ")))
    return changed


def _parsed(node: Any) -> Any:
    """PARSE_TIMESTAMP, whose text is of a zone."""
    zone = node.args.get("zone")
    changed = node.copy()
    changed.set("zone", None)
    if zone is None:
        return cast(changed, "TIMESTAMPTZ")
    return call("timezone", zone.copy(), cast(changed, "TIMESTAMP"))


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
    return call("list_slice", filtered, *(one.copy() for one in whole.expressions[1:])) if sliced else filtered


def _decimal(node: Any) -> Any:
    if str(node.this).upper().endswith("DECIMAL") and not node.expressions:
        return exp.DataType.build("DECIMAL(38,9)", dialect="duckdb")
    return node


def _anonymous(node: Any) -> Any:
    return call("error", cast(node.expressions[0].copy(), "TEXT")) if node.name.upper() == "ERROR" else node


def _safe(node: Any) -> Any:
    """SAFE.f(…) is NULL where f fails."""
    inner = exp.Paren(this=node.this.copy())
    for one in list(inner.find_all(exp.Anonymous)):
        if one.name == "error":  # DuckDB tries nothing that may raise by itself
            one.replace(exp.Null())
    return call("try", inner.this)


def _like(node: Any) -> Any:
    """Backslash escapes in BigQuery's patterns."""
    if isinstance(node.parent, exp.Escape) or not isinstance(node.expression, exp.Literal):
        return node
    if "\\" not in node.expression.name:
        return node
    return exp.Escape(this=node.copy(), expression=exp.Literal.string("\\"))


def _format(node: Any) -> Any:
    return call("printf", node.this.copy(), *(part.copy() for part in node.expressions))


_REWRITES: dict[Any, Callable[[Any], Any]] = {
    **duckdb_rewrites_numbers.REWRITES,
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
    exp.IgnoreNulls: _ignore_nulls,
    exp.UnixToTime: _as("TIMESTAMPTZ"),
    exp.StrToTime: _parsed,
    exp.TimeToStr: _formatted,
    exp.JSONExtract: _json,
    exp.JSONExtractScalar: _json,
    exp.GenerateSeries: _series,
    **dict.fromkeys((exp.Split, exp.ArrayConcat, exp.ArrayToString, exp.DPipe), _strict),
    exp.DateAdd: _as("DATE"),
    exp.DateSub: _as("DATE"),
    exp.DateTrunc: _as("DATE"),
    exp.DataType: _decimal,
    exp.Anonymous: _anonymous,
    exp.SafeFunc: _safe,
    exp.Like: _like,
    exp.Format: _format,
}
