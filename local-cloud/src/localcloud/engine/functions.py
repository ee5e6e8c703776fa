"""Which parts of GoogleSQL are served.

An expression is served when its sqlglot node is in `_STRUCTURE` or `_FUNCTIONS`; anything else is refused by name, so
that no DuckDB function that BigQuery lacks can be reached. Their DuckDB forms: duckdb_rewrites.py.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from localcloud.googlesql.positions import Text

_STRUCTURE = """
    Select From Join Where Group Having Qualify Order Ordered Limit Offset With CTE Subquery Union Except Intersect
    Distinct Alias TableAlias Column Identifier Star Table Literal Boolean Null Paren Tuple Values Dot Bracket And Or
    Not EQ NEQ GT GTE LT LTE Is In Between Like Escape Add Sub Mul Div IntDiv Mod Neg DPipe NullSafeEQ NullSafeNEQ
    BitwiseAnd BitwiseOr BitwiseXor BitwiseLeftShift BitwiseRightShift BitwiseNot Case If Cast TryCast DataType
    ColumnDef Interval Var Parameter Exists Array Struct PropertyEQ Window WindowSpec
    IgnoreNulls RespectNulls HavingMax Unnest Rollup Cube GroupingSets Insert Update Delete Merge Whens When TimeUnit
    Kwarg SafeFunc Anonymous Xor ByteString
"""
_FUNCTIONS = """
    Abs AnyValue ApproxDistinct ApproxQuantiles ArrayAgg ArrayConcat ArrayConcatAgg ArrayReverse
    ArraySize ArrayToString Ascii Atan2 Avg BitwiseAndAgg BitwiseOrAgg BitwiseXorAgg BitwiseCount ByteLength Ceil Chr
    Coalesce Concat Contains Corr CosineDistance Count CountIf CovarPop CovarSamp CumeDist CurrentDate CurrentDatetime
    CurrentTime CurrentTimestamp Date DateAdd DateDiff DateFromUnixDate DateSub DateTrunc DatetimeAdd DatetimeDiff
    DatetimeSub DatetimeTrunc DenseRank EndsWith EuclideanDistance Exp Extract FirstValue Floor Format FromBase64
    GenerateDateArray GenerateSeries Greatest GroupConcat Grouping Hex IsInf IsNan JSONExtract JSONExtractScalar
    JSONFormat Lag LastDay LastValue Lead Least Left Length Levenshtein Ln Log LogicalAnd LogicalOr Lower LowerHex MD5
    MD5Digest Max Min NthValue Ntile Nullif Pad ParseJSON PercentRank PercentileCont PercentileDisc Pow Rand Rank
    RegexpExtract RegexpExtractAll RegexpLike RegexpReplace Repeat Replace Reverse Right Round RowNumber SHA SHA2
    SHA2Digest SafeDivide SessionUser Split Sqrt StartsWith Stddev StddevPop StddevSamp StrPosition StrToDate
    StrToTime String Substring Sum TimeToStr Timestamp TimestampAdd TimestampDiff TimestampSub TimestampTrunc ToBase64
    Trim Trunc TsOrDsToDate TsOrDsToTimestamp TsOrDsToDatetime UnixDate UnixMicros UnixMillis UnixSeconds UnixToTime
    Upper Uuid Variance VariancePop ExponentialFunction Cos Sin Tan Acos Asin Atan
"""
_SERVED = frozenset(f"{_STRUCTURE} {_FUNCTIONS}".split())
_ALL_PARTS = "YEAR QUARTER MONTH DAY HOUR MINUTE SECOND MILLISECOND MICROSECOND ISOWEEK ISOYEAR"
_DATE_PARTS = "YEAR QUARTER MONTH DAY"
_CLOCK_PARTS = "DAY HOUR MINUTE SECOND MILLISECOND MICROSECOND"
#: The parts of dates that a function knows, where that is not all of them.
_PARTS = {
    **dict.fromkeys(("DateAdd", "DateSub"), _DATE_PARTS),
    **dict.fromkeys(("DateDiff", "DateTrunc", "LastDay"), _DATE_PARTS + " ISOWEEK ISOYEAR"),
    **dict.fromkeys(("TimestampAdd", "TimestampSub", "TimestampDiff"), _CLOCK_PARTS),
}


def served(tree: Any, text: Text) -> Any:
    """The same tree. Raises Unsupported for its first part that is not served; the analyzer has found it valid."""
    for node in tree.walk():
        name = type(node).__name__
        if isinstance(node, exp.Func) and isinstance(node.parent, exp.Table):
            continue  # relations.py knows the table functions
        if isinstance(node, exp.Anonymous):
            if node.name != "ERROR":
                raise text.unsupported(f"the function {node.name}", node)
        elif name not in _SERVED and not name.startswith("JSONPath"):
            raise text.unsupported(_description(node), node)
        _check_detail(node, text)
    return tree


def _check_detail(node: Any, text: Text) -> None:
    """Parts that are served in most forms, and are not in this one."""
    if isinstance(node, exp.Identifier) and node.name.lower() == "rowid":
        raise text.invalid(f"Unrecognized name: {node.name}", node)  # DuckDB has such a column in every table
    unit = node.args.get("unit") if isinstance(node, exp.Func) else None
    if unit is not None and unit.name.upper().startswith("WEEK"):
        raise text.unsupported("WEEK as a part of dates (its first day differs)", node)
    parts = _PARTS.get(type(node).__name__, _ALL_PARTS).split()
    if isinstance(unit, (exp.Var, exp.Literal)) and unit.name.upper() not in parts:
        raise text.unsupported(f"{_description(node)[13:]} with the date part {unit.name.upper()}", node)
    if isinstance(node, exp.Format) and not _is_simple_format(node.this):
        raise text.unsupported("FORMAT other than with %d, %s, %f, %e, %g and %x in a literal", node)
    if isinstance(node, exp.GroupConcat) and node.find(exp.Limit):
        raise text.unsupported("STRING_AGG with LIMIT", node)


def _description(node: Any) -> str:
    if isinstance(node, exp.Func):
        return f"the function {node.meta.get('bigquery_name') or node.sql_name()}"
    return f"{type(node).__name__} ({node.sql('bigquery')[:60]})"


def _is_simple_format(pattern: Any) -> bool:
    if not (isinstance(pattern, exp.Literal) and pattern.is_string):
        return False
    parts = pattern.name.replace("%%", "").split("%")[1:]
    return all(part.lstrip("+- 0123456789.#")[:1] in tuple("dsfegxXEFG") for part in parts)
