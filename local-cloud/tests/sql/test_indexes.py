"""Vector indexes: the rules, the coverage as the clock runs, and approximate search that stays right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from localcloud.core.errors import ApiError
from localcloud.core.store import Store
from tests.sql.conftest import SmallCloud, Warehouse

ROWS, DIMENSION = 6_000, 256
CREATE = (
    "CREATE VECTOR INDEX i ON d.many(embedding) STORING (kind) OPTIONS (index_type = 'IVF', distance_type = 'COSINE')"
)
VIEW = "SELECT {} FROM d.INFORMATION_SCHEMA.VECTOR_INDEXES WHERE index_name = 'i'"


def fill(store: Store, table: str, vectors: Any, start: int = 0) -> None:
    """Append rows (uri, kind, embedding)."""
    with store.transaction() as change:
        change.sql.register("given", {"v": vectors.reshape(-1)})
        numbered = f"SELECT v, (row_number() OVER () - 1) // {vectors.shape[1]} AS i FROM given"
        change.sql.execute(
            f"INSERT INTO {table} SELECT format('u{{:05d}}', i + {start}), if(i % 2 = 0, 'even', 'odd'), e"
            f" FROM (SELECT i, list(v) AS e FROM ({numbered}) GROUP BY i) ORDER BY i"
        )


@pytest.fixture(scope="module")
def vectors() -> Any:
    """Clustered, as pictures are."""
    random = np.random.default_rng(3)
    centres = random.standard_normal((60, DIMENSION))
    return centres[random.integers(0, 60, ROWS)] + 0.4 * random.standard_normal((ROWS, DIMENSION))


@pytest.fixture
def many(vectors: Any) -> Iterator[Warehouse]:
    store = Store()
    warehouse = Warehouse(store, SmallCloud())
    warehouse.run("CREATE TABLE d.many (uri STRING, kind STRING, embedding ARRAY<FLOAT64>)")
    fill(store, '"p.d".many', vectors)
    yield warehouse
    store.close()


def _search(warehouse: Warehouse, options: str = "", base: str = "TABLE d.many", top_k: int = 10) -> list[Any]:
    more = f", options => '{options}'" if options else ""
    query = f"""SELECT query.uri AS q, base.uri AS b, base.kind AS kind, distance
        FROM VECTOR_SEARCH({base}, 'embedding', (SELECT uri, embedding FROM d.many WHERE ENDS_WITH(uri, '77')),
          top_k => {top_k}, distance_type => 'COSINE'{more})
        ORDER BY q, distance, b"""
    return warehouse.rows(query)


def _usage(warehouse: Warehouse, more: str = ", distance_type => 'COSINE'") -> dict[str, Any]:
    query = (
        f"SELECT distance FROM VECTOR_SEARCH(TABLE d.many, 'embedding', (SELECT embedding FROM d.many LIMIT 1){more})"
    )
    return dict(warehouse.run(query).statistics["vectorSearchStatistics"])


def _reason(usage: dict[str, Any]) -> str:
    return str(usage["indexUnusedReasons"][0]["code"])


def test_coverage_grows_with_the_clock(many: Warehouse) -> None:
    outcome = many.run(CREATE)
    assert (outcome.statement_type, outcome.statistics["ddlOperationPerformed"]) == ("CREATE_VECTOR_INDEX", "CREATE")
    columns = "index_status, coverage_percentage, last_refresh_time, unindexed_row_count, disable_reason"
    assert many.rows(VIEW.format(columns)) == [("ACTIVE", "0", None, "6000", None)]
    assert _reason(_usage(many)) == "PENDING_INDEX_CREATION"
    many.cloud.clock.advance(3)
    ((_, coverage, refreshed, unindexed, _),) = many.rows(VIEW.format(columns))
    assert 0 < int(coverage) < 100
    assert refreshed is not None
    assert 0 < int(unindexed) < 6000
    assert _usage(many)["indexUsageMode"] == "PARTIALLY_USED"
    many.cloud.clock.advance(1)
    assert many.rows(VIEW.format("coverage_percentage, unindexed_row_count")) == [("100", "0")]
    assert _usage(many) == {"indexUsageMode": "FULLY_USED"}
    assert many.rows(VIEW.format("ddl")) == [(CREATE,)]
    columns = "SELECT index_column_name FROM d.INFORMATION_SCHEMA.VECTOR_INDEX_COLUMNS"
    assert many.rows(columns) == [("embedding",), ("kind",)]
    options = "SELECT option_value FROM d.INFORMATION_SCHEMA.VECTOR_INDEX_OPTIONS WHERE option_name = 'distance_type'"
    assert many.rows(options) == [("COSINE",)]


def test_a_used_index_is_approximate_and_brute_force_is_exact(many: Warehouse) -> None:
    exact = _search(many)
    many.run(CREATE)
    many.cloud.clock.advance(10)
    assert _search(many, '{"use_brute_force": true}') == exact
    assert (
        _reason(_usage(many, """, options => '{"use_brute_force": true}'""")) == "INDEX_SUPPRESSED_BY_FUNCTION_OPTION"
    )

    def recall(options: str) -> float:
        found = {row[:2] for row in _search(many, options)}
        return len(found & {row[:2] for row in exact}) / len(exact)

    few, all_lists = recall('{"fraction_lists_to_search": 0.01}'), recall('{"fraction_lists_to_search": 1.0}')
    assert few < 1
    assert few <= recall("") <= all_lists == 1
    assert recall("") > 0.8


def test_new_rows_are_found_before_the_index_covers_them(many: Warehouse) -> None:
    many.run(CREATE)
    many.cloud.clock.advance(10)
    many.run("INSERT INTO d.many SELECT 'twin', kind, embedding FROM d.many WHERE uri = 'u00077'")
    assert many.rows(VIEW.format("coverage_percentage, unindexed_row_count")) == [("99", "1")]
    assert _usage(many)["indexUsageMode"] == "PARTIALLY_USED"
    assert [row[1] for row in _search(many, top_k=2) if row[0] == "u00077"] == ["twin", "u00077"]
    many.cloud.clock.advance(10)
    assert many.rows(VIEW.format("coverage_percentage, unindexed_row_count")) == [("100", "0")]
    assert [row[1] for row in _search(many, top_k=2) if row[0] == "u00077"] == ["twin", "u00077"]


def test_deleted_rows_are_not_found(many: Warehouse) -> None:
    many.run(CREATE)
    many.cloud.clock.advance(10)
    many.run("DELETE FROM d.many WHERE kind = 'odd' AND NOT ENDS_WITH(uri, '77')")
    assert {row[2] for row in _search(many) if not row[1].endswith("77")} == {"even"}


def test_a_filter_acts_after_an_index_search_unless_its_columns_are_stored(many: Warehouse) -> None:
    many.run(CREATE)
    many.cloud.clock.advance(10)
    stored = _search(many, base="(SELECT * FROM d.many WHERE kind = 'even')")
    assert {row[2] for row in stored} == {"even"}
    assert len(stored) == 10 * 60
    not_stored = _search(many, base="(SELECT * FROM d.many WHERE uri < 'u03000')")
    assert 0 < len(not_stored) < 10 * 60
    brute = _search(many, '{"use_brute_force": true}', base="(SELECT * FROM d.many WHERE uri < 'u03000')")
    assert len(brute) == 10 * 60


def test_another_distance_type_than_the_indexs_is_searched_exactly(many: Warehouse) -> None:
    many.run(CREATE)
    many.cloud.clock.advance(10)
    assert _usage(many, ", distance_type => 'EUCLIDEAN'")["indexUsageMode"] == "UNUSED"
    query = """SELECT distance FROM VECTOR_SEARCH(TABLE d.many, 'embedding',
        (SELECT embedding FROM d.many WHERE uri = 'u00001'), top_k => 2) ORDER BY 1"""
    cosine = float(many.rows(query)[1][0])
    assert cosine < 2  # without distance_type a used index decides: COSINE
    brute = query.replace("top_k => 2", "top_k => 2, options => '{\"use_brute_force\": true}'")
    assert float(many.rows(brute)[1][0]) > 2  # and without it EUCLIDEAN holds


def test_too_few_rows_are_refused_word_for_word(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE d.few AS SELECT [1.0, 2.0] AS embedding FROM UNNEST(GENERATE_ARRAY(1, 7)) AS n")
    with pytest.raises(ApiError) as error:
        warehouse.run("CREATE VECTOR INDEX i ON d.few(embedding) OPTIONS (index_type = 'IVF')")
    assert (error.value.code, error.value.message) == (
        400,
        "Total rows 7 is smaller than min allowed 5000 for CREATE VECTOR INDEX query with the IVF index type."
        " Please use VECTOR_SEARCH table-valued function directly to perform the similarity search.",
    )


def test_an_index_on_less_than_ten_megabytes_is_never_populated(warehouse: Warehouse) -> None:
    warehouse.run(
        "CREATE TABLE d.many AS SELECT CAST(n AS STRING) AS uri, 'even' AS kind, [n * 1.0, 1.0] AS embedding"
        " FROM UNNEST(GENERATE_ARRAY(1, 5000)) AS n"
    )
    warehouse.run(CREATE)
    warehouse.cloud.clock.advance(1000)
    columns = "coverage_percentage, last_refresh_time, disable_reason"
    assert warehouse.rows(VIEW.format(columns)) == [("0", None, "BASE_TABLE_TOO_SMALL")]
    assert _reason(_usage(warehouse)) == "BASE_TABLE_TOO_SMALL"


def test_one_index_a_table(many: Warehouse) -> None:
    many.run(CREATE)
    skipped = many.run(CREATE.replace("CREATE VECTOR INDEX", "CREATE VECTOR INDEX IF NOT EXISTS"))
    assert skipped.statistics["ddlOperationPerformed"] == "SKIP"
    with pytest.raises(ApiError, match="only one vector index per table"):
        many.run(CREATE.replace("CREATE VECTOR INDEX i", "CREATE VECTOR INDEX IF NOT EXISTS other"))
    with pytest.raises(ApiError) as error:
        many.run(CREATE)
    assert error.value.reason == "duplicate"
    assert many.run(CREATE.replace("CREATE", "CREATE OR REPLACE")).statistics["ddlOperationPerformed"] == "REPLACE"
    many.run("DROP VECTOR INDEX `i` ON d.many")
    assert many.run("DROP VECTOR INDEX IF EXISTS i ON d.many").statistics["ddlOperationPerformed"] == "SKIP"
    with pytest.raises(ApiError) as error:
        many.run("DROP VECTOR INDEX i ON d.many")
    assert error.value.code == 404


def test_ten_statements_a_table_and_day(many: Warehouse) -> None:
    two_lists = "'COSINE', ivf_options = '{\"num_lists\": 2}'"
    statement = CREATE.replace("CREATE", "CREATE OR REPLACE").replace("'COSINE'", two_lists)
    for _ in range(10):
        many.run(statement)
    with pytest.raises(ApiError) as error:
        many.run(statement)
    assert (error.value.code, error.value.reason) == (403, "quotaExceeded")
    many.cloud.clock.advance(86_401)
    many.run(statement)


def test_dropping_or_replacing_the_table_takes_the_index_with_it(many: Warehouse) -> None:
    many.run(CREATE)
    many.run("CREATE OR REPLACE TABLE d.many AS SELECT * FROM d.many")
    assert many.rows("SELECT index_name FROM d.INFORMATION_SCHEMA.VECTOR_INDEXES") == []


def test_drift_grows_when_other_pictures_come_in_and_a_rebuild_ends_it(many: Warehouse) -> None:
    many.run(CREATE)
    drift = "SELECT drift FROM VECTOR_INDEX.STATISTICS(TABLE d.many)"
    assert many.rows(drift) == [("0.0",)]
    many.run(
        "INSERT INTO d.many SELECT CONCAT('n', uri), kind, ARRAY(SELECT ABS(x) FROM UNNEST(embedding) AS x) FROM d.many"
    )
    assert 0.3 < float(many.rows(drift)[0][0]) <= 1
    many.run("ALTER VECTOR INDEX i ON d.many REBUILD")
    assert many.rows(drift) == [("0.0",)]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("embedding)", "nope)", "Column nope is not present"),
        ("embedding)", "uri)", "must be of type ARRAY<FLOAT64>"),
        ("'IVF'", "'HNSW'", "Invalid index_type HNSW"),
        ("'COSINE'", "'MANHATTAN'", "Invalid distance_type MANHATTAN"),
        ("'COSINE'", "'COSINE', ivf_options = '{\"lists\": 1}'", "Invalid options of index type IVF"),
        ("'COSINE'", "'COSINE', tree_ah_options = '{}'", "options of another index type"),
        ("(kind)", "(nope)", "Column nope is not present"),
        ("d.many", "d.nope", "Not found: Table p:d.nope"),
    ],
)
def test_a_wrong_index_is_refused(many: Warehouse, old: str, new: str, message: str) -> None:
    with pytest.raises(ApiError, match=message):
        many.run(CREATE.replace(old, new, 1))


def test_a_failed_row_without_vector_is_named(many: Warehouse) -> None:
    many.run("INSERT INTO d.many (uri, embedding) VALUES ('failed', [])")
    with pytest.raises(ApiError, match="same length; 1 are empty"):
        many.run(CREATE)


def test_a_tree_index_is_used_too(many: Warehouse) -> None:
    many.run(
        "CREATE VECTOR INDEX i ON d.many(embedding) OPTIONS (index_type = 'TREE_AH', distance_type = 'COSINE',"
        ' tree_ah_options = \'{"leaf_node_embedding_count": 500, "normalization_type": "L2"}\')'
    )
    many.cloud.clock.advance(10)
    assert _usage(many) == {"indexUsageMode": "FULLY_USED"}


@pytest.mark.slow
def test_ten_thousand_pictures_are_found_again_by_the_index_at_its_defaults() -> None:
    random = np.random.default_rng(8)
    centres = random.standard_normal((100, 1408))
    vectors = centres[random.integers(0, 100, 10_000)] + 0.5 * random.standard_normal((10_000, 1408))
    store = Store()
    warehouse = Warehouse(store, SmallCloud())
    warehouse.run("CREATE TABLE d.many (uri STRING, kind STRING, embedding ARRAY<FLOAT64>)")
    fill(store, '"p.d".many', vectors)
    exact = {row[:2] for row in _search(warehouse)}
    warehouse.run(CREATE)
    warehouse.cloud.clock.advance(10)

    def recall(options: str) -> float:
        return len({row[:2] for row in _search(warehouse, options)} & exact) / len(exact)

    default, few = recall(""), recall('{"fraction_lists_to_search": 0.01}')
    store.close()
    print(f"recall@10 of 10,000 x 1408: {default:.3f} at the default, {few:.3f} in one list of a hundred")
    assert default >= 0.95
    assert few < default
