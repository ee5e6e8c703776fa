"""The trees of statements that are no queries, and of those that hold one (syntax.py has the rest)."""

from __future__ import annotations

from dataclasses import dataclass

from localcloud.googlesql.syntax import Expression, Identifier, Node, Path, Query, Source


@dataclass(eq=False, repr=False)
class Assignment(Node):
    """column[.field] = value"""

    path: Path
    value: Expression


@dataclass(eq=False, repr=False)
class Insert(Node):
    """`columns` None: all, in their order. Either `rows` or `query`."""

    table: Path
    columns: tuple[Identifier, ...] | None
    rows: tuple[tuple[Expression, ...], ...]
    query: Query | None


@dataclass(eq=False, repr=False)
class Update(Node):
    table: Path
    alias: Identifier | None
    assignments: tuple[Assignment, ...]
    tables: Source | None
    where: Expression


@dataclass(eq=False, repr=False)
class Delete(Node):
    table: Path
    alias: Identifier | None
    where: Expression


@dataclass(eq=False, repr=False)
class When(Node):
    """WHEN … THEN …; `by`: MATCHED, TARGET or SOURCE; `action`: INSERT, UPDATE or DELETE.

    An INSERT of `row` takes the source's row as it is.
    """

    by: str
    condition: Expression | None
    action: str
    assignments: tuple[Assignment, ...] = ()
    columns: tuple[Identifier, ...] | None = None
    values: tuple[Expression, ...] = ()
    row: bool = False


@dataclass(eq=False, repr=False)
class Merge(Node):
    table: Path
    alias: Identifier | None
    source: Source
    on: Expression
    whens: tuple[When, ...]


@dataclass(eq=False, repr=False)
class CreateTable(Node):
    """CREATE TABLE; only its query, if it has one, has names and types to be looked at."""

    table: Path
    query: Query | None


@dataclass(eq=False, repr=False)
class Other(Node):
    """A statement without expressions over rows."""


Statement = Query | Insert | Update | Delete | Merge | CreateTable | Other
