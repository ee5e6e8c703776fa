"""Requests that fail as asked, before or after they were handled, or without an answer."""

from __future__ import annotations

import time
import uuid

import pytest
from google.api_core.exceptions import Conflict, ServiceUnavailable
from google.cloud import bigquery

from tests.conftest import RunningCloud


def submit(cloud: RunningCloud, job_id: str, retry: object = None) -> bigquery.QueryJob:
    return cloud.bigquery.query("SELECT 1 AS one", job_id=job_id, job_retry=None, retry=retry)


def test_a_request_that_fails_before_it_is_handled_did_nothing(cloud: RunningCloud) -> None:
    job_id = uuid.uuid4().hex
    cloud.control("faults", {"path": "/jobs$", "method": "POST", "status": 503, "reason": "backendError"})
    with pytest.raises(ServiceUnavailable):
        submit(cloud, job_id)
    assert [row.one for row in submit(cloud, job_id).result()] == [1]


def test_a_request_whose_answer_is_lost_was_handled(cloud: RunningCloud) -> None:
    job_id = uuid.uuid4().hex
    cloud.control("faults", {"path": "/jobs$", "method": "POST", "status": 503, "when": "after"})
    with pytest.raises(ServiceUnavailable):
        submit(cloud, job_id)
    with pytest.raises(Conflict, match="Already Exists: Job local-project:US"):
        submit(cloud, job_id)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_dropped_connection_is_retried_by_the_official_client(cloud: RunningCloud, when: str) -> None:
    cloud.control("faults", {"path": "/queries$", "drop": True, "when": when})
    assert [row.one for row in cloud.bigquery.query_and_wait("SELECT 1 AS one")] == [1]
    assert cloud.control("state")["faults"]["requests"][0]["times"] == 0, "the fault was met"


def test_a_retried_request_that_was_lost_runs_its_query_once(cloud: RunningCloud) -> None:
    before = len(list(cloud.bigquery.list_jobs()))
    cloud.control("faults", {"path": "/queries$", "status": 503, "when": "after"})
    list(cloud.bigquery.query_and_wait("SELECT 1"))
    assert len(list(cloud.bigquery.list_jobs())) == before + 1


def test_a_fault_acts_as_often_as_asked_and_then_no_more(cloud: RunningCloud) -> None:
    cloud.control("faults", {"path": "/datasets$", "method": "GET", "times": 2, "status": 500})
    for _ in range(2):
        with pytest.raises(Exception, match="500"):
            list(cloud.bigquery.list_datasets(retry=None))
    list(cloud.bigquery.list_datasets(retry=None))


def test_a_delay_only_delays(cloud: RunningCloud) -> None:
    cloud.control("faults", {"path": "/datasets$", "delay": 0.2})
    started = time.monotonic()
    list(cloud.bigquery.list_datasets(retry=None))
    assert time.monotonic() - started >= 0.2


@pytest.mark.parametrize(
    "fault",
    [
        {"path": "("},
        {"path": "x"},
        {"path": "x", "status": 500, "when": "later"},
        {"paht": "x"},
        {"rows": {"x": 1}},
        {"faults": [1]},
        {"path": 5, "status": 500},
        {"rows": {"rate": "x"}},
        {},
        {"path": "x", "status": 200},
        {"path": "x", "status": 700},
        {"path": "x", "status": True},
        {"path": "x", "status": 500, "method": "post"},
        {"path": "x", "status": 500, "times": 0},
        {"path": "x", "status": 500, "times": -1},
        {"path": "x", "status": 500, "skip": -1},
        {"path": "x", "status": 500, "drop": True},
        {"path": "x", "drop": True, "kill": True},
        {"path": "x", "drop": True, "reason": "backendError"},
        {"path": "x", "status": 500, "reason": ""},
        {"path": "x", "status": 500, "seconds": 5},
        {"path": "x", "delay": -1},
        {"path": "x", "hold": True, "seconds": -1},
        {"rows": {}},
        {"rows": {"rate": 2}},
        {"rows": {"uris": [1]}},
        {"rows": {"uris": ["gs://b/a"], "times": 0}},
        {"rows": {"rate": 0.5, "status": ""}},
        {"rows": {"rate": 0.5}, "path": "x"},
        {"jobs": {"id": "x", "kill": True, "reason": "jobInternalError"}},
        {"jobs": {"reason": "jobInternalError"}},
    ],
)
def test_a_fault_that_could_not_act_is_refused(cloud: RunningCloud, fault: dict[str, object]) -> None:
    with pytest.raises(OSError, match=r"not a fault|fault (\w+ )*needs|must (not )?be|no regular expression"):
        cloud.control("faults", fault)


def test_of_several_faults_none_is_set_when_one_is_wrong(cloud: RunningCloud) -> None:
    with pytest.raises(OSError, match="'paht' is no key"):
        cloud.control("faults", {"faults": [{"path": "/datasets$", "status": 503}, {"paht": "x"}]})
    assert cloud.control("state")["faults"]["requests"] == []


def test_rows_fail_as_asked_and_recover(cloud: RunningCloud, model: str) -> None:
    texts = [f"text {n}" for n in range(40)]
    embedded = (
        f"SELECT content, status FROM AI.GENERATE_EMBEDDING(MODEL {model}, (SELECT content FROM UNNEST(@t) AS content))"
    )
    parameters = [bigquery.ArrayQueryParameter("t", "STRING", texts)]

    def failed() -> set[str]:
        rows = cloud.query(embedded, query_parameters=parameters)
        assert len(rows) == 40
        assert {row.status for row in rows} <= {"", "A retryable error occurred: of a test"}
        return {row.content for row in rows if row.status}

    status = "A retryable error occurred: of a test"
    cloud.control("faults", {"rows": {"rate": 0.3, "seed": 1, "status": status, "times": 2}})
    first = failed()
    assert 4 <= len(first) <= 20, "about three in ten"
    assert failed() == first, "the same rows for the same seed"
    assert failed() == set(), "each failed twice and no more"
    cloud.control("faults", {"rows": {"uris": ["text 7"], "status": status}})
    assert failed() == {"text 7"}


def test_the_plan_can_be_looked_at_and_forgotten(cloud: RunningCloud) -> None:
    cloud.control("faults", {"faults": [{"path": "x", "status": 500}, {"rows": {"rate": 0.5}}]})
    plan = cloud.control("state")["faults"]
    assert (len(plan["requests"]), len(plan["rows"])) == (1, 1)
    assert cloud.control("faults", method="DELETE") == {"requests": [], "rows": [], "jobs": [], "held": []}
