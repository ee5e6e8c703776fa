"""Which types can be compared, and which can be ordered (S/data-types#data_type_properties)."""

from __future__ import annotations

from localcloud.googlesql.analysis.context import Context
from localcloud.googlesql.syntax import Node
from localcloud.googlesql.types import Type


def check_equality(context: Context, kind: Type, node: Node) -> None:
    """Raises ApiError for a type whose values cannot be compared (S/data-types#data_type_properties)."""
    if kind.array or kind.kind == "JSON":
        raise context.invalid(f"Equality is not defined for arguments of type {kind.sql()}", node)
    for _, inner in kind.fields:
        check_equality(context, inner, node)


def check_order(context: Context, kind: Type, what: str, node: Node) -> None:
    """Raises ApiError, whose message begins with `what`, for a type whose values have no order."""
    if kind.array or kind.kind in ("STRUCT", "JSON"):
        raise context.invalid(f"{what} {kind.sql()}", node)
