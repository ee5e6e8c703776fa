"""What a vector index covers at a moment of the clock, and whether a search uses it (contract sections 6 and 7).

A `vector_index` document has the name of its table. Coverage is computed from it and the clock:

    created            +delay/2          +delay                    changed          +delay
    coverage 0         usable, growing   100                       100 - new rows   100

Which rows the lists hold is computed from the rows' version when a search needs it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from localcloud.core.store import Document, Transaction
from localcloud.engine import catalog, vectors
from localcloud.engine.duckdb_types import quote
from localcloud.engine.session import Session
from localcloud.googlesql.names import Name

_MIN_BYTES = 10 * 1024 * 1024
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
    if size < _MIN_BYTES:
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
        distance=distance_of(found["options"]),
        unindexed=now.unindexed,
        stored=frozenset(one.lower() for one in found["stored"]),
        name=name,
        document=found,
    )


def candidates(
    session: Session,
    usage: Usage,
    matrix: vectors.Matrix,
    covered: int,
    queries: Any,
    k: int,
    fraction: float | None,
    allowed: Any,
) -> list[Any]:
    """Rows near each query among the first `covered` rows of the matrix."""
    if usage.name is None or usage.document is None:
        raise ValueError("the search uses no index")
    key = ("lists", usage.name, usage.document["trained"], session.version(usage.name), covered)
    lists = session.vectors.get(key)
    if lists is None:
        lists = vectors.Lists(matrix, np.arange(covered), read_centroids(session, usage.name), usage.distance)
        session.vectors.put(key, lists, matrix.vectors.size * np.dtype(np.float32).itemsize)
    inside = None if allowed is None else allowed[allowed < covered]
    return list(lists.candidates(queries, k, fraction or _DEFAULT_FRACTION, inside))


def distance_of(given: dict[str, Any]) -> str:
    return str(given.get("distance_type", "EUCLIDEAN")).upper()


def centroid_table(name: Name) -> str:
    return f"{catalog.INDEXES}.{quote(str(name))}"


def read_centroids(session: Session, name: Name) -> Any:
    rows = session.cursor.execute(f"SELECT centroid FROM {centroid_table(name)} ORDER BY list").fetchall()
    return np.stack([np.frombuffer(row[0], dtype=np.float32) for row in rows])


def _unused(code: str, message: str, name: Name | None, found: Document | None) -> Usage:
    reason: dict[str, Any] = {"code": code, "message": message}
    if name is not None:
        reason["baseTable"] = name.reference()
    if found is not None:
        reason["indexName"] = found["name"]
    body = {"indexUsageMode": "UNUSED", "indexUnusedReasons": [reason]}
    return replace(Usage(body), name=name, document=found)
