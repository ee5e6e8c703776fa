"""A check reads names and types and nothing else: it asks no other service, whatever the statement is."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest

from localcloud.core.errors import ApiError, Unsupported
from localcloud.engine.check import Check
from tests.sql.conftest import SmallCloud, Warehouse

_EMBEDDING = "AI.GENERATE_EMBEDDING(MODEL d.m, TABLE d.images)"
STATEMENTS = (
    "SELECT uri FROM d.images",
    "SELECT signed_url FROM EXTERNAL_OBJECT_TRANSFORM(TABLE d.images, ['SIGNED_URL'])",
    f"SELECT * FROM {_EMBEDDING}",
    f"CREATE TABLE d.made AS SELECT uri, embedding FROM {_EMBEDDING}",
    f"INSERT INTO d.vectors (uri, embedding) SELECT uri, embedding FROM {_EMBEDDING}",
    f"MERGE d.vectors t USING (SELECT uri, embedding FROM {_EMBEDDING}) s ON t.uri = s.uri"
    " WHEN NOT MATCHED THEN INSERT (uri, embedding) VALUES (uri, embedding)",
    f"SELECT distance FROM VECTOR_SEARCH(TABLE d.vectors, 'embedding', (SELECT embedding FROM {_EMBEDDING}))",
    "SELECT table_name FROM d.INFORMATION_SCHEMA.TABLES",
    "CREATE MODEL d.other REMOTE WITH CONNECTION `us.c` OPTIONS (ENDPOINT = 'multimodalembedding@001')",
    "CREATE EXTERNAL TABLE d.others WITH CONNECTION `us.c`"
    " OPTIONS (object_metadata = 'SIMPLE', uris = ['gs://demo-images/*'])",
    "CALL BQ.REFRESH_EXTERNAL_METADATA_CACHE('p.d.cached')",
)


class SilentCloud(SmallCloud):
    """Fails a test that asks it once it is silent."""

    silent = False

    def __getattribute__(self, name: str) -> Any:
        asked = name in (
            "connection_member", "list_objects", "check_colocated", "signed_url", "check_endpoint", "embed",
            "rows_per_job", "embedding_job",
        )  # fmt: skip
        return _refuse if asked and object.__getattribute__(self, "silent") else super().__getattribute__(name)


def _refuse(*_arguments: object, **_named: object) -> NoReturn:
    raise AssertionError("a dry run asked another service")


@pytest.fixture
def cloud() -> SmallCloud:
    return SilentCloud()


@pytest.fixture
def gallery(warehouse: Warehouse, cloud: SilentCloud) -> Warehouse:
    cloud.add("a.jpg")
    external = (
        "CREATE EXTERNAL TABLE d.{} WITH CONNECTION `us.c`"
        " OPTIONS (object_metadata = 'SIMPLE', uris = ['gs://demo-images/*']{})"
    )
    warehouse.run(external.format("images", ""))
    cached = ", max_staleness = INTERVAL 1 HOUR, metadata_cache_mode = 'MANUAL'"
    warehouse.run(external.format("cached", cached))
    warehouse.run("CREATE MODEL d.m REMOTE WITH CONNECTION `us.c` OPTIONS (ENDPOINT = 'multimodalembedding@001')")
    warehouse.run("CREATE TABLE d.vectors (uri STRING, embedding ARRAY<FLOAT64>)")
    return warehouse


@pytest.mark.parametrize("text", STATEMENTS)
def test_a_check_asks_no_other_service(gallery: Warehouse, cloud: SilentCloud, text: str) -> None:
    cloud.silent = True
    checked = gallery.run(text, dry_run=True)
    cloud.silent = False
    ran = gallery.run(text)
    assert (checked.statement_type, checked.schema.get("fields", [])) == (
        ran.statement_type,
        ran.schema.get("fields", []) if text.startswith(("SELECT", "CREATE TABLE")) else [],
    )


def test_duckdb_binds_what_pays_before_it_is_paid(
    gallery: Warehouse, cloud: SilentCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_check: Check) -> None:
        raise Unsupported("what DuckDB does not take")

    monkeypatch.setattr(Check, "bind", refuse)
    for text, more in ((f"SELECT * FROM {_EMBEDDING}", {}), ("SELECT 1 AS one", {"dry_run": True})):
        with pytest.raises(ApiError, match="what DuckDB does not take"):
            gallery.run(text, **more)
    assert cloud.asked == []
    assert gallery.rows("SELECT 1 AS one") == [("1",)]


def test_binding_finds_what_duckdb_does_not_take(gallery: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    bound: list[str] = []
    columns = Check.columns
    monkeypatch.setattr(Check, "columns", lambda check, duck: bound.append(duck.sql) or columns(check, duck))
    search = "VECTOR_SEARCH((SELECT * FROM d.vectors WHERE uri != 'x'), 'embedding', (SELECT embedding FROM d.vectors))"
    gallery.run(f"SELECT distance FROM {search}")
    alone = len(bound)
    gallery.run(f"SELECT distance FROM {search}", dry_run=True)
    assert len(bound) == 2 * alone + 3  # the statement, the base query and the query table
