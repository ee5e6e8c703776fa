"""The embeddings: what is to be embedded, how the tables stand against the bucket, and every statement over them.

An image's way: `pending` lists it, `job` embeds its batch into a staging table, `absorb` moves it from there into the
embeddings or the failures. In which order, and when a run stops: imagesearch/pipeline/convergence.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from imagesearch.errors import InvariantBroken
from imagesearch.gcp import sql
from imagesearch.gcp.bigquery import Parameter, Row, Warehouse
from imagesearch.gcp.clients import bigquery
from imagesearch.gcp.sql import Identifier, Placeholder, Text
from imagesearch.pipeline import embedding_tables, spend
from imagesearch.pipeline.embedding_tables import TablesSpec
from imagesearch.settings.endpoints import ENDPOINTS
from imagesearch.settings.schema import Embedding, Selection, Settings
from imagesearch.settings.spec import Name

BATCH_MINUTES = 5.0
"""A batch is what the location's quota embeds in this time: progress shows, and little is at risk."""
NO_LIMIT = 2**53
"""`limit` when the settings give none: more rows than an object table can have."""


class EmbeddingsSpec(TablesSpec, Selection, Embedding):
    """What is to be embedded, into which tables, and how far a run may go."""

    location: str
    object_table: Name
    model: Name

    @classmethod
    def of(cls, settings: Settings, **names: Identifier) -> EmbeddingsSpec:
        """What the settings ask for, over these tables and this model."""
        selection = settings.images.model_dump(include=set(Selection.model_fields))
        embedding = settings.embedding.model_dump()
        return cls.model_validate({**selection, **embedding, "location": settings.dataset.location, **names})

    def under(self, settings: Settings) -> EmbeddingsSpec:
        """The same tables and model under other settings."""
        names = {"object_table": self.object_table, "model": self.model}
        return self.of(settings, table=self.table, failures=self.failures, **names)

    @property
    def batch_size(self) -> int:
        """Rows that one job embeds."""
        return batch_size(self.endpoint, self.location)

    @property
    def job_prefix(self) -> str:
        """How the ids of its jobs begin."""
        return f"imagesearch-embed_{hashlib.sha256(self.table.path.encode()).hexdigest()[:8]}-"


def batch_size(endpoint: str, location: str) -> int:
    """Rows that one job embeds there."""
    quota = ENDPOINTS[endpoint].quota_in(location)
    return min(int(quota.requests_per_minute * BATCH_MINUTES), quota.rows_per_job)


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

    def to_delete(self, spec: EmbeddingsSpec) -> int:
        """Embeddings that a run deletes."""
        return self.stale + (self.beyond_limit if spec.prune_to_limit else 0)

    def settled(self, spec: EmbeddingsSpec) -> bool:
        """Whether a run has nothing to do."""
        return self.pending == 0 and self.to_delete(spec) == 0


@dataclass(frozen=True)
class Tally:
    """What came of one batch. All numbers are images."""

    embedded: int
    misfits: int
    """Given a vector of another length than asked for, and no error."""
    retryable: int
    refused: int
    """Of the retryable ones: PERMISSION_DENIED."""
    total: int

    @property
    def settled(self) -> int:
        """Embedded, or failed for good."""
        return self.total - self.retryable


@dataclass(frozen=True)
class Batch:
    """Images that one job embeds, in the order of their uris: rows of uri, generation and attempts."""

    rows: tuple[Row, ...]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def attempts(self) -> int:
        """How often its images have failed before; none of them less often."""
        return int(self.rows[0]["attempts"])

    def digest(self, spec: EmbeddingsSpec) -> str:
        """The same for the same images at the same generations and attempts, by the same model at the same length."""
        rows = [f"{row['uri']}#{row['generation']}#{row['attempts']}" for row in self.rows]
        return hashlib.sha256("\n".join([spec.model.path, str(spec.dimension), *rows]).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class BatchJob:
    """The job that embeds one batch into its staging table. Its id follows from the batch, so it never runs twice."""

    warehouse: Warehouse
    key: str
    staging: Identifier
    statement: str
    uris: bigquery.ArrayQueryParameter

    def start(self) -> None:
        """Submit it and do not wait."""
        self.warehouse.start_once(self.statement, [self.uris], key=self.key, consumed=self._absorbed)

    def run(self, deadline: float, progress: Callable[[float], None]) -> None:
        """Submit it, or attach to it, and wait for its end."""
        self.warehouse.run_once(
            self.statement, [self.uris], key=self.key, consumed=self._absorbed, deadline=deadline, progress=progress
        )

    def _absorbed(self) -> bool:
        return self.warehouse.table(self.staging) is None


class EmbeddingStore:
    """The tables of one specification. Every method raises what `Warehouse.query` raises."""

    def __init__(self, warehouse: Warehouse, spec: EmbeddingsSpec) -> None:
        self.warehouse = warehouse
        self.spec = spec

    # State

    def count(self) -> Counts:
        """One cheap query. Raises NotThere when a table is gone."""
        (row,) = self._query("count_images", self._content_types, self._limit)
        return Counts(**row)

    def failed(self, limit: int) -> list[Row]:
        """Images that are not embedded and why: uri, generation, status, kind, attempts, last_attempt."""
        return self._query("select_failures", bigquery.ScalarQueryParameter("row_limit", "INT64", limit))

    def commonest_failure(self) -> str:
        """The status that most images failed with, and how many."""
        rows = self._query("commonest_failure")
        return f"{rows[0]['status']!r} ({rows[0]['images']:,} images)" if rows else "unknown"

    def check(self, counts: Counts) -> None:
        """Raises InvariantBroken unless every target image is embedded or set aside, once and at one length."""
        (row,) = self._query("check_embeddings")
        broken = {name: number for name, number in row.items() if number}
        if broken:
            raise InvariantBroken(
                f"{self.spec.table.path} is not what it must be: {broken}.",
                "Somebody else wrote to it. Drop the table and run `pulumi up`: it embeds every image again.",
            )
        if counts.target != counts.embedded + counts.set_aside and counts.settled(self.spec):
            raise InvariantBroken(f"{counts} does not add up.", "This is a defect of the program; please report it.")

    # What is to be embedded

    def pending(self) -> Batch | None:
        """The next batch; None when every image is embedded or set aside."""
        size = bigquery.ScalarQueryParameter("batch_size", "INT64", self.spec.batch_size)
        rows = self._query("select_pending", self._content_types, self._limit, size)
        return Batch(tuple(rows)) if rows else None

    def job(self, batch: Batch) -> BatchJob:
        """The job that embeds a batch."""
        digest = batch.digest(self.spec)
        staging = self.spec.staging(digest)
        uris = bigquery.ArrayQueryParameter("uris", "STRING", [row["uri"] for row in batch.rows])
        statement = self._statement("embed_batch", staging=staging, labels=sql.Labels(self.warehouse.labels))
        return BatchJob(self.warehouse, f"{self.spec.job_prefix}{digest}", staging, statement, uris)

    def running_jobs(self) -> Iterator[bigquery.QueryJob]:
        """Jobs of these tables that have not ended, whoever submitted them."""
        return self.warehouse.running(self.spec.job_prefix)

    # What was embedded

    def absorb(self, staging: Identifier) -> Tally:
        """Move the rows of a staging table to where they belong, and drop it; doing it twice changes nothing.

        Raises InvariantBroken, and keeps the table, when no vector has the length that was asked for.
        """
        self._query("merge_batch", staging=staging)
        (row,) = self._query("count_batch", staging=staging)
        tally = Tally(**row)
        self._refuse_misfits(staging, tally)
        self._query("record_failures", staging=staging)
        spend.add(self.warehouse, self.spec.table, staging, tally.embedded)
        self.warehouse.drop_table(staging)
        return tally

    def staging_tables(self) -> list[Identifier]:
        """Staging tables of earlier runs; first the one that `spend` has counted, before it counts another."""
        counted = spend.counted(self.warehouse, self.spec.table)
        found = embedding_tables.staging_tables(self.warehouse, self.spec)
        return sorted(found, key=lambda table: not spend.is_counted(table, counted))

    def _refuse_misfits(self, staging: Identifier, tally: Tally) -> None:
        """No image is at fault when the service gave a whole batch another length."""
        if tally.misfits == tally.total > 0:
            raise InvariantBroken(
                f"{self.spec.endpoint} gave none of {tally.total:,} images {self.spec.dimension} numbers, and no "
                "error.",
                f"They are kept in {staging.path}: look at their length. Drop that table once embedding.dimension "
                "fits.",
            )

    # What is to go

    def delete_stale(self) -> None:
        """Remove the embeddings of objects that are gone from the bucket."""
        self._query("delete_stale", self._content_types)

    def delete_beyond_limit(self) -> None:
        """Remove the embeddings beyond `limit`, the last in the order of uris."""
        self._query("delete_beyond_limit", self._limit)

    def settle(self) -> None:
        """Forget failures that are over, and the embeddings of what changed into something that cannot be embedded."""
        self._query("delete_settled_failures")
        self._query("delete_superseded")

    # Statements

    def _query(self, name: str, *parameters: Parameter, **placeholders: Placeholder) -> list[Row]:
        return self.warehouse.query(self._statement(name, **placeholders), parameters)

    def _statement(self, name: str, **placeholders: Placeholder) -> str:
        """queries/`name`.sql over these tables; `placeholders` are what is this statement's alone."""
        taken = sql.placeholders_of(name)
        shared = {key: value for key, value in self._shared.items() if key in taken}
        return sql.render(name, **{**shared, **placeholders})

    @cached_property
    def _shared(self) -> dict[str, Placeholder]:
        """What the placeholders of the statements mean here."""
        spec = self.spec
        return {
            "object_table": spec.object_table,
            "model": spec.model,
            "embeddings": spec.table,
            "failures": spec.failures,
            "endpoint": Text(spec.endpoint),
            "dimension": spec.dimension,
        }

    @property
    def _content_types(self) -> Parameter:
        return bigquery.ArrayQueryParameter("content_types", "STRING", list(self.spec.content_types))

    @property
    def _limit(self) -> Parameter:
        return bigquery.ScalarQueryParameter("target_limit", "INT64", self.spec.limit or NO_LIMIT)
