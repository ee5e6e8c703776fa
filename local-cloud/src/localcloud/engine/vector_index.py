"""A vector index as the store keeps it (contract, "6. Vector indexes"): one document, of the name of its table.

The centroids of its lists are beside the table's rows, in the DuckDB table `coverage.centroid_table` names.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from localcloud.core.store import Document, Store, Transaction
from localcloud.googlesql.names import Name

_KIND = "vector_index"
#: Choice: the documentation leaves the default number of lists to the service.
_LISTS_PER_SQUARE_ROOT = 1.0
#: The documented default of tree_ah_options.
_LEAF_NODE_EMBEDDING_COUNT = 1_000


@dataclass(frozen=True)
class IndexOptions:
    """OPTIONS of an index. `listed`: as INFORMATION_SCHEMA shows them; `own`: those of the index type, parsed."""

    listed: Mapping[str, Any]
    own: Mapping[str, Any]

    @property
    def distance(self) -> str:
        """EUCLIDEAN, COSINE or DOT_PRODUCT."""
        return str(self.listed.get("distance_type", "EUCLIDEAN")).upper()

    def lists(self, rows: int) -> int:
        """How many lists an index over so many rows has."""
        if self.listed["index_type"] == "TREE_AH":
            leaf = int(self.own.get("leaf_node_embedding_count", _LEAF_NODE_EMBEDDING_COUNT))
            return max(1, math.ceil(rows / leaf))
        return int(self.own.get("num_lists", max(1, round(_LISTS_PER_SQUARE_ROOT * math.sqrt(rows)))))


@dataclass(frozen=True)
class VectorIndex:
    """Times are seconds since the epoch on the local cloud's clock."""

    name: str
    column: str
    options: IndexOptions
    stored: tuple[str, ...]
    """Columns of STORING."""
    sizes: tuple[int, ...]
    """Rows in each list after training."""
    created: float
    altered: float
    trained: float
    changed: float | None
    """The last change of the table's rows since then."""
    refreshed: float | None
    """When it last covered every row, as known before that change."""
    unindexed: int
    """Rows that were inserted or updated since then."""
    ddl: str
    """The statement that created it."""

    @classmethod
    def from_document(cls, document: Document) -> VectorIndex:
        """The index that a document of the store describes."""
        options = dict(document["options"])
        own = options.pop("own")
        fields = document | {
            "options": IndexOptions(options, own),
            "stored": tuple(document["stored"]),
            "sizes": tuple(document["sizes"]),
        }
        return cls(**fields)

    def document(self) -> Document:
        """The document of the store."""
        return vars(self) | {
            "options": {**self.options.listed, "own": dict(self.options.own)},
            "stored": list(self.stored),
            "sizes": list(self.sizes),
        }

    def retrained(self, sizes: tuple[int, ...], now: float) -> VectorIndex:
        """The index after REBUILD."""
        return replace(self, altered=now, trained=now, sizes=sizes)


def find(source: Store | Transaction, table: Name) -> VectorIndex | None:
    """The index of a table, or None."""
    document = source.get(_KIND, str(table))
    return VectorIndex.from_document(document) if document is not None else None


def every(source: Store | Transaction, prefix: str) -> list[tuple[Name, VectorIndex]]:
    """The indexes of the tables whose full name begins with `prefix`, by name, with their tables."""
    documents = source.list(_KIND, prefix)
    return [(Name(*full.split(".", 2)), VectorIndex.from_document(document)) for full, document in documents]


def put(transaction: Transaction, table: Name, index: VectorIndex) -> None:
    """Create or replace the index of a table."""
    transaction.put(_KIND, str(table), index.document())


def delete(transaction: Transaction, table: Name) -> None:
    """Remove the index of a table."""
    transaction.delete(_KIND, str(table))
