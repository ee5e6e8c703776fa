"""Which names are visible at a place: columns, tables and aliases, of the enclosing queries too (S/query-syntax)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from localcloud.googlesql.analysis.values import Value
from localcloud.googlesql.syntax import Window
from localcloud.googlesql.types import Type


@dataclass(frozen=True, eq=False)
class Column:
    """A column of a table, of a query, or an alias. Two of one name are two columns."""

    name: str
    """As it is spelled; empty for one without a name."""
    kind: Type
    value: Value | None = None
    """Of an alias: what it names."""
    aggregates: bool = False
    """Whether an aggregate function made it."""
    analytic: bool = False

    @property
    def key(self) -> str:
        return self.name.lower()

    @property
    def identity(self) -> Hashable:
        """Equal for what is the same value."""
        return (
            self.value.identity if self.value is not None and self.value.identity is not None else ("column", id(self))
        )


Columns = tuple[Column, ...]


@dataclass(frozen=True, eq=False)
class Range:
    """A table by its alias. `value`: the rows are not STRUCTs of the columns but values of this type (UNNEST)."""

    columns: Columns
    value: Type | None = None

    @property
    def kind(self) -> Type:
        """The type of a row."""
        return self.value or Type("STRUCT", tuple((column.name, column.kind) for column in self.columns))


@dataclass(frozen=True)
class Scope:
    """The names of one FROM clause, or of a select list over one, and the scope around it.

    `grouped`: identities of what is grouped; None before GROUP BY, when every column may be named.
    """

    columns: Columns = ()
    """In the order of `*`."""
    ranges: Mapping[str, Range] = field(default_factory=dict)
    around: Scope | None = None
    grouped: frozenset[Hashable] | None = None
    distinct: bool = False
    """Whether it is SELECT DISTINCT that grouped."""

    def find(self, key: str) -> tuple[Scope, list[Column], Range | None]:
        """The innermost scope that knows the name, with the columns and the table that it is there."""
        scope: Scope | None = self
        while scope is not None:
            columns = [column for column in scope.columns if column.key == key]
            table = scope.ranges.get(key)
            if columns or table:
                return scope, columns, table
            scope = scope.around
        return self, [], None

    def after_grouping(self, keys: Iterable[Hashable]) -> Scope:
        """The same names when rows have been grouped by `keys`."""
        return replace(self, grouped=frozenset(keys))

    def within(self, around: Scope | None) -> Scope:
        """The same names inside another scope."""
        return replace(self, around=around)


@dataclass(frozen=True)
class Clause:
    """The clause that an expression is in: the names it sees and the functions it may call.

    `scope`: the names that it sees; `rows`: those that the arguments of aggregate functions see.
    """

    name: str
    """As messages have it: `WHERE clause`."""
    scope: Scope
    rows: Scope | None = None
    """None where nothing may be aggregated."""
    analytic: bool = False
    windows: Mapping[str, Window] = field(default_factory=dict)
    ctes: Ctes = field(default_factory=lambda: Ctes())
    inside: str = ""
    """`aggregate` in the arguments of an aggregate function, `analytic` in those of an analytic one."""
    keys: Mapping[Hashable, Type] = field(default_factory=dict)
    """Types of the grouping keys by identity, for expressions that as a whole are one."""
    without_tables: bool = False
    """Whether the query has no FROM clause."""


@dataclass(frozen=True)
class Ctes:
    """The common table expressions that are visible, by name in lower case."""

    known: Mapping[str, Relation] = field(default_factory=dict)

    def plus(self, name: str, relation: Relation) -> Ctes:
        """With one more, which hides another of its name."""
        return Ctes({**self.known, name: relation})


@dataclass(frozen=True)
class Relation:
    """What a query gives: its columns; `value` where it gives values rather than rows (SELECT AS STRUCT, AS VALUE)."""

    columns: Columns
    value: Type | None = None

    def kinds(self) -> Iterator[tuple[str, Type]]:
        """Names and types."""
        return ((column.name, column.kind) for column in self.columns)


def relation(columns: Iterable[tuple[str, Type]]) -> Relation:
    """A relation of columns that nobody has named yet."""
    return Relation(tuple(Column(name, kind) for name, kind in columns))
