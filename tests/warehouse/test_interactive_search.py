"""Interactive search over an index: its results, how the index is used, and its cost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from imagesearch.errors import NotThere
from imagesearch.pipeline import vector_index
from imagesearch.pipeline.interactive_search import Explorer, Found, Question
from imagesearch.pipeline.vector_index import VectorIndexSpec
from imagesearch.web.app import index_usage
from tests.warehouse.conftest import Pipeline
from tests.warehouse.test_vector_index import DIMENSION, ROWS, ensure, grow, index

__all__ = ["grow", "index"]

SPREAD = "SIN(n * 12.9898 + k * 78.233)"


@pytest.fixture
def explorer(pipeline: Pipeline) -> Explorer:
    return Explorer(pipeline.warehouse, pipeline.spec.model, pipeline.spec.table, DIMENSION)


def uris(found: Found) -> list[str]:
    return [hit.uri for hit in found.hits]


def test_a_filter_finds_all_that_were_asked_for_though_an_index_would_miss_them(
    pipeline: Pipeline, explorer: Explorer, index: VectorIndexSpec, grow: Callable[[int, int, str], None]
) -> None:
    grow(1, ROWS, SPREAD)
    assert ensure(pipeline, index, ROWS).status == "active"
    whole = explorer.ask(Question("", "gs://b/77", 10, "COSINE"))
    assert index_usage(whole) == "used for every row" and "gs://b/77" not in uris(whole)
    other = explorer.ask(Question("", "gs://b/77", 10, "EUCLIDEAN"))
    assert index_usage(other).startswith("not used: every vector was compared. ")
    found = explorer.ask(Question("", "gs://b/77", 10, "COSINE", folder="gs://b/49"))
    assert len(found.hits) == 10 and all(uri.startswith("gs://b/49") for uri in uris(found))
    exact = pipeline.warehouse.query(
        f"SELECT e.uri FROM {pipeline.spec.table} e, {pipeline.spec.table} q WHERE q.uri = 'gs://b/77' "
        "AND e.uri LIKE 'gs://b/49%' ORDER BY COSINE_DISTANCE(e.embedding, q.embedding), e.uri LIMIT 10"
    )
    assert uris(found) == [row["uri"] for row in exact]
    vector_index.drop(pipeline.warehouse, index)


def test_asking_again_for_a_text_pays_for_nothing_also_with_other_filters(pipeline: Pipeline) -> None:
    pipeline.put("a.jpg", "b/c.jpg")
    pipeline.converge()
    explorer = Explorer(pipeline.warehouse, pipeline.spec.model, pipeline.spec.table, 128)
    first = explorer.ask(Question("a castle", "", 5, "COSINE"))
    paid = pipeline.cloud.control("ledger", method="GET")["texts"]
    again = explorer.ask(Question("a castle", "", 5, "COSINE", ("image/jpeg",), f"gs://{pipeline.bucket.name}/b/"))
    assert pipeline.cloud.control("ledger", method="GET")["texts"] == paid
    assert (len(first.hits), len(first.steps)) == (2, 2)
    assert (uris(again), len(again.steps)) == ([f"gs://{pipeline.bucket.name}/b/c.jpg"], 1)
    folders = {
        (folder.uri.removeprefix(f"gs://{pipeline.bucket.name}"), folder.images) for folder in explorer.folders()
    }
    assert folders == {("/", 1), ("/b/", 1)}


def test_a_picture_without_an_embedding_is_named(explorer: Explorer) -> None:
    with pytest.raises(NotThere, match=r"There is no embedding of gs://nowhere/a\.jpg"):
        explorer.ask(Question("", "gs://nowhere/a.jpg", 5, "COSINE"))
