"""What the recorder of every local cloud in these tests accepts, and what it records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from localcloud.http.discovery.recorder import ConformanceRecorder

DATASETS = "/bigquery/v2/projects/p/datasets"


def recorded(record: Path, verb: str, path: str, answer: Any, *, status: int = 200, body: Any = None) -> list[str]:
    """What is recorded when this call is answered so."""

    async def answering(request: Request) -> Response:
        await request.body()
        return JSONResponse(answer, status) if answer is not None else Response(status_code=status)

    app = Starlette(routes=[Route("/{path:path}", answering, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])])
    record.write_text("")
    with TestClient(ConformanceRecorder(app, record)) as client:
        client.request(verb, path, json=body)
    return [json.loads(line)["problem"] for line in record.read_text().splitlines()]


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "record.jsonl"


def test_what_the_documents_allow_passes(record: Path) -> None:
    dataset = {"datasetReference": {"projectId": "p", "datasetId": "d"}, "creationTime": "1795390142538"}
    assert recorded(record, "GET", f"{DATASETS}/d?prettyPrint=false", dataset) == []
    assert recorded(record, "POST", DATASETS, dataset, body={"datasetReference": {"datasetId": "d"}}) == []
    assert recorded(record, "PATCH", f"{DATASETS}/d", dataset, body={"labels": {"a": None}}) == []
    assert recorded(record, "DELETE", f"{DATASETS}/d", None, status=204) == []
    refused = {"error": {"code": 404, "message": "no", "errors": [{"message": "no", "reason": "r", "domain": "d"}]}}
    assert recorded(record, "GET", f"{DATASETS}/d", refused, status=404) == []
    assert recorded(record, "POST", "/control/faults", {"anything": 1}) == []


@pytest.mark.parametrize(
    ("path", "answer", "problem"),
    [
        (f"{DATASETS}/d", {"dataset": "d"}, "answer: Dataset.dataset: not in Dataset"),
        (f"{DATASETS}/d", {"creationTime": 17}, "answer: Dataset.creationTime: 17 is no string"),
        (f"{DATASETS}/d", {"creationTime": "soon"}, "answer: Dataset.creationTime: 'soon' is no int64"),
        (f"{DATASETS}/d?view=x", {}, "parameter view: not one of bigquery.datasets.get"),
        (f"{DATASETS}?all=perhaps", {}, "parameter all: 'perhaps' is no boolean"),
        (f"{DATASETS}?maxResults=many", {}, "parameter maxResults: 'many' is no integer"),
        ("/bigquery/v2/projects/p/pictures", {}, "answered, though the documents have no such method"),
        ("/storage/v1/b", {}, "parameter project: missing"),
    ],
)
def test_what_they_do_not_allow_is_recorded(record: Path, path: str, answer: Any, problem: str) -> None:
    (found,) = recorded(record, "GET", path, answer)
    assert found == problem


def test_a_request_that_the_service_would_refuse_must_not_succeed(record: Path) -> None:
    body = {"datasetReference": {"datasetId": "d"}, "colour": "red"}
    assert recorded(record, "POST", DATASETS, {}, body=body) == ["request: Dataset.colour: not in Dataset"]
    assert recorded(record, "POST", DATASETS, {"error": {"code": 400, "message": "m"}}, status=400, body=body) == []


def test_an_error_must_be_one_that_clients_can_take_apart(record: Path) -> None:
    assert recorded(record, "GET", f"{DATASETS}/d", {"detail": "no"}, status=404) == ["no error object"]
    wrong = {"error": {"code": 400, "message": "no", "errors": [{"message": "no", "domain": "global"}]}}
    assert recorded(record, "GET", f"{DATASETS}/d", wrong, status=404) == [
        "error.code 400 under HTTP status 404",
        "error.errors: no reason",
    ]
