"""SELECT: answers, types, names, parameters, refusals."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.core.errors import ApiError, Unsupported
from tests.sql.conftest import SmallCloud, Warehouse, array, scalar


@pytest.fixture
def pets(warehouse: Warehouse) -> Warehouse:
    warehouse.run(
        "CREATE TABLE d.pets (name STRING NOT NULL, age INT64, tags ARRAY<STRUCT<k STRING, v INT64>>, seen TIMESTAMP)"
    )
    warehouse.run(
        "INSERT d.pets (name, age, tags, seen) VALUES"
        " ('rex', 3, [STRUCT('size' AS k, 5 AS v), STRUCT('legs', 4)], TIMESTAMP '2026-01-02 03:04:05+00'),"
        " ('tom', NULL, [], NULL), ('ann', 7, NULL, TIMESTAMP '2026-01-03 00:00:00+00')"
    )
    return warehouse


@pytest.mark.parametrize(
    ("expression", "kind", "value"),
    [
        ("1", "INTEGER", "1"),
        ("2147483647 + 1", "INTEGER", "2147483648"),
        ("1.5", "FLOAT", "1.5"),
        ("4 / 2", "FLOAT", "2.0"),
        ("CAST('1.50' AS NUMERIC)", "NUMERIC", "1.5"),
        ("'a'", "STRING", "a"),
        ("TRUE", "BOOLEAN", "true"),
        ("b'abc'", "BYTES", "YWJj"),
        ("DATE '2026-01-02'", "DATE", "2026-01-02"),
        ("DATETIME '2026-01-02 03:04:05'", "DATETIME", "2026-01-02T03:04:05"),
        ("TIMESTAMP '2026-01-02 03:04:05.5+00'", "TIMESTAMP", "1767323045500000"),
        ("JSON '{\"a\": 1}'", "JSON", '{"a":1}'),
        ("NULL", "INTEGER", None),
        ("SUM(x)", "INTEGER", "3"),
        ("AVG(x)", "FLOAT", "1.5"),
        ("COUNTIF(x > 1)", "INTEGER", "1"),
        ("SAFE_DIVIDE(1, 0)", "FLOAT", None),
        ("STARTS_WITH('castle', 'cas')", "BOOLEAN", "true"),
        ("ARRAY_LENGTH([1, 2, 3])", "INTEGER", "3"),
        ("TIMESTAMP_DIFF(TIMESTAMP '2026-01-01 02:00:00+00', TIMESTAMP '2026-01-01 00:30:00+00', DAY)", "INTEGER", "0"),
        ("COSINE_DISTANCE([1.0, -1.0], [2.0, -2.5])", "FLOAT", "0.0061162653263812095"),
        ("EUCLIDEAN_DISTANCE([1.0, 2.0], [2.0, 4.0])", "FLOAT", "2.23606797749979"),
        ("[10, 20][OFFSET(1)]", "INTEGER", "20"),
        ("[10, 20][SAFE_OFFSET(5)]", "INTEGER", None),
        ("3 IN UNNEST([1, 3])", "BOOLEAN", "true"),
        ("APPROX_COUNT_DISTINCT(x)", "INTEGER", "2"),
        ("EXTRACT(DAYOFWEEK FROM DATE '2026-01-04')", "INTEGER", "1"),
        ("SESSION_USER()", "STRING", "you@example.com"),
    ],
)  # fmt: skip
def test_an_expression_has_bigquerys_type_and_value(
    warehouse: Warehouse, expression: str, kind: str, value: Any
) -> None:
    query = f"SELECT {expression} AS e FROM UNNEST([1, 2]) AS x"
    if "(x" not in expression:
        query += " LIMIT 1"
    assert warehouse.names(query) == [("e", kind, "NULLABLE")]
    assert warehouse.rows(query) == [(value,)]


def test_arrays_and_structs_come_out_as_repeated_records(pets: Warehouse) -> None:
    assert pets.names("SELECT name, tags, seen FROM d.pets") == [
        ("name", "STRING", "NULLABLE"),
        ("tags", "RECORD", "REPEATED"),
        ("seen", "TIMESTAMP", "NULLABLE"),
    ]
    assert pets.rows("SELECT name, tags, seen FROM d.pets ORDER BY name") == [
        ("ann", [], "1767398400000000"),
        ("rex", [("size", "5"), ("legs", "4")], "1767323045000000"),
        ("tom", [], None),
    ]


def test_a_null_array_is_stored_as_an_empty_one(pets: Warehouse) -> None:
    assert pets.rows("SELECT name FROM d.pets WHERE ARRAY_LENGTH(tags) = 0 ORDER BY name") == [("ann",), ("tom",)]
    assert pets.rows("SELECT name FROM d.pets WHERE tags IS NULL") == []


def test_nulls_come_first_ascending_and_last_descending(pets: Warehouse) -> None:
    assert [row[0] for row in pets.rows("SELECT name FROM d.pets ORDER BY age")] == ["tom", "rex", "ann"]
    assert [row[0] for row in pets.rows("SELECT name FROM d.pets ORDER BY age DESC")] == ["ann", "rex", "tom"]


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("WITH p AS (SELECT * FROM d.pets WHERE age > 5) SELECT p.name FROM p JOIN d.pets q USING (name)", [("ann",)]),
        ("SELECT name FROM `p.d.pets` QUALIFY ROW_NUMBER() OVER (ORDER BY age DESC) = 1", [("ann",)]),
        ("SELECT * EXCEPT (tags, seen) REPLACE (age + 1 AS age) FROM p.d.pets WHERE name = 'rex'", [("rex", "4")]),
        ("SELECT t.k, o FROM d.pets, UNNEST(tags) AS t WITH OFFSET AS o ORDER BY o", [("size", "0"), ("legs", "1")]),
        ("SELECT k, v FROM d.pets CROSS JOIN UNNEST(tags) ORDER BY v", [("legs", "4"), ("size", "5")]),
        ("SELECT t.* FROM d.pets, UNNEST(tags) AS t WHERE t.v = 4", [("legs", "4")]),
        ("SELECT * FROM UNNEST([STRUCT(1 AS a, 'x' AS b)])", [("1", "x")]),
        ("SELECT x FROM UNNEST(GENERATE_ARRAY(1, 3)) AS x WHERE x > 1", [("2",), ("3",)]),
        ("SELECT name FROM d.pets p WHERE EXISTS (SELECT 1 FROM UNNEST(p.tags) t WHERE t.v = 5)", [("rex",)]),
        ("SELECT name, (SELECT MAX(v) FROM UNNEST(tags) WHERE k = 'legs') FROM d.pets WHERE age = 3", [("rex", "4")]),
        ("SELECT ARRAY(SELECT AS STRUCT 1 AS a, 'q' AS b) AS s", [([("1", "q")],)]),
        ("SELECT STRING_AGG(name, '-' ORDER BY name) FROM d.pets", [("ann-rex-tom",)]),
        ("SELECT ARRAY_AGG(name ORDER BY name LIMIT 2) AS a FROM d.pets", [(["ann", "rex"],)]),
        ("SELECT DISTINCT age IS NULL AS n FROM d.pets ORDER BY n", [("false",), ("true",)]),
        ("SELECT 1 AS n UNION ALL SELECT 2 ORDER BY n DESC", [("2",), ("1",)]),
        ("WITH RECURSIVE r AS (SELECT 1 n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT SUM(n) FROM r", [("6",)]),
        ("SELECT pets.name FROM d.pets LEFT JOIN UNNEST([3]) AS a ON a = pets.age WHERE a IS NOT NULL", [("rex",)]),
    ],
)  # fmt: skip
def test_a_query_answers(pets: Warehouse, query: str, rows: list[Any]) -> None:
    assert pets.rows(query) == rows


def test_a_column_without_a_name_is_called_by_its_number(warehouse: Warehouse) -> None:
    assert [name for name, _, _ in warehouse.names("SELECT 1, 2 AS b, 'c'")] == ["f0_", "b", "f1_"]


def test_two_columns_of_one_name_are_an_error(warehouse: Warehouse) -> None:
    with pytest.raises(ApiError, match="Duplicate column names in the result"):
        warehouse.run("SELECT 1 AS a, 2 AS A")


def test_an_unqualified_table_is_looked_for_in_the_default_dataset(pets: Warehouse) -> None:
    assert pets.rows("SELECT COUNT(*) FROM pets", default_dataset=("p", "d")) == [("3",)]
    with pytest.raises(ApiError, match="must be qualified with a dataset"):
        pets.run("SELECT COUNT(*) FROM pets")


def test_named_parameters_of_every_shape_are_bound(warehouse: Warehouse) -> None:
    struct = [{"name": "id", "type": {"type": "STRING"}}, {"name": "top_k", "type": {"type": "INT64"}}]
    values = [{"structValues": {"id": {"value": one}, "top_k": {"value": k}}} for one, k in (("a", "3"), ("b", "1"))]
    texts = {
        "name": "texts",
        "parameterType": {"type": "ARRAY", "arrayType": {"type": "STRUCT", "structTypes": struct}},
        "parameterValue": {"arrayValues": values},
    }
    query = "SELECT t.id, t.top_k + @more AS k, t.id IN UNNEST(@ids) AS known FROM UNNEST(@texts) AS t ORDER BY 1"
    found = warehouse.rows(query, texts, scalar("more", "INT64", "10"), array("ids", "STRING", ["b"]))
    assert found == [("a", "13", "false"), ("b", "11", "true")]
    assert warehouse.rows("SELECT id FROM UNNEST(@texts) WHERE top_k = 1", texts) == [("b",)]


def test_a_field_that_the_type_of_a_parameter_does_not_have_is_not_lost(warehouse: Warehouse) -> None:
    given = {
        "name": "pair",
        "parameterType": {"type": "STRUCT", "structTypes": [{"name": "id", "type": {"type": "STRING"}}]},
        "parameterValue": {"structValues": {"id": {"value": "a"}, "top_k": {"value": "3"}}},
    }
    with pytest.raises(ApiError, match="has no field top_k"):
        warehouse.run("SELECT @pair.id AS id", given)


def test_positional_parameters_are_bound_in_order(warehouse: Warehouse) -> None:
    found = warehouse.rows(
        "SELECT ? AS a, CONCAT(?, '!') AS b",
        scalar("", "FLOAT64", "1.5"),
        scalar("", "STRING", "it's"),
        parameter_mode="POSITIONAL",
    )
    assert found == [("1.5", "it's!")]


def test_parameters_of_all_scalar_types_keep_their_type(warehouse: Warehouse) -> None:
    given = [
        ("INT64", "5"),
        ("FLOAT64", "0.5"),
        ("BOOL", "true"),
        ("STRING", "s"),
        ("BYTES", "YWJj"),
        ("DATE", "2026-01-02"),
        ("TIMESTAMP", "2026-01-02 03:04:05+00:00"),
        ("DATETIME", "2026-01-02T03:04:05"),
        ("NUMERIC", "1.25"),
        ("JSON", "{}"),
    ]
    for kind, value in given:
        outcome = warehouse.run(
            "SELECT @x AS x, @missing AS m", scalar("x", kind, value), scalar("missing", kind, None)
        )
        names = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN"}
        assert outcome.schema["fields"][0]["type"] == names.get(kind, kind)


def test_the_limit_may_be_a_parameter(pets: Warehouse) -> None:
    assert len(pets.rows("SELECT name FROM d.pets ORDER BY name LIMIT @n", scalar("n", "INT64", "2"))) == 2


@pytest.mark.parametrize(
    ("query", "code", "reason", "message"),
    [
        ("SELEC 1", 400, "invalidQuery", "Syntax error: "),
        ("SELECT 1 1", 400, "invalidQuery", "at [1:10]"),
        ("SELECT nope FROM d.pets", 400, "invalidQuery", "Unrecognized name: nope at [1:8]"),
        ("SELECT name,\n  nope FROM d.pets", 400, "invalidQuery", "Unrecognized name: nope at [2:3]"),
        ("SELECT q.name FROM d.pets", 400, "invalidQuery", "Unrecognized name: q at [1:8]"),
        ("SELECT pets.nope FROM d.pets", 400, "invalidQuery", "Name nope not found inside pets at [1:13]"),
        ("SELECT name FROM d.pets, d.pets AS b", 400, "invalidQuery", "Column name name is ambiguous at [1:8]"),
        ("SELECT age, COUNT(*) FROM d.pets", 400, "invalidQuery", "neither grouped nor aggregated"),
        ("SELECT 1 FROM d.nope", 404, "notFound", "Not found: Table p:d.nope was not found in location US"),
        ("SELECT 1 FROM nope.t", 404, "notFound", "Not found: Dataset p:nope was not found in location US"),
        ("SELECT FOO(1)", 400, "invalidQuery", "Function not found: FOO at [1:8]"),
        ("SELECT GETENV('HOME')", 400, "invalidQuery", "Function not found: GETENV at [1:8]"),
        ("SELECT * FROM READ_TEXT('/etc/passwd')", 400, "invalidQuery", "Table-valued function not found"),
        ("SELECT rowid FROM d.pets", 400, "invalidQuery", "Unrecognized name: rowid"),
        ("SELECT 1 / 0", 400, "invalidQuery", "division by zero"),
        ("SELECT MOD(1, 0)", 400, "invalidQuery", "division by zero"),
        ("SELECT CAST('a' AS INT64)", 400, "invalidQuery", "Bad int64 value: a"),
        ("SELECT ERROR('boom')", 400, "invalidQuery", "boom"),
        ("SELECT [1][OFFSET(3)]", 400, "invalidQuery", "out of bounds"),
        ("SELECT 9223372036854775807 + 1", 400, "invalidQuery", "int64 overflow"),
        ("SELECT @missing", 400, "invalidQuery", "Query parameter 'missing' not found at [1:8]"),
        ("SELECT 'abc", 400, "invalidQuery", "Syntax error: "),
        ("", 400, "invalidQuery", "Syntax error: "),
        ("SELECT FROM d.pets", 400, "invalidQuery", "Syntax error: SELECT list must not be empty at [1:8]"),
        ("SELECT 1 AS a, a + 1", 400, "invalidQuery", "Unrecognized name: a at [1:16]"),
        ("SELECT age AS a FROM d.pets WHERE a > 1", 400, "invalidQuery", "Unrecognized name: a at [1:35]"),
        ("SELECT name = 1 FROM d.pets", 400, "invalidQuery", "No matching signature for operator ="),
    ],
)
def test_a_wrong_query_is_refused_as_bigquery_refuses_it(
    pets: Warehouse, query: str, code: int, reason: str, message: str
) -> None:
    with pytest.raises(ApiError) as error:
        pets.run(query)
    assert (error.value.code, error.value.reason) == (code, reason)
    assert message in error.value.message


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("SELECT 1; SELECT 2", "a script of several statements at [1:10]"),
        ("DECLARE x INT64", "DECLARE"),
        ("BEGIN SELECT 1; END", "BEGIN"),
        ("CREATE VIEW d.v AS SELECT 1", "CREATE VIEW"),
        ("CREATE TEMP FUNCTION f(x INT64) AS (x + 1)", "CREATE FUNCTION"),
        ("CREATE PROCEDURE d.p() SELECT 1", "CREATE PROCEDURE"),
        ("EXPORT DATA OPTIONS (uri = 'x') AS SELECT 1", "EXPORT DATA"),
        ("LOAD DATA INTO d.t FROM FILES (uris = ['x'])", "LOAD DATA"),
        ("SELECT AI.EMBED('x')", "AI.EMBED"),
        ("SELECT * FROM ML.GENERATE_EMBEDDING(MODEL d.m, TABLE d.pets)", "ML.GENERATE"),
        ("SELECT * FROM d.INFORMATION_SCHEMA.PARTITIONS", "INFORMATION_SCHEMA.PARTITIONS"),
        ("SELECT * FROM d.pets FOR SYSTEM_TIME AS OF CURRENT_TIMESTAMP()", "FOR SYSTEM_TIME"),
        ("SELECT * FROM d.pets TABLESAMPLE SYSTEM (10 PERCENT)", "TABLESAMPLE"),
        ("SELECT DATE_TRUNC(DATE '2026-01-01', WEEK)", "WEEK"),
        ("SELECT SOUNDEX('a')", "SOUNDEX"),
        ("GRANT `roles/bigquery.dataViewer` ON SCHEMA d TO 'user:a@b.c'", "GRANT"),
        ("CREATE SEARCH INDEX i ON d.pets(name)", "CREATE SEARCH INDEX"),
        ("CALL d.procedure()", "CALL D.PROCEDURE"),
    ],
)
def test_what_is_not_served_is_refused_by_name(pets: Warehouse, statement: str, named: str) -> None:
    with pytest.raises(Unsupported) as error:
        pets.run(statement)
    assert named in error.value.message
    assert error.value.message.startswith("Unsupported by the local cloud: ")


def test_a_dry_run_answers_the_schema_and_does_nothing(pets: Warehouse, cloud: SmallCloud) -> None:
    outcome = pets.run("CREATE TABLE d.copy AS SELECT name, age FROM d.pets", dry_run=True)
    assert outcome.statement_type == "CREATE_TABLE_AS_SELECT"
    assert [field["name"] for field in outcome.schema["fields"]] == ["name", "age"]
    assert pets.store.get("table", "p.d.copy") is None
    with pytest.raises(ApiError, match="Unrecognized name: nope"):
        pets.run("SELECT nope FROM d.pets", dry_run=True)


def test_the_current_time_is_the_clocks(warehouse: Warehouse, cloud: SmallCloud) -> None:
    before = int(warehouse.rows("SELECT UNIX_SECONDS(CURRENT_TIMESTAMP())")[0][0])
    cloud.clock.advance(86_400)
    assert int(warehouse.rows("SELECT UNIX_SECONDS(CURRENT_TIMESTAMP())")[0][0]) >= before + 86_400


def test_a_cancelled_query_ends_as_stopped(warehouse: Warehouse) -> None:
    import threading

    cancelled = threading.Event()
    threading.Timer(0.2, cancelled.set).start()
    endless = (
        "SELECT COUNT(*) FROM UNNEST(GENERATE_ARRAY(1, 100000)) a, UNNEST(GENERATE_ARRAY(1, 10000000)) b"
        " WHERE MOD(a * b, 7) = 3"
    )
    with pytest.raises(ApiError) as error:
        warehouse.run(endless, cancelled=cancelled)
    assert error.value.reason == "stopped"


def test_the_answer_can_go_to_a_named_table(pets: Warehouse) -> None:
    destination = {"projectId": "p", "datasetId": "d", "tableId": "kept"}
    pets.run("SELECT name FROM d.pets", destination=destination)
    assert pets.rows("SELECT COUNT(*) FROM d.kept") == [("3",)]
    with pytest.raises(ApiError) as error:
        pets.run("SELECT name FROM d.pets", destination=destination)
    assert (error.value.code, error.value.reason) == (409, "duplicate")
    pets.run("SELECT 'x' AS n", destination=destination, write_disposition="WRITE_TRUNCATE")
    assert pets.rows("SELECT * FROM d.kept") == [("x",)]
