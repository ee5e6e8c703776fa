-- The table of embeddings: only rows that hold a vector. Run by imagesearch.pipeline.embedding_tables.
CREATE TABLE IF NOT EXISTS ${embeddings} (
  uri STRING NOT NULL,
  generation INT64 NOT NULL,
  content_type STRING,
  size INT64,
  md5_hash STRING,
  updated TIMESTAMP,
  metadata ARRAY<STRUCT<name STRING, value STRING>>,
  embedding ARRAY<FLOAT64>,
  endpoint STRING NOT NULL,
  dimension INT64 NOT NULL,
  embedded_at TIMESTAMP NOT NULL
)
OPTIONS (
  description = 'Embeddings of the images, one row an image.',
  labels = ${labels}
)
