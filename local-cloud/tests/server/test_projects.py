"""There is one project: what is asked of another, or says that it is of another, is refused."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.conftest import RunningCloud

QUERY = {"query": "SELECT 1", "useLegacySql": False}
DATASET = {"datasetReference": {"datasetId": "made"}}
TABLE = {"tableReference": {"tableId": "t"}, "schema": {"fields": [{"name": "x", "type": "INT64"}]}}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/datasets", None),
        ("POST", "/datasets", DATASET),
        ("GET", "/datasets/made", None),
        ("POST", "/datasets/made/tables", TABLE),
        ("GET", "/datasets/made/models", None),
        ("POST", "/queries", QUERY),
        ("POST", "/jobs", {"configuration": {"query": QUERY}}),
        ("GET", "/jobs", None),
        ("GET", "/serviceAccount", None),
    ],
)
def test_another_project_is_denied_to_the_owner_too(cloud: RunningCloud, method: str, path: str, body: Any) -> None:
    answer = httpx.request(method, f"{cloud.url}/bigquery/v2/projects/a-typing-error{path}", json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["errors"][0]["reason"]) == (403, "accessDenied"), answer.text
    assert "a-typing-error" in error["message"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/datasets", {"datasetReference": {"projectId": "another", "datasetId": "made"}}),
        ("PATCH", "/datasets/{dataset}", {"datasetReference": {"projectId": "local-project", "datasetId": "another"}}),
        ("POST", "/datasets/{dataset}/tables", {"tableReference": {"datasetId": "another", "tableId": "t"}}),
        ("PUT", "/datasets/{dataset}/tables/t", {"tableReference": {"tableId": "another"}}),
        ("PATCH", "/datasets/{dataset}/tables/t", {"tableReference": {"projectId": "another", "tableId": "t"}}),
        ("PATCH", "/datasets/{dataset}/models/m", {"modelReference": {"modelId": "another"}}),
        ("POST", "/jobs", {"jobReference": {"projectId": "another"}, "configuration": {"query": QUERY}}),
    ],
)
def test_a_reference_that_contradicts_the_url_is_invalid(
    cloud: RunningCloud, dataset: str, method: str, path: str, body: Any
) -> None:
    root = f"{cloud.url}/bigquery/v2/projects/{cloud.project}"
    answer = httpx.request(method, root + path.format(dataset=dataset), json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["message"].startswith("Value 'another' in content does not agree with value '")
