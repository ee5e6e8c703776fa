"""When the cloud says no, is slow to say yes, or is not there: what the user reads, and what is tried again."""

from __future__ import annotations

import socket

import pytest
from google.protobuf import empty_pb2
from google.rpc import status_pb2
from pulumi.runtime.proto import provider_pb2

from offline.gcp_plugin import rest
from offline.gcp_plugin.servicer import values_of
from offline.tests.gcp_plugin.engine_client import EngineClient, Refused
from offline.tests.gcp_plugin.smallest_cloud import DROPPED, P, SmallestCloud
from offline.tests.gcp_plugin.test_requests import ARGUMENTS

DATASET = "gcp:bigquery/dataset:Dataset"
GRANT = "gcp:projects/iAMMember:IAMMember"


@pytest.mark.parametrize(
    ("code", "reason", "message"),
    [
        (409, "duplicate", "Already Exists: Dataset p:d"),
        (403, "accessDenied", "Access Denied"),
        (401, "authError", "No"),
    ],
)
def test_a_refusal_fails_at_once_in_googles_words(
    engine: EngineClient, google: SmallestCloud, code: int, reason: str, message: str
) -> None:
    google.fail("POST", code, message, reason)
    with pytest.raises(Refused) as failure:
        engine.create(DATASET, {"datasetId": "d"})
    assert str(failure.value) == f"Error creating Dataset: googleapi: Error {code}: {message}, {reason}"
    assert len(google.lines()) == 1


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_passing_failure_is_asked_again(engine: EngineClient, google: SmallestCloud, code: int) -> None:
    google.fail("POST", code, "try again", "backendError", times=2)
    engine.create(DATASET, {"datasetId": "d"})
    assert len([line for line in google.lines() if line.startswith("POST")]) == 3


def test_a_failure_that_does_not_pass_ends_after_some_attempts(engine: EngineClient, google: SmallestCloud) -> None:
    google.fail("POST", 503, "never", "backendError", times=100)
    with pytest.raises(Refused, match="googleapi: Error 503: never, backendError"):
        engine.create(DATASET, {"datasetId": "d"})
    assert len(google.lines()) == rest.ATTEMPTS


def test_a_lost_answer_is_asked_for_again(engine: EngineClient, google: SmallestCloud) -> None:
    google.faults += [("POST", DROPPED, "")] * 2
    engine.create(DATASET, {"datasetId": "d"})
    assert len([line for line in google.lines() if line.startswith("POST")]) == 3


def test_a_cancelled_update_does_not_wait_for_the_next_attempt(engine: EngineClient, google: SmallestCloud) -> None:
    google.fail("POST", 503, "never", "backendError", times=100)
    engine.call("Cancel", empty_pb2.Empty())
    with pytest.raises(Refused, match="cancelled"):
        engine.create(DATASET, {"datasetId": "d"})
    assert len(google.lines()) == 1


def test_an_answer_that_is_no_json_is_shown(engine: EngineClient, google: SmallestCloud) -> None:
    google.faults.append(("POST", 404, "<html>nobody here</html>"))
    with pytest.raises(Refused, match="got HTTP response code 404 with body: <html>nobody here</html>"):
        engine.create(DATASET, {"datasetId": "d"})


def test_a_cloud_that_does_not_run_is_one_line_with_the_remedy(plugin: EngineClient, google: SmallestCloud) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        plugin.configure(google.settings() | {"bigQueryCustomEndpoint": f"{url}/bigquery/v2/"})
        with pytest.raises(Refused) as failure:
            plugin.create(DATASET, {"datasetId": "d"})
    remedy = "start it with `make up` or `python -m localcloud serve`"
    assert str(failure.value) == f"the local cloud is not running at {url}: {remedy}"


def test_a_resource_that_was_made_and_cannot_be_read_stays_in_the_state(
    engine: EngineClient, google: SmallestCloud
) -> None:
    google.fail("GET", 403, "no", "accessDenied")
    with pytest.raises(Refused) as failure:
        engine.create(DATASET, {"datasetId": "d"})
    status = status_pb2.Status.FromString(failure.value.metadata["grpc-status-details-bin"])
    detail = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(detail)
    assert detail.id == f"{P}/datasets/d"
    assert values_of(detail.properties)["datasetId"] == "d"


def test_a_dataset_that_still_holds_tables_is_not_deleted(engine: EngineClient, google: SmallestCloud) -> None:
    made = engine.create(DATASET, {"datasetId": "d"})
    google.fail("DELETE", 400, "Dataset p:d is still in use", "resourceInUse")
    with pytest.raises(Refused, match="googleapi: Error 400: Dataset p:d is still in use, resourceInUse"):
        engine.delete(made)


def test_a_policy_that_somebody_changed_in_between_is_read_and_written_again(
    engine: EngineClient, google: SmallestCloud
) -> None:
    google.fail(":setIamPolicy", 409, "There were concurrent policy changes", "aborted", times=2)
    engine.create(GRANT, ARGUMENTS[GRANT])
    verbs = [line.rpartition(":")[2] for line in google.lines()]
    assert verbs[:6] == ["getIamPolicy", "setIamPolicy"] * 3


def test_a_service_account_that_is_not_there_yet_fails_in_googles_words(
    engine: EngineClient, google: SmallestCloud
) -> None:
    google.fail(":setIamPolicy", 400, "Service account bqcx does not exist.", "badRequest")
    with pytest.raises(Refused) as failure:
        engine.create(GRANT, ARGUMENTS[GRANT])
    assert str(failure.value) == (
        'Error applying IAM policy for project "test-project": Error setting IAM policy for project "test-project": '
        "googleapi: Error 400: Service account bqcx does not exist., badRequest"
    )


def test_an_operation_that_failed_fails_with_its_error(engine: EngineClient, google: SmallestCloud) -> None:
    error = {"name": "operations/op.1", "done": True, "error": {"code": 7, "message": "not yours"}}
    google.faults.append(("/operations/", 200, error))
    with pytest.raises(Refused, match="Error code 7, message: not yours"):
        engine.create("gcp:projects/service:Service", {"service": "dataform.googleapis.com"})
