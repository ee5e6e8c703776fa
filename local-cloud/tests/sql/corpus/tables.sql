-- The tables that the statements of this folder are about. Each is one query, run here and by the reference alike.

CREATE TABLE people AS
SELECT * FROM UNNEST(ARRAY<STRUCT<
  id INT64, name STRING, team STRING, age INT64, height FLOAT64, born DATE, seen TIMESTAMP, tags ARRAY<STRING>,
  home STRUCT<city STRING, zip INT64>>>[
  (1, 'Ada', 'red', 36, 1.65, DATE '1990-12-10', TIMESTAMP '2026-01-01 08:30:00+00', ['math', 'tea'], ('Bern', 3000)),
  (2, 'Bob', 'red', 25, 1.80, DATE '2001-02-28', TIMESTAMP '2026-01-01 09:00:00+00', ['chess'], ('Basel', 4000)),
  (3, 'Cleo', 'blue', 36, 1.72, DATE '1990-02-28', TIMESTAMP '2026-01-02 00:00:00+00', [], ('Bern', 3001)),
  (4, 'Dan', 'blue', NULL, NULL, NULL, NULL, ['tea', 'chess', 'tea'], NULL),
  (5, 'Eve', NULL, 52, 1.58, DATE '1974-02-28', TIMESTAMP '2026-01-03 23:59:59.5+00', ['tea'], (NULL, 9000))]);

CREATE TABLE teams AS
SELECT * FROM UNNEST(ARRAY<STRUCT<team STRING, town STRING, points INT64>>[
  ('red', 'Bern', 7), ('blue', 'Basel', 9), ('green', 'Chur', 0)]);

CREATE TABLE sales AS
SELECT * FROM UNNEST(ARRAY<STRUCT<day DATE, shop STRING, amount INT64>>[
  (DATE '2026-03-01', 'a', 10), (DATE '2026-03-02', 'a', 20), (DATE '2026-03-03', 'a', 20),
  (DATE '2026-03-01', 'b', 5), (DATE '2026-03-02', 'b', NULL), (DATE '2026-03-04', 'b', 15)]);
