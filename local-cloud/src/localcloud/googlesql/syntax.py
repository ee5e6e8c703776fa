"""The tree of a statement, in GoogleSQL's own terms: what the grammar makes and the analyzer reads.

`at` is a node's offset in the text. Nobody changes a node; that Python does not see to it, nor compares or prints them,
makes the server ready 30 ms earlier.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(eq=False, repr=False)
class Node:
    """`at`: where it begins in the statement."""

    at: int


@dataclass(eq=False, repr=False)
class Identifier(Node):
    """One name, `text` as it is spelled without its backquotes."""

    text: str
    key: str
    """The name in lower case."""
    quoted: bool = False
    """Whether it is in backquotes."""


Path = tuple[Identifier, ...]
"""name.name.name"""


# Expressions


@dataclass(eq=False, repr=False)
class Expression(Node):
    """Anything that has a value."""


@dataclass(eq=False, repr=False)
class Literal(Expression):
    """A constant. `kind`: INT64, FLOAT64, STRING, BYTES, BOOL, NULL, or the type before a string."""

    kind: str
    text: str
    """What it says: the value of a string, the digits of a number."""


@dataclass(eq=False, repr=False)
class Parameter(Expression):
    """`@name`, or `?` by its place from 0."""

    name: str


@dataclass(eq=False, repr=False)
class Name(Expression):
    """A name by itself: a column, a table's row, a part of a date."""

    name: Identifier


@dataclass(eq=False, repr=False)
class Member(Expression):
    """`of.name`"""

    of: Expression
    name: Identifier


@dataclass(eq=False, repr=False)
class Element(Expression):
    """`of[index]`; `how` is OFFSET, ORDINAL, SAFE_OFFSET, SAFE_ORDINAL or nothing."""

    of: Expression
    index: Expression
    how: str


@dataclass(eq=False, repr=False)
class Window(Node):
    """The window after OVER, or one named by WINDOW."""

    base: Identifier | None
    partition: tuple[Expression, ...] = ()
    order: tuple[Ordering, ...] = ()
    frame: tuple[Bound, ...] = ()
    """Where it begins and, where that is said, ends; empty without a frame."""
    unit: str = ""
    """ROWS or RANGE"""


@dataclass(eq=False, repr=False)
class Bound(Node):
    """`how`: UNBOUNDED PRECEDING, PRECEDING, CURRENT ROW, FOLLOWING or UNBOUNDED FOLLOWING; `offset` rows or values."""

    how: str
    offset: Expression | None = None


@dataclass(eq=False, repr=False)
class Ordering(Node):
    """One item of ORDER BY. `nulls`: FIRST, LAST or nothing, when NULLs are the least."""

    by: Expression
    descending: bool = False
    nulls: str = ""


@dataclass(eq=False, repr=False)
class Call(Expression):
    """A function, or an operator under the name that ZetaSQL gives it: `$add`, `$equal`."""

    function: str
    """In upper case, qualified: `SAFE.SUBSTR`."""
    arguments: tuple[Expression, ...]
    names: tuple[str, ...] = ()
    """Of the arguments, `""` for one without; empty when none has one."""
    distinct: bool = False
    nulls: str = ""
    """IGNORE or RESPECT"""
    having: Expression | None = None
    having_by: str = ""
    """MAX or MIN"""
    order: tuple[Ordering, ...] = ()
    limit: Expression | None = None
    over: Window | None = None
    shown: str = ""
    """How messages name it."""


@dataclass(eq=False, repr=False)
class Case(Expression):
    """CASE [value] WHEN … THEN … [ELSE …] END"""

    value: Expression | None
    whens: tuple[tuple[Expression, Expression], ...]
    default: Expression | None


@dataclass(eq=False, repr=False)
class Cast(Expression):
    """CAST(value AS type) and SAFE_CAST"""

    value: Expression
    to: TypeName
    safe: bool


@dataclass(eq=False, repr=False)
class Extract(Expression):
    """EXTRACT(part FROM value [AT TIME ZONE zone])"""

    part: str
    value: Expression
    zone: Expression | None


@dataclass(eq=False, repr=False)
class Interval(Expression):
    """INTERVAL value unit [TO unit]"""

    value: Expression
    unit: str
    to: str


@dataclass(eq=False, repr=False)
class ArrayLiteral(Expression):
    """[…], ARRAY[…], ARRAY<type>[…]"""

    kind: TypeName | None
    items: tuple[Expression, ...]


@dataclass(eq=False, repr=False)
class StructLiteral(Expression):
    """(a, b), STRUCT(a AS x, …), STRUCT<…>(…); `names` has `""` for a member without one."""

    kind: TypeName | None
    items: tuple[Expression, ...]
    names: tuple[str, ...]


@dataclass(eq=False, repr=False)
class QueryValue(Expression):
    """A query in brackets. `how`: ARRAY, EXISTS, or nothing for a scalar subquery."""

    query: Query
    how: str


@dataclass(eq=False, repr=False)
class InQuery(Expression):
    """value IN (query)"""

    value: Expression
    query: Query


@dataclass(eq=False, repr=False)
class Default(Expression):
    """DEFAULT, where a row is written."""


@dataclass(eq=False, repr=False)
class TypeName(Node):
    """A type as it is spelled. `members` are an ARRAY's element or a STRUCT's fields."""

    name: str
    members: tuple[tuple[str, TypeName], ...] = ()
    lengths: bool = False
    """Whether it has parameters, as STRING(10) has."""


# Queries


@dataclass(eq=False, repr=False)
class Star(Node):
    """`*` or `of.*`, with what EXCEPT takes away and REPLACE changes."""

    of: Expression | None
    left_out: tuple[Identifier, ...]
    replaced: tuple[tuple[Expression, Identifier], ...]


@dataclass(eq=False, repr=False)
class Item(Node):
    """One expression of a select list."""

    value: Expression
    alias: Identifier | None


@dataclass(eq=False, repr=False)
class GroupingSet(Node):
    """ROLLUP(…), CUBE(…), GROUPING SETS (…) by `kind` ROLLUP, CUBE or SETS; without a kind it is `()`."""

    kind: str
    elements: tuple[Expression | GroupingSet, ...]


@dataclass(eq=False, repr=False)
class Grouping(Node):
    """GROUP BY. `everything`: GROUP BY ALL."""

    elements: tuple[Expression | GroupingSet, ...]
    everything: bool

    @property
    def keys(self) -> tuple[Expression, ...]:
        """Its expressions, those of sets, ROLLUP and CUBE among them."""
        return tuple(_keys(self.elements))


def _keys(elements: tuple[Expression | GroupingSet, ...]) -> Iterator[Expression]:
    for one in elements:
        if isinstance(one, GroupingSet):
            yield from _keys(one.elements)
        else:
            yield one


@dataclass(eq=False, repr=False)
class QueryBody(Node):
    """A SELECT, a set operation, or a query in brackets."""


@dataclass(eq=False, repr=False)
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


@dataclass(eq=False, repr=False)
class SetOperation(QueryBody):
    """`operation`: UNION ALL, EXCEPT DISTINCT, …"""

    operation: str
    parts: tuple[QueryBody, ...]


@dataclass(eq=False, repr=False)
class Query(QueryBody):
    """[WITH …] body [ORDER BY …] [LIMIT … [OFFSET …]]"""

    body: QueryBody
    ctes: tuple[tuple[Identifier, Query], ...] = ()
    recursive: bool = False
    order: tuple[Ordering, ...] = ()
    limit: tuple[Expression, ...] = ()
    """LIMIT and OFFSET"""


# FROM


@dataclass(eq=False, repr=False)
class Source(Node):
    """Anything that has rows."""


@dataclass(eq=False, repr=False)
class Table(Source):
    """A table, a view, a CTE, or an array of the tables before it, by its path."""

    path: Path
    alias: Identifier | None
    offset: Identifier | None = None
    """WITH OFFSET, which only an array has."""


@dataclass(eq=False, repr=False)
class Unnest(Source):
    """UNNEST(array) [AS alias] [WITH OFFSET [AS offset]]"""

    arrays: tuple[Expression, ...]
    alias: Identifier | None
    offset: Identifier | None


@dataclass(eq=False, repr=False)
class Derived(Source):
    """(query) [AS alias]"""

    query: Query
    alias: Identifier | None


@dataclass(eq=False, repr=False)
class TableArgument(Node):
    """An argument of a table function. `kind`: TABLE or MODEL with a path, QUERY in brackets, or an expression."""

    name: str
    kind: str
    path: Path
    value: Expression | None


@dataclass(eq=False, repr=False)
class TableFunction(Source):
    """NAME(…) after FROM"""

    function: Path
    arguments: tuple[TableArgument, ...]
    alias: Identifier | None


@dataclass(eq=False, repr=False)
class Join(Source):
    """`kind`: COMMA, CROSS, INNER, LEFT, RIGHT or FULL"""

    kind: str
    left: Source
    right: Source
    on: Expression | None
    using: tuple[Identifier, ...]
