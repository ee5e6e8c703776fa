"""The run of tests/gcp and its sweeper against the local cloud: nothing of a run stays, and nothing else goes."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.cloud import bigquery

from tests.e2e import steps
from tests.e2e.generated import control
from tests.e2e.stack import Stack
from tests.gcp import sweep, trial
from tests.gcp.place import Place
from tests.gcp.trial import LABEL, Trial

OTHER = f"imgsearch_test_{'0' * 8}"
"""A dataset with the name of a run and without its label."""


@pytest.fixture
def others(local_place: Place) -> Iterator[dict[str, Any]]:
    """What others have in the project, with names that resemble a run's."""
    dataset = bigquery.Dataset(f"{local_place.project}.{OTHER}")
    dataset.location, dataset.labels = "US", {"managed-by": "image-search", "image-search-stack": "image-search-dev"}
    local_place.bigquery.create_dataset(dataset)
    bucket = local_place.storage.create_bucket(f"imgsearch-test-{secrets.token_hex(4)}")
    made = connect(local_place, f"{OTHER}_images", "Made by image-search for the stack image-search-dev.")
    yield {"dataset": OTHER, "bucket": bucket.name, "connection": made["name"]}
    local_place.bigquery.delete_dataset(OTHER)
    bucket.delete()
    local_place.ask("DELETE", "bigqueryConnectionCustomEndpoint", made["name"])


def enable(place: Place, service: str) -> None:
    path = f"projects/{place.project}/services:batchEnable"
    place.ask("POST", "serviceUsageCustomEndpoint", path, {"serviceIds": [f"{service}.googleapis.com"]})


def connect(place: Place, name: str, description: str) -> dict[str, Any]:
    """A connection, as somebody else makes one."""
    enable(place, "bigqueryconnection")
    path = f"projects/{place.project}/locations/us/connections?connectionId={name}"
    body = {"cloudResource": {}, "description": description}
    return place.ask("POST", "bigqueryConnectionCustomEndpoint", path, body)


def grant(place: Place, member: str) -> None:
    bindings = [*policy(place), {"role": "roles/aiplatform.user", "members": [member]}]
    path = f"projects/{place.project}:setIamPolicy"
    place.ask("POST", "resourceManagerCustomEndpoint", path, {"policy": {"bindings": bindings}})


def policy(place: Place) -> list[Any]:
    """The bindings of the project."""
    path = f"projects/{place.project}:getIamPolicy"
    return list(place.ask("POST", "resourceManagerCustomEndpoint", path, {})["bindings"])


@pytest.mark.slow
def test_a_run_that_was_killed_is_swept_and_nothing_else(
    local_place: Place, folder: Path, others: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    before = policy(local_place)
    run = Trial(local_place, folder)
    run.make_bucket()
    run.make_stack()
    steps.one_up_makes_everything(run.scene)
    run.note_account()
    steps.a_second_up_changes_nothing(run.scene)
    assert policy(local_place) != before
    shutil.rmtree(folder)  # the state of its stack is lost
    run.scene.rows(f"CREATE TABLE `{run.scene.dataset}.holiday_plans` AS SELECT 'Bodiam' AS place")

    def command(*arguments: str) -> tuple[int, str]:
        code = sweep.main([local_place.project, *arguments], at=lambda *_: local_place)
        said = capsys.readouterr()
        return code, said.out + said.err

    code, listed = command()
    assert code == 0 and "Nothing was removed" in listed
    assert [line.split()[0] for line in listed.splitlines()[:-1]] == [
        *("grant", "notebook", "dataset", "connection", "bucket")
    ]
    assert all(name not in listed for name in (others["dataset"], others["bucket"], "image-search-dev"))
    assert run.scene.tables() >= steps.TABLES, "listing removes nothing"

    code, said = command("--remove")
    assert code == 1 and f"stays: dataset {run.scene.dataset} (it holds holiday_plans" in said
    assert run.scene.tables() == {"holiday_plans"}
    run.scene.warehouse.delete_table(f"{run.scene.dataset}.holiday_plans")
    assert command("--remove")[0] == 0
    assert command() == (0, f"Nothing of the test is left in {local_place.project}.\n")
    assert policy(local_place) == before
    assert {each.dataset_id for each in local_place.bigquery.list_datasets()} == {others["dataset"]}
    assert others["bucket"] in {each.name for each in local_place.storage.list_buckets()}
    assert local_place.ask("GET", "bigqueryConnectionCustomEndpoint", others["connection"])


def test_grants_of_a_connection_that_is_gone_are_found_by_what_the_bucket_notes(
    cloud: Stack, local_place: Place, folder: Path
) -> None:
    control(cloud, "settings", {"service_account_delay": 0})
    run = Trial(local_place, folder)
    bucket = local_place.storage.bucket(run.name)
    bucket.labels = {LABEL: run.id}
    local_place.storage.create_bucket(bucket)
    before = policy(local_place)
    made = connect(local_place, f"{run.dataset}_images", "")
    account = made["cloudResource"]["serviceAccountId"]
    grant(local_place, f"serviceAccount:{account}")
    bucket.blob(trial.ACCOUNT).upload_from_string(account)
    local_place.ask("DELETE", "bigqueryConnectionCustomEndpoint", made["name"])
    assert [item.kind for item in sweep.leftovers(local_place, run.id)] == ["grant", "bucket"]
    bucket.blob(trial.ACCOUNT).upload_from_string("owner@example.com")
    assert [item.kind for item in sweep.leftovers(local_place, run.id)] == ["bucket"], "only of a connection's account"
    bucket.blob(trial.ACCOUNT).upload_from_string(account)
    assert sweep.sweep(local_place, run.id) == []
    assert policy(local_place) == before


def test_the_notebook_of_a_run_goes_and_that_of_another_stack_stays(local_place: Place, folder: Path) -> None:
    run = Trial(local_place, folder)
    enable(local_place, "dataform")
    names = {}
    for dataset, stack in ((run.dataset, f"image-search-{run.name}"), ("bqml_tutorial", "image-search-dev")):
        path = f"projects/{local_place.project}/locations/us-central1/repositories"
        name = f"met-image-analysis-{dataset}"
        made = {"labels": {"managed-by": "image-search", "image-search-stack": stack}}
        names[stack] = local_place.ask("POST", "dataformCustomEndpoint", f"{path}?repositoryId={name}", made)["name"]
    assert [str(item) for item in sweep.leftovers(local_place)] == [f"notebook met-image-analysis-{run.dataset}"]
    assert sweep.sweep(local_place, run.id) == []
    assert sweep.leftovers(local_place) == []
    assert local_place.ask("GET", "dataformCustomEndpoint", names["image-search-dev"])
    local_place.ask("DELETE", "dataformCustomEndpoint", names["image-search-dev"])


def test_bindings_of_deleted_service_accounts_go_and_all_other_bindings_stay() -> None:
    account = "bqcx-123456789012-abcd@gcp-sa-bigquery-condel.iam.gserviceaccount.com"
    mine, deleted = f"serviceAccount:{account}", f"deleted:serviceAccount:{account}?uid=123456789012345678901"
    condition = {"title": "weekdays"}
    before = {
        "etag": "BwX=",
        "version": 3,
        "bindings": [
            {"role": "roles/aiplatform.user", "members": ["user:a@example.com", mine, deleted]},
            {"role": "roles/storage.admin", "members": [f"serviceAccount:x{account}"], "condition": condition},
            {"role": "roles/viewer", "members": [deleted]},
        ],
    }
    assert sweep.bound(before, [account]) == [
        ("roles/aiplatform.user", mine),
        ("roles/aiplatform.user", deleted),
        ("roles/viewer", deleted),
    ]
    assert sweep.without(before, account) == {
        "etag": "BwX=",
        "version": 3,
        "bindings": [
            {"role": "roles/aiplatform.user", "members": ["user:a@example.com"]},
            {"role": "roles/storage.admin", "members": [f"serviceAccount:x{account}"], "condition": condition},
        ],
    }
