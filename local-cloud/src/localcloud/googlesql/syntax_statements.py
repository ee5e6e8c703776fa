"""The trees of statements that are no queries, and of those that hold one (syntax.py has the rest)."""

from __future__ import annotations

from dataclasses import dataclass

from localcloud.googlesql.syntax import Expression, Identifier, Node, Path, Query, Source, TypeName


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
class Truncate(Node):
    """TRUNCATE TABLE table"""

    table: Path


# Definitions


@dataclass(eq=False, repr=False)
class Option(Node):
    """One of OPTIONS (name = value, …); `name` in lower case."""

    name: str
    value: Expression


@dataclass(eq=False, repr=False)
class ColumnDefinition(Node):
    """One column of CREATE TABLE. `required`: NOT NULL."""

    name: Identifier
    type: TypeName
    required: bool
    options: tuple[Option, ...]


@dataclass(eq=False, repr=False)
class Create(Node):
    """`replace`: OR REPLACE; `exists`: IF NOT EXISTS."""

    replace: bool
    exists: bool


@dataclass(eq=False, repr=False)
class CreateTable(Create):
    """CREATE TABLE table [(columns)] [OPTIONS (…)] [AS query]; `columns` None: none were listed."""

    table: Path
    columns: tuple[ColumnDefinition, ...] | None
    options: tuple[Option, ...]
    query: Query | None


@dataclass(eq=False, repr=False)
class CreateModel(Create):
    """CREATE MODEL. `remote`: REMOTE WITH CONNECTION; `connection` None is DEFAULT, or none where it is not remote."""

    model: Path
    remote: bool
    connection: Path | None
    options: tuple[Option, ...]


@dataclass(eq=False, repr=False)
class CreateExternalTable(Create):
    """CREATE EXTERNAL TABLE (contract, "4. Object tables"). `connection` None: WITH CONNECTION DEFAULT."""

    table: Path
    connection: Path | None
    options: tuple[Option, ...]


@dataclass(eq=False, repr=False)
class CreateVectorIndex(Create):
    """CREATE VECTOR INDEX (contract, "6. Vector indexes")."""

    name: Identifier
    table: Path
    column: Identifier
    storing: tuple[Identifier, ...]
    options: tuple[Option, ...]


@dataclass(eq=False, repr=False)
class Drop(Node):
    """DROP. `kind`: TABLE, EXTERNAL TABLE, MODEL or SCHEMA; `exists`: IF EXISTS."""

    kind: str
    path: Path
    exists: bool
    cascade: bool


@dataclass(eq=False, repr=False)
class DropVectorIndex(Node):
    """DROP VECTOR INDEX (contract, "6. Vector indexes"). `exists`: IF EXISTS."""

    name: Identifier
    table: Path
    exists: bool


@dataclass(eq=False, repr=False)
class RebuildVectorIndex(Node):
    """ALTER VECTOR INDEX … REBUILD (contract, "6. Vector indexes"). `exists`: IF EXISTS."""

    name: Identifier
    table: Path
    exists: bool


@dataclass(eq=False, repr=False)
class AlterTable(Node):
    """ALTER TABLE table SET OPTIONS (…). `exists`: IF EXISTS."""

    table: Path
    exists: bool
    options: tuple[Option, ...]


@dataclass(eq=False, repr=False)
class CallProcedure(Node):
    """CALL procedure(argument, …)"""

    procedure: Path
    arguments: tuple[Expression, ...]


Definition = (
    CreateTable
    | CreateModel
    | CreateExternalTable
    | CreateVectorIndex
    | Drop
    | DropVectorIndex
    | RebuildVectorIndex
    | AlterTable
    | CallProcedure
)
Statement = Query | Insert | Update | Delete | Merge | Truncate | Definition
