"""Jobs: accepted, run in threads, stored.

Sources: https://cloud.google.com/bigquery/docs/reference/rest/v2/Job and docs/bigquery-contract.md, "10. Errors and
jobs".

    insert -> PENDING -> RUNNING -> DONE      state and times are answered by jobs.get at any moment

What survives a killed server: a job is persisted before its id is sent to any client, and its DONE state is written in
the transaction that writes what the statement did. A job found unfinished at start has therefore written nothing and
becomes a failed one (jobInternalError, which tells clients to retry under a new id). A client of jobs.query learns the
id when the job has ended, as a rule; so the accepted job is persisted only when its timeout ends first, or when another
request reads the job before.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field

import duckdb

from localcloud.apis.bigquery.job_order import JobOrder
from localcloud.apis.bigquery.job_resources import Failure, Job, JobResources, Result
from localcloud.apis.bigquery.query_configuration import statement_of
from localcloud.core.disk import full, require_room
from localcloud.core.errors import ApiError, duplicate, invalid, not_found
from localcloud.core.ports import Engine, Outcome
from localcloud.core.store import Document, Transaction
from localcloud.http.context import Context
from localcloud.http.rest import canonical_location

_LOG = logging.getLogger(__name__)
_MAX_RUNNING = 16
_EXPIRY_INTERVAL = 3600.0
"""Seconds between searches for expired results."""
#: Choice: a bug of the local cloud carries a reason that no client retries, so that it is seen at once.
INTERNAL = "localCloudError"
#: Where a job is searched when the request names no location (jobs.get, parameter `location`).
_MULTI_REGIONS = ("US", "EU")
#: Kinds of documents: a job, and one whose id a client was given while it ran. Two, since the transaction in which a
#: statement runs does not see, and cannot replace, what was written after it began.
_PERSISTED, _ANNOUNCED = "job", "job_shown"


@dataclass
class _LiveJob:
    """A job that has not ended; only its thread changes `resource`."""

    resource: Document
    member: str
    kind: str
    """Of the document that says it was accepted."""
    persisted: bool = False
    """Whether that document is in the store; changed under `persisting`."""
    persisting: threading.Lock = field(default_factory=threading.Lock)
    cancelled: threading.Event = field(default_factory=threading.Event)
    stop_reason: str = "User requested cancellation"
    ended: Future[None] = field(default_factory=Future)
    answer: Callable[[Job], bytes] | None = None
    answered: Future[bytes] = field(default_factory=Future)


class Jobs:
    """All jobs of the local cloud. Thread-safe."""

    def __init__(self, context: Context, engine: Engine) -> None:
        self._context = context
        self._store = context.store
        self._resources = JobResources(context)
        self.engine = engine
        self._pool = ThreadPoolExecutor(_MAX_RUNNING, thread_name_prefix="job")
        self._live: dict[str, _LiveJob] = {}
        self._accepting = threading.Lock()
        self._order = JobOrder()
        self._unpersisted: dict[str, Job] = {}
        """Jobs that failed and whose end could not be written (full disk); a restart finds them unfinished."""
        self._last_expiry = 0.0
        self._expiring: Future[None] = Future()
        self._expiring.set_result(None)
        self._recover()

    def insert(self, project: str, reference: Document, configuration: Document, location: str, member: str) -> Job:
        """Accept a query job; it runs by itself. Raises ApiError: duplicate when the id was accepted before,
        quotaExceeded while the disk is full."""
        live = self._accept(project, reference, configuration, location, member, _PERSISTED)
        name = live.resource["id"]
        try:
            self._persist(name, live)
        except BaseException:
            del self._live[name]
            raise
        self._start(name, live)
        return self._snapshot(live)

    def insert_with_answer(
        self,
        reference: Document,
        project: str,
        configuration: Document,
        location: str,
        member: str,
        answer: Callable[[Job], bytes],
    ) -> tuple[Job, Future[bytes]]:
        """As `insert`, for a caller that waits for the end; does not wait for the disk. The future has what `answer`
        returned, or raised, for the job when it had ended."""
        live = self._accept(project, reference, configuration, location, member, _ANNOUNCED)
        live.answer = answer
        seen = self._snapshot(live)
        self._start(live.resource["id"], live)
        return seen, live.answered

    def _accept(
        self, project: str, reference: Document, configuration: Document, location: str, member: str, kind: str
    ) -> _LiveJob:
        require_room(self._context.home)
        job_id = reference.get("jobId") or f"job_{uuid.uuid4().hex}"
        resource = self._resources.pending(project, job_id, location, configuration, member)
        name = resource["id"]
        live = _LiveJob(resource, member, kind)
        with self._accepting:
            if name in self._live or self._store.has(_PERSISTED, name):
                raise duplicate(f"Already Exists: Job {name}")
            self._live[name] = live
        return live

    def _start(self, name: str, live: _LiveJob) -> None:
        self._order.add(live.resource)
        self._pool.submit(self._run, name, live)
        self._expire_in_background()

    def dry_run(self, project: str, configuration: Document, location: str, member: str) -> Job:
        """Check a query and answer what it would do. Nothing is remembered. Raises ApiError."""
        resource = self._resources.pending(project, "", location, configuration, member)
        resource["jobReference"] = {"projectId": project, "location": location}
        statement = statement_of(resource, member, threading.Event())
        outcome = self.engine.run(statement, lambda change, outcome: None)
        done = self._resources.succeeded(resource, outcome).resource
        done["statistics"]["query"]["schema"] = outcome.schema
        return Job(done, Result(None, outcome.schema, 0))

    def get(self, project: str, job_id: str, location: str | None) -> Job:
        """The job. Raises ApiError notFound, also when it ran in another location."""
        places = (canonical_location(location),) if location else _MULTI_REGIONS
        for place in places:
            job = self._find(f"{project}:{place}.{job_id}")
            if job:
                return job
        raise not_found(f"Not found: Job {project}:{f'{places[0]}.' if location else ''}{job_id}")

    def newest(
        self, project: str, after: str, wanted: Callable[[Job], bool], count: int
    ) -> tuple[list[tuple[str, Job]], bool]:
        """Up to `count` wanted jobs of the project, the newest first, each with its key; and whether there are more.
        `after`: the key of the last one that was had before, or nothing."""
        found: list[tuple[str, Job]] = []
        for key, name in self._order.after(project, after):
            job = self._find(name)
            if job and wanted(job):
                if len(found) == count:
                    return found, True
                found.append((key, job))
        return found, False

    def states(self) -> dict[str, int]:
        """How many jobs are in each state."""
        live = [str(each.resource["status"]["state"]) for each in list(self._live.values())]
        done = sum(name not in self._live for name, _ in self._store.texts(_PERSISTED))
        return dict(Counter(live) + Counter(DONE=done))

    def ended(self, job: Job) -> Future[None] | None:
        """Completes when the job ends; None when it has ended."""
        live = self._live.get(job.resource["id"])
        return live.ended if live else None

    def cancel(self, project: str, job_id: str, location: str | None) -> Job:
        """Ask the job to end; it does so soon after. A job that has ended stays as it is."""
        job = self.get(project, job_id, location)
        live = self._live.get(job.resource["id"])
        if live:
            live.cancelled.set()
        return job

    def delete(self, project: str, job_id: str, location: str | None) -> None:
        """Delete an ended job and its anonymous result table. Raises ApiError."""
        job = self.get(project, job_id, location)
        if not job.done:
            raise invalid(f"Cannot delete job {job.resource['id']}: it is not in state DONE")
        with self._store.transaction() as change:
            self._drop_results(change, job)
            change.delete(_PERSISTED, job.resource["id"])
        self._order.remove(job.resource)

    def stop(self, timeout: float) -> None:
        """Cancel all running jobs and wait up to `timeout` seconds for them."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        running = list(self._live.values())
        for live in running:
            live.stop_reason = "the local cloud is shutting down"
            live.cancelled.set()
        wait([self._expiring, *(live.ended for live in running)], timeout=timeout)

    def expire_results(self, age: float = 24 * 3600.0) -> None:
        """Drop anonymous result tables older than `age` seconds, as the service does after about a day."""
        limit = self._context.clock.millis() - age * 1000
        with self._store.transaction() as change:
            for name, document in change.list(_PERSISTED):
                job = Job.from_document(document)
                if job.result and int(job.resource["statistics"]["endTime"]) < limit:
                    self._drop_results(change, job)
                    gone = not_found(f"Not found: the answer of job {name} has expired; answers are kept for a day")
                    change.put(_PERSISTED, name, Job(job.resource, failure=Failure.of(gone)).document())

    def _expire_in_background(self) -> None:
        """Drop expired results once in an hour, in the background."""
        now = self._context.clock.time()
        if now - self._last_expiry > _EXPIRY_INTERVAL:
            self._last_expiry = now
            self._expiring = self._pool.submit(self.expire_results)

    def _run(self, name: str, live: _LiveJob) -> None:
        live.resource["status"] = {"state": "RUNNING"}
        live.resource["statistics"]["startTime"] = str(self._context.clock.millis())
        self._limit_time(live)

        def commit(change: Transaction, outcome: Outcome) -> None:
            self._inject_fault(live, "after")
            self._end(change, name, live, self._resources.succeeded(live.resource, outcome))

        try:
            if live.cancelled.is_set():
                raise _cancellation(live)
            self._inject_fault(live, "before")
            self.engine.run(statement_of(live.resource, live.member, live.cancelled), commit)
        except ApiError as error:
            self._fail(name, live, _cancellation(live) if live.cancelled.is_set() else full(error.__cause__) or error)
        except Exception as error:
            _LOG.exception("job %s", name)
            bug = ApiError(500, INTERNAL, f"The local cloud failed: {type(error).__name__}: {error}")
            failure = full(error) or bug
            self._fail(name, live, _cancellation(live) if live.cancelled.is_set() else failure)
        finally:
            self._finish(name, live)
            live.ended.set_result(None)
            self._publish(name, live)

    def _end(self, change: Transaction, name: str, live: _LiveJob, job: Job) -> None:
        change.put(_PERSISTED, name, job.document())
        if live.persisted and live.kind == _ANNOUNCED:
            change.delete(_ANNOUNCED, name)

    def _persist(self, name: str, live: _LiveJob) -> None:
        """Store the accepted job, before any client is given its id."""
        with live.persisting:
            if not live.persisted:
                with self._store.transaction() as change:
                    change.put(live.kind, name, self._snapshot(live).document())
                live.persisted = True

    def _finish(self, name: str, live: _LiveJob) -> None:
        with live.persisting:
            live.persisted = True  # from now on `_find` reads the document that says how it ended
            del self._live[name]
            # Announced while its end was being written:
            if self._store.has(_ANNOUNCED, name) and self._store.has(_PERSISTED, name):
                with suppress(duckdb.Error), self._store.transaction() as change:
                    change.delete(_ANNOUNCED, name)

    def _publish(self, name: str, live: _LiveJob) -> None:
        if live.answer is None or not live.answered.set_running_or_notify_cancel():
            return
        try:
            job = self._find(name)
            if job is None:
                raise not_found(f"Not found: Job {name}")
            live.answered.set_result(live.answer(job))
        except BaseException as error:
            live.answered.set_exception(error)

    def _find(self, name: str) -> Job | None:
        """The job as a client is told of it; a running one is persisted first."""
        live = self._live.get(name)
        if live:
            self._persist(name, live)
            return self._snapshot(live)
        if name in self._unpersisted:
            return self._unpersisted[name]
        document = self._store.get(_PERSISTED, name)
        return Job.from_document(document) if document else None

    def _inject_fault(self, live: _LiveJob, when: str) -> None:
        """Apply the fault plan to the job. Raises ApiError."""
        fault = self._context.faults.of_job(live.resource["jobReference"]["jobId"], when)
        if fault is None:
            return
        if fault.kill:
            os.kill(os.getpid(), signal.SIGKILL)
        raise fault.error()

    def _limit_time(self, live: _LiveJob) -> None:
        milliseconds = int(live.resource["configuration"].get("jobTimeoutMs") or 0)
        if not milliseconds:
            return

        deadline = self._context.clock.time() + milliseconds / 1000
        ended = threading.Event()
        live.ended.add_done_callback(lambda _: ended.set())

        def watch() -> None:
            # Not `clock.wait`: at speed 0 that would move the clock to the deadline by itself.
            while not ended.wait(0.05):
                if self._context.clock.time() >= deadline:
                    live.stop_reason = f"Job timed out after {milliseconds / 1000:g} sec"
                    live.cancelled.set()
                    return

        threading.Thread(target=watch, name="job-timeout", daemon=True).start()

    def _fail(self, name: str, live: _LiveJob, error: ApiError) -> None:
        job = self._resources.failed(live.resource, error)
        try:
            with self._store.transaction() as change:
                self._end(change, name, live, job)
        except duckdb.Error:  # the disk is full; waiting requests must still be answered
            _LOG.exception("the end of job %s was not persisted", name)
            self._unpersisted[name] = job

    def _recover(self) -> None:
        error = ApiError(
            400, "jobInternalError", "The job encountered an internal error: the local cloud was ended while it ran."
        )
        with self._store.transaction() as change:
            for name, document in change.list(_ANNOUNCED):
                if not change.has(_PERSISTED, name):
                    change.put(_PERSISTED, name, document)
                change.delete(_ANNOUNCED, name)
            for name, document in change.list(_PERSISTED):
                self._order.add(document["resource"])
                if not Job.from_document(document).done:
                    change.put(_PERSISTED, name, self._resources.failed(document["resource"], error).document())

    def _snapshot(self, live: _LiveJob) -> Job:
        return Job({**live.resource, "statistics": dict(live.resource["statistics"])})

    def _drop_results(self, change: Transaction, job: Job) -> None:
        table = job.result.table if job.result else None
        if table and table[0] == "localcloud_results":
            change.sql.execute(f'DROP TABLE IF EXISTS "{table[0]}"."{table[1]}"')


def _cancellation(live: _LiveJob) -> ApiError:
    return ApiError(400, "stopped", f"Job execution was cancelled: {live.stop_reason}")
