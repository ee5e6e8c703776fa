"""What several tests of the server need beside the server."""

from __future__ import annotations

import uuid

import pytest

from tests import plain_http as http
from tests.conftest import RunningCloud


@pytest.fixture
def model(cloud: RunningCloud, dataset: str) -> str:
    """A remote model over a connection of its own; `dataset.model`."""
    for api in ("aiplatform", "bigqueryconnection"):
        root = f"{cloud.url}/serviceusage/v1/projects/{cloud.project}/services"
        assert http.post(f"{root}/{api}.googleapis.com:enable", json={}).status_code == 200
    connection = f"c{uuid.uuid4().hex[:8]}"
    url = f"{cloud.url}/bigqueryconnection/v1/projects/{cloud.project}/locations/US/connections"
    made = http.post(f"{url}?connectionId={connection}", json={"cloudResource": {}}).json()
    cloud.advance(600)
    project = f"{cloud.url}/cloudresourcemanager/v1/projects/{cloud.project}"
    policy = http.post(f"{project}:getIamPolicy", json={}).json()
    member = f"serviceAccount:{made['cloudResource']['serviceAccountId']}"
    policy["bindings"].append({"role": "roles/aiplatform.user", "members": [member]})
    assert http.post(f"{project}:setIamPolicy", json={"policy": policy}).status_code == 200
    cloud.advance(600)
    cloud.query(
        f"CREATE MODEL {dataset}.m REMOTE WITH CONNECTION `{cloud.project}.us.{connection}` "
        "OPTIONS (ENDPOINT = 'multimodalembedding@001')"
    )
    return f"{dataset}.m"
