"""Convergence of the embeddings: every run brings the tables to the truth of the bucket, and pays for nothing twice.

    object table (truth) ── select_pending ──> batch ── AI.GENERATE_EMBEDDING ──> staging ── merge_batch ──> embeddings
                                                                                     └── record_failures ──> failures

What was paid for is in a staging table before anything else happens. A run first waits for jobs that an earlier run
left behind and merges their staging tables; only then it plans, refuses what is suspicious or too dear, and goes on.
Rows that failed for good are set aside until their object changes; the others go round again. docs/architecture.md has
the invariants and why each step stands where it does.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.cloud import bigquery

from imagesearch import ownership, prices, sql
from imagesearch.bigquery import Row, Warehouse
from imagesearch.errors import (
    DeadlinePassed,
    InvariantBroken,
    OverBudget,
    PruneRefused,
    Stalled,
)
from imagesearch.models import ENDPOINTS
from imagesearch.sql import Identifier, Text
from imagesearch.waiting import Say, until_granted

BATCH_MINUTES = 5.0
"""A batch is what the location's quota embeds in this time: progress shows, and little is at risk."""
PROGRESS_SECONDS = 10.0
"""Between two lines on a job that is running."""
NO_LIMIT = 2**53
"""`limit` when the settings give none: more rows than an object table can have."""
BACKOFF_SECONDS = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0)
"""Waits before rows that failed are tried again; the last one goes on."""


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
    wait: bool = True
    max_attempts: int = 5
    deadline_minutes: float = 24 * 60
    budget_usd: float = 10.0
    max_prune_fraction: float = 0.3

    @property
    def batch_size(self) -> int:
        """Rows that one job embeds."""
        quota = ENDPOINTS[self.endpoint].quota_in(self.location)
        return min(int(quota.requests_per_minute * BATCH_MINUTES), quota.rows_per_job)

    @property
    def job_prefix(self) -> str:
        """How the ids of its jobs begin."""
        return f"imagesearch-embed_{hashlib.sha256(self.table.path.encode()).hexdigest()[:8]}-"

    def staging(self, suffix: str) -> Identifier:
        """The staging table with that suffix."""
        return Identifier((*self.table.parts[:-1], f"{_staging_prefix(self.table)}{suffix}"))


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
    last_embedded: datetime | None

    @property
    def pending(self) -> int:
        """To be embedded."""
        return self.changed + self.new

    @property
    def version(self) -> str:
        """Changes whenever the stored embeddings do."""
        return f"{self.stored}@{self.last_embedded.isoformat() if self.last_embedded else ''}"

    @property
    def settled(self) -> bool:
        """Whether a run has nothing to do."""
        return self.pending == 0 and self.stale == 0


@dataclass(frozen=True)
class Outcome:
    """What a run came to."""

    counts: Counts
    added: int
    updated: int
    deleted: int
    complete: bool


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
    for staging in _staging_tables(warehouse, embeddings) if dropped else ():
        ownership.drop_table(warehouse, staging)


def count(warehouse: Warehouse, work: Embeddings) -> Counts:
    """One cheap query: where things stand. Raises NotThere when a table is gone."""
    statement = sql.render(
        "count_images", object_table=work.object_table, embeddings=work.table, failures=work.failures
    )
    (row,) = warehouse.query(statement, _selection(work))
    return Counts(**row)


def converge(warehouse: Warehouse, work: Embeddings, say: Say) -> Outcome:
    """Bring the embeddings to the truth of the bucket.

    Raises PruneRefused or OverBudget before anything is changed, and Stalled or DeadlinePassed with everything kept
    that was embedded; InvariantBroken when the tables are not what they must be.
    """
    run = _Run(warehouse, work, say)
    busy = run.recover()
    before = run.plan()
    run.prune(before)
    complete = not busy and run.embed(before)
    if before.pending:
        run.settle()
    after = count(warehouse, work)
    if complete:
        _check(warehouse, work, after)
    return Outcome(
        after,
        added=max(after.stored - before.stored + before.stale, 0),
        updated=max(before.changed - after.changed, 0),
        deleted=before.stale,
        complete=complete,
    )


@dataclass(frozen=True)
class _BatchJob:
    """The job that embeds one batch into its staging table. Its id follows from the batch, so it never runs twice."""

    key: str
    staging: Identifier
    statement: str
    uris: bigquery.ArrayQueryParameter

    def start(self, warehouse: Warehouse) -> None:
        """Submit it and do not wait."""
        warehouse.start_once(self.statement, [self.uris], key=self.key, consumed=lambda: self._consumed(warehouse))

    def run(self, warehouse: Warehouse, deadline: float, progress: Callable[[float], None]) -> None:
        """Submit it, or attach to it, and wait for its end."""
        warehouse.run_once(
            self.statement,
            [self.uris],
            key=self.key,
            consumed=lambda: self._consumed(warehouse),
            deadline=deadline,
            progress=progress,
        )

    def _consumed(self, warehouse: Warehouse) -> bool:
        return warehouse.table(self.staging) is None


class _Run:
    """One run of the algorithm: its deadline, and what it says while it works."""

    def __init__(self, warehouse: Warehouse, work: Embeddings, say: Say) -> None:
        self._warehouse = warehouse
        self._work = work
        self._say = say
        self._deadline = time.monotonic() + work.deadline_minutes * 60

    def recover(self) -> bool:
        """Take over what an earlier run left behind: its running jobs, then its staging tables.

        Whether a job is still running, which happens only when this run is not to wait for it.
        """
        jobs = list(self._warehouse.running(self._work.job_prefix))
        for job in jobs if self._work.wait else ():
            self._say(f"an earlier run's job is still embedding; waiting for {job.job_id}")
            self._warehouse.finish(job, self._deadline, None)
        for staging in _staging_tables(self._warehouse, self._work.table):
            self._absorb(staging)
        return bool(jobs) and not self._work.wait

    def plan(self) -> Counts:
        """Where things stand, once it is known to be believable and affordable."""
        work = self._work
        counts = until_granted(lambda: count(self._warehouse, work), self._say)
        _guard_prune(work, counts)
        _guard_budget(work, counts)
        return counts

    def prune(self, counts: Counts) -> None:
        """Remove embeddings whose objects are gone; settle what an earlier run left open."""
        work = self._work
        if counts.stale:
            self._say(f"removing the embeddings of {counts.stale:,} deleted images")
            statement = sql.render("delete_stale", embeddings=work.table, object_table=work.object_table)
            self._warehouse.query(statement, _content_types(work))
        self.settle()

    def settle(self) -> None:
        """Forget failures that are over, and the embeddings of what changed into something that cannot be embedded."""
        work = self._work
        tables = {"failures": work.failures, "object_table": work.object_table, "embeddings": work.table}
        self._warehouse.query(sql.render("delete_settled_failures", **tables))
        self._warehouse.query(sql.render("delete_superseded", **tables))

    def embed(self, counts: Counts) -> bool:
        """Embed what is pending, a batch at a time. Whether nothing is left."""
        work, done, fruitless = self._work, counts.embedded, 0
        if counts.pending:
            quota = ENDPOINTS[work.endpoint].quota_in(work.location)
            self._say(
                f"embedding {counts.pending:,} images: about ${prices.estimate(work.endpoint, counts.pending):,.2f}, "
                f"{quota.minutes(counts.pending):.1f} minutes at {work.location}'s quota"
            )
        while batch := self._next_batch():
            if not work.wait:
                self._batch_job(batch).start(self._warehouse)
                return False
            if (retries := batch[0]["attempts"]) > 0:
                self._pause(BACKOFF_SECONDS[min(retries, len(BACKOFF_SECONDS)) - 1])
            gained, settled = self._run_batch(batch)
            done += gained
            self._say(f"embedded {done:,} of {counts.target:,}")
            fruitless = 0 if settled else fruitless + 1
            if fruitless >= work.max_attempts:
                raise self._stalled()
        return True

    def _next_batch(self) -> list[Row]:
        work = self._work
        statement = sql.render(
            "select_pending", object_table=work.object_table, embeddings=work.table, failures=work.failures
        )
        size = bigquery.ScalarQueryParameter("batch_size", "INT64", work.batch_size)
        return self._warehouse.query(statement, [*_selection(work), size])

    def _run_batch(self, batch: Sequence[Row]) -> tuple[int, bool]:
        """Embed one batch: images gained, and whether any row is settled that was not."""
        job = self._batch_job(batch)
        job.run(self._warehouse, self._deadline, self._ticker(len(batch)))
        tally = self._absorb(job.staging)
        failed_again = tally["total"] == len(batch) and tally["retryable"] == tally["total"]
        return tally["embedded"], not failed_again

    def _batch_job(self, batch: Sequence[Row]) -> _BatchJob:
        work = self._work
        rows = [f"{row['uri']}#{row['generation']}#{row['attempts']}" for row in batch]
        digest = hashlib.sha256("\n".join([work.model.path, str(work.dimension), *rows]).encode()).hexdigest()[:16]
        staging = work.staging(digest)
        statement = sql.render(
            "embed_batch",
            staging=staging,
            labels=sql.Labels(self._warehouse.labels),
            model=work.model,
            object_table=work.object_table,
            dimension=work.dimension,
        )
        uris = bigquery.ArrayQueryParameter("uris", "STRING", [row["uri"] for row in batch])
        return _BatchJob(f"{work.job_prefix}{digest}", staging, statement, uris)

    def _absorb(self, staging: Identifier) -> Row:
        """Move a staging table's rows to where they belong; doing it twice changes nothing."""
        work = self._work
        endpoint = Text(work.endpoint)
        self._warehouse.query(
            sql.render(
                "merge_batch", embeddings=work.table, staging=staging, endpoint=endpoint, dimension=work.dimension
            )
        )
        self._warehouse.query(
            sql.render("record_failures", failures=work.failures, staging=staging, dimension=work.dimension)
        )
        (tally,) = self._warehouse.query(sql.render("count_batch", staging=staging, dimension=work.dimension))
        self._warehouse.drop_table(staging)
        return tally

    def _pause(self, seconds: float) -> None:
        if time.monotonic() + seconds > self._deadline:
            raise DeadlinePassed(
                f"The deadline of {self._work.deadline_minutes:g} minutes passed with images still failing.",
                "Run `pulumi up` again: it goes on from here. embedding.deadlineMinutes sets the deadline.",
            )
        time.sleep(seconds)

    def _ticker(self, rows: int) -> Callable[[float], None]:
        """A progress callback that speaks now and then."""
        spoken = 0.0

        def tick(waited: float) -> None:
            nonlocal spoken
            if waited - spoken >= PROGRESS_SECONDS:
                spoken = waited
                self._say(f"embedding a batch of {rows:,} images ({waited:.0f} s so far)")

        return tick

    def _stalled(self) -> Stalled:
        left = count(self._warehouse, self._work)
        rows = self._warehouse.query(sql.render("commonest_failure", failures=self._work.failures))
        status = f"{rows[0]['status']!r} ({rows[0]['images']:,} images)" if rows else "unknown"
        return Stalled(
            f"{self._work.max_attempts} rounds went by without one more image: {left.embedded:,} of {left.target:,} "
            f"are embedded, {left.set_aside:,} set aside, {left.pending:,} pending; the commonest status is {status}.",
            "What was embedded is kept. Look at the quota of the endpoint and run again; embedding.maxAttempts sets "
            "how many such rounds are allowed.",
        )


def _guard_prune(work: Embeddings, counts: Counts) -> None:
    if counts.stored and counts.stale / counts.stored > work.max_prune_fraction:
        raise PruneRefused(
            f"{counts.stale:,} of {counts.stored:,} embedded images are gone from the bucket "
            f"({counts.stale / counts.stored:.0%}), more than embedding.maxPruneFraction = {work.max_prune_fraction:g} "
            "allows; nothing was deleted.",
            "If that is right, raise embedding.maxPruneFraction for one run. If not, check images.uris and the bucket.",
        )


def _guard_budget(work: Embeddings, counts: Counts) -> None:
    dollars = prices.estimate(work.endpoint, counts.pending)
    if dollars > work.budget_usd:
        raise OverBudget(
            f"Embedding {counts.pending:,} images costs about ${dollars:,.{2 if dollars >= 1 else 4}f}, over embedding.budgetUsd = "
            f"{work.budget_usd:g}; nothing was paid.",
            "Raise embedding.budgetUsd, or lower images.limit.",
        )


def _check(warehouse: Warehouse, work: Embeddings, counts: Counts) -> None:
    """Raises InvariantBroken unless every target image is embedded or set aside, once and at one length."""
    statement = sql.render(
        "check_embeddings", embeddings=work.table, dimension=work.dimension, endpoint=Text(work.endpoint)
    )
    (row,) = warehouse.query(statement)
    broken = {name: number for name, number in row.items() if number}
    if broken:
        raise InvariantBroken(
            f"{work.table.path} is not what it must be: {broken}.",
            "Somebody else wrote to it. Drop the table and run `pulumi up`: it embeds everything anew.",
        )
    if counts.target != counts.embedded + counts.set_aside and counts.settled:
        raise InvariantBroken(f"{counts} does not add up.", "This is a defect of the program; please report it.")


def _staging_tables(warehouse: Warehouse, embeddings: Identifier) -> list[Identifier]:
    dataset, prefix = Identifier(embeddings.parts[:-1]), _staging_prefix(embeddings)
    return [
        Identifier((*dataset.parts, item.table_id))
        for item in warehouse.tables(dataset)
        if item.table_id.startswith(prefix) and ownership.is_ours(item.labels, warehouse.labels)
    ]


def _staging_prefix(embeddings: Identifier) -> str:
    return f"{embeddings.parts[-1]}_staging_"


def _content_types(work: Embeddings) -> list[bigquery.ArrayQueryParameter]:
    return [bigquery.ArrayQueryParameter("content_types", "STRING", list(work.content_types))]


def _selection(work: Embeddings) -> list[Any]:
    limit = bigquery.ScalarQueryParameter("target_limit", "INT64", work.limit or NO_LIMIT)
    return [*_content_types(work), limit]
