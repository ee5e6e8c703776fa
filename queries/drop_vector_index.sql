-- Drop the vector index. Run by imagesearch.vector_index.
DROP VECTOR INDEX IF EXISTS ${index}
ON ${embeddings}
