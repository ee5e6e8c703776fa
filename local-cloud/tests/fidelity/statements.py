"""An example of every kind of statement and table function, and what the local cloud makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["supported", "simplified", "refused"]


@dataclass(frozen=True)
class Kind:
    """A kind of statement. `note` says what is simplified; `test` shows more than that the example runs."""

    name: str
    example: str
    status: Status
    test: str
    note: str = ""


_DDL, _DML, _PAGE = "sql/test_ddl.py", "sql/test_dml.py", "sql/test_page.py"
_SEARCH, _INDEX, _OBJECTS, _EMBED = (
    "sql/test_search.py",
    "sql/test_indexes.py",
    "sql/test_objects.py",
    "sql/test_embedding.py",
)
_CORPUS = "sql/test_corpus.py::test_a_statement_gives_what_the_documentation_promises"
_REFUSED = "fidelity/test_fidelity.py::test_a_kind_of_statement_is_what_the_page_says"

KINDS = (
    Kind("SELECT", "SELECT id FROM d.t QUALIFY ROW_NUMBER() OVER (ORDER BY id) = 1", "supported", _CORPUS),
    Kind(
        "CREATE TABLE",
        "CREATE TABLE d.made (id INT64 NOT NULL, tags ARRAY<STRING>) OPTIONS (description = 'x')",
        "supported",
        f"{_DDL}::test_create_table_keeps_columns_descriptions_and_labels",
    ),
    Kind(
        "CREATE TABLE AS SELECT",
        "CREATE OR REPLACE TABLE d.made AS SELECT * FROM d.t",
        "supported",
        f"{_DDL}::test_create_table_as_select_keeps_the_order_and_the_types",
    ),
    Kind(
        "PARTITION BY, CLUSTER BY",
        "CREATE TABLE d.made (id INT64) CLUSTER BY id",
        "refused",
        _REFUSED,
    ),
    Kind("DROP TABLE", "DROP TABLE IF EXISTS d.t", "supported", f"{_DDL}::test_drop_table_if_exists"),
    Kind(
        "ALTER TABLE … SET OPTIONS",
        "ALTER TABLE d.t SET OPTIONS (description = 'x')",
        "supported",
        f"{_DDL}::test_alter_table_sets_and_clears_options",
    ),
    Kind("ALTER TABLE … ADD COLUMN", "ALTER TABLE d.t ADD COLUMN more INT64", "refused", _REFUSED),
    Kind(
        "DROP SCHEMA",
        "DROP SCHEMA d CASCADE",
        "supported",
        f"{_DDL}::test_drop_schema_cascade_takes_everything_along",
    ),
    Kind("CREATE VIEW", "CREATE VIEW d.v AS SELECT 1 AS x", "refused", _REFUSED),
    Kind("CREATE FUNCTION", "CREATE FUNCTION d.f(x INT64) AS (x + 1)", "refused", _REFUSED),
    Kind(
        "CREATE EXTERNAL TABLE (object table)",
        "CREATE EXTERNAL TABLE d.objects WITH CONNECTION DEFAULT"
        " OPTIONS (object_metadata = 'SIMPLE', uris = ['gs://demo-images/*'])",
        "supported",
        f"{_OBJECTS}::test_an_object_table_has_the_fixed_schema",
    ),
    Kind(
        "DROP EXTERNAL TABLE",
        "DROP EXTERNAL TABLE d.images",
        "supported",
        f"{_OBJECTS}::test_an_object_table_is_dropped_and_replaced_as_what_it_is",
    ),
    Kind(
        "EXTERNAL_OBJECT_TRANSFORM",
        "SELECT uri, signed_url FROM EXTERNAL_OBJECT_TRANSFORM(TABLE d.images, ['SIGNED_URL'])",
        "supported",
        f"{_OBJECTS}::test_external_object_transform_signs_urls",
    ),
    Kind(
        "CALL BQ.REFRESH_EXTERNAL_METADATA_CACHE",
        "CALL BQ.REFRESH_EXTERNAL_METADATA_CACHE('d.cached')",
        "supported",
        f"{_OBJECTS}::test_a_manual_metadata_cache_stands_until_it_is_refreshed",
    ),
    Kind(
        "CREATE MODEL … REMOTE",
        "CREATE MODEL d.another REMOTE WITH CONNECTION `us.c` OPTIONS (endpoint = 'multimodalembedding@001')",
        "simplified",
        f"{_DDL}::test_create_model_keeps_endpoint_and_connection",
        "two endpoints are known, multimodalembedding@001 and gemini-embedding-2-preview",
    ),
    Kind(
        "CREATE MODEL (trained)",
        "CREATE MODEL d.k OPTIONS (model_type = 'kmeans') AS SELECT 1 AS x",
        "refused",
        _REFUSED,
    ),
    Kind("DROP MODEL", "DROP MODEL d.m", "supported", f"{_PAGE}::test_the_remote_model"),
    Kind(
        "AI.GENERATE_EMBEDDING",
        "SELECT uri, status FROM AI.GENERATE_EMBEDDING(MODEL d.m, TABLE d.images)",
        "simplified",
        f"{_EMBED}::test_pictures_of_an_object_table_in_the_documented_column_order",
        "the vectors are of a small model of our own, or of a hash; no video",
    ),
    Kind("ML.GENERATE_TEXT", "SELECT * FROM ML.GENERATE_TEXT(MODEL d.m, TABLE d.t)", "refused", _REFUSED),
    Kind(
        "VECTOR_SEARCH",
        "SELECT base.id, distance FROM VECTOR_SEARCH(TABLE d.vectors, 'e', TABLE d.vectors, 'e', top_k => 1)",
        "supported",
        f"{_SEARCH}::test_the_worked_example_euclidean",
    ),
    Kind(
        "CREATE VECTOR INDEX",
        "CREATE VECTOR INDEX i ON d.many(e) OPTIONS (index_type = 'IVF', distance_type = 'COSINE')",
        "simplified",
        f"{_INDEX}::test_a_used_index_is_approximate_and_brute_force_is_exact",
        "TREE_AH is kept and used, but searched as IVF; coverage comes in one step",
    ),
    Kind(
        "ALTER VECTOR INDEX … REBUILD",
        "ALTER VECTOR INDEX IF EXISTS i ON d.many REBUILD",
        "simplified",
        f"{_INDEX}::test_drift_grows_when_other_pictures_come_in_and_a_rebuild_ends_it",
        "drift is a measure of our own",
    ),
    Kind(
        "DROP VECTOR INDEX",
        "DROP VECTOR INDEX IF EXISTS i ON d.many",
        "supported",
        f"{_INDEX}::test_one_index_a_table",
    ),
    Kind(
        "INFORMATION_SCHEMA",
        "SELECT table_name FROM d.INFORMATION_SCHEMA.TABLES",
        "simplified",
        f"{_DDL}::test_information_schema_lists_tables_columns_and_options",
        "TABLES, TABLE_OPTIONS, COLUMNS and the views of vector indexes",
    ),
    Kind(
        "INSERT",
        "INSERT INTO d.t (id) VALUES (7)",
        "supported",
        f"{_DML}::test_insert_select_counts_rows_and_converts_types",
    ),
    Kind(
        "UPDATE",
        "UPDATE d.t SET id = id + 1 WHERE TRUE",
        "supported",
        f"{_DML}::test_update_from_a_join_counts_updated_rows",
    ),
    Kind("DELETE", "DELETE FROM d.t WHERE id = 1", "supported", f"{_DML}::test_delete_by_anti_join"),
    Kind(
        "MERGE",
        "MERGE d.t AS t USING d.t AS s ON FALSE WHEN NOT MATCHED THEN INSERT ROW",
        "supported",
        f"{_DML}::test_merge_inserts_updates_and_deletes_in_one_statement",
    ),
    Kind("TRUNCATE TABLE", "TRUNCATE TABLE d.t", "supported", f"{_DML}::test_truncate_empties_the_table"),
    Kind("scripts (DECLARE, BEGIN, IF, …)", "DECLARE x INT64 DEFAULT 1", "refused", _REFUSED),
    Kind("several statements", "SELECT 1; SELECT 2", "refused", _REFUSED),
    Kind("EXPORT DATA", "EXPORT DATA OPTIONS (uri = 'gs://b/*', format = 'CSV') AS SELECT 1 AS x", "refused", _REFUSED),
    Kind("LOAD DATA", "LOAD DATA INTO d.t FROM FILES (format = 'CSV', uris = ['gs://b/a.csv'])", "refused", _REFUSED),
    Kind("GRANT", "GRANT `roles/bigquery.dataViewer` ON TABLE d.t TO 'user:a@example.com'", "refused", _REFUSED),
)
