"""Requests to the services around BigQuery that would be half understood: honoured, invalid, or refused by name."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.services.conftest import PROJECT, Running

POLICY = f"/cloudresourcemanager/v1/projects/{PROJECT}"
CONNECTIONS = f"/bigqueryconnection/v1/projects/{PROJECT}/locations/us/connections"
REPOSITORIES = f"/dataform/v1/projects/{PROJECT}/locations/us-central1/repositories"
SERVICES = f"/serviceusage/v1/projects/{PROJECT}/services"
PREDICT = (
    f"/aiplatform/v1/projects/{PROJECT}/locations/us-central1/publishers/google/models/multimodalembedding@001:predict"
)
AUTHOR = {"author": {"name": "a", "emailAddress": "a@example.com"}}


@pytest.fixture(autouse=True)
def everything(cloud: Running) -> None:
    cloud.enable()


def message(answer: httpx.Response, code: int) -> str:
    assert answer.status_code == code, answer.text
    return str(answer.json()["error"]["message"])


def test_every_service_answers_the_part_that_is_asked_for(cloud: Running) -> None:
    cloud.connection("c")
    cloud.http.post(REPOSITORIES, params={"repositoryId": "r"}, json={})
    asked = {"params": {"fields": "name"}}
    assert cloud.http.get(f"{CONNECTIONS}/c", **asked).json() == {"name": CONNECTIONS.split("v1/")[1] + "/c"}
    assert cloud.http.get(f"{REPOSITORIES}/r", **asked).json() == {"name": REPOSITORIES.split("v1/")[1] + "/r"}
    assert cloud.http.get(f"{SERVICES}/storage.googleapis.com", **asked).json().keys() == {"name"}
    assert cloud.http.get(POLICY, **asked).json() == {"name": PROJECT}
    assert cloud.http.post(f"{POLICY}:getIamPolicy", params={"fields": "etag"}, json={}).json().keys() == {"etag"}


def test_a_policy_has_a_version_that_there_is(cloud: Running) -> None:
    policy = cloud.http.post(f"{POLICY}:getIamPolicy", json={"options": {"requestedPolicyVersion": 3}}).json()
    answer = cloud.http.post(f"{POLICY}:getIamPolicy", json={"options": {"requestedPolicyVersion": 2}})
    assert "version 2" in message(answer, 400)
    assert "version 7" in message(
        cloud.http.post(f"{POLICY}:setIamPolicy", json={"policy": policy | {"version": 7}}), 400
    )
    assert cloud.http.post(f"{POLICY}:setIamPolicy", json={"policy": policy | {"version": 3}}).status_code == 200
    cloud.storage().create_bucket("demo-images")
    answer = cloud.http.get("/storage/v1/b/demo-images/iam?optionsRequestedPolicyVersion=2")
    assert "version 2" in message(answer, 400)


def test_a_mask_without_bindings_is_refused_by_name(cloud: Running) -> None:
    policy = cloud.http.post(f"{POLICY}:getIamPolicy", json={}).json()
    answer = cloud.http.post(f"{POLICY}:setIamPolicy", json={"policy": policy, "updateMask": "auditConfigs"})
    assert "updateMask 'auditConfigs'" in message(answer, 501)
    body = {"policy": policy, "updateMask": "bindings, etag"}
    assert cloud.http.post(f"{POLICY}:setIamPolicy", json=body).status_code == 200


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", f"{REPOSITORIES}/r:getIamPolicy"),
        ("GET", f"{REPOSITORIES}/r:computeAccessTokenStatus"),
        ("GET", f"{CONNECTIONS}/c:refresh"),
        ("GET", f"{SERVICES}/storage.googleapis.com:checkUsage"),
        ("GET", f"{POLICY}:getAncestry"),
    ],
)
def test_a_verb_that_is_not_known_is_refused_by_name(cloud: Running, verb: str, path: str) -> None:
    assert message(cloud.http.request(verb, path), 501) == f"Unsupported by the local cloud: {verb} {path}"


def test_services_are_named_with_their_project(cloud: Running) -> None:
    path = f"{SERVICES}:batchGet"
    answer = cloud.http.get(path, params={"names": f"projects/{PROJECT}/services/storage.googleapis.com"})
    assert answer.json()["services"][0]["state"] == "ENABLED"
    assert "expected projects/" in message(cloud.http.get(path, params={"names": "storage.googleapis.com"}), 400)
    other = cloud.http.get(path, params={"names": "projects/another/services/storage.googleapis.com"})
    assert "another" in message(other, 403)


def test_a_body_is_looked_at_where_nothing_of_it_is_needed(cloud: Running) -> None:
    answer = cloud.http.post(f"{SERVICES}/dataform.googleapis.com:enable", json=["a", "list"])
    assert "JSON object" in message(answer, 400)


def test_a_connection_is_in_a_place_that_there_is(cloud: Running) -> None:
    path = CONNECTIONS.replace("/us/", "/mars/")
    answer = cloud.http.post(path, params={"connectionId": "c"}, json={"cloudResource": {}})
    assert "Invalid location" in message(answer, 400)


@pytest.mark.parametrize(
    "operations",
    [
        {"a/b": {"writeFile": {"contents": "aGk="}}},
        {"c": {"writeFile": {"contents": "aGk="}}, "c/d/e": {"writeFile": {"contents": "aGk="}}},
        {"c": {"writeFile": {"contents": "aGk="}, "deleteFile": {}}},
    ],
)
def test_a_tree_that_could_not_be_is_not_committed(cloud: Running, operations: dict[str, Any]) -> None:
    cloud.http.post(REPOSITORIES, params={"repositoryId": "r"}, json={})
    commit = {"commitMetadata": AUTHOR, "fileOperations": {"a": {"writeFile": {"contents": "aGk="}}}}
    head = cloud.http.post(f"{REPOSITORIES}/r:commit", json=commit).json()["commitSha"]
    answer = cloud.http.post(f"{REPOSITORIES}/r:commit", json=commit | {"fileOperations": operations})
    assert answer.status_code == 400, answer.text
    assert cloud.http.get(f"{REPOSITORIES}/r:fetchHistory").json()["commits"][0]["commitSha"] == head
    moved = {"a": {"deleteFile": {}}, "a/b": {"writeFile": {"contents": "aGk="}}}
    assert cloud.http.post(f"{REPOSITORIES}/r:commit", json=commit | {"fileOperations": moved}).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"instances": [{"image": "x"}]},
        {"instances": [{"image": [1]}]},
        {"instances": [{"image": {"bytesBase64Encoded": "ä"}}]},
        {"instances": [{"image": {"bytesBase64Encoded": 5}}]},
        {"instances": [{"image": {"gcsUri": "file:///etc/passwd"}}]},
        {"instances": [{"image": {"gcsUri": "gs://"}}]},
        {"instances": [{"image": {"gcsUri": ["gs://b/a"]}}]},
        {"instances": [{"image": {"gcsUri": "gs://b/a", "bytesBase64Encoded": "AAAA"}}]},
        {"instances": [{"text": 5}]},
        {"instances": [{"text": ["a"]}]},
        {"instances": [{"text": "a"}], "parameters": [1]},
        {"instances": [{"text": "a"}], "parameters": {"dimension": [128]}},
    ],
)
def test_an_instance_that_makes_no_sense_is_invalid_and_not_paid(cloud: Running, body: dict[str, Any]) -> None:
    before = cloud.services.ledger.totals()
    assert message(cloud.http.post(PREDICT, json=body), 400)
    assert cloud.services.ledger.totals() == before
