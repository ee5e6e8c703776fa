-- TIMESTAMP_DIFF counts whole units (S/timestamp_functions#timestamp_diff)
SELECT TIMESTAMP_DIFF(seen, TIMESTAMP '2026-01-01 00:00:00+00', HOUR) AS h, TIMESTAMP_DIFF(seen, TIMESTAMP '2026-01-01 00:00:00+00', DAY) AS d FROM people WHERE seen IS NOT NULL ORDER BY id
= 8 | 0
= 9 | 0
= 24 | 1
= 71 | 2

-- DATE_DIFF counts boundaries (S/date_functions#date_diff)
SELECT DATE_DIFF(DATE '2026-03-01', DATE '2026-02-28', MONTH) AS m, DATE_DIFF(DATE '2026-03-01', DATE '2026-02-28', DAY) AS d, DATE_DIFF(DATE '2026-01-01', DATE '2025-12-31', YEAR) AS y
= 1 | 1 | 1

-- DATE_ADD stays within the month (S/date_functions#date_add)
SELECT DATE_ADD(DATE '2026-01-31', INTERVAL 1 MONTH) AS a, DATE_SUB(DATE '2026-03-01', INTERVAL 1 DAY) AS b, DATE_ADD(DATE '2024-02-29', INTERVAL 1 YEAR) AS c
= 2026-02-28 | 2026-02-28 | 2025-02-28

-- TIMESTAMP_ADD and TIMESTAMP_SUB (S/timestamp_functions#timestamp_add)
SELECT TIMESTAMP_ADD(TIMESTAMP '2026-01-01 00:00:00+00', INTERVAL 90 MINUTE) AS a, TIMESTAMP_SUB(TIMESTAMP '2026-01-01 00:00:00+00', INTERVAL 1 SECOND) AS b
= 2026-01-01 01:30:00 | 2025-12-31 23:59:59

-- A month is no part of a TIMESTAMP (S/timestamp_functions#timestamp_add)
SELECT TIMESTAMP_ADD(TIMESTAMP '2026-01-01 00:00:00+00', INTERVAL 1 MONTH) AS a
! 400 TIMESTAMP_ADD does not support the MONTH date part

-- TIMESTAMP_TRUNC and DATE_TRUNC (S/timestamp_functions#timestamp_trunc)
SELECT TIMESTAMP_TRUNC(TIMESTAMP '2026-05-06 07:08:09+00', HOUR) AS a, DATE_TRUNC(DATE '2026-05-06', MONTH) AS b, DATE_TRUNC(DATE '2026-05-06', QUARTER) AS c
= 2026-05-06 07:00:00 | 2026-05-01 | 2026-04-01

-- EXTRACT (S/date_functions#extract)
SELECT EXTRACT(YEAR FROM born) AS y, EXTRACT(DAYOFWEEK FROM born) AS w, EXTRACT(DAYOFYEAR FROM born) AS n, EXTRACT(ISOWEEK FROM born) AS i FROM people WHERE id = 1
= 1990 | 2 | 344 | 50

-- EXTRACT of a TIMESTAMP is in UTC (S/timestamp_functions#extract)
SELECT EXTRACT(HOUR FROM seen) AS h, EXTRACT(MILLISECOND FROM seen) AS m, EXTRACT(DATE FROM seen) AS d FROM people WHERE id = 5
= 23 | 500 | 2026-01-03

-- A DATE has no hours (S/date_functions#extract)
SELECT EXTRACT(HOUR FROM born) AS h FROM people
! 400 EXTRACT from DATE does not support the HOUR date part

-- LAST_DAY (S/date_functions#last_day)
SELECT LAST_DAY(DATE '2026-02-10') AS a, LAST_DAY(DATE '2024-02-10') AS b
= 2026-02-28 | 2024-02-29

-- Formats (S/format-elements)
SELECT FORMAT_DATE('%d/%m/%Y', born) AS a, FORMAT_TIMESTAMP('%Y-%m-%d %H:%M', seen) AS b FROM people WHERE id = 1
= 10/12/1990 | 2026-01-01 08:30

-- And back (S/date_functions#parse_date)
SELECT PARSE_DATE('%Y%m%d', '20260517') AS a, PARSE_TIMESTAMP('%Y-%m-%d %H:%M:%S', '2026-05-17 13:14:15') AS b
= 2026-05-17 | 2026-05-17 13:14:15

-- Seconds since 1970 are rounded down (S/timestamp_functions#unix_seconds)
SELECT UNIX_SECONDS(seen) AS a, UNIX_MILLIS(seen) AS b, TIMESTAMP_SECONDS(86400) AS c, UNIX_DATE(DATE '1970-02-01') AS d FROM people WHERE id = 5
= 1767484799 | 1767484799500 | 1970-01-02 00:00:00 | 31

-- A string literal stands for a DATE or a TIMESTAMP beside one (S/conversion_rules#literal_coercion)
SELECT name FROM people WHERE born < '1980-01-01' OR seen >= '2026-01-03' ORDER BY name
= Eve

-- But not a string column (S/conversion_rules)
SELECT name FROM people WHERE born < name
! 400 No matching signature for operator < for argument types: DATE, STRING

-- DATE of a TIMESTAMP, TIMESTAMP of a DATE (S/date_functions#date)
SELECT DATE(TIMESTAMP '2026-05-17 23:00:00+00') AS a, TIMESTAMP(DATE '2026-05-17') AS b
= 2026-05-17 | 2026-05-17 00:00:00

-- A zone in the literal (S/lexical#timestamp_literals)
SELECT TIMESTAMP '2026-01-01 00:00:00+02' AS a, TIMESTAMP '2026-01-01' AS b
= 2025-12-31 22:00:00 | 2026-01-01 00:00:00

-- No such day (S/lexical#date_literals)
SELECT DATE '2026-02-30' AS a
! 400

-- DATE and TIMESTAMP do not compare (S/conversion_rules)
SELECT DATE '2026-01-01' > TIMESTAMP '2026-01-01 00:00:00+00' AS a
! 400 No matching signature for operator > for argument types: DATE, TIMESTAMP
