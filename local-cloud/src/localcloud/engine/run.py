"""The run of a statement that was checked: it reads rows, asks the other services, pays and writes."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from localcloud.core.ports import Cloud
from localcloud.engine import catalog, vectors
from localcloud.engine.duckdb_types import quote
from localcloud.engine.session import Session, Workspace
from localcloud.engine.translate import Duck
from localcloud.engine.vectors import Matrix
from localcloud.googlesql.names import Name


class Run(Session):
    """Runs one statement, over the scratch tables of its check. `cloud`: the other services, which it may pay."""

    def __init__(self, workspace: Workspace, cloud: Cloud) -> None:
        super().__init__(workspace)
        self.cloud = cloud
        self.vectors = workspace.environment.vectors
        self.held: ExitStack | None = None
        """Holds the store's documents once they are read to be changed, until the transaction has ended."""
        self._versions: dict[Name, str] | None = None
        """Of the tables that were asked for in the snapshot; None outside of one."""

    @property
    def index_delay(self) -> float:
        """Seconds of the clock from a change of rows until the vector index covers them."""
        return self.workspace.environment.index_delay()

    def hold_documents(self) -> None:
        """From here to the end of the transaction nobody else changes a document."""
        if self.held is not None:
            self.held.enter_context(self.store.control)

    # Rows that belong together

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

    def insert(self, table: str, query: Duck) -> None:
        """Add a query's answer to a scratch table, in its order."""
        self.execute(Duck(f"INSERT INTO {table} {query.sql}", query.values))

    def scratch_of(self, query: Duck) -> str:
        """A new scratch table with a query's answer, in its order, quoted."""
        name = self._new("TABLE")
        self.execute(Duck(f"CREATE TABLE {name} AS {query.sql}", query.values))
        return name

    def fill(self, table: str, columns: Sequence[Sequence[Any] | npt.NDArray[Any]], select: str) -> None:
        """Add Python values to a scratch table, column by column; `select` forms its columns from c0, c1, …"""
        if not columns or not len(columns[0]):
            return
        name = f"given_{uuid.uuid4().hex}"
        self.cursor.register(name, {f"c{place}": _array(values) for place, values in enumerate(columns)})
        try:
            self.cursor.execute(f"INSERT INTO {table} SELECT {select} FROM {name}")
        finally:
            self.cursor.unregister(name)


def _array(values: Sequence[Any] | npt.NDArray[Any]) -> npt.NDArray[Any]:
    if isinstance(values, np.ndarray):
        return values
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
