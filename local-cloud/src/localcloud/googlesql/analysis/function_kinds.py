"""Which kinds of functions are called in a part of a statement. Each part is searched once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from localcloud.googlesql.analysis.context import Context
from localcloud.googlesql.analysis.signatures import functions
from localcloud.googlesql.syntax import Call, InQuery, Node, Query, QueryValue

_MEMBERS: dict[type[Node], tuple[str, ...]] = {}


def has_aggregates(context: Context, node: Node) -> bool:
    """Whether an aggregate function is called in it, queries inside it aside."""
    return _kinds(context, node)[0]


def has_analytics(context: Context, node: Node) -> bool:
    """Whether a function is called with OVER, queries inside it aside."""
    return _kinds(context, node)[1]


def _kinds(context: Context, node: Node) -> tuple[bool, bool]:
    known = context.calls.get(id(node))
    if known is None:
        calls = list(_calls(node))
        aggregates = any(call.over is None and _mode(call) == "aggregate" for call in calls)
        known = context.calls[id(node)] = (aggregates, any(call.over is not None for call in calls))
    return known


def _mode(call: Call) -> str:
    function = functions().get(call.function.removeprefix("SAFE."))
    return function.mode if function else ""


def _calls(node: Any) -> Iterator[Call]:
    if isinstance(node, tuple):
        for one in node:
            yield from _calls(one)
    elif isinstance(node, InQuery):
        yield from _calls(node.value)
    elif isinstance(node, Node) and not isinstance(node, (Query, QueryValue)):
        if isinstance(node, Call):
            yield node
        for name in _members(type(node)):
            yield from _calls(getattr(node, name))


def _members(kind: type[Node]) -> tuple[str, ...]:
    if kind not in _MEMBERS:
        _MEMBERS[kind] = tuple(part.name for part in fields(kind) if part.name != "at")
    return _MEMBERS[kind]
