"""Functions that a program may call: their requests and their answers."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from offline.tests.gcp_plugin.engine_client import EngineClient, Refused
from offline.tests.gcp_plugin.smallest_cloud import SmallestCloud

BUCKET = {
    "kind": "storage#bucket",
    "name": "pictures",
    "location": "US",
    "projectNumber": "17",
    "iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}, "publicAccessPrevention": "inherited"},
}

DATASET = {"datasetReference": {"datasetId": "d"}, "location": "EU", "labels": {"a": "b"}}


@pytest.fixture
def bucket(google: SmallestCloud) -> dict[str, Any]:
    google.resources["/storage/v1/b/pictures"] = BUCKET
    return BUCKET


@pytest.fixture
def dataset(google: SmallestCloud) -> dict[str, Any]:
    google.resources["/bigquery/v2/projects/test-project/datasets/d"] = DATASET
    return DATASET


@pytest.mark.usefixtures("bucket", "dataset")
@pytest.mark.filterwarnings("ignore:gcp.* has been deprecated in favor of:DeprecationWarning")
@pytest.mark.parametrize(
    ("token", "arguments", "result"),
    [
        ("gcp:organizations/getProject:getProject", {}, "organizations.get_project.GetProjectResult"),
        (
            "gcp:organizations/getClientConfig:getClientConfig",
            {},
            "organizations.get_client_config.GetClientConfigResult",
        ),
        ("gcp:storage/getBucket:getBucket", {"name": "pictures"}, "storage.get_bucket.GetBucketResult"),
        ("gcp:bigquery/getDataset:getDataset", {"datasetId": "d"}, "bigquery.get_dataset.GetDatasetResult"),
    ],
)
def test_an_answer_holds_all_that_the_sdk_declares(
    engine: EngineClient, token: str, arguments: dict[str, str], result: str
) -> None:
    module, _, name = result.rpartition(".")
    declared = vars(getattr(importlib.import_module(f"pulumi_gcp.{module}"), name)).items()
    names = {
        getattr(member.fget, "_pulumi_name", None) or attribute
        for attribute, member in declared
        if isinstance(member, property)
    }
    assert set(engine.invoke(token, arguments)) == names


def test_the_project_can_be_asked_for(engine: EngineClient, google: SmallestCloud) -> None:
    project = engine.invoke("gcp:organizations/getProject:getProject", {})
    assert project["projectId"] == "test-project"
    assert google.lines() == ["GET /rm/v1/projects/test-project"]


def test_the_configuration_can_be_asked_for(engine: EngineClient, google: SmallestCloud) -> None:
    told = engine.invoke("gcp:organizations/getClientConfig:getClientConfig", {})
    assert (told["project"], told["accessToken"]) == ("test-project", "test-token")
    assert google.lines() == []


@pytest.mark.usefixtures("bucket")
def test_a_bucket_can_be_asked_for(engine: EngineClient, google: SmallestCloud) -> None:
    told = engine.invoke("gcp:storage/getBucket:getBucket", {"name": "pictures"})
    assert (told["location"], told["projectNumber"], told["uniformBucketLevelAccess"]) == ("US", 17, True)
    assert google.lines() == ["GET /storage/v1/b/pictures"]


@pytest.mark.usefixtures("dataset")
def test_a_dataset_can_be_asked_for(engine: EngineClient) -> None:
    told = engine.invoke("gcp:bigquery/getDataset:getDataset", {"datasetId": "d"})
    assert (told["location"], told["labels"]) == ("EU", {"a": "b"})


def test_a_dataset_that_is_not_there_is_named(engine: EngineClient) -> None:
    with pytest.raises(Refused, match="Error reading projects/test-project/datasets/nowhere: googleapi: Error 404"):
        engine.invoke("gcp:bigquery/getDataset:getDataset", {"datasetId": "nowhere"})


def test_a_bucket_that_is_not_there_is_named(engine: EngineClient) -> None:
    with pytest.raises(Refused, match="Error retrieving storage bucket 'nowhere': googleapi: Error 404"):
        engine.invoke("gcp:storage/getBucket:getBucket", {"name": "nowhere"})
