-- SELECT * EXCEPT leaves columns out (S/query-syntax#select_except)
SELECT * EXCEPT (town) FROM teams WHERE team = 'red'
= red | 7

-- SELECT * REPLACE changes a value in its place (S/query-syntax#select_replace)
SELECT * REPLACE (points * 10 AS points) FROM teams WHERE team = 'red'
= red | Bern | 70

-- EXCEPT and REPLACE together (S/query-syntax#select_replace)
SELECT * EXCEPT (team) REPLACE (LOWER(town) AS town) FROM teams WHERE team = 'blue'
= basel | 9

-- The fields of one table (S/query-syntax#select_expression_star)
SELECT t.*, 1 AS one FROM teams AS t WHERE points = 0
= green | Chur | 0 | 1

-- A column that is not there cannot be left out (S/query-syntax#select_except)
SELECT * EXCEPT (nope) FROM teams
! 400 nope

-- QUALIFY filters by a window function (S/query-syntax#qualify_clause)
SELECT name, age FROM people WHERE age IS NOT NULL QUALIFY ROW_NUMBER() OVER (PARTITION BY team ORDER BY age DESC) = 1 ORDER BY name
= Ada | 36
= Cleo | 36
= Eve | 52

-- QUALIFY may name a window function of the select list (S/query-syntax#qualify_clause)
SELECT name, RANK() OVER (ORDER BY age DESC) AS place FROM people WHERE TRUE QUALIFY place <= 2 ORDER BY place, name
= Eve | 1
= Ada | 2
= Cleo | 2

-- DISTINCT counts NULL as one value (S/query-syntax#select_distinct)
SELECT DISTINCT team FROM people ORDER BY team
= NULL
= blue
= red

-- UNION ALL keeps duplicates (S/query-syntax#union)
SELECT team FROM people WHERE id < 3 UNION ALL SELECT 'red' ORDER BY 1
= red
= red
= red

-- UNION DISTINCT does not (S/query-syntax#union)
SELECT team FROM people WHERE id < 3 UNION DISTINCT SELECT 'red'
= red

-- INTERSECT DISTINCT (S/query-syntax#intersect)
SELECT team FROM people INTERSECT DISTINCT SELECT team FROM teams ORDER BY team
= blue
= red

-- EXCEPT DISTINCT (S/query-syntax#except)
SELECT team FROM teams EXCEPT DISTINCT SELECT team FROM people
= green

-- Columns of a set operation go by place and have the first query's names (S/query-syntax#set_operators)
SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'y' ORDER BY a DESC
= 2 | y
= 1 | x

-- Different set operations need brackets (S/query-syntax#set_operators)
SELECT 1 UNION ALL SELECT 2 INTERSECT DISTINCT SELECT 2
! 400 Different set operations cannot be used in the same query without using parentheses

-- With brackets (S/query-syntax#set_operators)
(SELECT 1 AS n UNION ALL SELECT 2) INTERSECT DISTINCT SELECT 2
= 2

-- NULLs come first in ascending order (S/query-syntax#order_by_clause)
SELECT age FROM people ORDER BY age LIMIT 2
= NULL
= 25

-- And last in descending order (S/query-syntax#order_by_clause)
SELECT age FROM people ORDER BY age DESC LIMIT 1
= 52

-- NULLS LAST says otherwise (S/query-syntax#order_by_clause)
SELECT age FROM people ORDER BY age NULLS LAST LIMIT 1
= 25

-- OFFSET skips rows (S/query-syntax#limit_and_offset_clause)
SELECT id FROM people ORDER BY id LIMIT 2 OFFSET 3
= 4
= 5

-- A comma may end the select list (S/query-syntax#select_list)
SELECT id, name, FROM people WHERE id = 1
= 1 | Ada

-- A CTE is seen by the ones after it (S/query-syntax#with_clause)
WITH a AS (SELECT 1 AS n), b AS (SELECT n + 1 AS n FROM a) SELECT a.n AS x, b.n AS y FROM a, b
= 1 | 2

-- A CTE of the same name hides the table (S/query-syntax#cte_visibility)
WITH teams AS (SELECT 'own' AS team) SELECT team FROM teams
= own

-- A recursive CTE (S/query-syntax#recursive_cte)
WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i * 2 FROM n WHERE i < 20) SELECT ARRAY_AGG(i ORDER BY i) AS all_i FROM n
= [1, 2, 4, 8, 16, 32]

-- A column of a select list cannot be named beside it (S/query-syntax#alias_visibility)
SELECT points AS p, p + 1 AS q FROM teams
! 400 Unrecognized name: p at [1:21]

-- Nor in WHERE (S/query-syntax#alias_visibility)
SELECT points AS p FROM teams WHERE p > 1
! 400 Unrecognized name: p at [1:37]

-- But in GROUP BY, HAVING and ORDER BY (S/query-syntax#alias_visibility)
SELECT UPPER(team) AS t, COUNT(*) AS c FROM people GROUP BY t HAVING c > 1 ORDER BY t
= BLUE | 2
= RED | 2

-- Comments of all three kinds, and backquotes (S/lexical)
SELECT /* a block */ `id`, -- the rest of a line
  # another
  `people`.`name` FROM `people` WHERE id = 2;
= 2 | Bob

-- Quotes, escapes and raw strings (S/lexical#string_and_bytes_literals)
SELECT "it's" AS a, 'tab\there' AS b, r'\d' AS c, '''three
lines''' = 'three\nlines' AS d, b'ab' AS e
= it's | tab	here | \d | true | YWI=

-- A column without a name is called by its number (S/query-syntax#implicit_aliases)
SELECT * FROM (SELECT 1, 'a')
= 1 | a

-- But by no name that a query could use (S/query-syntax#implicit_aliases)
SELECT f0_ FROM (SELECT 1)
! 400 Unrecognized name: f0_ at [1:8]

-- Rows as STRUCT (S/query-syntax#select_as_struct)
SELECT (SELECT AS STRUCT team, points FROM teams WHERE points = 9) AS best
= (blue, 9)

-- Not a statement of GoogleSQL (S/query-syntax)
SELECT TOP 3 name FROM people
! 400 Syntax error: Expected end of input but got literal 3 at [1:12]

-- A place in the second line (S/query-syntax)
SELECT name,
  nope FROM people
! 400 Unrecognized name: nope at [2:3]

-- A table that is not there (contract, "10. Errors and jobs")
SELECT 1 AS one FROM nowhere
! 404 Not found: Table p:d.nowhere was not found in location US
