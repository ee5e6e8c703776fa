-- A running sum (S/window-function-calls#compute_a_cumulative_sum)
SELECT shop, day, SUM(amount) OVER (PARTITION BY shop ORDER BY day) AS s FROM sales ORDER BY shop, day
= a | 2026-03-01 | 10
= a | 2026-03-02 | 30
= a | 2026-03-03 | 50
= b | 2026-03-01 | 5
= b | 2026-03-02 | 5
= b | 2026-03-04 | 20

-- The total beside every row (S/window-function-calls#compute_a_grand_total)
SELECT team, points, SUM(points) OVER () AS total FROM teams ORDER BY team
= blue | 9 | 16
= green | 0 | 16
= red | 7 | 16

-- A moving average by rows (S/window-function-calls#compute_a_moving_average)
SELECT day, AVG(amount) OVER (ORDER BY day ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS m FROM sales WHERE shop = 'a' ORDER BY day
= 2026-03-01 | 15.0
= 2026-03-02 | 16.666666666666668
= 2026-03-03 | 20.0

-- RANGE takes the rows of like value together (S/window-function-calls#def_window_frame)
SELECT day, COUNT(*) OVER (ORDER BY amount RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS c FROM sales WHERE shop = 'a' ORDER BY day
= 2026-03-01 | 1
= 2026-03-02 | 3
= 2026-03-03 | 3

-- RANK leaves gaps, DENSE_RANK none, ROW_NUMBER counts (S/numbering_functions)
SELECT name, RANK() OVER w AS r, DENSE_RANK() OVER w AS d, ROW_NUMBER() OVER (ORDER BY age, name) AS n FROM people WHERE age IS NOT NULL WINDOW w AS (ORDER BY age) ORDER BY n
= Bob | 1 | 1 | 1
= Ada | 2 | 2 | 2
= Cleo | 2 | 2 | 3
= Eve | 4 | 3 | 4

-- NTILE, PERCENT_RANK, CUME_DIST (S/numbering_functions#ntile)
SELECT x, NTILE(2) OVER (ORDER BY x) AS a, PERCENT_RANK() OVER (ORDER BY x) AS b, CUME_DIST() OVER (ORDER BY x) AS c FROM UNNEST([1, 2, 3, 4, 5]) AS x ORDER BY x
= 1 | 1 | 0.0 | 0.2
= 2 | 1 | 0.25 | 0.4
= 3 | 1 | 0.5 | 0.6
= 4 | 2 | 0.75 | 0.8
= 5 | 2 | 1.0 | 1.0

-- LAG and LEAD look to the neighbours (S/navigation_functions#lag)
SELECT day, LAG(amount) OVER (ORDER BY day) AS before, LEAD(amount, 1, -1) OVER (ORDER BY day) AS after FROM sales WHERE shop = 'a' ORDER BY day
= 2026-03-01 | NULL | 20
= 2026-03-02 | 10 | 20
= 2026-03-03 | 20 | -1

-- FIRST_VALUE, LAST_VALUE, NTH_VALUE over the whole window (S/navigation_functions#first_value)
SELECT team, FIRST_VALUE(team) OVER w AS a, LAST_VALUE(team) OVER w AS b, NTH_VALUE(team, 2) OVER w AS c FROM teams WINDOW w AS (ORDER BY points ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) ORDER BY team
= blue | green | blue | red
= green | green | blue | red
= red | green | blue | red

-- FIRST_VALUE IGNORE NULLS (S/navigation_functions#first_value)
SELECT name, FIRST_VALUE(age IGNORE NULLS) OVER (ORDER BY id DESC ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS a FROM people WHERE id IN (3, 4) ORDER BY id
= Cleo | 36
= Dan | 36

-- PERCENTILE_CONT interpolates, PERCENTILE_DISC does not (S/navigation_functions#percentile_cont)
SELECT PERCENTILE_CONT(x, 0.5) OVER () AS c, PERCENTILE_DISC(x, 0.5) OVER () AS d FROM UNNEST([1, 2, 3, 10]) AS x LIMIT 1
= 2.5 | 2

-- A window function over groups (S/window-function-calls)
SELECT team, RANK() OVER (ORDER BY COUNT(*) DESC, team) AS r FROM people GROUP BY team ORDER BY r
= blue | 1
= red | 2
= NULL | 3

-- A rank needs an order (S/numbering_functions#rank)
SELECT RANK() OVER () AS r FROM teams
! 400 Window ORDER BY is required for analytic function rank

-- No window function in WHERE (S/window-function-calls)
SELECT team FROM teams WHERE ROW_NUMBER() OVER (ORDER BY team) = 1
! 400
