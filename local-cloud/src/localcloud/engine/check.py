"""The check of a statement: its names and types, the columns and bytes of its answer, and what its run has to do.

A dry run is a check and nothing else. A Check has no access to the other services and no transaction: what needs them
is deferred, as a function of the Run that will perform it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from sqlglot import exp

from localcloud.core.ports import Statement
from localcloud.engine import catalog
from localcloud.engine.duckdb_types import from_duckdb
from localcloud.engine.run import Run
from localcloud.engine.session import Environment, Session, Workspace
from localcloud.engine.translate import Duck
from localcloud.googlesql.names import Name
from localcloud.googlesql.types import Columns

Result = TypeVar("Result")


class Step(Protocol):
    """Something that a run does before the transaction of the statement, once."""

    def perform(self, run: Run) -> None: ...


class Deferred(Generic[Result]):
    """A step, and its result once a run has performed it."""

    def __init__(self, compute: Callable[[Run], Result]) -> None:
        self._compute = compute
        self._results: list[Result] = []

    def perform(self, run: Run) -> None:
        self._results.append(self._compute(run))

    @property
    def result(self) -> Result:
        (result,) = self._results
        return result


class Check(Session):
    """Checks one statement. `answer`: the columns that the analyzer found, for a statement that gives rows."""

    def __init__(
        self,
        environment: Environment,
        statement: Statement,
        answer: Columns | None,
        resolve: Callable[[Check, exp.Expr], exp.Expr],
    ) -> None:
        super().__init__(Workspace(environment, statement))
        self.answer = answer
        self.steps: list[Step] = []
        """What the run performs, in this order."""
        self.pays = False
        """Whether one of the steps pays."""
        self._resolve = resolve
        self._unbound: list[Duck | exp.Expr] = []
        self._counted: set[Name] = set()

    def close(self) -> None:
        """Drop the scratch tables, which the run uses too."""
        self.workspace.close()

    # What the run will do

    def defer(self, compute: Callable[[Run], Result], *, pays: bool = False) -> Deferred[Result]:
        """Have the run do this, after what was deferred before. `pays`: it costs money."""
        step = Deferred(compute)
        self.steps.append(step)
        self.pays = self.pays or pays
        return step

    def computed(self, columns: Columns, fill: Callable[[Run, str], None], *, pays: bool = False) -> str:
        """A new scratch table, quoted, into which the run will put rows."""
        table = self.scratch(columns)
        self.defer(lambda run: fill(run, table), pays=pays)
        return table

    def bind_later(self, query: Duck | exp.Expr) -> None:
        """Note a query, or its resolved tree, that DuckDB has not bound yet."""
        self._unbound.append(query)

    def bind(self) -> None:
        """Have DuckDB bind the noted queries: what it does not take is found before anything is paid for.

        A run that pays nothing finds it while it runs, and saves the time.
        """
        for query in self._unbound:
            self.columns(query if isinstance(query, Duck) else self.duck(query))

    # What there is

    def resolved(self, tree: exp.Expr) -> exp.Expr:
        """The tree with DuckDB tables in the place of its sources; changed in place."""
        return self._resolve(self, tree)

    def count_bytes(self, name: Name) -> None:
        """Add a table that the statement reads."""
        if name not in self._counted:
            self._counted.add(name)
            self.statistics.bytes_processed += catalog.table_size(self.store, name.project, name.dataset, name.table)[1]

    def columns(self, duck: Duck) -> Columns:
        """Names and types of a query's answer."""
        found = self.execute(Duck(f"DESCRIBE {duck.sql}", duck.values)).fetchall()
        return tuple((str(row[0]), from_duckdb(row[1])) for row in found)

    def check_types(self, duck: Duck) -> None:
        """Raises ApiError for a query whose answer has a column of no BigQuery type; NULL has none yet, and may."""
        for _, kind, *_ in self.execute(Duck(f"DESCRIBE {duck.sql}", duck.values)).fetchall():
            if '"NULL"' not in str(kind):
                from_duckdb(kind)

    def constant(self, tree: exp.Expr) -> Any:
        """The value of an expression that reads no table."""
        if isinstance(tree, exp.Literal):
            return tree.to_py()
        row = self.execute(self.duck(exp.Select(expressions=[tree.copy()]))).fetchone()
        return row[0] if row else None
