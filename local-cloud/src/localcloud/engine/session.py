"""What the check and the run of one statement share: its DuckDB cursor and its scratch tables.

    check.py   Check   names, types, the plan; leaves every scratch table empty; never pays, writes or asks a service
    run.py     Run     fills the scratch tables in order, asks the other services, pays, and writes

Scratch tables hold what object tables, views and table functions give. They live in memory beside the store.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import duckdb
from sqlglot import exp

from localcloud.core.clock import Clock
from localcloud.core.errors import invalid_query
from localcloud.core.ports import Statement
from localcloud.core.store import Store
from localcloud.engine import failures
from localcloud.engine.duckdb_types import duckdb_type, quote
from localcloud.engine.interrupts import Interrupter
from localcloud.engine.translate import Duck, Translator
from localcloud.engine.vectors import VectorCache
from localcloud.googlesql.positions import Text
from localcloud.googlesql.types import Columns

SCRATCH = "localcloud_scratch"
_RECURSION_SECONDS = 5.0
"""Choice: BigQuery counts 500 rounds of a recursive CTE; DuckDB counts none, so an endless one ends by the clock."""


@dataclass
class Statistics:
    """What the parts of a statement add to `statistics.query`."""

    bytes_processed: int = 0
    embedding: list[dict[str, Any]] = field(default_factory=list)
    """`functionStats` of each AI.GENERATE_EMBEDDING (contract, "1. AI.GENERATE_EMBEDDING")."""
    search: list[dict[str, Any]] = field(default_factory=list)
    """`vectorSearchStatistics` of each VECTOR_SEARCH (contract, "7. VECTOR_SEARCH")."""

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
class Environment:
    """What every statement of one engine shares."""

    store: Store
    clock: Clock
    vectors: VectorCache
    interrupter: Interrupter
    index_delay: Callable[[], float]
    """Seconds of the clock from a change of rows until the vector index covers them."""


class Workspace:
    """The cursor, scratch tables and statistics of one statement. Close it: it drops the scratch tables."""

    def __init__(self, environment: Environment, statement: Statement) -> None:
        self.environment = environment
        self.statement = statement
        self.text = Text(statement.text)
        self.translator = Translator(statement, environment.clock)
        self.statistics = Statistics()
        self.cursor = environment.store.cursor()
        self.scratch: list[str] = []
        """`TABLE IF EXISTS name` and `VIEW IF EXISTS name`, in the order of creation."""

    def close(self) -> None:
        """Drop the scratch tables."""
        if self.scratch:
            self.cursor.execute("; ".join(f"DROP {name}" for name in reversed(self.scratch)))
        self.cursor.close()


class Session:
    """Base of Check and Run: DuckDB for one statement."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.statement = workspace.statement
        self.text = workspace.text
        self.statistics = workspace.statistics
        self.translator = workspace.translator
        self.cursor = workspace.cursor
        self.store: Store = workspace.environment.store
        self.clock: Clock = workspace.environment.clock
        self._recursive = "RECURSIVE" in workspace.statement.text.upper()

    def stop_if_cancelled(self) -> None:
        """Raises ApiError `stopped` once the job was cancelled."""
        if self.statement.cancelled.is_set():
            raise failures.stopped()

    def duck(self, tree: exp.Expr) -> Duck:
        """DuckDB's form of a resolved tree."""
        return self.translator.duck(tree)

    def execute(self, duck: Duck, cursor: duckdb.DuckDBPyConnection | None = None) -> duckdb.DuckDBPyConnection:
        """Run it in DuckDB. Raises ApiError with BigQuery's wording."""
        self.stop_if_cancelled()
        running = cursor or self.cursor
        watchdog = threading.Timer(_RECURSION_SECONDS, running.interrupt) if self._recursive else None
        try:
            with self.workspace.environment.interrupter.watching(running, self.statement.cancelled):
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

    def scratch(self, columns: Columns) -> str:
        """A new scratch table without rows, quoted."""
        name = self._new("TABLE")
        listed = ", ".join(f"{quote(column)} {duckdb_type(kind)}" for column, kind in columns)
        self.cursor.execute(f"CREATE TABLE {name} ({listed})")
        return name

    def view(self, query: str) -> str:
        """A new scratch view of a DuckDB query, quoted."""
        name = self._new("VIEW")
        self.cursor.execute(f"CREATE VIEW {name} AS {query}")
        return name

    def _new(self, kind: str) -> str:
        name = f'{SCRATCH}.main."{uuid.uuid4().hex}"'
        self.workspace.scratch.append(f"{kind} IF EXISTS {name}")
        return name
