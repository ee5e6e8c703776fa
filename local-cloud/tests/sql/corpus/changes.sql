-- INSERT values (S/dml-syntax#insert_statement)
INSERT INTO teams (team, points) VALUES ('gold', 1), ('grey', 2)
? SELECT * FROM teams WHERE STARTS_WITH(team, 'g') ORDER BY team
= gold | NULL | 1
= green | Chur | 0
= grey | NULL | 2

-- INSERT without INTO and without columns
INSERT teams VALUES ('gold', 'Olten', 1);
? SELECT COUNT(*) AS c FROM teams
= 4

-- INSERT of a query
INSERT INTO teams (team, points) SELECT name, age FROM people WHERE age > 40
? SELECT points FROM teams WHERE team = 'Eve'
= 52

-- A type that does not fit (S/dml-syntax#insert_statement)
INSERT INTO teams (points) VALUES ('many')
! 400 Value has type STRING which cannot be inserted into column points, which has type INT64

-- Too few values
INSERT INTO teams (team, points) VALUES ('x')
! 400 Inserted row has wrong column count

-- A NULL array is stored as an empty one (S/data-types#array_nulls)
INSERT INTO people (id, tags) VALUES (9, NULL)
? SELECT ARRAY_LENGTH(tags) AS n, tags IS NULL AS missing, home IS NULL AS homeless FROM people WHERE id = 9
= 0 | false | true

-- UPDATE with the old values on the right (S/dml-syntax#update_statement)
UPDATE teams SET points = points + 1, town = UPPER(town) WHERE team != 'red'
? SELECT * FROM teams ORDER BY team
= blue | BASEL | 10
= green | CHUR | 1
= red | Bern | 7

-- UPDATE of a join
UPDATE people AS p SET age = t.points FROM teams AS t WHERE p.team = t.team
? SELECT name, age FROM people ORDER BY id
= Ada | 7
= Bob | 7
= Cleo | 9
= Dan | 9
= Eve | 52

-- UPDATE must match one row at most
UPDATE teams AS t SET points = p.age FROM people AS p WHERE p.team = t.team
! 400 UPDATE/MERGE must match at most one source row for each target row

-- UPDATE must have a WHERE clause
UPDATE teams SET points = 0
! 400 UPDATE must have a WHERE clause at [1:1]

-- UPDATE of an array
UPDATE people SET tags = ARRAY_CONCAT(tags, ['new']) WHERE id = 3
? SELECT tags FROM people WHERE id = 3
= [new]

-- DELETE (S/dml-syntax#delete_statement)
DELETE FROM people WHERE team = 'red' OR team IS NULL
? SELECT name FROM people ORDER BY name
= Cleo
= Dan

-- DELETE without FROM, by a subquery
DELETE people WHERE team IN (SELECT team FROM teams WHERE points > 7)
? SELECT COUNT(*) AS c FROM people
= 3

-- DELETE must have a WHERE clause
DELETE FROM people
! 400 DELETE must have a WHERE clause at [1:1]

-- TRUNCATE (S/dml-syntax#truncate_table_statement)
TRUNCATE TABLE sales
? SELECT COUNT(*) AS c FROM sales
= 0

-- MERGE: update and insert (S/dml-syntax#merge_statement)
MERGE INTO teams AS t USING (SELECT 'red' AS team, 1 AS more UNION ALL SELECT 'gold', 5) AS s ON t.team = s.team WHEN MATCHED THEN UPDATE SET points = t.points + s.more WHEN NOT MATCHED THEN INSERT (team, points) VALUES (s.team, s.more)
? SELECT team, points FROM teams ORDER BY team
= blue | 9
= gold | 5
= green | 0
= red | 8

-- MERGE: the first clause that fits is taken
MERGE teams AS t USING people AS p ON t.team = p.team AND p.name IN ('Ada', 'Cleo') WHEN MATCHED AND t.points > 8 THEN DELETE WHEN MATCHED THEN UPDATE SET town = p.name
? SELECT team, town FROM teams ORDER BY team
= green | Chur
= red | Ada

-- MERGE: rows that the source lacks
MERGE teams AS t USING (SELECT DISTINCT team FROM people) AS s ON t.team = s.team WHEN NOT MATCHED BY SOURCE THEN DELETE
? SELECT team FROM teams ORDER BY team
= blue
= red

-- MERGE: NOT MATCHED BY SOURCE with a condition and an update
MERGE teams AS t USING (SELECT 'none' AS team) AS s ON t.team = s.team WHEN NOT MATCHED BY SOURCE AND points = 0 THEN UPDATE SET points = -1
? SELECT points FROM teams ORDER BY points
= -1
= 7
= 9

-- MERGE: NOT MATCHED BY TARGET with a condition
MERGE teams AS t USING (SELECT 'x' AS team, 1 AS n UNION ALL SELECT 'y', 2) AS s ON t.team = s.team WHEN NOT MATCHED BY TARGET AND n > 1 THEN INSERT (team) VALUES (team)
? SELECT team FROM teams WHERE points IS NULL
= y

-- MERGE: INSERT ROW
MERGE teams AS t USING (SELECT 'gold' AS team, 'Olten' AS town, 3 AS points) AS s ON t.team = s.team WHEN NOT MATCHED THEN INSERT ROW
? SELECT town, points FROM teams WHERE team = 'gold'
= Olten | 3

-- MERGE ON FALSE inserts every row
MERGE teams AS t USING (SELECT 'red' AS team) AS s ON FALSE WHEN NOT MATCHED THEN INSERT (team) VALUES (s.team)
? SELECT COUNT(*) AS c FROM teams WHERE team = 'red'
= 2

-- MERGE must match one row at most
MERGE teams AS t USING people AS p ON t.team = p.team WHEN MATCHED THEN UPDATE SET points = p.age
! 400 UPDATE/MERGE must match at most one source row for each target row

-- MERGE: the new row cannot name the old
MERGE teams AS t USING people AS p ON t.team = p.team WHEN NOT MATCHED THEN INSERT (team) VALUES (t.town)
! 400

-- CREATE TABLE (S/data-definition-language#create_table_statement)
CREATE TABLE made (a INT64 NOT NULL, b ARRAY<STRING>, c STRUCT<d FLOAT64, e BYTES> OPTIONS (description = 'of two')) OPTIONS (description = 'made', labels = [('k', 'v')])
? SELECT column_name, data_type FROM d.INFORMATION_SCHEMA.COLUMNS WHERE table_name = 'made' ORDER BY ordinal_position
= a | INT64
= b | ARRAY<STRING>
= c | STRUCT<d FLOAT64, e BYTES>

-- CREATE TABLE AS
CREATE TABLE made AS SELECT team, COUNT(*) AS c FROM people GROUP BY team
? SELECT * FROM made WHERE team IS NULL
= NULL | 1

-- A column of it must have a name
CREATE TABLE made AS SELECT 1
! 400 CREATE TABLE columns must be named, but column 1 has no name

-- There is one already
CREATE TABLE teams AS SELECT 1 AS one
! 409 Already Exists: Table p:d.teams

-- IF NOT EXISTS leaves it
CREATE TABLE IF NOT EXISTS teams AS SELECT 1 AS one
? SELECT COUNT(*) AS c FROM teams
= 3

-- OR REPLACE may read what it replaces
CREATE OR REPLACE TABLE teams AS SELECT team FROM teams WHERE points > 0
? SELECT * FROM teams ORDER BY 1
= blue
= red

-- DROP TABLE (S/data-definition-language#drop_table_statement)
DROP TABLE IF EXISTS teams
? SELECT table_name FROM d.INFORMATION_SCHEMA.TABLES ORDER BY 1
= people
= sales

-- Not there
DROP TABLE nowhere
! 404 Not found: Table p:d.nowhere

-- ALTER TABLE SET OPTIONS (S/data-definition-language#alter_table_set_options_statement)
ALTER TABLE teams SET OPTIONS (description = 'who plays')
? SELECT option_value FROM d.INFORMATION_SCHEMA.TABLE_OPTIONS WHERE table_name = 'teams'
= "who plays"

-- What is not served is named, with its place
ALTER TABLE teams ADD COLUMN x INT64
! 501 Unsupported by the local cloud: ADD at [1:19]

-- A view
CREATE VIEW v AS SELECT 1 AS one
! 501 Unsupported by the local cloud: CREATE VIEW at [1:8]

-- A partitioned table
CREATE TABLE made (a DATE) PARTITION BY a
! 501 Unsupported by the local cloud: PARTITION at [1:28]

-- A script
SELECT 1; SELECT 2
! 501 Unsupported by the local cloud: a script of several statements at [1:10]
