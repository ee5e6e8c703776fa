-- Index the embeddings, so that a search need not read every row. Run by imagesearch.pipeline.vector_index.
CREATE VECTOR INDEX IF NOT EXISTS ${index}
ON ${embeddings}(embedding)
OPTIONS (
  index_type = ${index_type},
  distance_type = ${distance_type}
)
