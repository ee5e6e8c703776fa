-- Aggregates pass over NULL (S/aggregate_functions)
SELECT COUNT(*) AS a, COUNT(age) AS b, SUM(age) AS c, AVG(age) AS d, MIN(age) AS e, MAX(name) AS f FROM people
= 5 | 4 | 149 | 37.25 | 25 | Eve

-- Of no rows: 0 and NULL (S/aggregate_functions)
SELECT COUNT(*) AS a, SUM(age) AS b, ARRAY_AGG(age) AS c FROM people WHERE FALSE
= 0 | NULL | []

-- GROUP BY makes one group of the NULLs (S/query-syntax#group_by_clause)
SELECT team, COUNT(*) AS c FROM people GROUP BY team ORDER BY team
= NULL | 1
= blue | 2
= red | 2

-- GROUP BY a place of the list (S/query-syntax#group_by_ordinals)
SELECT team, MAX(age) FROM people GROUP BY 1 ORDER BY 1 DESC
= red | 36
= blue | 36
= NULL | 52

-- HAVING filters groups (S/query-syntax#having_clause)
SELECT team FROM people GROUP BY team HAVING COUNT(age) = 2
= red

-- What is neither grouped nor aggregated is refused (S/query-syntax#group_by_clause)
SELECT team, name FROM people GROUP BY team
! 400 SELECT list expression references column name which is neither grouped nor aggregated at [1:14]

-- GROUP BY ROLLUP adds the totals (S/query-syntax#group_by_rollup)
SELECT shop, SUM(amount) AS s FROM sales GROUP BY ROLLUP (shop) ORDER BY shop
= NULL | 70
= a | 50
= b | 20

-- GROUPING SETS (S/query-syntax#group_by_grouping_sets)
SELECT shop, COUNT(*) AS c FROM sales GROUP BY GROUPING SETS (shop, ()) ORDER BY shop
= NULL | 6
= a | 3
= b | 3

-- COUNTIF and the logical ones (S/aggregate_functions#countif)
SELECT COUNTIF(points > 5) AS a, LOGICAL_AND(points > 5) AS b, LOGICAL_OR(points > 8) AS c FROM teams
= 2 | false | true

-- COUNT DISTINCT (S/aggregate_functions#count)
SELECT COUNT(DISTINCT team) AS a, COUNT(DISTINCT age) AS b FROM people
= 2 | 3

-- SUM DISTINCT (S/aggregate_functions#sum)
SELECT SUM(DISTINCT amount) AS s FROM sales
= 50

-- STRING_AGG (S/aggregate_functions#string_agg)
SELECT STRING_AGG(name ORDER BY id) AS a, STRING_AGG(DISTINCT team, '+' ORDER BY team DESC) AS b FROM people
= Ada,Bob,Cleo,Dan,Eve | red+blue

-- ARRAY_AGG with an order and a limit (S/aggregate_functions#array_agg)
SELECT ARRAY_AGG(name ORDER BY id DESC LIMIT 2) AS a FROM people
= [Eve, Dan]

-- ARRAY_AGG IGNORE NULLS (S/aggregate_functions#array_agg)
SELECT ARRAY_AGG(age IGNORE NULLS ORDER BY age) AS a FROM people
= [25, 36, 36, 52]

-- ANY_VALUE HAVING MAX (S/aggregate_functions#any_value)
SELECT ANY_VALUE(name HAVING MAX age) AS oldest, ANY_VALUE(name HAVING MIN age) AS youngest FROM people
= Eve | Bob

-- APPROX_COUNT_DISTINCT (S/approximate_aggregate_functions)
SELECT APPROX_COUNT_DISTINCT(team) AS c FROM people
= 2

-- BIT_AND, BIT_OR, BIT_XOR (S/aggregate_functions#bit_and)
SELECT BIT_AND(x) AS a, BIT_OR(x) AS b, BIT_XOR(x) AS c FROM UNNEST([6, 3]) AS x
= 2 | 7 | 5

-- Statistics (S/statistical_aggregate_functions)
SELECT STDDEV_POP(x) AS a, VAR_SAMP(x) AS b, CORR(x, 2 * x) AS c FROM UNNEST([1.0, 3.0]) AS x
= 1.0 | 2.0 | 1.0

-- No aggregate inside an aggregate (S/aggregate-function-calls)
SELECT SUM(COUNT(*)) FROM people
! 400

-- No aggregate in WHERE (S/query-syntax#where_clause)
SELECT team FROM people WHERE COUNT(*) > 1
! 400

-- No aggregate without FROM
SELECT COUNT(*)
! 400 Aggregate function COUNT(*) not allowed in SELECT without FROM clause at [1:8]
