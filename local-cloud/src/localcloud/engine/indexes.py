"""The statements of vector indexes and their rules (contract, "6. Vector indexes").

The lists (centroids) are trained when the index is created or rebuilt, and stored beside the table's rows.
What an index covers as the clock runs is coverage.py.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlglot import exp

from localcloud.core.errors import ApiError, duplicate, invalid_query, not_found
from localcloud.core.ports import Outcome
from localcloud.core.store import Document, Transaction
from localcloud.engine import catalog, coverage, options, vector_index, vectors
from localcloud.engine.check import Check
from localcloud.engine.plan import Plan, ddl
from localcloud.engine.run import Run
from localcloud.engine.session import Session
from localcloud.engine.vector_index import IndexOptions, VectorIndex
from localcloud.googlesql import types
from localcloud.googlesql.names import Name, full_name, path_name
from localcloud.googlesql.syntax import Path
from localcloud.googlesql.syntax_statements import CreateVectorIndex, DropVectorIndex, Option, RebuildVectorIndex
from localcloud.googlesql.types import Type

_MIN_ROWS = 5_000
_MAX_DIMENSION = 4_096
_DDL_A_DAY = 10
_DAY = 86_400.0
_KINDS = ("IVF", "TREE_AH")


# Statements


@dataclass(frozen=True)
class _Lists:
    """The trained lists: their centroids, (lists, dimension), and how many rows each has."""

    centroids: vectors.Singles
    sizes: tuple[int, ...]


def create(check: Check, node: CreateVectorIndex) -> Plan:
    """CREATE VECTOR INDEX. The lists are trained before anything is written."""
    name = path_name(node.table, check.statement)
    given = _options(check, node.options)
    table = catalog.table(check.store, name, check.statement.location)
    column = _column(table, name, node.column.text)
    stored = tuple(_column(table, name, one.text, vector=False) for one in node.storing)
    trained = None
    if not _check_old(vector_index.find(check.store, name), node):
        _check_quota(check, name)
        _check_rows(check, name, given)
        trained = check.defer(lambda run: _train(run, name, column, given))

    def apply(run: Run, transaction: Transaction) -> Outcome:
        run.hold_documents()
        old = vector_index.find(transaction, name)
        if _check_old(old, node) or trained is None:
            return _outcome("CREATE_VECTOR_INDEX", "SKIP", name)
        _count_ddl(run, transaction, name)
        _write_centroids(transaction, name, trained.result.centroids)
        index = _new_index(run, node, given, column, stored, trained.result.sizes)
        vector_index.put(transaction, name, index)
        return _outcome("CREATE_VECTOR_INDEX", "REPLACE" if old else "CREATE", name)

    return Plan("CREATE_VECTOR_INDEX", apply, target=name)


def drop(check: Check, node: DropVectorIndex) -> Plan:
    """DROP VECTOR INDEX."""
    name, found = _named(check, node.table, node.name.text, node.exists)

    def apply(run: Run, transaction: Transaction) -> Outcome:
        run.hold_documents()
        if found is None or vector_index.find(transaction, name) is None:
            return _outcome("DROP_VECTOR_INDEX", "SKIP", name)
        _check_quota(run, name)
        _count_ddl(run, transaction, name)
        vector_index.delete(transaction, name)
        transaction.sql.execute(f"DROP TABLE IF EXISTS {coverage.centroid_table(name)}")
        return _outcome("DROP_VECTOR_INDEX", "DROP", name)

    return Plan("DROP_VECTOR_INDEX", apply, target=name)


def rebuild(check: Check, node: RebuildVectorIndex) -> Plan:
    """ALTER VECTOR INDEX … REBUILD: trains the lists on the present rows."""
    name, found = _named(check, node.table, node.name.text, node.exists)
    trained = check.defer(lambda run: _train(run, name, found.column, found.options)) if found is not None else None

    def apply(run: Run, transaction: Transaction) -> Outcome:
        run.hold_documents()
        old = vector_index.find(transaction, name)
        if old is None or trained is None:
            return _outcome("ALTER_VECTOR_INDEX", "SKIP", name)
        _write_centroids(transaction, name, trained.result.centroids)
        vector_index.put(transaction, name, old.retrained(trained.result.sizes, run.clock.time()))
        return _outcome("ALTER_VECTOR_INDEX", "ALTER", name)

    return Plan("ALTER_VECTOR_INDEX", apply, target=name)


def statistics(check: Check, node: exp.Table) -> str:
    """VECTOR_INDEX.STATISTICS(TABLE t): a scratch table with `drift`.

    Choice: Google gives the range and the advice (0.3), not the formula. Here it is the share of rows that would have
    to change lists for the lists to be filled as they were after training (total variation distance).
    """
    if len(node.this.expressions) != 1:
        raise check.text.invalid("VECTOR_INDEX.STATISTICS takes one table", node)
    name = full_name(node.this.expressions[0], check.statement)
    catalog.table(check.store, name, check.statement.location)
    index = vector_index.find(check.store, name)
    if index is None:
        raise check.text.invalid(f"Table {name.shown} has no vector index", node)

    def fill(run: Run, table: str) -> None:
        matrix = run.matrix(catalog.data(name), index.column, name)
        rows = np.arange(len(matrix.vectors))
        lists = vectors.Lists(matrix, rows, coverage.read_centroids(run, name), index.options.distance)
        run.cursor.execute(f"INSERT INTO {table} VALUES (?)", [_drift(index.sizes, lists.sizes())])

    return check.computed((("drift", Type("FLOAT64")),), fill)


# Rules


def _options(check: Check, listed: Sequence[Option]) -> IndexOptions:
    given = options.listed(listed)
    options.only(given, ("index_type", "distance_type", "ivf_options", "tree_ah_options"))
    found = {name: options.value(check, node) for name, node in given.items()}
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
    return IndexOptions({**found, "index_type": kind}, own)


def _check_rows(check: Check, name: Name, given: IndexOptions) -> None:
    rows = catalog.table_size(check.store, name.project, name.dataset, name.table)[0]
    if rows < _MIN_ROWS:
        raise invalid_query(
            f"Total rows {rows} is smaller than min allowed {_MIN_ROWS} for CREATE VECTOR INDEX query with the"
            f" {given.listed['index_type']} index type. Please use VECTOR_SEARCH table-valued function directly to"
            " perform the similarity search."
        )


def _json_options(text: str | None) -> dict[str, Any]:
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


def _check_old(old: VectorIndex | None, node: CreateVectorIndex) -> bool:
    """Whether IF NOT EXISTS skips the statement. Raises ApiError when the table's one index is another."""
    if old is None:
        return False
    if node.replace:
        return False  # Choice: OR REPLACE also takes the place of an index of another name, there being one a table.
    if old.name == node.name.text and not node.exists:
        raise duplicate(f"Already Exists: Vector index {node.name.text}")
    if old.name != node.name.text:
        raise invalid_query(f"There can be only one vector index per table; the table already has {old.name}")
    return True


def _named(check: Check, path: Path, index: str, exists: bool) -> tuple[Name, VectorIndex | None]:
    name = path_name(path, check.statement)
    catalog.table(check.store, name, check.statement.location)
    found = vector_index.find(check.store, name)
    if found is None or found.name != index:
        if not exists:
            raise not_found(f"Not found: Vector index {index} on table {name.shown}")
        return name, None
    return name, found


def _check_quota(session: Session, name: Name) -> None:
    """At most 10 CREATE or DROP a table and day (contract, "6. Vector indexes"). Choice: a day is the last 24 hours."""
    if len(_recent(session, name)) >= _DDL_A_DAY:
        raise ApiError(
            403,
            "quotaExceeded",
            "Quota exceeded: Your table exceeded quota for vector index DDL statements per table per day.",
        )


def _recent(session: Session, name: Name) -> list[float]:
    found = session.store.get("vector_index_ddl", str(name)) or {"times": []}
    return [at for at in found["times"] if at > session.clock.time() - _DAY]


def _count_ddl(run: Run, transaction: Transaction, name: Name) -> None:
    times = [*_recent(run, name), run.clock.time()]
    transaction.put("vector_index_ddl", str(name), {"times": times})


def _new_index(
    run: Run,
    node: CreateVectorIndex,
    options: IndexOptions,
    column: str,
    stored: tuple[str, ...],
    sizes: tuple[int, ...],
) -> VectorIndex:
    now = run.clock.time()
    return VectorIndex(
        name=node.name.text,
        column=column,
        options=options,
        stored=stored,
        sizes=sizes,
        created=now,
        altered=now,
        trained=now,
        changed=None,
        refreshed=None,
        unindexed=0,
        ddl=run.statement.text.strip().rstrip(";"),
    )


# Lists


def _train(run: Run, name: Name, column: str, options: IndexOptions) -> _Lists:
    """The lists over the present rows. Raises ApiError for a column that cannot be indexed."""
    matrix = run.matrix(catalog.data(name), column, name)
    rows = catalog.table_size(run.store, name.project, name.dataset, name.table)[0]
    if len(matrix.vectors) != rows:
        raise invalid_query(
            f"Vectors in column {column} must all have the same length; {rows - len(matrix.vectors)} are empty"
        )
    if matrix.dimension > _MAX_DIMENSION:
        raise invalid_query(
            f"Vectors in column {column} have {matrix.dimension} elements; at most {_MAX_DIMENSION} are allowed"
        )
    distance = options.distance
    if distance == "COSINE" and not matrix.norms.all():
        raise invalid_query("Cannot compute cosine distance against zero vector.")
    centroids = vectors.train(matrix, min(options.lists(rows), rows), distance)
    return _Lists(centroids, tuple(vectors.Lists(matrix, np.arange(rows), centroids, distance).sizes()))


def _write_centroids(transaction: Transaction, name: Name, centroids: vectors.Singles) -> None:
    transaction.sql.execute(f"CREATE SCHEMA IF NOT EXISTS {catalog.INDEXES}")
    transaction.sql.execute(f"DROP TABLE IF EXISTS {coverage.centroid_table(name)}")
    transaction.sql.execute(f"CREATE TABLE {coverage.centroid_table(name)} (list BIGINT, centroid BLOB)")
    rows = [(number, centroid.tobytes()) for number, centroid in enumerate(centroids)]
    transaction.sql.executemany(f"INSERT INTO {coverage.centroid_table(name)} VALUES (?, ?)", rows)


def _drift(before: Sequence[int], now: Sequence[int]) -> float:
    was, new = np.array(before) / max(sum(before), 1), np.array(now) / max(sum(now), 1)
    return float(np.abs(was - new).sum() / 2)


def _outcome(statement_type: str, operation: str, name: Name) -> Outcome:
    return ddl(statement_type, operation, ddlTargetTable=name.reference())
