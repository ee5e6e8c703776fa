"""Where the local cloud keeps everything: one DuckDB file, documents and table data in the same transactions.

Documents are the resources of the control plane (dataset, table, model, job, connection, policy …) as JSON, keyed by
(kind, name) and served from memory. Table data are DuckDB tables. A commit makes both durable together, so after a
SIGKILL no table is half made, and every job that was answered as done is done.

In memory a document is its text: parsing it gives every reader a copy of its own ten times faster than copying objects
does, takes a fifth of their memory, and gives the garbage collector nothing to traverse.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb

Document = dict[str, Any]
"""A JSON object. Services turn it into dataclasses of theirs (`from_document`) and back (`document`)."""
#: Parsed once: parsing takes a third of what they take.
_STATEMENTS = {
    "insert": "INSERT INTO localcloud.documents VALUES ($kind, $name, $body)",
    "update": "UPDATE localcloud.documents SET body = $body WHERE kind = $kind AND name = $name",
    "delete": "DELETE FROM localcloud.documents WHERE kind = $kind AND name = $name",
    "select": "SELECT body FROM localcloud.documents WHERE kind = $kind AND name = $name",
}
_SCHEMA_VERSION = 1


class UnreadableState(Exception):
    """The file has another layout, or is no DuckDB file; the message says which."""


class Transaction:
    """Reads its own writes. `sql` is a DuckDB cursor inside the transaction, for table data."""

    def __init__(self, store: Store, sql: duckdb.DuckDBPyConnection) -> None:
        self._store = store
        self.sql = sql
        self.written: dict[tuple[str, str], str | None] = {}
        """Texts of the documents that were put; None for those deleted."""

    def get(self, kind: str, name: str) -> Document | None:
        """The document, or None."""
        if (kind, name) not in self.written:
            return self._store.get(kind, name)
        text = self.written[kind, name]
        return None if text is None else _parsed(text)

    def has(self, kind: str, name: str) -> bool:
        """Whether there is such a document."""
        if (kind, name) in self.written:
            return self.written[kind, name] is not None
        return self._store.has(kind, name)

    def list(self, kind: str, prefix: str = "") -> list[tuple[str, Document]]:
        """Documents of a kind whose name begins with `prefix`, by name."""
        found: dict[str, str | None] = dict(self._store.texts(kind, prefix))
        found |= {n: text for (k, n), text in self.written.items() if k == kind and n.startswith(prefix)}
        return sorted((n, _parsed(text)) for n, text in found.items() if text is not None)

    def put(self, kind: str, name: str, document: Document) -> None:
        """Create or replace a document."""
        body = json.dumps(document, separators=(",", ":"))
        # INSERT OR REPLACE takes three times as long as either.
        statement = self._store.statements["update" if self.has(kind, name) else "insert"]
        self.sql.execute(statement, {"kind": kind, "name": name, "body": body})
        self.written[kind, name] = body

    def delete(self, kind: str, name: str) -> None:
        """Remove a document; nothing happens when there is none."""
        self.sql.execute(self._store.statements["delete"], {"kind": kind, "name": name})
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
        self.statements = {name: self._connection.extract_statements(text)[0] for name, text in _STATEMENTS.items()}
        self._memory = threading.Lock()
        self._commits = threading.Lock()
        self._documents: dict[str, dict[str, str]] = {}
        #: Held while a service reads a document, decides and writes it back (creates, policy changes, job state).
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
            self._documents.setdefault(kind, {})[name] = body
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
        text = self._documents.get(kind, {}).get(name)
        return None if text is None else _parsed(text)

    def has(self, kind: str, name: str) -> bool:
        """Whether there is a committed document."""
        return name in self._documents.get(kind, {})

    def texts(self, kind: str, prefix: str = "") -> list[tuple[str, str]]:
        """As `list`, unparsed and in no order: for counting, and for finding few among many."""
        with self._memory:
            return [(n, text) for n, text in self._documents.get(kind, {}).items() if n.startswith(prefix)]

    def list(self, kind: str, prefix: str = "") -> list[tuple[str, Document]]:
        """Committed documents of a kind whose name begins with `prefix`, by name."""
        return sorted((name, _parsed(text)) for name, text in self.texts(kind, prefix))

    def seen(self, cursor: duckdb.DuckDBPyConnection, kind: str, name: str) -> Document | None:
        """The document as the transaction of the cursor sees it, or None."""
        found = cursor.execute(self.statements["select"], {"kind": kind, "name": name}).fetchone()
        return _parsed(found[0]) if found else None

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
                for (kind, name), text in change.written.items():
                    if text is None:
                        self._documents.get(kind, {}).pop(name, None)
                    else:
                        self._documents.setdefault(kind, {})[name] = text

    def close(self) -> None:
        """Write everything out and release the file."""
        self._connection.close()


def _parsed(text: str) -> Document:
    document: Document = json.loads(text)
    return document


def _roll_back(cursor: duckdb.DuckDBPyConnection) -> None:
    with suppress(duckdb.TransactionException):  # a failed commit has already rolled back
        cursor.rollback()
