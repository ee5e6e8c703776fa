"""One statement while it runs: its reading cursor, its scratch tables, what it counts.

Object tables and table functions are evaluated into scratch tables, which live in memory beside the store; then one
transaction writes, and may be tried again. A statement that pays, or is only tried (dry run), is gone through before
with all of these standing empty: names and types are checked, so that a typing error is found before a picture is paid
for.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np
from sqlglot import exp

from localcloud.bigquery.sql import catalog, failures, types, vectors
from localcloud.bigquery.sql.interrupts import Interrupter
from localcloud.bigquery.sql.names import Name
from localcloud.bigquery.sql.places import Text
from localcloud.bigquery.sql.translate import Duck, Translator
from localcloud.bigquery.sql.vectors import Matrix, VectorCache
from localcloud.errors import invalid_query
from localcloud.ports import Cloud, Statement
from localcloud.store import Store

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
    """`empty`: object tables and table functions have no rows. `first`: names and types are still to be checked.

    Close it: scratch tables last as long as it.
    """

    def __init__(self, around: Surroundings, statement: Statement, *, empty: bool, first: bool) -> None:
        self._around = around
        self.store = around.store
        self.cloud = around.cloud
        self.vectors = around.vectors
        self.statement = statement
        self.empty = empty
        self.first = first
        self.text = Text(statement.text)
        self.tree: Any = None
        self._recursive = "RECURSIVE" in statement.text.upper()
        self.translator = Translator(statement, around.cloud.clock)
        self.cursor = around.store.cursor()
        self.statistics = Statistics()
        #: Holds the store's documents once they are read to be changed, until the transaction has ended.
        self.control: ExitStack | None = None
        self._scratch: list[str] = []
        self._counted: set[Name] = set()

    def close(self) -> None:
        """Drop the scratch tables."""
        for name in reversed(self._scratch):
            self.cursor.execute(f"DROP {name}")
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
        watchdog = threading.Timer(_RECURSION_SECONDS if self._recursive else threading.TIMEOUT_MAX, running.interrupt)
        try:
            with self._around.interrupter.watching(running, self.statement.cancelled):
                if self._recursive:
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
            raise failures.translated(error, self.text, self.tree) from error
        finally:
            watchdog.cancel()

    def columns(self, duck: Duck) -> types.Columns:
        """Names and types of a query's answer."""
        found = self.execute(Duck(f"DESCRIBE {duck.sql}", duck.values)).fetchall()
        return tuple((str(row[0]), types.from_duckdb(row[1])) for row in found)

    def kinds(self, duck: Duck) -> list[types.Type | None]:
        """Types of a query's answer; None for a column that is nothing but NULL, which has no type yet."""
        found = self.execute(Duck(f"DESCRIBE {duck.sql}", duck.values)).fetchall()
        return [None if '"NULL"' in str(row[1]) else types.from_duckdb(row[1]) for row in found]

    def constant(self, tree: Any) -> Any:
        """The value of an expression that reads no table."""
        if isinstance(tree, exp.Literal):
            return tree.to_py()
        row = self.execute(self.duck(exp.Select(expressions=[tree.copy()]))).fetchone()
        return row[0] if row else None

    def matrix(self, table: str, column: str, name: Name | None) -> Matrix:
        """The vectors of a quoted column; those of table `name` in the store are remembered by version of its rows."""
        if name is None:
            return vectors.read(self.cursor, table, column)
        key = (name, column.lower(), catalog.version(self.cursor, name))
        found: Matrix | None = self.vectors.get(key)
        if found is None:
            found = vectors.read(self.cursor, table, column)
            self.vectors.put(key, found, found.vectors.nbytes)
        return found

    # Scratch tables

    def scratch(self, columns: types.Columns, query: Duck | None = None) -> str:
        """A new scratch table, quoted, filled by `query`."""
        name = f'{SCRATCH}.main."{uuid.uuid4().hex}"'
        self._scratch.append(f"TABLE IF EXISTS {name}")
        listed = ", ".join(f"{types.quote(column)} {kind.duckdb()}" for column, kind in columns)
        self.cursor.execute(f"CREATE TABLE {name} ({listed})")
        if query is not None:
            self.execute(Duck(f"INSERT INTO {name} {query.sql}", query.values))
        return name

    def view(self, query: str) -> str:
        """A new scratch view of a DuckDB query, quoted."""
        name = f'{SCRATCH}.main."{uuid.uuid4().hex}"'
        self.cursor.execute(f"CREATE VIEW {name} AS {query}")
        self._scratch.append(f"VIEW IF EXISTS {name}")
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
