"""Names, and what follows them: columns, the rows of tables, members of STRUCTs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

from localcloud.core.errors import Unsupported, invalid_query
from localcloud.googlesql.analysis.names import Clause, Column, Range, Scope
from localcloud.googlesql.analysis.values import JSON, Value, expression
from localcloud.googlesql.positions import Text
from localcloud.googlesql.syntax import Expression, Identifier, Member, Name, Node
from localcloud.googlesql.types import Type

#: Functions that may be called without brackets.
_WITHOUT_BRACKETS = {
    "current_date": "DATE",
    "current_datetime": "DATETIME",
    "current_time": "TIME",
    "current_timestamp": "TIMESTAMP",
}


class Paths:
    """Finds what names mean. Raises ApiError 400 with BigQuery's wording and the place, and Unsupported."""

    def __init__(self, text: Text, parameters: Mapping[str, Type]) -> None:
        self.text = text
        self._parameters = parameters

    def wrong(self, what: str, node: Node) -> NoReturn:
        """The statement is not valid."""
        raise invalid_query(f"{what} at {self.text.at(node.at)}")

    def unsupported(self, what: str, node: Node) -> NoReturn:
        """The statement is valid, and not served here."""
        raise Unsupported(f"{what} at {self.text.at(node.at)}")

    def value(self, node: Expression, clause: Clause) -> Value:
        """What an expression is."""
        raise NotImplementedError

    def name(self, node: Name, clause: Clause) -> Value:
        return self._path(node, [node.name], clause)

    def member(self, node: Member, clause: Clause) -> Value:
        path = path_of(node)
        if path is not None:
            return self._path(node, path, clause)
        return self._field(self.value(node.of, clause), node.name)

    def _path(self, node: Expression, path: Sequence[Identifier], clause: Clause) -> Value:
        """a.b.c: a column or a table's row, and members of it."""
        first, *rest = path
        scope, columns, table = clause.scope.find(first.key)
        if table is not None and columns and not rest:
            self.unsupported(f"the row of {first.text}, which has a column of that name", node)
        if table is not None and (rest or not columns):
            value, rest = self._of_table(table, first, rest)
        elif not columns:
            if first.key in _WITHOUT_BRACKETS and not rest:
                return expression(Type(_WITHOUT_BRACKETS[first.key]))
            self.wrong(f"Unrecognized name: {first.text}", first)
        else:
            value = self._of_columns(columns, first, clause)
        known = scope.grouped is None or value.identity in scope.grouped
        for name in rest:
            value = self._field(value, name)
            known = known or (scope.grouped is not None and value.identity in scope.grouped)
        if not known:
            self._ungrouped(scope, path, clause, node)
        return value

    def _of_table(self, table: Range, first: Identifier, rest: list[Identifier]) -> tuple[Value, list[Identifier]]:
        """The row, or the column that is named next."""
        if not rest or table.value is not None:
            return expression(table.kind, ("row", id(table))), rest
        found = [column for column in table.columns if column.key == rest[0].key]
        if not found:
            self.wrong(f"Name {rest[0].text} not found inside {first.text}", rest[0])
        if len(found) > 1:
            self.wrong(f"Column name {rest[0].text} is ambiguous", rest[0])
        return expression(found[0].kind, found[0].identity), rest[1:]

    def _of_columns(self, columns: list[Column], first: Identifier, clause: Clause) -> Value:
        if len(columns) > 1:
            self.wrong(f"Column name {first.text} is ambiguous", first)
        column = columns[0]
        if column.aggregates and clause.inside == "aggregate":
            self.wrong("Aggregations of aggregations are not allowed", first)
        if column.analytic and clause.inside:
            self.wrong("Analytic functions cannot be arguments to aggregate or analytic functions", first)
        return expression(column.kind, column.identity)

    def _ungrouped(self, scope: Scope, path: Sequence[Identifier], clause: Clause, node: Node) -> NoReturn:
        name = ".".join(one.text for one in path)
        named = f"column {name}" if len(path) == 1 else name
        why = "not visible after SELECT DISTINCT" if scope.distinct else "neither grouped nor aggregated"
        self.wrong(f"{clause.name} expression references {named} which is {why}", node)

    def _field(self, value: Value, name: Identifier) -> Value:
        identity = value.identity and ("field", value.identity, name.key)
        if value.kind == JSON:
            return expression(JSON, identity)
        if value.kind.kind != "STRUCT" or value.kind.array:
            self.wrong(f"Cannot access field {name.text} on a value with type {value.kind.sql()}", name)
        found = [kind for known, kind in value.kind.fields if known.lower() == name.key]
        if not found:
            self.wrong(f"Field name {name.text} does not exist in {value.kind.sql()}", name)
        if len(found) > 1:
            self.wrong(f"Struct field name {name.text} is ambiguous", name)
        return expression(found[0], identity)


def path_of(node: Expression) -> list[Identifier] | None:
    """The names of a.b.c; None for a member of anything else than names."""
    if isinstance(node, Name):
        return [node.name]
    if isinstance(node, Member):
        before = path_of(node.of)
        return None if before is None else [*before, node.name]
    return None
