"""One statement while it runs: its reading cursor, its scratch tables, what it counts.

Object tables and table functions are evaluated into scratch tables, which live in memory beside the store; then one
transaction writes, and may be tried again. A statement that pays, or is only tried (dry run), is gone through before
with all of these standing empty: what DuckDB does not take is found before a picture is paid for.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np
from sqlglot import exp

from localcloud.core.errors import invalid_query
from localcloud.core.ports import Cloud, Statement
from localcloud.core.store import Store
from localcloud.engine import catalog, failures, vectors
from localcloud.engine.duckdb_types import duckdb_type, from_duckdb, quote
from localcloud.engine.interrupts import Interrupter
from localcloud.engine.translate import Duck, Translator
from localcloud.engine.vectors import Matrix, VectorCache
from localcloud.googlesql import types
from localcloud.googlesql.names import Name
from localcloud.googlesql.positions import Text

SCRATCH = "localcloud_scratch"
_RECURSION_SECONDS = 5.0
"""Choice: BigQuery counts 500 rounds of a recursive CTE; DuckDB counts none, so an endless one ends by the clock."""


@dataclass
class Statistics:
    """What the parts of a statement add to `statistics.query`."""

    bytes_processed: int = 0
    embedding: list[dict[str, Any]] = field(default_factory=list)
    """`functionStats` of each AI.GENERATE_EMBEDDING (contract section 1)."""
    search: list[dict[str, Any]] = field(default_factory=list)
    """`vectorSearchStatistics` of each VECTOR_SEARCH (contract section 7)."""

    def body(self) -> dict[str, Any]:
        """Keys of `statistics.query`."""
        size = str(self.bytes_processed)
        body: dict[str, Any] = {"totalBytesProcessed": size, "totalBytesBilled": size}
        if self.embedding:
            errors = [text for one in self.embedding for text in one["errorStats"].get("errors", [])]
            body["genAiStats"] = {"functionStats": self.embedding, "errorStats": {"errors": errors[:5]}}
        if self.search:
            body["vectorSearchStatistics"] = self.search[0]
        return body


@dataclass(frozen=True)
class Surroundings:
    """What every statement of one engine shares."""

    store: Store
    cloud: Cloud
    vectors: VectorCache
    interrupter: Interrupter
    index_delay: Callable[[], float]
    resolve: Callable[[Session, Any], Any]
    """`relations.resolve`, which needs sessions itself."""


class Session:
    """`answer`: the columns that the analyzer found, of a statement that gives rows. `empty`: object tables and table
    functions have no rows. `first`: whether DuckDB takes the statement is still to be seen.

    Close it: scratch tables last as long as it.
    """

    def __init__(
        self, around: Surroundings, statement: Statement, answer: types.Columns | None, *, empty: bool, first: bool
    ) -> None:
        self._around = around
        self.store = around.store
        self.cloud = around.cloud
        self.vectors = around.vectors
        self.statement = statement
        self.answer = answer
        self.empty = empty
        self.first = first
        self.text = Text(statement.text)
        self._recursive = "RECURSIVE" in statement.text.upper()
        self.translator = Translator(statement, around.cloud.clock)
        self.cursor = around.store.cursor()
        self.statistics = Statistics()
        #: Holds the store's documents once they are read to be changed, until the transaction has ended.
        self.control: ExitStack | None = None
        self._scratch: list[str] = []
        self._versions: dict[Name, str] | None = None
        """Of the tables that were asked for in the snapshot; None outside of one."""
        self._counted: set[Name] = set()

    def close(self) -> None:
        """Drop the scratch tables."""
        if self._scratch:
            self.cursor.execute("; ".join(f"DROP {name}" for name in reversed(self._scratch)))
        self.cursor.close()

    def count_bytes(self, name: Name) -> None:
        """Add a table that the statement reads."""
        if name not in self._counted:
            self._counted.add(name)
            self.statistics.bytes_processed += catalog.table_size(self.store, name.project, name.dataset, name.table)[1]

    @property
    def index_delay(self) -> float:
        """Seconds of the clock from a change of rows until the vector index covers them."""
        return self._around.index_delay()

    def hold_documents(self) -> None:
        """From here to the end of the transaction nobody else changes a document."""
        if self.control is not None:
            self.control.enter_context(self.store.control)

    def stop_if_cancelled(self) -> None:
        """Raises ApiError `stopped` once the job was cancelled."""
        if self.statement.cancelled.is_set():
            raise failures.stopped()

    # Running DuckDB

    def resolved(self, tree: Any) -> Any:
        """The tree with DuckDB tables in the place of its sources; changed in place."""
        return self._around.resolve(self, tree)

    def duck(self, tree: Any) -> Duck:
        """DuckDB's form of a resolved tree."""
        return self.translator.duck(tree)

    def execute(self, duck: Duck, cursor: duckdb.DuckDBPyConnection | None = None) -> duckdb.DuckDBPyConnection:
        """Run it. Raises ApiError with BigQuery's wording."""
        self.stop_if_cancelled()
        running = cursor or self.cursor
        watchdog = threading.Timer(_RECURSION_SECONDS, running.interrupt) if self._recursive else None
        try:
            with self._around.interrupter.watching(running, self.statement.cancelled):
                if watchdog:
                    watchdog.start()
                return running.execute(duck.sql, duck.values)
        except duckdb.Error as error:
            if (
                self._recursive
                and isinstance(error, duckdb.InterruptException)
                and not self.statement.cancelled.is_set()
            ):
                raise invalid_query("A recursive CTE has reached the maximum number of iterations: 500") from error
            if failures.is_conflict(error):
                raise
            raise failures.translated(error) from error
        finally:
            if watchdog:
                watchdog.cancel()

    def columns(self, duck: Duck) -> types.Columns:
        """Names and types of a query's answer."""
        found = self.execute(Duck(f"DESCRIBE {duck.sql}", duck.values)).fetchall()
        return tuple((str(row[0]), from_duckdb(row[1])) for row in found)

    def kinds(self, duck: Duck) -> list[types.Type | None]:
        """Types of a query's answer; None for a column that is nothing but NULL, which has no type yet."""
        found = self.execute(Duck(f"DESCRIBE {duck.sql}", duck.values)).fetchall()
        return [None if '"NULL"' in str(row[1]) else from_duckdb(row[1]) for row in found]

    def constant(self, tree: Any) -> Any:
        """The value of an expression that reads no table."""
        if isinstance(tree, exp.Literal):
            return tree.to_py()
        row = self.execute(self.duck(exp.Select(expressions=[tree.copy()]))).fetchone()
        return row[0] if row else None

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Whatever is read inside belongs together. Inside another one it is that."""
        if self._versions is not None:
            yield
            return
        self.cursor.begin()
        self._versions = {}
        try:
            yield
        except BaseException:
            self.cursor.rollback()
            raise
        else:
            self.cursor.commit()
        finally:
            self._versions = None

    def version(self, name: Name) -> str:
        """The version of a table's rows in the snapshot."""
        if self._versions is None:
            raise ValueError("there is no snapshot")
        if name not in self._versions:
            self._versions[name] = catalog.version(self.store, self.cursor, name)
        return self._versions[name]

    def matrix(self, table: str, column: str, name: Name | None) -> Matrix:
        """The vectors of a column; those of table `name` in the store are remembered by version of its rows."""
        if name is None:
            return vectors.read(self.cursor, table, quote(column))
        with self.snapshot():
            found = self.remembered(name, column)
            if found is None:
                found = vectors.read(self.cursor, table, quote(column))
                self.vectors.put((name, column.lower(), self.version(name)), found, found.nbytes)
        return found

    def remembered(self, name: Name, column: str) -> Matrix | None:
        """The vectors of a column of the snapshot, if they were read before."""
        found: Matrix | None = self.vectors.get((name, column.lower(), self.version(name)))
        return found

    # Scratch tables

    def scratch(self, columns: types.Columns) -> str:
        """A new scratch table without rows, quoted."""
        name = self._new("TABLE")
        listed = ", ".join(f"{quote(column)} {duckdb_type(kind)}" for column, kind in columns)
        self.cursor.execute(f"CREATE TABLE {name} ({listed})")
        return name

    def scratch_of(self, query: Duck) -> str:
        """A new scratch table with a query's answer, in its order, quoted."""
        name = self._new("TABLE")
        self.execute(Duck(f"CREATE TABLE {name} AS {query.sql}", query.values))
        return name

    def view(self, query: str) -> str:
        """A new scratch view of a DuckDB query, quoted."""
        name = self._new("VIEW")
        self.cursor.execute(f"CREATE VIEW {name} AS {query}")
        return name

    def _new(self, kind: str) -> str:
        name = f'{SCRATCH}.main."{uuid.uuid4().hex}"'
        self._scratch.append(f"{kind} IF EXISTS {name}")
        return name

    def fill(self, table: str, columns: Sequence[Sequence[Any]], select: str) -> None:
        """Insert Python values into a scratch table, column by column; `select` forms its columns from c0, c1, …"""
        if not columns or not len(columns[0]):
            return
        name = f"given_{uuid.uuid4().hex}"
        self.cursor.register(name, {f"c{place}": _array(values) for place, values in enumerate(columns)})
        try:
            self.cursor.execute(f"INSERT INTO {table} SELECT {select} FROM {name}")
        finally:
            self.cursor.unregister(name)


def _array(values: Sequence[Any]) -> Any:
    if isinstance(values, np.ndarray):
        return values
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
