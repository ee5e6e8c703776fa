"""Which kinds of functions are called in a part of a statement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from localcloud.googlesql.analysis.signatures import functions
from localcloud.googlesql.analysis.tables import Catalog, Tables
from localcloud.googlesql.positions import Text
from localcloud.googlesql.syntax import Call, InQuery, Node, Query, QueryValue
from localcloud.googlesql.types import Type

_MEMBERS: dict[type[Node], tuple[str, ...]] = {}


class Called(Tables):
    """Looks for calls, once in each part. One of these looks at one statement."""

    def __init__(self, text: Text, parameters: Mapping[str, Type], catalog: Catalog) -> None:
        super().__init__(text, parameters, catalog)
        self._called: dict[int, tuple[bool, bool]] = {}

    def aggregates(self, node: Node) -> bool:
        """Whether an aggregate function is called in it, queries inside it aside."""
        return self._kinds(node)[0]

    def analytics(self, node: Node) -> bool:
        """Whether a function is called with OVER, queries inside it aside."""
        return self._kinds(node)[1]

    def _kinds(self, node: Node) -> tuple[bool, bool]:
        known = self._called.get(id(node))
        if known is None:
            calls = list(_calls(node))
            aggregates = any(call.over is None and _mode(call) == "aggregate" for call in calls)
            known = self._called[id(node)] = (aggregates, any(call.over is not None for call in calls))
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
