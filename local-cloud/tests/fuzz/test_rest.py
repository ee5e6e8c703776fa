"""Generated requests: to each the server answers in time, in the service's error shape, and keeps running."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from localcloud.testing import RunningCloud, running_cloud
from tests.fuzz.strategies import Call, calls

SERVICES = ("storage", "bigquery", "bigqueryconnection", "aiplatform", "dataform", "cloudresourcemanager")
SLOWEST = 5.0
"""Seconds in which every request must be answered, also on a machine that is busy."""
_FUZZ = settings(
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """A cloud with one of everything, for requests that may delete any of it."""
    with running_cloud(tmp_path_factory.mktemp("fuzzed") / "home") as cloud:
        yield cloud


@pytest.fixture(scope="module")
def http(fuzzed: RunningCloud) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=fuzzed.url, trust_env=False, timeout=SLOWEST) as client:
        yield client


def _one_of_everything(cloud: RunningCloud, http: httpx.Client) -> None:
    """Made again now and then, for requests delete it and disable what it needs."""
    services = {"serviceIds": [f"{name}.googleapis.com" for name in SERVICES]}
    http.post("/serviceusage/v1/projects/local-project/services:batchEnable", json=services)
    policy = {"bindings": [{"role": "roles/owner", "members": ["user:you@example.com"]}]}
    http.post("/cloudresourcemanager/v1/projects/local-project:setIamPolicy", json={"policy": policy})
    cloud.bigquery.create_dataset("made", exists_ok=True)
    cloud.query("CREATE TABLE IF NOT EXISTS made.t AS SELECT 1 AS x, [1.5] AS e")
    connections = "/bigqueryconnection/v1/projects/local-project/locations/us/connections"
    http.post(connections, params={"connectionId": "c"}, json={"cloudResource": {}})
    repositories = "/dataform/v1/projects/local-project/locations/us/repositories"
    http.post(repositories, params={"repositoryId": "r"}, json={})
    if http.get("/storage/v1/b/photos").status_code == 404:
        cloud.storage.create_bucket("photos").blob("a.jpg").upload_from_string("a", content_type="image/jpeg")


def _answers(cloud: RunningCloud, http: httpx.Client, call: Call) -> None:
    began = time.monotonic()
    # Not httpx's own JSON, which refuses what the server must refuse: Infinity, half a surrogate pair.
    content = None if call.body is None else json.dumps(call.body)
    headers = {"Content-Type": "application/json"}
    answer = http.request(call.verb, call.path, params=call.parameters, content=content, headers=headers)
    took = time.monotonic() - began
    assert answer.status_code < 500 or answer.status_code == 501, f"{answer.status_code}: {answer.text}"
    if answer.status_code >= 400:
        error = answer.json()["error"]
        assert error["code"] == answer.status_code
        assert error["message"], call
        assert "Traceback" not in error["message"]
    if answer.status_code == 501:
        assert error["message"].startswith("Unsupported by the local cloud: "), error
    assert took < SLOWEST


@given(several=st.lists(calls(), min_size=10, max_size=20))
def _fuzz(cloud: RunningCloud, http: httpx.Client, several: list[Call]) -> None:
    _one_of_everything(cloud, http)
    for call in several:
        _answers(cloud, http, call)


def test_no_request_makes_the_server_fail(fuzzed: RunningCloud, http: httpx.Client) -> None:
    settings(_FUZZ, max_examples=25)(_fuzz)(fuzzed, http)
    assert http.get("/healthz").status_code == 200


@pytest.mark.slow
def test_no_request_of_very_many_makes_the_server_fail(fuzzed: RunningCloud, http: httpx.Client) -> None:
    settings(_FUZZ, max_examples=1_000, derandomize=False)(_fuzz)(fuzzed, http)
    assert http.get("/healthz").status_code == 200
