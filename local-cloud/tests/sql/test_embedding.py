"""AI.GENERATE_EMBEDDING: what it takes, what it gives, what it pays for."""

from __future__ import annotations

import threading

import pytest

from localcloud.core.errors import ApiError, Unsupported
from tests.sql.conftest import SmallCloud, Warehouse, array, vector_of

THROTTLED = "A retryable error occurred: RESOURCE_EXHAUSTED error from remote service/endpoint."


@pytest.fixture
def gallery(warehouse: Warehouse, cloud: SmallCloud) -> Warehouse:
    warehouse.run(
        "CREATE EXTERNAL TABLE d.images WITH CONNECTION `p.us.c`"
        " OPTIONS (object_metadata = 'SIMPLE', uris = ['gs://demo-images/*'])"
    )
    for model, endpoint in (("m", "multimodalembedding@001"), ("g", "gemini-embedding-2-preview")):
        warehouse.run(f"CREATE MODEL d.{model} REMOTE WITH CONNECTION `p.us.c` OPTIONS (ENDPOINT = '{endpoint}')")
    for name in ("a", "b", "c"):
        cloud.add(f"{name}.jpg", generation=ord(name))
    return warehouse


def _names(warehouse: Warehouse, query: str) -> list[str]:
    return [name for name, _, _ in warehouse.names(query)]


def test_pictures_of_an_object_table_in_the_documented_column_order(gallery: Warehouse) -> None:
    query = "SELECT * FROM AI.GENERATE_EMBEDDING(MODEL `p.d.m`, TABLE d.images, STRUCT(512 AS output_dimensionality))"
    assert gallery.names(query)[:4] == [
        ("embedding", "FLOAT", "REPEATED"),
        ("status", "STRING", "NULLABLE"),
        ("video_start_sec", "INTEGER", "NULLABLE"),
        ("video_end_sec", "INTEGER", "NULLABLE"),
    ]
    inputs = ["uri", "generation", "content_type", "size", "md5_hash", "updated", "metadata", "ref"]
    assert _names(gallery, query)[4:] == inputs
    rows = gallery.rows(f"SELECT uri, embedding, status, video_start_sec FROM ({query}) ORDER BY uri")
    assert [row[0][-5:] for row in rows] == ["a.jpg", "b.jpg", "c.jpg"]
    assert [float(x) for x in rows[0][1]] == pytest.approx(vector_of(rows[0][0], 512).tolist(), rel=1e-6)
    assert (rows[0][2], rows[0][3]) == ("", None)


def test_text_comes_with_its_content_and_the_other_columns(gallery: Warehouse) -> None:
    query = "SELECT * FROM AI.GENERATE_EMBEDDING(MODEL d.m, (SELECT 'one' AS id, 'a castle' AS content))"
    assert _names(gallery, query) == ["embedding", "status", "content", "id"]
    ((vector, status, content, _),) = gallery.rows(query)
    assert (len(vector), status, content) == (1408, "", "a castle")


def test_pictures_by_reference_may_come_from_any_query(gallery: Warehouse, cloud: SmallCloud) -> None:
    gallery.run("CREATE TABLE d.done AS SELECT 'gs://demo-images/a.jpg' AS uri")
    query = (
        "WITH pending AS (SELECT i.ref AS content, i.uri FROM d.images i LEFT JOIN d.done USING (uri)"
        " WHERE done.uri IS NULL)"
        " SELECT uri, ARRAY_LENGTH(embedding) FROM AI.GENERATE_EMBEDDING(MODEL d.m,"
        " (SELECT * FROM pending), STRUCT(128 AS output_dimensionality)) ORDER BY uri"
    )
    assert gallery.rows(query) == [("gs://demo-images/b.jpg", "128"), ("gs://demo-images/c.jpg", "128")]
    assert cloud.asked == ["gs://demo-images/b.jpg", "gs://demo-images/c.jpg"]


def test_gemini_gives_its_own_columns_and_dimension(gallery: Warehouse) -> None:
    query = "SELECT * FROM AI.GENERATE_EMBEDDING(MODEL d.g, (SELECT ref AS content, uri FROM d.images LIMIT 1))"
    assert _names(gallery, query) == ["embedding", "statistics", "status", "content", "uri"]
    assert len(gallery.rows(query)[0][0]) == 3072


def test_a_batch_is_merged_by_uri_and_generation(gallery: Warehouse, cloud: SmallCloud) -> None:
    gallery.run("CREATE TABLE d.e (uri STRING, generation INT64, embedding ARRAY<FLOAT64>, status STRING)")
    merge = """MERGE d.e AS t
        USING (SELECT uri, generation, embedding, status FROM AI.GENERATE_EMBEDDING(MODEL d.m,
          (SELECT * FROM d.images WHERE uri IN UNNEST(@uris) ORDER BY uri), STRUCT(128 AS output_dimensionality))) AS s
        ON t.uri = s.uri AND t.generation = s.generation
        WHEN NOT MATCHED THEN INSERT (uri, generation, embedding, status) VALUES (uri, generation, embedding, status)"""
    uris = array("uris", "STRING", ["gs://demo-images/a.jpg", "gs://demo-images/c.jpg"])
    cloud.statuses["gs://demo-images/c.jpg"] = THROTTLED
    outcome = gallery.run(merge, uris)
    assert outcome.statistics["dmlStats"]["insertedRowCount"] == "2"
    assert gallery.rows("SELECT uri, ARRAY_LENGTH(embedding), status FROM d.e ORDER BY uri") == [
        ("gs://demo-images/a.jpg", "128", ""),
        ("gs://demo-images/c.jpg", "0", THROTTLED),
    ]
    assert outcome.statistics["genAiStats"] == {
        "functionStats": [
            {
                "functionName": "AI.GENERATE_EMBEDDING",
                "prompt": "",
                "numProcessedRows": "2",
                "errorStats": {"errors": [THROTTLED], "numFailedRows": "1"},
            }
        ],
        "errorStats": {"errors": [THROTTLED]},
    }


def test_a_limit_outside_does_not_save_paid_rows(gallery: Warehouse, cloud: SmallCloud) -> None:
    gallery.run("SELECT uri FROM AI.GENERATE_EMBEDDING(MODEL d.m, TABLE d.images) LIMIT 1")
    assert len(cloud.asked) == 3
    cloud.asked.clear()
    gallery.run("SELECT uri FROM AI.GENERATE_EMBEDDING(MODEL d.m, (SELECT * FROM d.images LIMIT 1))")
    assert len(cloud.asked) == 1


def test_nothing_is_paid_for_a_statement_that_is_wrong_elsewhere(gallery: Warehouse, cloud: SmallCloud) -> None:
    call = "AI.GENERATE_EMBEDDING(MODEL d.m, TABLE d.images)"
    for statement in (
        f"SELECT nope FROM {call}",
        f"CREATE TABLE d.images AS SELECT * FROM {call}",
        f"INSERT INTO d.nope SELECT * FROM {call}",
        f"SELECT * FROM {call} JOIN d.nope USING (uri)",
    ):
        with pytest.raises(ApiError):
            gallery.run(statement)
    gallery.run(f"SELECT * FROM {call}", dry_run=True)
    assert cloud.asked == []


def test_rows_above_the_rows_per_job_are_not_charged(gallery: Warehouse, cloud: SmallCloud) -> None:
    cloud.quota = 2
    query = "SELECT status FROM AI.GENERATE_EMBEDDING(MODEL d.m, (SELECT * FROM d.images ORDER BY uri)) ORDER BY uri"
    above = "A retryable error occurred: the maximum size quota per query has reached"
    assert gallery.rows(query) == [("",), ("",), (above,)]
    assert len(cloud.asked) == 2


def test_rows_are_asked_in_chunks_and_cancelling_ends_between_them(gallery: Warehouse, cloud: SmallCloud) -> None:
    for number in range(150):
        cloud.add(f"more-{number:03}.jpg")
    gallery.run("SELECT uri FROM AI.GENERATE_EMBEDDING(MODEL d.m, TABLE d.images)")
    assert cloud.chunks == [64, 64, 25]
    cloud.chunks.clear()
    cancelled = threading.Event()
    cloud.on_embed = cancelled.set
    with pytest.raises(ApiError) as error:
        gallery.run(
            "CREATE TABLE d.x AS SELECT * FROM AI.GENERATE_EMBEDDING(MODEL d.m, TABLE d.images)", cancelled=cancelled
        )
    assert error.value.reason == "stopped"
    assert len(cloud.chunks) == 1
    assert gallery.store.get("table", "p.d.x") is None


def test_the_table_may_change_while_rows_are_embedded(gallery: Warehouse, cloud: SmallCloud) -> None:
    gallery.run("CREATE TABLE d.e (uri STRING)")
    cloud.on_embed = lambda: gallery.run("INSERT INTO d.e VALUES ('meanwhile')")
    gallery.run("INSERT INTO d.e SELECT uri FROM AI.GENERATE_EMBEDDING(MODEL d.m, TABLE d.images)")
    assert gallery.rows("SELECT COUNT(*) FROM d.e") == [("4",)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            "MODEL d.m, TABLE d.images, output_dimensionality => 512",
            "Named argument output_dimensionality not found in signature for call to function AI.GENERATE_EMBEDDING"
            " at [1:64]",
        ),
        ("MODEL d.m, TABLE d.images, STRUCT(100 AS output_dimensionality)", "output_dimensionality 100 is not"),
        ("MODEL d.m, TABLE d.images, STRUCT(512 AS nope)", "Invalid option name nope"),
        ("MODEL d.nope, TABLE d.images", "Not found: Model p:d.nope"),
        ("MODEL d.m, TABLE d.nope", "Not found: Table p:d.nope"),
        ("MODEL d.m, (SELECT uri FROM d.images GROUP BY uri)", "may only have WHERE, ORDER BY and LIMIT"),
        ("MODEL d.m, (SELECT i.* FROM d.images i JOIN d.images USING (uri))", "may only have WHERE, ORDER BY"),
        ("MODEL d.m, (SELECT 1 AS x)", "Column content is not found"),
        ("MODEL d.m, (SELECT 1 AS content)", "Invalid type of column content: expected STRING or ObjectRef"),
    ],
)
def test_a_wrong_call_is_refused_before_anything_is_paid(
    gallery: Warehouse, cloud: SmallCloud, call: str, message: str
) -> None:
    with pytest.raises(ApiError) as error:
        gallery.run(f"SELECT * FROM AI.GENERATE_EMBEDDING({call})")
    assert message in error.value.message
    assert cloud.asked == []


def test_what_the_documentation_leaves_open_is_refused_by_name(gallery: Warehouse) -> None:
    with pytest.raises(Unsupported, match="a subquery in the WHERE of an object-table input"):
        gallery.run(
            "SELECT * FROM AI.GENERATE_EMBEDDING(MODEL d.m,"
            " (SELECT * FROM d.images WHERE uri NOT IN (SELECT uri FROM d.images LIMIT 1)))"
        )
