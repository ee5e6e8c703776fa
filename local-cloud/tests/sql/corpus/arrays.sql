-- UNNEST in a comma join gives a row an element; rows without elements go (S/query-syntax#unnest_operator)
SELECT name, tag FROM people, UNNEST(tags) AS tag WHERE id > 2 ORDER BY name, tag
= Dan | chess
= Dan | tea
= Dan | tea
= Eve | tea

-- LEFT JOIN UNNEST keeps them (S/query-syntax#left_join)
SELECT name, tag FROM people LEFT JOIN UNNEST(tags) AS tag WHERE id = 3
= Cleo | NULL

-- WITH OFFSET counts from 0 (S/query-syntax#unnest_and_with_offset)
SELECT tag, place FROM people, UNNEST(tags) AS tag WITH OFFSET AS place WHERE id = 4 ORDER BY place
= tea | 0
= chess | 1
= tea | 2

-- UNNEST of STRUCTs gives their fields (S/query-syntax#unnest_and_structs)
SELECT * FROM UNNEST([STRUCT(1 AS a, 'x' AS b), (2, 'y')]) ORDER BY a
= 1 | x
= 2 | y

-- IN UNNEST (S/operators#in_operators)
SELECT name FROM people WHERE 'chess' IN UNNEST(tags) ORDER BY name
= Bob
= Dan

-- A NULL array is stored as an empty one (S/data-types#array_nulls, contract, "0. Facts that shape the design", item 5)
SELECT ARRAY_LENGTH(v) AS n, v IS NULL AS missing FROM (SELECT CAST([] AS ARRAY<INT64>) AS v)
= 0 | false

-- ARRAY_LENGTH of a NULL array is NULL while it is not stored (S/array_functions#array_length)
SELECT ARRAY_LENGTH(CAST(NULL AS ARRAY<INT64>)) AS n
= NULL

-- Elements by OFFSET and ORDINAL (S/operators#array_subscript_operator)
SELECT tags[OFFSET(0)] AS a, tags[ORDINAL(2)] AS b, tags[1] AS c, tags[SAFE_OFFSET(9)] AS d FROM people WHERE id = 1
= math | tea | tea | NULL

-- Beyond the array is an error (S/operators#array_subscript_operator)
SELECT tags[OFFSET(5)] AS a FROM people WHERE id = 1
! 400 Array index is out of bounds

-- ARRAY of a query (S/array_functions#array)
SELECT ARRAY(SELECT name FROM people WHERE team = 'red' ORDER BY name DESC) AS a
= [Bob, Ada]

-- An array of each row's array (S/arrays#filtering_arrays)
SELECT name, ARRAY(SELECT UPPER(t) FROM UNNEST(tags) AS t WHERE t != 'tea' ORDER BY t) AS a FROM people ORDER BY id
= Ada | [MATH]
= Bob | [CHESS]
= Cleo | []
= Dan | [CHESS]
= Eve | []

-- Aggregates over an array (S/arrays#scanning_arrays)
SELECT name, (SELECT COUNT(DISTINCT t) FROM UNNEST(tags) AS t) AS c FROM people ORDER BY id
= Ada | 2
= Bob | 1
= Cleo | 0
= Dan | 2
= Eve | 1

-- ARRAY_CONCAT, ARRAY_REVERSE, || (S/array_functions)
SELECT ARRAY_CONCAT([1], [2, 3]) AS a, ARRAY_REVERSE([1, 2]) AS b, [1] || [2] AS c
= [1, 2, 3] | [2, 1] | [1, 2]

-- ARRAY_TO_STRING leaves NULLs out, or names them (S/array_functions#array_to_string)
SELECT ARRAY_TO_STRING(['a', NULL, 'b'], '-') AS a, ARRAY_TO_STRING(['a', NULL], '-', '?') AS b
= a-b | a-?

-- GENERATE_ARRAY and GENERATE_DATE_ARRAY include both ends (S/array_functions#generate_array)
SELECT GENERATE_ARRAY(0, 6, 3) AS a, GENERATE_ARRAY(3, 1) AS b, GENERATE_DATE_ARRAY(DATE '2026-01-31', DATE '2026-02-01') AS c
= [0, 3, 6] | [] | [2026-01-31, 2026-02-01]

-- Typed arrays (S/lexical#array_literals)
SELECT ARRAY<FLOAT64>[1, 2] AS a, ARRAY<STRUCT<x INT64, y STRING>>[(1, 'a')] AS b
= [1.0, 2.0] | [(1, a)]

-- No array of arrays (S/data-types#array_type)
SELECT [[1]] AS a
! 400

-- A STRUCT and its fields (S/data-types#struct_type)
SELECT home, home.city AS city FROM people WHERE id = 1
= (Bern, 3000) | Bern

-- A field of a NULL STRUCT is NULL (S/operators#field_access_operator)
SELECT home.zip AS zip FROM people WHERE id = 4
= NULL

-- STRUCTs with and without names (S/data-types#constructing_a_struct)
SELECT STRUCT(1 AS a, 'x' AS b) AS s, STRUCT<x INT64, y STRING>(2, 'y').y AS t, (1, 2) = (1, 2) AS u
= (1, x) | y | true

-- Fields of a STRUCT as columns (S/query-syntax#select_expression_star)
SELECT home.* FROM people WHERE id = 2
= Basel | 4000

-- A field that is not there (S/operators#field_access_operator)
SELECT home.street FROM people
! 400 Field name street does not exist in STRUCT

-- ARRAY_AGG of STRUCTs (S/aggregate_functions#array_agg)
SELECT shop, ARRAY_AGG(STRUCT(day, amount) ORDER BY day LIMIT 1) AS first FROM sales GROUP BY shop ORDER BY shop
= a | [(2026-03-01, 10)]
= b | [(2026-03-01, 5)]

-- Vectors (S/mathematical_functions#cosine_distance)
SELECT ROUND(COSINE_DISTANCE([1.0, 2.0], [3.0, 4.0]), 10) AS c, EUCLIDEAN_DISTANCE([1.0, 2.0], [3.0, 4.0]) AS e
= 0.0161300899 | 2.8284271247461903
