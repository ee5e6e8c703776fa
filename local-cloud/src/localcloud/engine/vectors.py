"""Nearest vectors: exactly, by a matrix product, or nearly, by inverted lists (faiss IndexIVFFlat).

Both choose candidates fast and then measure the chosen ones by the definition of the distance in float64, so that a
distance does not depend on how its row was found. The product is in float32, also of numbers that have more digits:
candidates are all rows that rounding could have put on the wrong side of the k-th, so none of the nearest is missed.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from localcloud.core.errors import invalid_query

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Places = npt.NDArray[np.int64]
Ragged = npt.NDArray[np.object_]
"""DuckDB's lists: an array of numpy's arrays."""

DISTANCES = ("EUCLIDEAN", "COSINE", "DOT_PRODUCT")
_MARGIN = 8
"""Candidates of the lists beyond top_k, since rounding may order near ones otherwise than the definition does."""
_NEAR_ZERO, _NEAR_INFINITY = 1e-15, 1e15
"""Between these lengths no product of two vectors leaves the range of float32."""
_CACHE_BYTES = 1 << 30
_BLOCK = 1 << 24
"""Distances computed at once."""
_PIECE = 1 << 14
"""Rows read at once."""
_GATHER = 4
"""Rows are picked out before the product where they are fewer than one in this many."""


@dataclass(frozen=True)
class Matrix:
    """The vectors of a column, without rows that have none (contract, "0. Facts that shape the design", item 5)."""

    vectors: Floats | Singles
    """(n, dimension); float32 where that is the same numbers, as with those that a model made."""
    rounded: Singles | None
    """The vectors in float32, to choose candidates by; None where a product could leave its range."""
    positions: Places
    """(n,): the place of each in the scan of the table, from 0, ascending."""
    rowids: Places
    """(n,): DuckDB's name of each row."""
    squares: Floats
    """(n,): of the lengths."""
    norms: Floats
    """(n,): the lengths."""

    @property
    def dimension(self) -> int:
        return int(self.vectors.shape[1])

    @property
    def nbytes(self) -> int:
        """What it holds in memory."""
        own = self.rounded is not None and self.rounded is not self.vectors
        return int(self.vectors.nbytes + (self.rounded.nbytes if own and self.rounded is not None else 0))

    def of(self, rowids: Places) -> Floats:
        """The vectors of some rows, in the order of `rowids`; rows without one are left out."""
        places = np.searchsorted(self.rowids, rowids).clip(max=max(len(self.rowids) - 1, 0))
        known = places[self.rowids[places] == rowids] if len(self.rowids) else places[:0]
        chosen: Floats = self.vectors[known].astype(np.float64)
        return chosen


@dataclass(frozen=True)
class Neighbours:
    """`rows` are indexes into the Matrix, -1 where there are fewer than asked for; both of shape (queries, k)."""

    rows: Places
    distances: Floats


def read(cursor: duckdb.DuckDBPyConnection, table: str, column: str) -> Matrix:
    """The vectors of a DuckDB column of type DOUBLE[]. Raises ApiError when they differ in length or have NULLs."""
    rowids: list[Places] = []
    lists: list[Ragged] = []
    rows = f"SELECT rowid AS r, {column} AS v FROM {table} WHERE rowid >= ? LIMIT {_PIECE}"
    while True:
        found = cursor.execute(rows, [rowids[-1][-1].item() + 1 if rowids else 0]).fetchnumpy()
        if len(found["r"]):
            rowids.append(found["r"].astype(np.int64))
            lists.append(found["v"])
        if len(found["r"]) < _PIECE:
            break
    return _matrix(np.concatenate(rowids) if rowids else np.empty(0, np.int64), lists, column)


def collected(lists: Ragged, column: str) -> Matrix:
    """The vectors of DuckDB's lists, an array of numpy's arrays. Raises ApiError as `read` does."""
    return _matrix(np.arange(len(lists)), [lists], column)


def _matrix(rowids: Places, pieces: list[Ragged], column: str) -> Matrix:
    pieces = [_without_null(piece) for piece in pieces]
    lengths = np.array([len(each) for piece in pieces for each in piece], dtype=np.int64)
    positions = np.flatnonzero(lengths)
    present = np.unique(lengths[positions])
    if len(present) > 1:
        raise invalid_query(
            f"Vectors in column {column} must all have the same length; found {present[0]} and {present[-1]}"
        )
    if not len(present):
        return Matrix(np.empty((0, 0)), None, positions, rowids[:0], np.empty(0), np.empty(0))
    vectors = np.empty((len(positions), int(present[0])))
    for place, each in enumerate(each for piece in pieces for each in piece if len(each)):
        if np.ma.is_masked(each):
            raise invalid_query(f"Vectors in column {column} must not have NULL elements")
        vectors[place] = each
    squares = np.einsum("ij,ij->i", vectors, vectors)
    norms = np.sqrt(squares)
    rounded = _rounded(vectors, norms)
    same = rounded is not None and np.array_equal(rounded, vectors)
    kept = rounded if same and rounded is not None else vectors
    return Matrix(kept, rounded, positions, rowids[positions], squares, norms)


def _without_null(lists: Ragged) -> Ragged:
    """The lists of a column, an empty one in the place of each NULL."""
    data = np.ma.getdata(lists)
    for place in np.flatnonzero(np.ma.getmaskarray(lists)) if np.ma.is_masked(lists) else ():
        data[place] = ()
    return data


def nearest(matrix: Matrix, queries: Floats, k: int, distance: str, allowed: Places | None = None) -> Neighbours:
    """The `k` nearest rows of each query, exactly; among rows `allowed` only."""
    _check(matrix, queries, distance)
    candidates = np.arange(len(matrix.vectors)) if allowed is None else allowed
    found = np.full((len(queries), k), -1, dtype=np.int64)
    distances = np.full((len(queries), k), np.nan)
    if not len(candidates):
        return Neighbours(found, distances)
    block = max(1, _BLOCK // len(matrix.vectors))
    for start in range(0, len(queries), block):
        order, errors = _order(matrix, queries[start : start + block], distance, allowed)
        for place, (row, error) in enumerate(zip(order, errors, strict=True), start):
            few = candidates[_smallest(row, k, error)]
            _rank(matrix, queries[place], few, distance, found[place], distances[place])
    return Neighbours(found, distances)


class Lists:
    """Inverted lists over some rows of a matrix. `centroids`: (lists, dimension), as `train` gives them."""

    def __init__(self, matrix: Matrix, rows: Places, centroids: Singles, distance: str) -> None:
        import faiss

        self._faiss = faiss
        self._distance = distance
        self.count = len(centroids)
        quantizer = _flat(faiss, centroids, distance)
        metric = faiss.METRIC_L2 if distance == "EUCLIDEAN" else faiss.METRIC_INNER_PRODUCT
        self._index = faiss.IndexIVFFlat(quantizer, matrix.dimension, self.count, metric)
        self._quantizer = quantizer  # faiss does not keep it alive
        self._index.is_trained = True
        if len(rows):
            self._index.add_with_ids(_prepared(matrix.vectors[rows], distance), rows)

    def sizes(self) -> list[int]:
        """Rows in each list."""
        lists: Any = self._index.invlists
        return [int(lists.list_size(number)) for number in range(self.count)]

    def candidates(self, queries: Floats, k: int, fraction: float, allowed: Places | None) -> Places:
        """Rows (queries, k + some) near each query, -1 where the lists that were read hold fewer."""
        parameters: Any = self._faiss.SearchParametersIVF()
        parameters.nprobe = max(1, round(fraction * self.count))
        if allowed is not None:
            parameters.sel = self._faiss.IDSelectorBatch(allowed)
        _, rows = self._index.search(_prepared(queries, self._distance), k + _MARGIN, params=parameters)
        return np.asarray(rows, dtype=np.int64)


def train(matrix: Matrix, lists: int, distance: str) -> Singles:
    """The centroids of `lists` lists over the vectors; the same vectors give the same centroids."""
    import faiss

    prepared = _prepared(matrix.vectors, distance)
    kmeans = faiss.Kmeans(
        matrix.dimension, lists, niter=8, seed=1, spherical=distance == "COSINE", min_points_per_centroid=1
    )
    kmeans.train(prepared)
    return np.asarray(kmeans.centroids, dtype=np.float32)


def ranked(matrix: Matrix, queries: Floats, candidates: list[Places], k: int, distance: str) -> Neighbours:
    """The `k` nearest of each query's candidates."""
    _check(matrix, queries, distance)
    found = np.full((len(queries), k), -1, dtype=np.int64)
    distances = np.full((len(queries), k), np.nan)
    for place, rows in enumerate(candidates):
        few = np.unique(rows[rows >= 0])
        _rank(matrix, queries[place], few, distance, found[place], distances[place])
    return Neighbours(found, distances)


class VectorCache:
    """Matrices and lists that were read or built, the least used forgotten first. Thread-safe."""

    def __init__(self, limit: int = _CACHE_BYTES) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()

    def get(self, key: Hashable) -> Any | None:
        """What was put under the key, or None."""
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return self._entries[key][0]

    def put(self, key: Hashable, value: Any, size: int) -> None:
        """Store `value` of `size` bytes. What is larger than the cache is not stored."""
        with self._lock:
            self._entries[key] = (value, size)
            while sum(kept for _, kept in self._entries.values()) > self._limit:
                self._entries.popitem(last=False)


def _rounded(vectors: Floats, norms: Floats) -> Singles | None:
    if norms.size and not (norms.max() <= _NEAR_INFINITY and norms.min() >= _NEAR_ZERO):
        return None
    return vectors.astype(np.float32)


def _order(matrix: Matrix, queries: Floats, distance: str, allowed: Places | None) -> tuple[Floats, Floats]:
    """(queries, n): what grows with the distance, of rows `allowed`; (queries,): how far rounding may have moved it.

    A product of two vectors of n numbers is off by at most (n + 3) units of rounding times both lengths (Higham,
    "Accuracy and Stability of Numerical Algorithms", 3.1); three, since both vectors may have been rounded too.
    """
    lengths = np.sqrt(np.einsum("ij,ij->i", queries, queries))
    near = ((lengths > _NEAR_ZERO) & (lengths < _NEAR_INFINITY)).all()
    rows: Any = matrix.rounded if near and matrix.rounded is not None else matrix.vectors.astype(np.float64, copy=False)
    few = allowed is not None and len(allowed) * _GATHER < len(rows)
    norms = matrix.norms if allowed is None else matrix.norms[allowed]
    # The rows first: BLAS takes half the time of the other way round.
    found = (rows[allowed] if few else rows) @ queries.astype(rows.dtype).T
    products: Floats = np.ascontiguousarray((found if few or allowed is None else found[allowed]).T, dtype=np.float64)
    rounding = (matrix.dimension + 3) * float(np.finfo(rows.dtype).eps) * lengths
    if distance == "COSINE":
        return -products / norms, rounding
    longest = norms.max()
    if distance == "DOT_PRODUCT":
        return -products, rounding * longest
    squares = float(np.finfo(np.float64).eps) * (matrix.dimension + 2) * longest**2
    return norms**2 - 2 * products, 2 * rounding * longest + squares


def _smallest(values: Floats, k: int, error: float) -> Places:
    """Places of the `k` smallest values, and of all that could be among them if each were off by `error`."""
    if k >= len(values):
        return np.arange(len(values))
    limit = np.partition(values, k - 1)[k - 1] + 2 * error
    return np.flatnonzero(~(values > limit))  # NaN stays in: it is put last when it is measured


def _rank(matrix: Matrix, query: Floats, few: Places, distance: str, rows_out: Places, distances_out: Floats) -> None:
    """Write the nearest of `few` and their distances, by definition; equal ones in the table's order."""
    vectors = matrix.vectors[few].astype(np.float64, copy=False)
    if distance == "EUCLIDEAN":
        exact = np.sqrt(((vectors - query) ** 2).sum(axis=1))
    else:
        # Not `@`: BLAS rounds a row otherwise in other company.
        exact = np.einsum("ij,j->i", vectors, query)
        cosines = distance == "COSINE"
        exact = 1 - exact / np.sqrt((query @ query) * matrix.squares[few]) if cosines else -exact
    order = np.lexsort((few, exact))[: len(rows_out)]
    rows_out[: len(order)] = few[order]
    distances_out[: len(order)] = exact[order]


def _check(matrix: Matrix, queries: Floats, distance: str) -> None:
    if not len(matrix.vectors) or not len(queries):
        return
    if queries.shape[1] != matrix.dimension:
        raise invalid_query(f"Array length mismatch: {matrix.dimension} and {queries.shape[1]}")
    if distance == "COSINE" and (not matrix.norms.all() or not np.einsum("ij,ij->i", queries, queries).all()):
        raise invalid_query("Cannot compute cosine distance against zero vector.")


def _prepared(vectors: Floats | Singles, distance: str) -> Singles:
    if distance == "COSINE":
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.ascontiguousarray(vectors, dtype=np.float32)


def _flat(faiss: Any, centroids: Singles, distance: str) -> Any:
    make = faiss.IndexFlatL2 if distance == "EUCLIDEAN" else faiss.IndexFlatIP
    quantizer = make(centroids.shape[1])
    quantizer.add(centroids)
    return quantizer
