"""A search for any text returns its nearest images or an error with the reason."""

from __future__ import annotations

import pytest

from imagesearch.errors import StatementFailed
from imagesearch.pipeline.search import EMBED_ATTEMPTS, Hit, SearchesSpec, search
from tests.warehouse.conftest import Pipeline

RETRYABLE = "A retryable error occurred: RESOURCE_EXHAUSTED error from remote service/endpoint."


def find(pipeline: Pipeline) -> list[Hit]:
    names = {"search_embeddings": pipeline.spec.table, "results": pipeline.spec.table}  # neither is written
    spec = pipeline.spec
    searches = SearchesSpec(
        queries=[], model=spec.model, embeddings=spec.table, dimension=128, distance="COSINE", **names
    )
    return search(pipeline.warehouse, searches, "a castle", 2)


def text_fails(pipeline: Pipeline, status: str, times: int) -> None:
    pipeline.cloud.control("faults", {"rows": {"uris": ["a castle"], "status": status, "times": times}})


def test_the_nearest_images_are_found_though_the_text_fails_at_first(pipeline: Pipeline) -> None:
    pipeline.put("a.jpg", "b.jpg", "c.jpg")
    pipeline.converge()
    tables = pipeline.tables()
    text_fails(pipeline, RETRYABLE, EMBED_ATTEMPTS - 1)
    hits = find(pipeline)
    assert len(hits) == 2 and hits[0].distance <= hits[1].distance
    assert pipeline.tables() == tables, "nothing is written"


@pytest.mark.parametrize("status", [RETRYABLE, "INVALID_ARGUMENT: the text is refused"])
def test_a_text_without_an_embedding_is_an_error_with_its_status(pipeline: Pipeline, status: str) -> None:
    pipeline.put("a.jpg")
    pipeline.converge()
    text_fails(pipeline, status, EMBED_ATTEMPTS)
    with pytest.raises(StatementFailed, match=status):
        find(pipeline)
