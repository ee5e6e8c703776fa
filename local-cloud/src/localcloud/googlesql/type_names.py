"""What the types that a statement spells mean (S/data-types)."""

from __future__ import annotations

from dataclasses import replace

from localcloud.core.errors import Unsupported, invalid_query
from localcloud.googlesql.positions import Text
from localcloud.googlesql.syntax import TypeName
from localcloud.googlesql.types import Type

SERVED = {
    **{name: name for name in ("INT64", "FLOAT64", "NUMERIC", "STRING", "BYTES", "BOOL", "JSON", "INTERVAL")},
    **{name: name for name in ("DATE", "DATETIME", "TIME", "TIMESTAMP")},
    **dict.fromkeys(("INT", "SMALLINT", "INTEGER", "BIGINT", "TINYINT", "BYTEINT"), "INT64"),
    "DECIMAL": "NUMERIC",
    "BOOLEAN": "BOOL",
}
"""Kinds of types by the names that they have in statements."""
UNSERVED = ("GEOGRAPHY", "BIGNUMERIC", "BIGDECIMAL", "RANGE", "FLOAT32", "UUID", "TOKENLIST", "GRAPH_ELEMENT")
"""Types that GoogleSQL has and the local cloud lacks."""


def type_of(node: TypeName, text: Text) -> Type:
    """The type that is spelled in the statement. Raises ApiError 400 for one that does not exist, and Unsupported."""
    place = text.at(node.at)
    if node.name == "ARRAY":
        element = type_of(node.members[0][1], text)
        if element.array:
            raise invalid_query(f"Nested arrays are not supported at {place}")
        return replace(element, array=True)
    if node.name == "STRUCT":
        fields = tuple((name, type_of(kind, text)) for name, kind in node.members)
        if any(not name for name, _ in fields):
            raise Unsupported(f"STRUCT types with unnamed fields at {place}")
        return Type("STRUCT", fields)
    if node.name in UNSERVED:
        raise Unsupported(f"the type {node.name} at {place}")
    if node.name not in SERVED:
        raise invalid_query(f"Type not found: {node.name} at {place}")
    if node.lengths:
        raise Unsupported(f"the parameterised type {node.name} at {place}")
    return Type(SERVED[node.name])
