"""A Google Cloud on loopback, as far as image search on BigQuery needs one.

It is reached only over HTTP, by the clients that would reach Google. What it does not implement it refuses by name, in
the service's own error shape. Public: `python -m localcloud`, localcloud.testing and its pytest fixtures.
"""
