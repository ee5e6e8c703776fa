-- How far the embeddings have drifted from what the index was trained on, 0 to 1. Run by imagesearch.pipeline.vector_index.
SELECT drift
FROM VECTOR_INDEX.STATISTICS(TABLE ${embeddings})
