"""models.*: a remote model made by SQL, as the official client sees it."""

from __future__ import annotations

import pytest
from google.api_core.exceptions import NotFound
from google.cloud import bigquery

from localcloud.http.discovery.conformance import problems
from tests import plain_http as http
from tests.conftest import RunningCloud


def test_a_model_is_seen_listed_labelled_and_deleted(cloud: RunningCloud, dataset: str, model: str) -> None:
    client = cloud.bigquery
    resource = http.get(f"{cloud.url}/bigquery/v2/projects/{cloud.project}/datasets/{dataset}/models/m").json()
    assert problems("bigquery.v2", "Model", resource) == []
    assert resource["remoteModelInfo"]["endpoint"].endswith("multimodalembedding@001")
    found = client.get_model(model)
    assert (found.model_type, found.location) == ("MODEL_TYPE_UNSPECIFIED", "US")
    found.labels, found.description = {"step": "model"}, "for images"
    changed = client.update_model(found, ["labels", "description"])
    assert (changed.labels, changed.description) == ({"step": "model"}, "for images")
    [listed] = client.list_models(dataset)
    assert (listed.model_id, listed.labels) == ("m", {"step": "model"})
    client.delete_model(model)
    with pytest.raises(NotFound, match=f"Not found: Model local-project:{dataset}.m"):
        client.get_model(model)


def test_a_dataset_with_a_model_is_in_use_and_takes_it_along(cloud: RunningCloud, dataset: str, model: str) -> None:
    with pytest.raises(Exception, match="still in use"):
        cloud.bigquery.delete_dataset(dataset)
    cloud.bigquery.delete_dataset(dataset, delete_contents=True)
    cloud.bigquery.create_dataset(bigquery.Dataset(f"{cloud.project}.{dataset}"))
    assert list(cloud.bigquery.list_models(dataset)) == []
