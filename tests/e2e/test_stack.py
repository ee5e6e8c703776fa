"""The main job with the real engine, from nothing to nothing. The tests build on each other, in this order."""

from __future__ import annotations

from pathlib import Path

from google.cloud import bigquery, storage

from tests.e2e.conftest import put
from tests.e2e.pictures import NAMES, pictures
from tests.e2e.stack import Stack

DATASET = "local-project.bqml_tutorial"


def test_one_up_takes_an_empty_project_to_search_results(stack: Stack) -> None:
    told = stack.up().stdout
    assert "12 of 12 images embedded, 0 set aside; " in told and "; $0.0012 so far" in told
    assert not set(told) & {"\x1b", "\r", "\b"}, "a log has no control characters"
    outputs = stack.outputs()
    assert (outputs["objects"], outputs["embedded"], outputs["set_aside"], outputs["pending"]) == (12, 12, 0, 0)
    assert (outputs["stale"], outputs["paid"], outputs["paid_usd"]) == (0, 12, 0.0012)
    assert outputs["index"]["status"] == "skipped", "BigQuery builds no index below 5,000 rows"
    assert "5,000" in outputs["index"]["reason"]
    first = {name: hits[0]["uri"] for name, hits in outputs["searches"].items()}
    assert first["green-vegetable"] == "gs://demo-images/stamp_lettuce.jpg"
    assert first["yellow-flower"] == "gs://demo-images/stamp_yellow-flower.jpg"
    instruments = {hit["uri"].rsplit("/", 1)[-1] for hit in outputs["searches"]["musical-instrument"]}
    assert instruments <= {f"stamp_{name}.jpg" for name in ("violin", "cello", "guitar_classical", "drumkit")}
    distances = [hit["distance"] for hit in outputs["searches"]["yellow-flower"]]
    assert len(distances) == 3 and distances == sorted(distances)


def test_what_up_made_is_what_the_tutorial_makes(stack: Stack, warehouse: bigquery.Client) -> None:
    tables = {table.table_id for table in warehouse.list_tables(DATASET)}
    assert tables == {
        "met_images",
        "met_image_embeddings",
        "met_image_failures",
        "search_embedding",
        "vector_search_results",
    }, "and no staging table is left"
    assert [model.model_id for model in warehouse.list_models(DATASET)] == ["multimodal_embedding_model"]
    assert warehouse.get_dataset(DATASET).description == "BigQuery ML tutorial dataset."
    rows = warehouse.query_and_wait(
        f"SELECT gcs_uri FROM `{DATASET}.vector_search_results` WHERE search = 'green-vegetable' ORDER BY distance"
    )
    assert next(iter(rows)).gcs_uri == "gs://demo-images/stamp_lettuce.jpg"


def test_a_second_up_changes_nothing_and_pays_nothing(stack: Stack) -> None:
    before = stack.cloud("ledger")
    assert before["paid"] >= 12
    assert all(before["per_object"][f"gs://demo-images/{name}"] == 1 for name in NAMES)
    stack.up("--expect-no-changes")
    assert stack.cloud("ledger") == before


def test_refresh_finds_no_drift(stack: Stack) -> None:
    stack.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    stack.up("--expect-no-changes")


def test_one_new_picture_costs_one_embedding(stack: Stack, bucket: storage.Bucket) -> None:
    before = stack.cloud("ledger")
    put(bucket, "new-dog.jpg", pictures()["stamp_dog.jpg"][0])
    stack.up()
    after = stack.cloud("ledger")
    paid = {uri: n - before["per_object"].get(uri, 0) for uri, n in after["per_object"].items()}
    assert {uri: n for uri, n in paid.items() if n} == {"gs://demo-images/new-dog.jpg": 1}
    outputs = stack.outputs()
    assert (outputs["objects"], outputs["embedded"], outputs["added"]) == (13, 13, 1)


def test_changed_and_deleted_pictures_converge_in_one_up(stack: Stack, bucket: storage.Bucket) -> None:
    before = stack.cloud("ledger")["per_object"]
    put(bucket, "stamp_rose.jpg", pictures()["stamp_lettuce.jpg"][0], "not a rose any more")
    bucket.blob("new-dog.jpg").delete()
    stack.up()
    outputs = stack.outputs()
    assert (outputs["objects"], outputs["embedded"], outputs["updated"], outputs["deleted"]) == (12, 12, 1, 1)
    after = stack.cloud("ledger")["per_object"]
    assert after["gs://demo-images/stamp_rose.jpg"] == before["gs://demo-images/stamp_rose.jpg"] + 1
    found = {hit["uri"] for hit in outputs["searches"]["green-vegetable"][:2]}
    assert found == {"gs://demo-images/stamp_lettuce.jpg", "gs://demo-images/stamp_rose.jpg"}


def test_what_is_no_picture_is_set_aside_with_its_reason(
    stack: Stack, bucket: storage.Bucket, warehouse: bigquery.Client
) -> None:
    put(bucket, "broken.jpg", b"this is no picture")
    stack.up()
    outputs = stack.outputs()
    assert (outputs["objects"], outputs["embedded"], outputs["set_aside"], outputs["pending"]) == (13, 12, 1, 0)
    (failure,) = warehouse.query_and_wait(f"SELECT uri, status, kind FROM `{DATASET}.met_image_failures`")
    assert (failure.uri, failure.kind) == ("gs://demo-images/broken.jpg", "permanent")
    assert failure.status.startswith("INVALID_ARGUMENT")
    stack.up("--expect-no-changes")


def test_a_table_dropped_by_hand_comes_back(stack: Stack, warehouse: bigquery.Client) -> None:
    paid = stack.cloud("ledger")["per_object"]
    warehouse.delete_table(f"{DATASET}.vector_search_results")
    stack.pulumi("refresh", "--yes", "--skip-preview")
    stack.up()
    assert warehouse.get_table(f"{DATASET}.vector_search_results").num_rows == 12
    assert stack.cloud("ledger")["per_object"] == paid, "no image is paid for again"


def test_an_ad_hoc_search_writes_nothing(stack: Stack, warehouse: bigquery.Client) -> None:
    before = {table.table_id for table in warehouse.list_tables(DATASET)}
    done = stack.run(".venv/bin/python", "-m", "imagesearch", "search", "a guitar", "--top-k", "1")
    assert "stamp_guitar_classical.jpg" in done.stdout
    assert {table.table_id for table in warehouse.list_tables(DATASET)} == before


def test_state_of_the_cloud_and_the_stack_survive_a_restart_together(stack: Stack) -> None:
    stack.stop_cloud()
    stack.start_cloud()
    stack.up("--expect-no-changes")


def test_a_foreign_table_stops_destroy_by_name_and_survives_it(stack: Stack, warehouse: bigquery.Client) -> None:
    warehouse.query_and_wait(f"CREATE TABLE `{DATASET}.holiday_plans` AS SELECT 'Bodiam' AS place")
    refused = stack.pulumi("destroy", "--yes", "--skip-preview", check=False)
    assert refused.returncode != 0
    assert "holiday_plans" in refused.stdout + refused.stderr
    assert "Traceback" not in refused.stdout + refused.stderr
    assert [table.table_id for table in warehouse.list_tables(DATASET)] == ["holiday_plans"]
    warehouse.delete_table(f"{DATASET}.holiday_plans")


def test_destroy_leaves_nothing_of_ours(stack: Stack, warehouse: bigquery.Client, bucket: storage.Bucket) -> None:
    stack.pulumi("destroy", "--yes", "--skip-preview")
    assert [r["type"] for r in stack.resources() if r["type"] != "pulumi:pulumi:Stack"] == []
    assert list(warehouse.list_datasets()) == []
    assert len(list(bucket.list_blobs())) == 13, "the pictures are not ours"
    stack.pulumi("stack", "rm", "local", "--yes", "--preserve-config")
    stack.pulumi("preview")  # the stack is made again where there is none
    about = stack.cloud("status", "--json")
    stack.stop_cloud()
    assert not running(about["pid"])


def running(pid: int) -> bool:
    """Whether a process is alive; one that has ended and that nobody waits for is not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
