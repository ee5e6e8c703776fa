"""Positions in a statement, as BigQuery's messages give them: `[line:column]`, both from 1."""

from __future__ import annotations

from typing import Any

from localcloud.core.errors import ApiError, Unsupported, invalid_query
from localcloud.googlesql.syntax import Node


class Text:
    """The text of one statement, and the positions in it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def at(self, offset: int) -> str:
        """`[line:column]` of a character offset."""
        before = self.text[:offset]
        return f"[{before.count(chr(10)) + 1}:{offset - (before.rfind(chr(10)) + 1) + 1}]"

    def position(self, node: Any) -> str:
        """`[line:column]` where a node begins; of the statement's beginning where a sqlglot node has no position."""
        return self.at(start(node) or 0)

    def invalid(self, message: str, node: Any) -> ApiError:
        """400 invalidQuery: `message at [line:column]`."""
        return invalid_query(f"{message} at {self.position(node)}")

    def unsupported(self, what: str, node: Any) -> Unsupported:
        """501: the local cloud lacks `what`, at `node`."""
        return Unsupported(f"{what} at {self.position(node)}")


def start(node: Any) -> int | None:
    """Offset of the first character of a syntax node, or of the first part of a sqlglot node that has a position."""
    if isinstance(node, Node):
        return node.at
    offsets = [part.meta["start"] for part in node.walk() if "start" in part.meta]
    return min(offsets) if offsets else None
