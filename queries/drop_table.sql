-- Drop one of our tables. Run by imagesearch.bigquery.
DROP TABLE IF EXISTS ${table}
