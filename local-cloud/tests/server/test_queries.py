"""Query jobs over REST, as the official client uses them."""

from __future__ import annotations

import threading
import uuid
from typing import Any

import httpx
import pytest
from google.api_core.exceptions import BadRequest, Conflict, MethodNotImplemented, NotFound
from google.cloud import bigquery

from tests import plain_http as http
from tests.conftest import RunningCloud

NUMBERS = "SELECT x FROM UNNEST(GENERATE_ARRAY(1, 2500)) AS x ORDER BY x"
#: Takes far longer than any test: a trillion rows.
ENDLESS = "SELECT COUNT(*) FROM UNNEST(GENERATE_ARRAY(1, 1000000)) AS a, UNNEST(GENERATE_ARRAY(1, 1000000)) AS b"


def url(cloud: RunningCloud, path: str) -> str:
    return f"{cloud.url}/bigquery/v2/projects/{cloud.project}/{path}"


def submit(cloud: RunningCloud, text: str, **config: Any) -> bigquery.QueryJob:
    job_id = f"test_{uuid.uuid4().hex}"
    return cloud.bigquery.query(
        text, job_id=job_id, job_retry=None, retry=None, job_config=bigquery.QueryJobConfig(**config)
    )


def test_an_answer_of_many_pages_is_read_whole_and_in_order(cloud: RunningCloud) -> None:
    for rows in (cloud.bigquery.query_and_wait(NUMBERS, page_size=1000), submit(cloud, NUMBERS).result(page_size=700)):
        assert rows.total_rows == 2500
        assert [row.x for row in rows] == list(range(1, 2501))


def test_a_page_stays_below_about_ten_megabytes(cloud: RunningCloud) -> None:
    answer = http.post(
        url(cloud, "queries"),
        json={"query": f"SELECT x, REPEAT('a', 20000) AS text FROM ({NUMBERS}) WHERE x <= 1000", "useLegacySql": False},
        timeout=60,
    )
    assert 5_000_000 < len(answer.content) < 15_000_000
    page = answer.json()
    read, token, job = [row["f"][0]["v"] for row in page["rows"]], page["pageToken"], page["jobReference"]["jobId"]
    while token:
        page = http.get(url(cloud, f"queries/{job}"), params={"pageToken": token}, timeout=60).json()
        read, token = read + [row["f"][0]["v"] for row in page["rows"]], page.get("pageToken")
    assert read == [str(x) for x in range(1, 1001)]


def test_an_answer_can_be_read_from_any_row(cloud: RunningCloud) -> None:
    job = submit(cloud, NUMBERS)
    assert [row.x for row in job.result(start_index=2490, max_results=5)] == [2491, 2492, 2493, 2494, 2495]


def test_a_job_id_is_taken_once_which_is_how_a_lost_answer_is_recognised(cloud: RunningCloud) -> None:
    job = submit(cloud, "SELECT 1")
    with pytest.raises(Conflict, match=f"Already Exists: Job local-project:US.{job.job_id}"):
        cloud.bigquery.query("SELECT 2", job_id=job.job_id, job_retry=None)
    assert [tuple(row) for row in cloud.bigquery.get_job(job.job_id).result()] == [(1,)]


def test_a_failing_statement_is_a_job_that_failed(cloud: RunningCloud) -> None:
    job = submit(cloud, "SELECT FROM WHERE")
    with pytest.raises(BadRequest, match="Syntax error") as failed:
        job.result(job_retry=None)
    job.reload()
    assert (job.state, job.error_result["reason"]) == ("DONE", "invalidQuery")
    answer = http.get(url(cloud, f"queries/{job.job_id}"))
    assert (answer.status_code, answer.json()["error"]["errors"][0]["reason"]) == (400, "invalidQuery")
    assert "Syntax error" in failed.value.message


def test_a_failing_statement_by_query_answers_its_error_at_once(cloud: RunningCloud) -> None:
    with pytest.raises(NotFound, match=r"Not found: (Table|Dataset) local-project:nowhere"):
        cloud.query("SELECT * FROM nowhere.at_all")


def test_labels_and_statistics_are_kept(cloud: RunningCloud) -> None:
    job = submit(cloud, "SELECT 1", labels={"step": "search"})
    job.result()
    found = cloud.bigquery.get_job(job.job_id)
    assert (found.labels, found.statement_type, found.cache_hit) == ({"step": "search"}, "SELECT", False)
    assert found.created <= found.started <= found.ended
    assert found.user_email == "you@example.com"


def test_labels_that_are_none_are_refused(cloud: RunningCloud) -> None:
    with pytest.raises(BadRequest, match="Invalid label"):
        submit(cloud, "SELECT 1", labels={"Step": "Upper case"})


def test_a_dry_run_checks_and_does_nothing(cloud: RunningCloud, dataset: str) -> None:
    job = cloud.bigquery.query("SELECT 1 AS one, 'a' AS letter", job_config=bigquery.QueryJobConfig(dry_run=True))
    assert [(field.name, field.field_type) for field in job.schema] == [("one", "INTEGER"), ("letter", "STRING")]
    cloud.bigquery.query(f"CREATE TABLE {dataset}.t AS SELECT 1 AS x", job_config=bigquery.QueryJobConfig(dry_run=True))
    assert list(cloud.bigquery.list_tables(dataset)) == []
    with pytest.raises(BadRequest):
        cloud.bigquery.query("SELECT y", job_config=bigquery.QueryJobConfig(dry_run=True))


def test_a_running_job_is_seen_running_and_cancelled(cloud: RunningCloud) -> None:
    job = submit(cloud, ENDLESS)
    while job.state != "RUNNING":
        job.reload()
    waiting = http.get(url(cloud, f"queries/{job.job_id}"), params={"timeoutMs": 1}).json()
    assert waiting["jobComplete"] is False and "rows" not in waiting
    assert job.job_id in {item.job_id for item in cloud.bigquery.list_jobs(state_filter="running")}
    job.cancel()
    with pytest.raises(BadRequest, match="cancelled"):
        job.result(job_retry=None)
    assert cloud.bigquery.get_job(job.job_id).error_result["reason"] == "stopped"


def test_many_clients_wait_at_once_and_others_are_still_answered(cloud: RunningCloud) -> None:
    job = submit(cloud, ENDLESS)
    limits = httpx.Limits(max_connections=None)
    with httpx.Client(limits=limits, timeout=60) as client:
        path = url(cloud, f"queries/{job.job_id}")
        waiting = [threading.Thread(target=client.get, args=(path,)) for _ in range(60)]
        for thread in waiting:
            thread.start()
        assert client.get(url(cloud, "datasets"), timeout=5).status_code == 200
        job.cancel()
        for thread in waiting:
            thread.join(30)
            assert not thread.is_alive()


def test_a_query_that_takes_longer_than_asked_answers_that_it_still_runs(cloud: RunningCloud) -> None:
    body = {"query": ENDLESS, "useLegacySql": False, "timeoutMs": 10}
    answer = http.post(url(cloud, "queries"), json=body).json()
    assert answer["jobComplete"] is False
    cloud.bigquery.cancel_job(answer["jobReference"]["jobId"])


def test_the_same_request_sent_twice_runs_once(cloud: RunningCloud) -> None:
    body = {"query": "SELECT RAND() AS x", "useLegacySql": False, "requestId": uuid.uuid4().hex}
    first, second = (http.post(url(cloud, "queries"), json=body).json() for _ in range(2))
    assert first["rows"] == second["rows"]
    assert first["jobReference"] == second["jobReference"]


def test_a_job_is_looked_for_in_its_location(cloud: RunningCloud) -> None:
    job = submit(cloud, "SELECT 1")
    assert cloud.bigquery.get_job(job.job_id, location="us").location == "US"
    with pytest.raises(NotFound, match=f"Not found: Job local-project:EU.{job.job_id}"):
        cloud.bigquery.get_job(job.job_id, location="EU")


def test_a_query_without_a_location_runs_where_its_data_is(cloud: RunningCloud, dataset: str) -> None:
    wanted = bigquery.Dataset(f"{cloud.project}.{dataset}_eu")
    wanted.location = "EU"
    cloud.bigquery.create_dataset(wanted)
    cloud.query(f"CREATE TABLE `{cloud.project}.{dataset}_eu.t` AS SELECT 1 AS x")
    named = submit(cloud, f"SELECT x /* not {dataset}.t */ FROM {dataset}_eu.t")
    named.result()
    default = submit(cloud, "SELECT x FROM t", default_dataset=f"{cloud.project}.{dataset}_eu")
    default.result()
    cloud.bigquery.delete_dataset(wanted, delete_contents=True)
    assert (named.location, default.location, submit(cloud, "SELECT 1").location) == ("EU", "EU", "US")


def test_jobs_are_listed_newest_first_in_pages_and_by_time(cloud: RunningCloud) -> None:
    cloud.advance(1)
    jobs = []
    for _ in range(3):
        jobs.append(submit(cloud, "SELECT 1"))
        jobs[-1].result()
        cloud.advance(0.01)
    ids = [job.job_id for job in reversed(jobs)]
    assert [item.job_id for item in cloud.bigquery.list_jobs(page_size=2, max_results=3)] == ids
    since = cloud.bigquery.list_jobs(min_creation_time=jobs[1].created, max_creation_time=jobs[1].created)
    assert [item.job_id for item in since] == [jobs[1].job_id]
    done = next(iter(cloud.bigquery.list_jobs(state_filter="done", max_results=1)))
    assert (done.state, done.query) == ("DONE", "SELECT 1")


def test_a_deleted_job_is_gone(cloud: RunningCloud) -> None:
    job = submit(cloud, "SELECT 1")
    job.result()
    cloud.bigquery.delete_job_metadata(job.job_id, location="US")
    with pytest.raises(NotFound):
        cloud.bigquery.get_job(job.job_id)


@pytest.mark.parametrize("kind", ["load", "extract", "copy"])
def test_other_kinds_of_jobs_are_refused_by_name(cloud: RunningCloud, kind: str) -> None:
    answer = http.post(url(cloud, "jobs"), json={"configuration": {kind: {}}})
    assert (answer.status_code, f"{kind} jobs" in answer.json()["error"]["message"]) == (501, True)


def test_uploads_are_refused_as_load_jobs(cloud: RunningCloud, dataset: str) -> None:
    columns = [bigquery.SchemaField("x", "INT64")]
    with pytest.raises(MethodNotImplemented, match="load jobs"):
        cloud.bigquery.load_table_from_json(
            [{"x": 1}], f"{dataset}.t", job_config=bigquery.LoadJobConfig(schema=columns)
        )


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ({"useLegacySql": True}, "legacy SQL"),
        ({"useLegacySql": None}, "legacy SQL"),
        ({"timePartitioning": {"type": "DAY"}}, "timePartitioning"),
        ({"createSession": True}, "createSession"),
    ],
)
def test_what_a_query_cannot_ask_for_is_refused_by_name(cloud: RunningCloud, field: dict[str, Any], name: str) -> None:
    query = {"query": "SELECT 1", "useLegacySql": False} | field
    configuration = {"query": {key: value for key, value in query.items() if value is not None}}
    answer = http.post(url(cloud, "jobs"), json={"configuration": configuration})
    assert (answer.status_code, name in answer.json()["error"]["message"]) == (501, True), answer.text


def test_an_answer_can_be_kept_in_a_table(cloud: RunningCloud, dataset: str) -> None:
    kept = bigquery.TableReference.from_string(f"{cloud.project}.{dataset}.kept")
    submit(cloud, NUMBERS, destination=kept).result()
    assert cloud.bigquery.get_table(kept).num_rows == 2500
    with pytest.raises(Exception, match="Already Exists"):
        submit(cloud, NUMBERS, destination=kept, write_disposition="WRITE_EMPTY").result(job_retry=None)


@pytest.mark.parametrize(
    "table", ["{} . t", "{}/**/.t", "`{}`.`t`", "`{}.t`", "(SELECT 'a FROM b.c' AS s, x FROM {}.t)"]
)
def test_a_query_runs_where_its_dataset_is_however_that_is_spelled(
    cloud: RunningCloud, dataset: str, table: str
) -> None:
    wanted = bigquery.Dataset(f"{cloud.project}.{dataset}_eu")
    wanted.location = "EU"
    cloud.bigquery.create_dataset(wanted)
    cloud.query(f"CREATE TABLE {dataset}_eu.t AS SELECT 1 AS x")
    text = f"SELECT x FROM {table.format(dataset + '_eu')}"
    answer = httpx.post(
        f"{cloud.url}/bigquery/v2/projects/{cloud.project}/queries", json={"query": text, "useLegacySql": False}
    ).json()
    cloud.bigquery.delete_dataset(wanted, delete_contents=True)
    assert answer.get("jobReference", {}).get("location") == "EU", answer
