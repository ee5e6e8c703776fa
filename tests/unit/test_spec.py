"""A specification survives the way through the engine, and what is in the settings is nowhere listed again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from imagesearch.gcp.sql import connection_name, table_name
from imagesearch.pipeline.embedding_tables import TablesSpec
from imagesearch.pipeline.embeddings import EmbeddingsSpec
from imagesearch.pipeline.remote_model import RemoteModelSpec
from imagesearch.pipeline.search import SearchesSpec
from imagesearch.pipeline.vector_index import VectorIndexSpec
from imagesearch.settings.schema import Embedding, Index, Selection, parse
from imagesearch.settings.spec import Spec

NAMES = {name: table_name("my-project", "d", name) for name in ("object_table", "model", "table", "failures")}
SETTINGS = parse(
    {
        "images": {"limit": None, "contentTypes": ["image/png", "image/jpeg"]},
        "embedding": {"maxAttempts": 7, "budgetUsd": 3, "wait": False},
        "index": {"minRecall": 0.5},
    }
)
EMBEDDINGS = EmbeddingsSpec.of(SETTINGS, **NAMES)
SPECS: list[Spec] = [
    EMBEDDINGS,
    TablesSpec(table=NAMES["table"], failures=NAMES["failures"]),
    RemoteModelSpec(
        model=NAMES["model"],
        connection=connection_name("my-project", "US", "images"),
        endpoint="multimodalembedding@001",
    ),
    SearchesSpec(
        queries=SETTINGS.searches,
        model=NAMES["model"],
        embeddings=NAMES["table"],
        search_embeddings=NAMES["table"],
        results=NAMES["table"],
        dimension=1408,
        distance="COSINE",
    ),
    VectorIndexSpec(index="i", table=NAMES["table"], dimension=1408, **SETTINGS.index.model_dump()),
]


def through_the_engine(properties: Any) -> Any:
    """Properties as a provider is given them: whole numbers as floats, nothing that is None."""
    if isinstance(properties, dict):
        return {key: through_the_engine(value) for key, value in properties.items() if value is not None}
    if isinstance(properties, list):
        return [through_the_engine(value) for value in properties]
    return float(properties) if type(properties) is int else properties


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: type(spec).__name__)
def test_a_specification_is_read_back_as_it_was_written(spec: Spec) -> None:
    properties = json.loads(json.dumps(spec.to_properties()))
    among_others = {**through_the_engine(properties), "project": "my-project", "owner": "0123", "added": 3.0}
    assert type(spec).from_properties(among_others) == spec


def test_no_limit_is_not_taken_for_the_default_limit() -> None:
    properties = through_the_engine(EMBEDDINGS.to_properties())
    assert "limit" not in properties
    assert EmbeddingsSpec.from_properties(properties).limit is None


def test_every_setting_of_the_embeddings_and_of_the_index_is_a_property() -> None:
    assert set(EmbeddingsSpec.inputs()) >= {*Embedding.model_fields, *Selection.model_fields}
    assert set(VectorIndexSpec.inputs()) >= set(Index.model_fields)
    assert EMBEDDINGS.to_properties().items() >= SETTINGS.embedding.model_dump().items()


def test_properties_of_a_stack_that_was_made_before_a_setting_take_its_default() -> None:
    older = {name: value for name, value in EMBEDDINGS.to_properties().items() if name != "max_attempts"}
    assert EmbeddingsSpec.from_properties(older).max_attempts == Embedding().max_attempts


def test_a_comment_on_a_statement_is_no_change_of_the_model() -> None:
    statement = SPECS[2].to_properties()["statement"]
    assert statement.startswith("CREATE OR REPLACE MODEL") and "--" not in statement
