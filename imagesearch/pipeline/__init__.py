"""The pipeline: the remote model, the embeddings and their convergence, the vector index, searches, the notebook."""
