"""What was deleted or altered by hand comes back with `refresh` and `up`, and nothing that is still there is paid for
again. With the real engine; the tests build on each other, in this order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from google.cloud import bigquery, storage

from tests.e2e.conftest import storage_client
from tests.e2e.generated import DATASET, counts, fill, objects_of, outputs_of, refused, running, state
from tests.e2e.stack import Stack

EMBEDDINGS = f"{DATASET}.met_image_embeddings"
MODEL = f"{DATASET}.multimodal_embedding_model"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory, embedding={"dimension": 1408}) as made:
        made.up()
        yield made


def call(stack: Stack, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    answer = requests.request(method, f"http://127.0.0.1:{stack.port}/{path}", json=body, timeout=30)
    assert answer.ok, answer.text
    return answer.json() if answer.content else None


def grants(stack: Stack, bucket: storage.Bucket) -> set[tuple[str, str]]:
    """(role, member) of every connection's service account, on the project and on the bucket."""
    project = call(stack, "POST", "cloudresourcemanager/v1/projects/local-project:getIamPolicy", {})["bindings"]
    pairs = {(b["role"], member) for b in [*project, *bucket.get_iam_policy().bindings] for member in b["members"]}
    return {(role, member) for role, member in pairs if "bqcx-" in member}


def test_all_that_holds_no_embeddings_comes_back_without_paying_for_an_image(
    stack: Stack, warehouse: bigquery.Client, bucket: storage.Bucket
) -> None:
    paid, granted = stack.ledger()["per_object"], grants(stack, bucket)
    warehouse.delete_model(MODEL)
    for table in ("met_images", "met_image_failures", "search_embedding", "vector_search_results"):
        warehouse.delete_table(f"{DATASET}.{table}")
    take_grants_away(stack, bucket)
    call(stack, "DELETE", "bigqueryconnection/v1/projects/local-project/locations/us/connections/bqml_tutorial_images")
    fill(stack, ["another.jpg"])
    stack.pulumi("refresh", "--yes", "--skip-preview")
    stack.up()
    assert counts(outputs_of(stack), "objects", "embedded", "pending", "complete") == (7, 7, 0, True)
    assert len(outputs_of(stack)["searches"]["anything"]) == 3
    now = grants(stack, bucket)
    assert len(now) == 3 and {role for role, _ in now} == {role for role, _ in granted}
    assert now.isdisjoint(granted), "the connection has another service account"
    assert [model.model_id for model in warehouse.list_models(DATASET)] == ["multimodal_embedding_model"]
    assert stack.ledger()["per_object"] == {**paid, "gs://demo-images/another.jpg": 1}


def take_grants_away(stack: Stack, bucket: storage.Bucket) -> None:
    project = "cloudresourcemanager/v1/projects/local-project"
    policy = call(stack, "POST", f"{project}:getIamPolicy", {})
    policy["bindings"] = [b for b in policy["bindings"] if b["role"] != "roles/aiplatform.user"]
    call(stack, "POST", f"{project}:setIamPolicy", {"policy": policy})
    rights = bucket.get_iam_policy(requested_policy_version=3)
    rights.bindings = [b for b in rights.bindings if not any("bqcx-" in member for member in b["members"])]
    bucket.set_iam_policy(rights)


@pytest.mark.slow
def test_grants_that_were_taken_away_come_back(stack: Stack, bucket: storage.Bucket) -> None:
    granted = grants(stack, bucket)
    take_grants_away(stack, bucket)
    assert grants(stack, bucket) == set()
    stack.pulumi("refresh", "--yes", "--skip-preview")
    stack.up()
    assert grants(stack, bucket) == granted
    stack.up("--expect-no-changes")


def test_embeddings_deleted_by_hand_are_made_again_by_up_alone(stack: Stack, warehouse: bigquery.Client) -> None:
    before = stack.ledger()["per_object"]
    warehouse.query_and_wait(f"DELETE FROM `{EMBEDDINGS}` WHERE uri LIKE '%/0.jpg'")
    leave_a_staging_table(warehouse)
    stack.up()
    assert counts(outputs_of(stack), "embedded", "added", "pending") == (7, 1, 0)
    assert stack.ledger()["per_object"] == {**before, "gs://demo-images/0.jpg": 2}
    tables = {table.table_id for table in warehouse.list_tables(DATASET)}
    assert not {table for table in tables if "staging" in table}, "what a killed run left is absorbed"


@pytest.mark.slow
def test_the_table_of_embeddings_dropped_by_hand_is_made_again_by_up_alone(
    stack: Stack, warehouse: bigquery.Client
) -> None:
    warehouse.delete_table(EMBEDDINGS)
    stack.up()
    assert counts(outputs_of(stack), "embedded", "added", "pending") == (7, 7, 0)
    stack.up("--expect-no-changes")


def leave_a_staging_table(warehouse: bigquery.Client) -> None:
    """As a run leaves it that was killed before it merged: here with a row that is in the embeddings already."""
    labels = ", ".join(f"('{key}', '{value}')" for key, value in warehouse.get_table(EMBEDDINGS).labels.items())
    warehouse.query_and_wait(
        f"CREATE TABLE `{EMBEDDINGS}_staging_0123456789abcdef` OPTIONS (labels = [{labels}]) AS "
        "SELECT uri, generation, content_type, size, md5_hash, updated, metadata, embedding, '' AS status, embedded_at "
        f"FROM `{EMBEDDINGS}` WHERE uri LIKE '%/1.jpg'"
    )


def test_another_bucket_takes_the_place_of_the_first(stack: Stack, warehouse: bigquery.Client) -> None:
    fill(stack, ["castle.jpg", "1.jpg"], "other-images")
    stack.set(images={"uris": ["gs://other-images/*"]})
    stack.up()
    assert counts(outputs_of(stack), "objects", "embedded", "added", "deleted", "pending") == (2, 2, 2, 7, 0)
    found = warehouse.query_and_wait(f"SELECT gcs_uri FROM `{DATASET}.vector_search_results`")
    assert {row.gcs_uri for row in found} == {"gs://other-images/castle.jpg", "gs://other-images/1.jpg"}
    clouds = storage_client(stack)
    assert granted_on(clouds.bucket("demo-images")) == set()
    assert granted_on(clouds.bucket("other-images")) == {
        "roles/storage.objectViewer",
        "roles/storage.legacyBucketReader",
    }


def granted_on(bucket: storage.Bucket) -> set[str]:
    """Roles of connections' service accounts on a bucket."""
    return {b["role"] for b in bucket.get_iam_policy().bindings if any("bqcx-" in member for member in b["members"])}


def test_a_changed_location_is_refused_before_anything_is_lost(stack: Stack, warehouse: bigquery.Client) -> None:
    before = state(stack)
    stack.set(dataset={"location": "us-central1"})
    failure = refused(stack.up(check=False))
    assert "dataset.location: the dataset bqml_tutorial is in US, not in us-central1" in failure
    assert "Nothing was created or changed" in failure
    assert {r["urn"] for r in state(stack)} == {r["urn"] for r in before}
    assert warehouse.get_table(EMBEDDINGS).num_rows == 2
    stack.set(dataset={"location": "US"})


def test_destroy_works_with_the_dataset_already_gone_and_twice(stack: Stack, warehouse: bigquery.Client) -> None:
    warehouse.delete_dataset(DATASET, delete_contents=True)
    stack.pulumi("destroy", "--yes", "--skip-preview")
    assert [r["type"] for r in state(stack) if r["type"] != "pulumi:pulumi:Stack"] == []
    again = stack.pulumi("destroy", "--yes", "--skip-preview")
    assert "error" not in again.stdout + again.stderr
    assert len(list(objects_of(stack).iterdir())) == 7, "the pictures are not ours"
