"""CREATE, DROP, ALTER of tables, models and schemas."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.core.errors import ApiError, Unsupported
from localcloud.engine import table_size
from tests.sql.conftest import MEMBER, SmallCloud, Warehouse

MODEL = "CREATE OR REPLACE MODEL `d.m` REMOTE WITH CONNECTION `p.us.c` OPTIONS (ENDPOINT = 'multimodalembedding@001')"


def _table(warehouse: Warehouse, name: str) -> dict[str, Any]:
    found = warehouse.store.get("table", name)
    assert found is not None
    return found


def test_create_table_keeps_columns_descriptions_and_labels(warehouse: Warehouse) -> None:
    outcome = warehouse.run(
        """CREATE TABLE IF NOT EXISTS `p.d.t` (
          uri STRING NOT NULL OPTIONS (description = 'where it is'),
          metadata ARRAY<STRUCT<name STRING, value STRING>>,
          embedding ARRAY<FLOAT64>
        ) OPTIONS (description = 'a table', labels = [('k', 'v'), ('team', 'art')])"""
    )
    assert (outcome.statement_type, outcome.statistics["ddlOperationPerformed"]) == ("CREATE_TABLE", "CREATE")
    assert outcome.statistics["ddlTargetTable"] == {"projectId": "p", "datasetId": "d", "tableId": "t"}
    table = _table(warehouse, "p.d.t")
    assert (table["description"], table["labels"], table["type"]) == ("a table", {"k": "v", "team": "art"}, "TABLE")
    assert table["schema"]["fields"][0] == {
        "name": "uri",
        "type": "STRING",
        "mode": "REQUIRED",
        "description": "where it is",
    }
    assert [field["mode"] for field in table["schema"]["fields"]] == ["REQUIRED", "REPEATED", "REPEATED"]
    again = warehouse.run("CREATE TABLE IF NOT EXISTS d.t (other INT64)")
    assert again.statistics["ddlOperationPerformed"] == "SKIP"
    with pytest.raises(ApiError) as error:
        warehouse.run("CREATE TABLE d.t (other INT64)")
    assert (error.value.code, error.value.reason, error.value.message) == (
        409,
        "duplicate",
        "Already Exists: Table p:d.t",
    )


def test_create_table_as_select_keeps_the_order_and_the_types(warehouse: Warehouse) -> None:
    outcome = warehouse.run(
        "CREATE TABLE d.t OPTIONS (description = 'x') AS SELECT n, n / 2 AS half, SUM(n) OVER () AS s, [n] AS a"
        " FROM UNNEST([3, 1, 2]) AS n ORDER BY n DESC"
    )
    assert outcome.statement_type == "CREATE_TABLE_AS_SELECT"
    assert outcome.destination == {"projectId": "p", "datasetId": "d", "tableId": "t"}
    assert [f["type"] for f in _table(warehouse, "p.d.t")["schema"]["fields"]] == [
        "INTEGER",
        "FLOAT",
        "INTEGER",
        "INTEGER",
    ]
    assert warehouse.engine.rows(("p.d", "t"), outcome.schema, 1, 1) == [
        {"f": [{"v": "2"}, {"v": "1.0"}, {"v": "6"}, {"v": [{"v": "2"}]}]}
    ]


def test_a_table_can_be_replaced_by_a_query_over_itself(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE d.t AS SELECT 1 AS n")
    outcome = warehouse.run("CREATE OR REPLACE TABLE d.t AS SELECT n + 1 AS n, 'x' AS more FROM d.t")
    assert outcome.statistics["ddlOperationPerformed"] == "REPLACE"
    assert warehouse.rows("SELECT * FROM d.t") == [("2", "x")]


def test_drop_table_if_exists(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE d.t (a INT64)")
    assert warehouse.run("DROP TABLE `p.d.t`").statistics["ddlOperationPerformed"] == "DROP"
    assert warehouse.run("DROP TABLE IF EXISTS d.t").statistics["ddlOperationPerformed"] == "SKIP"
    with pytest.raises(ApiError) as error:
        warehouse.run("DROP TABLE d.t")
    assert error.value.code == 404
    warehouse.run("CREATE TABLE d.t (b INT64)")
    assert warehouse.rows("SELECT b FROM d.t") == []


def test_alter_table_sets_and_clears_options(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE d.t (a INT64) OPTIONS (description = 'old')")
    warehouse.run("ALTER TABLE d.t SET OPTIONS (labels = [('a', 'b')], description = NULL)")
    table = _table(warehouse, "p.d.t")
    assert table["labels"] == {"a": "b"}
    assert "description" not in table


def test_the_size_of_a_table_is_counted_in_logical_bytes(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE d.t AS SELECT 'abc' AS s, 1 AS n, [1.0, 2.0] AS v FROM UNNEST([1, 2])")
    assert table_size(warehouse.store, "p", "d", "t") == (2, 2 * (5 + 8 + 16))
    assert warehouse.run("SELECT s FROM d.t").statistics["totalBytesProcessed"] == "58"


def test_a_dataset_in_another_location_is_not_found(warehouse: Warehouse) -> None:
    with pytest.raises(ApiError, match="Not found: Dataset p:europe was not found in location US"):
        warehouse.run("CREATE TABLE europe.t (a INT64)")
    warehouse.run("CREATE TABLE europe.t (a INT64)", location="EU")


def test_names_that_differ_in_case_only_are_refused(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE d.t (a INT64)")
    with pytest.raises(Unsupported, match="differ in case only"):
        warehouse.run("CREATE TABLE d.T (a INT64)")


def test_drop_schema_cascade_takes_everything_along(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE d.t (a INT64)")
    warehouse.run(MODEL)
    with pytest.raises(ApiError) as error:
        warehouse.run("DROP SCHEMA d")
    assert error.value.reason == "resourceInUse"
    warehouse.run("DROP SCHEMA d CASCADE")
    assert [warehouse.store.list(kind, "p.d") for kind in ("dataset", "table", "model")] == [[], [], []]
    with pytest.raises(ApiError, match="Not found: Dataset p:d"):
        warehouse.run("SELECT * FROM d.t")


def test_create_model_keeps_endpoint_and_connection(warehouse: Warehouse) -> None:
    outcome = warehouse.run(MODEL)
    assert (outcome.statement_type, outcome.statistics["ddlOperationPerformed"]) == ("CREATE_MODEL", "CREATE")
    model = warehouse.store.get("model", "p.d.m")
    assert model is not None
    assert model["remoteModelInfo"] == {"endpoint": "multimodalembedding@001", "connection": "p.us.c"}
    assert model["modelType"] == "MODEL_TYPE_UNSPECIFIED"
    assert warehouse.run(MODEL).statistics["ddlOperationPerformed"] == "REPLACE"
    assert warehouse.run(MODEL.replace("OR REPLACE MODEL", "MODEL IF NOT EXISTS")).statistics[
        "ddlOperationPerformed"
    ] == "SKIP"  # fmt: skip
    warehouse.run("DROP MODEL d.m")
    assert warehouse.store.get("model", "p.d.m") is None


def test_create_model_says_what_the_connection_lacks(warehouse: Warehouse, cloud: SmallCloud) -> None:
    cloud.granted = False
    with pytest.raises(ApiError, match=f"{MEMBER.partition(':')[2]} does not have the permission"):
        warehouse.run(MODEL)
    assert warehouse.store.get("model", "p.d.m") is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("multimodalembedding@001", "nope@001", "Not found: Publisher model"),
        ("p.us.c", "p.us.nope", "Not found: Connection nope"),
        ("p.us.c", "p.eu.c", "is in location eu; dataset p.d is in location US"),
        ("`d.m`", "nope.m", "Not found: Dataset p:nope"),
    ],
)
def test_create_model_is_refused(warehouse: Warehouse, old: str, new: str, message: str) -> None:
    with pytest.raises(ApiError, match=message):
        warehouse.run(MODEL.replace(old, new))


def test_information_schema_lists_tables_columns_and_options(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE d.t (a INT64, b ARRAY<STRUCT<k STRING>>) OPTIONS (labels = [('x', 'y')])")
    assert warehouse.rows("SELECT table_name, table_type FROM d.INFORMATION_SCHEMA.TABLES") == [("t", "BASE TABLE")]
    query = "SELECT column_name, data_type FROM `p.d`.INFORMATION_SCHEMA.COLUMNS ORDER BY ordinal_position"
    assert warehouse.rows(query) == [("a", "INT64"), ("b", "ARRAY<STRUCT<k STRING>>")]
    query = "SELECT option_value FROM `p`.d.INFORMATION_SCHEMA.TABLE_OPTIONS WHERE option_name = 'labels'"
    assert warehouse.rows(query) == [('[STRUCT("x", "y")]',)]
