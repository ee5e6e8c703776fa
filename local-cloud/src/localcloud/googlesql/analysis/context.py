"""What every function of the analyzer is given: the statement, its parameters, the catalog, and how errors are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from localcloud.core.errors import ApiError, Unsupported, invalid_query
from localcloud.googlesql.analysis.scopes import Ctes, Relation, Scope
from localcloud.googlesql.positions import Text
from localcloud.googlesql.syntax import Node, Path, Query
from localcloud.googlesql.types import Columns, Type


class Catalog(Protocol):
    """The tables and models that a statement may name."""

    def table(self, path: Path) -> Columns:
        """The columns of a table. Raises ApiError 404 when it does not exist."""

    def model(self, path: Path) -> str:
        """The endpoint of a remote model. Raises ApiError 404 when it does not exist."""


@dataclass(frozen=True)
class Context:
    """One statement. `parameters`: types by lower-case name, or by place from 0."""

    text: Text
    parameters: Mapping[str, Type]
    catalog: Catalog
    resolve_query: Callable[[Context, Query, Scope | None, Ctes], Relation]
    """`queries.resolve_query`: queries hold expressions, tables and table functions, and these hold queries."""
    calls: dict[int, tuple[bool, bool]] = field(default_factory=dict)
    """What function_kinds.py has found, by id of the node."""

    def subquery(self, node: Query, around: Scope | None, ctes: Ctes) -> Relation:
        """The columns of a query inside the scope `around`."""
        return self.resolve_query(self, node, around, ctes)

    def invalid(self, what: str, node: Node) -> ApiError:
        """The statement is not valid GoogleSQL: 400, with the place."""
        return invalid_query(f"{what} at {self.text.at(node.at)}")

    def unsupported(self, what: str, node: Node) -> Unsupported:
        """The statement is valid, and the local cloud does not serve it: 501, with the place."""
        return Unsupported(f"{what} at {self.text.at(node.at)}")
