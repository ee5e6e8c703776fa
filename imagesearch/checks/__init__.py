"""Checks before anything is created: APIs, permissions, the dataset, the buckets."""
