"""Object tables: what they list, how fast, and their metadata cache."""

from __future__ import annotations

import re
import time

import pytest

from localcloud.core.errors import ApiError, Unsupported
from tests.sql.conftest import SmallCloud, Warehouse

OBJECTS = "CREATE EXTERNAL TABLE d.images WITH CONNECTION `p.us.c` OPTIONS (object_metadata = 'SIMPLE', uris = {uris})"


def _object_table(warehouse: Warehouse, uris: str = "['gs://demo-images/*']", more: str = "") -> None:
    warehouse.run(OBJECTS.format(uris=uris).replace("'SIMPLE',", f"'SIMPLE', {more}"))


def test_an_object_table_has_the_fixed_schema(warehouse: Warehouse, cloud: SmallCloud) -> None:
    _object_table(warehouse)
    cloud.add("a.jpg", generation=7, artist="Klee", year="1920")
    outcome = warehouse.run("SELECT * FROM d.images")
    assert [(f["name"], f["type"], f["mode"]) for f in outcome.schema["fields"]] == [
        ("uri", "STRING", "NULLABLE"),
        ("generation", "INTEGER", "NULLABLE"),
        ("content_type", "STRING", "NULLABLE"),
        ("size", "INTEGER", "NULLABLE"),
        ("md5_hash", "STRING", "NULLABLE"),
        ("updated", "TIMESTAMP", "NULLABLE"),
        ("metadata", "RECORD", "REPEATED"),
        ("ref", "RECORD", "NULLABLE"),
    ]
    ((uri, generation, kind, size, md5, updated, metadata, ref),) = warehouse.rows("SELECT * FROM d.images")
    assert (uri, generation, kind, size, md5) == ("gs://demo-images/a.jpg", "7", "image/jpeg", "10", "md5==")
    assert updated == "1767323045000000"
    assert metadata == [("artist", "Klee"), ("year", "1920")]
    assert ref[:3] == ("gs://demo-images/a.jpg", "7", "p.us.c")
    assert "gcs_metadata" in ref[3]
    content_type = "SELECT JSON_VALUE(ref.details, '$.gcs_metadata.content_type') FROM d.images"
    assert warehouse.rows(content_type) == [("image/jpeg",)]


def test_the_bucket_is_listed_at_each_query(warehouse: Warehouse, cloud: SmallCloud) -> None:
    _object_table(warehouse)
    count = "SELECT COUNT(*) FROM d.images"
    assert warehouse.rows(count) == [("0",)]
    cloud.add("a.jpg")
    assert warehouse.rows(count) == [("1",)]
    cloud.objects.clear()
    assert warehouse.rows(count) == [("0",)]


@pytest.mark.parametrize(
    ("uris", "found"),
    [
        ("['gs://demo-images/*']", ["a.jpg", "in/b.jpg", "in/c.png"]),
        ("['gs://demo-images/in/*']", ["in/b.jpg", "in/c.png"]),
        ("['gs://demo-images/*.jpg']", ["a.jpg", "in/b.jpg"]),
        ("['gs://demo-images/a.jpg', 'gs://demo-images/*.jpg']", ["a.jpg", "in/b.jpg"]),
    ],
)
def test_a_wildcard_stands_for_any_characters(
    warehouse: Warehouse, cloud: SmallCloud, uris: str, found: list[str]
) -> None:
    for name in ("a.jpg", "in/b.jpg", "in/c.png"):
        cloud.add(name)
    _object_table(warehouse, uris)
    rows = warehouse.rows("SELECT uri FROM d.images ORDER BY uri")
    assert [uri.removeprefix("gs://demo-images/") for (uri,) in rows] == found


@pytest.mark.parametrize(
    ("statement", "error", "message"),
    [
        (OBJECTS.format(uris="['gs://b/*/*']"), ApiError, "more than one wildcard"),
        (OBJECTS.format(uris="['http://b/*']"), ApiError, "Invalid source URI"),
        (OBJECTS.format(uris="[]"), ApiError, "at least one URI"),
        (OBJECTS.format(uris="['gs://b/*']").replace("'SIMPLE'", "'OTHER'"), Unsupported, "no object tables"),
        (OBJECTS.format(uris="['gs://b/*']").replace("p.us.c", "p.eu.c"), ApiError, "is in location eu"),
        (OBJECTS.format(uris="['gs://b/*'], format = 'CSV'"), Unsupported, "the option format"),
        (OBJECTS.format(uris="['gs://b/*'], metadata_cache_mode = 'MANUAL'"), ApiError, "needs max_staleness"),
        (OBJECTS.format(uris="['gs://b/*'], max_staleness = INTERVAL 5 MINUTE"), ApiError, "between 30 minutes"),
    ],
)
def test_a_wrong_definition_is_refused(
    warehouse: Warehouse, statement: str, error: type[ApiError], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        warehouse.run(statement)


def test_an_object_table_is_read_only(warehouse: Warehouse) -> None:
    _object_table(warehouse)
    with pytest.raises(ApiError, match=r"DML is not supported on p:d\.images"):
        warehouse.run("DELETE FROM d.images WHERE TRUE")


def test_an_object_table_is_dropped_and_replaced_as_what_it_is(warehouse: Warehouse) -> None:
    _object_table(warehouse)
    for statement in ("DROP TABLE d.images", "CREATE OR REPLACE TABLE d.images AS SELECT 1 AS a"):
        with pytest.raises(ApiError, match="it is currently a EXTERNAL"):
            warehouse.run(statement)
    assert warehouse.run("DROP EXTERNAL TABLE d.images").statement_type == "DROP_EXTERNAL_TABLE"
    assert warehouse.run("DROP EXTERNAL TABLE IF EXISTS d.images").statistics["ddlOperationPerformed"] == "SKIP"


def test_listing_needs_the_connections_permission(warehouse: Warehouse, cloud: SmallCloud) -> None:
    _object_table(warehouse)
    cloud.granted = False
    with pytest.raises(ApiError) as error:
        warehouse.run("SELECT * FROM d.images")
    assert (error.value.code, error.value.reason) == (403, "accessDenied")


def test_a_manual_metadata_cache_stands_until_it_is_refreshed(warehouse: Warehouse, cloud: SmallCloud) -> None:
    _object_table(warehouse, more="max_staleness = INTERVAL 1 DAY, metadata_cache_mode = 'MANUAL',")
    table = warehouse.store.get("table", "p.d.images")
    assert table and table["maxStaleness"] == "0-0 1 0:0:0"
    cloud.add("a.jpg")
    refresh = "CALL BQ.REFRESH_EXTERNAL_METADATA_CACHE('p.d.images');"
    assert warehouse.run(refresh).statement_type == "CALL"
    cloud.add("b.jpg")
    assert warehouse.rows("SELECT COUNT(*) FROM d.images") == [("1",)]
    warehouse.run(refresh)
    assert warehouse.rows("SELECT COUNT(*) FROM d.images") == [("2",)]


def test_an_automatic_metadata_cache_is_renewed_after_half_an_hour(warehouse: Warehouse, cloud: SmallCloud) -> None:
    _object_table(warehouse, more="max_staleness = INTERVAL 4 HOUR, metadata_cache_mode = 'AUTOMATIC',")
    count = "SELECT COUNT(*) FROM d.images"
    assert warehouse.rows(count) == [("0",)]
    cloud.add("a.jpg")
    assert warehouse.rows(count) == [("0",)]
    cloud.clock.advance(1801)
    assert warehouse.rows(count) == [("1",)]


def test_external_object_transform_signs_urls(warehouse: Warehouse, cloud: SmallCloud) -> None:
    _object_table(warehouse)
    cloud.add("a.jpg")
    query = "SELECT uri, signed_url FROM EXTERNAL_OBJECT_TRANSFORM(TABLE d.images, ['SIGNED_URL'])"
    assert warehouse.rows(query) == [("gs://demo-images/a.jpg", "http://127.0.0.1/signed/demo-images/a.jpg")]


@pytest.mark.alone
def test_ten_thousand_objects_are_listed_in_a_quarter_of_a_second(warehouse: Warehouse, cloud: SmallCloud) -> None:
    for number in range(10_000):
        cloud.add(f"{number:05}.jpg")
    _object_table(warehouse)
    query = "SELECT COUNT(*) FROM d.images WHERE content_type = 'image/jpeg'"
    warehouse.rows(query)
    took = []
    for _ in range(3):
        start = time.perf_counter()
        assert warehouse.rows(query) == [("10000",)]
        took.append(time.perf_counter() - start)
    assert min(took) < 0.25
