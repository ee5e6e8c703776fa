"""The vector index comes when there are images enough, and is looked after. With the real engine and 5,100 images; the
tests build on each other, in this order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from google.cloud import bigquery

from tests.e2e.generated import DATASET, control, objects_of, outputs_of, refused, running
from tests.e2e.stack import Stack

pytestmark = pytest.mark.slow  # 40 s; tests/warehouse/test_vector_index.py has the rules without the engine
IMAGES = 5_100
TABLE = f"{DATASET}.met_image_embeddings_multimodalembedding_001_512"
"""512 numbers an image: 5,000 images are more than the 10 MiB that an index is populated from."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(
        tmp_path_factory, images={"limit": 100}, embedding={"dimension": 512}, index={"minRecall": 0.1}
    ) as made:
        for number in range(IMAGES):
            (objects_of(made) / f"{number:04}.jpg").write_bytes(b"\xff\xd8\xff" + number.to_bytes(4, "big"))
        control(made, "settings", {"index_delay": 0.5})
        yield made


def statements(warehouse: bigquery.Client) -> int:
    """CREATE and DROP VECTOR INDEX statements so far, of which ten a day are allowed."""
    kinds = [getattr(job, "statement_type", "") for job in warehouse.list_jobs(max_results=1_000)]
    return len([kind for kind in kinds if kind in ("CREATE_VECTOR_INDEX", "DROP_VECTOR_INDEX")])


def test_below_five_thousand_rows_the_index_is_skipped_and_the_reason_is_an_output(stack: Stack) -> None:
    stack.up()
    index = outputs_of(stack)["index"]
    assert (index["status"], index["recall"]) == ("skipped", None)
    assert index["reason"] == "100 rows; BigQuery builds vector indexes from 5,000 rows on"


def test_it_is_made_when_the_data_have_grown_and_its_recall_is_an_output(
    stack: Stack, warehouse: bigquery.Client
) -> None:
    stack.set(images={"limit": None})
    stack.up()
    outputs = outputs_of(stack)
    assert outputs["embedded"] == IMAGES + 6
    assert (outputs["index"]["status"], outputs["index"]["coverage"]) == ("active", 100)
    assert 0.1 <= outputs["index"]["recall"] < 1, "an index over vectors without structure misses some"
    assert statements(warehouse) == 1
    stack.up("--expect-no-changes")
    assert statements(warehouse) == 1


def test_dropped_by_hand_it_is_made_again_by_up_alone(stack: Stack, warehouse: bigquery.Client) -> None:
    warehouse.query_and_wait(f"DROP VECTOR INDEX met_images_index ON `{TABLE}`")
    stack.up()
    assert outputs_of(stack)["index"]["status"] == "active"
    assert statements(warehouse) == 3


def test_another_distance_is_one_drop_and_one_create(stack: Stack, warehouse: bigquery.Client) -> None:
    stack.set(index={"distance": "EUCLIDEAN"})
    stack.up()
    assert outputs_of(stack)["index"]["status"] == "active"
    assert statements(warehouse) == 5


def test_recall_below_the_minimum_fails_with_the_numbers(stack: Stack, warehouse: bigquery.Client) -> None:
    stack.set(index={"minRecall": 1})
    failure = refused(stack.up(check=False))
    assert "of the true nearest neighbours, below index.minRecall = 1" in failure
    assert statements(warehouse) == 5, "the index is there, and nothing was made for it"
    stack.set(index={"minRecall": 0.1})
    stack.up()
    stack.up("--expect-no-changes")


def test_another_dimension_has_its_own_index_before_the_searches_move(stack: Stack, warehouse: bigquery.Client) -> None:
    """With too little recall on the new vectors, the old table keeps its index and the searches."""
    stack.set(embedding={"dimension": 1408}, index={"minRecall": 1})
    before = outputs_of(stack)
    assert "below index.minRecall = 1" in refused(stack.up(check=False))
    assert indexed(warehouse) == {TABLE.rsplit(".", 1)[-1], "met_image_embeddings"}
    assert outputs_of(stack)["searches"] == before["searches"]
    stack.set(index={"minRecall": 0.1})
    stack.up()
    assert indexed(warehouse) == {"met_image_embeddings"}
    assert (outputs_of(stack)["index"]["status"], outputs_of(stack)["dimension"]) == ("active", 1408)


def indexed(warehouse: bigquery.Client) -> set[str]:
    """Tables with an active index."""
    rows = warehouse.query_and_wait(
        f"SELECT table_name FROM `{DATASET}`.INFORMATION_SCHEMA.VECTOR_INDEXES WHERE index_status = 'ACTIVE'"
    )
    return {row.table_name for row in rows}
