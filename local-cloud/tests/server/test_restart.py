"""What a SIGKILL leaves: finished work whole, unfinished work undone, and a server that starts again."""

from __future__ import annotations

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import bigquery

from localcloud.core.home import Home
from tests import plain_http as http
from tests.conftest import RunningCloud, running_cloud

#: Takes far longer than the test: a trillion rows.
ENDLESS = "SELECT COUNT(*) AS n FROM UNNEST(GENERATE_ARRAY(1, 1000000)) AS a, UNNEST(GENERATE_ARRAY(1, 1000000)) AS b"
PARAMETER = {"name": "a", "parameterType": {"type": "STRING"}, "parameterValue": {"value": "b"}}


def submit(cloud: RunningCloud, text: str, job_id: str) -> bigquery.QueryJob:
    return cloud.bigquery.query(text, job_id=job_id, job_retry=None)


def until_running(job: bigquery.QueryJob) -> None:
    while job.state != "RUNNING":
        assert job.state == "PENDING", job.error_result
        job.reload()


def test_a_killed_server_comes_back_with_whole_tables_and_honest_jobs(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running_cloud(home) as cloud:
        cloud.bigquery.create_dataset("d")
        made = "CREATE TABLE d.t AS SELECT x FROM UNNEST(GENERATE_ARRAY(1, 1000)) AS x"
        submit(cloud, made, "made").result()
        submit(cloud, "SELECT x FROM d.t ORDER BY x", "answered").result()
        until_running(submit(cloud, f"CREATE TABLE d.half AS {ENDLESS}", "running"))
        cloud.kill()
        assert Home(home).running() is None, "a file that a killed server left is no server"

    with running_cloud(home) as cloud:
        client = cloud.bigquery
        assert [row.x for row in client.get_job("answered").result()] == list(range(1, 1001))
        assert client.get_table("d.t").num_rows == 1000
        assert [table.table_id for table in client.list_tables("d")] == ["t"]
        lost = client.get_job("running")
        assert (lost.state, lost.error_result["reason"]) == ("DONE", "jobInternalError")
        with pytest.raises(GoogleAPICallError, match="ended while it ran"):
            lost.result(retry=None, job_retry=None)
        submit(cloud, made.replace("d.t", "d.half"), "again").result()
        assert client.get_table("d.half").num_rows == 1000


def test_a_killed_server_knows_every_query_that_it_told_of(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running_cloud(home) as cloud:
        cloud.bigquery.create_dataset("d")
        queries = f"{cloud.url}/bigquery/v2/projects/{cloud.project}/queries"

        def ask(**body: Any) -> dict[str, Any]:
            answer: dict[str, Any] = http.post(queries, json={"useLegacySql": False} | body).json()
            return answer

        ask(query="CREATE TABLE d.t AS SELECT 1 AS x")
        first = {"query": "SELECT x, @a AS a FROM d.t", "queryParameters": [PARAMETER], "requestId": "once"}
        answered = ask(**first)
        assert answered["jobComplete"]
        running = ask(query=ENDLESS, timeoutMs=0)
        assert not running["jobComplete"]
        cloud.kill()
    with running_cloud(home) as cloud:
        same = cloud.bigquery.get_job(answered["jobReference"]["jobId"])
        assert [tuple(row) for row in same.result()] == [(1, "b")]
        lost = cloud.bigquery.get_job(running["jobReference"]["jobId"])
        assert (lost.state, lost.error_result["reason"]) == ("DONE", "jobInternalError")
        assert {job.job_id for job in cloud.bigquery.list_jobs()} >= {same.job_id, lost.job_id}
        queries = f"{cloud.url}/bigquery/v2/projects/{cloud.project}/queries"
        again = first | {"useLegacySql": False}
        assert http.post(queries, json=again).json()["rows"] == answered["rows"], "the same request runs once"


@pytest.mark.alone
def test_a_server_ends_within_two_seconds_whatever_runs_and_waits(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running_cloud(home) as cloud:
        token = cloud.control("token", {"member": "user:you@example.com"})["token"]
        key = json.loads((home / "credentials.json").read_text())
        running = submit(cloud, ENDLESS, "running")
        until_running(running)
        seen = {"path": "/queries/running", "delay": 0.001}
        cloud.control("faults", {"faults": [{"path": "/datasets", "delay": 30}, seen]})
        with ThreadPoolExecutor() as clients:
            url = f"{cloud.url}/bigquery/v2/projects/{cloud.project}"
            slow = clients.submit(http.get, f"{url}/datasets", timeout=60)
            waiting = clients.submit(http.get, f"{url}/queries/running", timeout=60)
            while any(fault["times"] for fault in cloud.control("state")["faults"]["requests"]):
                pass  # until both requests have arrived
            started = time.monotonic()
            os.kill(cloud.about["pid"], signal.SIGTERM)
            while Home(home).held():
                assert time.monotonic() - started < 2
            answer = waiting.result()
            assert (answer.status_code, '"reason":"stopped"' in answer.text) == (400, True), answer.text
            assert slow.exception() or slow.result().status_code >= 500

    with running_cloud(home) as cloud:
        assert cloud.bigquery.get_job("running").error_result["reason"] == "stopped"
        same = json.loads((home / "credentials.json").read_text())
        assert same["private_key"] == key["private_key"]
        assert same["token_uri"] == f"{cloud.url}/token"
        url = f"{cloud.url}/bigquery/v2/projects/{cloud.project}/datasets"
        assert http.get(url, headers={"Authorization": f"Bearer {token}"}).status_code == 200
