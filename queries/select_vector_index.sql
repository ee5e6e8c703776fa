-- The state of the vector index on the embeddings. Run by imagesearch.pipeline.vector_index.
SELECT
  index_name,
  index_status,
  coverage_percentage,
  last_refresh_time,
  disable_reason,
  ddl
FROM ${dataset}.INFORMATION_SCHEMA.VECTOR_INDEXES
WHERE table_name = @table_name
