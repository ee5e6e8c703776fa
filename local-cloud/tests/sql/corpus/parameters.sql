-- A named parameter (D/parameterized-queries)
SELECT name FROM people WHERE team = @team AND age > @age
@ team STRING red
@ age INT64 30
= Ada

-- Twice the same, in another case (D/parameterized-queries)
SELECT @N + @n AS a
@ n INT64 4
= 8

-- By position (D/parameterized-queries)
SELECT name FROM people WHERE team = ? AND age < ?
@ ? STRING red
@ ? INT64 30
= Bob

-- An array (D/parameterized-queries#using_arrays_in_parameterized_queries)
SELECT name FROM people WHERE name IN UNNEST(@names) ORDER BY name
@ names ARRAY<STRING> ["Ada", "Eve", "Zoe"]
= Ada
= Eve

-- An empty array
SELECT COUNT(*) AS c FROM people WHERE name IN UNNEST(@names)
@ names ARRAY<STRING> []
= 0

-- Vectors
SELECT EUCLIDEAN_DISTANCE(@v, [0.0, 0.0]) AS d
@ v ARRAY<FLOAT64> [3, 4]
= 5.0

-- A STRUCT (D/parameterized-queries#using_structs_in_parameterized_queries)
SELECT @s.x AS x, @s.y AS y
@ s STRUCT<x INT64, y STRING> {"x": 1, "y": "a"}
= 1 | a

-- An array of STRUCTs
SELECT s.name, s.top FROM UNNEST(@searches) AS s WITH OFFSET AS n ORDER BY n
@ searches ARRAY<STRUCT<name STRING, top INT64>> [{"name": "b", "top": 3}, {"name": "a", "top": 5}]
= b | 3
= a | 5

-- A TIMESTAMP (D/parameterized-queries#using_timestamps_in_parameterized_queries)
SELECT TIMESTAMP_ADD(@t, INTERVAL 1 HOUR) AS t
@ t TIMESTAMP 2026-01-01 08:00:00+00:00
= 2026-01-01 09:00:00

-- A DATE, a BOOL, a FLOAT64 and BYTES
SELECT DATE_ADD(@d, INTERVAL 1 DAY) AS a, NOT @b AS b, @f * 2 AS c, @y AS d
@ d DATE 2026-12-31
@ b BOOL true
@ f FLOAT64 1.5
@ y BYTES YWI=
= 2027-01-01 | false | 3.0 | YWI=

-- NULL
SELECT @n IS NULL AS a, IFNULL(@n, 7) AS b
@ n INT64 NULL
= true | 7

-- A parameter is no literal: it takes no other type (S/conversion_rules#parameter_coercion)
SELECT name FROM people WHERE age > @age
@ age STRING 30
! 400 No matching signature for operator > for argument types: INT64, STRING

-- One that was not given
SELECT @missing AS a
! 400 Query parameter 'missing' not found at [1:8]
