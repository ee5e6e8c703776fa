"""Convergence: every run makes the embeddings what the bucket and the settings call for, and pays for nothing twice.

    object table ── pending ──> batch ── AI.GENERATE_EMBEDDING ──> staging table ── absorb ──> embeddings, failures

What was paid for is in a staging table before anything else happens. A run first waits for the jobs of earlier runs
and absorbs their staging tables; only then does it plan, refuse what is suspicious or too expensive, and go on. Rows
that failed for good are set aside until their object changes; the others are tried again. The statements are in
embeddings.py, the limits in limits.py; docs/architecture.md explains why the steps are in this order.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from imagesearch.gcp import grants
from imagesearch.gcp.bigquery import Warehouse
from imagesearch.gcp.grants import Say
from imagesearch.pipeline import limits, plan, progress
from imagesearch.pipeline.embeddings import Batch, Counts, EmbeddingsSpec, EmbeddingStore, Tally
from imagesearch.pipeline.limits import Limits
from imagesearch.pipeline.progress import Meter, Show

BACKOFF_SECONDS = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0)
"""Waits before rows that failed are tried again, by how often they have failed; the last one for all further times."""

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Outcome:
    """What a run came to. All numbers are images."""

    counts: Counts
    added: int
    updated: int
    deleted: int
    complete: bool


def converge(warehouse: Warehouse, spec: EmbeddingsSpec, say: Say, show: Show | None = None) -> Outcome:
    """Bring the embeddings up to date. `show` sees how far the run is; without one, `say` is told in lines.

    Raises PruneRefused or OverBudget before anything is changed, and Stalled or DeadlinePassed with everything kept
    that was embedded; InvariantBroken when the tables are not what they must be.
    """
    run = _Run(EmbeddingStore(warehouse, spec), say, show or progress.lines(say))
    recovered = run.recover()
    before = run.plan()
    run.prune(before)
    complete = recovered and run.embed(before)
    if before.pending:
        run.settle()
    after = run.check(complete)
    deleted = before.to_delete(spec)
    return Outcome(
        after,
        added=max(after.stored - before.stored + deleted, 0),
        updated=max(before.changed - after.changed, 0),
        deleted=deleted,
        complete=complete,
    )


class _Run:
    """One run of the algorithm, step by step."""

    def __init__(self, store: EmbeddingStore, say: Say, show: Show) -> None:
        self._store = store
        self._spec = store.spec
        self._say = say
        self._show = show
        self._limits = Limits(store.spec)
        self._granted_by = time.monotonic() + grants.PROPAGATION_DEADLINE

    def recover(self) -> bool:
        """Wait for the jobs of earlier runs, and absorb their staging tables.

        False when a job is still running, which happens only when this run is not to wait.
        """
        jobs = list(self._store.running_jobs())
        for job in jobs if self._spec.wait else ():
            self._say(f"an earlier run's job is still embedding; waiting for {job.job_id}")
            self._store.warehouse.finish(job, self._limits.deadline, progress.ticker(self._say, job.job_id))
        for staging in self._store.staging_tables():
            self._store.absorb(staging)
        return self._spec.wait or not jobs

    def plan(self) -> Counts:
        """The counts, once they are known to be plausible and affordable."""
        counts = self._until_granted(self._store.count)
        for refusal in limits.refusals(self._spec, counts):
            raise refusal
        if not counts.settled(self._spec):
            self._say(plan.summary(self._spec, counts))
        return counts

    def prune(self, counts: Counts) -> None:
        """Delete embeddings whose objects are gone; settle what an earlier run left open."""
        if counts.stale:
            self._say(f"removing the embeddings of {counts.stale:,} deleted images")
            self._store.delete_stale()
        if self._spec.prune_to_limit and counts.beyond_limit:
            self._say(f"removing {counts.beyond_limit:,} embeddings beyond images.limit")
            self._store.delete_beyond_limit()
        self.settle()

    def embed(self, counts: Counts) -> bool:
        """Embed what is pending, a batch at a time. Whether nothing is left."""
        meter = Meter(self._spec, counts, self._show)
        while batch := self._store.pending():
            if not self._spec.wait:
                self._store.job(batch).start()
                return False
            if batch.attempts > 0:
                self._limits.sleep(BACKOFF_SECONDS[min(batch.attempts, len(BACKOFF_SECONDS)) - 1])
            self._limits.allow(len(batch))
            tally = self._embed_batch(batch, meter)
            meter.ended(tally)
            if not self._limits.note(tally, excused=self._grant_may_be_late(tally)):
                raise limits.stalled(self._spec, self._store.count(), self._store.commonest_failure())
        return True

    def settle(self) -> None:
        """Forget failures that are over, and what changed into something that cannot be embedded."""
        self._store.settle()

    def check(self, complete: bool) -> Counts:
        """The counts in the end. Raises InvariantBroken when they cannot be right."""
        counts = self._store.count()
        if complete:
            self._store.check(counts)
        return counts

    def _embed_batch(self, batch: Batch, meter: Meter) -> Tally:
        job = self._store.job(batch)
        self._until_granted(lambda: job.run(self._limits.deadline, partial(meter.running, len(batch))))
        return self._store.absorb(job.staging)

    def _grant_may_be_late(self, tally: Tally) -> bool:
        """Whether every image was refused while the grant of reading the bucket may not act yet."""
        return tally.refused == tally.total > 0 and time.monotonic() < self._granted_by

    def _until_granted(self, attempt: Callable[[], _Result]) -> _Result:
        """The result of `attempt`, once the connection may read the bucket and use the endpoint."""
        return grants.until_granted(
            attempt,
            self._say,
            project=self._spec.model.parts[0],
            uris=lambda: self._store.warehouse.source_uris(self._spec.object_table),
        )
