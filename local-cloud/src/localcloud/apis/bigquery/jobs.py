"""Jobs: accepted, run in threads, remembered (contract section 10; https://cloud.google.com/bigquery/docs/reference/rest/v2/Job).

    insert -> PENDING -> RUNNING -> DONE      state and times are answered by jobs.get at any moment

What survives a killed server: a job is durable before anybody is told of it, and its DONE is written in the transaction
that writes what the statement did. A job found unfinished at start has therefore written nothing and becomes a failed
one (jobInternalError, which tells clients to retry under a new id). Who asks jobs.query is told of a job when it has
ended, as a rule; so its job is kept as accepted only when that takes too long, or when somebody else looks before.
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
from localcloud.apis.bigquery.job_resources import JobResources, failure
from localcloud.apis.bigquery.query_configuration import statement_of
from localcloud.core.disk import full, require_room
from localcloud.core.errors import ApiError, duplicate, invalid, not_found
from localcloud.core.ports import Engine, Outcome
from localcloud.core.store import Document, Transaction
from localcloud.http.context import Context
from localcloud.http.rest import canonical_location

_LOG = logging.getLogger(__name__)
_AT_ONCE = 16
_SWEEP = 3600.0
"""Seconds between looks for expired answers."""
#: Choice: a bug of the local cloud carries a reason that no client retries, so that it is seen at once.
INTERNAL = "localCloudError"
#: Where a job is looked for when the request names no location (jobs.get, parameter `location`).
_MULTI_REGIONS = ("US", "EU")
#: Kinds of documents: a job, and one that was told of while it ran. Two, since the transaction in which a statement
#: runs does not see, and cannot replace, what was written after it began.
_KEPT, _SHOWN = "job", "job_shown"


@dataclass(frozen=True)
class Job:
    """One job as it is now: the REST resource, and where its answer is."""

    resource: Document
    result: Document | None = None
    """{"table": [schema, name] | None, "schema": {...}, "totalRows": n}; None until it is DONE without error."""
    error: Document | None = None
    """{"code", "reason", "message"} of a job that failed."""

    @property
    def done(self) -> bool:
        return bool(self.resource["status"]["state"] == "DONE")

    def raise_error(self) -> None:
        """Raise what the statement failed with, under its own HTTP code."""
        if self.error:
            raise ApiError(**self.error)


@dataclass
class _Live:
    """A job that has not ended; only its thread changes `resource`."""

    resource: Document
    member: str
    kind: str
    """Of the document that says it was accepted."""
    kept: bool = False
    """Whether that document is durable; changed under `keeping`."""
    keeping: threading.Lock = field(default_factory=threading.Lock)
    cancelled: threading.Event = field(default_factory=threading.Event)
    stopped: str = "User requested cancellation"
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
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="job")
        self._live: dict[str, _Live] = {}
        self._accepting = threading.Lock()
        self._order = JobOrder()
        self._unkept: dict[str, Document] = {}
        """Jobs that failed and whose end could not be written; a restart finds them unfinished."""
        self._swept = 0.0
        self._sweeping: Future[None] = Future()
        self._sweeping.set_result(None)
        self._recover()

    def insert(self, project: str, reference: Document, configuration: Document, location: str, member: str) -> Job:
        """Accept a query job; it runs by itself. Raises ApiError: duplicate when the id was accepted before,
        quotaExceeded while the disk is full."""
        live = self._accept(project, reference, configuration, location, member, _KEPT)
        name = live.resource["id"]
        try:
            self._keep(name, live)
        except BaseException:
            del self._live[name]
            raise
        self._start(name, live)
        return self._seen(live)

    def ask(
        self,
        reference: Document,
        project: str,
        configuration: Document,
        location: str,
        member: str,
        answer: Callable[[Job], bytes],
    ) -> tuple[Job, Future[bytes]]:
        """As `insert`, for who waits for the end; does not wait for the disk. The second is what `answer` made of the
        job when it had ended, or raised."""
        live = self._accept(project, reference, configuration, location, member, _SHOWN)
        live.answer = answer
        seen = self._seen(live)
        self._start(live.resource["id"], live)
        return seen, live.answered

    def _accept(
        self, project: str, reference: Document, configuration: Document, location: str, member: str, kind: str
    ) -> _Live:
        require_room(self._context.home)
        job_id = reference.get("jobId") or f"job_{uuid.uuid4().hex}"
        resource = self._resources.pending(project, job_id, location, configuration, member)
        name = resource["id"]
        live = _Live(resource, member, kind)
        with self._accepting:
            if name in self._live or self._store.has(_KEPT, name):
                raise duplicate(f"Already Exists: Job {name}")
            self._live[name] = live
        return live

    def _start(self, name: str, live: _Live) -> None:
        self._order.add(live.resource)
        self._pool.submit(self._run, name, live)
        self._sweep()

    def dry_run(self, project: str, configuration: Document, location: str, member: str) -> Job:
        """Check a query and answer what it would do. Nothing is remembered. Raises ApiError."""
        resource = self._resources.pending(project, "", location, configuration, member)
        resource["jobReference"] = {"projectId": project, "location": location}
        statement = statement_of(resource, member, threading.Event())
        outcome = self.engine.run(statement, lambda change, outcome: None)
        done = self._resources.succeeded(resource, outcome)
        done["statistics"]["query"]["schema"] = outcome.schema
        return Job(done, {"table": None, "schema": outcome.schema, "totalRows": 0})

    def get(self, project: str, job_id: str, location: str | None) -> Job:
        """The job. Raises ApiError notFound, also when it ran in another location."""
        places = (canonical_location(location),) if location else _MULTI_REGIONS
        for place in places:
            job = self._named(f"{project}:{place}.{job_id}")
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
            job = self._named(name)
            if job and wanted(job):
                if len(found) == count:
                    return found, True
                found.append((key, job))
        return found, False

    def states(self) -> dict[str, int]:
        """How many jobs are in each state."""
        live = [str(each.resource["status"]["state"]) for each in list(self._live.values())]
        done = sum(name not in self._live for name, _ in self._store.texts(_KEPT))
        return dict(Counter(live) + Counter(DONE=done))

    def ended(self, job: Job) -> Future[None] | None:
        """What a waiting request waits for; None when the job has ended."""
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
        """Forget an ended job and its anonymous answer. Raises ApiError."""
        job = self.get(project, job_id, location)
        if not job.done:
            raise invalid(f"Cannot delete job {job.resource['id']}: it is not in state DONE")
        with self._store.transaction() as change:
            self._forget_answer(change, job)
            change.delete(_KEPT, job.resource["id"])
        self._order.remove(job.resource)

    def stop(self, patience: float) -> None:
        """Cancel whatever runs and wait up to `patience` seconds for it."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        running = list(self._live.values())
        for live in running:
            live.stopped = "the local cloud is shutting down"
            live.cancelled.set()
        wait([self._sweeping, *(live.ended for live in running)], timeout=patience)

    def expire_answers(self, age: float = 24 * 3600.0) -> None:
        """Drop anonymous answers older than `age` seconds, as the service does after about a day."""
        limit = self._context.clock.millis() - age * 1000
        with self._store.transaction() as change:
            for name, document in change.list(_KEPT):
                job = Job(**document)
                if job.result and int(job.resource["statistics"]["endTime"]) < limit:
                    self._forget_answer(change, job)
                    gone = not_found(f"Not found: the answer of job {name} has expired; answers are kept for a day")
                    change.put(_KEPT, name, {"resource": job.resource, "error": failure(gone)})

    def _sweep(self) -> None:
        """Look for expired answers now and then, in the background."""
        now = self._context.clock.time()
        if now - self._swept > _SWEEP:
            self._swept = now
            self._sweeping = self._pool.submit(self.expire_answers)

    def _run(self, name: str, live: _Live) -> None:
        live.resource["status"] = {"state": "RUNNING"}
        live.resource["statistics"]["startTime"] = str(self._context.clock.millis())
        self._limit_time(live)

        def commit(change: Transaction, outcome: Outcome) -> None:
            result = {"table": outcome.result_table, "schema": outcome.schema, "totalRows": outcome.total_rows}
            self._strike(live, "after")
            self._end(
                change, name, live, {"resource": self._resources.succeeded(live.resource, outcome), "result": result}
            )

        try:
            if live.cancelled.is_set():
                raise _stopped(live)
            self._strike(live, "before")
            self.engine.run(statement_of(live.resource, live.member, live.cancelled), commit)
        except ApiError as error:
            self._fail(name, live, _stopped(live) if live.cancelled.is_set() else full(error.__cause__) or error)
        except Exception as error:
            _LOG.exception("job %s", name)
            bug = ApiError(500, INTERNAL, f"The local cloud failed: {type(error).__name__}: {error}")
            failure = full(error) or bug
            self._fail(name, live, _stopped(live) if live.cancelled.is_set() else failure)
        finally:
            self._leave(name, live)
            live.ended.set_result(None)
            self._tell(name, live)

    def _end(self, change: Transaction, name: str, live: _Live, document: Document) -> None:
        change.put(_KEPT, name, document)
        if live.kept and live.kind == _SHOWN:
            change.delete(_SHOWN, name)

    def _keep(self, name: str, live: _Live) -> None:
        """Make it durable that the job was accepted, before anybody is told of it."""
        with live.keeping:
            if not live.kept:
                with self._store.transaction() as change:
                    change.put(live.kind, name, {"resource": self._seen(live).resource})
                live.kept = True

    def _leave(self, name: str, live: _Live) -> None:
        with live.keeping:
            live.kept = True  # whoever looks now finds how it ended
            del self._live[name]
            if self._store.has(_SHOWN, name) and self._store.has(_KEPT, name):  # told of while its end was written
                with suppress(duckdb.Error), self._store.transaction() as change:
                    change.delete(_SHOWN, name)

    def _tell(self, name: str, live: _Live) -> None:
        if live.answer is None or not live.answered.set_running_or_notify_cancel():
            return
        try:
            job = self._named(name)
            if job is None:
                raise not_found(f"Not found: Job {name}")
            live.answered.set_result(live.answer(job))
        except BaseException as error:
            live.answered.set_exception(error)

    def _named(self, name: str) -> Job | None:
        """What is told of a job, which is kept from then on."""
        live = self._live.get(name)
        if live:
            self._keep(name, live)
            return self._seen(live)
        document = self._unkept.get(name) or self._store.get(_KEPT, name)
        return Job(**document) if document else None

    def _strike(self, live: _Live, when: str) -> None:
        """Do to the job what the fault plan says of it. Raises ApiError."""
        fault = self._context.faults.of_job(live.resource["jobReference"]["jobId"], when)
        if fault is None:
            return
        if fault.kill:
            os.kill(os.getpid(), signal.SIGKILL)
        raise fault.error()

    def _limit_time(self, live: _Live) -> None:
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
                    live.stopped = f"Job timed out after {milliseconds / 1000:g} sec"
                    live.cancelled.set()
                    return

        threading.Thread(target=watch, name="job-timeout", daemon=True).start()

    def _fail(self, name: str, live: _Live, error: ApiError) -> None:
        document = self._resources.failed(live.resource, error)
        try:
            with self._store.transaction() as change:
                self._end(change, name, live, document)
        except duckdb.Error:  # the disk is full; who waits must still hear of the end
            _LOG.exception("the end of job %s was not kept", name)
            self._unkept[name] = document

    def _recover(self) -> None:
        error = ApiError(
            400, "jobInternalError", "The job encountered an internal error: the local cloud was ended while it ran."
        )
        with self._store.transaction() as change:
            for name, document in change.list(_SHOWN):
                if not change.has(_KEPT, name):
                    change.put(_KEPT, name, document)
                change.delete(_SHOWN, name)
            for name, document in change.list(_KEPT):
                self._order.add(document["resource"])
                if not Job(**document).done:
                    change.put(_KEPT, name, self._resources.failed(document["resource"], error))

    def _seen(self, live: _Live) -> Job:
        return Job({**live.resource, "statistics": dict(live.resource["statistics"])})

    def _forget_answer(self, change: Transaction, job: Job) -> None:
        table = (job.result or {}).get("table")
        if table and table[0] == "localcloud_results":
            change.sql.execute(f'DROP TABLE IF EXISTS "{table[0]}"."{table[1]}"')


def _stopped(live: _Live) -> ApiError:
    return ApiError(400, "stopped", f"Job execution was cancelled: {live.stopped}")
