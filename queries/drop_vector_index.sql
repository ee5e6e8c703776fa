-- Drop the vector index. Run by imagesearch.pipeline.vector_index.
DROP VECTOR INDEX IF EXISTS ${index}
ON ${embeddings}
