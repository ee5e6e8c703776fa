-- Rebuild the index over data that has drifted from what it was trained on. Run by imagesearch.pipeline.vector_index.
ALTER VECTOR INDEX IF EXISTS ${index}
ON ${embeddings}
REBUILD
