"""A missing role is waited for; then the error names the role, the service account and the resource."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from tenacity import wait_fixed

from imagesearch.errors import PermissionMissing
from imagesearch.gcp import grants
from imagesearch.gcp.sql import connection_name
from imagesearch.pipeline import remote_model
from tests.warehouse.conftest import OWNER, Pipeline

PROJECT = "cloudresourcemanager/v1/projects/local-project"

ENOUGH_TO_USE_UP_IDS = 7
"""Refused jobs of one batch: more than a batch had ids for when they were counted over all runs."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries 50 times a second, and gives up after one."""
    monkeypatch.setattr(grants, "PROPAGATION_DEADLINE", 1.0)
    monkeypatch.setattr(grants, "wait_exponential", lambda **_: wait_fixed(0.02))


@pytest.fixture
def member(pipeline: Pipeline) -> Iterator[str]:
    """The connection's service account. What is taken from it on the project it has again afterwards."""
    before = project_policy(pipeline)["bindings"]
    name = pipeline.spec.table.parts[1]
    url = f"{pipeline.cloud.url}/bigqueryconnection/v1/projects/local-project/locations/us/connections/{name}"
    yield f"serviceAccount:{requests.get(url, timeout=30).json()['cloudResource']['serviceAccountId']}"
    set_project_policy(pipeline, before)


def project_policy(pipeline: Pipeline) -> dict[str, Any]:
    return requests.post(f"{pipeline.cloud.url}/{PROJECT}:getIamPolicy", json={}, timeout=30).json()  # type: ignore[no-any-return]


def set_project_policy(pipeline: Pipeline, bindings: list[dict[str, Any]]) -> None:
    body = {"policy": {"bindings": bindings}}
    assert requests.post(f"{pipeline.cloud.url}/{PROJECT}:setIamPolicy", json=body, timeout=30).ok


def embedding_jobs(pipeline: Pipeline) -> int:
    return len([job for job in pipeline.cloud.bigquery.list_jobs() if job.job_id.startswith(pipeline.spec.job_prefix)])


def without(bindings: list[dict[str, Any]], member: str) -> list[dict[str, Any]]:
    return [{**b, "members": [m for m in b["members"] if m != member]} for b in bindings]


def test_a_bucket_that_may_not_be_read_is_named_with_the_roles_and_the_account(pipeline: Pipeline, member: str) -> None:
    pipeline.put("a.jpg")
    rights = pipeline.bucket.get_iam_policy(requested_policy_version=3)
    rights.bindings = [b for b in rights.bindings if member not in b["members"]]
    pipeline.bucket.set_iam_policy(rights)
    with pytest.raises(PermissionMissing) as refusal:
        pipeline.converge()
    assert refusal.value.what.startswith(
        f"{member} lacks roles/storage.objectViewer and roles/storage.legacyBucketReader on gs://{pipeline.bucket.name}"
    )
    assert "images.public" in refusal.value.remedy
    assert pipeline.paid() == {}


def test_an_endpoint_that_may_not_be_used_is_named_with_the_role_and_the_account(
    pipeline: Pipeline, member: str
) -> None:
    set_project_policy(pipeline, without(project_policy(pipeline)["bindings"], member))
    connection = connection_name("local-project", "US", pipeline.spec.table.parts[1])
    model = remote_model.RemoteModelSpec(
        model=pipeline.spec.model, connection=connection, endpoint=pipeline.spec.endpoint
    )
    lacks = f"{member} lacks roles/aiplatform.user on the project local-project"
    with pytest.raises(PermissionMissing) as of_model:
        remote_model.create(pipeline.warehouse, model, OWNER, pipeline.said.append)
    assert of_model.value.what.startswith(lacks)
    pipeline.put("a.jpg")
    with pytest.raises(PermissionMissing) as of_embedding:
        pipeline.converge()
    assert of_embedding.value.what.startswith(lacks)
    assert any("waiting for the grants to take effect" in line for line in pipeline.said)
    assert pipeline.paid() == {}


def test_a_role_that_comes_late_is_enough_however_often_the_same_batch_was_refused(
    pipeline: Pipeline, member: str
) -> None:
    granted = project_policy(pipeline)["bindings"]
    set_project_policy(pipeline, without(granted, member))
    pipeline.put("a.jpg")
    while embedding_jobs(pipeline) < ENOUGH_TO_USE_UP_IDS:
        with pytest.raises(PermissionMissing):
            pipeline.converge()
    set_project_policy(pipeline, granted)
    assert pipeline.converge().counts.embedded == 1
    assert pipeline.paid() == {"a.jpg": 1}
