"""The tree of a statement, in GoogleSQL's own terms: what the grammar makes and the analyzer reads.

`at` is a node's offset in the text and no part of its identity: two nodes are equal when they say the same, names in
any case (S/lexical#case_sensitivity).
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Node:
    """`at`: where it begins in the statement."""

    at: int = field(compare=False)


@dataclass(frozen=True)
class Identifier(Node):
    """One name, `text` as it is spelled without its backquotes."""

    text: str = field(compare=False)
    key: str
    """The name in lower case."""


Path = tuple[Identifier, ...]
"""name.name.name"""


# Expressions


@dataclass(frozen=True)
class Expression(Node):
    """Anything that has a value."""


@dataclass(frozen=True)
class Literal(Expression):
    """A constant. `kind`: INT64, FLOAT64, STRING, BYTES, BOOL, NULL, or the type that stands before a string."""

    kind: str
    text: str
    """What it says: the value of a string, the digits of a number."""


@dataclass(frozen=True)
class Parameter(Expression):
    """`@name`, or `?` by its place from 0."""

    name: str


@dataclass(frozen=True)
class Name(Expression):
    """A name by itself: a column, a table's row, a part of a date."""

    name: Identifier


@dataclass(frozen=True)
class Member(Expression):
    """`of.name`"""

    of: Expression
    name: Identifier


@dataclass(frozen=True)
class Element(Expression):
    """`of[place]`; `how` is OFFSET, ORDINAL, SAFE_OFFSET, SAFE_ORDINAL or nothing."""

    of: Expression
    place: Expression
    how: str


@dataclass(frozen=True)
class Window(Node):
    """What stands after OVER, or is named by WINDOW."""

    base: Identifier | None
    partition: tuple[Expression, ...] = ()
    order: tuple[Ordering, ...] = ()
    frame: tuple[Bound, ...] = ()
    """Where it begins and, where that is said, ends; empty without a frame."""
    unit: str = ""
    """ROWS or RANGE"""


@dataclass(frozen=True)
class Bound(Node):
    """`how`: UNBOUNDED PRECEDING, PRECEDING, CURRENT ROW, FOLLOWING or UNBOUNDED FOLLOWING; `offset` rows or values."""

    how: str
    offset: Expression | None = None


@dataclass(frozen=True)
class Ordering(Node):
    """One item of ORDER BY."""

    by: Expression


@dataclass(frozen=True)
class Call(Expression):
    """A function, or an operator under the name that ZetaSQL gives it: `$add`, `$equal`."""

    function: str
    """In upper case with what stands before it: `SAFE.SUBSTR`."""
    arguments: tuple[Expression, ...]
    names: tuple[str, ...] = ()
    """Of the arguments, `""` for one without; empty when none has one."""
    distinct: bool = False
    nulls: str = ""
    """IGNORE or RESPECT"""
    having: Expression | None = None
    order: tuple[Ordering, ...] = ()
    limit: Expression | None = None
    over: Window | None = None
    shown: str = field(default="", compare=False)
    """How messages name it."""


@dataclass(frozen=True)
class Case(Expression):
    """CASE [value] WHEN … THEN … [ELSE …] END"""

    value: Expression | None
    whens: tuple[tuple[Expression, Expression], ...]
    default: Expression | None


@dataclass(frozen=True)
class Cast(Expression):
    """CAST(value AS type) and SAFE_CAST"""

    value: Expression
    to: TypeName
    safe: bool


@dataclass(frozen=True)
class Extract(Expression):
    """EXTRACT(part FROM value [AT TIME ZONE zone])"""

    part: str
    value: Expression
    zone: Expression | None


@dataclass(frozen=True)
class Interval(Expression):
    """INTERVAL value unit [TO unit]"""

    value: Expression
    unit: str
    to: str


@dataclass(frozen=True)
class ArrayLiteral(Expression):
    """[…], ARRAY[…], ARRAY<type>[…]"""

    kind: TypeName | None
    items: tuple[Expression, ...]


@dataclass(frozen=True)
class StructLiteral(Expression):
    """(a, b), STRUCT(a AS x, …), STRUCT<…>(…); `names` has `""` for a member without one."""

    kind: TypeName | None
    items: tuple[Expression, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class QueryValue(Expression):
    """A query in brackets. `how`: ARRAY, EXISTS, or nothing for a scalar subquery."""

    query: Query
    how: str


@dataclass(frozen=True)
class InQuery(Expression):
    """value IN (query)"""

    value: Expression
    query: Query


@dataclass(frozen=True)
class Default(Expression):
    """DEFAULT, where a row is written."""


@dataclass(frozen=True)
class TypeName(Node):
    """A type as it is spelled. `members` are an ARRAY's element or a STRUCT's fields."""

    name: str
    members: tuple[tuple[str, TypeName], ...] = ()
    lengths: bool = False
    """Whether it has parameters, as STRING(10) has."""


# Queries


@dataclass(frozen=True)
class Star(Node):
    """`*` or `of.*`, with what EXCEPT takes away and REPLACE changes."""

    of: Expression | None
    left_out: tuple[Identifier, ...]
    replaced: tuple[tuple[Expression, Identifier], ...]


@dataclass(frozen=True)
class Item(Node):
    """One expression of a select list."""

    value: Expression
    alias: Identifier | None


@dataclass(frozen=True)
class Grouping(Node):
    """GROUP BY: its expressions, those of sets, ROLLUP and CUBE among them. `everything`: GROUP BY ALL."""

    keys: tuple[Expression, ...]
    everything: bool


@dataclass(frozen=True)
class QueryBody(Node):
    """A SELECT, a set operation, or a query in brackets."""


@dataclass(frozen=True)
class Select(QueryBody):
    """`kind`: STRUCT or VALUE for SELECT AS."""

    distinct: bool
    kind: str
    items: tuple[Item | Star, ...]
    tables: Source | None
    where: Expression | None = None
    group: Grouping | None = None
    having: Expression | None = None
    qualify: Expression | None = None
    windows: tuple[tuple[Identifier, Window], ...] = ()


@dataclass(frozen=True)
class SetOperation(QueryBody):
    """`operation`: UNION ALL, EXCEPT DISTINCT, …"""

    operation: str
    parts: tuple[QueryBody, ...]


@dataclass(frozen=True)
class Query(QueryBody):
    """[WITH …] body [ORDER BY …] [LIMIT … [OFFSET …]]"""

    body: QueryBody
    ctes: tuple[tuple[Identifier, Query], ...] = ()
    recursive: bool = False
    order: tuple[Ordering, ...] = ()
    limit: tuple[Expression, ...] = ()
    """LIMIT and OFFSET"""


# FROM


@dataclass(frozen=True)
class Source(Node):
    """Anything that has rows."""


@dataclass(frozen=True)
class Table(Source):
    """A table, a view, a CTE, or an array of the tables before it, by its path."""

    path: Path
    alias: Identifier | None
    offset: Identifier | None = None
    """WITH OFFSET, which only an array has."""


@dataclass(frozen=True)
class Unnest(Source):
    """UNNEST(array) [AS alias] [WITH OFFSET [AS offset]]"""

    arrays: tuple[Expression, ...]
    alias: Identifier | None
    offset: Identifier | None


@dataclass(frozen=True)
class Derived(Source):
    """(query) [AS alias]"""

    query: Query
    alias: Identifier | None


@dataclass(frozen=True)
class TableArgument(Node):
    """An argument of a table function. `kind`: TABLE or MODEL with a path, QUERY in brackets, or an expression."""

    name: str
    kind: str
    path: Path
    value: Expression | None


@dataclass(frozen=True)
class TableFunction(Source):
    """NAME(…) after FROM"""

    function: Path
    arguments: tuple[TableArgument, ...]
    alias: Identifier | None


@dataclass(frozen=True)
class Join(Source):
    """`kind`: COMMA, CROSS, INNER, LEFT, RIGHT or FULL"""

    kind: str
    left: Source
    right: Source
    on: Expression | None
    using: tuple[Identifier, ...]


# Statements


@dataclass(frozen=True)
class Assignment(Node):
    """column[.field] = value"""

    path: Path
    value: Expression


@dataclass(frozen=True)
class Insert(Node):
    """`columns` None: all, in their order. Either `rows` or `query`."""

    table: Path
    columns: tuple[Identifier, ...] | None
    rows: tuple[tuple[Expression, ...], ...]
    query: Query | None


@dataclass(frozen=True)
class Update(Node):
    table: Path
    alias: Identifier | None
    assignments: tuple[Assignment, ...]
    tables: Source | None
    where: Expression


@dataclass(frozen=True)
class Delete(Node):
    table: Path
    alias: Identifier | None
    where: Expression


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class Merge(Node):
    table: Path
    alias: Identifier | None
    source: Source
    on: Expression
    whens: tuple[When, ...]


@dataclass(frozen=True)
class CreateTable(Node):
    """CREATE TABLE; only its query, if it has one, has names and types to be looked at."""

    table: Path
    query: Query | None


@dataclass(frozen=True)
class Other(Node):
    """A statement without expressions over rows."""


Statement = Query | Insert | Update | Delete | Merge | CreateTable | Other
