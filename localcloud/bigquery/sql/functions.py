"""Which parts of GoogleSQL are served, and how each whose meaning differs in DuckDB is said there.

An expression is served when its syntax node is in `_STRUCTURE` or `_FUNCTIONS`; anything else is refused by name, so no
DuckDB function that BigQuery lacks can be reached. Meanings: the GoogleSQL function reference (S in the contract).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlglot import exp

from localcloud.bigquery.sql.places import Text
from localcloud.errors import ApiError, Unsupported

_STRUCTURE = """
    Select From Join Where Group Having Qualify Order Ordered Limit Offset With CTE Subquery Union Except Intersect
    Distinct Alias TableAlias Column Identifier Star Table Literal Boolean Null Paren Tuple Values Dot Bracket And Or
    Not EQ NEQ GT GTE LT LTE Is In Between Like Escape Add Sub Mul Div IntDiv Mod Neg DPipe NullSafeEQ NullSafeNEQ
    BitwiseAnd BitwiseOr BitwiseXor BitwiseLeftShift BitwiseRightShift BitwiseNot Case If Cast TryCast DataType
    DataTypeParam ColumnDef Interval Var Parameter Placeholder Exists Any Array Struct PropertyEQ Window WindowSpec
    IgnoreNulls RespectNulls HavingMax Unnest Rollup Cube GroupingSets Insert Update Delete Merge Whens When TimeUnit
    Kwarg SafeFunc Anonymous Xor Schema ByteString RawString
"""
_FUNCTIONS = """
    Abs AnyValue ApproxDistinct ApproxQuantiles ArgMax ArgMin ArrayAgg ArrayConcat ArrayConcatAgg ArrayReverse
    ArraySize ArrayToString Ascii Atan2 Avg BitwiseAndAgg BitwiseOrAgg BitwiseXorAgg BitwiseCount ByteLength Ceil Chr
    Coalesce Concat Contains Corr CosineDistance Count CountIf CovarPop CovarSamp CumeDist CurrentDate CurrentDatetime
    CurrentTime CurrentTimestamp Date DateAdd DateDiff DateFromUnixDate DateSub DateTrunc DatetimeAdd DatetimeDiff
    DatetimeSub DatetimeTrunc DenseRank EndsWith EuclideanDistance Exp Extract FirstValue Floor Format FromBase64
    GenerateDateArray GenerateSeries Greatest GroupConcat Grouping Hex IsInf IsNan JSONExtract JSONExtractScalar
    JSONFormat Lag LastDay LastValue Lead Least Left Length Levenshtein Ln Log LogicalAnd LogicalOr Lower LowerHex MD5
    MD5Digest Max Min NthValue Ntile Nullif Pad ParseJSON PercentRank PercentileCont PercentileDisc Pow Rand Rank
    RegexpExtract RegexpExtractAll RegexpLike RegexpReplace Repeat Replace Reverse Right Round RowNumber SHA SHA2
    SHA2Digest SafeDivide SessionUser Sign Split Sqrt StartsWith Stddev StddevPop StddevSamp StrPosition StrToDate
    StrToTime String Substring Sum TimeToStr Timestamp TimestampAdd TimestampDiff TimestampSub TimestampTrunc ToBase64
    Trim Trunc TsOrDsToDate TsOrDsToDatetime UnixDate UnixMicros UnixMillis UnixSeconds UnixToTime Upper Uuid Variance
    VariancePop ExponentialFunction Cos Sin Tan Acos Asin Atan
"""
_SERVED = frozenset(f"{_STRUCTURE} {_FUNCTIONS}".split())
#: Functions that BigQuery has and neither the parser nor this local cloud knows.
_KNOWN_ELSEWHERE = """
    IFERROR ISERROR NULLIFERROR IEEE_DIVIDE SAFE_NEGATE ARRAY_IS_DISTINCT ARRAY_FILTER ARRAY_TRANSFORM FORMAT_DATETIME
    PARSE_DATETIME NET.HOST ST_GEOGPOINT HLL_COUNT.INIT KEYS.NEW_KEYSET BIT_CAST_TO_INT64
"""
_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.IntDiv, exp.Mod, exp.Neg)
_VALUES = (exp.Select, exp.Alias, exp.Array, exp.Struct, exp.PropertyEQ, exp.Tuple, exp.Coalesce, exp.If, exp.Case)


def check(tree: Any, text: Text) -> None:
    """Raises ApiError for the first part of the tree that is not served."""
    for node in tree.walk():
        name = type(node).__name__
        if isinstance(node, exp.Func) and isinstance(node.parent, exp.Table):
            continue  # relations.py knows the table functions
        if isinstance(node, exp.Anonymous):
            _check_anonymous(node, text)
        elif name not in _SERVED and not name.startswith("JSONPath"):
            raise text.unsupported(_called(node), node)
        _check_detail(node, text)


def _check_anonymous(node: Any, text: Text) -> None:
    called = str(node.name).upper()
    if called == "ERROR" and len(node.expressions) == 1:
        return
    parent = node.parent
    if isinstance(parent, exp.Dot):
        called = f"{parent.this.name.upper()}.{called}"
    if called in _KNOWN_ELSEWHERE.split() or called.startswith(("ML.", "AI.", "OBJ.")):
        raise text.unsupported(f"the function {called}", node)
    space = f"{parent.this.name}." if isinstance(parent, exp.Dot) else ""
    raise text.invalid(f"Function not found: {space}{node.name}", node)


def _check_detail(node: Any, text: Text) -> None:
    """Parts that are served in most forms, and are not in this one."""
    if isinstance(node, exp.Identifier) and node.name.lower() == "rowid":
        raise text.invalid(f"Unrecognized name: {node.name}", node)  # DuckDB has such a column in every table
    if isinstance(node, exp.Table) and any(node.args.get(part) for part in ("version", "sample", "pivots", "hints")):
        raise text.unsupported("FOR SYSTEM_TIME, TABLESAMPLE and PIVOT", node)
    if isinstance(node, exp.Join) and any(node.args.get(part) for part in ("method", "hint")):
        raise text.unsupported("join hints", node)
    unit = node.args.get("unit") if isinstance(node, exp.Func) else None
    if unit is not None and unit.name.upper().startswith("WEEK"):
        raise text.unsupported("WEEK as a part of dates (its first day differs)", node)
    if isinstance(node, exp.Format) and not _plain_format(node.this):
        raise text.unsupported("FORMAT other than with %d, %s, %f, %e, %g and %x in a literal", node)


def _called(node: Any) -> str:
    if isinstance(node, exp.Func):
        name = str(node.meta.get("bigquery_name") or node.sql_name())
        space = f"{node.parent.this.name.upper()}." if isinstance(node.parent, exp.Dot) else ""
        return f"the function {space}{name}"
    return f"{type(node).__name__} ({node.sql('bigquery')[:60]})"


def _plain_format(pattern: Any) -> bool:
    if not (isinstance(pattern, exp.Literal) and pattern.is_string):
        return False
    parts = pattern.name.replace("%%", "").split("%")[1:]
    return all(part.lstrip("+- 0123456789.#")[:1] in tuple("dsfegxXEFG") for part in parts)


# Meaning


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


def _dayofweek(node: Any) -> Any:
    """Sunday is 1 in BigQuery and 0 in DuckDB."""
    part = node.name.upper()
    if part.startswith("WEEK"):
        raise Unsupported("WEEK as a part of dates (its first day differs)")
    if part != "DAYOFWEEK":
        return node
    return exp.Paren(this=exp.Add(this=node.copy(), expression=exp.Literal.number(1)))


def _elapsed(node: Any) -> Any:
    """TIMESTAMP_DIFF counts whole units that passed, not boundaries crossed."""
    unit = exp.Literal.string((node.args.get("unit") or exp.var("DAY")).name.lower())
    return _duck("date_sub", unit, node.expression.copy(), node.this.copy())


def _as(kind: str) -> Callable[[Any], Any]:
    """DuckDB's function gives another type than BigQuery's."""

    def convert(node: Any) -> Any:
        return _cast(node.copy(), kind)

    return convert


def _seconds(node: Any) -> Any:
    return _cast(_duck("floor", _duck("epoch", node.this.copy())), "BIGINT")


def _decimal(node: Any) -> Any:
    if str(node.this).upper().endswith("DECIMAL") and not node.expressions:
        return exp.DataType.build("DECIMAL(38,9)", dialect="duckdb")
    return node


def _anonymous(node: Any) -> Any:
    return _duck("error", _cast(node.expressions[0].copy(), "TEXT")) if node.name.upper() == "ERROR" else node


def _safe(node: Any) -> Any:
    return _duck("try", node.this.copy())


def _like(node: Any) -> Any:
    """Backslash escapes in BigQuery's patterns."""
    if isinstance(node.parent, exp.Escape) or not isinstance(node.expression, exp.Literal):
        return node
    if "\\" not in node.expression.name:
        return node
    return exp.Escape(this=node.copy(), expression=exp.Literal.string("\\"))


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
    exp.Extract: _dayofweek,
    exp.TimestampDiff: _elapsed,
    exp.UnixSeconds: _seconds,
    exp.UnixToTime: _as("TIMESTAMPTZ"),
    exp.StrToTime: _as("TIMESTAMPTZ"),
    exp.DateAdd: _as("DATE"),
    exp.DateSub: _as("DATE"),
    exp.DateTrunc: _as("DATE"),
    exp.DataType: _decimal,
    exp.Anonymous: _anonymous,
    exp.SafeFunc: _safe,
    exp.Like: _like,
    exp.Format: _format,
    exp.Any: _refuse("quantified comparisons (ANY, SOME, ALL)"),
}
