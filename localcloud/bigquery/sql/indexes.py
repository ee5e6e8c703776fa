"""Vector indexes (contract section 6): the statements, what they cover as the clock runs, and their lists.

A `vector_index` document has the name of its table. Coverage is computed from it and the clock:

    created            +delay/2          +delay                    changed          +delay
    coverage 0         usable, growing   100                       100 - new rows   100

The lists (centroids) are trained when the index is made and kept beside the table's rows; which rows they hold is
computed from the rows' version when a search needs it.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from localcloud.bigquery.sql import catalog, options, types, vectors
from localcloud.bigquery.sql.names import Name, full_name
from localcloud.bigquery.sql.parse import CreateVectorIndex, DropVectorIndex, RebuildVectorIndex
from localcloud.bigquery.sql.plan import Plan, ddl
from localcloud.bigquery.sql.session import Session
from localcloud.bigquery.sql.types import Type
from localcloud.errors import ApiError, duplicate, invalid_query, not_found
from localcloud.ports import Outcome
from localcloud.store import Document, Transaction

MIN_ROWS = 5_000
MIN_BYTES = 10 * 1024 * 1024
MAX_DIMENSION = 4_096
_DDL_A_DAY = 10
_DAY = 86_400.0
_KINDS = ("IVF", "TREE_AH")
#: Choice: the documentation leaves the default number of lists to the service.
_LISTS_PER_SQUARE_ROOT = 1.0
#: The documented default of tree_ah_options.
_LEAF_NODE_EMBEDDING_COUNT = 1_000
#: Choice: the documentation does not say which fraction of the lists a search looks into when it is not told.
_DEFAULT_FRACTION = 0.2


@dataclass(frozen=True)
class State:
    """What an index covers at this moment of the clock."""

    coverage: int
    """Percent; 0 means that it cannot be used."""
    unindexed: int
    refreshed: float | None
    """Seconds since the epoch; None until it can be used."""
    too_small: bool
    rows: int


@dataclass(frozen=True)
class Usage:
    """Whether a search uses an index, and the statistics that say so (contract section 7)."""

    statistics: dict[str, Any]
    lists: bool = False
    distance: str = ""
    unindexed: int = 0
    stored: frozenset[str] = frozenset()
    name: Name | None = None
    document: Document | None = None

    def unused(self, code: str, message: str) -> Usage:
        """The same search without the index."""
        return _unused(code, message, self.name, self.document)


# Statements


def create(session: Session, command: CreateVectorIndex) -> Plan:
    """CREATE VECTOR INDEX. Trains the lists before anything is written."""
    name = full_name(command.table, session.statement)
    given = _options(session, command.options)
    table = catalog.table(session.store, name, session.statement.location)
    column = _column(table, name, command.column)
    stored = [_column(table, name, one, vector=False) for one in command.storing]
    old = session.store.get("vector_index", str(name))
    skipped = _check_old(old, command)
    trained: dict[str, Any] = {}
    if not skipped:
        _check_quota(session, name)
        rows = catalog.table_size(session.store, name.project, name.dataset, name.table)[0]
        if rows < MIN_ROWS:
            raise invalid_query(
                f"Total rows {rows} is smaller than min allowed {MIN_ROWS} for CREATE VECTOR INDEX query with the"
                f" {given['index_type']} index type. Please use VECTOR_SEARCH table-valued function directly to perform"
                " the similarity search."
            )
        if not session.empty:
            trained = _train(session, name, column, given)

    def apply(transaction: Transaction) -> Outcome:
        session.hold_documents()
        if skipped:
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
        if found is None:
            return _outcome("DROP_VECTOR_INDEX", "SKIP", name)
        _check_quota(session, name)
        _count_ddl(session, transaction, name)
        transaction.delete("vector_index", str(name))
        transaction.sql.execute(f"DROP TABLE IF EXISTS {_centroid_table(name)}")
        return _outcome("DROP_VECTOR_INDEX", "DROP", name)

    return Plan("DROP_VECTOR_INDEX", apply, target=name)


def rebuild(session: Session, command: RebuildVectorIndex) -> Plan:
    """ALTER VECTOR INDEX … REBUILD: trains anew on the rows of now."""
    name, found = _named(session, command.table, command.name, command.exists)
    trained: dict[str, Any] = {}
    if found is not None:
        if not session.empty:
            trained = _train(session, name, found["column"], found["options"])

    def apply(transaction: Transaction) -> Outcome:
        session.hold_documents()
        if found is None:
            return _outcome("ALTER_VECTOR_INDEX", "SKIP", name)
        _write_centroids(transaction, name, trained["centroids"])
        now = session.cloud.clock.time()
        transaction.put("vector_index", str(name), found | {"altered": now, "trained": now, "sizes": trained["sizes"]})
        return _outcome("ALTER_VECTOR_INDEX", "ALTER", name)

    return Plan("ALTER_VECTOR_INDEX", apply, target=name)


def statistics(session: Session, node: Any) -> str:
    """VECTOR_INDEX.STATISTICS(TABLE t): a scratch table with `drift`.

    Choice: Google gives the range and the advice (0.3), not the formula. Here it is the share of rows that would have to
    change lists for the lists to be filled as they were after training (total variation distance).
    """
    name = full_name(node.this.expressions[0], session.statement)
    catalog.table(session.store, name, session.statement.location)
    found = session.store.get("vector_index", str(name))
    if found is None:
        raise session.text.invalid(f"Table {name.shown} has no vector index", node)
    table = session.scratch((("drift", Type("FLOAT64")),))
    if session.empty:
        return table
    matrix = session.matrix(catalog.data(name), types.quote(found["column"]), name)
    lists = vectors.Lists(
        matrix, np.arange(len(matrix.vectors)), _read_centroids(session, name), _metric(found["options"])
    )
    session.cursor.execute(f"INSERT INTO {table} VALUES (?)", [_drift(found["sizes"], lists.sizes())])
    return table


# Coverage


def before_change(session: Session, transaction: Transaction, name: Name) -> None:
    """Called before DML on a table: what the index covered until now."""
    found = transaction.get("vector_index", str(name))
    if found is None:
        return
    seen = state(session, name, found)
    if seen.refreshed is not None and seen.unindexed == 0:
        transaction.put("vector_index", str(name), found | {"unindexed": 0, "refreshed": seen.refreshed})


def after_change(session: Session, transaction: Transaction, name: Name, rows: int) -> None:
    """Called after DML that inserted or updated `rows` rows: DuckDB keeps them at the end of the table."""
    found = transaction.get("vector_index", str(name))
    if found is not None:
        new = {"unindexed": found["unindexed"] + rows, "changed": session.cloud.clock.time()}
        transaction.put("vector_index", str(name), found | new)


def state(session: Session, name: Name, found: Document) -> State:
    """What the index covers now."""
    rows, size = catalog.table_size(session.store, name.project, name.dataset, name.table)
    if size < MIN_BYTES:
        return State(0, rows, None, True, rows)
    now, delay = session.cloud.clock.time(), session.index_delay
    usable, built = found["created"] + delay / 2, found["created"] + delay
    if now < usable:
        return State(0, rows, None, False, rows)
    if now < built:
        coverage = max(1, int(100 * (now - usable) / (built - usable)))
        return State(coverage, rows - rows * coverage // 100, usable, False, rows)
    if found["changed"] is not None and now < found["changed"] + delay:
        unindexed = min(found["unindexed"], rows)
        coverage = max(1, int(100 * (rows - unindexed) / rows)) if rows else 0
        return State(coverage, unindexed, found["refreshed"] or built, False, rows)
    return State(100, 0, max(built, (found["changed"] or 0) + delay if found["changed"] else built), False, rows)


def usage(session: Session, name: Name | None, column: str, *, brute_force: bool) -> Usage:
    """Whether a search on `column` of the table uses its index, and why not."""
    found = session.store.get("vector_index", str(name)) if name else None
    if name is None or found is None or found["column"].lower() != column.lower():
        return _unused("INDEX_CONFIG_NOT_AVAILABLE", "There is no index on the column that is searched.", name, None)
    if brute_force:
        return _unused("INDEX_SUPPRESSED_BY_FUNCTION_OPTION", "use_brute_force was specified.", name, found)
    now = state(session, name, found)
    if now.too_small:
        return _unused("BASE_TABLE_TOO_SMALL", "The base table is smaller than 10 MB.", name, found)
    if now.coverage == 0:
        return _unused("PENDING_INDEX_CREATION", "The index is being created.", name, found)
    mode = "FULLY_USED" if now.unindexed == 0 else "PARTIALLY_USED"
    return Usage(
        statistics={"indexUsageMode": mode},
        lists=True,
        distance=_metric(found["options"]),
        unindexed=now.unindexed,
        stored=frozenset(one.lower() for one in found["stored"]),
        name=name,
        document=found,
    )


def candidates(
    session: Session, usage: Usage, matrix: vectors.Matrix, covered: int, queries: Any, k: int, fraction: float | None, allowed: Any
) -> list[Any]:  # fmt: skip
    """Rows near each query among the first `covered` rows of the matrix."""
    if usage.name is None or usage.document is None:
        raise ValueError("the search uses no index")
    rows_version = catalog.version(session.cursor, usage.name)
    key = ("lists", usage.name, usage.document["trained"], rows_version, covered)
    lists = session.vectors.get(key)
    if lists is None:
        lists = vectors.Lists(matrix, np.arange(covered), _read_centroids(session, usage.name), usage.distance)
        session.vectors.put(key, lists, matrix.vectors.nbytes // 2)
    inside = None if allowed is None else allowed[allowed < covered]
    return list(lists.candidates(queries, k, fraction or _DEFAULT_FRACTION, inside))


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


def _metric(given: dict[str, Any]) -> str:
    return str(given.get("distance_type", "EUCLIDEAN")).upper()


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
    if old["name"] != command.name or not command.exists:
        if old["name"] == command.name:
            raise duplicate(f"Already Exists: Vector index {command.name}")
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
    matrix = session.matrix(catalog.data(name), types.quote(column), name)
    rows = catalog.table_size(session.store, name.project, name.dataset, name.table)[0]
    if len(matrix.vectors) != rows:
        raise invalid_query(
            f"Vectors in column {column} must all have the same length; {rows - len(matrix.vectors)} are empty"
        )
    if matrix.dimension > MAX_DIMENSION:
        raise invalid_query(
            f"Vectors in column {column} have {matrix.dimension} elements; at most {MAX_DIMENSION} are allowed"
        )
    distance = _metric(given)
    if distance == "COSINE" and not matrix.norms.all():
        raise invalid_query("Cannot compute cosine distance against zero vector.")
    centroids = vectors.train(matrix, min(_list_count(given, rows), rows), distance)
    return {"centroids": centroids, "sizes": vectors.Lists(matrix, np.arange(rows), centroids, distance).sizes()}


def _list_count(given: dict[str, Any], rows: int) -> int:
    if given["index_type"] == "TREE_AH":
        return max(1, math.ceil(rows / int(given["own"].get("leaf_node_embedding_count", _LEAF_NODE_EMBEDDING_COUNT))))
    return int(given["own"].get("num_lists", max(1, round(_LISTS_PER_SQUARE_ROOT * math.sqrt(rows)))))


def _centroid_table(name: Name) -> str:
    return f"{catalog.INDEXES}.{types.quote(str(name))}"


def _write_centroids(transaction: Transaction, name: Name, centroids: Any) -> None:
    transaction.sql.execute(f"CREATE SCHEMA IF NOT EXISTS {catalog.INDEXES}")
    transaction.sql.execute(f"DROP TABLE IF EXISTS {_centroid_table(name)}")
    transaction.sql.execute(f"CREATE TABLE {_centroid_table(name)} (list BIGINT, centroid BLOB)")
    rows = [(number, centroid.tobytes()) for number, centroid in enumerate(centroids)]
    transaction.sql.executemany(f"INSERT INTO {_centroid_table(name)} VALUES (?, ?)", rows)


def _read_centroids(session: Session, name: Name) -> Any:
    rows = session.cursor.execute(f"SELECT centroid FROM {_centroid_table(name)} ORDER BY list").fetchall()
    return np.stack([np.frombuffer(row[0], dtype=np.float32) for row in rows])


def _drift(before: list[int], now: list[int]) -> float:
    was, new = np.array(before) / max(sum(before), 1), np.array(now) / max(sum(now), 1)
    return float(np.abs(was - new).sum() / 2)


def _unused(code: str, message: str, name: Name | None, found: Document | None) -> Usage:
    reason: dict[str, Any] = {"code": code, "message": message}
    if name is not None:
        reason["baseTable"] = name.reference()
    if found is not None:
        reason["indexName"] = found["name"]
    body = {"indexUsageMode": "UNUSED", "indexUnusedReasons": [reason]}
    return replace(Usage(body), name=name, document=found)


def _outcome(statement_type: str, operation: str, name: Name) -> Outcome:
    return ddl(statement_type, operation, ddlTargetTable=name.reference())
