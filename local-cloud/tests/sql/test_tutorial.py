"""The tutorial's statements, word for word, one after the other."""

from __future__ import annotations

from tests.sql.conftest import SmallCloud, Warehouse

OBJECT_TABLE = """CREATE OR REPLACE EXTERNAL TABLE `bqml_tutorial.met_images`
WITH CONNECTION DEFAULT
OPTIONS
  ( object_metadata = 'SIMPLE',
    uris = ['gs://demo-images/*']
  );"""
MODEL = """CREATE OR REPLACE MODEL `bqml_tutorial.multimodal_embedding_model`
  REMOTE WITH CONNECTION DEFAULT
  OPTIONS (ENDPOINT = 'multimodalembedding@001');"""
EMBEDDINGS = """CREATE OR REPLACE TABLE `bqml_tutorial.met_image_embeddings`
AS
SELECT *
FROM
  AI.GENERATE_EMBEDDING(
    MODEL `bqml_tutorial.multimodal_embedding_model`,
    (SELECT * FROM `bqml_tutorial.met_images` WHERE content_type = 'image/jpeg' LIMIT 10000))"""
FAILURES = """SELECT DISTINCT(status),
  COUNT(uri) AS num_rows
FROM bqml_tutorial.met_image_embeddings
GROUP BY 1;"""
DROP_FAILED = """DELETE FROM `bqml_tutorial.met_image_embeddings`
WHERE status = 'A retryable error occurred: RESOURCE_EXHAUSTED error from remote service/endpoint.';"""
SEARCH_TEXT = """CREATE OR REPLACE TABLE `bqml_tutorial.search_embedding`
AS
SELECT * FROM AI.GENERATE_EMBEDDING(
  MODEL `bqml_tutorial.multimodal_embedding_model`,
  (
    SELECT 'pictures of white or cream colored dress from victorian era' AS content
  )
);"""
SEARCH = """CREATE OR REPLACE TABLE `bqml_tutorial.vector_search_results` AS
SELECT base.uri AS gcs_uri, distance
FROM
  VECTOR_SEARCH(
    TABLE `bqml_tutorial.met_image_embeddings`,
    'embedding',
    TABLE `bqml_tutorial.search_embedding`,
    'embedding',
    top_k => 3);"""


def test_the_tutorial_runs_word_for_word(warehouse: Warehouse, cloud: SmallCloud) -> None:
    uris = [cloud.add(f"dress-{number}.jpg") for number in range(5)]
    cloud.add("notes.txt", content_type="text/plain")
    throttled = "A retryable error occurred: RESOURCE_EXHAUSTED error from remote service/endpoint."
    cloud.statuses[uris[4]] = throttled

    for statement in (OBJECT_TABLE, MODEL, EMBEDDINGS):
        warehouse.run(statement)
    assert sorted(warehouse.rows(FAILURES)) == [("", "4"), (throttled, "1")]
    assert warehouse.run(DROP_FAILED).statistics["numDmlAffectedRows"] == "1"
    warehouse.run(SEARCH_TEXT)
    warehouse.run(SEARCH)

    results = warehouse.rows("SELECT * FROM `bqml_tutorial.vector_search_results`\n  ORDER BY distance;")
    assert len(results) == 3
    assert {uri for uri, _ in results} < set(uris[:4])
    assert results == sorted(results, key=lambda row: float(row[1]))
