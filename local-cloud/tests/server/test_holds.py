"""Faults at an exact point: requests that wait, a server that dies, jobs that end badly, quotas made small."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from google.api_core.exceptions import BadRequest
from google.cloud import bigquery

from localcloud.core.home import Home
from tests import plain_http as http
from tests.conftest import RunningCloud, running_cloud

EMBEDDED = "SELECT status FROM AI.GENERATE_EMBEDDING(MODEL {}, (SELECT content FROM UNNEST(@texts) AS content))"


def texts(count: int) -> bigquery.QueryJobConfig:
    values = [f"text {number}" for number in range(count)]
    return bigquery.QueryJobConfig(query_parameters=[bigquery.ArrayQueryParameter("texts", "STRING", values)])


def until(reached: Callable[[], bool]) -> None:
    looking = threading.Event()
    for _ in range(500):
        if reached():
            return
        looking.wait(0.02)
    raise AssertionError("it did not come")


def held(cloud: RunningCloud) -> list[dict[str, object]]:
    found: list[dict[str, object]] = cloud.control("state")["faults"]["held"]
    return found


def create(cloud: RunningCloud, name: str, timeout: float = 20) -> httpx.Response:
    body = {"datasetReference": {"datasetId": name}}
    return http.post(f"{cloud.url}/bigquery/v2/projects/{cloud.project}/datasets", json=body, timeout=timeout)


def is_there(cloud: RunningCloud, name: str) -> bool:
    return name in {dataset.dataset_id for dataset in cloud.bigquery.list_datasets()}


@pytest.mark.parametrize(("when", "handled"), [("before", False), ("after", True)])
def test_a_held_request_goes_on_when_it_is_released(cloud: RunningCloud, when: str, handled: bool) -> None:
    name = f"d{uuid.uuid4().hex}"
    cloud.control("faults", {"path": "/datasets$", "method": "POST", "hold": True, "when": when})
    with ThreadPoolExecutor(1) as pool:
        request = pool.submit(create, cloud, name)
        until(lambda: bool(held(cloud)))
        path = f"/bigquery/v2/projects/{cloud.project}/datasets"
        assert held(cloud) == [{"method": "POST", "path": path, "when": when}]
        assert is_there(cloud, name) == handled
        assert not request.done()
        cloud.control("faults/release", {})
        assert request.result().status_code == 200
    assert is_there(cloud, name) and held(cloud) == []


@pytest.mark.parametrize(("when", "handled"), [("before", False), ("after", True)])
def test_a_held_request_whose_caller_has_gone_is_over(cloud: RunningCloud, when: str, handled: bool) -> None:
    name = f"d{uuid.uuid4().hex}"
    cloud.control("faults", {"path": "/datasets$", "method": "POST", "hold": True, "when": when})
    with pytest.raises(httpx.ReadTimeout):
        create(cloud, name, timeout=0.3)
    until(lambda: not held(cloud))
    assert is_there(cloud, name) == handled


def test_a_hold_ends_by_itself_after_its_seconds(cloud: RunningCloud) -> None:
    name = f"d{uuid.uuid4().hex}"
    cloud.control("faults", {"path": "/datasets$", "method": "POST", "hold": True, "seconds": 0.2})
    assert create(cloud, name).status_code == 200


def test_a_fault_finds_its_request_by_body_and_number(cloud: RunningCloud) -> None:
    fault = {"path": "/queries$", "body": "SELECT 4[0-9]", "skip": 1, "status": 400, "reason": "invalid"}
    cloud.control("faults", fault)
    assert [row[0] for number in (1, 41) for row in cloud.query(f"SELECT {number}")] == [1, 41]
    with pytest.raises(BadRequest):
        cloud.query("SELECT 42")
    assert cloud.query("SELECT 43")[0][0] == 43


@pytest.mark.parametrize(("when", "handled"), [("before", False), ("after", True)])
def test_the_server_dies_at_a_request_before_or_after_it_was_handled(tmp_path: Path, when: str, handled: bool) -> None:
    with running_cloud(tmp_path / "home") as dying:
        dying.control("faults", {"path": "/datasets$", "method": "POST", "kill": True, "when": when})
        with pytest.raises(httpx.RemoteProtocolError):
            create(dying, "d")
        until(lambda: not Home(dying.home).held())
    with running_cloud(tmp_path / "home") as again:
        assert is_there(again, "d") == handled


@pytest.mark.parametrize("reason", ["jobInternalError", "jobRateLimitExceeded", "jobBackendError"])
def test_a_job_ends_with_a_reason_and_has_done_nothing(cloud: RunningCloud, dataset: str, reason: str) -> None:
    job_id = uuid.uuid4().hex
    cloud.control("faults", {"jobs": {"id": job_id, "reason": reason}})
    job = cloud.bigquery.query(f"CREATE TABLE {dataset}.t AS SELECT 1 AS one", job_id=job_id, job_retry=None)
    until(lambda: bool(job.reload()) or job.state == "DONE")
    assert job.error_result["reason"] == reason
    assert list(cloud.bigquery.list_tables(dataset)) == []


@pytest.mark.parametrize(
    "fault",
    [
        {"id": "x"},
        {"id": "x", "reason": "invalidQuery"},
        {"id": "x", "reason": "jobBackendError", "when": "after"},
        {"id": "x", "reason": "jobBackendError", "kill": True},
        {"id": "(", "kill": True},
    ],
)
def test_a_job_fault_that_could_not_be_is_refused(cloud: RunningCloud, fault: dict[str, object]) -> None:
    with pytest.raises(OSError):
        cloud.control("faults", {"jobs": fault})


def test_rows_over_the_rows_of_a_job_are_not_paid(cloud: RunningCloud, model: str) -> None:
    cloud.control("settings", {"rows_per_job": 3})
    before = cloud.control("ledger")["paid"]
    rows = [row.status for row in cloud.query(EMBEDDED.format(model), query_parameters=texts(5).query_parameters)]
    above = "A retryable error occurred: the maximum size quota per query has reached"
    assert sorted(rows) == ["", "", "", above, above]
    assert cloud.control("ledger")["paid"] == before + 3
    assert cloud.control("settings", {"rows_per_job": None})["rows_per_job"] is None


def test_one_job_more_than_may_embed_at_once_fails(cloud: RunningCloud, model: str) -> None:
    cloud.control("settings", {"concurrent_embedding_jobs": 1, "enforce_quota": True})
    statement = EMBEDDED.format(model)
    jobs = [cloud.bigquery.query(statement, texts(640), job_retry=None) for _ in range(2)]
    until(lambda: any(bool(job.reload()) or job.state == "DONE" for job in jobs))
    refused, running = sorted(jobs, key=lambda job: job.state != "DONE")
    assert refused.error_result["reason"] == "jobRateLimitExceeded"
    assert running.state != "DONE"
    assert cloud.query("SELECT 1")[0][0] == 1, "other jobs run"
    cloud.control("settings", {"enforce_quota": False})
    running.cancel()
    until(lambda: bool(running.reload()) or running.state == "DONE")
    assert len(cloud.query(statement, query_parameters=texts(2).query_parameters)) == 2
