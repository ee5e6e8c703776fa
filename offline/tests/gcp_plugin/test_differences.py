"""What a change does: an update in place, a replacement, nothing. And what reading finds to have changed."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

from offline.gcp_plugin.properties import UNKNOWN
from offline.tests.gcp_plugin.engine_client import EngineClient, Refused
from offline.tests.gcp_plugin.smallest_cloud import P, SmallestCloud
from offline.tests.gcp_plugin.test_requests import ARGUMENTS, CONNECTION, EXTERNAL

DATASET = "gcp:bigquery/dataset:Dataset"
CONNECTION_TYPE = "gcp:bigquery/connection:Connection"
TABLE = "gcp:bigquery/table:Table"
GRANT = "gcp:projects/iAMMember:IAMMember"
REPOSITORY = "gcp:dataform/repository:Repository"


@pytest.mark.parametrize(
    ("token", "change", "replaces"),
    [
        (DATASET, {"location": "EU"}, True),
        (DATASET, {"datasetId": "ds2"}, True),
        (DATASET, {"project": "other"}, True),
        (DATASET, {"description": "d"}, False),
        (DATASET, {"labels": {"a": "b"}}, False),
        (CONNECTION_TYPE, {"location": "EU"}, True),
        (CONNECTION_TYPE, {"connectionId": "conn2"}, True),
        (CONNECTION_TYPE, {"friendlyName": "f"}, False),
        (TABLE, {"tableId": "t2"}, True),
        (TABLE, {"externalDataConfiguration": {**EXTERNAL, "sourceUris": ["gs://others/*"]}}, False),
        (TABLE, {"maxStaleness": "0-0 0 1:0:0"}, False),
        (TABLE, {"deletionProtection": True}, False),
        (GRANT, {"member": "user:somebody@example.com"}, True),
        (GRANT, {"role": "roles/editor"}, True),
        (REPOSITORY, {"region": "europe-west1"}, True),
        (REPOSITORY, {"displayName": "d"}, False),
        ("gcp:projects/service:Service", {"service": "aiplatform.googleapis.com"}, True),
        ("gcp:projects/service:Service", {"disableOnDestroy": True}, False),
    ],
)
def test_a_change_updates_or_replaces(engine: EngineClient, token: str, change: dict[str, Any], replaces: bool) -> None:
    made = engine.create(token, ARGUMENTS[token])
    diff = engine.diff(made, ARGUMENTS[token] | change)
    assert diff.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert list(diff.diffs) == list(change)
    assert bool(diff.replaces) is replaces


@pytest.mark.parametrize(
    ("token", "spelling"),
    [
        (DATASET, {"location": "us"}),
        (DATASET, {"description": ""}),
        (TABLE, {"externalDataConfiguration": {**EXTERNAL, "connectionId": "test-project.us.conn1"}}),
        (GRANT, {"member": ARGUMENTS[GRANT]["member"].replace("bqcx", "BQCX")}),
    ],
)
def test_another_spelling_is_no_change(engine: EngineClient, token: str, spelling: dict[str, Any]) -> None:
    made = engine.create(token, ARGUMENTS[token])
    assert engine.diff(made, ARGUMENTS[token] | spelling).changes == provider_pb2.DiffResponse.DIFF_NONE


def test_what_a_preview_does_not_know_yet_counts_as_changed(engine: EngineClient) -> None:
    table = engine.create(TABLE, ARGUMENTS[TABLE])
    unknown_connection = {"externalDataConfiguration": {**EXTERNAL, "connectionId": UNKNOWN}}
    diff = engine.diff(table, ARGUMENTS[TABLE] | unknown_connection)
    assert list(diff.detailedDiff) == ["externalDataConfiguration.connectionId"]
    grant = engine.create(GRANT, ARGUMENTS[GRANT])
    assert list(engine.diff(grant, {**ARGUMENTS[GRANT], "member": UNKNOWN}).replaces) == ["member"]


def test_grants_and_tables_are_deleted_before_they_are_replaced(engine: EngineClient) -> None:
    grant = engine.create(GRANT, ARGUMENTS[GRANT])
    assert engine.diff(grant, {**ARGUMENTS[GRANT], "role": "roles/editor"}).deleteBeforeReplace
    table = engine.create(TABLE, ARGUMENTS[TABLE])
    assert engine.diff(table, {**ARGUMENTS[TABLE], "tableId": "t2"}).deleteBeforeReplace


def test_what_somebody_else_changed_shows_after_a_refresh(engine: EngineClient, google: SmallestCloud) -> None:
    made = engine.create(DATASET, ARGUMENTS[DATASET])
    google.resources[f"/bigquery/v2/{P}/datasets/ds1"]["description"] = "by hand"
    refreshed = engine.refresh(made)
    assert refreshed is not None
    assert refreshed.state["description"] == "by hand"
    assert list(engine.diff(refreshed, ARGUMENTS[DATASET]).diffs) == ["description"]


@pytest.mark.parametrize(
    ("external", "differs"),
    [
        ({"sourceFormat": "SOURCE_FORMAT_UNSPECIFIED"}, "sourceFormat"),
        ({"compression": None}, "compression"),
        ({"connectionId": "1.us.conn1"}, "connectionId"),
    ],
)
def test_an_answer_that_would_unsettle_googles_provider_unsettles_the_plug(
    engine: EngineClient, google: SmallestCloud, external: dict[str, Any], differs: str
) -> None:
    made = engine.create(TABLE, ARGUMENTS[TABLE])
    table = google.resources[f"/bigquery/v2/{P}/datasets/ds1/tables/t1"]
    told = table["externalDataConfiguration"] | external
    table["externalDataConfiguration"] = {name: value for name, value in told.items() if value is not None}
    refreshed = engine.refresh(made)
    assert refreshed is not None
    assert list(engine.diff(refreshed, ARGUMENTS[TABLE]).detailedDiff) == [f"externalDataConfiguration.{differs}"]


@pytest.mark.parametrize("token", [t for t in ARGUMENTS if "Service" not in t])
def test_what_is_gone_leaves_the_state_and_deletes_quietly(
    engine: EngineClient, google: SmallestCloud, token: str
) -> None:
    made = engine.create(token, ARGUMENTS[token])
    google.resources.clear()
    google.policies.clear()
    assert engine.refresh(made) is None
    engine.delete(made)


def test_a_service_that_was_switched_off_leaves_the_state(engine: EngineClient, google: SmallestCloud) -> None:
    token = "gcp:projects/service:Service"
    made = engine.create(token, ARGUMENTS[token])
    google.enabled.clear()
    assert engine.refresh(made) is None


@pytest.mark.parametrize(
    ("token", "identifier"),
    [
        (DATASET, f"{P}/datasets/ds1"),
        (DATASET, "ds1"),
        (CONNECTION_TYPE, CONNECTION),
        (CONNECTION_TYPE, "test-project/US/conn1"),
        (TABLE, f"{P}/datasets/ds1/tables/t1"),
        (TABLE, "ds1/t1"),
        (REPOSITORY, f"{P}/locations/us-central1/repositories/repo1"),
        ("gcp:projects/service:Service", "test-project/dataform.googleapis.com"),
        (GRANT, f"test-project roles/viewer {ARGUMENTS[GRANT]['member']}"),
        ("gcp:storage/bucketIAMMember:BucketIAMMember", f"b/pictures roles/viewer {ARGUMENTS[GRANT]['member']}"),
    ],
)
def test_what_exists_can_be_imported(engine: EngineClient, token: str, identifier: str) -> None:
    made = engine.create(token, ARGUMENTS[token])
    imported = engine.imported(token, identifier)
    assert imported is not None
    assert imported.identifier == made.identifier
    wanted = {**ARGUMENTS[token]}
    if token == TABLE:
        wanted["deletionProtection"] = True  # an import is protected until the program says otherwise
    assert engine.diff(imported, wanted).changes == provider_pb2.DiffResponse.DIFF_NONE


def test_a_program_can_look_up_what_exists_with_part_of_its_state(engine: EngineClient) -> None:
    made = engine.create(CONNECTION_TYPE, ARGUMENTS[CONNECTION_TYPE])
    made.state, made.inputs = {"location": "US"}, {}
    found = engine.refresh(made)
    assert found is not None
    assert found.state["name"] == CONNECTION


def test_an_identifier_of_another_form_is_refused_with_the_known_forms(engine: EngineClient) -> None:
    with pytest.raises(
        Refused, match=r"doesn't match any of the accepted formats: \[projects/\{\{project\}\}/datasets"
    ):
        engine.imported(DATASET, "a/b/c/d")


def test_a_protected_table_is_not_deleted(engine: EngineClient, google: SmallestCloud) -> None:
    arguments = {name: value for name, value in ARGUMENTS[TABLE].items() if name != "deletionProtection"}
    made = engine.create(TABLE, arguments)
    google.lines()
    with pytest.raises(Refused, match="without setting deletionProtection=false"):
        engine.delete(made)
    assert google.lines() == []


def test_a_deletion_policy_prevents_or_abandons(engine: EngineClient, google: SmallestCloud) -> None:
    kept = engine.create(DATASET, {"datasetId": "ds1", "deletionPolicy": "PREVENT"})
    left = engine.create(DATASET, {"datasetId": "ds2", "deletionPolicy": "ABANDON"})
    google.lines()
    with pytest.raises(Refused, match="cannot destroy Dataset 'projects/test-project/datasets/ds1'"):
        engine.delete(kept)
    engine.delete(left)
    assert google.lines() == []


def test_labels_of_others_stay_on_an_update(engine: EngineClient, google: SmallestCloud) -> None:
    made = engine.create(DATASET, {"datasetId": "ds1", "labels": {"mine": "1"}})
    all_labels = {"mine": "1", "goog-pulumi-provisioned": "true", "theirs": "2"}
    google.resources[f"/bigquery/v2/{P}/datasets/ds1"]["labels"] = all_labels
    refreshed = engine.refresh(made)
    assert refreshed is not None
    assert refreshed.state["labels"] == {"mine": "1"}
    assert refreshed.state["effectiveLabels"] == all_labels
    google.lines()
    engine.update(refreshed, {"datasetId": "ds1", "labels": {"mine": "3"}})
    assert (google.requests[0].body or {})["labels"] == all_labels | {"mine": "3"}
