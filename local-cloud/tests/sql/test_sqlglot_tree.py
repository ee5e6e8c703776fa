"""The converted tree means what the statement means: brackets, arrays of a table, literals, the clock."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlglot import exp

from localcloud.core.clock import Clock
from localcloud.core.store import Store
from localcloud.engine import sqlglot_tree
from localcloud.googlesql import grammar
from localcloud.googlesql.syntax import Query
from tests.sql.conftest import SmallCloud, Warehouse
from tests.sql.reference import Reference

EXPRESSIONS = r"""
    (1 + 2) * 3 | 2 * (3 + 4) * 5 | 10 - (5 - 2) | 10 - 5 - 2 | 100 / (10 / 2) | 100 / 10 / 2 | -(-(5)) | - (1 + 2)
    (1 = 1) = TRUE | (1 < 2) = (3 < 4) | NOT (TRUE AND FALSE) | NOT TRUE AND FALSE | TRUE OR FALSE AND FALSE
    (TRUE OR FALSE) AND FALSE | (1 IN (1, 2)) = TRUE | (1 BETWEEN 0 AND 2) = TRUE | 1 BETWEEN 0 AND 1 + 1
    ('a' LIKE 'a') = TRUE | (NULL IS NULL) = TRUE | NOT (NULL IS NULL) | (1 IS DISTINCT FROM 2) = TRUE
    1 | 2 & 4 ^ 1 | (1 ^ 2) & 3 | 1 << 2 + 1 | -5 >> 1 | ~1 + 1 | DIV(7 + 1, 2) * 3 | MOD(7 - 1, 4) + 1
    'a' || ('b' || 'c') | CONCAT('a' || 'b', 'c') | 1 + CASE WHEN TRUE THEN 1 ELSE 2 END * 2 | 0x1F + 1 | .5 | 5.
    (STRUCT(1 AS a, 'b' AS b)).b | [STRUCT(1 AS x)][OFFSET(0)].x | ([1, 2] || [3])[ORDINAL(3)] | [1, 2][0] + 1
    (SELECT 1 + 2) * 3 | 1 + (SELECT AS STRUCT 2 AS a).a | IF(TRUE, 1, 2) + 1 | b'\xc3\xa9' | b'é' | rb'\d' | r'\d'
    'it''s' | "it's" | '\n\t\\' | '''a'b''' | (1, 2) = (1, 2) | (1, 'a') IN ((1, 'a'), (2, 'b'))
    DATE_ADD(DATE '2026-01-31', INTERVAL -1 MONTH)
    TIMESTAMP '2026-01-01 00:00:00+00' - INTERVAL 1 HOUR > TIMESTAMP '2026-01-01 00:00:00+00'
"""


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Warehouse, Reference]]:
    store = Store()
    warehouse, reference = Warehouse(store, SmallCloud()), Reference()
    table = "SELECT 1 AS id, [10, 20] AS v, STRUCT([3] AS w) AS s UNION ALL SELECT 2, [30], STRUCT([4, 5])"
    warehouse.run(f"CREATE TABLE d.t AS {table}")
    reference.make("t", table)
    yield warehouse, reference
    store.close()


def _expressions() -> list[str]:
    lines = EXPRESSIONS.replace("'it''s' |", "").strip().splitlines()
    bits = ["1 | 2 & 4 ^ 1"]
    listed = [one.strip() for line in lines for one in line.replace(bits[0], "").split(" | ")]
    return [*filter(None, listed), *bits]


@pytest.mark.parametrize("expression", _expressions())
def test_an_expression_means_what_it_means_to_zetasql(both: tuple[Warehouse, Reference], expression: str) -> None:
    query = f"SELECT {expression} AS x"
    assert both[0].rows(query) == [tuple(row) for row in both[1].rows(query)]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT id, e FROM t, t.v AS e",
        "SELECT id, e, o FROM t AS a, a.v AS e WITH OFFSET AS o",
        "SELECT id, e FROM t AS a LEFT JOIN a.v AS e ON TRUE",
        "SELECT id, w FROM t AS a, a.s.w",
        "SELECT id, (SELECT SUM(e) FROM a.v AS e) AS x FROM t AS a",
        "SELECT id, ARRAY(SELECT e + id FROM t.v AS e) AS x FROM t",
        "SELECT id, (SELECT COUNT(*) FROM UNNEST(v) AS e, UNNEST(s.w) AS f WHERE e > f) AS x FROM t",
        "SELECT a.id, b.id AS c FROM t AS a, t AS b JOIN t AS c ON b.id = c.id WHERE a.id < c.id",
        "SELECT a.id FROM t AS a JOIN (t AS b JOIN t AS c ON b.id = c.id) ON a.id = b.id",
        "WITH v AS (SELECT 5 AS id) SELECT * FROM v UNION ALL (SELECT id FROM t ORDER BY id DESC LIMIT 1)",
    ],
)
def test_a_from_clause_means_what_it_means_to_zetasql(both: tuple[Warehouse, Reference], query: str) -> None:
    ours = both[0].rows(query, default_dataset=("p", "d"))
    assert sorted(map(repr, ours)) == sorted(repr(tuple(row)) for row in both[1].rows(query))


def test_a_name_of_the_clock_is_a_function_unless_it_is_quoted() -> None:
    for name, kind in (("CURRENT_DATE", exp.CurrentDate), ("current_timestamp", exp.CurrentTimestamp)):
        assert _select(f"SELECT {name}").find(kind) is not None
        assert _select(f"SELECT `{name}` FROM t").find(kind) is None


def test_the_time_is_the_clocks_without_brackets_too(warehouse: Warehouse, cloud: SmallCloud) -> None:
    assert isinstance(cloud.clock, Clock)
    ((before,),) = warehouse.rows("SELECT CURRENT_DATE")
    cloud.clock.advance(40 * 86_400)
    assert warehouse.rows(f"SELECT CURRENT_DATE > DATE '{before}'") == [("true",)]


def _select(text: str) -> exp.Select:
    tree = grammar.read(text)
    assert isinstance(tree, Query)
    made = sqlglot_tree.query(tree)
    assert isinstance(made, exp.Select)
    return made
