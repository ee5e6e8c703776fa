"""The requests that the gcp provider makes, spelled as it spells them, one resource after another."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.services.conftest import PROJECT, Running

QUERY = {"alt": "json", "prettyPrint": "false"}
LOCATION = f"projects/{PROJECT}/locations"


@pytest.fixture
def asked(cloud: Running) -> Any:
    """`asked(method, path, body)`: the JSON of the answer, which must be a good one."""
    headers = {"Authorization": "Bearer user:you@example.com", "User-Agent": "Pulumi/3.0 pulumi-gcp/10.2.0"}
    client = cloud.closing.enter_context(
        httpx.Client(base_url=cloud.url, headers=headers, trust_env=False, verify=False)
    )

    def ask(method: str, path: str, body: Any = None, code: int = 200, **query: str) -> Any:
        answer = client.request(method, path, json=body, params=query | {"alt": "json"})
        assert answer.status_code == code, answer.text
        return answer.json() if answer.content else None

    return ask


def test_a_service_is_enabled_and_disabled(asked: Any) -> None:
    listing = {"fields": "services/name,nextPageToken", "filter": "state:ENABLED", "pageSize": "200"} | QUERY
    services = f"/serviceusage/v1/projects/{PROJECT}/services"

    def names() -> list[str]:
        return [service["name"].rpartition("/")[2] for service in asked("GET", services, **listing)["services"]]

    assert "dataform.googleapis.com" not in names()
    for path, body in (
        ("/dataform.googleapis.com:enable", {}),
        (":batchEnable", {"serviceIds": ["iam.googleapis.com"]}),
    ):
        operation = asked("POST", services + path, body, **QUERY)
        assert asked("GET", f"/serviceusage/v1beta1/{operation['name']}", **QUERY)["done"] is True
    assert {"dataform.googleapis.com", "iam.googleapis.com"} <= set(names())
    assert asked("GET", f"/cloudresourcemanager/v1/projects/{PROJECT}", **QUERY)["lifecycleState"] == "ACTIVE"
    disable = {"checkIfServiceHasUsage": "SKIP"}
    asked("POST", f"{services}/dataform.googleapis.com:disable", disable, **QUERY)
    assert "dataform.googleapis.com" not in names()


def test_a_connection_lives_its_life(cloud: Running, asked: Any) -> None:
    cloud.enable()
    path = f"/bigqueryconnection/v1/{LOCATION}/US/connections"
    made = asked("POST", path, {"cloudResource": {}, "spark": None}, connectionId="conn1")
    read = asked("GET", f"{path}/conn1")
    assert read["name"] == made["name"] == f"{LOCATION}/us/connections/conn1"
    body = {"cloudResource": read["cloudResource"], "friendlyName": "Pictures", "spark": None}
    asked("PATCH", f"{path}/conn1", body, updateMask="friendlyName")
    assert asked("GET", f"{path}/conn1") | {"friendlyName": "Pictures"} == asked("GET", f"{path}/conn1")
    assert asked("DELETE", f"{path}/conn1") == {}
    gone = asked("GET", f"{path}/conn1", code=404)["error"]
    assert (gone["code"], gone["status"], gone["errors"][0]["reason"]) == (404, "NOT_FOUND", "notFound")


def test_a_project_member_comes_and_goes(cloud: Running, asked: Any) -> None:
    cloud.enable()
    member = cloud.connection()
    path = f"/cloudresourcemanager/v1/projects/{PROJECT}"
    policy = asked("POST", f"{path}:getIamPolicy", {"options": {"requestedPolicyVersion": 3}}, **QUERY)
    before = list(policy["bindings"])
    binding = {"members": [member], "role": "roles/aiplatform.user"}
    policy |= {"bindings": [*before, binding], "version": 3}
    body = {"policy": policy, "updateMask": "bindings,etag,auditConfigs"}
    asked("POST", f"{path}:setIamPolicy", body, **QUERY)
    policy = asked("POST", f"{path}:getIamPolicy", {"options": {"requestedPolicyVersion": 3}}, **QUERY)
    assert binding in policy["bindings"]
    body["policy"] = policy | {"bindings": before}
    assert asked("POST", f"{path}:setIamPolicy", body, **QUERY)["bindings"] == before


def test_a_connection_member_comes_and_goes(cloud: Running, asked: Any) -> None:
    cloud.enable()
    member = cloud.connection("conn1")
    path = f"/bigqueryconnection/v1/{LOCATION}/US/connections/conn1"
    policy = asked("POST", f"{path}:getIamPolicy")
    binding = {"members": [member], "role": "roles/bigquery.connectionUser"}
    asked("POST", f"{path}:setIamPolicy", {"policy": policy | {"bindings": [binding]}})
    policy = asked("POST", f"{path}:getIamPolicy")
    assert policy["bindings"] == [binding]
    del policy["bindings"]
    asked("POST", f"{path}:setIamPolicy", {"policy": policy})
    assert asked("POST", f"{path}:getIamPolicy")["bindings"] == []


def test_a_bucket_member_comes_and_goes(cloud: Running, asked: Any) -> None:
    cloud.enable()
    member = cloud.connection()
    cloud.storage().create_bucket("demo-images")
    path = "/storage/v1/b/demo-images/iam"
    policy = asked("GET", path, optionsRequestedPolicyVersion="3", **QUERY)
    binding = {"members": [member], "role": "roles/storage.objectViewer"}
    asked("PUT", path, policy | {"bindings": [*policy["bindings"], binding], "version": 3}, **QUERY)
    assert binding in asked("GET", path, optionsRequestedPolicyVersion="3", **QUERY)["bindings"]
    late = asked("PUT", path, policy, code=409, **QUERY)["error"]
    assert late["message"].startswith("There were concurrent policy changes.")


def test_a_repository_lives_its_life(cloud: Running, asked: Any) -> None:
    cloud.enable()
    path = f"/dataform/v1beta1/{LOCATION}/us-central1/repositories"
    asked("POST", path, {"labels": {"a": "b"}, "name": "repo1"}, repositoryId="repo1")
    assert asked("GET", f"{path}/repo1")["name"] == f"{LOCATION}/us-central1/repositories/repo1"
    asked("PATCH", f"{path}/repo1", {"displayName": "Repo", "labels": {"a": "c"}})
    read = asked("GET", f"{path}/repo1")
    assert (read["displayName"], read["labels"]) == ("Repo", {"a": "c"})
    assert asked("DELETE", f"{path}/repo1", force="true") == {}
    assert asked("GET", f"{path}/repo1", code=404)
