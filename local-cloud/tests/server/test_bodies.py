"""Bodies and numbers that no service takes: refused before anything is kept of them, in the service's shape."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.conftest import RunningCloud

JSON = {"Content-Type": "application/json"}
DEEP = 100_000


def refused(answer: httpx.Response) -> str:
    """The message of an answer that says 400."""
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, 400), answer.text
    return str(error["message"])


def bigquery(cloud: RunningCloud) -> str:
    return f"{cloud.url}/bigquery/v2/projects/{cloud.project}"


@pytest.mark.parametrize(
    "body",
    [
        b"[" * DEEP,
        b'{"labels":' * DEEP,
        b'{"description": ' + b"[" * 300 + b"]" * 300 + b"}",
        b'{"description": NaN}',
        b'{"description": "\xff"}',
        b'{"description": "\\ud800"}',
        b'{"description": "a',
    ],
    ids=["arrays", "objects", "whole but deep", "NaN", "no UTF-8", "half a surrogate pair", "cut off"],
)
@pytest.mark.parametrize("path", ["/datasets/{dataset}", "/queries", "/jobs"])
def test_what_is_no_json_is_a_parse_error_and_nothing_of_it_stays(
    cloud: RunningCloud, dataset: str, body: bytes, path: str
) -> None:
    method = "PATCH" if "dataset" in path else "POST"
    url = bigquery(cloud) + path.format(dataset=dataset)
    assert "Parse Error" in refused(httpx.request(method, url, content=body, headers=JSON))
    found = httpx.get(f"{bigquery(cloud)}/datasets/{dataset}")
    assert found.status_code == 200 and "description" not in found.json()


def test_text_beyond_the_basic_plane_is_kept(cloud: RunningCloud, dataset: str) -> None:
    url = f"{bigquery(cloud)}/datasets/{dataset}"
    httpx.patch(url, content=b'{"description": "\\ud83c\\udff0"}', headers=JSON)
    assert httpx.get(url).json()["description"] == "\N{EUROPEAN CASTLE}"


@pytest.mark.parametrize(
    "number", ["9" * 5000, "9" * 25, "18446744073709551616", "-9223372036854775809", "1.5", "\u0663"]
)
def test_a_number_that_its_format_cannot_hold_is_invalid(cloud: RunningCloud, dataset: str, number: str) -> None:
    query = {"query": "SELECT 1", "useLegacySql": False}
    root, table = bigquery(cloud), f"/datasets/{dataset}/tables/none/data"
    for path in ("/datasets?maxResults=", "/jobs?minCreationTime=", f"{table}?startIndex=", f"{table}?maxResults="):
        assert "Invalid" in refused(httpx.get(f"{root}{path}{number}"))
    assert "Invalid" in refused(httpx.get(f"{cloud.url}/storage/v1/b?project={cloud.project}&maxResults={number}"))
    assert "timeoutMs" in refused(httpx.post(f"{root}/queries", json=query | {"timeoutMs": number}))
    job: dict[str, Any] = {"configuration": {"query": query, "jobTimeoutMs": number}}
    assert "jobTimeoutMs" in refused(httpx.post(f"{root}/jobs", json=job))


def test_a_parameter_that_is_none_of_the_possible_values_is_told_them(cloud: RunningCloud) -> None:
    assert "none of done, pending, running" in refused(httpx.get(f"{bigquery(cloud)}/jobs?stateFilter=ended"))
