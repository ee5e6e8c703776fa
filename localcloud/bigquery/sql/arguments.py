"""Which types the served functions and signs take (S/functions-reference), where DuckDB would take more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from sqlglot import exp

from localcloud.bigquery.sql.types import Type

#: Types by the names that the table below uses.
_KINDS = {
    "text": ("STRING", "BYTES"),
    "string": ("STRING",),
    "bytes": ("BYTES",),
    "int": ("INT64",),
    "whole": ("INT64", "NUMERIC"),
    "number": ("INT64", "NUMERIC", "FLOAT64"),
    "bool": ("BOOL",),
    "date": ("DATE",),
    "stamp": ("TIMESTAMP",),
    "moment": ("DATE", "DATETIME", "TIMESTAMP"),
    "time": ("DATE", "DATETIME", "TIMESTAMP", "TIME", "INTERVAL"),
    "json": ("STRING", "JSON"),
    "sum": ("INT64", "NUMERIC", "FLOAT64", "INTERVAL"),
    "added": ("INT64", "NUMERIC", "FLOAT64", "DATE", "DATETIME", "TIMESTAMP", "INTERVAL"),
}
_TABLE = """
    ByteLength text; Length text; Upper text; Lower text; Trim text text; Replace text text text; Reverse text
    Left text int; Right text int; Pad text int text; Substring text int int; Repeat text int; Split text text
    StrPosition text text; StartsWith text text; EndsWith text text; Like text text; Ascii string; Chr int
    RegexpReplace text text text; RegexpExtract text text; RegexpExtractAll text text; RegexpLike text text
    LowerHex bytes; MD5Digest text; SHA2Digest text; SHA text; ToBase64 bytes; FromBase64 string
    UnixMicros stamp; UnixMillis stamp; UnixSeconds stamp; UnixToTime int; UnixDate date; DateFromUnixDate int
    DateAdd date; DateSub date; DateTrunc date; DateDiff date date; LastDay date
    TimestampAdd stamp; TimestampSub stamp; TimestampDiff stamp stamp; TimestampTrunc moment
    Extract - time; StrToDate string; StrToTime string
    JSONExtractScalar json; JSONExtract json; ParseJSON string
    Abs number; Ceil number; Floor number; Sqrt number; Exp number; Ln number; Log number number; Pow number number
    Round number int; Trunc number int; Sin number; Cos number; Tan number; Acos number; Asin number; Atan number
    Atan2 number number; IsNan number; IsInf number; SafeDivide number number; IntDiv whole whole; Mod whole whole
    Mul number number; Div number number; Neg sum; Add added added; Sub added added
    BitwiseAnd int int; BitwiseOr int int; BitwiseXor int int; BitwiseNot int; BitwiseCount int
    BitwiseLeftShift int int; BitwiseRightShift int int; BitwiseAndAgg int; BitwiseOrAgg int; BitwiseXorAgg int
    Sum sum; Avg sum; Stddev number; StddevPop number; StddevSamp number; Variance number; VariancePop number
    Corr number number; CovarPop number number; CovarSamp number number; CountIf bool; LogicalAnd bool; LogicalOr bool
    GroupConcat text text; Levenshtein text text; Ntile int; Lag - int; Lead - int; NthValue - int
"""
_ARGUMENTS = {
    "Pad": ("this", "expression", "fill_pattern"),
    "Substring": ("this", "start", "length"),
    "Replace": ("this", "expression", "replacement"),
    "RegexpReplace": ("this", "expression", "replacement"),
    "Repeat": ("this", "times"),
    "StrPosition": ("this", "substr"),
    "Round": ("this", "decimals"),
    "Trunc": ("this", "decimals"),
    "GroupConcat": ("this", "separator"),
    **dict.fromkeys(("Lag", "Lead", "NthValue"), ("this", "offset")),
}
_TAKEN = {row.split()[0]: row.split()[1:] for line in _TABLE.splitlines() for row in line.split(";") if row.strip()}
_TIME_PARTS = ("HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND")
_CASTS = {
    "BOOL": ("BOOL", "INT64", "STRING"),
    "INT64": ("INT64", "FLOAT64", "NUMERIC", "BOOL", "STRING"),
    "FLOAT64": ("INT64", "FLOAT64", "NUMERIC", "STRING"),
    "NUMERIC": ("INT64", "FLOAT64", "NUMERIC", "STRING"),
    "BYTES": ("BYTES", "STRING"),
    "DATE": ("DATE", "DATETIME", "TIMESTAMP", "STRING"),
    "DATETIME": ("DATE", "DATETIME", "TIMESTAMP", "STRING"),
    "TIMESTAMP": ("DATE", "DATETIME", "TIMESTAMP", "STRING"),
    "TIME": ("DATETIME", "TIMESTAMP", "TIME", "STRING"),
    "JSON": ("JSON",),
}
_LITERALS = {"DATE": r"\s*\d{4}-\d{1,2}-\d{1,2}\s*", "DATETIME": r"[^+]*", "TIMESTAMP": r".*", "TIME": r".*"}


def taken(node: Any) -> Iterator[tuple[Any, Any]]:
    """(operand, what judges its type) of each operand that a function or sign takes only of some types."""
    kinds = _TAKEN.get(type(node).__name__, [])
    if not kinds and isinstance(node, exp.Cast):
        yield node.this, partial(_judge_cast, node)
    keys = _ARGUMENTS.get(type(node).__name__, ("this", "expression"))
    for key, kind in zip(keys, kinds, strict=False):
        operand = node.args.get(key)
        if operand is not None and kind != "-" and not _made(operand):
            yield operand, partial(_judge, node, operand, _KINDS[kind])
    if isinstance(node, exp.Extract):
        yield node.expression, partial(_judge_part, node)


def literal_fits(text: str, kind: str) -> bool:
    """Whether a string literal may stand for a date or time of this type."""
    return bool(re.fullmatch(_LITERALS[kind], text))


def shown(node: Any) -> str:
    """How messages name a function."""
    return str(node.meta.get("bigquery_name") or node.sql_name()) if isinstance(node, exp.Func) else type(node).__name__


def _made(operand: Any) -> bool:
    """Whether sqlglot put it there, or it has no type of its own."""
    return isinstance(operand, (exp.TsOrDsToDate, exp.TsOrDsToTimestamp, exp.Star, exp.Distinct, exp.Order, exp.Var))


def _judge(node: Any, operand: Any, allowed: tuple[str, ...], kinds: list[Type | None]) -> str | None:
    (kind,) = kinds
    if kind is None or (kind.kind in allowed and not kind.array):
        return None
    literal = isinstance(operand, exp.Literal) and kind == Type("STRING")
    if literal and any(one in _LITERALS and literal_fits(operand.name, one) for one in allowed):
        return None
    if literal and "BYTES" in allowed:
        return None
    return f"No matching signature for function {shown(node)} for argument type {kind.sql()}"


def _judge_cast(node: Any, kinds: list[Type | None]) -> str | None:
    (kind,) = kinds
    wanted = str(node.args["to"].sql("bigquery")).upper().partition("(")[0]
    if kind is None:
        return None
    if wanted == "STRING":
        fits = not kind.array and kind.kind not in ("STRUCT", "JSON")
    elif wanted in _CASTS:
        fits = not kind.array and kind.kind in _CASTS[wanted]
    else:
        fits = kind.array == wanted.startswith("ARRAY") and (kind.kind == "STRUCT") == ("STRUCT" in wanted)
    return None if fits else f"Invalid cast from {kind.sql()} to {wanted}"


def _judge_part(node: Any, kinds: list[Type | None]) -> str | None:
    (kind,) = kinds
    if kind == Type("DATE") and node.name.upper() in (*_TIME_PARTS, "DATE", "TIME"):
        return f"EXTRACT from DATE does not support the {node.name.upper()} date part"
    return None
