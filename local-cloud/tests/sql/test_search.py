"""VECTOR_SEARCH: the documentation's example to the digit, filters, options, errors."""

from __future__ import annotations

import time

import numpy as np
import pytest

from localcloud.core.errors import ApiError
from tests.sql.conftest import Warehouse

ANIMALS = {
    "dog": (1, 2),
    "wolf": (2, 4),
    "snake": (-2, 3),
    "lion": (2, -2.5),
    "tiger": (3, -2),
    "otter": (-3, -1),
    "whale": (-5, -1),
}


@pytest.fixture
def zoo(warehouse: Warehouse) -> Warehouse:
    def rows(animals: dict[str, tuple[float, float]]) -> str:
        return ", ".join(f"('{name}', [{float(x)}, {float(y)}])" for name, (x, y) in animals.items())

    for table, animals in (("base", ANIMALS), ("queries", {"dog": (1.0, 2.0), "cat": (1.0, -1.0)})):
        warehouse.run(f"CREATE TABLE d.{table} (id STRING, v ARRAY<FLOAT64>)")
        warehouse.run(f"INSERT INTO d.{table} VALUES {rows(animals)}")
    return warehouse


def _search(warehouse: Warehouse, arguments: str) -> list[tuple[str, ...]]:
    call = f"VECTOR_SEARCH(TABLE d.base, 'v', TABLE d.queries, {arguments})"
    return warehouse.rows(f"SELECT query.id AS q, base.id AS b, distance FROM {call} ORDER BY q DESC, distance")


def test_the_worked_example_euclidean(zoo: Warehouse) -> None:
    assert _search(zoo, "'v', top_k => 2, distance_type => 'EUCLIDEAN'") == [
        ("dog", "dog", "0.0"),
        ("dog", "wolf", "2.23606797749979"),
        ("cat", "lion", "1.8027756377319946"),
        ("cat", "tiger", "2.23606797749979"),
    ]


def test_the_worked_example_cosine(zoo: Warehouse) -> None:
    found = _search(zoo, "top_k => 2, distance_type => 'COSINE'")
    assert {row[:2] for row in found[:2]} == {("dog", "dog"), ("dog", "wolf")}
    assert [float(row[2]) for row in found[:2]] == pytest.approx([0, 0], abs=1e-15)
    assert found[2:] == [("cat", "lion", "0.0061162653263812095"), ("cat", "tiger", "0.019419324309079777")]


def test_the_dot_product_is_negated_so_that_near_is_small(zoo: Warehouse) -> None:
    found = _search(zoo, "query_column_to_search => 'v', top_k => 1, distance_type => 'DOT_PRODUCT'")
    assert found == [("dog", "wolf", "-10.0"), ("cat", "tiger", "-5.0")]


def test_without_distance_type_and_index_it_is_euclidean_and_ten(zoo: Warehouse) -> None:
    found = _search(zoo, "'v'")
    assert len(found) == 14
    assert found[0] == ("dog", "dog", "0.0")


def test_query_and_base_are_structs_with_all_columns(zoo: Warehouse) -> None:
    outcome = zoo.run(
        "SELECT * FROM VECTOR_SEARCH(TABLE d.base, 'v', (SELECT [1.0, 2.0] AS e, 'x' AS tag), top_k => 1)"
    )
    names = [
        (field["name"], [inner["name"] for inner in field.get("fields", [])]) for field in outcome.schema["fields"]
    ]
    assert names == [("query", ["e", "tag"]), ("base", ["id", "v"]), ("distance", [])]
    query = (
        "SELECT base.v, base FROM VECTOR_SEARCH(TABLE d.base, 'v', TABLE d.queries, top_k => 1) WHERE query.id = 'dog'"
    )
    assert zoo.rows(query) == [(["1.0", "2.0"], ("dog", ["1.0", "2.0"]))]


def test_a_base_query_filters_before_the_search_without_an_index(zoo: Warehouse) -> None:
    query = """SELECT base.id, distance FROM VECTOR_SEARCH(
        (SELECT b.id, b.v FROM d.base AS b WHERE b.id != 'dog' AND STARTS_WITH(b.id, @prefix) = FALSE), 'v',
        (SELECT [1.0, 2.0] AS v), top_k => 2, distance_type => 'EUCLIDEAN', options => '{"use_brute_force": true}')
        ORDER BY distance"""
    prefix = {"name": "prefix", "parameterType": {"type": "STRING"}, "parameterValue": {"value": "wo"}}
    assert [row[0] for row in zoo.rows(query, prefix)] == ["snake", "tiger"]


def test_a_computed_base_can_be_searched(zoo: Warehouse) -> None:
    query = """WITH doubled AS (SELECT id, ARRAY(SELECT x * 2 FROM UNNEST(v) AS x) AS v FROM d.base)
        SELECT base.id FROM VECTOR_SEARCH(TABLE doubled, 'v', (SELECT [2.0, 4.0] AS v), top_k => 1)"""
    assert zoo.rows(query) == [("dog",)]


def test_rows_without_a_vector_are_passed_over(zoo: Warehouse) -> None:
    zoo.run("INSERT INTO d.base VALUES ('failed', [])")
    assert len(_search(zoo, "'v', top_k => 100")) == 2 * len(ANIMALS)


def test_a_changed_row_is_found_at_its_new_place(zoo: Warehouse) -> None:
    zoo.run("DELETE FROM d.base WHERE id = 'dog'")
    assert _search(zoo, "'v', top_k => 1, distance_type => 'EUCLIDEAN'")[0][1] == "wolf"
    zoo.run("UPDATE d.base SET v = [1.0, 2.0] WHERE id = 'whale'")
    assert _search(zoo, "'v', top_k => 1, distance_type => 'EUCLIDEAN'")[0] == ("dog", "whale", "0.0")


MORE_LIKE = """SELECT base.id FROM VECTOR_SEARCH(TABLE d.base, 'v', (SELECT v FROM d.base WHERE {}),
    top_k => 2, distance_type => 'EUCLIDEAN') ORDER BY distance, base.id"""


def test_rows_of_the_base_are_searched_with_as_they_are_now(zoo: Warehouse) -> None:
    like = MORE_LIKE.format("id = 'dog'")
    for _ in range(2):  # the second time the vectors are in memory
        assert zoo.rows(like) == [("dog",), ("wolf",)]
    zoo.run("UPDATE d.base SET v = [2.0, -2.5] WHERE id = 'dog'")
    assert zoo.rows(like) == [("dog",), ("lion",)]
    zoo.run("UPDATE d.base SET v = [] WHERE id = 'dog'")
    assert zoo.rows(like) == []
    assert zoo.rows(MORE_LIKE.format("id = 'nope'")) == []
    both = zoo.rows(MORE_LIKE.format("id IN ('tiger', 'whale')"))
    assert sorted(both) == [("lion",), ("otter",), ("tiger",), ("whale",)]


def test_a_search_with_many_rows_of_the_base_finds_for_each_what_it_finds_alone(zoo: Warehouse) -> None:
    zoo.run("INSERT INTO d.base VALUES ('failed', [])")
    together = """SELECT query.id AS q, base.id AS b, distance FROM VECTOR_SEARCH(TABLE d.base, 'v', TABLE d.base,
        top_k => 2, distance_type => 'EUCLIDEAN') ORDER BY q, distance, b"""
    apart = """SELECT base.id, distance FROM VECTOR_SEARCH(TABLE d.base, 'v', (SELECT v FROM d.base WHERE id = '{}'),
        top_k => 2, distance_type => 'EUCLIDEAN') ORDER BY distance, base.id"""
    found = zoo.rows(together)
    assert {row[0] for row in found} == set(ANIMALS)
    for animal in ANIMALS:
        assert zoo.rows(apart.format(animal)) == [row[1:] for row in found if row[0] == animal]


@pytest.mark.parametrize(
    ("queries", "names"),
    [
        ("SELECT v FROM d.base", ["v"]),
        ("SELECT b.v, b.id AS name FROM d.base AS b WHERE b.id = 'dog'", ["v", "name"]),
        ("SELECT * FROM d.base WHERE id = 'dog'", ["id", "v"]),
        ("SELECT v, UPPER(id) AS loud FROM d.base", ["v", "loud"]),
        ("SELECT V FROM d.base", ["v"]),
        ("TABLE d.base", ["id", "v"]),
    ],
)
def test_the_query_struct_has_the_columns_of_its_table(zoo: Warehouse, queries: str, names: list[str]) -> None:
    table = queries if queries.startswith("TABLE") else f"({queries})"
    search = f"SELECT query FROM VECTOR_SEARCH(TABLE d.base, 'v', {table}, top_k => 1)"
    for more in ({}, {"dry_run": True}):
        (field,) = zoo.run(search, **more).schema["fields"]
        assert [inner["name"].lower() for inner in field["fields"]] == names


@pytest.mark.parametrize(
    ("queries", "message"),
    [
        ("SELECT v FROM d.base WHERE nope = 1", "Unrecognized name: nope"),
        ("SELECT nope FROM d.base", "Unrecognized name: nope"),
        ("SELECT v, nope.id FROM d.base", "nope"),
    ],
)
def test_a_wrong_query_table_is_refused(zoo: Warehouse, queries: str, message: str) -> None:
    for more in ({}, {"dry_run": True}):
        with pytest.raises(ApiError) as error:
            zoo.run(f"SELECT base.id FROM VECTOR_SEARCH(TABLE d.base, 'v', ({queries}), top_k => 1)", **more)
        assert message in error.value.message


def test_statistics_say_that_no_index_was_used(zoo: Warehouse) -> None:
    outcome = zoo.run("SELECT distance FROM VECTOR_SEARCH(TABLE d.base, 'v', TABLE d.queries)")
    statistics = outcome.statistics["vectorSearchStatistics"]
    assert statistics["indexUsageMode"] == "UNUSED"
    assert statistics["indexUnusedReasons"][0]["code"] == "INDEX_CONFIG_NOT_AVAILABLE"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("TABLE d.base, 'nope', TABLE d.queries", "Column nope not found"),
        ("TABLE d.base, 'id', TABLE d.queries", "must be of type ARRAY<FLOAT64>, found STRING"),
        ("TABLE d.base, 'v', TABLE d.queries, 'id'", "Column id of type ARRAY<FLOAT64> not found in the query table"),
        ("TABLE d.base, 'v', TABLE d.nope", "Not found: Table p:d.nope"),
        ("TABLE d.base, 'v', TABLE d.queries, top_k => 0", "top_k must be between"),
        ("TABLE d.base, 'v', TABLE d.queries, distance_type => 'MANHATTAN'", "Unsupported distance_type MANHATTAN"),
        ("TABLE d.base, 'v', TABLE d.queries, nope => 1", "Named argument nope not found"),
        ("TABLE d.base, 'v', TABLE d.queries, options => '{\"nope\": 1}'", "Invalid options"),
        (
            "TABLE d.base, 'v', TABLE d.queries,"
            ' options => \'{"fraction_lists_to_search": 0.1, "use_brute_force": true}\'',
            "cannot be specified together",
        ),
        ("(SELECT * FROM d.base ORDER BY id), 'v', TABLE d.queries", "may only have SELECT, FROM and WHERE"),
        ("(SELECT * FROM d.base WHERE ARRAY_LENGTH(v) > 0), 'v', TABLE d.queries", "cannot filter on the column v"),
        ("TABLE d.base, 'v', (SELECT [1.0, 2.0, 3.0] AS v)", "Array length mismatch: 2 and 3"),
        ("TABLE d.base, 'v', (SELECT [0.0, 0.0] AS v), distance_type => 'COSINE'", "zero vector"),
    ],
)
def test_a_wrong_search_is_refused(zoo: Warehouse, arguments: str, message: str) -> None:
    with pytest.raises(ApiError) as error:
        zoo.run(f"SELECT * FROM VECTOR_SEARCH({arguments})")
    assert message in error.value.message


def test_vectors_of_differing_length_in_the_base_are_an_error(zoo: Warehouse) -> None:
    zoo.run("INSERT INTO d.base VALUES ('odd', [1.0])")
    with pytest.raises(ApiError, match="must all have the same length"):
        _search(zoo, "'v'")


@pytest.mark.alone
def test_ten_thousand_vectors_are_searched_about_as_fast_as_a_matrix_product(warehouse: Warehouse) -> None:
    rows, dimension = 10_000, 1408
    _random_table(warehouse, rows, dimension)
    query = (
        "SELECT base.uri, distance FROM VECTOR_SEARCH(TABLE d.many, 'embedding',"
        " (SELECT uri, embedding FROM d.many WHERE uri = 'u00007'), top_k => 3, distance_type => 'COSINE')"
    )
    assert warehouse.rows(query)[0][0] == "u00007"
    matrix = np.random.default_rng(0).standard_normal((rows, dimension))
    one = matrix[:1].copy()
    product = min(_seconds(lambda: one @ matrix.T) for _ in range(5))
    search = min(_seconds(lambda: warehouse.run(query)) for _ in range(5))
    print(f"search {1000 * search:.1f} ms, product {1000 * product:.1f} ms")
    assert search < 2 * product + 0.1


def _seconds(act: object) -> float:
    start = time.perf_counter()
    act()  # type: ignore[operator]
    return time.perf_counter() - start


def _random_table(warehouse: Warehouse, rows: int, dimension: int) -> None:
    vectors = np.random.default_rng(1).standard_normal((rows, dimension))
    warehouse.run("CREATE TABLE d.many (uri STRING, embedding ARRAY<FLOAT64>)")
    with warehouse.store.transaction() as change:
        change.sql.register("flat", {"v": vectors.reshape(-1)})
        change.sql.execute(
            "INSERT INTO \"p.d\".many SELECT format('u{:05d}', i), e FROM (SELECT i, list(v) AS e FROM"
            f" (SELECT v, (row_number() OVER () - 1) // {dimension} AS i FROM flat) GROUP BY i) ORDER BY i"
        )
