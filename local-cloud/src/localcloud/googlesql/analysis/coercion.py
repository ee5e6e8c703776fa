"""Implicit coercion and casts: which types become which (S/conversion_rules#coercion), and literals."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from localcloud.core.errors import Unsupported
from localcloud.googlesql.analysis.values import Form, Value
from localcloud.googlesql.types import Type

OF_ANY_TYPE = (Form.NULL, Form.ERROR)
"""Forms that coerce to every type."""
_NUMBERS = ("INT64", "NUMERIC", "FLOAT64")
#: Implicit coercions of any expression, and their cost.
_IMPLICIT = {
    ("INT64", "FLOAT64"): 1,
    ("INT64", "NUMERIC"): 2,
    ("NUMERIC", "FLOAT64"): 3,
    ("DATE", "DATETIME"): 1,
}
#: Further implicit coercions of literals.
_OF_LITERALS = {
    ("FLOAT64", "NUMERIC"): 1,
    **{("STRING", kind): 2 for kind in ("BYTES", "DATE", "DATETIME", "TIME", "TIMESTAMP")},
}
_CASTS = {
    "STRING": ("STRING", "BYTES", "BOOL", *_NUMBERS, "DATE", "DATETIME", "TIME", "TIMESTAMP", "INTERVAL"),
    "BOOL": ("BOOL", "INT64", "STRING"),
    "INT64": (*_NUMBERS, "BOOL", "STRING"),
    "FLOAT64": (*_NUMBERS, "STRING"),
    "NUMERIC": (*_NUMBERS, "STRING"),
    "BYTES": ("BYTES", "STRING"),
    "DATE": ("DATE", "DATETIME", "TIMESTAMP", "STRING"),
    "DATETIME": ("DATE", "DATETIME", "TIME", "TIMESTAMP", "STRING"),
    "TIMESTAMP": ("DATE", "DATETIME", "TIME", "TIMESTAMP", "STRING"),
    "TIME": ("TIME", "STRING"),
    "INTERVAL": ("INTERVAL", "STRING"),
    "JSON": ("JSON",),
}
_DAY, _CLOCK = r"(\d{4})-(\d{1,2})-(\d{1,2})", r"(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.\d{0,6})?"
_ZONE = r"(?:\s*[zZ]|\s*[+-]\d{1,2}(?::\d{2})?|\s+[A-Za-z_]+(?:/[A-Za-z_]+)*)?"
_TEXTS = {
    "DATE": re.compile(_DAY),
    "DATETIME": re.compile(rf"{_DAY}(?:[ tT]{_CLOCK})?"),
    "TIMESTAMP": re.compile(rf"{_DAY}(?:[ tT]{_CLOCK})?{_ZONE}"),
    "TIME": re.compile(_CLOCK),
    "INT64": re.compile(r"\s*[+-]?(?:\d+|0[xX][0-9a-fA-F]+)\s*"),
    "FLOAT64": re.compile(r"\s*[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|inf(?:inity)?|nan)\s*", re.IGNORECASE),
    "NUMERIC": re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*"),
    "BOOL": re.compile("true|false", re.IGNORECASE),
}


def cost(value: Value, to: Type) -> int | None:
    """The cost of implicit coercion to the type `to`: 0 when it is of that type, None when there is none."""
    if value.form in OF_ANY_TYPE or same(value.kind, to):
        return 0
    if value.form is Form.EMPTY:
        return 0 if to.array else None
    if value.members and value.kind.array and to.array:
        return _of_members(value, [to.element] * len(value.members))
    if value.kind.array != to.array:
        return None
    if value.kind.kind == to.kind == "STRUCT":
        if len(value.kind.fields) != len(to.fields):
            return None
        if value.members:
            return _of_members(value, [kind for _, kind in to.fields])
        pairs = zip(value.kind.fields, to.fields, strict=True)
        return _total([cost(Value(one), other) for (_, one), (_, other) in pairs]) if not to.array else None
    if to.array:
        return None
    pair = (value.kind.kind, to.kind)
    if pair in _IMPLICIT:
        return _IMPLICIT[pair] + (0 if value.is_constant else 100)
    if value.form is Form.LITERAL and pair in _OF_LITERALS and literal_fits(value.text, to.kind):
        return _OF_LITERALS[pair]
    return None


def common(values: Sequence[Value]) -> Type | None:
    """The type that all of them coerce to; None when there is none."""
    typed = [value for value in values if value.form not in (*OF_ANY_TYPE, Form.EMPTY)]
    if not typed:
        return values[0].kind if values else None
    candidates = sorted(typed, key=lambda value: (value.is_constant, _rank(value.kind)))
    for candidate in candidates:
        kind = candidate.kind
        if all(cost(value, kind) is not None for value in values):
            for value in typed:
                check_names(value.kind, kind)
            if kind.kind == "NUMERIC" and len({value.rounded for value in typed}) == 2:
                raise Unsupported("a rounded NUMERIC where another value may stand in its place")
            return kind
    return _common_struct(values, typed)


def same(one: Type, other: Type) -> bool:
    """Whether they are one type; the names of a STRUCT's fields do not count."""
    if one.kind != other.kind or one.array != other.array or len(one.fields) != len(other.fields):
        return False
    return all(same(a, b) for (_, a), (_, b) in zip(one.fields, other.fields, strict=True))


def check_names(one: Type, other: Type) -> None:
    """Raises Unsupported for STRUCTs that BigQuery matches by the place of their fields, and DuckDB by other names."""
    for (name, inner), (wanted, kind) in zip(one.fields, other.fields, strict=False):
        if name and wanted and name.lower() != wanted.lower():
            raise Unsupported(f"a STRUCT whose field {name} becomes {wanted}")
        check_names(inner, kind)


def castable(value: Value, to: Type) -> bool:
    """Whether CAST takes it."""
    if value.form in OF_ANY_TYPE or same(value.kind, to):
        return True
    if value.form is Form.EMPTY:
        return to.array
    if value.kind.array or to.array:
        return value.kind.array == to.array and cost(value, to) is not None
    if value.kind.kind == to.kind == "STRUCT":
        pairs = list(zip(value.kind.fields, to.fields, strict=False))
        return len(value.kind.fields) == len(to.fields) and all(castable(Value(a), b) for (_, a), (_, b) in pairs)
    return to.kind in _CASTS.get(value.kind.kind, ())


def literal_fits(text: str, kind: str) -> bool:
    """Whether a string literal is a value of this type."""
    pattern = _TEXTS.get(kind)
    if pattern is None:
        return True
    found = pattern.fullmatch(text)
    if found is None:
        return False
    if kind == "INT64":
        return -(2**63) <= int(text.strip(), 16 if "x" in text.lower() else 10) < 2**63
    if kind not in ("DATE", "DATETIME", "TIMESTAMP", "TIME"):
        return True
    numbers = [int(part) for part in found.groups() if part is not None]
    try:
        datetime(*(numbers if kind != "TIME" else [2000, 1, 1, *numbers]))  # type: ignore[arg-type]
    except ValueError:
        return False
    return True


def _of_members(value: Value, kinds: Sequence[Type]) -> int | None:
    return _total([cost(member, kind) for member, kind in zip(value.members, kinds, strict=True)])


def _total(costs: Sequence[int | None]) -> int | None:
    total = 0
    for one in costs:
        if one is None:
            return None
        total += one
    return total


def _rank(kind: Type) -> int:
    """The order in which types are tried: of two numbers the narrower first; a string before what it can become."""
    order = ("INT64", "NUMERIC", "FLOAT64", "DATE", "DATETIME", "STRING")
    return order.index(kind.kind) if kind.kind in order else len(order)


def _common_struct(values: Sequence[Value], typed: Sequence[Value]) -> Type | None:
    """Of structs none of which is the type of all: field by field."""
    first = typed[0].kind
    if first.kind != "STRUCT" or first.array:
        return None
    if any(value.kind.kind != "STRUCT" or len(value.kind.fields) != len(first.fields) for value in typed):
        return None
    fields = []
    for place, (name, _) in enumerate(first.fields):
        kind = common(
            [value.members[place] if value.members else Value(value.kind.fields[place][1]) for value in typed]
        )
        if kind is None:
            return None
        fields.append((name, kind))
    made = Type("STRUCT", tuple(fields))
    return made if all(cost(value, made) is not None for value in values) else None
