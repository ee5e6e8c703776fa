"""The statements of vector indexes and their rules (contract section 6).

The lists (centroids) are trained when the index is made, or rebuilt, and kept beside the table's rows; what an index
covers as the clock runs is coverage.py.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from localcloud.core.errors import ApiError, duplicate, invalid_query, not_found
from localcloud.core.ports import Outcome
from localcloud.core.store import Document, Transaction
from localcloud.engine import catalog, coverage, options, vectors
from localcloud.engine.commands import CreateVectorIndex, DropVectorIndex, RebuildVectorIndex
from localcloud.engine.plan import Plan, ddl
from localcloud.engine.session import Session
from localcloud.googlesql import types
from localcloud.googlesql.names import Name, full_name
from localcloud.googlesql.types import Type

_MIN_ROWS = 5_000
_MAX_DIMENSION = 4_096
_DDL_A_DAY = 10
_DAY = 86_400.0
_KINDS = ("IVF", "TREE_AH")
#: Choice: the documentation leaves the default number of lists to the service.
_LISTS_PER_SQUARE_ROOT = 1.0
#: The documented default of tree_ah_options.
_LEAF_NODE_EMBEDDING_COUNT = 1_000


# Statements


def create(session: Session, command: CreateVectorIndex) -> Plan:
    """CREATE VECTOR INDEX. Trains the lists before anything is written."""
    name = full_name(command.table, session.statement)
    given = _options(session, command.options)
    table = catalog.table(session.store, name, session.statement.location)
    column = _column(table, name, command.column)
    stored = [_column(table, name, one, vector=False) for one in command.storing]
    trained: dict[str, Any] = {}
    if not _check_old(session.store.get("vector_index", str(name)), command):
        _check_quota(session, name)
        rows = catalog.table_size(session.store, name.project, name.dataset, name.table)[0]
        if rows < _MIN_ROWS:
            raise invalid_query(
                f"Total rows {rows} is smaller than min allowed {_MIN_ROWS} for CREATE VECTOR INDEX query with the"
                f" {given['index_type']} index type. Please use VECTOR_SEARCH table-valued function directly to perform"
                " the similarity search."
            )
        if not session.empty:
            trained = _train(session, name, column, given)

    def apply(transaction: Transaction) -> Outcome:
        session.hold_documents()
        old = transaction.get("vector_index", str(name))
        if _check_old(old, command):
            return _outcome("CREATE_VECTOR_INDEX", "SKIP", name)
        _count_ddl(session, transaction, name)
        _write_centroids(transaction, name, trained["centroids"])
        document = _document(session, command, given, column, stored) | {"sizes": trained["sizes"]}
        transaction.put("vector_index", str(name), document)
        return _outcome("CREATE_VECTOR_INDEX", "REPLACE" if old else "CREATE", name)

    return Plan("CREATE_VECTOR_INDEX", apply, target=name)


def drop(session: Session, command: DropVectorIndex) -> Plan:
    """DROP VECTOR INDEX."""
    name, found = _named(session, command.table, command.name, command.exists)

    def apply(transaction: Transaction) -> Outcome:
        session.hold_documents()
        if found is None or transaction.get("vector_index", str(name)) is None:
            return _outcome("DROP_VECTOR_INDEX", "SKIP", name)
        _check_quota(session, name)
        _count_ddl(session, transaction, name)
        transaction.delete("vector_index", str(name))
        transaction.sql.execute(f"DROP TABLE IF EXISTS {coverage.centroid_table(name)}")
        return _outcome("DROP_VECTOR_INDEX", "DROP", name)

    return Plan("DROP_VECTOR_INDEX", apply, target=name)


def rebuild(session: Session, command: RebuildVectorIndex) -> Plan:
    """ALTER VECTOR INDEX … REBUILD: trains anew on the rows of now."""
    name, found = _named(session, command.table, command.name, command.exists)
    trained: dict[str, Any] = {}
    if found is not None and not session.empty:
        trained = _train(session, name, found["column"], found["options"])

    def apply(transaction: Transaction) -> Outcome:
        session.hold_documents()
        old = transaction.get("vector_index", str(name))
        if old is None or not trained:
            return _outcome("ALTER_VECTOR_INDEX", "SKIP", name)
        _write_centroids(transaction, name, trained["centroids"])
        now = session.cloud.clock.time()
        transaction.put("vector_index", str(name), old | {"altered": now, "trained": now, "sizes": trained["sizes"]})
        return _outcome("ALTER_VECTOR_INDEX", "ALTER", name)

    return Plan("ALTER_VECTOR_INDEX", apply, target=name)


def statistics(session: Session, node: Any) -> str:
    """VECTOR_INDEX.STATISTICS(TABLE t): a scratch table with `drift`.

    Choice: Google gives the range and the advice (0.3), not the formula. Here it is the share of rows that would have
    to change lists for the lists to be filled as they were after training (total variation distance).
    """
    if len(node.this.expressions) != 1:
        raise session.text.invalid("VECTOR_INDEX.STATISTICS takes one table", node)
    name = full_name(node.this.expressions[0], session.statement)
    catalog.table(session.store, name, session.statement.location)
    found = session.store.get("vector_index", str(name))
    if found is None:
        raise session.text.invalid(f"Table {name.shown} has no vector index", node)
    table = session.scratch((("drift", Type("FLOAT64")),))
    if session.empty:
        return table
    matrix = session.matrix(catalog.data(name), found["column"], name)
    lists = vectors.Lists(
        matrix,
        np.arange(len(matrix.vectors)),
        coverage.read_centroids(session, name),
        coverage.distance_of(found["options"]),
    )
    session.cursor.execute(f"INSERT INTO {table} VALUES (?)", [_drift(found["sizes"], lists.sizes())])
    return table


# Rules


def _options(session: Session, given: dict[str, Any]) -> dict[str, Any]:
    options.only(given, ("index_type", "distance_type", "ivf_options", "tree_ah_options"))
    found = {name: options.value(session, node) for name, node in given.items()}
    kind = str(found.get("index_type", "")).upper()
    if kind not in _KINDS:
        raise invalid_query(f"Invalid index_type {kind or 'NULL'}; supported are {', '.join(_KINDS)}")
    if str(found.get("distance_type", "EUCLIDEAN")).upper() not in vectors.DISTANCES:
        raise invalid_query(
            f"Invalid distance_type {found['distance_type']}; supported are {', '.join(vectors.DISTANCES)}"
        )
    if ("ivf_options" if kind == "TREE_AH" else "tree_ah_options") in found:
        raise invalid_query(f"The options of another index type than {kind} cannot be specified")
    own = _json_options(found.get("ivf_options") or found.get("tree_ah_options"))
    known = {"num_lists"} if kind == "IVF" else {"leaf_node_embedding_count", "normalization_type"}
    if set(own) - known or not all(isinstance(v, int) and v > 0 for k, v in own.items() if k != "normalization_type"):
        raise invalid_query(f"Invalid options of index type {kind}: {json.dumps(own)}")
    return {**found, "index_type": kind, "own": own}


def _json_options(text: Any) -> dict[str, Any]:
    try:
        found = json.loads(text) if text else {}
    except ValueError as error:
        raise invalid_query(f"Index options are not valid JSON: {text}") from error
    if not isinstance(found, dict):
        raise invalid_query(f"Index options must be a JSON object: {text}")
    return found


def _column(table: Document, name: Name, column: str, *, vector: bool = True) -> str:
    for known, kind in types.columns_of(table.get("schema", {})):
        if known.lower() == column.lower():
            if vector and kind != Type("FLOAT64", array=True):
                raise invalid_query(
                    f"Column {known} must be of type ARRAY<FLOAT64> for a vector index, found {kind.sql()}"
                )
            return known
    raise invalid_query(f"Column {column} is not present in table {name.shown}")


def _check_old(old: Document | None, command: CreateVectorIndex) -> bool:
    """Whether IF NOT EXISTS skips the statement. Raises ApiError when the table's one index is another."""
    if old is None:
        return False
    if command.replace:
        return False  # Choice: OR REPLACE also takes the place of an index of another name, there being one a table.
    if old["name"] == command.name and not command.exists:
        raise duplicate(f"Already Exists: Vector index {command.name}")
    if old["name"] != command.name:
        raise invalid_query(f"There can be only one vector index per table; the table already has {old['name']}")
    return True


def _named(session: Session, path: Any, index: str, exists: bool) -> tuple[Name, Document | None]:
    name = full_name(path, session.statement)
    catalog.table(session.store, name, session.statement.location)
    found = session.store.get("vector_index", str(name))
    if found is None or found["name"] != index:
        if not exists:
            raise not_found(f"Not found: Vector index {index} on table {name.shown}")
        return name, None
    return name, found


def _check_quota(session: Session, name: Name) -> None:
    """At most 10 CREATE or DROP a table and day (contract section 6). Choice: a day is the last 24 hours."""
    if len(_recent(session, name)) >= _DDL_A_DAY:
        raise ApiError(
            403,
            "quotaExceeded",
            "Quota exceeded: Your table exceeded quota for vector index DDL statements per table per day.",
        )


def _recent(session: Session, name: Name) -> list[float]:
    found = session.store.get("vector_index_ddl", str(name)) or {"times": []}
    return [at for at in found["times"] if at > session.cloud.clock.time() - _DAY]


def _count_ddl(session: Session, transaction: Transaction, name: Name) -> None:
    times = [*_recent(session, name), session.cloud.clock.time()]
    transaction.put("vector_index_ddl", str(name), {"times": times})


def _document(
    session: Session, command: CreateVectorIndex, given: dict[str, Any], column: str, stored: list[str]
) -> Document:
    now = session.cloud.clock.time()
    return {
        "name": command.name,
        "column": column,
        "options": given,
        "stored": stored,
        "created": now,
        "altered": now,
        "trained": now,
        "changed": None,
        "refreshed": None,
        "unindexed": 0,
        "ddl": session.statement.text.strip().rstrip(";"),
    }


# Lists


def _train(session: Session, name: Name, column: str, given: dict[str, Any]) -> dict[str, Any]:
    """Centroids and how many rows each list has. Raises ApiError for a column that cannot be indexed."""
    matrix = session.matrix(catalog.data(name), column, name)
    rows = catalog.table_size(session.store, name.project, name.dataset, name.table)[0]
    if len(matrix.vectors) != rows:
        raise invalid_query(
            f"Vectors in column {column} must all have the same length; {rows - len(matrix.vectors)} are empty"
        )
    if matrix.dimension > _MAX_DIMENSION:
        raise invalid_query(
            f"Vectors in column {column} have {matrix.dimension} elements; at most {_MAX_DIMENSION} are allowed"
        )
    distance = coverage.distance_of(given)
    if distance == "COSINE" and not matrix.norms.all():
        raise invalid_query("Cannot compute cosine distance against zero vector.")
    centroids = vectors.train(matrix, min(_list_count(given, rows), rows), distance)
    return {"centroids": centroids, "sizes": vectors.Lists(matrix, np.arange(rows), centroids, distance).sizes()}


def _list_count(given: dict[str, Any], rows: int) -> int:
    if given["index_type"] == "TREE_AH":
        return max(1, math.ceil(rows / int(given["own"].get("leaf_node_embedding_count", _LEAF_NODE_EMBEDDING_COUNT))))
    return int(given["own"].get("num_lists", max(1, round(_LISTS_PER_SQUARE_ROOT * math.sqrt(rows)))))


def _write_centroids(transaction: Transaction, name: Name, centroids: Any) -> None:
    transaction.sql.execute(f"CREATE SCHEMA IF NOT EXISTS {catalog.INDEXES}")
    transaction.sql.execute(f"DROP TABLE IF EXISTS {coverage.centroid_table(name)}")
    transaction.sql.execute(f"CREATE TABLE {coverage.centroid_table(name)} (list BIGINT, centroid BLOB)")
    rows = [(number, centroid.tobytes()) for number, centroid in enumerate(centroids)]
    transaction.sql.executemany(f"INSERT INTO {coverage.centroid_table(name)} VALUES (?, ?)", rows)


def _drift(before: list[int], now: list[int]) -> float:
    was, new = np.array(before) / max(sum(before), 1), np.array(now) / max(sum(now), 1)
    return float(np.abs(was - new).sum() / 2)


def _outcome(statement_type: str, operation: str, name: Name) -> Outcome:
    return ddl(statement_type, operation, ddlTargetTable=name.reference())
