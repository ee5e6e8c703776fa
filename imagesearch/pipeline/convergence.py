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
from functools import partial
from typing import TypeVar

from imagesearch.errors import DeadlinePassed, InvariantBroken, OverBudget, Stalled
from imagesearch.gcp import grants, sql
from imagesearch.gcp.bigquery import Row, Warehouse
from imagesearch.gcp.clients import bigquery
from imagesearch.gcp.grants import Say, until_granted
from imagesearch.gcp.sql import Identifier, Text
from imagesearch.pipeline import plan, progress, spend
from imagesearch.pipeline.embeddings import (
    Counts,
    Embeddings,
    content_type_parameters,
    count,
    selection_parameters,
    staging_tables,
)
from imagesearch.pipeline.progress import Meter, Show
from imagesearch.settings import prices

BACKOFF_SECONDS = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0)
"""Waits before rows that failed are tried again; the last one goes on."""

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Outcome:
    """What a run came to."""

    counts: Counts
    added: int
    updated: int
    deleted: int
    complete: bool


def converge(warehouse: Warehouse, work: Embeddings, say: Say, show: Show | None = None) -> Outcome:
    """Bring the embeddings to the truth of the bucket. `show` sees how far it is; without one, `say` is told in lines.

    Raises PruneRefused or OverBudget before anything is changed, and Stalled or DeadlinePassed with everything kept
    that was embedded; InvariantBroken when the tables are not what they must be.
    """
    run = _Run(warehouse, work, say, show or progress.lines(say))
    busy = run.recover()
    before = run.plan()
    if not before.settled(work):
        say(plan.work(work, before))
    run.prune(before)
    complete = not busy and run.embed(before)
    if before.pending:
        run.settle()
    after = count(warehouse, work)
    if complete:
        _check(warehouse, work, after)
    deleted = before.stale + (before.beyond_limit if work.prune_to_limit else 0)
    return Outcome(
        after,
        added=max(after.stored - before.stored + deleted, 0),
        updated=max(before.changed - after.changed, 0),
        deleted=deleted,
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

    def __init__(self, warehouse: Warehouse, work: Embeddings, say: Say, show: Show) -> None:
        self._warehouse = warehouse
        self._work = work
        self._say = say
        self._show = show
        began = time.monotonic()
        self._deadline = began + work.deadline_minutes * 60
        self._granted_by = began + grants.PROPAGATION_DEADLINE

    def recover(self) -> bool:
        """Take over what an earlier run left behind: its running jobs, then its staging tables.

        Whether a job is still running, which happens only when this run is not to wait for it.
        """
        jobs = list(self._warehouse.running(self._work.job_prefix))
        for job in jobs if self._work.wait else ():
            self._say(f"an earlier run's job is still embedding; waiting for {job.job_id}")
            self._warehouse.finish(job, self._deadline, self._ticker(job.job_id))
        last = spend.counted(self._warehouse, self._work.table)
        staging = staging_tables(self._warehouse, self._work.table)
        for table in sorted(staging, key=lambda name: not spend.is_counted(name, last)):  # before another is counted
            self._absorb(table)
        return bool(jobs) and not self._work.wait

    def plan(self) -> Counts:
        """Where things stand, once it is known to be believable and affordable."""
        work = self._work
        counts = self._granted(lambda: count(self._warehouse, work))
        for refusal in plan.refusals(work, counts):
            raise refusal
        return counts

    def prune(self, counts: Counts) -> None:
        """Remove embeddings whose objects are gone; settle what an earlier run left open."""
        work = self._work
        if counts.stale:
            self._say(f"removing the embeddings of {counts.stale:,} deleted images")
            statement = sql.render("delete_stale", embeddings=work.table, object_table=work.object_table)
            self._warehouse.query(statement, content_type_parameters(work))
        if work.prune_to_limit and counts.beyond_limit:
            self._say(f"removing {counts.beyond_limit:,} embeddings beyond images.limit")
            self._warehouse.query(
                sql.render("delete_beyond_limit", embeddings=work.table), selection_parameters(work)[1:]
            )
        self.settle()

    def settle(self) -> None:
        """Forget failures that are over, and the embeddings of what changed into something that cannot be embedded."""
        work = self._work
        tables = {"failures": work.failures, "object_table": work.object_table, "embeddings": work.table}
        self._warehouse.query(sql.render("delete_settled_failures", **tables))
        self._warehouse.query(sql.render("delete_superseded", **tables))

    def embed(self, counts: Counts) -> bool:
        """Embed what is pending, a batch at a time. Whether nothing is left."""
        work, fruitless, charged = self._work, 0, 0
        meter = progress.Meter(work, counts, self._show)
        while batch := self._next_batch():
            if not work.wait:
                self._batch_job(batch).start(self._warehouse)
                return False
            if (retries := batch[0]["attempts"]) > 0:
                self._pause(BACKOFF_SECONDS[min(retries, len(BACKOFF_SECONDS)) - 1])
            _guard_spending(work, charged, len(batch))
            tally = self._run_batch(batch, meter)
            meter.ended(tally)
            charged += tally["total"] - tally["retryable"]
            fruitless = 0 if tally["total"] > tally["retryable"] or self._may_be_granted_yet(tally) else fruitless + 1
            if fruitless >= work.max_attempts:
                raise self._stalled()
        return True

    def _next_batch(self) -> list[Row]:
        work = self._work
        statement = sql.render(
            "select_pending", object_table=work.object_table, embeddings=work.table, failures=work.failures
        )
        size = bigquery.ScalarQueryParameter("batch_size", "INT64", work.batch_size)
        return self._warehouse.query(statement, [*selection_parameters(work), size])

    def _run_batch(self, batch: Sequence[Row], meter: Meter) -> Row:
        """Embed one batch: how many rows are embedded, retryable, refused, in total."""
        job = self._batch_job(batch)
        watch = partial(meter.running, len(batch))
        self._granted(lambda: job.run(self._warehouse, self._deadline, watch))
        return self._absorb(job.staging)

    def _may_be_granted_yet(self, tally: Row) -> bool:
        """Whether every row was refused, and the grant of reading the bucket may still be on its way."""
        return tally["refused"] == tally["total"] > 0 and time.monotonic() < self._granted_by

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
        (tally,) = self._warehouse.query(sql.render("count_batch", staging=staging, dimension=work.dimension))
        _refuse_misfits(work, staging, tally)
        self._warehouse.query(
            sql.render("record_failures", failures=work.failures, staging=staging, dimension=work.dimension)
        )
        spend.add(self._warehouse, work.table, staging, tally["embedded"])
        self._warehouse.drop_table(staging)
        return tally

    def _granted(self, attempt: Callable[[], _Result]) -> _Result:
        """The result of `attempt`, once the connection may read the bucket and use the endpoint."""
        return until_granted(
            attempt,
            self._say,
            project=self._work.model.parts[0],
            uris=lambda: self._warehouse.source_uris(self._work.object_table),
        )

    def _pause(self, seconds: float) -> None:
        if time.monotonic() + seconds > self._deadline:
            raise DeadlinePassed(
                f"The deadline of {self._work.deadline_minutes:g} minutes passed with images still failing.",
                "Run `pulumi up` again: it goes on from here. embedding.deadlineMinutes sets the deadline.",
            )
        time.sleep(seconds)

    def _ticker(self, job: str) -> Callable[[float], None]:
        """A progress callback that speaks now and then."""
        spoken, spacing = 0.0, progress.interval()

        def tick(waited: float) -> None:
            nonlocal spoken
            if waited - spoken >= spacing:
                spoken = waited
                self._say(f"waiting for {job} ({progress.duration(waited)} so far)")

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


def _guard_spending(work: Embeddings, charged: int, more: int) -> None:
    """The plan was within the budget; what a run really has embedded must be, too, whatever is pending by then."""
    dollars = prices.estimate(work.endpoint, charged + more)
    if dollars > work.budget_usd:
        raise OverBudget(
            f"This run has had {charged:,} images embedded, and {more:,} more come to about {prices.words(dollars)}, "
            f"over embedding.budgetUsd = {work.budget_usd:g}: more are pending than were planned.",
            "What was embedded is kept. If the bucket is growing, run `pulumi up` again with a larger budget.",
        )


def _refuse_misfits(work: Embeddings, staging: Identifier, tally: Row) -> None:
    """Raises InvariantBroken when the service gave a whole batch another length: no image is at fault."""
    if tally.get("misfits", 0) == tally["total"] > 0:
        raise InvariantBroken(
            f"{work.endpoint} gave none of {tally['total']:,} images {work.dimension} numbers, and no error.",
            f"They are kept in {staging.path}: look at their length. Drop that table once embedding.dimension fits.",
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
    if counts.target != counts.embedded + counts.set_aside and counts.settled(work):
        raise InvariantBroken(f"{counts} does not add up.", "This is a defect of the program; please report it.")
