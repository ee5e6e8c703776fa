"""The catalog of these tests refuses what BigQuery would refuse."""

from __future__ import annotations

from functools import cache

import pytest

from imagesearch.gcp import sql
from tests.inventory.stack_files import STACK_FILES
from tests.oracle.stack_statements import StackStatements
from tests.oracle.zetasql_catalog import Catalog, Refused

STATEMENTS = StackStatements(STACK_FILES[0])


@cache
def _catalog() -> Catalog:
    return STATEMENTS.catalog()


def _refused(query: str, old: str, new: str) -> str:
    """What the harness says of a statement of ours with one thing in it changed."""
    text = STATEMENTS.render(query)
    assert old in text
    with pytest.raises(Refused) as refusal:
        _catalog().analyze(text.replace(old, new, 1), STATEMENTS.parameters(query))
    return str(refusal.value)


@pytest.mark.parametrize(
    ("query", "old", "new", "said"),
    [
        ("select_failures", "attempts", "tries", "Unrecognized name: tries"),
        ("merge_batch", "size = staged.size", "size = staged.md5_hash", "type STRING"),
        ("merge_batch", "staged.uri, staged.generation", "staged.generation", "wrong column count"),
        ("record_failures", "known.attempts + 1", "known.attempts + 'one'", "Could not cast"),
        ("select_pending", "LIMIT @batch_size", "LIMIT @content_types", "LIMIT"),
        ("select_pending", "@batch_size", "@size", "Query parameter 'size' not found"),
        ("count_images", "`new`", "new", "Unexpected keyword NEW"),
        ("count_images", "WHERE TRUE", "", "QUALIFY"),
        ("select_vector_index", "coverage_percentage", "coverage", "Unrecognized name: coverage"),
        ("select_vector_index", "VECTOR_INDEXES", "VECTOR_INDICES", "Table not found"),
        ("create_vector_index", "(embedding)", "(vector)", "Unrecognized name: vector"),
        ("create_vector_index", "index_type =", "kind_of_index =", "kind_of_index"),
        ("create_embeddings", "labels = [", "labels = ['x', ", "common supertype"),
        ("create_remote_model", "CONNECTION `", "CONNECTION `x", "onnection"),
        ("embed_batch", "output_dimensionality", "dimension", "options of AI.GENERATE_EMBEDDING"),
        ("embed_batch", "WHERE uri", "GROUP BY ALL HAVING uri", "only WHERE, ORDER BY and LIMIT"),
        ("embed_batch", "content_type,", "content,", "Unrecognized name: content"),
        ("embed_batch", "SELECT *", "SELECT uri, generation", "takes an object table"),
        ("embed_searches", "text AS content", "top_k AS content", "content must be STRING"),
        ("embed_searches", "text AS content", "text", "takes an object table"),
        ("embed_searches", "STRUCT(", "options => STRUCT(", "no named arguments"),
        ("embed_searches", "SELECT name, content", "SELECT name, uri", "Unrecognized name: uri"),
        ("run_searches", "'embedding'", "'uri'", "not a column of vectors"),
        ("run_searches", "query.name", "query.title", "title"),
        ("run_searches", "base.metadata", "base.caption", "caption"),
        ("run_searches", "distance_type =>", "distance =>", "distance"),
        ("run_searches", "top_k => 3", "top_k => 'three'", "No matching signature for VECTOR_SEARCH"),
        ("measure_recall", "use_brute_force", "brute_force", "are unknown"),
    ],
)
def test_a_statement_with_a_mistake_is_refused(query: str, old: str, new: str, said: str) -> None:
    assert said in _refused(query, old, new)


def test_a_search_without_a_distance_type_is_refused() -> None:
    text = STATEMENTS.render("run_searches")
    given = f",\n    distance_type => {sql.Text(STACK_FILES[0].settings.index.distance)}"
    assert given in text
    with pytest.raises(Refused, match="distance_type must be given"):
        _catalog().analyze(text.replace(given, ""))


def test_a_statement_that_is_not_googlesql_is_refused() -> None:
    with pytest.raises(Refused, match="Syntax error"):
        _catalog().analyze("SELECT TOP 3 uri FROM images")


def test_a_table_that_no_statement_made_is_refused() -> None:
    with pytest.raises(Refused, match="Table not found"):
        _catalog().analyze("SELECT 1 FROM `my-project.bqml_tutorial.elsewhere`")
