"""The embeddings: what is to be embedded, into which tables, and how these stand against the bucket.

Two tables: one of good rows only, one of failures. What fills them is imagesearch/pipeline/convergence.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from imagesearch.gcp import sql
from imagesearch.gcp.bigquery import Row, Warehouse
from imagesearch.gcp.clients import bigquery
from imagesearch.gcp.sql import Identifier
from imagesearch.pipeline import ownership
from imagesearch.settings.endpoints import ENDPOINTS

BATCH_MINUTES = 5.0
"""A batch is what the location's quota embeds in this time: progress shows, and little is at risk."""
NO_LIMIT = 2**53
"""`limit` when the settings give none: more rows than an object table can have."""


@dataclass(frozen=True)
class Embeddings:
    """What is to be embedded, where to, and how far that may go."""

    object_table: Identifier
    model: Identifier
    table: Identifier
    failures: Identifier
    location: str
    endpoint: str
    dimension: int
    content_types: tuple[str, ...]
    limit: int | None
    prune_to_limit: bool = False
    wait: bool = True
    max_attempts: int = 5
    deadline_minutes: float = 24 * 60
    budget_usd: float = 10.0
    max_prune_fraction: float = 0.3

    @property
    def batch_size(self) -> int:
        """Rows that one job embeds."""
        return batch_size(self.endpoint, self.location)

    @property
    def job_prefix(self) -> str:
        """How the ids of its jobs begin."""
        return f"imagesearch-embed_{hashlib.sha256(self.table.path.encode()).hexdigest()[:8]}-"

    def staging(self, suffix: str) -> Identifier:
        """The staging table with that suffix."""
        return Identifier((*self.table.parts[:-1], f"{_staging_prefix(self.table)}{suffix}"))


def batch_size(endpoint: str, location: str) -> int:
    """Rows that one job embeds there."""
    quota = ENDPOINTS[endpoint].quota_in(location)
    return min(int(quota.requests_per_minute * BATCH_MINUTES), quota.rows_per_job)


def parse(values: Mapping[str, Any]) -> Embeddings:
    """From plain values, names as dotted paths; numbers may have become floats on their way through Pulumi."""
    names = {key: Identifier(tuple(values[key].split("."))) for key in ("object_table", "model", "table", "failures")}
    return _PARSER.validate_python({"limit": None, **values, **names})


_PARSER = TypeAdapter(Embeddings)


@dataclass(frozen=True)
class Counts:
    """How the embeddings stand against the bucket. All numbers are images."""

    objects: int
    """In the bucket, of the configured content types."""
    target: int
    """Of these, the ones to embed: all, or as many as the limit allows."""
    embedded: int
    set_aside: int
    """Failed for good at their present generation."""
    changed: int
    """Embedded, but at an older generation."""
    new: int
    stale: int
    """Embedded, but gone from the bucket."""
    stored: int
    """Rows in the table of embeddings."""
    beyond_limit: int
    """Embedded and in the bucket, but more than the limit; deleted only where `prune_to_limit` says so."""
    last_embedded: datetime | None

    @property
    def pending(self) -> int:
        """To be embedded."""
        return self.changed + self.new

    @property
    def version(self) -> str:
        """Changes whenever the stored embeddings do."""
        return f"{self.stored}@{self.last_embedded.isoformat() if self.last_embedded else ''}"

    def settled(self, work: Embeddings) -> bool:
        """Whether a run has nothing to do."""
        return self.pending == 0 and self.stale == 0 and not (work.prune_to_limit and self.beyond_limit)


def create_tables(warehouse: Warehouse, embeddings: Identifier, failures: Identifier, owner: str) -> None:
    """The table of embeddings and the table of failures; those of this stack that exist are continued.

    Raises NotOurs when another's table has one of the names.
    """
    for name, table in (("embeddings", embeddings), ("failures", failures)):
        ownership.refuse_foreign_table(warehouse, table)
        labels = sql.Labels({**warehouse.labels, ownership.OWNER: owner})
        warehouse.query(sql.render(f"create_{name}", **{name: table}, labels=labels))
        ownership.adopt_table(warehouse, table, owner)


def drop_tables(warehouse: Warehouse, embeddings: Identifier, failures: Identifier, owner: str) -> None:
    """Both tables and what staging tables there are, if they are still `owner`'s."""
    dropped = ownership.drop_table(warehouse, embeddings, owner)
    ownership.drop_table(warehouse, failures, owner)
    for staging in staging_tables(warehouse, embeddings) if dropped else ():
        ownership.drop_table(warehouse, staging)


def failures(warehouse: Warehouse, table: Identifier, limit: int) -> list[Row]:
    """Images that are not embedded and why: uri, generation, status, kind, attempts, last_attempt."""
    statement = sql.render("select_failures", failures=table)
    return warehouse.query(statement, [bigquery.ScalarQueryParameter("row_limit", "INT64", limit)])


def count(warehouse: Warehouse, work: Embeddings) -> Counts:
    """One cheap query: where things stand. Raises NotThere when a table is gone."""
    statement = sql.render(
        "count_images", object_table=work.object_table, embeddings=work.table, failures=work.failures
    )
    (row,) = warehouse.query(statement, selection_parameters(work))
    return Counts(**row)


def staging_tables(warehouse: Warehouse, embeddings: Identifier) -> list[Identifier]:
    """Staging tables that runs over these embeddings have left behind."""
    dataset, prefix = Identifier(embeddings.parts[:-1]), _staging_prefix(embeddings)
    return [
        Identifier((*dataset.parts, item.table_id))
        for item in warehouse.tables(dataset)
        if item.table_id.startswith(prefix) and ownership.is_ours(item.labels, warehouse.labels)
    ]


def others(warehouse: Warehouse, embeddings: Identifier, stem: str) -> list[str]:
    """Ids of this stack's other tables of embeddings, which all begin with `stem`: of another endpoint or dimension."""
    found = warehouse.tables(Identifier(embeddings.parts[:-1]))
    ours = [item.table_id for item in found if ownership.is_ours(item.labels, warehouse.labels)]
    return [id_ for id_ in ours if id_.startswith(stem) and "_staging_" not in id_ and id_ != embeddings.parts[-1]]


def _staging_prefix(embeddings: Identifier) -> str:
    return f"{embeddings.parts[-1]}_staging_"


def content_type_parameters(work: Embeddings) -> list[bigquery.ArrayQueryParameter]:
    """The content types of the images, as a parameter of a statement."""
    return [bigquery.ArrayQueryParameter("content_types", "STRING", list(work.content_types))]


def selection_parameters(work: Embeddings) -> list[Any]:
    """What selects the target, as parameters of a statement."""
    limit = bigquery.ScalarQueryParameter("target_limit", "INT64", work.limit or NO_LIMIT)
    return [*content_type_parameters(work), limit]
