"""Google's own analyzer accepts every statement of queries/, with the names of every stack."""

from __future__ import annotations

from dataclasses import fields
from functools import cache

import pytest

from imagesearch.gcp import sql
from imagesearch.pipeline.embeddings import Counts
from tests.inventory.stack_files import STACK_FILES, StackFile
from tests.oracle.stack_statements import QUERIES, StackStatements
from tests.oracle.zetasql_catalog import Catalog, spelled

STACKS = pytest.mark.parametrize("stack", STACK_FILES, ids=[file.stack for file in STACK_FILES])
RESOLVED = {
    "CREATE MODEL": "ResolvedCreateModelStmt",
    "CREATE TABLE": "ResolvedCreateTable",
    "CREATE VECTOR INDEX": "ResolvedCreateIndexStmt",
    "DELETE": "ResolvedDeleteStmt",
    "DROP": "ResolvedDrop",
    "ALTER VECTOR INDEX": "ResolvedAlterIndexStmt",
    "MERGE": "ResolvedMergeStmt",
}


@cache
def _catalog(stack: str) -> Catalog:
    return StackStatements(next(file for file in STACK_FILES if file.stack == stack)).catalog()


@STACKS
@pytest.mark.parametrize("query", QUERIES)
def test_the_analyzer_of_google_takes_the_statement(stack: StackFile, query: str) -> None:
    statements = StackStatements(stack)
    text = statements.render(query)
    resolved = type(_catalog(stack.stack).analyze(text, statements.parameters(query))).__name__
    body = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    body = body.replace(" OR REPLACE", "").replace(" IF NOT EXISTS", "")
    expected = next((kind for start, kind in RESOLVED.items() if body.startswith(start)), "ResolvedQueryStmt")
    assert resolved.startswith(expected)


@STACKS
def test_what_is_staged_is_what_the_embeddings_hold(stack: StackFile) -> None:
    statements, catalog = StackStatements(stack), _catalog(stack.stack)
    staged = catalog.tables[statements.placeholders["staging"].path]  # type: ignore[union-attr]
    stored = catalog.tables[statements.placeholders["embeddings"].path]  # type: ignore[union-attr]
    assert staged.keys() - stored.keys() == {"status"}
    assert stored.keys() - staged.keys() == {"endpoint", "dimension"}
    assert all(spelled(stored[column]) == spelled(kind) for column, kind in staged.items() if column != "status")


@STACKS
def test_a_vector_has_the_type_that_an_index_takes(stack: StackFile) -> None:
    statements, catalog = StackStatements(stack), _catalog(stack.stack)
    stored = catalog.tables[statements.placeholders["embeddings"].path]  # type: ignore[union-attr]
    assert spelled(stored["embedding"]) == "ARRAY<FLOAT64>"


@pytest.mark.parametrize("location", ["US", "us-central1"])
def test_the_statements_fit_the_other_endpoint_too(location: str) -> None:
    config = {
        "image-search:dataset": {"location": location},
        "image-search:embedding": {"endpoint": "gemini-embedding-2-preview", "dimension": 1536},
        "image-search:index": {"type": "TREE_AH", "distance": "DOT_PRODUCT"},
    }
    statements = StackStatements(StackFile("gemini", config))
    catalog = statements.catalog()
    for query in ("create_remote_model", "create_vector_index", "merge_batch", "search_text"):
        catalog.analyze(statements.render(query), statements.parameters(query))


def test_the_counts_of_the_images_are_the_fields_of_the_programs_counts() -> None:
    statements = StackStatements(STACK_FILES[0])
    columns = _catalog(STACK_FILES[0].stack).columns(
        statements.render("count_images"), statements.parameters("count_images")
    )
    assert list(columns) == [field.name for field in fields(Counts)]
    assert {name: spelled(kind) for name, kind in columns.items()} == {
        name: "TIMESTAMP" if name == "last_embedded" else "INT64" for name in columns
    }


def test_results_have_the_columns_that_the_program_reads() -> None:
    statements = StackStatements(STACK_FILES[0])
    columns = _catalog(STACK_FILES[0].stack).columns(statements.render("select_results"))
    assert {name: spelled(kind) for name, kind in columns.items()} == {
        "search": "STRING",
        "search_text": "STRING",
        "place": "INT64",
        "gcs_uri": "STRING",
        "distance": "FLOAT64",
        "caption": "STRING",
    }


@pytest.mark.parametrize(
    "text",
    ['it"s', "back\\slash", "new\nline", "tab\t", "ünïcödé 東京", "'", "`", "\x7f\x1f", "??/", "𝄞", "</", "${x}", ""],
)
def test_a_text_of_ours_is_the_same_text_to_google(text: str) -> None:
    resolved = _catalog(STACK_FILES[0].stack).analyze(f"SELECT {sql.Text(text)} AS text")
    (computed,) = resolved.query.expr_list
    assert computed.expr.value.value.string_value == text
