"""INFORMATION_SCHEMA views of a dataset, as scratch tables.

Sources: contract, "6. Vector indexes"; D/information-schema-intro.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlglot import exp

from localcloud.core.errors import Unsupported
from localcloud.core.ports import Statement
from localcloud.core.store import Store
from localcloud.engine import catalog, coverage, vector_index
from localcloud.engine.check import Check
from localcloud.engine.run import Run
from localcloud.engine.vector_index import VectorIndex
from localcloud.googlesql import types
from localcloud.googlesql.names import Name, parts_of
from localcloud.googlesql.types import Columns, Type

_STRING, _INT64, _FLOAT64, _TIMESTAMP = Type("STRING"), Type("INT64"), Type("FLOAT64"), Type("TIMESTAMP")
_Rows = list[dict[str, Any]]


def view(check: Check, node: exp.Table) -> str:
    """The scratch table for `[project.]dataset.INFORMATION_SCHEMA.VIEW`."""
    *path, last = parts_of(node)
    called = last.partition(".")[2].upper()
    of = _of(path, called, check.store, check.statement)
    columns, rows = _VIEWS[called]

    def fill(run: Run, table: str) -> None:
        marks = ", ".join("?" for _ in columns)
        for row in rows(run, f"{of.parent}."):
            values = [row.get(name) for name, _ in columns]
            run.cursor.execute(f"INSERT INTO {table} VALUES ({marks})", values)

    return check.computed(columns, fill)


def columns(path: list[str], view: str, store: Store, statement: Statement) -> Columns:
    """The columns of a view, `path` before INFORMATION_SCHEMA. Raises ApiError as the view itself does."""
    _of(path, view.upper(), store, statement)
    return _VIEWS[view.upper()][0]


def _of(path: list[str], view: str, store: Store, statement: Statement) -> Name:
    """The dataset whose view it is."""
    if view not in _VIEWS:
        raise Unsupported(f"INFORMATION_SCHEMA.{view}")
    if any(part.lower().startswith("region-") for part in path):
        raise Unsupported("INFORMATION_SCHEMA of a region (name a dataset)")
    project, dataset = (statement.project, path[0]) if len(path) == 1 else (path[0], path[1])
    name = Name(project, dataset, "")
    catalog.dataset(store, name, statement.location)
    return name


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()


def _vector_indexes(run: Run, prefix: str) -> _Rows:
    rows = []
    for name, index in vector_index.every(run.store, prefix):
        state = coverage.state(run, name, index)
        size = catalog.table_size(run.store, name.project, name.dataset, name.table)[1]
        indexed = size * state.coverage // 100
        rows.append(
            {
                **_index(name, index),
                # Choice: the documentation names the status for a table that shrank below 10 MB, not for one that
                # always was.
                "index_status": "TEMPORARILY DISABLED" if state.too_small else "ACTIVE",
                "creation_time": _time(index.created),
                "last_modification_time": _time(index.altered),
                "last_refresh_time": _time(state.refreshed),
                "disable_time": _time(index.created) if state.too_small else None,
                "disable_reason": "BASE_TABLE_TOO_SMALL" if state.too_small else None,
                "ddl": index.ddl,
                "coverage_percentage": state.coverage,
                "unindexed_row_count": state.unindexed,
                "total_logical_bytes": indexed,
                "total_storage_bytes": indexed,
                "last_index_alteration_info": None,
                "last_model_build_time": _time(index.trained) if state.coverage else None,
            }
        )
    return rows


def _vector_index_columns(run: Run, prefix: str) -> _Rows:
    return [
        {**_index(name, index), "index_column_name": column, "index_field_path": column}
        for name, index in vector_index.every(run.store, prefix)
        for column in (index.column, *index.stored)
    ]


def _vector_index_options(run: Run, prefix: str) -> _Rows:
    return [
        {**_index(name, index), "option_name": option, "option_type": "STRING", "option_value": str(value)}
        for name, index in vector_index.every(run.store, prefix)
        for option, value in index.options.listed.items()
    ]


def _index(name: Name, index: VectorIndex) -> dict[str, Any]:
    return {
        "index_catalog": name.project,
        "index_schema": name.dataset,
        "table_name": name.table,
        "index_name": index.name,
    }


def _tables(run: Run, prefix: str) -> _Rows:
    return [
        {
            **_table(full),
            # Choice: object tables are listed as the external tables they are.
            "table_type": "BASE TABLE" if document["type"] == "TABLE" else str(document["type"]),
            "is_insertable_into": "YES" if document["type"] == "TABLE" else "NO",
            "is_typed": "NO",
            "is_change_history_enabled": "NO",
            "creation_time": _time(int(document["creationTime"]) / 1000),
        }
        for full, document in run.store.list("table", prefix)
    ]


def _columns(run: Run, prefix: str) -> _Rows:
    return [
        {
            **_table(full),
            "column_name": field["name"],
            "ordinal_position": place,
            "is_nullable": "NO" if field.get("mode") == "REQUIRED" else "YES",
            "data_type": types.from_field(field).sql(),
            "is_hidden": "NO",
            "is_partitioning_column": "NO",
        }
        for full, document in run.store.list("table", prefix)
        for place, field in enumerate(document.get("schema", {}).get("fields", []), 1)
    ]


def _table_options(run: Run, prefix: str) -> _Rows:
    rows = []
    for full, document in run.store.list("table", prefix):
        if document.get("description"):
            text = '"' + str(document["description"]).replace('"', '\\"') + '"'
            rows.append({**_table(full), "option_name": "description", "option_type": "STRING", "option_value": text})
        if document.get("labels"):
            pairs = ", ".join(f'STRUCT("{key}", "{value}")' for key, value in sorted(document["labels"].items()))
            kind = "ARRAY<STRUCT<STRING, STRING>>"
            rows.append({**_table(full), "option_name": "labels", "option_type": kind, "option_value": f"[{pairs}]"})
    return rows


def _table(full: str) -> dict[str, Any]:
    name = Name(*full.split(".", 2))
    return {"table_catalog": name.project, "table_schema": name.dataset, "table_name": name.table}


def _typed(strings: str, **others: Type) -> Columns:
    """Columns in the order of `strings`; STRING unless named among `others`."""
    return tuple((name, others.get(name, _STRING)) for name in strings.split())


_VIEWS: dict[str, tuple[Columns, Callable[[Run, str], _Rows]]] = {
    "VECTOR_INDEXES": (
        _typed(
            "index_catalog index_schema table_name index_name index_status creation_time last_modification_time"
            " last_refresh_time disable_time disable_reason ddl coverage_percentage unindexed_row_count"
            " total_logical_bytes total_storage_bytes last_index_alteration_info last_model_build_time",
            creation_time=_TIMESTAMP,
            last_modification_time=_TIMESTAMP,
            last_refresh_time=_TIMESTAMP,
            disable_time=_TIMESTAMP,
            coverage_percentage=_INT64,
            unindexed_row_count=_INT64,
            total_logical_bytes=_INT64,
            total_storage_bytes=_INT64,
            last_model_build_time=_TIMESTAMP,
        ),
        _vector_indexes,
    ),
    "VECTOR_INDEX_COLUMNS": (
        _typed("index_catalog index_schema table_name index_name index_column_name index_field_path"),
        _vector_index_columns,
    ),
    "VECTOR_INDEX_OPTIONS": (
        _typed("index_catalog index_schema table_name index_name option_name option_type option_value"),
        _vector_index_options,
    ),
    "TABLES": (
        _typed(
            "table_catalog table_schema table_name table_type is_insertable_into is_typed is_change_history_enabled"
            " creation_time",
            creation_time=_TIMESTAMP,
        ),
        _tables,
    ),
    "COLUMNS": (
        _typed(
            "table_catalog table_schema table_name column_name ordinal_position is_nullable data_type is_hidden"
            " is_partitioning_column",
            ordinal_position=_INT64,
        ),
        _columns,
    ),
    "TABLE_OPTIONS": (
        _typed("table_catalog table_schema table_name option_name option_type option_value"),
        _table_options,
    ),
}
