"""The plugin sends the requests of Google's provider, in the same order: observed on 2026-11-22, replayed here."""

from __future__ import annotations

from typing import Any

import pytest

from offline.tests.gcp_plugin.engine_client import EngineClient
from offline.tests.gcp_plugin.smallest_cloud import P, SmallestCloud

LABEL = {"goog-pulumi-provisioned": "true"}
MEMBER = "serviceAccount:bqcx-1-abcd@gcp-sa-bigquery-condel.iam.gserviceaccount.com"
CONNECTION = f"{P}/locations/US/connections/conn1"
EXTERNAL = {
    "autodetect": False,
    "connectionId": CONNECTION,
    "objectMetadata": "SIMPLE",
    "sourceUris": ["gs://pictures/*"],
}

ARGUMENTS: dict[str, dict[str, Any]] = {
    "gcp:projects/service:Service": {"service": "dataform.googleapis.com"},
    "gcp:bigquery/dataset:Dataset": {"datasetId": "ds1", "location": "US"},
    "gcp:bigquery/connection:Connection": {"connectionId": "conn1", "location": "US", "cloudResource": {}},
    "gcp:projects/iAMMember:IAMMember": {"project": "test-project", "role": "roles/viewer", "member": MEMBER},
    "gcp:storage/bucketIAMMember:BucketIAMMember": {"bucket": "pictures", "role": "roles/viewer", "member": MEMBER},
    "gcp:bigquery/connectionIamMember:ConnectionIamMember": {
        "connectionId": "conn1",
        "location": "US",
        "role": "roles/viewer",
        "member": MEMBER,
    },
    "gcp:bigquery/table:Table": {
        "datasetId": "ds1",
        "tableId": "t1",
        "externalDataConfiguration": EXTERNAL,
        "deletionProtection": False,
    },
    "gcp:dataform/repository:Repository": {"name": "repo1", "region": "us-central1"},
}
"""One resource of every type."""


def bodies(google: SmallestCloud) -> list[Any]:
    """Bodies of the requests since the last look, and forget them."""
    found = [request.body for request in google.requests]
    google.requests.clear()
    return found


def test_a_dataset_is_posted_read_put_and_deleted(engine: EngineClient, google: SmallestCloud) -> None:
    made = engine.create("gcp:bigquery/dataset:Dataset", ARGUMENTS["gcp:bigquery/dataset:Dataset"])
    posted = google.requests[0].body
    assert posted == {"datasetReference": {"datasetId": "ds1"}, "labels": LABEL, "location": "US"}
    assert google.lines() == [
        f"POST /bigquery/v2/{P}/datasets?accessPolicyVersion=3",
        f"GET /bigquery/v2/{P}/datasets/ds1?accessPolicyVersion=3",
    ]
    assert made.identifier == f"{P}/datasets/ds1"

    changed = engine.update(made, {"datasetId": "ds1", "location": "US", "description": "pictures"})
    assert google.requests[0].body == {
        "datasetReference": {"datasetId": "ds1"},
        "location": "US",
        "description": "pictures",
        "defaultCollation": "",
    }
    assert google.lines() == [
        f"PUT /bigquery/v2/{P}/datasets/ds1?accessPolicyVersion=3",
        f"GET /bigquery/v2/{P}/datasets/ds1?accessPolicyVersion=3",
    ]
    assert changed.state["description"] == "pictures"

    engine.delete(changed)
    assert google.lines() == [f"DELETE /bigquery/v2/{P}/datasets/ds1?deleteContents=false"]


def test_a_dataset_takes_its_tables_along_only_when_told_to(engine: EngineClient, google: SmallestCloud) -> None:
    arguments = {"datasetId": "ds1", "deleteContentsOnDestroy": True}
    made = engine.create("gcp:bigquery/dataset:Dataset", arguments)
    google.lines()
    engine.delete(made)
    assert google.lines() == [f"DELETE /bigquery/v2/{P}/datasets/ds1?deleteContents=true"]


def test_a_connection_is_posted_read_patched_and_deleted(engine: EngineClient, google: SmallestCloud) -> None:
    arguments = ARGUMENTS["gcp:bigquery/connection:Connection"]
    made = engine.create("gcp:bigquery/connection:Connection", arguments)
    assert bodies(google)[0] == {"cloudResource": {}, "spark": None}
    assert made.identifier == CONNECTION
    assert made.state["name"] == CONNECTION

    engine.update(made, {**arguments, "friendlyName": "pictures"})
    assert google.requests[0].body == {
        "cloudResource": {"serviceAccountId": MEMBER.removeprefix("serviceAccount:")},
        "friendlyName": "pictures",
        "spark": None,
    }
    engine.delete(made)
    assert google.lines() == [
        f"PATCH /bqconn/v1/{CONNECTION}?updateMask=friendlyName",
        f"GET /bqconn/v1/{CONNECTION}",
        f"DELETE /bqconn/v1/{CONNECTION}",
    ]


def test_a_connection_is_named_in_the_query(engine: EngineClient, google: SmallestCloud) -> None:
    engine.create("gcp:bigquery/connection:Connection", ARGUMENTS["gcp:bigquery/connection:Connection"])
    assert google.lines() == [
        f"POST /bqconn/v1/{P}/locations/US/connections?connectionId=conn1",
        f"GET /bqconn/v1/{CONNECTION}",
    ]


def test_an_object_table_is_posted_read_put_and_deleted(engine: EngineClient, google: SmallestCloud) -> None:
    arguments = ARGUMENTS["gcp:bigquery/table:Table"]
    made = engine.create("gcp:bigquery/table:Table", arguments)
    reference = {"datasetId": "ds1", "projectId": "test-project", "tableId": "t1"}
    assert google.requests[0].body == {
        "externalDataConfiguration": {**EXTERNAL, "compression": "NONE"},
        "labels": LABEL,
        "tableReference": reference,
    }
    changed = engine.update(made, {**arguments, "description": "all of them"})
    assert google.requests[2].body == {
        "externalDataConfiguration": {**EXTERNAL, "compression": "NONE"},
        "description": "all of them",
        "tableReference": reference,
    }
    engine.delete(changed)
    table = f"/bigquery/v2/{P}/datasets/ds1/tables/t1"
    assert google.lines() == [
        f"POST /bigquery/v2/{P}/datasets/ds1/tables",
        f"GET {table}",
        f"PUT {table}",
        f"GET {table}",
        f"DELETE {table}",
    ]


def test_a_project_grant_reads_changes_and_writes_the_policy(engine: EngineClient, google: SmallestCloud) -> None:
    google.policies[f"/rm/v1/{P}"] = {"bindings": [{"role": "roles/owner", "members": ["user:me"]}], "etag": "e1"}
    made = engine.create("gcp:projects/iAMMember:IAMMember", ARGUMENTS["gcp:projects/iAMMember:IAMMember"])
    read, written, *_ = bodies(google)
    assert read == {"options": {"requestedPolicyVersion": 3}}
    bindings = [{"role": "roles/owner", "members": ["user:me"]}, {"role": "roles/viewer", "members": [MEMBER]}]
    assert written == {
        "policy": {"bindings": bindings, "etag": "e1", "version": 3},
        "updateMask": "bindings,etag,auditConfigs",
    }
    assert made.identifier == f"test-project/roles/viewer/{MEMBER}"
    engine.delete(made)
    assert bodies(google)[1]["policy"]["bindings"] == [{"role": "roles/owner", "members": ["user:me"]}]


@pytest.mark.parametrize(
    ("token", "read", "write"),
    [
        ("gcp:projects/iAMMember:IAMMember", f"POST /rm/v1/{P}:getIamPolicy", f"POST /rm/v1/{P}:setIamPolicy"),
        (
            "gcp:storage/bucketIAMMember:BucketIAMMember",
            "GET /storage/v1/b/pictures/iam?optionsRequestedPolicyVersion=3",
            "PUT /storage/v1/b/pictures/iam",
        ),
        (
            "gcp:bigquery/connectionIamMember:ConnectionIamMember",
            f"POST /bqconn/v1/{CONNECTION}:getIamPolicy",
            f"POST /bqconn/v1/{CONNECTION}:setIamPolicy",
        ),
    ],
)
def test_a_grant_is_believed_after_it_was_read_back(
    engine: EngineClient, google: SmallestCloud, token: str, read: str, write: str
) -> None:
    made = engine.create(token, ARGUMENTS[token])
    assert google.lines() == [read, write, read, read, read, read]
    engine.delete(made)
    assert "bindings" not in (google.requests[1].body or {}).get("policy", google.requests[1].body)
    assert google.lines() == [read, write, read, read, read, read]


def test_a_connection_policy_is_asked_for_with_an_empty_body(engine: EngineClient, google: SmallestCloud) -> None:
    token = "gcp:bigquery/connectionIamMember:ConnectionIamMember"
    engine.create(token, ARGUMENTS[token])
    read, written, *_ = bodies(google)
    assert read is None
    assert written == {"policy": {"bindings": [{"role": "roles/viewer", "members": [MEMBER]}], "version": 3}}


def test_a_service_is_enabled_and_looked_for_among_the_enabled(engine: EngineClient, google: SmallestCloud) -> None:
    made = engine.create("gcp:projects/service:Service", ARGUMENTS["gcp:projects/service:Service"])
    listing = "GET /su/v1/projects/test-project/services?"
    listing += "fields=services/name,nextPageToken&filter=state:ENABLED&pageSize=200"
    assert google.lines() == [
        listing,
        f"POST /su/v1/{P}/services/dataform.googleapis.com:enable",
        "GET /su/v1beta1/operations/op.1",
        listing,
        f"GET /rm/v1/{P}",
        listing,
    ]
    assert engine.refresh(made) is not None
    assert google.lines() == [f"GET /rm/v1/{P}", listing]
    engine.delete(made)
    assert google.lines() == [], "an API is left on unless disableOnDestroy says otherwise"


def test_a_service_that_is_on_already_takes_one_request(engine: EngineClient, google: SmallestCloud) -> None:
    google.enabled.add("dataform.googleapis.com")
    made = engine.create("gcp:projects/service:Service", ARGUMENTS["gcp:projects/service:Service"])
    assert len(google.lines()) == 1
    assert made.identifier == "test-project/dataform.googleapis.com"


def test_a_service_is_disabled_on_destroy_when_told_to(engine: EngineClient, google: SmallestCloud) -> None:
    arguments = {"service": "dataform.googleapis.com", "disableOnDestroy": True}
    made = engine.create("gcp:projects/service:Service", arguments)
    google.lines()
    engine.delete(made)
    assert google.requests[0].body == {"checkIfServiceHasUsage": "SKIP"}
    assert google.lines() == [f"POST /su/v1/{P}/services/dataform.googleapis.com:disable"]


def test_a_repository_is_posted_read_patched_and_deleted(engine: EngineClient, google: SmallestCloud) -> None:
    arguments = ARGUMENTS["gcp:dataform/repository:Repository"]
    made = engine.create("gcp:dataform/repository:Repository", arguments)
    assert google.requests[0].body == {"labels": LABEL, "name": "repo1"}
    changed = engine.update(made, {**arguments, "displayName": "Pictures", "deletionPolicy": "FORCE"})
    assert google.requests[2].body == {"displayName": "Pictures"}
    engine.delete(changed)
    repositories = f"/dataform/v1beta1/{P}/locations/us-central1/repositories"
    assert google.lines() == [
        f"POST {repositories}?repositoryId=repo1",
        f"GET {repositories}/repo1",
        f"PATCH {repositories}/repo1",
        f"GET {repositories}/repo1",
        f"DELETE {repositories}/repo1?force=true",
    ]


@pytest.mark.parametrize("token", ARGUMENTS)
def test_previews_ask_nothing(engine: EngineClient, google: SmallestCloud, token: str) -> None:
    engine.preview(token, ARGUMENTS[token])
    assert google.lines() == []


@pytest.mark.parametrize("token", ARGUMENTS)
def test_the_smallest_answers_leave_nothing_to_change(engine: EngineClient, google: SmallestCloud, token: str) -> None:
    made = engine.create(token, ARGUMENTS[token])
    assert not engine.diff(made, ARGUMENTS[token]).detailedDiff
    refreshed = engine.refresh(made)
    assert refreshed is not None
    assert not engine.diff(refreshed, ARGUMENTS[token]).detailedDiff
    assert refreshed.inputs == made.inputs
    assert refreshed.identifier == made.identifier


def test_every_request_says_who_asks(engine: EngineClient, google: SmallestCloud) -> None:
    engine.create("gcp:bigquery/dataset:Dataset", {"datasetId": "ds1"})
    request = google.requests[0]
    assert request.headers["Authorization"] == "Bearer test-token"
    assert "pulumi-gcp/10.2.0" in request.headers["User-Agent"]
    assert request.query["alt"] == "json"


def test_a_change_of_what_only_the_state_holds_sends_nothing(engine: EngineClient, google: SmallestCloud) -> None:
    made = engine.create("gcp:bigquery/dataset:Dataset", {"datasetId": "ds1"})
    google.lines()
    changed = engine.update(made, {"datasetId": "ds1", "deleteContentsOnDestroy": True})
    assert google.lines() == [f"GET /bigquery/v2/{P}/datasets/ds1?accessPolicyVersion=3"]
    assert changed.state["deleteContentsOnDestroy"] is True
