"""Where the local cloud keeps everything: one DuckDB file, documents and table data in the same transactions.

Documents are the resources of the control plane (dataset, table, model, job, connection, policy …) as JSON, keyed by
(kind, name) and served from memory. Table data are DuckDB tables. A commit makes both durable together, so a killed
server comes back with no half-made table and no job that was answered as done and is not.
"""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb

Document = dict[str, Any]
_SCHEMA_VERSION = 1


class UnreadableState(Exception):
    """The file is of another version, or none of ours; the message says which."""


class Transaction:
    """Reads its own writes. `sql` is a DuckDB cursor inside the transaction, for table data."""

    def __init__(self, store: Store, sql: duckdb.DuckDBPyConnection) -> None:
        self._store = store
        self.sql = sql
        self.written: dict[tuple[str, str], Document | None] = {}

    def get(self, kind: str, name: str) -> Document | None:
        """The document, or None."""
        if (kind, name) in self.written:
            return copy.deepcopy(self.written[kind, name])
        return self._store.get(kind, name)

    def list(self, kind: str, prefix: str = "") -> list[tuple[str, Document]]:
        """Documents of a kind whose name begins with `prefix`, by name."""
        found: dict[str, Document | None] = dict(self._store.list(kind, prefix))
        found |= {n: copy.deepcopy(d) for (k, n), d in self.written.items() if k == kind and n.startswith(prefix)}
        return sorted((n, d) for n, d in found.items() if d is not None)

    def put(self, kind: str, name: str, document: Document) -> None:
        """Create or replace a document."""
        body = json.dumps(document, separators=(",", ":"))
        if self.get(kind, name) is None:  # INSERT OR REPLACE takes three times as long as either
            self.sql.execute("INSERT INTO localcloud.documents VALUES (?, ?, ?)", [kind, name, body])
        else:
            change = "UPDATE localcloud.documents SET body = ? WHERE kind = ? AND name = ?"
            self.sql.execute(change, [body, kind, name])
        self.written[kind, name] = json.loads(body)

    def delete(self, kind: str, name: str) -> None:
        """Remove a document; nothing happens when there is none."""
        self.sql.execute("DELETE FROM localcloud.documents WHERE kind = ? AND name = ?", [kind, name])
        self.written[kind, name] = None


class Store:
    """The state of one local cloud. Thread-safe; `path` None keeps it in memory. Raises UnreadableState."""

    def __init__(self, path: Path | None = None) -> None:
        try:
            self._connection = duckdb.connect(str(path) if path else ":memory:")
        except duckdb.Error as error:
            raise UnreadableState(f"cannot be read by DuckDB {duckdb.__version__}: {error}") from error
        # SQL that users send must never reach files or the network.
        self._connection.execute("SET autoinstall_known_extensions = false")
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET GLOBAL TimeZone = 'UTC'")
        self._memory = threading.Lock()
        self._commits = threading.Lock()
        self._documents: dict[str, dict[str, Document]] = {}
        #: Held by whoever reads a document, decides and writes it back (creates, policy changes, job state).
        self.control = threading.RLock()
        self._open()

    def _open(self) -> None:
        run = self._connection.execute
        run("CREATE SCHEMA IF NOT EXISTS localcloud")
        run(
            "CREATE TABLE IF NOT EXISTS localcloud.documents"
            " (kind VARCHAR, name VARCHAR, body VARCHAR, PRIMARY KEY (kind, name))"
        )
        for kind, name, body in run("SELECT kind, name, body FROM localcloud.documents").fetchall():
            self._documents.setdefault(kind, {})[name] = json.loads(body)
        version = self.get("meta", "schema")
        if version is None:
            with self.transaction() as change:
                change.put("meta", "schema", {"version": _SCHEMA_VERSION})
        elif version["version"] != _SCHEMA_VERSION:
            self._connection.close()
            raise UnreadableState(
                f"was written by another version of the local cloud (layout {version['version']}, this one reads "
                f"{_SCHEMA_VERSION})"
            )

    def get(self, kind: str, name: str) -> Document | None:
        """The committed document, or None. A copy: changing it changes nothing."""
        with self._memory:
            return copy.deepcopy(self._documents.get(kind, {}).get(name))

    def list(self, kind: str, prefix: str = "") -> list[tuple[str, Document]]:
        """Committed documents of a kind whose name begins with `prefix`, by name."""
        with self._memory:
            documents = self._documents.get(kind, {})
            return sorted((n, copy.deepcopy(d)) for n, d in documents.items() if n.startswith(prefix))

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB cursor outside any transaction, for reading table data. One thread at a time."""
        return self._connection.cursor()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Begin; commit at the end; roll back when anything raises."""
        cursor = self.cursor()
        cursor.begin()
        change = Transaction(self, cursor)
        try:
            yield change
            self._commit(cursor, change)
        except BaseException:
            _roll_back(cursor)
            raise
        finally:
            cursor.close()

    def _commit(self, cursor: duckdb.DuckDBPyConnection, change: Transaction) -> None:
        with self._commits:  # memory follows the file in the same order
            cursor.commit()
            with self._memory:
                for (kind, name), document in change.written.items():
                    if document is None:
                        self._documents.get(kind, {}).pop(name, None)
                    else:
                        self._documents.setdefault(kind, {})[name] = document

    def close(self) -> None:
        """Write everything out and release the file."""
        self._connection.close()


def _roll_back(cursor: duckdb.DuckDBPyConnection) -> None:
    with suppress(duckdb.TransactionException):  # a failed commit has already rolled back
        cursor.rollback()
