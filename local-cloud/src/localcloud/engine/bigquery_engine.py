"""BigQuery's SQL over the store: `ports.Engine`."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext
from typing import Any

import duckdb

from localcloud.core.errors import not_found
from localcloud.core.ports import Cloud, Outcome, Statement
from localcloud.core.store import Store, Transaction
from localcloud.engine import catalog, cells, ddl, dml, indexes, query, relations
from localcloud.engine.check import Check
from localcloud.engine.duckdb_types import cell, quote, render
from localcloud.engine.failures import is_conflict, stopped, translated
from localcloud.engine.interrupts import Interrupter
from localcloud.engine.parse_cache import ParseCache
from localcloud.engine.plan import Plan
from localcloud.engine.run import Run
from localcloud.engine.session import SCRATCH, Environment
from localcloud.engine.table_schemas import analyze
from localcloud.engine.vectors import VectorCache
from localcloud.googlesql import syntax, types
from localcloud.googlesql import syntax_statements as statements
from localcloud.googlesql.names import Name
from localcloud.googlesql.syntax import Node

_ATTEMPTS = 20
_FEW = 200
"""Rows without arrays that Python writes faster than DuckDB plans their text."""
_MAKERS: dict[type[Node], Callable[[Check, Any], Plan]] = {
    syntax.Query: query.prepare,
    statements.AlterTable: ddl.alter_table,
    statements.CallProcedure: ddl.call,
    statements.CreateExternalTable: ddl.create_external_table,
    statements.CreateModel: ddl.create_model,
    statements.CreateTable: ddl.create_table,
    statements.CreateVectorIndex: indexes.create,
    statements.Delete: dml.delete,
    statements.Drop: ddl.drop,
    statements.DropVectorIndex: indexes.drop,
    statements.Insert: dml.insert,
    statements.Merge: dml.merge,
    statements.RebuildVectorIndex: indexes.rebuild,
    statements.Truncate: dml.truncate,
    statements.Update: dml.update,
}
"""What makes the plan of a statement, by the kind of its syntax tree."""


class SqlEngine:
    """Runs one statement a call, from any thread.

    `index_delay()` is seconds of the clock from a change of rows until the vector index covers them.
    """

    def __init__(self, store: Store, cloud: Cloud, index_delay: Callable[[], float] = lambda: 3.0) -> None:
        self._store = store
        self._cloud = cloud
        self._environment = Environment(store, cloud.clock, VectorCache(), Interrupter(), index_delay)
        self._parse_cache = ParseCache()
        self._turns: dict[Name, threading.Lock] = {}
        self._turns_lock = threading.Lock()
        store.cursor().execute(
            f"ATTACH IF NOT EXISTS ':memory:' AS {SCRATCH}; CREATE SCHEMA IF NOT EXISTS {catalog.RESULTS}"
        )

    def run(self, statement: Statement, commit: Callable[[Transaction, Outcome], None]) -> Outcome:
        """Run it; `commit` is called last inside the transaction that writes. Raises ApiError, nothing written then."""
        tree = self._parse_cache.parse(statement.text)
        answer = analyze(tree, statement, self._store)
        with closing(Check(self._environment, statement, answer, relations.resolve)) as check:
            plan = _MAKERS[type(tree)](check, tree)
            if check.pays or statement.dry_run:
                check.bind()
            if statement.dry_run:
                return Outcome(plan.statement_type, plan.schema, None, 0, check.statistics.body())
            with self._cloud.embedding_job() if check.pays else nullcontext():
                run = Run(check.workspace, self._cloud)
                for step in check.steps:
                    step.perform(run)
                return self._apply(run, plan, commit)

    def rows(self, table: tuple[str, str], schema: dict[str, Any], start: int, count: int) -> list[dict[str, Any]]:
        """Rows `start` … `start + count` in the order they were written, as REST rows."""
        return [json.loads(text) for text in self.texts(table, schema, start, count)]

    def texts(
        self, table: tuple[str, str], schema: dict[str, Any], start: int, count: int, *, seconds: bool = False
    ) -> list[str]:
        """As `rows`, each as JSON text. `seconds`: timestamps are seconds, with a fraction, and not microseconds."""
        columns = types.columns_of(schema)
        by_python = count <= _FEW and all(_is_simple(kind, seconds) for _, kind in columns)
        if by_python:
            chosen = ", ".join(render(quote(name), kind) for name, kind in columns)
        else:
            chosen = cells.row(columns, seconds=seconds)
        with self._reading(table) as (cursor, data):
            where = ""
            if start:
                cursor.begin()  # the ids are those of one snapshot
                # Skipping rows by their ids reads none of their values; OFFSET would read them all.
                first = cursor.execute(f"SELECT rowid FROM {data} LIMIT 1 OFFSET {int(start)}").fetchone()
                if first is None:
                    return []
                where = f" WHERE rowid >= {first[0]}"
            found = cursor.execute(f"SELECT {chosen} FROM {data}{where} LIMIT {int(count)}").fetchall()
        return [_text(row, columns) for row in found] if by_python else [text for (text,) in found]

    def count(self, table: tuple[str, str]) -> int:
        """Number of rows."""
        with self._reading(table) as (cursor, data):
            found = cursor.execute(f"SELECT count(*) FROM {data}").fetchone()
        return int(found[0]) if found else 0

    @contextmanager
    def _reading(self, table: tuple[str, str]) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
        """A cursor, and the table's quoted name. Raises ApiError notFound when it is not there."""
        cursor = self._store.cursor()
        try:
            yield cursor, f"{quote(table[0])}.{quote(table[1])}"
        except duckdb.CatalogException as error:
            raise not_found(f"Not found: Table {'.'.join(table)}") from error
        finally:
            cursor.close()

    def _apply(self, run: Run, plan: Plan, commit: Callable[[Transaction, Outcome], None]) -> Outcome:
        with ExitStack() as turn:
            if plan.target is not None:
                turn.enter_context(self._turn(plan.target))
            for attempt in range(_ATTEMPTS):
                try:
                    return self._once(run, plan, commit)
                except duckdb.Error as error:
                    if not is_conflict(error) or attempt == _ATTEMPTS - 1:
                        raise translated(error) from error
                    if run.statement.cancelled.wait(random.uniform(0, 0.01 * (attempt + 1))):
                        raise stopped() from error
        raise AssertionError("unreachable")

    def _once(self, run: Run, plan: Plan, commit: Callable[[Transaction, Outcome], None]) -> Outcome:
        with ExitStack() as held, self._store.transaction() as transaction:
            run.held = held
            outcome = plan.apply(run, transaction)
            run.stop_if_cancelled()
            run.hold_documents()
            commit(transaction, outcome)
            return outcome

    def _turn(self, name: Name) -> threading.Lock:
        with self._turns_lock:
            return self._turns.setdefault(name, threading.Lock())


def _is_simple(kind: types.Type, seconds: bool) -> bool:
    """Whether Python writes the cells of this type, too."""
    inner = all(_is_simple(each, seconds) for _, each in kind.fields)
    return inner and not kind.array and not (seconds and kind.kind == "TIMESTAMP")


def _text(row: tuple[Any, ...], columns: types.Columns) -> str:
    cells_of_row = [{"v": cell(value, kind)} for value, (_, kind) in zip(row, columns, strict=True)]
    return json.dumps({"f": cells_of_row}, ensure_ascii=False, separators=(",", ":"))
