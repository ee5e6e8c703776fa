"""Connections, service accounts that appear late, and policies, through Google's discovery clients."""

from __future__ import annotations

import re

import pytest
from googleapiclient.errors import HttpError

from localcloud.connections import DEFAULT
from localcloud.errors import ApiError
from tests.localcloud.services.conftest import OWNER, PROJECT, Running

PARENT = f"projects/{PROJECT}/locations/us"
ACCOUNT = re.compile(r"bqcx-100000000001-[a-z0-9]{4}@gcp-sa-bigquery-condel\.iam\.gserviceaccount\.com")


def create(cloud: Running, name: str = "c", location: str = "US") -> dict:
    connections = cloud.discovery("bigqueryconnection", "v1").projects().locations().connections()
    parent = f"projects/{PROJECT}/locations/{location}"
    return connections.create(parent=parent, connectionId=name, body={"cloudResource": {}}).execute()


def policy_with(role: str, member: str) -> dict:
    owner = {"role": "roles/owner", "members": [OWNER]}
    return {"policy": {"bindings": [owner, {"role": role, "members": [member]}]}}


def test_a_connection_has_a_service_account_and_a_name_by_project_id(cloud: Running) -> None:
    cloud.enable()
    made = create(cloud)
    assert made["name"] == f"{PARENT}/connections/c"
    assert ACCOUNT.fullmatch(made["cloudResource"]["serviceAccountId"])
    connections = cloud.discovery("bigqueryconnection", "v1").projects().locations().connections()
    assert connections.get(name=f"projects/{PROJECT}/locations/US/connections/c").execute() == made
    assert connections.list(parent=PARENT).execute()["connections"] == [made]
    assert connections.list(parent=f"projects/{PROJECT}/locations/eu").execute()["connections"] == []


def test_a_connection_is_made_once_and_recreating_it_makes_a_new_account(cloud: Running) -> None:
    cloud.enable()
    first = create(cloud)
    with pytest.raises(HttpError, match="Already Exists: Connection"):
        create(cloud)
    connections = cloud.discovery("bigqueryconnection", "v1").projects().locations().connections()
    connections.delete(name=first["name"]).execute()
    with pytest.raises(HttpError, match="Not found: Connection"):
        connections.get(name=first["name"]).execute()
    assert create(cloud)["cloudResource"] != first["cloudResource"]


def test_a_connection_can_be_described_later(cloud: Running) -> None:
    cloud.enable()
    made = create(cloud)
    connections = cloud.discovery("bigqueryconnection", "v1").projects().locations().connections()
    body = {"friendlyName": "Pictures", "cloudResource": made["cloudResource"]}
    changed = connections.patch(name=made["name"], updateMask="friendlyName", body=body).execute()
    assert changed["friendlyName"] == "Pictures"
    assert changed["cloudResource"] == made["cloudResource"]


def test_other_kinds_of_connections_are_refused_by_name(cloud: Running) -> None:
    cloud.enable()
    connections = cloud.discovery("bigqueryconnection", "v1").projects().locations().connections()
    body = {"cloudSql": {"instanceId": "p:l:i"}}
    with pytest.raises(HttpError, match=r"Unsupported by the local cloud: connections\.create field 'cloudSql'"):
        connections.create(parent=PARENT, connectionId="sql", body=body).execute()


def test_a_grant_waits_until_the_service_account_is_there(cloud: Running) -> None:
    cloud.enable()
    cloud.context.settings.service_account_delay = 90
    account = create(cloud)["cloudResource"]["serviceAccountId"]
    projects = cloud.discovery("cloudresourcemanager", "v1").projects()
    body = policy_with("roles/aiplatform.user", f"serviceAccount:{account}")
    with pytest.raises(HttpError, match=f"Service account {account} does not exist") as early:
        projects.setIamPolicy(resource=PROJECT, body=body).execute()
    assert early.value.status_code == 400
    cloud.context.clock.advance(90)
    projects.setIamPolicy(resource=PROJECT, body=body).execute()


def test_a_grant_to_an_account_that_never_was_is_refused(cloud: Running) -> None:
    member = "serviceAccount:bqcx-100000000001-none@gcp-sa-bigquery-condel.iam.gserviceaccount.com"
    projects = cloud.discovery("cloudresourcemanager", "v1").projects()
    with pytest.raises(HttpError, match="does not exist"):
        projects.setIamPolicy(resource=PROJECT, body=policy_with("roles/aiplatform.user", member)).execute()


def test_a_grant_is_read_back_at_once_but_acts_only_after_its_propagation(cloud: Running) -> None:
    cloud.enable()
    member = cloud.connection()
    cloud.context.settings.propagation_delay = 120
    projects = cloud.discovery("cloudresourcemanager", "v1").projects()
    written = projects.setIamPolicy(resource=PROJECT, body=policy_with("roles/aiplatform.user", member)).execute()
    assert projects.getIamPolicy(resource=PROJECT, body={}).execute() == written
    allows = cloud.services.iam.allows
    assert not allows(member, "aiplatform.endpoints.predict", f"projects/{PROJECT}")
    cloud.context.clock.advance(119)
    assert not allows(member, "aiplatform.endpoints.predict", f"projects/{PROJECT}")
    cloud.context.clock.advance(1)
    assert allows(member, "aiplatform.endpoints.predict", f"projects/{PROJECT}")


def test_taking_a_role_away_acts_after_its_propagation_too(cloud: Running) -> None:
    cloud.enable()
    member = cloud.connection()
    cloud.grant("roles/aiplatform.user", member)
    projects = cloud.discovery("cloudresourcemanager", "v1").projects()
    owner = {"role": "roles/owner", "members": [OWNER]}
    projects.setIamPolicy(resource=PROJECT, body={"policy": {"bindings": [owner]}}).execute()
    allows = cloud.services.iam.allows
    assert allows(member, "aiplatform.endpoints.predict", f"projects/{PROJECT}")
    cloud.context.clock.advance(cloud.context.settings.propagation_delay)
    assert not allows(member, "aiplatform.endpoints.predict", f"projects/{PROJECT}")


def test_a_policy_written_from_an_old_reading_is_refused(cloud: Running) -> None:
    projects = cloud.discovery("cloudresourcemanager", "v1").projects()
    mine = projects.getIamPolicy(resource=PROJECT, body={}).execute()
    theirs = policy_with("roles/viewer", "user:her@example.com")["policy"] | {"etag": mine["etag"]}
    projects.setIamPolicy(resource=PROJECT, body={"policy": theirs}).execute()
    with pytest.raises(HttpError, match=r"There were concurrent policy changes\.") as late:
        projects.setIamPolicy(resource=PROJECT, body={"policy": mine}).execute()
    assert late.value.status_code == 409


def test_bindings_of_one_role_are_merged(cloud: Running) -> None:
    projects = cloud.discovery("cloudresourcemanager", "v1").projects()
    twice = policy_with("roles/viewer", "user:a@example.com")
    twice["policy"]["bindings"].append(
        {"role": "roles/viewer", "members": ["user:b@example.com", "user:a@example.com"]}
    )
    written = projects.setIamPolicy(resource=PROJECT, body=twice).execute()
    assert {"role": "roles/viewer", "members": ["user:a@example.com", "user:b@example.com"]} in written["bindings"]


@pytest.mark.parametrize(
    ("binding", "named"),
    [
        ({"role": "roles/made.up", "members": ["user:a@example.com"]}, "role 'roles/made.up'"),
        ({"role": "roles/viewer", "members": ["group:a@example.com"]}, "policy member 'group:a@example.com'"),
        (
            {"role": "roles/viewer", "members": ["user:a@example.com"], "condition": {"expression": "true"}},
            "IAM condition on 'roles/viewer'",
        ),
    ],
)
def test_what_policies_do_not_know_is_refused_by_name(cloud: Running, binding: dict, named: str) -> None:
    projects = cloud.discovery("cloudresourcemanager", "v1").projects()
    body = {"policy": {"bindings": [{"role": "roles/owner", "members": [OWNER]}, binding]}}
    with pytest.raises(HttpError, match=f"Unsupported by the local cloud: {named}"):
        projects.setIamPolicy(resource=PROJECT, body=body).execute()


def test_a_project_keeps_an_owner(cloud: Running) -> None:
    projects = cloud.discovery("cloudresourcemanager", "v1").projects()
    with pytest.raises(HttpError, match="There must be at least one owner"):
        projects.setIamPolicy(resource=PROJECT, body={"policy": {"bindings": []}}).execute()


def test_a_caller_without_a_role_may_not_even_look(cloud: Running) -> None:
    stranger = cloud.as_("user:stranger@example.com")
    path = f"/cloudresourcemanager/v1/projects/{PROJECT}"
    answer = stranger.get(path)
    assert answer.status_code == 403
    assert "Permission 'resourcemanager.projects.get' denied on resource" in answer.text
    wanted = {"permissions": ["resourcemanager.projects.get", "bigquery.jobs.create"]}
    assert stranger.post(f"{path}:testIamPermissions", json=wanted).json() == {"permissions": []}
    assert cloud.http.post(f"{path}:testIamPermissions", json=wanted).json() == wanted


def test_the_project_is_found_by_id_and_by_number_and_no_other_is(cloud: Running) -> None:
    projects = cloud.discovery("cloudresourcemanager", "v1").projects()
    by_id = projects.get(projectId=PROJECT).execute()
    assert by_id == projects.get(projectId="100000000001").execute()
    assert (by_id["projectId"], by_id["lifecycleState"]) == (PROJECT, "ACTIVE")
    with pytest.raises(HttpError, match="Permission denied on resource project other") as refused:
        projects.get(projectId="other").execute()
    assert refused.value.status_code == 403


def test_a_connection_has_a_policy_of_its_own(cloud: Running) -> None:
    cloud.enable()
    name = create(cloud)["name"]
    connections = cloud.discovery("bigqueryconnection", "v1").projects().locations().connections()
    assert connections.getIamPolicy(resource=name, body={}).execute()["bindings"] == []
    binding = {"role": "roles/bigquery.connectionUser", "members": ["user:her@example.com"]}
    written = connections.setIamPolicy(resource=name, body={"policy": {"bindings": [binding]}}).execute()
    assert written["bindings"] == [binding]
    cloud.context.clock.advance(cloud.context.settings.propagation_delay)
    assert cloud.services.iam.allows("user:her@example.com", "bigquery.connections.use", name)
    assert not cloud.services.iam.allows("user:her@example.com", "bigquery.connections.use", f"projects/{PROJECT}")


def test_the_default_connection_is_made_at_first_use_with_its_roles(cloud: Running) -> None:
    cloud.enable()
    member = cloud.services.connection_member(PROJECT, "US", DEFAULT)
    assert cloud.services.connection_member(PROJECT, "us", DEFAULT) == member
    cloud.services.check_endpoint(member, PROJECT, "US", "multimodalembedding@001")
    roles = {b["role"] for b in cloud.services.iam.policy(f"projects/{PROJECT}")["bindings"] if member in b["members"]}
    assert roles == {"roles/aiplatform.user", "roles/storage.objectViewer"}


def test_no_other_connection_appears_by_itself(cloud: Running) -> None:
    cloud.enable()
    with pytest.raises(ApiError, match="Not found: Connection"):
        cloud.services.connection_member(PROJECT, "US", "c")
