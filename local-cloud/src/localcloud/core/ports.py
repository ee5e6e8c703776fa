"""The interfaces between packages: what each needs from another, as types.

    jobs (apis/bigquery/jobs.py)  --Engine-->  SQL (engine/)
    SQL (engine/)  --Cloud-->  connections, IAM, storage, embedding endpoint (server/cloud.py)
    embedding endpoint (apis/vertex/endpoint.py)  --Embedder-->  the model (apis/vertex/embedder.py)

Members are IAM members as policies spell them: `user:…`, `serviceAccount:…`, `allUsers`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from localcloud.core.clock import Clock
from localcloud.core.store import Transaction

Vector = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ObjectInfo:
    """One live object of a bucket, as the storage service describes it."""

    bucket: str
    name: str
    generation: int
    content_type: str
    size: int
    md5_hash: str
    """Base64 of the MD5 of the content."""
    updated: datetime
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def uri(self) -> str:
        return f"gs://{self.bucket}/{self.name}"


@dataclass(frozen=True)
class Embedding:
    """The answer for one row: a vector and status '', or no vector and a status (docs/bigquery-contract.md,
    "1. AI.GENERATE_EMBEDDING")."""

    vector: Vector | None
    status: str = ""


@dataclass(frozen=True)
class ImageInput:
    """A picture to embed, read from its bucket as `member`."""

    uri: str
    generation: int | None = None


class Embedder(Protocol):
    """A model that maps pictures and texts into one vector space. Thread-safe and deterministic."""

    def text(self, text: str, dimension: int) -> Vector:
        """Unit vector of shape (dimension,)."""

    def image(self, data: bytes, dimension: int) -> Vector:
        """Unit vector of shape (dimension,). Raises ValueError when the bytes are no picture it can read."""


class Cloud(Protocol):
    """What SQL needs from the other services."""

    clock: Clock

    def connection_member(self, project: str, location: str, connection: str) -> str:
        """The member of the connection's service account. Raises ApiError notFound."""

    def list_objects(self, member: str, bucket: str, prefix: str) -> list[ObjectInfo]:
        """Live objects by name. Raises ApiError: accessDenied when `member` may not list, notFound without bucket."""

    def check_colocated(self, bucket: str, location: str) -> None:
        """Raises ApiError when a dataset in `location` cannot read the bucket because of where it is."""

    def signed_url(self, member: str, bucket: str, name: str) -> str:
        """A URL that needs no credentials to GET the object, for six hours."""

    def check_endpoint(self, member: str, project: str, location: str, endpoint: str) -> None:
        """Raises ApiError when the role is missing or the endpoint is unknown there, in the service's words
        (docs/bigquery-contract.md, "3. Remote models")."""

    def embed(
        self,
        member: str,
        project: str,
        location: str,
        endpoint: str,
        inputs: Sequence[str | ImageInput],
        dimension: int,
        cancelled: threading.Event,
    ) -> list[Embedding]:
        """One answer an input, in order; `str` is text. Waits for quota on the clock; row failures are statuses."""

    def rows_per_job(self, endpoint: str, location: str) -> int:
        """Rows that one job may embed; those above get a retryable status and are not paid."""

    def embedding_job(self) -> AbstractContextManager[None]:
        """Entered by a job that embeds, for as long as it does. Raises ApiError when too many do."""


@dataclass(frozen=True)
class Statement:
    """One SQL statement to run, with everything it may depend on."""

    text: str
    project: str
    location: str
    member: str
    """The caller."""
    parameters: Sequence[dict[str, Any]] = ()
    """`queryParameters` of the REST request, as sent."""
    parameter_mode: str = "NAMED"
    default_dataset: tuple[str, str] | None = None
    """(project, dataset)"""
    labels: dict[str, str] = field(default_factory=dict)
    dry_run: bool = False
    destination: dict[str, str] | None = None
    """tableReference of the table for the rows; None is an anonymous result table."""
    write_disposition: str = "WRITE_EMPTY"
    create_disposition: str = "CREATE_IF_NEEDED"
    cancelled: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Outcome:
    """The result of a statement. `schema` is `{"fields": [...]}` as REST spells it; empty for DDL."""

    statement_type: str
    """SELECT, INSERT, MERGE, CREATE_TABLE_AS_SELECT, CREATE_MODEL, … as `statistics.query.statementType`."""
    schema: dict[str, Any]
    result_table: tuple[str, str] | None
    """DuckDB (schema, table) that holds the answer's rows in order; None when there are none."""
    total_rows: int
    statistics: dict[str, Any] = field(default_factory=dict)
    """Further keys of `statistics.query`: numDmlAffectedRows, dmlStats, ddlOperationPerformed, ddlTargetTable,
    genAiStats, vectorSearchStatistics, totalBytesProcessed …"""
    destination: dict[str, str] | None = None
    """tableReference where the rows are readable by tabledata.list."""


Commit = Callable[[Transaction, Outcome], None]
"""Called inside a statement's transaction, last."""


class Engine(Protocol):
    """SQL over the store. Thread-safe; `run` may take as long as the statement takes."""

    def run(self, statement: Statement, commit: Commit) -> Outcome:
        """Run in one transaction. `commit(transaction, outcome)` is called inside it, last, so that the job's final
        state becomes durable together with what the statement wrote. Raises ApiError; nothing is written then."""

    def texts(
        self, table: tuple[str, str], schema: dict[str, Any], start: int, count: int, *, seconds: bool = False
    ) -> list[str]:
        """Rows `start` … `start + count` of a DuckDB table in REST's `{"f": [{"v": …}]}` form, each as JSON text.
        `seconds`: timestamps are seconds, with a fraction, and not microseconds."""

    def count(self, table: tuple[str, str]) -> int:
        """Number of rows."""
