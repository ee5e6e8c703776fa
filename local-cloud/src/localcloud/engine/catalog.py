"""What there is: documents of tables and the DuckDB tables behind them, made and dropped together.

The REST layer calls `create_dataset_data`, `drop_dataset_data`, `create_table_data`, `drop_table` inside its own
transactions, and `table_size`. Rows of `project.dataset.table` live in the DuckDB table `"project.dataset"."table"`; a
`table_data` document of the same name carries the version of those rows, for caches and for the coverage of indexes.
"""

from __future__ import annotations

import uuid
from typing import Any
from weakref import WeakKeyDictionary

import duckdb

from localcloud.core.clock import Clock
from localcloud.core.errors import Unsupported, invalid_query, not_found
from localcloud.core.store import Document, Store, Transaction
from localcloud.engine.duckdb_types import duckdb_type, quote, size
from localcloud.googlesql import types
from localcloud.googlesql.names import Name, check_new, dataset_not_found, table_not_found

RESULTS = "localcloud_results"
INDEXES = "localcloud_indexes"


_SIZES: WeakKeyDictionary[Store, dict[Name, tuple[str, int, int]]] = WeakKeyDictionary()


def create_dataset_data(transaction: Transaction, project: str, dataset: str) -> None:
    """The DuckDB schema for the tables of a new dataset."""
    transaction.sql.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(f'{project}.{dataset}')}")


def drop_dataset_data(transaction: Transaction, project: str, dataset: str) -> None:
    """Drop what is in a dataset: tables with their data and indexes, models. The dataset's document is the caller's."""
    prefix = f"{project}.{dataset}."
    for name, _ in transaction.list("table", prefix):
        drop_table(transaction, project, dataset, name.removeprefix(prefix))
    for name, _ in transaction.list("model", prefix):
        transaction.delete("model", name)
    transaction.sql.execute(f"DROP SCHEMA IF EXISTS {quote(f'{project}.{dataset}')} CASCADE")


def create_table_data(
    transaction: Transaction, project: str, dataset: str, table: str, schema: dict[str, Any], clock: Clock | None = None
) -> None:
    """Make the empty DuckDB table for REST `schema`; the `table` document is the caller's.

    Raises ApiError for types and modes that are not served, and for a name that differs from another in case only.
    """
    name = check_new(Name(project, dataset, table))
    refuse_twin(transaction, name)
    fields = schema.get("fields", [])
    if not fields:
        # DuckDB has no tables without columns, and such a table can hold no rows.
        raise Unsupported(f"a table without a schema: {name.shown}")
    check_columns(fields)
    columns = ", ".join(_column(field) for field in fields)
    create_dataset_data(transaction, project, dataset)
    transaction.sql.execute(f"CREATE TABLE {data(name)} ({columns})")
    touch(transaction, name, clock)


def drop_table(transaction: Transaction, project: str, dataset: str, table: str) -> None:
    """Drop a table of any type: document, rows, version, vector index (contract, "6. Vector indexes")."""
    name = Name(project, dataset, table)
    transaction.sql.execute(f"DROP TABLE IF EXISTS {data(name)}")
    transaction.sql.execute(f"DROP TABLE IF EXISTS {quote(INDEXES)}.{quote(str(name))}")
    for kind in ("table", "table_data", "vector_index", "vector_index_ddl", "object_cache"):
        if transaction.get(kind, str(name)) is not None:
            transaction.delete(kind, str(name))


def table_size(store: Store, project: str, dataset: str, table: str) -> tuple[int, int]:
    """Rows and logical bytes of a table; zeros for one without rows of its own. Remembered by version of the rows."""
    name = Name(project, dataset, table)
    document = store.get("table", str(name))
    if document is None or document.get("type") != "TABLE":
        return 0, 0
    sizes = _SIZES.setdefault(store, {})
    now = (store.get("table_data", str(name)) or {}).get("version", "")
    if sizes.get(name, ("", 0, 0))[0] != now:
        cursor = store.cursor()
        try:
            sizes[name] = (now, *measure(cursor, name, types.columns_of(document["schema"])))
        finally:
            cursor.close()
    return sizes[name][1:]


def measure(cursor: duckdb.DuckDBPyConnection, name: Name, columns: types.Columns) -> tuple[int, int]:
    """Rows and logical bytes that the cursor's transaction sees."""
    total = " + ".join(f"({size(quote(column), kind)})" for column, kind in columns)
    found = cursor.execute(f"SELECT count(*), coalesce(sum({total}), 0) FROM {data(name)}").fetchone()
    return (int(found[0]), int(found[1])) if found else (0, 0)


def data(name: Name) -> str:
    """The DuckDB table that holds the rows, quoted."""
    return f"{quote(name.parent)}.{quote(name.table)}"


def touch(transaction: Transaction, name: Name, clock: Clock | None = None) -> None:
    """Give the rows of a table a new version, in the transaction that changes them."""
    changed = clock.time() if clock else 0.0
    transaction.put("table_data", str(name), {"version": uuid.uuid4().hex, "changed": changed})


def version(store: Store, cursor: duckdb.DuckDBPyConnection, name: Name) -> str:
    """The version of the rows that the cursor's transaction sees."""
    return str((store.seen(cursor, "table_data", str(name)) or {}).get("version", ""))


def dataset(source: Store | Transaction, name: Name, location: str) -> Document:
    """The dataset's document. Raises ApiError 404 when it is not there, or not in the job's location."""
    found = source.get("dataset", name.parent)
    if found is None or str(found.get("location", location)).lower() != location.lower():
        raise dataset_not_found(name, location)
    return found


def table(source: Store | Transaction, name: Name, location: str) -> Document:
    """The table's document. Raises ApiError 404."""
    dataset(source, name, location)
    found = source.get("table", str(name))
    if found is None:
        raise table_not_found(name, location)
    return found


def model(source: Store | Transaction, name: Name, location: str) -> Document:
    """The model's document. Raises ApiError 404."""
    dataset(source, name, location)
    found = source.get("model", str(name))
    if found is None:
        raise not_found(f"Not found: Model {name.shown} was not found in location {location}")
    return found


def table_document(
    name: Name, schema: dict[str, Any], clock: Clock, location: str, options: dict[str, Any] | None = None
) -> Document:
    """The REST resource of a new plain table; `options` are further fields."""
    now = str(clock.millis())
    return {
        "kind": "bigquery#table",
        "id": name.shown,
        "tableReference": name.reference(),
        "type": "TABLE",
        "schema": schema,
        "creationTime": now,
        "lastModifiedTime": now,
        "location": location,
        **(options or {}),
    }


def refuse_twin(source: Store | Transaction, name: Name) -> None:
    """BigQuery tells `T` from `t`; DuckDB does not. Raises Unsupported when both would exist."""
    for other, _ in source.list("table", f"{name.parent}."):
        if other.lower() == str(name).lower() and other != str(name):
            raise Unsupported(f"two tables whose names differ in case only: {other} and {name}")


def check_columns(fields: list[dict[str, Any]]) -> None:
    """Raises ApiError for names that no column can have, and for two of one name."""
    seen: set[str] = set()
    for field in fields:
        name = str(field.get("name", ""))
        if not name or len(name) > 300 or any(character in name for character in '!"$()*,./;?@[\\]^`{}~'):
            raise invalid_query(f'Invalid field name "{name}".')
        if name.lower() == "rowid":
            raise Unsupported("a column called rowid (DuckDB has one of its own in every table)")
        if name.lower() in seen:
            raise invalid_query(f"Duplicate field name: {name}")
        seen.add(name.lower())


def _column(field: dict[str, Any]) -> str:
    kind = types.from_field(field)
    if field.get("defaultValueExpression"):
        raise Unsupported(f"a default value of column {field['name']}")
    return f"{quote(field['name'])} {duckdb_type(kind)}" + (" NOT NULL" if field.get("mode") == "REQUIRED" else "")
