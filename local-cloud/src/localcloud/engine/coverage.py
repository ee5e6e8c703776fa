"""What a vector index covers at a moment of the clock, and whether a search uses it.

Sources: contract, "6. Vector indexes" and "7. VECTOR_SEARCH".

Coverage is computed from the index and the clock:

    created            +delay/2          +delay                    changed          +delay
    coverage 0         usable, growing   100                       100 - new rows   100

Which rows the lists hold is computed from the rows' version when a search needs it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from localcloud.core.store import Transaction
from localcloud.engine import catalog, vector_index, vectors
from localcloud.engine.duckdb_types import quote
from localcloud.engine.run import Run
from localcloud.engine.vector_index import VectorIndex
from localcloud.googlesql.names import Name

_MIN_BYTES = 10 * 1024 * 1024
#: Choice: the documentation does not say which fraction of the lists a search reads by default.
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
    """Whether a search uses an index, and the statistics that say so (contract, "7. VECTOR_SEARCH")."""

    statistics: dict[str, Any]
    lists: bool = False
    distance: str = ""
    unindexed: int = 0
    stored: frozenset[str] = frozenset()
    name: Name | None = None
    """The table."""
    index: VectorIndex | None = None

    def unused(self, code: str, message: str) -> Usage:
        """The same search without the index."""
        return _unused(code, message, self.name, self.index)


def before_change(run: Run, transaction: Transaction, name: Name) -> None:
    """Called before DML on a table: what the index covered until now."""
    index = vector_index.find(transaction, name)
    if index is None:
        return
    now = state(run, name, index)
    if now.refreshed is not None and now.unindexed == 0:
        vector_index.put(transaction, name, replace(index, unindexed=0, refreshed=now.refreshed))


def after_change(run: Run, transaction: Transaction, name: Name, rows: int) -> None:
    """Called after DML that inserted or updated `rows` rows: DuckDB keeps them at the end of the table."""
    index = vector_index.find(transaction, name)
    if index is not None:
        changed = replace(index, unindexed=index.unindexed + rows, changed=run.clock.time())
        vector_index.put(transaction, name, changed)


def state(run: Run, name: Name, index: VectorIndex) -> State:
    """What the index covers now."""
    rows, size = catalog.table_size(run.store, name.project, name.dataset, name.table)
    if size < _MIN_BYTES:
        return State(0, rows, None, True, rows)
    now, delay = run.clock.time(), run.index_delay
    usable, built = index.created + delay / 2, index.created + delay
    if now < usable:
        return State(0, rows, None, False, rows)
    if now < built:
        coverage = max(1, int(100 * (now - usable) / (built - usable)))
        return State(coverage, rows - rows * coverage // 100, usable, False, rows)
    if index.changed is not None and now < index.changed + delay:
        unindexed = min(index.unindexed, rows)
        coverage = max(1, int(100 * (rows - unindexed) / rows)) if rows else 0
        return State(coverage, unindexed, index.refreshed or built, False, rows)
    refreshed = built if index.changed is None else max(built, index.changed + delay)
    return State(100, 0, refreshed, False, rows)


def usage(run: Run, name: Name | None, column: str, *, brute_force: bool) -> Usage:
    """Whether a search on `column` of the table uses its index, and why not."""
    index = vector_index.find(run.store, name) if name else None
    if name is None or index is None or index.column.lower() != column.lower():
        return _unused("INDEX_CONFIG_NOT_AVAILABLE", "There is no index on the column that is searched.", name, None)
    if brute_force:
        return _unused("INDEX_SUPPRESSED_BY_FUNCTION_OPTION", "use_brute_force was specified.", name, index)
    now = state(run, name, index)
    if now.too_small:
        return _unused("BASE_TABLE_TOO_SMALL", "The base table is smaller than 10 MB.", name, index)
    if now.coverage == 0:
        return _unused("PENDING_INDEX_CREATION", "The index is being created.", name, index)
    mode = "FULLY_USED" if now.unindexed == 0 else "PARTIALLY_USED"
    return Usage(
        statistics={"indexUsageMode": mode},
        lists=True,
        distance=index.options.distance,
        unindexed=now.unindexed,
        stored=frozenset(one.lower() for one in index.stored),
        name=name,
        index=index,
    )


def candidates(
    run: Run,
    usage: Usage,
    matrix: vectors.Matrix,
    covered: int,
    queries: vectors.Floats,
    k: int,
    fraction: float | None,
    allowed: vectors.Places | None,
) -> list[vectors.Places]:
    """Rows near each query among the first `covered` rows of the matrix."""
    if usage.name is None or usage.index is None:
        raise ValueError("the search uses no index")
    key = ("lists", usage.name, usage.index.trained, run.version(usage.name), covered)
    lists = run.vectors.get(key)
    if lists is None:
        lists = vectors.Lists(matrix, np.arange(covered), read_centroids(run, usage.name), usage.distance)
        run.vectors.put(key, lists, matrix.vectors.size * np.dtype(np.float32).itemsize)
    inside = None if allowed is None else allowed[allowed < covered]
    return list(lists.candidates(queries, k, fraction or _DEFAULT_FRACTION, inside))


def centroid_table(name: Name) -> str:
    """The DuckDB table with the centroids of a table's index, quoted."""
    return f"{catalog.INDEXES}.{quote(str(name))}"


def read_centroids(run: Run, name: Name) -> vectors.Singles:
    """(lists, dimension)"""
    rows = run.cursor.execute(f"SELECT centroid FROM {centroid_table(name)} ORDER BY list").fetchall()
    return np.stack([np.frombuffer(row[0], dtype=np.float32) for row in rows])


def _unused(code: str, message: str, name: Name | None, index: VectorIndex | None) -> Usage:
    reason: dict[str, Any] = {"code": code, "message": message}
    if name is not None:
        reason["baseTable"] = name.reference()
    if index is not None:
        reason["indexName"] = index.name
    body = {"indexUsageMode": "UNUSED", "indexUnusedReasons": [reason]}
    return replace(Usage(body), name=name, index=index)
