"""The vector index over the embeddings: when there is one, its state, how well it finds.

The statements and their rules: docs/bigquery-contract.md#6-vector-indexes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from imagesearch.errors import DeadlinePassed, RecallTooLow, StatementFailed
from imagesearch.gcp import sql
from imagesearch.gcp.bigquery import Row, Warehouse
from imagesearch.gcp.clients import bigquery
from imagesearch.gcp.grants import Say
from imagesearch.gcp.sql import Text
from imagesearch.settings.schema import Index
from imagesearch.settings.spec import Name, Spec

MIN_ROWS = 5_000
"""CREATE VECTOR INDEX is refused below this many rows."""
MIN_BYTES = 10 * 1024 * 1024
"""An index on less data than this is created but never populated."""
BYTES_A_NUMBER = 8
"""Of an embedding, FLOAT64."""
REBUILD_DRIFT = 0.3
"""From this drift on Google advises to rebuild an index."""
APPEARS_DEADLINE = 60.0
"""Seconds to wait for a new index to be listed."""
USABLE_DEADLINE = 60 * 60.0
"""Seconds to wait for an index to become usable."""
SAMPLE_SIZE = 50
"""Queries that recall is measured with."""
RECALL_TOP_K = 10


class VectorIndexSpec(Spec, Index):
    """The index that the settings ask for, over which embeddings."""

    index: str
    """Its name, which has no dataset."""
    table: Name
    dimension: int


@dataclass(frozen=True)
class State:
    """The state of the index: none, skipped, missing, building, active, drifted, or in BigQuery's word."""

    status: str
    reason: str = ""
    coverage: int = 0
    """Percent of the rows that it covers."""
    recall: float | None = None
    """Share of the true nearest neighbours it finds, at top 10 on sampled embeddings; None when not measured."""


def ensure(warehouse: Warehouse, spec: VectorIndexSpec, rows: int, say: Say) -> State:
    """Create the index if there can be one and there is none. `rows` are in the table.

    Asks for its state before it issues DDL, of which 10 statements a table a day are allowed. Raises RecallTooLow or
    DeadlinePassed.
    """
    if spec.type == "none":
        drop(warehouse, spec)
        return State("none", "index.type is none")
    found = _listed(warehouse, spec)
    if found is None and (skipped := _skipped(spec, rows)):
        return skipped
    if found is not None and found["index_status"] == "PERMANENTLY DISABLED":
        say(f"the vector index is permanently disabled ({found['disable_reason']}); creating it again")
        drop(warehouse, spec)
        found = None
    if found is None:
        _create(warehouse, spec)
    elif _usable(found) and (_drift(warehouse, spec) or 0) >= REBUILD_DRIFT:
        say("the embeddings have drifted from what the vector index was trained on; rebuilding it")
        warehouse.query(sql.render("rebuild_vector_index", index=sql.index_name(spec.index), embeddings=spec.table))
    if spec.wait:
        _wait_until_usable(warehouse, spec, say)
    state = current_state(warehouse, spec, rows)
    return _measured(warehouse, spec, state) if state.status == "active" else state


def current_state(warehouse: Warehouse, spec: VectorIndexSpec, rows: int) -> State:
    """The state of the index now; recall is not measured."""
    if spec.type == "none":
        return State("none", "index.type is none")
    found = _listed(warehouse, spec)
    if found is None:
        return _skipped(spec, rows) or State("missing", "there is no index on the table")
    if found["index_status"] != "ACTIVE":
        return State(found["index_status"].lower(), str(found["disable_reason"] or ""), found["coverage_percentage"])
    if not _usable(found):
        return State("building", "", found["coverage_percentage"])
    drift = _drift(warehouse, spec)
    if drift is None:
        return State("active", "its drift cannot be told here", found["coverage_percentage"])
    if drift >= REBUILD_DRIFT:
        return State("drifted", f"drift {drift:.2f}; Google advises a rebuild from {REBUILD_DRIFT} on")
    return State("active", "", found["coverage_percentage"])


def drop(warehouse: Warehouse, spec: VectorIndexSpec) -> None:
    """Drop the index; nothing happens when it, or its table, is gone."""
    if warehouse.table(spec.table) is not None and _listed(warehouse, spec) is not None:
        warehouse.query(sql.render("drop_vector_index", index=sql.index_name(spec.index), embeddings=spec.table))


def _skipped(spec: VectorIndexSpec, rows: int) -> State | None:
    """Why there cannot be an index yet; None when there can."""
    if rows < MIN_ROWS:
        return State("skipped", f"{rows:,} rows; BigQuery builds vector indexes from {MIN_ROWS:,} rows on")
    size = rows * spec.dimension * BYTES_A_NUMBER
    if size < MIN_BYTES:
        return State("skipped", f"{size / 2**20:.1f} MiB; BigQuery populates vector indexes from 10 MiB on")
    return None


def _create(warehouse: Warehouse, spec: VectorIndexSpec) -> None:
    warehouse.query(
        sql.render(
            "create_vector_index",
            index=sql.index_name(spec.index),
            embeddings=spec.table,
            index_type=Text(spec.type),
            distance_type=Text(spec.distance),
        )
    )


def _drift(warehouse: Warehouse, spec: VectorIndexSpec) -> float | None:
    """0 to 1; None where the service does not answer: drift is advice, and no search depends on it."""
    try:
        rows = warehouse.query(sql.render("select_index_drift", embeddings=spec.table))
    except StatementFailed as error:
        if error.reason != "invalidQuery":
            raise
        return None
    return float(rows[0]["drift"] or 0) if rows else 0.0


def _listed(warehouse: Warehouse, spec: VectorIndexSpec) -> Row | None:
    project, dataset, table = spec.table.parts
    statement = sql.render("select_vector_index", dataset=sql.dataset_name(project, dataset))
    rows = warehouse.query(statement, [bigquery.ScalarQueryParameter("table_name", "STRING", table)])
    return rows[0] if rows else None


def _wait_is_over(found: Row | None) -> bool:
    """Whether it can be used, or is disabled. One that is not listed yet is waited for."""
    return found is not None and (found["index_status"] != "ACTIVE" or _usable(found))


def _usable(found: Row) -> bool:
    return found["last_refresh_time"] is not None and found["coverage_percentage"] > 0


def _wait_until_usable(warehouse: Warehouse, spec: VectorIndexSpec, say: Say) -> None:
    began = spoken = time.monotonic()
    pause = 0.5
    while not _wait_is_over(found := _listed(warehouse, spec)):
        now = time.monotonic()
        if found is None and now - began > APPEARS_DEADLINE:
            return
        if now - began > USABLE_DEADLINE:
            raise DeadlinePassed(
                f"The vector index {spec.index} was not usable after {USABLE_DEADLINE / 60:.0f} minutes.",
                "It goes on being built; run `pulumi up` again later, or set index.wait to false.",
            )
        if now - spoken >= 30:
            spoken = now
            say(f"the vector index covers {found['coverage_percentage'] if found else 0} % after {now - began:.0f} s")
        time.sleep(pause)
        pause = min(pause * 1.5, 10.0)


def _measured(warehouse: Warehouse, spec: VectorIndexSpec, state: State) -> State:
    statement = sql.render(
        "measure_recall",
        embeddings=spec.table,
        sample_size=SAMPLE_SIZE,
        top_k=RECALL_TOP_K,
        distance_type=Text(spec.distance),
    )
    (row,) = warehouse.query(statement)
    recall = round(float(row["recall"]), 4)
    if recall < spec.min_recall:
        raise RecallTooLow(
            f"The vector index finds {recall:.0%} of the true nearest neighbours, below index.minRecall = "
            f"{spec.min_recall:g}.",
            "Choose another index.type, lower index.minRecall, or set index.type to none for exact searches.",
        )
    return State(state.status, state.reason, state.coverage, recall)
