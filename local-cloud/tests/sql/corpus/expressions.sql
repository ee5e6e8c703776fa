-- NULL spreads; only IS, COALESCE and their like stop it (S/operators)
SELECT age + 1 AS a, age IS NULL AS b, IFNULL(age, 0) AS c, COALESCE(NULL, team, 'x') AS d, NULLIF(team, 'blue') AS e FROM people WHERE id = 4
= NULL | true | 0 | blue | NULL

-- Three-valued logic (S/operators#logical_operators)
SELECT x AND TRUE AS a, x AND FALSE AS b, x OR TRUE AS c, NOT x AS d FROM (SELECT CAST(NULL AS BOOL) AS x)
= NULL | false | true | NULL

-- IS DISTINCT FROM compares NULLs (S/operators#is_distinct)
SELECT x IS DISTINCT FROM 1 AS a, x IS NOT DISTINCT FROM NULL AS b FROM (SELECT CAST(NULL AS INT64) AS x)
= true | true

-- A literal NULL beside an operator (S/operators)
SELECT 1 = NULL AS a
! 400 Operands of = cannot be literal NULL at [1:8]

-- / is always FLOAT64, DIV is whole (S/mathematical_functions#div)
SELECT 7 / 2 AS a, DIV(7, 2) AS b, DIV(-7, 2) AS c, MOD(-7, 2) AS d, 4 / 2 AS e
= 3.5 | 3 | -3 | -1 | 2.0

-- Division by zero is an error, SAFE_DIVIDE is NULL (S/mathematical_functions#safe_divide)
SELECT SAFE_DIVIDE(1, 0) AS a
= NULL

-- The error (S/operators#arithmetic_operators)
SELECT 1 / 0 AS a
! 400 division by zero

-- INT64 does not wrap around (S/operators#arithmetic_operators)
SELECT 9223372036854775807 + 1 AS a
! 400 int64 overflow

-- Precedence (S/operators#operator_precedence)
SELECT 2 + 3 * 4 AS a, (2 + 3) * 4 AS b, -2 * -3 AS c, 1 | 2 AS d, NOT TRUE OR TRUE AS e, 1 << 2 + 1 AS f
= 14 | 20 | 6 | 3 | true | 8

-- Halves are rounded away from zero (S/mathematical_functions#round)
SELECT ROUND(2.5) AS a, ROUND(-2.5) AS b, ROUND(1234.567, 1) AS c, ROUND(1234.567, -2) AS d, TRUNC(-2.7) AS e
= 3.0 | -3.0 | 1234.6 | 1200.0 | -2.0

-- CEIL, FLOOR, ABS, SQRT, POW (S/mathematical_functions)
SELECT CEIL(1.2) AS a, FLOOR(-1.2) AS b, ABS(-3) AS c, SQRT(16) AS d, POW(2, 10) AS e, LOG(8, 2) AS f, LOG10(1000) AS g
= 2.0 | -2.0 | 3 | 4.0 | 1024.0 | 3.0 | 3.0

-- GREATEST and LEAST are NULL with a NULL (S/mathematical_functions#greatest)
SELECT GREATEST(1, 3, 2) AS a, LEAST(1.5, 0.5) AS b, GREATEST(1, NULL) AS c
= 3 | 0.5 | NULL

-- CASE in both forms (S/conditional_expressions#case)
SELECT CASE team WHEN 'red' THEN 1 WHEN 'blue' THEN 2 END AS a, CASE WHEN age > 40 THEN 'old' WHEN age > 30 THEN 'middle' ELSE 'young' END AS b FROM people ORDER BY id
= 1 | middle
= 1 | young
= 2 | middle
= 2 | young
= NULL | old

-- IF does not compute the other branch (S/conditional_expressions#if)
SELECT IF(points = 0, 0, 18 / points) AS a FROM teams ORDER BY team
= 2.0
= 0.0
= 2.5714285714285716

-- BETWEEN includes both ends (S/operators#comparison_operators)
SELECT name FROM people WHERE age BETWEEN 25 AND 36 AND name NOT LIKE 'C%' ORDER BY name
= Ada
= Bob

-- LIKE: % for any, _ for one, backslash escapes (S/operators#like_operator)
SELECT 'castle' LIKE 'c_s%' AS a, '50%' LIKE r'50\%' AS b, '500' LIKE r'50\%' AS c
= true | true | false

-- Bits (S/operators#bitwise_operators)
SELECT 6 & 3 AS a, 6 | 3 AS b, 6 ^ 3 AS c, ~6 AS d, 1 << 4 AS e, 16 >> 2 AS f, BIT_COUNT(255) AS g
= 2 | 7 | 5 | -7 | 16 | 4 | 8

-- Casts (S/conversion_functions#cast)
SELECT CAST('12' AS INT64) AS a, CAST(2.5 AS INT64) AS b, CAST(12 AS STRING) AS c, CAST(TRUE AS STRING) AS d, CAST('true' AS BOOL) AS e, CAST(1 AS FLOAT64) AS f, CAST('2026-02-03' AS DATE) AS g
= 12 | 3 | 12 | true | true | 1.0 | 2026-02-03

-- A cast that fails (S/conversion_functions#cast)
SELECT CAST('twelve' AS INT64) AS a
! 400 Bad int64 value: twelve

-- SAFE_CAST and SAFE. are NULL instead (S/functions-reference#safe_prefix)
SELECT SAFE_CAST('twelve' AS INT64) AS a, SAFE.SUBSTR('abc', 1, -1) AS b
= NULL | NULL

-- NUMERIC is exact (S/data-types#numeric_types)
SELECT NUMERIC '0.1' + NUMERIC '0.2' = NUMERIC '0.3' AS a, 0.1 + 0.2 = 0.3 AS b
= true | false

-- Strings (S/string_functions)
SELECT CONCAT('a', 'b') AS a, 'a' || 'b' AS b, LENGTH('héé') AS c, BYTE_LENGTH('héé') AS d, UPPER('é') AS e, REVERSE('abc') AS f, REPEAT('ab', 2) AS g
= ab | ab | 3 | 5 | É | cba | abab

-- SUBSTR from the left, from the right, and beyond (S/string_functions#substr)
SELECT SUBSTR('castle', 2, 3) AS a, SUBSTR('castle', -3) AS b, SUBSTR('castle', 10) AS c, LEFT('castle', 2) AS d, RIGHT('castle', 2) AS e
= ast | tle |  | ca | le

-- TRIM, LPAD, REPLACE, STRPOS (S/string_functions#trim)
SELECT TRIM('  x ') AS a, RTRIM('axx', 'x') AS b, LPAD('7', 3, '0') AS c, REPLACE('aXbX', 'X', '-') AS d, STRPOS('castle', 't') AS e, STRPOS('castle', 'z') AS f
= x | a | 007 | a-b- | 4 | 0

-- SPLIT (S/string_functions#split)
SELECT SPLIT('a,b,,c') AS a, SPLIT('a b', ' ') AS b
= [a, b, , c] | [a, b]

-- STARTS_WITH and ENDS_WITH (S/string_functions#starts_with)
SELECT STARTS_WITH('castle', 'cas') AS a, ENDS_WITH('castle', 'cas') AS b
= true | false

-- Regular expressions (S/string_functions#regexp_contains)
SELECT REGEXP_CONTAINS('a1', r'\d') AS a, REGEXP_EXTRACT('a12b', r'[a-z](\d+)') AS b, REGEXP_REPLACE('a1b2', r'\d', '#') AS c, REGEXP_EXTRACT_ALL('a1b22', r'\d+') AS d
= true | 12 | a#b# | [1, 22]

-- FORMAT (S/string_functions#format_string)
SELECT FORMAT('%d-%s', 5, 'x') AS a, FORMAT('%05d', 42) AS b, FORMAT('%.2f', 3.14159) AS c, FORMAT('100%%') AS d
= 5-x | 00042 | 3.14 | 100%

-- Hashes and codes (S/hash_functions)
SELECT TO_HEX(MD5('abc')) AS a, TO_BASE64(b'abc') AS b, TO_HEX(SHA256('')) AS c
= 900150983cd24fb0d6963f7d28e17f72 | YWJj | e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855

-- JSON (S/json_functions)
SELECT JSON_VALUE('{"a": {"b": "x"}}', '$.a.b') AS a, JSON_QUERY('{"a": [1, 2]}', '$.a') AS b, JSON_VALUE('{}', '$.z') AS c, TO_JSON_STRING(STRUCT(1 AS n)) AS d
= x | [1,2] | NULL | {"n":1}

-- ERROR stops the query (S/debugging_functions#error)
SELECT ERROR('no such thing') AS a
! 400 no such thing

-- Types that do not compare (S/conversion_rules)
SELECT name FROM people WHERE age = '36'
! 400 No matching signature for operator = for argument types: INT64, STRING at [1:31]

-- WHERE wants a BOOL (S/query-syntax#where_clause)
SELECT name FROM people WHERE age
! 400 WHERE clause should return type BOOL, but returns INT64

-- A function that is not there
SELECT read_csv('/etc/passwd') AS a
! 400 Function not found: read_csv at [1:8]

-- One that BigQuery has and the local cloud has not
SELECT SOUNDEX('a') AS a
! 501 Unsupported by the local cloud: the function SOUNDEX at [1:8]

-- A clause that is not served, with its place
SELECT name FROM people
  TABLESAMPLE SYSTEM (10 PERCENT)
! 501 Unsupported by the local cloud: TABLESAMPLE at [2:3]

-- Pipe syntax
SELECT name FROM people |> LIMIT 1
! 501 Unsupported by the local cloud: pipe syntax at [1:25]
