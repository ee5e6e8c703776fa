"""A statement that is sent again is not parsed again, and means what it means this time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from localcloud.core.errors import ApiError
from localcloud.engine.parse_cache import ParseCache
from tests.sql.conftest import SmallCloud, Warehouse, scalar


def test_the_same_text_is_parsed_once() -> None:
    statements = ParseCache()
    assert statements.parse("SELECT 1") is statements.parse("SELECT 1")
    assert statements.parse("SELECT 1") is not statements.parse("SELECT 1 ")


def test_the_least_used_are_forgotten() -> None:
    statements = ParseCache()
    first, second = statements.parse("SELECT 1"), statements.parse("SELECT 2")
    for number in range(127):
        statements.parse(f"SELECT 1, {number}")
        assert statements.parse("SELECT 1") is first
    assert statements.parse("SELECT 2") is not second


def test_what_is_wrong_is_wrong_every_time(warehouse: Warehouse) -> None:
    for _ in range(2):
        with pytest.raises(ApiError, match="Unrecognized name: nope at"):
            warehouse.run("SELECT nope")
        with pytest.raises(ApiError, match="Syntax error"):
            warehouse.run("SELECT FROM")


def test_each_statement_has_its_own_parameters(warehouse: Warehouse) -> None:
    text = "SELECT @a AS a, @a AS again"
    assert warehouse.rows(text, scalar("a", "INT64", "1")) == [("1", "1")]
    assert warehouse.rows(text, scalar("a", "INT64", "2")) == [("2", "2")]
    assert warehouse.rows(text, scalar("a", "STRING", "x")) == [("x", "x")]
    with pytest.raises(ApiError, match="Query parameter 'a' not found"):
        warehouse.rows(text)
    positional = "SELECT ?, ?"
    for values in (("1", "2"), ("3", "4")):
        given = [scalar("", "INT64", value) for value in values]
        assert warehouse.rows(positional, *given, parameter_mode="POSITIONAL") == [values]


def test_statements_of_one_text_run_side_by_side_with_parameters_of_their_own(warehouse: Warehouse) -> None:
    text = "SELECT x + @a AS sum FROM UNNEST(GENERATE_ARRAY(1, 3)) AS x WHERE x != @a ORDER BY x"

    def sums(number: int) -> list[tuple[str, ...]]:
        return warehouse.rows(text, scalar("a", "INT64", str(number)))

    with ThreadPoolExecutor(8) as threads:
        for number, found in enumerate(threads.map(sums, range(100))):
            assert found == [(str(x + number),) for x in (1, 2, 3) if x != number]


def test_each_statement_has_its_own_dataset_caller_and_moment(warehouse: Warehouse, cloud: SmallCloud) -> None:
    warehouse.run("CREATE TABLE d.t AS SELECT 'd' AS x")
    warehouse.run("CREATE TABLE bqml_tutorial.t AS SELECT 'other' AS x, 1 AS y")
    text = "SELECT *, SESSION_USER() AS caller, UNIX_SECONDS(CURRENT_TIMESTAMP()) AS moment FROM t"
    ((x, caller, first),) = warehouse.rows(text, default_dataset=("p", "d"))
    assert (x, caller) == ("d", "you@example.com")
    cloud.clock.advance(100)
    ((x, y, caller, second),) = warehouse.rows(
        text, default_dataset=("p", "bqml_tutorial"), member="user:b@example.com"
    )
    assert (x, y, caller) == ("other", "1", "b@example.com")
    assert int(second) - int(first) >= 100


def test_a_table_that_was_replaced_is_read_again(warehouse: Warehouse) -> None:
    text = "SELECT * FROM d.t"
    warehouse.run("CREATE TABLE d.t AS SELECT 1 AS x")
    assert warehouse.rows(text) == [("1",)]
    warehouse.run("CREATE OR REPLACE TABLE d.t AS SELECT 'a' AS y, 2.5 AS z")
    assert warehouse.rows(text) == [("a", "2.5")]
    warehouse.run("DROP TABLE d.t")
    with pytest.raises(ApiError, match="Not found: Table"):
        warehouse.run(text)
