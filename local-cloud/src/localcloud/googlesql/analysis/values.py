"""What the analyzer knows of an expression: its type, and whether that may still change."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from enum import Enum

from localcloud.googlesql.types import Type

INT64, FLOAT64, NUMERIC, STRING, BOOL = (Type(k) for k in ("INT64", "FLOAT64", "NUMERIC", "STRING", "BOOL"))
BYTES, DATE, TIMESTAMP, JSON = (Type(k) for k in ("BYTES", "DATE", "TIMESTAMP", "JSON"))
INTERVAL = Type("INTERVAL")


class Form(Enum):
    """How an expression came to its type (S/conversion_rules#literal_coercion)."""

    EXPRESSION = 0
    PARAMETER = 1
    LITERAL = 2
    NULL = 3
    """A bare NULL, which goes with every type."""
    EMPTY = 4
    """`[]`, which goes with every ARRAY."""
    ERROR = 5
    """ERROR(…), which takes the type that its place requires."""


@dataclass(frozen=True)
class Value:
    """The type of an expression. `members`: the elements of an array that is written out, or a struct's."""

    kind: Type
    form: Form = Form.EXPRESSION
    text: str = ""
    """The text of a literal."""
    members: tuple[Value, ...] = ()
    rounded: bool = False
    """Whether DuckDB holds it as a NUMERIC without digits after the point, which would cut those of others."""
    identity: Hashable = None
    """Equal for expressions with the same value; None where that is not known."""

    @property
    def is_null(self) -> bool:
        return self.form is Form.NULL

    @property
    def is_constant(self) -> bool:
        """A literal or a parameter."""
        return self.form not in (Form.EXPRESSION, Form.ERROR)


NULL = Value(INT64, Form.NULL, "NULL", identity="NULL")


def expression(kind: Type, identity: Hashable = None) -> Value:
    """A value of a type that is settled."""
    return Value(kind, identity=identity)


def array_of(element: Type) -> Type:
    """ARRAY<element>"""
    return replace(element, array=True)


def shown(value: Value) -> str:
    """A type as messages have it."""
    return "NULL" if value.is_null else value.kind.sql()
