-- INNER JOIN keeps the rows that meet the condition (S/query-syntax#inner_join)
SELECT name, town FROM people INNER JOIN teams ON people.team = teams.team ORDER BY name
= Ada | Bern
= Bob | Bern
= Cleo | Basel
= Dan | Basel

-- JOIN alone is INNER JOIN (S/query-syntax#join_types)
select p.name from people as p join teams t on p.team = t.team where t.points > 7 order by 1
= Cleo
= Dan

-- USING merges the joined column (S/query-syntax#using_clause)
SELECT * FROM (SELECT name, team FROM people) JOIN teams USING (team) WHERE name = 'Ada'
= red | Ada | Bern | 7

-- LEFT JOIN keeps left rows without a partner (S/query-syntax#left_join)
SELECT name, points FROM people LEFT JOIN teams USING (team) ORDER BY id
= Ada | 7
= Bob | 7
= Cleo | 9
= Dan | 9
= Eve | NULL

-- RIGHT JOIN keeps right rows without a partner (S/query-syntax#right_join)
SELECT name, teams.team FROM people RIGHT OUTER JOIN teams ON people.team = teams.team ORDER BY 2, 1
= Cleo | blue
= Dan | blue
= NULL | green
= Ada | red
= Bob | red

-- FULL JOIN keeps both (S/query-syntax#full_join)
SELECT name, town FROM people FULL JOIN teams USING (team) WHERE name IS NULL OR town IS NULL ORDER BY name
= NULL | Chur
= Eve | NULL

-- With USING a FULL JOIN gives the value of the side that has one (S/query-syntax#using_clause)
SELECT team FROM (SELECT 'x' AS team) FULL JOIN (SELECT 'y' AS team) USING (team) ORDER BY team
= x
= y

-- CROSS JOIN and a comma are the same (S/query-syntax#cross_join)
SELECT COUNT(*) AS c, (SELECT COUNT(*) FROM people CROSS JOIN teams) AS d FROM people, teams
= 15 | 15

-- A condition that is NULL joins nothing (S/operators#comparison_operators)
SELECT COUNT(*) AS c FROM people AS a JOIN people AS b ON a.team = b.team
= 8

-- Joins from left to right (S/query-syntax#sequences_of_joins)
SELECT a.name, b.name AS mate, town FROM people AS a JOIN people AS b ON a.team = b.team AND a.id < b.id LEFT JOIN teams ON teams.team = a.team ORDER BY 1
= Ada | Bob | Bern
= Cleo | Dan | Basel

-- A join in brackets comes first (S/query-syntax#sequences_of_joins)
SELECT name FROM people LEFT JOIN (teams JOIN sales ON points > amount) ON people.team = teams.team WHERE teams.team IS NULL ORDER BY name
= Eve

-- IN with a subquery (S/subqueries#in_subquery_concepts)
SELECT name FROM people WHERE team IN (SELECT team FROM teams WHERE town = 'Bern') ORDER BY name
= Ada
= Bob

-- NOT IN is never true once the list has a NULL (S/operators#in_operators)
SELECT COUNT(*) AS c FROM teams WHERE team NOT IN (SELECT team FROM people)
= 0

-- NOT EXISTS has no such trap (S/subqueries#exists_subquery_concepts)
SELECT team FROM teams AS t WHERE NOT EXISTS (SELECT 1 FROM people AS p WHERE p.team = t.team)
= green

-- A scalar subquery without rows is NULL (S/subqueries#scalar_subquery_concepts)
SELECT (SELECT town FROM teams WHERE team = 'none') AS town
= NULL

-- A scalar subquery with several rows is an error (S/subqueries#scalar_subquery_concepts)
SELECT (SELECT town FROM teams) AS town
! 400 Scalar subquery produced more than one element

-- A correlated subquery (S/subqueries#correlated_subquery_concepts)
SELECT name, (SELECT points FROM teams WHERE teams.team = people.team) AS points FROM people WHERE id IN (1, 5) ORDER BY id
= Ada | 7
= Eve | NULL

-- The same name in two tables is ambiguous (S/query-syntax#ambiguous_aliases)
SELECT team FROM people JOIN teams ON people.team = teams.team
! 400 Column name team is ambiguous at [1:8]
