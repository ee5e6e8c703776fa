"""What a killed run made and did not note: ours is taken away or taken over, and nobody else's is touched."""

from __future__ import annotations

import uuid

import pytest
import requests
from google.cloud import bigquery

from imagesearch.errors import NotOurs, ServiceUnreachable
from imagesearch.gcp import connections
from imagesearch.gcp.bigquery import Target
from imagesearch.gcp.sql import connection_name, dataset_name
from imagesearch.pipeline import ownership, remote_model
from localcloud.testing import RunningCloud
from tests.warehouse.conftest import OWNER, Pipeline


def connection(cloud: RunningCloud, description: str) -> str:
    name = f"c{uuid.uuid4().hex[:10]}"
    url = f"{cloud.url}/bigqueryconnection/v1/projects/{cloud.project}/locations/US/connections?connectionId={name}"
    requests.post(url, json={"cloudResource": {}, "description": description}, timeout=10).raise_for_status()
    return name


def dropped(cloud: RunningCloud, name: str, description: str) -> bool:
    target = Target(cloud.project, "US", f"{cloud.url}/bigquery/v2/", "local")
    return connections.drop(target, f"{cloud.url}/bigqueryconnection/v1/", name, description)


def test_only_a_connection_that_says_it_is_ours_is_removed(pipeline: Pipeline) -> None:
    name = connection(pipeline.cloud, "ours")
    assert not dropped(pipeline.cloud, name, "of another stack")
    assert dropped(pipeline.cloud, name, "ours")
    assert not dropped(pipeline.cloud, name, "ours"), "it is gone"


def test_a_connection_service_that_does_not_answer_is_named() -> None:
    target = Target("p", "US", access_token="local")
    with pytest.raises(ServiceUnreachable, match="connection c could not be read"):
        connections.drop(target, "http://127.0.0.1:9/v1/", "c", "ours")


def test_only_an_empty_dataset_of_this_stack_is_removed(pipeline: Pipeline) -> None:
    name = dataset_name(pipeline.cloud.project, f"e{uuid.uuid4().hex[:10]}")
    assert not ownership.drop_empty_dataset(pipeline.warehouse, name), "there is none"
    dataset = pipeline.cloud.bigquery.create_dataset(bigquery.Dataset(name.path))
    assert not ownership.drop_empty_dataset(pipeline.warehouse, name), "nothing says that it is ours"
    dataset.labels = pipeline.warehouse.labels
    pipeline.cloud.bigquery.update_dataset(dataset, ["labels"])
    pipeline.cloud.query(f"CREATE TABLE {name}.somebodys (n INT64)")
    assert not ownership.drop_empty_dataset(pipeline.warehouse, name), "something is in it"
    pipeline.cloud.bigquery.delete_table(f"{name.path}.somebodys")
    assert ownership.drop_empty_dataset(pipeline.warehouse, name)


def test_a_model_that_was_made_and_not_labelled_is_taken_over(pipeline: Pipeline) -> None:
    spec, own = pipeline.spec, connection_name(pipeline.cloud.project, "US", pipeline.spec.table.parts[1])
    model = remote_model.RemoteModelSpec(model=spec.model, connection=own, endpoint=spec.endpoint)
    pipeline.warehouse.drop_model(spec.model)
    pipeline.warehouse.query(model.statement)
    remote_model.create(pipeline.warehouse, model, OWNER, pipeline.said.append)
    labelled = pipeline.warehouse.model(spec.model)
    assert labelled is not None and ownership.is_ours(labelled.labels, pipeline.warehouse.labels)


def test_a_model_over_another_connection_is_somebody_elses(pipeline: Pipeline) -> None:
    spec, own = pipeline.spec, connection_name(pipeline.cloud.project, "US", pipeline.spec.table.parts[1])
    pipeline.warehouse.drop_model(spec.model)
    pipeline.warehouse.query(
        remote_model.RemoteModelSpec(model=spec.model, connection=own, endpoint=spec.endpoint).statement
    )
    elsewhere = connection_name(pipeline.cloud.project, "US", connection(pipeline.cloud, ""))
    with pytest.raises(NotOurs, match="was not made by this stack"):
        remote_model.create(
            pipeline.warehouse,
            remote_model.RemoteModelSpec(model=spec.model, connection=elsewhere, endpoint=spec.endpoint),
            OWNER,
            pipeline.said.append,
        )
