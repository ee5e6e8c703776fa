"""The nearest vectors are the nearest by definition, however their candidates were found."""

from __future__ import annotations

from functools import cache

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.engine.vectors import DISTANCES, Floats, Matrix, nearest, read


@cache
def database() -> duckdb.DuckDBPyConnection:
    """One for all examples: to make one takes longer than an example."""
    return duckdb.connect(":memory:")


def stored(vectors: Floats) -> Matrix:
    cursor = database()
    cursor.register("given", {"i": np.repeat(np.arange(len(vectors)), vectors.shape[1]), "x": vectors.ravel()})
    cursor.execute("CREATE OR REPLACE TABLE t AS SELECT list(x) AS v FROM given GROUP BY i ORDER BY i")
    return read(cursor, "t", "v")


def by_definition(vectors: Floats, query: Floats, distance: str) -> Floats:
    if distance == "EUCLIDEAN":
        return np.sqrt(((vectors - query) ** 2).sum(axis=1))
    products = (vectors * query).sum(axis=1)
    if distance == "DOT_PRODUCT":
        return -products
    return 1 - products / np.sqrt((vectors**2).sum(axis=1) * (query @ query))


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize(
    ("scale", "kind"), [(1.0, np.float32), (1e20, np.float32), (1e-20, np.float32), (1.0, np.float64)]
)
@given(seed=st.integers(0, 2**32 - 1), spread=st.sampled_from([1.0, 1e-3, 1e-6, 1e-9]))
@settings(max_examples=15, deadline=None)
def test_rows_that_are_nearly_alike_come_in_the_order_of_their_true_distances(
    distance: str, scale: float, kind: type, seed: int, spread: float
) -> None:
    rng = np.random.default_rng(seed)
    middle = rng.normal(size=64)
    vectors = ((middle + spread * rng.normal(size=(300, 64))) * scale).astype(kind).astype(np.float64)
    query = (middle + spread * rng.normal(size=64)) * scale
    found = nearest(stored(vectors), query[None, :], 10, distance)
    exact = np.sort(by_definition(vectors, query, distance))[:10]
    # Two ways to add up differ in the last digits of the products, not of what is left when they nearly cancel.
    most = 1.0 if distance == "COSINE" else np.abs(exact).max() + (0 if distance == "EUCLIDEAN" else scale**2)
    assert np.abs(found.distances[0] - exact).max() <= 1e-12 * most


def test_vectors_that_a_model_made_take_half_the_memory_and_others_keep_every_digit() -> None:
    rng = np.random.default_rng(1)
    single = rng.normal(size=(10, 8)).astype(np.float32)
    assert stored(single.astype(np.float64)).vectors.dtype == np.float32
    double = rng.normal(size=(10, 8))
    kept = stored(double)
    assert kept.vectors.dtype == np.float64 and np.array_equal(kept.vectors, double)
