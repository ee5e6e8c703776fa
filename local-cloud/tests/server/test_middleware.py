"""What every request passes: host, origin, size, caller; and refusals in the services' own shape."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any

import pytest

from tests.conftest import RunningCloud


def ask(
    cloud: RunningCloud, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, Any]]:
    """One request as it is; header names have underscores for dashes."""
    connection = http.client.HTTPConnection(cloud.url.removeprefix("http://"), timeout=10)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    response = connection.getresponse()
    answer = json.loads(response.read() or b"{}")
    connection.close()
    return response.status, answer


def test_it_listens_on_one_loopback_address_only(cloud: RunningCloud) -> None:
    socket.create_connection(("127.0.0.1", cloud.about["port"]), timeout=1).close()
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.2", cloud.about["port"]), timeout=1)


@pytest.mark.parametrize("host", ["example.com", "127.0.0.1.example.com", "10.0.0.1:8440", ""])
def test_a_page_that_rebinds_its_name_to_loopback_is_refused(cloud: RunningCloud, host: str) -> None:
    status, answer = ask(cloud, "GET", "/bigquery/v2/projects/local-project/datasets", Host=host)
    assert status == 403
    assert "Host" in answer["error"]["message"]


@pytest.mark.parametrize("path", ["/control/faults", "/bigquery/v2/projects/local-project/datasets", "/token"])
def test_a_web_page_of_another_origin_is_refused(cloud: RunningCloud, path: str) -> None:
    status, _ = ask(cloud, "POST", path, b"{}", Origin="http://example.com")
    assert status == 403


def test_a_body_above_the_limit_is_refused_before_it_is_read(cloud: RunningCloud) -> None:
    size = str(33 * 2**20)
    connection = http.client.HTTPConnection(cloud.url.removeprefix("http://"), timeout=10)
    connection.putrequest("POST", "/bigquery/v2/projects/local-project/jobs")
    connection.putheader("Content-Length", size)
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


@pytest.mark.parametrize(
    "call",
    [
        "GET /bigquery/v2/projects/local-project/datasets/d/routines",
        "POST /bigquery/v2/projects/local-project/datasets/d/tables/t/insertAll",
        "PATCH /bigquery/v2/projects/local-project/queries",
        "GET /bigqueryconnection/v1/projects/local-project/locations/us/elsewhere",
        "GET /dataform/v1beta1/projects/local-project/locations/us-central1/workspaces",
        "POST /storage/v1/b/demo/notificationConfigs",
        "GET /aiplatform/v1/projects/local-project/locations/us-central1/models",
    ],
)
def test_what_a_service_does_not_do_is_refused_by_name(cloud: RunningCloud, call: str) -> None:
    method, path = call.split()
    status, answer = ask(cloud, method, path, b"{}" if method != "GET" else None)
    assert status == 501
    assert answer["error"]["errors"][0]["reason"] == "notImplemented"
    assert call in answer["error"]["message"], "the refusal names method and path"


def test_a_path_of_no_service_is_not_found(cloud: RunningCloud) -> None:
    status, answer = ask(cloud, "GET", "/compute/v1/projects/local-project/regions")
    assert (status, answer["error"]["status"]) == (404, "NOT_FOUND")


def test_a_body_that_is_no_json_object_is_a_parse_error(cloud: RunningCloud) -> None:
    for body in (b"{", b"[]", b"\xff"):
        status, answer = ask(cloud, "POST", "/bigquery/v2/projects/local-project/datasets", body)
        assert status == 400
        assert "Parse Error" in answer["error"]["message"]
