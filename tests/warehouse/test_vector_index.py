"""The index over 5,000 rows and more: when it is created, left unchanged, rebuilt and dropped."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from imagesearch.errors import RecallTooLow
from imagesearch.pipeline import vector_index
from imagesearch.pipeline.vector_index import VectorIndexSpec
from tests.warehouse.conftest import Pipeline

DIMENSION = 512
ROWS = 5_000


@pytest.fixture
def index(pipeline: Pipeline) -> VectorIndexSpec:
    pipeline.cloud.control("settings", {"index_delay": 0.2})
    return VectorIndexSpec(index="the_index", table=pipeline.spec.table, dimension=DIMENSION, min_recall=0.0)


@pytest.fixture
def grow(pipeline: Pipeline) -> Callable[[int, int, str], None]:
    """Add rows `first` to `last` whose vectors are `element`, an expression over the row n and the place k."""

    def add(first: int, last: int, element: str) -> None:
        pipeline.warehouse.query(
            f"INSERT INTO {pipeline.spec.table} (uri, generation, md5_hash, embedding, endpoint, "
            f"dimension, embedded_at) SELECT CONCAT('gs://b/', n), 1, CAST(MOD(n * 7919, 104729) AS STRING), "
            f"ARRAY(SELECT {element} FROM UNNEST(GENERATE_ARRAY(1, {DIMENSION})) AS k), 'e', {DIMENSION}, "
            f"CURRENT_TIMESTAMP() FROM UNNEST(GENERATE_ARRAY({first}, {last})) AS n"
        )

    return add


def ddl(pipeline: Pipeline) -> list[str]:
    """The index's statements so far, oldest first."""
    dataset = pipeline.spec.table.parts[1]
    jobs = [job for job in pipeline.cloud.bigquery.list_jobs() if dataset in (getattr(job, "query", None) or "")]
    kinds = [str(job.statement_type) for job in jobs]
    return [kind for kind in reversed(kinds) if "VECTOR_INDEX" in kind]


def ensure(pipeline: Pipeline, index: VectorIndexSpec, rows: int) -> vector_index.State:
    return vector_index.ensure(pipeline.warehouse, index, rows, pipeline.said.append)


def test_without_rows_or_bytes_enough_nothing_is_asked_for(pipeline: Pipeline, index: VectorIndexSpec) -> None:
    assert ensure(pipeline, index, 4_999).reason == "4,999 rows; BigQuery builds vector indexes from 5,000 rows on"
    small = ensure(pipeline, index.model_copy(update={"dimension": 128}), 5_000)
    assert (small.status, small.reason) == ("skipped", "4.9 MiB; BigQuery populates vector indexes from 10 MiB on")
    assert ddl(pipeline) == []


def test_it_is_made_once_measured_and_mended(
    pipeline: Pipeline, index: VectorIndexSpec, grow: Callable[[int, int, str], None]
) -> None:
    grow(1, ROWS, "COS(n * k * 0.37) + 2 * COS(MOD(n, 40) * k)")
    state = ensure(pipeline, index, ROWS)
    assert (state.status, state.coverage) == ("active", 100)
    assert state.recall is not None and 0 < state.recall <= 1
    assert ensure(pipeline, index, ROWS) == state
    assert ddl(pipeline) == ["CREATE_VECTOR_INDEX"], "looking is not DDL"

    with pytest.raises(RecallTooLow, match=r"index\.minRecall = 1\.1"):
        ensure(pipeline, index.model_copy(update={"min_recall": 1.1}), ROWS)

    grow(ROWS + 1, ROWS * 2, "COS(k) + 0.01 * COS(n * k)")
    drifted = vector_index.current_state(pipeline.warehouse, index, ROWS * 2)
    assert drifted.status == "drifted" and "Google advises a rebuild from 0.3 on" in drifted.reason
    assert ensure(pipeline, index, ROWS * 2).status == "active"
    assert ddl(pipeline) == ["CREATE_VECTOR_INDEX", "ALTER_VECTOR_INDEX"]

    vector_index.drop(pipeline.warehouse, index)
    assert vector_index.current_state(pipeline.warehouse, index, ROWS * 2).status == "missing"
    vector_index.drop(pipeline.warehouse, index)
    assert ddl(pipeline)[2:] == ["DROP_VECTOR_INDEX"], "one that is gone is not dropped again"
    assert ensure(pipeline, index.model_copy(update={"type": "none"}), ROWS * 2).status == "none"
