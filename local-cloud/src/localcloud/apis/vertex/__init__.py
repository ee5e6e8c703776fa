"""Vertex AI as BigQuery's remote models see it: the embedding endpoint, and the model that answers for it."""
