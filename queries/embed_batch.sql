-- Embed one batch of images into a staging table: every row that is paid for is here before anything else happens.
-- Over an object table only WHERE, ORDER BY and LIMIT are allowed, hence the list. Run by imagesearch.pipeline.embeddings.
CREATE TABLE ${staging}
OPTIONS (
  description = 'Embeddings on their way into the table of embeddings.',
  labels = ${labels}
)
AS
SELECT
  uri,
  generation,
  content_type,
  size,
  md5_hash,
  updated,
  metadata,
  embedding,
  status,
  CURRENT_TIMESTAMP() AS embedded_at
FROM
  AI.GENERATE_EMBEDDING(
    MODEL ${model},
    (
      SELECT *
      FROM ${object_table}
      WHERE uri IN UNNEST(@uris)
    ),
    STRUCT(${dimension} AS output_dimensionality)
  )
