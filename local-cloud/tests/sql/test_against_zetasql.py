# ruff: noqa: E501 - one query a line
"""Plain SQL, answer by answer, against Google's reference implementation (ZetaSQL, from PyPI)."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from zetasql.api import CatalogBuilder, PreparedQuery
from zetasql.types import AnalyzerOptions, LanguageOptions, ZetaSQLBuiltinFunctionOptions

import localcloud.testing.zetasql  # noqa: F401 - compiles ZetaSQL once
from localcloud.core.errors import ApiError
from localcloud.core.store import Store
from tests.sql.conftest import SmallCloud, Warehouse

T = (
    "WITH t AS (SELECT * FROM UNNEST([STRUCT(1 AS n, 'ann' AS s, 1.5 AS f, [1, 2] AS a),"
    " STRUCT(2 AS n, 'bob' AS s, -2.5 AS f, CAST([] AS ARRAY<INT64>) AS a),"
    " STRUCT(3 AS n, NULL AS s, NULL AS f, [3] AS a), STRUCT(NULL AS n, 'ann' AS s, 0.0 AS f, [4, 4] AS a)])) "
)
QUERIES = """
SELECT n FROM t ORDER BY n
SELECT n FROM t ORDER BY n DESC
SELECT s, COUNT(*) AS c, SUM(n) AS x FROM t GROUP BY s ORDER BY s
SELECT s, COUNT(n) FROM t GROUP BY 1 HAVING COUNT(*) > 1
SELECT UPPER(s) AS s FROM t GROUP BY s ORDER BY s
SELECT AVG(n), MIN(s), MAX(f), COUNT(DISTINCT s), COUNTIF(n > 1), LOGICAL_AND(n > 0), LOGICAL_OR(n > 2) FROM t
SELECT ARRAY_AGG(s IGNORE NULLS ORDER BY n), STRING_AGG(s, '|' ORDER BY n) FROM t
SELECT ARRAY_AGG(n IGNORE NULLS ORDER BY n DESC LIMIT 2) FROM t
SELECT SUM(n), SUM(f), COUNT(*) FROM t WHERE FALSE
SELECT STDDEV(n), VARIANCE(n), CORR(n, f) FROM t
SELECT n, ROW_NUMBER() OVER (ORDER BY n) AS r, SUM(n) OVER (ORDER BY n) AS c FROM t ORDER BY r
SELECT n, LAG(n) OVER (ORDER BY n) AS l, LEAD(n, 1, 9) OVER (ORDER BY n) AS m FROM t ORDER BY n
SELECT n, RANK() OVER (ORDER BY s) AS r, DENSE_RANK() OVER (ORDER BY s) AS d, NTILE(2) OVER (ORDER BY n) FROM t ORDER BY n
SELECT n FROM t WHERE TRUE QUALIFY ROW_NUMBER() OVER (PARTITION BY s ORDER BY n DESC) = 1 ORDER BY n
SELECT n, x FROM t, UNNEST(a) AS x ORDER BY n, x
SELECT n, x, o FROM t, UNNEST(a) AS x WITH OFFSET AS o ORDER BY n, x, o
SELECT n, x FROM t LEFT JOIN UNNEST(a) AS x ORDER BY n, x
SELECT n FROM t WHERE EXISTS (SELECT 1 FROM UNNEST(a) AS x WHERE x = 2)
SELECT n, ARRAY(SELECT x + 1 FROM UNNEST(a) AS x ORDER BY x DESC) AS b FROM t ORDER BY n
SELECT n, (SELECT SUM(x) FROM UNNEST(a) AS x) AS b FROM t ORDER BY n
SELECT n, ARRAY_LENGTH(a), 2 IN UNNEST(a) FROM t ORDER BY n
SELECT n FROM t WHERE n IN (1, 3) ORDER BY n
SELECT n FROM t WHERE n NOT IN (1, 3)
SELECT n FROM t WHERE s NOT IN (SELECT s FROM t WHERE s IS NOT NULL)
SELECT n FROM t WHERE n NOT IN (SELECT n FROM t)
SELECT u.n, v.n AS m FROM t AS u JOIN t AS v ON u.s = v.s ORDER BY 1, 2
SELECT u.n, v.n AS m FROM t AS u LEFT JOIN t AS v ON u.n = v.n + 1 ORDER BY 1, 2
SELECT n, v.f FROM t FULL OUTER JOIN (SELECT 3 AS n, 7.5 AS f UNION ALL SELECT 9, 8.5) AS v USING (n) ORDER BY n
SELECT * FROM (SELECT n FROM t WHERE n = 1) CROSS JOIN (SELECT 'z' AS z)
SELECT n FROM t UNION DISTINCT SELECT 2 ORDER BY 1
SELECT n FROM t EXCEPT DISTINCT SELECT 2 ORDER BY 1
SELECT n FROM t INTERSECT DISTINCT SELECT 2 ORDER BY 1
SELECT * EXCEPT (a, f) FROM t ORDER BY n
SELECT * REPLACE (n * 2 AS n) FROM t WHERE n = 2
SELECT DISTINCT s FROM t ORDER BY s
SELECT n FROM t ORDER BY n LIMIT 2 OFFSET 1
SELECT CASE WHEN n > 2 THEN 'big' WHEN n > 1 THEN 'mid' ELSE 'small' END, CASE n WHEN 1 THEN 'one' END FROM t ORDER BY n
SELECT IF(n > 1, n, 0), IFNULL(s, '-'), COALESCE(s, 'x'), NULLIF(n, 2) FROM t ORDER BY n
SELECT n BETWEEN 1 AND 2, n IS NULL, s LIKE 'a%', s LIKE '%n_' FROM t ORDER BY n
SELECT n + 1, n - 1, n * 2, -n, n / 2, DIV(n, 2), MOD(n, 2), SAFE_DIVIDE(n, 0) FROM t ORDER BY n
SELECT f + n, f * 2, n / 3, f / 2 FROM t ORDER BY n
SELECT 1 / 0
SELECT 1.0 / 0.0
SELECT DIV(1, 0)
SELECT MOD(1, 0)
SELECT 9223372036854775807 + 1
SELECT CAST('a' AS INT64)
SELECT SAFE_CAST('a' AS INT64), SAFE_CAST('12' AS INT64), CAST('1.5' AS FLOAT64), CAST(TRUE AS STRING)
SELECT CAST(2.5 AS INT64), CAST(3.5 AS INT64), CAST(-2.5 AS INT64), CAST(1 AS FLOAT64), CAST(0 AS BOOL)
SELECT CAST(n * 1.5 AS INT64) FROM t ORDER BY n
SELECT CAST(1.0 AS STRING), CAST(0.1 AS STRING), CAST(1e20 AS STRING), CAST(12 AS STRING), CAST(f AS STRING) FROM t ORDER BY n
SELECT ROUND(2.5), ROUND(-2.5), ROUND(1.25, 1), TRUNC(2.7), CEIL(1.2), FLOOR(-1.2), ABS(-3), SQRT(2), POW(2, 10)
SELECT EXP(1), LN(2), LOG(8, 2), LOG10(100), GREATEST(1, 3, 2), LEAST(1.5, 0.5), GREATEST(1, NULL)
SELECT ATAN2(1, 2), SIN(1), COS(1), TAN(1), IS_NAN(CAST('nan' AS FLOAT64)), IS_INF(CAST('inf' AS FLOAT64))
SELECT SQRT(-1)
SELECT LN(0)
SELECT CONCAT('a', 'b', 'c'), 'a' || 'b', LENGTH('héé'), CHAR_LENGTH('héé'), BYTE_LENGTH('héé'), LENGTH(b'abc')
SELECT SUBSTR('castle', 2, 3), SUBSTR('castle', -3), SUBSTR('castle', 0, 2), SUBSTR('castle', 10), LEFT('castle', 2), RIGHT('castle', 2)
SELECT UPPER('é'), LOWER('ABC'), TRIM('  x '), LTRIM('xxa', 'x'), RTRIM('axx', 'x'), REPLACE('aXbX', 'X', '-'), REVERSE('abc'), REPEAT('ab', 2)
SELECT STARTS_WITH('castle', 'cas'), ENDS_WITH('castle', 'tle'), STRPOS('castle', 't'), STRPOS('castle', 'z')
SELECT LPAD('7', 3, '0'), RPAD('7', 3), LPAD('castle', 3), ASCII('a'), CHR(65)
SELECT SPLIT('a,b,,c'), SPLIT('a-b', '-'), ARRAY_TO_STRING(['a', NULL, 'b'], ','), ARRAY_TO_STRING(['a', NULL], ',', '?')
SELECT REGEXP_CONTAINS('a1b', r'[0-9]'), REGEXP_EXTRACT('a12b', r'([0-9]+)'), REGEXP_EXTRACT('ab', r'([0-9]+)'), REGEXP_REPLACE('a1b2', r'[0-9]', '#')
SELECT REGEXP_EXTRACT_ALL('a1b22', r'[0-9]+'), REGEXP_EXTRACT('a12b', r'[0-9]+'), REGEXP_REPLACE('ab', r'(a)(b)', r'\\2\\1')
SELECT FORMAT('%d-%s', 5, 'x'), FORMAT('%05d', 42), FORMAT('%.2f', 1.005), FORMAT('%x', 255), FORMAT('100%%')
SELECT TO_HEX(MD5('abc')), TO_HEX(SHA256('abc')), TO_BASE64(b'abc'), FROM_BASE64('YWJj'), TO_HEX(b'ab')
SELECT EDIT_DISTANCE('kitten', 'sitting')
SELECT [1, 2][OFFSET(0)], [1, 2][ORDINAL(2)], [1, 2][SAFE_OFFSET(9)], [1, 2][0], ARRAY_REVERSE([1, 2, 3]), ARRAY_CONCAT([1], [2, 3])
SELECT [1][OFFSET(5)]
SELECT [1][ORDINAL(0)]
SELECT [5, 6][SAFE_OFFSET(-1)]
SELECT GENERATE_ARRAY(1, 5), GENERATE_ARRAY(1, 10, 3), GENERATE_ARRAY(5, 1, -2), GENERATE_ARRAY(1, 0)
SELECT STRUCT(1 AS a, 'x' AS b), STRUCT(1 AS a).a, STRUCT<x INT64, y STRING>(1, 'q').y, [STRUCT(1 AS a), STRUCT(2)]
SELECT x.a, x.b FROM UNNEST([STRUCT(1 AS a, 'p' AS b), STRUCT(2, 'q')]) AS x ORDER BY a
SELECT a FROM UNNEST([STRUCT(1 AS a, 'p' AS b), STRUCT(2, 'q')]) ORDER BY a
SELECT ARRAY(SELECT AS STRUCT n, s FROM t ORDER BY n LIMIT 1)
SELECT AS STRUCT 1 AS a, 2 AS b
SELECT (SELECT AS STRUCT 1 AS a, 2 AS b).b
SELECT COSINE_DISTANCE([1.0, 2.0], [3.0, 4.0]), EUCLIDEAN_DISTANCE([1.0, 2.0], [3.0, 4.0])
SELECT COSINE_DISTANCE([0.0], [1.0])
SELECT COSINE_DISTANCE([1.0], [1.0, 2.0])
SELECT ERROR('boom')
SELECT IF(TRUE, 1, ERROR('not reached'))
SELECT TIMESTAMP_DIFF(TIMESTAMP '2026-01-02 00:00:00+00', TIMESTAMP '2026-01-01 00:00:01+00', DAY), TIMESTAMP_DIFF(TIMESTAMP '2026-01-01 00:00:00+00', TIMESTAMP '2026-01-01 00:00:01.5+00', SECOND), TIMESTAMP_DIFF(TIMESTAMP '2026-01-01 00:00:01+00', TIMESTAMP '2026-01-01 00:00:00+00', MICROSECOND)
SELECT DATE_DIFF(DATE '2026-03-01', DATE '2026-01-31', MONTH), DATE_DIFF(DATE '2026-03-01', DATE '2026-01-31', DAY), DATE_DIFF(DATE '2026-01-01', DATE '2025-12-31', YEAR)
SELECT UNIX_SECONDS(TIMESTAMP '2026-01-01 00:00:00.9+00'), UNIX_MILLIS(TIMESTAMP '2026-01-01 00:00:00.9999+00'), UNIX_MICROS(TIMESTAMP_MILLIS(1500)), UNIX_MICROS(TIMESTAMP_SECONDS(2)), UNIX_MICROS(TIMESTAMP_MICROS(3))
SELECT UNIX_MICROS(TIMESTAMP_ADD(TIMESTAMP '2026-01-01 00:00:00+00', INTERVAL 90 MINUTE)), UNIX_MICROS(TIMESTAMP_SUB(TIMESTAMP '2026-01-01 00:00:00+00', INTERVAL 1 DAY)), UNIX_MICROS(TIMESTAMP_TRUNC(TIMESTAMP '2026-05-06 07:08:09+00', MONTH))
SELECT CAST(DATE_ADD(DATE '2026-01-31', INTERVAL 1 MONTH) AS STRING), CAST(DATE_SUB(DATE '2026-03-01', INTERVAL 1 DAY) AS STRING), CAST(DATE_TRUNC(DATE '2026-05-17', MONTH) AS STRING), CAST(LAST_DAY(DATE '2026-02-10') AS STRING)
SELECT EXTRACT(YEAR FROM DATE '2026-05-17'), EXTRACT(DAYOFWEEK FROM DATE '2026-05-17'), EXTRACT(DAYOFYEAR FROM DATE '2026-05-17'), EXTRACT(HOUR FROM TIMESTAMP '2026-05-17 13:14:15+00'), EXTRACT(QUARTER FROM DATE '2026-05-17'), EXTRACT(ISOWEEK FROM DATE '2026-05-17')
SELECT EXTRACT(SECOND FROM TIMESTAMP '2026-05-17 13:14:15.678+00'), EXTRACT(MILLISECOND FROM TIMESTAMP '2026-05-17 13:14:15.678+00'), EXTRACT(MICROSECOND FROM TIMESTAMP '2026-05-17 13:14:15.678+00')
SELECT FORMAT_TIMESTAMP('%Y-%m-%d %H:%M:%S', TIMESTAMP '2026-05-17 13:14:15+00'), FORMAT_DATE('%d/%m/%y', DATE '2026-05-17'), FORMAT_DATE('%F', DATE '2026-05-17')
SELECT UNIX_MICROS(PARSE_TIMESTAMP('%Y-%m-%d %H:%M:%S', '2026-05-17 13:14:15')), CAST(PARSE_DATE('%Y%m%d', '20260517') AS STRING), UNIX_DATE(DATE '2026-01-01')
SELECT CAST(DATE(TIMESTAMP '2026-05-17 23:00:00+00') AS STRING), CAST(DATE '2026-05-17' AS STRING), UNIX_MICROS(TIMESTAMP('2026-05-17 00:00:00+00')), UNIX_MICROS(TIMESTAMP(DATE '2026-05-17'))
SELECT ARRAY_LENGTH(GENERATE_DATE_ARRAY(DATE '2026-01-01', DATE '2026-01-05'))
SELECT JSON_VALUE('{"a": {"b": "x"}}', '$.a.b'), JSON_QUERY('{"a": [1, 2]}', '$.a'), JSON_EXTRACT_SCALAR('{"a": 1}', '$.a'), JSON_VALUE('{}', '$.z'), JSON_VALUE('{"a": true}', '$.a')
SELECT TO_JSON_STRING(STRUCT(1 AS a, 'x' AS b)), TO_JSON_STRING([1, 2]), TO_JSON_STRING('q')
SELECT BIT_COUNT(7), 5 & 3, 5 | 3, 5 ^ 3, 1 << 4, ~5
SELECT TRUE AND NULL, FALSE AND NULL, TRUE OR NULL
SELECT SAFE.SUBSTR('abc', 1, -1), SAFE.LN(0)
SELECT ANY_VALUE(s HAVING MAX n) FROM t
SELECT 1 AS a, a + 1
SELECT n AS m FROM t WHERE m = 1
SELECT n = 'a' FROM t
SELECT 1 UNION ALL SELECT 'a'
SELECT nope FROM t
SELECT t.nope FROM t
SELECT u.n FROM t
SELECT s, COUNT(*) FROM t
SELECT n FROM t, t AS u
SELECT FOO(1)
SELECT SUM(s) FROM t
SELECT n FROM t GROUP BY s
SELECT 1 1
SELECT FROM t
SELECT (SELECT n FROM t)
SELECT (SELECT n FROM t WHERE n = 99)
SELECT n FROM t LIMIT -1
SELECT ABS('a')
SELECT LENGTH(1)
SELECT UPPER(1)
SELECT 'a' + 1
SELECT NOT 1
SELECT 1 AND TRUE
SELECT n FROM t WHERE n
SELECT IF(1, 2, 3)
SELECT CASE WHEN TRUE THEN 1 ELSE 'a' END
SELECT COALESCE(1, 'a')
SELECT CONCAT('a', 1)
SELECT [1, 'a']
SELECT 1 IN ('a')
SELECT 1 BETWEEN 'a' AND 'b'
SELECT STARTS_WITH(1, 'a')
SELECT UNNEST([1])
SELECT SUM(SUM(n)) FROM t
SELECT n FROM t ORDER BY zz
SELECT n AS x FROM t HAVING x > 1
SELECT COUNT(*) AS c FROM t HAVING c > 1
SELECT s AS g, COUNT(*) AS c FROM t GROUP BY g HAVING c > 1
SELECT n + 1 AS m FROM t ORDER BY m + 1
SELECT n FROM t WHERE ROW_NUMBER() OVER () = 1
SELECT SUM(n) FROM t WHERE SUM(n) > 1
SELECT DISTINCT n FROM t ORDER BY s
SELECT TIMESTAMP '2026-13-01'
SELECT DATE '2026-01-01' = '2026-01-01', TIMESTAMP '2026-01-01 00:00:00+00' > '2025-01-01'
SELECT DATE '2026-01-01' > TIMESTAMP '2026-01-01 00:00:00+00'
""".strip().splitlines()


@pytest.fixture(scope="module")
def here() -> Iterator[Warehouse]:
    store = Store()
    yield Warehouse(store, SmallCloud())
    store.close()


@pytest.fixture(scope="module")
def options() -> AnalyzerOptions:
    return AnalyzerOptions(language_options=LanguageOptions.maximum_features(), default_timezone="UTC")


@pytest.fixture(scope="module")
def catalog(options: AnalyzerOptions) -> Any:
    functions = ZetaSQLBuiltinFunctionOptions(language_options=options.language_options)
    return CatalogBuilder("c").with_builtin_functions(functions).build()


@pytest.mark.parametrize("query", QUERIES)
def test_the_answer_is_the_reference_implementations(
    here: Warehouse, options: AnalyzerOptions, catalog: Any, query: str
) -> None:
    text = T + query
    try:
        expected = _reference(text, options, catalog)
    except Exception as error:
        with pytest.raises(ApiError):
            found = here.rows(text)
            print("reference:", error, "here:", found)
        return
    assert [_numbers(row) for row in here.rows(text)] == [_numbers(row) for row in expected]


def _reference(text: str, options: AnalyzerOptions, catalog: Any) -> list[Any]:
    made = PreparedQuery.builder().set_sql(text).set_analyzer_options(options).set_catalog(catalog)
    with made.prepare() as prepared:
        table = prepared.execute().content.table_data
    return [tuple(_plain(cell) for cell in row.cell) for row in (table.row if table and table.row else [])]


def _plain(value: Any) -> Any:
    """A ZetaSQL value as `Warehouse.rows` spells it."""
    if value.array_value is not None:
        return [_plain(item) for item in value.array_value.element or []]
    if value.struct_value is not None:
        return tuple(_plain(item) for item in value.struct_value.field or [])
    if value.bool_value is not None:
        return "true" if value.bool_value else "false"
    if value.bytes_value is not None:
        return base64.b64encode(value.bytes_value).decode()
    for one in (value.int64_value, value.double_value, value.string_value, value.json_value):
        if one is not None:
            return str(one)
    return None


def _numbers(value: Any) -> Any:
    """Numbers that are floating-point as such, so that the last digit of a function does not matter."""
    if value == []:
        return None  # ZetaSQL's answer does not tell an empty array from NULL
    if isinstance(value, (list, tuple)):
        return [_numbers(item) for item in value]
    if isinstance(value, str) and "." in value:
        try:
            return pytest.approx(float(value), rel=1e-12)
        except ValueError:
            return value
    return value
