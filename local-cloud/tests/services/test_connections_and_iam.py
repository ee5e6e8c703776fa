"""Connections, service accounts that appear late, and policies, through Google's discovery clients."""

from __future__ import annotations

import re

import pytest
from googleapiclient.errors import HttpError

from localcloud.apis.connections.connections import DEFAULT
from localcloud.core.errors import ApiError
from tests.services.conftest import OWNER, PROJECT, Running

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


TUTORIAL = [
    "bigquery.datasets.create",
    "bigquery.connections.create",
    "bigquery.connections.delegate",
    "bigquery.connections.use",
    "bigquery.config.get",
    "bigquery.config.update",
    "resourcemanager.projects.getIamPolicy",
    "resourcemanager.projects.setIamPolicy",
    "bigquery.tables.create",
    "bigquery.tables.update",
    "bigquery.jobs.create",
    "bigquery.models.create",
    "bigquery.models.getData",
    "bigquery.models.updateData",
    "bigquery.models.updateMetadata",
    "bigquery.readsessions.create",
    "dataform.repositories.create",
    "dataform.locations.list",
    "aiplatform.notebookRuntimes.assign",
    "serviceusage.services.enable",
]
"""Of the permissions that the tutorial lists."""


def granted_to(cloud: Running, *roles: str) -> list[str]:
    """Which of them a caller with these roles has, as Google's client is told."""
    member = f"user:{len(roles)}@example.com"
    for role in roles:
        cloud.grant(role, member)
    path = f"/cloudresourcemanager/v1/projects/{PROJECT}:testIamPermissions"
    return cloud.as_(member).post(path, json={"permissions": TUTORIAL}).json().get("permissions", [])


def test_the_tutorials_roles_have_the_permissions_that_it_lists(cloud: Running) -> None:
    assert granted_to(cloud) == []
    studio = granted_to(cloud, "roles/bigquery.studioAdmin")
    assert set(TUTORIAL) - set(studio) == {
        "resourcemanager.projects.getIamPolicy",
        "resourcemanager.projects.setIamPolicy",
        "serviceusage.services.enable",
    }
    both = granted_to(cloud, "roles/bigquery.studioAdmin", "roles/resourcemanager.projectIamAdmin")
    assert set(TUTORIAL) - set(both) == {"serviceusage.services.enable"}
    projects = cloud.discovery("cloudresourcemanager", "v1").projects()
    answer = projects.testIamPermissions(resource=PROJECT, body={"permissions": TUTORIAL}).execute()
    assert answer["permissions"] == TUTORIAL, "the owner's, in the order that was asked"


def test_neither_yes_nor_no_is_said_of_a_permission_that_no_role_here_has(cloud: Running) -> None:
    path = f"/cloudresourcemanager/v1/projects/{PROJECT}:testIamPermissions"
    unknown = cloud.http.post(path, json={"permissions": ["spanner.instances.create"]})
    assert unknown.status_code == 501
    assert "Unsupported by the local cloud: permission 'spanner.instances.create'" in unknown.text
    wild = cloud.http.post(path, json={"permissions": ["bigquery.tables.*"]})
    assert wild.status_code == 400 and "wildcards are not allowed" in wild.text


def test_permissions_on_a_bucket_are_those_of_the_project_and_of_its_own_policy(cloud: Running) -> None:
    cloud.storage().create_bucket("demo-images")
    bucket = cloud.storage().bucket("demo-images")
    wanted = ["storage.buckets.getIamPolicy", "storage.buckets.setIamPolicy"]
    assert bucket.test_iam_permissions(wanted) == wanted
    path, query = "/storage/v1/b/demo-images/iam/testPermissions", {"permissions": wanted}
    caller = cloud.as_("user:guest@example.com")
    assert "permissions" not in caller.get(path, params=query).json(), "the service leaves an empty list out"
    policy = bucket.get_iam_policy(requested_policy_version=3)
    policy.bindings.append({"role": "roles/storage.admin", "members": {"user:guest@example.com"}})
    bucket.set_iam_policy(policy)
    cloud.context.clock.advance(cloud.context.settings.propagation_delay)
    assert caller.get(path, params=query).json()["permissions"] == wanted


def test_a_disabled_resource_manager_answers_as_google_does(cloud: Running) -> None:
    services = f"/serviceusage/v1/projects/{PROJECT}/services"
    assert cloud.http.post(f"{services}/cloudresourcemanager.googleapis.com:disable", json={}).status_code == 200
    path = f"/cloudresourcemanager/v1/projects/{PROJECT}:testIamPermissions"
    refused = cloud.http.post(path, json={"permissions": ["bigquery.jobs.create"]})
    assert refused.status_code == 403
    assert refused.json()["error"]["details"][0]["reason"] == "SERVICE_DISABLED"
    assert "Cloud Resource Manager API has not been used in project" in refused.text


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


def test_a_connection_answers_which_of_the_permissions_on_it_the_caller_has(cloud: Running) -> None:
    cloud.enable()
    cloud.connection()
    cloud.grant("roles/bigquery.connectionUser", "user:reader@example.com")
    path = f"/bigqueryconnection/v1/projects/{PROJECT}/locations/us/connections/c:testIamPermissions"
    asked = {"permissions": ["bigquery.connections.use", "bigquery.connections.delete"]}
    assert cloud.http.post(path, json=asked).json() == asked
    reader = cloud.as_("user:reader@example.com").post(path, json=asked)
    assert reader.json() == {"permissions": ["bigquery.connections.use"]}
    assert cloud.as_("user:nobody@example.com").post(path, json=asked).json() == {"permissions": []}
