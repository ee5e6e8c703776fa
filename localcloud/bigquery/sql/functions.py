"""Which parts of GoogleSQL are served.

An expression is served when its syntax node is in `_STRUCTURE` or `_FUNCTIONS`; anything else is refused by name, so no
DuckDB function that BigQuery lacks can be reached. How what is served is said in DuckDB: meaning.py.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from localcloud.bigquery.sql.places import Text

_STRUCTURE = """
    Select From Join Where Group Having Qualify Order Ordered Limit Offset With CTE Subquery Union Except Intersect
    Distinct Alias TableAlias Column Identifier Star Table Literal Boolean Null Paren Tuple Values Dot Bracket And Or
    Not EQ NEQ GT GTE LT LTE Is In Between Like Escape Add Sub Mul Div IntDiv Mod Neg DPipe NullSafeEQ NullSafeNEQ
    BitwiseAnd BitwiseOr BitwiseXor BitwiseLeftShift BitwiseRightShift BitwiseNot Case If Cast TryCast DataType
    ColumnDef Interval Var Parameter Placeholder Exists Any Array Struct PropertyEQ Window WindowSpec
    IgnoreNulls RespectNulls HavingMax Unnest Rollup Cube GroupingSets Insert Update Delete Merge Whens When TimeUnit
    Kwarg SafeFunc Anonymous Xor Schema ByteString RawString
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
_OTHERS = """
    ACOSH APPENDS APPROX_TOP_COUNT APPROX_TOP_SUM ARRAY_AVG ARRAY_FILTER ARRAY_FIND ARRAY_FIRST ARRAY_INCLUDES
    ARRAY_IS_DISTINCT ARRAY_LAST ARRAY_MAX ARRAY_MIN ARRAY_SLICE ARRAY_SUM ARRAY_TRANSFORM ARRAY_ZIP ASINH ATANH
    BAG_OF_WORDS BIT_CAST_TO_INT64 BOOL BOOL_ARRAY CBRT CODE_POINTS_TO_BYTES CODE_POINTS_TO_STRING COLLATE COSH COT
    COTH CSC CSCH DATE_BUCKET DATETIME_BUCKET DETERMINISTIC_DECRYPT_BYTES DETERMINISTIC_DECRYPT_STRING
    DETERMINISTIC_ENCRYPT DLP_DETERMINISTIC_DECRYPT DLP_DETERMINISTIC_ENCRYPT DLP_KEY_CHAIN EXTERNAL_QUERY
    FARM_FINGERPRINT FLOAT64 FLOAT64_ARRAY FORMAT_DATETIME FORMAT_TIME FROM_BASE32 FROM_HEX GAP_FILL
    GENERATE_RANGE_ARRAY GENERATE_TIMESTAMP_ARRAY IEEE_DIVIDE IFERROR INITCAP INSTR INT64 INT64_ARRAY ISERROR
    JSON_ARRAY JSON_ARRAY_APPEND JSON_ARRAY_INSERT JSON_EXTRACT_ARRAY JSON_EXTRACT_STRING_ARRAY JSON_FLATTEN
    JSON_KEYS JSON_OBJECT JSON_QUERY_ARRAY JSON_REMOVE JSON_SET JSON_STRIP_NULLS JSON_TYPE JSON_VALUE_ARRAY
    JUSTIFY_DAYS JUSTIFY_HOURS JUSTIFY_INTERVAL LAX_BOOL LAX_FLOAT64 LAX_INT64 LAX_STRING MAKE_INTERVAL MAX_BY
    MIN_BY NORMALIZE NORMALIZE_AND_CASEFOLD NULLIFERROR OCTET_LENGTH PARSE_BIGNUMERIC PARSE_DATETIME PARSE_NUMERIC
    PARSE_TIME PI RANGE RANGE_BUCKET RANGE_CONTAINS RANGE_END RANGE_INTERSECT RANGE_OVERLAPS RANGE_SESSIONIZE
    RANGE_START REGEXP_INSTR REGEXP_SUBSTR S2_CELLIDFROMPOINT S2_COVERINGCELLIDS SAFE_ADD
    SAFE_CONVERT_BYTES_TO_STRING SAFE_MULTIPLY SAFE_NEGATE SAFE_SUBTRACT SEARCH SEC SECH SIGN SINH SOUNDEX
    STRING_ARRAY TANH TEXT_ANALYZE TF_IDF TIME TIMESTAMP_BUCKET TIME_ADD TIME_DIFF TIME_SUB TIME_TRUNC TO_BASE32
    TO_CODE_POINTS TO_JSON TRANSLATE TYPEOF UNICODE ARRAY
"""
_FAMILIES = ("ML.", "AI.", "OBJ.", "NET.", "KEYS.", "AEAD.", "HLL_COUNT.", "KLL_QUANTILES.", "ST_")


def is_known_elsewhere(name: str) -> bool:
    """Whether BigQuery has a function of this name, in upper case, that is not served here."""
    return name in _NOT_SERVED or name.startswith(_FAMILIES)


_NOT_SERVED = frozenset(_OTHERS.split())

_ALL_PARTS = "YEAR QUARTER MONTH DAY HOUR MINUTE SECOND MILLISECOND MICROSECOND ISOWEEK ISOYEAR"
_DATE_PARTS = "YEAR QUARTER MONTH DAY"
_CLOCK_PARTS = "DAY HOUR MINUTE SECOND MILLISECOND MICROSECOND"
#: The parts of dates that a function knows, where that is not all of them.
_PARTS = {
    **dict.fromkeys(("DateAdd", "DateSub"), _DATE_PARTS),
    **dict.fromkeys(("DateDiff", "DateTrunc", "LastDay"), _DATE_PARTS + " ISOWEEK ISOYEAR"),
    **dict.fromkeys(("TimestampAdd", "TimestampSub", "TimestampDiff"), _CLOCK_PARTS),
}
_ORDERED = (exp.Rank, exp.DenseRank, exp.PercentRank, exp.CumeDist, exp.Ntile, exp.Lag, exp.Lead)
_BITS = (exp.BitwiseAnd, exp.BitwiseOr, exp.BitwiseXor)
_SIGNS: dict[Any, str] = {
    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.EQ: "=", exp.NEQ: "!=", exp.GT: ">", exp.GTE: ">=",
    exp.LT: "<", exp.LTE: "<=", exp.DPipe: "||", exp.Like: "LIKE", exp.BitwiseAnd: "&", exp.BitwiseOr: "|",
    exp.BitwiseXor: "^", exp.Not: "NOT", exp.Neg: "-",
}  # fmt: skip


def check(tree: Any, text: Text) -> None:
    """Raises ApiError for the first part of the tree that is not served."""
    for node in tree.walk():
        name = type(node).__name__
        if isinstance(node, exp.Func) and isinstance(node.parent, exp.Table):
            continue  # relations.py knows the table functions
        if isinstance(node, exp.Anonymous):
            _check_anonymous(node, text)
        elif isinstance(node, (exp.ReadCSV, exp.ReadParquet)):
            raise text.invalid(f"Function not found: {node.meta.get('bigquery_name') or node.sql_name()}", node)
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
    if is_known_elsewhere(called):
        raise text.unsupported(f"the function {called}", node)
    space = f"{parent.this.name}." if isinstance(parent, exp.Dot) else ""
    raise text.invalid(f"Function not found: {space}{node.name}", node)


def _check_detail(node: Any, text: Text) -> None:
    """Parts that are served in most forms, and are not in this one."""
    if isinstance(node, exp.Identifier) and node.name.lower() == "rowid":
        raise text.invalid(f"Unrecognized name: {node.name}", node)  # DuckDB has such a column in every table
    if isinstance(node, exp.Table) and any(node.args.get(part) for part in ("version", "sample", "pivots", "hints")):
        raise text.unsupported("FOR SYSTEM_TIME, TABLESAMPLE and PIVOT", node)
    if isinstance(node, exp.Unnest) and not isinstance(node.parent, (exp.From, exp.Join, exp.In, exp.Table, exp.Merge)):
        raise text.invalid("Syntax error: Unexpected keyword UNNEST", node)
    if isinstance(node, exp.Join) and any(node.args.get(part) for part in ("method", "hint")):
        raise text.unsupported("join hints", node)
    _check_null(node, text)
    _check_aggregate(node, text)
    _check_order(node, text)
    unit = node.args.get("unit") if isinstance(node, exp.Func) else None
    if unit is not None and unit.name.upper().startswith("WEEK"):
        raise text.unsupported("WEEK as a part of dates (its first day differs)", node)
    parts = _PARTS.get(type(node).__name__, _ALL_PARTS).split()
    if isinstance(unit, (exp.Var, exp.Literal)) and unit.name.upper() not in parts:
        raise text.invalid(f"{_called(node)[13:]} does not support the {unit.name.upper()} date part", node)
    if isinstance(node, exp.Format):
        _check_format(node, text)
    if isinstance(node, exp.GroupConcat) and node.find(exp.Limit):
        raise text.unsupported("STRING_AGG with LIMIT", node)
    if isinstance(node, _BITS) and isinstance(node.this, _BITS) and type(node.this) is not type(node):
        raise text.unsupported("different bit operators without brackets", node)  # sqlglot reads them left to right


def _check_format(node: Any, text: Text) -> None:
    if not _plain_format(node.this):
        raise text.unsupported("FORMAT other than with %d, %s, %f, %e, %g and %x in a literal", node)
    wanted = node.this.name.replace("%%", "").count("%")
    if wanted != len(node.expressions):
        amount = "many" if len(node.expressions) > wanted else "few"
        raise text.invalid(
            f'Too {amount} arguments to FORMAT for pattern "{node.this.name}"; Expected {wanted + 1};'
            f" Got {len(node.expressions) + 1}",
            node,
        )


def _check_null(node: Any, text: Text) -> None:
    """A literal NULL has no type for an operator to choose by."""
    sign = _SIGNS.get(type(node))
    assigned = isinstance(node, exp.EQ) and isinstance(node.parent, exp.Update)
    if sign and not assigned and any(isinstance(node.args.get(key), exp.Null) for key in ("this", "expression")):
        raise text.invalid(f"Operands of {sign} cannot be literal NULL", node)


def _check_order(node: Any, text: Text) -> None:
    if isinstance(node, exp.Window) and isinstance(node.this, _ORDERED) and not node.args.get("alias"):
        if not node.args.get("order"):
            raise text.invalid(f"Window ORDER BY is required for analytic function {node.this.sql_name()}", node)
    elif isinstance(node, exp.Ordered):
        signed = isinstance(node.this, exp.Neg) and isinstance(node.this.this, exp.Literal)
        whole = isinstance(node.parent.parent, exp.Query) if node.parent else False
        if signed or (isinstance(node.this, exp.Literal) and not whole):
            raise text.invalid("Cannot ORDER BY literal values here", node)
    elif isinstance(node, (exp.Limit, exp.Offset)):
        count = node.expression
        if isinstance(count, exp.Literal) and (count.is_string or not count.name.isdigit()):
            raise text.invalid("LIMIT ... OFFSET ... expects INT64", node)


def _check_aggregate(node: Any, text: Text) -> None:
    if not isinstance(node, (exp.AggFunc, exp.Window)):
        return
    select = node.find_ancestor(exp.Select)
    if select is not None and select.args.get("from_") is None:
        what = "Analytic function" if isinstance(node, exp.Window) else f"Aggregate function {node.sql_name()}"
        raise text.invalid(f"{what} not allowed in SELECT without FROM clause", node)


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
