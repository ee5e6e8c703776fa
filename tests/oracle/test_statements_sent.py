"""Google's own analyzer accepts the statements that the program sends, with the parameters that it declares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import zetasql.types as z

from imagesearch.gcp.bigquery import Parameter
from imagesearch.gcp.sql import Identifier
from imagesearch.pipeline import convergence, embedding_tables, search, vector_index
from imagesearch.pipeline.embeddings import EmbeddingsSpec
from imagesearch.pipeline.interactive_search import Explorer, Question
from imagesearch.pipeline.search import SearchesSpec
from imagesearch.pipeline.vector_index import VectorIndexSpec
from imagesearch.web import pictures
from tests.inventory.stack_files import STACK_FILES, StackFile
from tests.oracle.stack_statements import StackStatements
from tests.oracle.zetasql_catalog import array, scalar, struct
from tests.unit import test_convergence as runs
from tests.unit.fake_warehouse import FakeWarehouse


def _declared(kind: dict[str, Any]) -> z.Type:
    """The type that a parameter's REST form declares."""
    if kind["type"] == "ARRAY":
        return array(_declared(kind["arrayType"]))
    if kind["type"] == "STRUCT":
        return struct({member["name"]: _declared(member["type"]) for member in kind["structTypes"]})
    return scalar(kind["type"])


def _parameters(given: Sequence[Parameter]) -> dict[str, z.Type]:
    shapes = [parameter.to_api_repr() for parameter in given]
    return {shape["name"]: _declared(shape["parameterType"]) for shape in shapes}


@pytest.mark.parametrize("stack", STACK_FILES, ids=[file.stack for file in STACK_FILES])
def test_every_statement_of_a_run_is_taken_with_its_parameters(stack: StackFile) -> None:
    statements = StackStatements(stack)
    names = {key: value for key, value in statements.placeholders.items() if isinstance(value, Identifier)}
    settings = stack.settings
    spec = EmbeddingsSpec.of(
        settings,
        object_table=names["object_table"],
        model=names["model"],
        table=names["embeddings"],
        failures=names["failures"],
    )
    searches = SearchesSpec(
        queries=settings.searches,
        model=names["model"],
        embeddings=names["embeddings"],
        search_embeddings=names["search_embeddings"],
        results=names["results"],
        dimension=settings.embedding.dimension,
        distance=settings.index.distance,
    )
    warehouse = runs.answering(runs.COUNTS, runs.SETTLED, batches=[runs.BATCH, []])
    embedding_tables.create(warehouse, spec, "0123456789abcdef")
    convergence.converge(warehouse, spec, runs.silent)
    search.run(warehouse, searches, runs.silent)
    search.search(warehouse, searches, "a castle", 5)
    vector = {"embedding": [0.5] * settings.embedding.dimension, "caption": None}
    warehouse.rows |= {"The vector of one text": [[vector]], "The stored vector of one": [[vector]]}
    explorer = Explorer.of(warehouse, searches)
    explorer.ask(Question("a castle", "", 5, "COSINE"))
    explorer.ask(Question("", "gs://bucket/a.jpg", 5, "EUCLIDEAN", ("image/png",), "gs://bucket/"))
    explorer.folders()
    pictures.signed_urls(warehouse, names["object_table"], ["gs://bucket/a.jpg"])
    index = settings.index.model_copy(update={"type": "IVF", "wait": False}).model_dump()
    index |= {"index": "met_images_index", "table": spec.table, "dimension": spec.dimension}
    vector_index.ensure(warehouse, VectorIndexSpec.model_validate(index), 10_000, runs.silent)
    _check(statements, warehouse)
    assert len(warehouse.asked) >= 20


def _check(statements: StackStatements, warehouse: FakeWarehouse) -> None:
    """Every statement in order, against what those before it made."""
    catalog = statements.empty_catalog()
    for text, parameters in warehouse.asked:
        catalog.run(text, _parameters(parameters))
