"""Rules of single functions beyond types: values that can be compared, patterns that the local cloud supports.

A rule of one function is a function here and a line of `_CHECKS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from localcloud.googlesql.analysis.coercion import literal_fits
from localcloud.googlesql.analysis.comparison import check_equality, check_order
from localcloud.googlesql.analysis.context import Context
from localcloud.googlesql.analysis.matching import Given, Match
from localcloud.googlesql.analysis.values import STRING, Form, Value, shown
from localcloud.googlesql.syntax import Call, Literal
from localcloud.googlesql.types import Type

_COMPARE = "$EQUAL $NOT_EQUAL $IN $IN_ARRAY $IS_DISTINCT_FROM $IS_NOT_DISTINCT_FROM NULLIF APPROX_COUNT_DISTINCT"
_EQUAL = frozenset(_COMPARE.split())
_ORDERED = {
    **dict.fromkeys(("$LESS", "$LESS_OR_EQUAL", "$GREATER", "$GREATER_OR_EQUAL"), "Less than"),
    "$BETWEEN": "BETWEEN",
    **{name: name for name in ("GREATEST", "LEAST", "MIN", "MAX", "APPROX_QUANTILES", "PERCENTILE_DISC")},
}
#: What the letters of a FORMAT pattern take.
_FORMATTED = {
    **dict.fromkeys("dixXo", ("integer", ("INT64",))),
    **dict.fromkeys("fFeEgG", ("FLOAT64", ("FLOAT64", "NUMERIC"))),
    "s": ("STRING", ("STRING",)),
    "p": ("JSON", ("JSON",)),
}
_DATE_ELEMENTS, _CLOCK_ELEMENTS = "YmdFjAaBbhyDuwVGUWx%", "HMSTIpX"
#: The format elements of dates and times that mean here what they mean in BigQuery.
_ELEMENTS = {
    "FORMAT_DATE": _DATE_ELEMENTS,
    "FORMAT_TIMESTAMP": _DATE_ELEMENTS + _CLOCK_ELEMENTS,
    "PARSE_DATE": "YmdjAaBbhyD%",
    "PARSE_TIMESTAMP": "YmdjAaBbhyDHMSTIp%",
}
#: Types that DuckDB writes into JSON as BigQuery does.
_IN_JSON = ("INT64", "FLOAT64", "STRING", "BOOL", "DATE", "JSON", "STRUCT")


def check_arguments(context: Context, node: Call, function: str, given: Sequence[Given], found: Match) -> None:
    """Raises ApiError for values that the function cannot take, and Unsupported."""
    kinds = [kind for kind in found.kinds if kind is not None]
    if function in _EQUAL or (function == "COUNT" and node.distinct):
        for kind in kinds[:1]:
            check_equality(context, kind, node)
    elif function in _ORDERED:
        for kind in kinds[:1]:
            check_order(context, kind, f"{_ORDERED[function]} is not defined for arguments of type", node)
    check = _CHECKS.get(function)
    if check is not None:
        check(context, node, [value for value in given if isinstance(value, Value)], found)


def _array_agg(context: Context, node: Call, values: Sequence[Value], found: Match) -> None:
    kind = found.kinds[0]
    if kind is not None and kind.array:
        raise context.invalid(f"The argument to {node.function} must not be an array type but was {kind.sql()}", node)


def _array_concat(context: Context, node: Call, values: Sequence[Value], found: Match) -> None:
    if any(value.is_null for value in values):
        raise context.invalid(f"The argument to {node.function} must be an array type but was NULL", node)


def _json_path(context: Context, node: Call, values: Sequence[Value], found: Match) -> None:
    if len(node.arguments) < 2:
        return
    path = node.arguments[1]
    if not isinstance(path, Literal):
        raise context.unsupported("a JSONPath that is no literal", path)
    if path.kind == "STRING" and not path.text.startswith("$"):
        raise context.invalid("JSONPath must start with '$'", path)


def _date(context: Context, node: Call, values: Sequence[Value], found: Match) -> None:
    first = values[0]
    literal = len(values) == 1 and first.form is Form.LITERAL and first.kind == STRING
    if literal and not literal_fits(first.text, "TIMESTAMP"):
        raise context.invalid(f'Could not cast literal "{first.text}" to type TIMESTAMP', node.arguments[0])


def _difference(context: Context, node: Call, values: Sequence[Value], found: Match) -> None:
    if found.result.kind == "INTERVAL" and values[0].kind.kind != "INTERVAL":
        raise context.unsupported("the difference of dates and times as an INTERVAL", node)


def _string(context: Context, node: Call, values: Sequence[Value], found: Match) -> None:
    if values[0].kind.kind == "JSON" or len(values) > 1:
        raise context.unsupported("STRING of JSON, and in a zone", node)


def _to_json(context: Context, node: Call, values: Sequence[Value], found: Match) -> None:
    if values[0].is_null or len(values) > 1 or not _is_written_alike(values[0].kind):
        raise context.unsupported(f"TO_JSON_STRING of {shown(values[0])}, and with a second argument", node)


def _format_elements(context: Context, node: Call, values: Sequence[Value], found: Match) -> None:
    """Patterns of dates and times: literals of the elements that DuckDB has too."""
    pattern = values[0]
    if pattern.form is not Form.LITERAL:
        raise context.unsupported(f"{node.function} with a pattern that is no literal", node)
    served = _ELEMENTS[node.function.removeprefix("SAFE.")]
    for element in re.findall(r"%(.?)", pattern.text):
        if not element or element not in served:
            raise context.unsupported(f"the format element %{element} in {node.function}", node)


def _format(context: Context, node: Call, values: Sequence[Value], found: Match) -> None:
    """What a literal pattern requires of the arguments; engine/functions.py has the supported patterns."""
    pattern, *arguments = values
    if pattern.form is not Form.LITERAL or "*" in pattern.text:
        return
    letters = re.findall(r"%[-+ #0']*\d*(?:\.\d*)?(.)", pattern.text.replace("%%", ""))
    if len(letters) != len(arguments):
        amount = "many" if len(arguments) > len(letters) else "few"
        raise context.invalid(
            f'Too {amount} arguments to FORMAT for pattern "{pattern.text}"; Expected {len(letters) + 1}; Got'
            f" {len(arguments) + 1}",
            node,
        )
    for place, (letter, value) in enumerate(zip(letters, arguments, strict=False), 2):
        name, kinds = _FORMATTED.get(letter, ("", ()))
        null = value.is_null and name == "integer"
        if kinds and not null and (value.kind.array or value.is_null or value.kind.kind not in kinds):
            raise context.invalid(
                f"Invalid type for argument {place} to FORMAT; Expected {name}; Got {shown(value)}", node
            )


def _is_written_alike(kind: Type) -> bool:
    return kind.kind in _IN_JSON and all(_is_written_alike(inner) for _, inner in kind.fields)


_CHECKS: dict[str, Callable[[Context, Call, Sequence[Value], Match], None]] = {
    **dict.fromkeys(("ARRAY_AGG", "APPROX_QUANTILES"), _array_agg),
    **dict.fromkeys(("JSON_VALUE", "JSON_QUERY", "JSON_EXTRACT", "JSON_EXTRACT_SCALAR"), _json_path),
    **dict.fromkeys(_ELEMENTS, _format_elements),
    **dict.fromkeys(("ARRAY_CONCAT", "ARRAY_CONCAT_AGG"), _array_concat),
    "DATE": _date,
    "$SUBTRACT": _difference,
    "STRING": _string,
    "TO_JSON_STRING": _to_json,
    "FORMAT": _format,
}
