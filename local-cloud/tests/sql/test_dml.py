"""INSERT, UPDATE, DELETE, MERGE, TRUNCATE: what they change and what they count."""

from __future__ import annotations

import threading

import pytest

from localcloud.core.errors import ApiError
from localcloud.core.ports import Outcome
from localcloud.core.store import Transaction
from tests.sql.conftest import SmallCloud, Warehouse, array


@pytest.fixture
def stock(warehouse: Warehouse) -> Warehouse:
    warehouse.run("CREATE TABLE d.stock (item STRING, n INT64, v ARRAY<FLOAT64>)")
    warehouse.run("INSERT INTO d.stock VALUES ('a', 1, [1.0]), ('b', 2, [2.0]), ('c', 3, [])")
    return warehouse


def _counts(outcome: Outcome) -> tuple[str, str, str, str]:
    stats = outcome.statistics["dmlStats"]
    affected = outcome.statistics["numDmlAffectedRows"]
    return affected, stats["insertedRowCount"], stats["updatedRowCount"], stats["deletedRowCount"]


def test_insert_select_counts_rows_and_converts_types(stock: Warehouse) -> None:
    outcome = stock.run("INSERT INTO d.stock (item, n) SELECT CONCAT(item, '!'), COUNT(*) FROM d.stock GROUP BY item")
    assert outcome.statement_type == "INSERT"
    assert _counts(outcome) == ("3", "3", "0", "0")
    assert stock.rows("SELECT item, n, v FROM d.stock WHERE ENDS_WITH(item, '!') ORDER BY item LIMIT 1") == [
        ("a!", "1", [])
    ]


def test_update_from_a_join_counts_updated_rows(stock: Warehouse) -> None:
    outcome = stock.run(
        "UPDATE d.stock AS t SET t.n = t.n + s.more FROM (SELECT 'a' AS item, 10 AS more) AS s WHERE t.item = s.item"
    )
    assert _counts(outcome) == ("1", "0", "1", "0")
    assert stock.rows("SELECT n FROM d.stock WHERE item = 'a'") == [("11",)]


def test_update_refuses_two_source_rows_for_one_target_row(stock: Warehouse) -> None:
    with pytest.raises(ApiError, match="UPDATE/MERGE must match at most one source row for each target row"):
        stock.run("UPDATE d.stock t SET n = x FROM UNNEST([1, 2]) AS x WHERE t.item = 'a'")
    assert stock.rows("SELECT n FROM d.stock WHERE item = 'a'") == [("1",)]


def test_delete_with_a_parameter_array_counts_deleted_rows(stock: Warehouse) -> None:
    outcome = stock.run("DELETE FROM d.stock WHERE item IN UNNEST(@gone)", array("gone", "STRING", ["a", "c", "zz"]))
    assert _counts(outcome) == ("2", "0", "0", "2")
    assert stock.rows("SELECT item FROM d.stock") == [("b",)]


def test_delete_by_anti_join(stock: Warehouse) -> None:
    stock.run("DELETE FROM d.stock WHERE item NOT IN (SELECT x FROM UNNEST(['a', 'b']) AS x)")
    assert stock.rows("SELECT item FROM d.stock ORDER BY item") == [("a",), ("b",)]


@pytest.mark.parametrize("statement", ["DELETE FROM d.stock", "UPDATE d.stock SET n = 1"])
def test_dml_without_where_is_refused(stock: Warehouse, statement: str) -> None:
    with pytest.raises(ApiError, match="must have a WHERE clause at"):
        stock.run(statement)


def test_merge_inserts_updates_and_deletes_in_one_statement(stock: Warehouse) -> None:
    outcome = stock.run(
        """MERGE `d.stock` AS target
        USING (SELECT 'a' AS item, 100 AS n, [9.0] AS v UNION ALL SELECT 'x', 5, CAST(NULL AS ARRAY<FLOAT64>)) AS source
        ON target.item = source.item
        WHEN MATCHED AND source.n > 10 THEN UPDATE SET n = source.n, v = source.v
        WHEN NOT MATCHED BY TARGET THEN INSERT (item, n, v) VALUES (item, source.n, source.v)
        WHEN NOT MATCHED BY SOURCE AND target.n = 3 THEN DELETE"""
    )
    assert outcome.statement_type == "MERGE"
    assert _counts(outcome) == ("3", "1", "1", "1")
    assert stock.rows("SELECT item, n, v FROM d.stock ORDER BY item") == [
        ("a", "100", ["9.0"]),
        ("b", "2", ["2.0"]),
        ("x", "5", []),
    ]


def test_merge_insert_row_and_constant_false(stock: Warehouse) -> None:
    outcome = stock.run(
        "MERGE d.stock t USING (SELECT 'z' AS item, 1 AS n, [0.5] AS v) s ON FALSE"
        " WHEN NOT MATCHED THEN INSERT ROW WHEN NOT MATCHED BY SOURCE THEN DELETE"
    )
    assert _counts(outcome) == ("4", "1", "0", "3")
    assert stock.rows("SELECT * FROM d.stock") == [("z", "1", ["0.5"])]


def test_merge_refuses_two_source_rows_for_one_target_row(stock: Warehouse) -> None:
    with pytest.raises(ApiError, match="UPDATE/MERGE must match at most one source row for each target row"):
        stock.run("MERGE d.stock t USING UNNEST([1, 2]) AS x ON t.item = 'a' WHEN MATCHED THEN UPDATE SET n = x")


def test_truncate_empties_the_table(stock: Warehouse) -> None:
    outcome = stock.run("TRUNCATE TABLE d.stock")
    assert (outcome.statement_type, outcome.statistics["numDmlAffectedRows"]) == ("TRUNCATE_TABLE", "3")
    assert stock.rows("SELECT * FROM d.stock") == []


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("INSERT INTO d.stock (nope) VALUES (1)", "Column nope is not present in table d.stock"),
        ("INSERT INTO d.stock (item, n) VALUES ('a')", "wrong column count"),
        ("INSERT INTO d.stock (item) SELECT item, n FROM d.stock", "wrong column count"),
        ("INSERT INTO d.nope VALUES (1)", "Not found: Table p:d.nope"),
        ("UPDATE d.stock SET nope = 1 WHERE TRUE", "nope"),
        ("DELETE FROM d.stock WHERE nope = 1", "Unrecognized name: nope at [1:27]"),
        ("DELETE FROM d.stock WHERE n = 'a'", "No matching signature for operator ="),
        ("INSERT INTO d.stock (n) VALUES ('5')", "Value has type STRING which cannot be inserted into column n"),
        ("INSERT INTO d.stock (n) SELECT '5'", "Query column 1 has type STRING which cannot be inserted into column n"),
        ("INSERT INTO d.stock (item) SELECT n FROM d.stock", "which cannot be inserted into column item"),
        ("UPDATE d.stock SET n = '5' WHERE TRUE", "Value of type STRING cannot be assigned to n, which has type INT64"),
        (
            "MERGE d.stock t USING d.stock s ON t.n = s.n WHEN MATCHED THEN UPDATE SET n = s.item",
            "Value of type STRING cannot be assigned to n",
        ),
        ("MERGE d.stock t USING d.stock s ON t.nope = s.item WHEN MATCHED THEN DELETE", "Name nope not found inside t"),
    ],
)
def test_wrong_dml_is_refused_and_changes_nothing(stock: Warehouse, statement: str, message: str) -> None:
    with pytest.raises(ApiError) as error:
        stock.run(statement)
    assert message in error.value.message
    assert stock.rows("SELECT COUNT(*) FROM d.stock") == [("3",)]


def test_a_required_column_refuses_null(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE d.t (a STRING NOT NULL)")
    with pytest.raises(ApiError, match="Required field a cannot be null"):
        warehouse.run("INSERT INTO d.t VALUES (NULL)")


def test_nothing_is_written_when_the_commit_of_the_job_fails(stock: Warehouse) -> None:
    def failing(_transaction: Transaction, _outcome: Outcome) -> None:
        raise RuntimeError("the job could not be written")

    from localcloud.core.ports import Statement

    statement = Statement("DELETE FROM d.stock WHERE TRUE", "p", "US", "user:you@example.com")
    with pytest.raises(RuntimeError):
        stock.engine.run(statement, failing)
    assert stock.rows("SELECT COUNT(*) FROM d.stock") == [("3",)]


def test_statements_on_one_table_at_the_same_time_all_succeed(stock: Warehouse) -> None:
    failures: list[BaseException] = []

    def change(number: int) -> None:
        try:
            stock.run(
                "MERGE d.stock t USING (SELECT 'k' AS item) s ON FALSE"
                f" WHEN NOT MATCHED THEN INSERT (item, n) VALUES (item, {number})"
            )
            stock.run(f"UPDATE d.stock SET n = n + 1 WHERE n = {number}")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=change, args=(100 * number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert stock.rows("SELECT COUNT(*), SUM(n) FROM d.stock WHERE item = 'k'") == [("8", "3608")]


def test_the_tables_time_of_change_follows_dml(stock: Warehouse, cloud: SmallCloud) -> None:
    before = stock.store.get("table", "p.d.stock")
    cloud.clock.advance(10)
    stock.run("INSERT INTO d.stock (item) VALUES ('new')")
    after = stock.store.get("table", "p.d.stock")
    assert before and after and int(after["lastModifiedTime"]) >= int(before["lastModifiedTime"]) + 10_000
