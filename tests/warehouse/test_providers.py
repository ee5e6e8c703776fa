"""The dynamic providers, called as Pulumi calls them, against a running local cloud."""

from __future__ import annotations

from typing import Any, TypeVar

import pytest
from pulumi.dynamic import ConfigureRequest
from pulumi.dynamic.config import Config

from components.dynamic import Provider
from components.embeddings import EmbeddedImagesProvider, EmbeddingsTablesProvider
from components.remote_model import RemoteModelProvider
from components.searches import SearchesProvider
from components.vector_index import VectorIndexProvider
from imagesearch.errors import StatementFailed
from imagesearch.gcp.sql import connection_name, render, table_name
from tests.warehouse.conftest import Pipeline

AnyProvider = TypeVar("AnyProvider", bound=Provider)


def configured(pipeline: Pipeline, provider: type[AnyProvider]) -> AnyProvider:
    """A provider with the stack's config, as its host makes it."""
    config = {
        "gcp:bigQueryCustomEndpoint": f"{pipeline.cloud.url}/bigquery/v2/",
        "gcp:accessToken": "local",
    }
    made = provider()
    made.configure(ConfigureRequest(Config(config, "image-search")))
    return made


def place(pipeline: Pipeline) -> dict[str, Any]:
    return {"project": pipeline.cloud.project, "location": "US", "labels": pipeline.warehouse.labels}


def embedded(pipeline: Pipeline, owner: str) -> dict[str, Any]:
    """Inputs of EmbeddedImages; numbers as floats, as they come through the engine."""
    work = pipeline.spec
    names = {key: getattr(work, key).path for key in ("object_table", "model", "table", "failures")}
    return {
        **place(pipeline),
        **names,
        "endpoint": work.endpoint,
        "dimension": 128.0,
        "content_types": ["image/jpeg"],
        "max_attempts": 3.0,
        "sync": "onUp",
        "owner": owner,
    }


def test_images_converge_in_create_and_update_and_diff_sees_the_bucket(pipeline: Pipeline) -> None:
    tables = configured(pipeline, EmbeddingsTablesProvider)
    names = {"table": pipeline.spec.table.path, "failures": pipeline.spec.failures.path}
    owner = tables.create({**place(pipeline), **names}).id
    images = configured(pipeline, EmbeddedImagesProvider)
    inputs = embedded(pipeline, owner)

    pipeline.put("a.jpg", "b.jpg")
    made = images.create(dict(inputs))
    state = {**inputs, **(made.outs or {})}
    assert (state["objects"], state["embedded"], state["complete"]) == (2, 2, True)
    assert not images.diff(made.id, state, inputs).changes, "nothing has moved"

    pipeline.put("c.jpg")
    assert images.diff(made.id, state, inputs).changes is True, "the bucket has moved though no input has"
    assert not images.diff(made.id, state, {**inputs, "sync": "onChange"}).changes, "unless it is not to be looked at"
    state = {**inputs, **(images.update(made.id, state, inputs).outs or {})}
    assert (state["embedded"], state["added"]) == (3, 1)
    assert (images.read(made.id, state).outs or {})["embedded"] == 3
    assert images.diff(made.id, state, {**inputs, "table": "p.d.another"}).replaces == ["table"]

    tables.delete(owner, {**place(pipeline), **names})
    assert images.read(made.id, state).id == "", "gone with its tables"
    assert tables.read(owner, {**place(pipeline), **names}).id == ""


def test_a_model_is_made_read_and_deleted_and_its_drift_is_an_input(pipeline: Pipeline) -> None:
    provider = configured(pipeline, RemoteModelProvider)
    dataset = pipeline.spec.table.parts[1]
    model = table_name(pipeline.cloud.project, dataset, "another_model")
    connection = connection_name(pipeline.cloud.project, "US", dataset)
    inputs = {
        **place(pipeline),
        "model": model.path,
        "connection": connection.path,
        "endpoint": "multimodalembedding@001",
        "statement": "",
    }
    made = provider.create(dict(inputs))
    assert provider.read(made.id, inputs).id == made.id
    elsewhere = provider.read(made.id, {**inputs, "endpoint": "another@001"})
    assert (elsewhere.inputs or {})["endpoint"] == "multimodalembedding@001"
    provider.delete(made.id, inputs)
    assert provider.read(made.id, inputs).id == ""
    provider.delete(made.id, inputs)  # twice is quiet


def test_an_endpoint_that_does_not_exist_fails_at_once_and_by_name(pipeline: Pipeline) -> None:
    provider = configured(pipeline, RemoteModelProvider)
    dataset = pipeline.spec.table.parts[1]
    inputs = {
        **place(pipeline),
        "model": table_name(pipeline.cloud.project, dataset, "another_model").path,
        "connection": connection_name(pipeline.cloud.project, "US", dataset).path,
        "endpoint": "no-such-model@001",
    }
    with pytest.raises(StatementFailed, match="no-such-model@001"):
        provider.create(inputs)


def test_searches_and_index_follow_the_embeddings(pipeline: Pipeline) -> None:
    pipeline.put("a.jpg", "b.jpg")
    counts = pipeline.converge().counts
    dataset = pipeline.spec.table.parts[1]
    index = configured(pipeline, VectorIndexProvider)
    inputs = {
        **place(pipeline),
        "table": pipeline.spec.table.path,
        "owner": "",
        "index": "images_index",
        "dimension": 128.0,
        "type": "IVF",
        "distance": "COSINE",
        "wait": True,
        "min_recall": 0.8,
        "rows": float(counts.stored),
        "version": counts.version,
    }
    state = index.create(dict(inputs)).outs or {}
    assert state["status"] == "skipped" and "5,000" in state["reason"]
    assert not index.diff("", state, inputs).changes

    searches = configured(pipeline, SearchesProvider)
    names = {key: table_name(pipeline.cloud.project, dataset, key).path for key in ("search_embeddings", "results")}
    wanted = {
        **place(pipeline),
        **names,
        "queries": [{"name": "one", "text": "a", "top_k": 1.0}, {"name": "two", "text": "b", "top_k": 2.0}],
        "model": pipeline.spec.model.path,
        "embeddings": pipeline.spec.table.path,
        "dimension": 128.0,
        "distance": "COSINE",
        "version": counts.version,
    }
    found = (searches.create(dict(wanted)).outs or {})["found"]
    assert {name: len(hits) for name, hits in found.items()} == {"one": 1, "two": 2}, "each search its own top_k"
    kept = pipeline.warehouse.query(render("select_results", results=table_name(*names["results"].split("."))))
    assert [row["gcs_uri"] for row in kept if row["search"] == "two"] == [hit["uri"] for hit in found["two"]]
    searches.delete("", wanted)
    assert not {"search_embeddings", "results"} & pipeline.tables()
