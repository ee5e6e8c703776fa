"""Every answer of the BigQuery API fits Google's own description of it, and its clients can ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import google.auth.credentials
import googleapiclient.discovery
import pytest

from localcloud.http.discovery.conformance import problems
from tests import plain_http as http
from tests.conftest import RunningCloud


@pytest.fixture
def api(cloud: RunningCloud) -> Iterator[Any]:
    """The generated client of the discovery document, whole."""
    with googleapiclient.discovery.build(
        "bigquery",
        "v2",
        credentials=google.auth.credentials.AnonymousCredentials(),
        client_options={"api_endpoint": f"{cloud.url}/bigquery/v2/"},
        static_discovery=True,
    ) as client:
        yield client


def fits(schema: str, answer: Any) -> Any:
    assert problems("bigquery.v2", schema, answer) == []
    return answer


def test_answers_about_datasets_and_tables_fit(cloud: RunningCloud, api: Any, dataset: str) -> None:
    where = {"projectId": cloud.project, "datasetId": dataset}
    datasets, tables = api.datasets(), api.tables()
    fits("Dataset", datasets.get(**where).execute())
    fits("Dataset", datasets.patch(**where, body={"labels": {"a": "b"}, "description": "d"}).execute())
    fits("DatasetList", datasets.list(projectId=cloud.project).execute())
    fields = [{"name": "x", "type": "INT64", "mode": "REQUIRED"}, {"name": "e", "type": "FLOAT64", "mode": "REPEATED"}]
    body = {"tableReference": where | {"tableId": "t"}, "schema": {"fields": fields}, "labels": {"a": "b"}}
    fits("Table", tables.insert(**where, body=body).execute())
    fits("Table", tables.get(**where, tableId="t").execute())
    fits("Table", tables.update(**where, tableId="t", body=body | {"description": "new"}).execute())
    fits("TableList", tables.list(**where).execute())
    fits("TableDataList", api.tabledata().list(**where, tableId="t").execute())
    fits("ListModelsResponse", api.models().list(**where).execute())
    fits("ProjectList", api.projects().list().execute())
    fits("GetServiceAccountResponse", api.projects().getServiceAccount(projectId=cloud.project).execute())


def test_answers_about_jobs_fit(cloud: RunningCloud, api: Any, dataset: str) -> None:
    jobs, project = api.jobs(), cloud.project
    query = {"query": "SELECT 1 AS one, [1.5] AS list, STRUCT('a' AS b) AS part", "useLegacySql": False}
    answer = fits("QueryResponse", jobs.query(projectId=project, body=query).execute())
    job = answer["jobReference"]["jobId"]
    fits("GetQueryResultsResponse", jobs.getQueryResults(projectId=project, jobId=job).execute())
    inserted = fits("Job", jobs.insert(projectId=project, body={"configuration": {"query": query}}).execute())
    reference = inserted["jobReference"]
    jobs.getQueryResults(projectId=project, jobId=reference["jobId"]).execute()
    fits("Job", jobs.get(projectId=project, jobId=reference["jobId"], location="US").execute())
    fits("JobCancelResponse", jobs.cancel(projectId=project, jobId=reference["jobId"]).execute())
    fits("JobList", jobs.list(projectId=project, projection="full", maxResults=5).execute())
    create = {"query": f"CREATE TABLE {dataset}.made AS SELECT 1 AS x", "useLegacySql": False}
    fits("QueryResponse", jobs.query(projectId=project, body=create).execute())
    change = {"query": f"UPDATE {dataset}.made SET x = 2 WHERE TRUE", "useLegacySql": False}
    answer = fits("QueryResponse", jobs.query(projectId=project, body=change).execute())
    assert answer["numDmlAffectedRows"] == "1"
    dry = {"configuration": {"dryRun": True, "query": query}}
    fits("Job", jobs.insert(projectId=project, body=dry).execute())


def test_an_error_has_the_shape_that_clients_take_apart(cloud: RunningCloud, api: Any) -> None:
    with pytest.raises(googleapiclient.errors.HttpError) as failed:
        api.datasets().get(projectId=cloud.project, datasetId="nowhere").execute()
    assert failed.value.status_code == 404
    assert failed.value.error_details[0] == {
        "message": "Not found: Dataset local-project:nowhere",
        "domain": "global",
        "reason": "notFound",
    }


def test_a_request_may_ask_for_a_part_of_an_answer(cloud: RunningCloud, dataset: str) -> None:
    url = f"{cloud.url}/bigquery/v2/projects/{cloud.project}/datasets/{dataset}"
    answer = http.get(url, params={"fields": "location,datasetReference/datasetId"}).json()
    assert answer == {"location": "US", "datasetReference": {"datasetId": dataset}}
