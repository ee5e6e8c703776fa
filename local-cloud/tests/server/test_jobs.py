"""The life of a job, with an engine that does as it is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from localcloud.apis.bigquery.jobs import Job, Jobs
from localcloud.core.clock import Clock
from localcloud.core.errors import ApiError, invalid_query
from localcloud.core.ports import Outcome, Statement
from localcloud.core.store import Store, Transaction
from localcloud.http.context import Context

DONE = Outcome("INSERT", {}, None, 0, {"numDmlAffectedRows": "1"})


class ToldEngine:
    """Runs `work(statement, change)` inside the transaction of each statement."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.work: Callable[[Statement, Transaction], None] = lambda statement, change: None

    def run(self, statement: Statement, commit: Callable[[Transaction, Outcome], None]) -> Outcome:
        with self._store.transaction() as change:
            self.work(statement, change)
            commit(change, DONE)
        return DONE

    def texts(self, *_: Any, seconds: bool = False) -> list[str]:
        return []

    def count(self, table: tuple[str, str]) -> int:
        return 0


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    store = Store(tmp_path / "state.duckdb")
    yield Context(tmp_path, store, Clock(), "http://127.0.0.1:1")
    store.close()


@pytest.fixture
def engine(context: Context) -> ToldEngine:
    return ToldEngine(context.store)


@pytest.fixture
def jobs(context: Context, engine: ToldEngine) -> Iterator[Jobs]:
    jobs = Jobs(context, engine)
    yield jobs
    jobs.stop(1)


def submit(jobs: Jobs, job_id: str = "j", **configuration: Any) -> Job:
    query = {"query": {"query": "INSERT …", "useLegacySql": False}}
    return jobs.insert("p", {"jobId": job_id}, query | configuration, "US", "user:a@example.com")


def ended(jobs: Jobs, job: Job) -> Job:
    waiting = jobs.ended(job)
    if waiting:
        waiting.result(timeout=10)
    return jobs.get("p", job.resource["jobReference"]["jobId"], "US")


def state(job: Job) -> str:
    return str(job.resource["status"]["state"])


def stored_state(context: Context) -> str:
    document = context.store.get("job", "p:US.j")
    assert document is not None
    return str(document["resource"]["status"]["state"])


def until_cancelled(statement: Statement, change: Transaction) -> None:
    assert statement.cancelled.wait(10)
    raise invalid_query("stopped somewhere")


def test_a_job_is_accepted_then_runs_then_is_done(jobs: Jobs, engine: ToldEngine, context: Context) -> None:
    started, go = threading.Event(), threading.Event()

    def work(statement: Statement, change: Transaction) -> None:
        started.set()
        assert go.wait(10)

    engine.work = work
    job = submit(jobs, labels={"a": "b"})
    assert started.wait(10)
    running = jobs.get("p", "j", "us")
    assert state(running) == "RUNNING"
    assert stored_state(context) == "PENDING", "what is durable is that it was accepted"
    go.set()
    done = ended(jobs, job)
    assert state(done) == "DONE"
    assert done.resource["configuration"]["labels"] == {"a": "b"}
    statistics = done.resource["statistics"]
    assert int(statistics["creationTime"]) <= int(statistics["startTime"]) <= int(statistics["endTime"])
    assert statistics["query"]["statementType"] == "INSERT"


def test_the_end_of_a_job_is_in_the_transaction_of_what_it_wrote(
    jobs: Jobs, engine: ToldEngine, context: Context
) -> None:
    seen: list[tuple[str, bool]] = []

    def work(statement: Statement, change: Transaction) -> None:
        change.put("effect", "e", {})
        seen.append((stored_state(context), context.store.get("effect", "e") is None))

    engine.work = work
    ended(jobs, submit(jobs))
    assert seen == [("PENDING", True)]
    assert stored_state(context) == "DONE" and context.store.get("effect", "e") == {}


def test_a_failed_statement_writes_nothing_and_says_why(jobs: Jobs, engine: ToldEngine, context: Context) -> None:
    def work(statement: Statement, change: Transaction) -> None:
        change.put("effect", "e", {})
        raise invalid_query("Syntax error: x at [1:1]")

    engine.work = work
    job = ended(jobs, submit(jobs))
    assert job.resource["status"]["errorResult"] == {"reason": "invalidQuery", "message": "Syntax error: x at [1:1]"}
    assert context.store.get("effect", "e") is None
    with pytest.raises(ApiError, match="Syntax error") as error:
        job.raise_error()
    assert error.value.code == 400


def test_a_bug_of_the_engine_is_seen_at_once_and_not_retried(jobs: Jobs, engine: ToldEngine) -> None:
    def work(statement: Statement, change: Transaction) -> None:
        raise KeyError("bug")

    engine.work = work
    error = ended(jobs, submit(jobs)).resource["status"]["errorResult"]
    assert error["reason"] not in ("backendError", "internalError", "jobInternalError", "jobBackendError")
    assert "bug" in error["message"]


def test_an_id_is_accepted_once_even_while_its_job_runs(jobs: Jobs, engine: ToldEngine) -> None:
    engine.work = until_cancelled
    job = submit(jobs)
    with pytest.raises(ApiError, match=r"Already Exists: Job p:US.j") as error:
        submit(jobs)
    assert error.value.code == 409
    jobs.cancel("p", "j", None)
    ended(jobs, job)
    with pytest.raises(ApiError, match="Already Exists"):
        submit(jobs)


def test_a_cancelled_job_ends_as_stopped_whatever_the_engine_said(jobs: Jobs, engine: ToldEngine) -> None:
    engine.work = until_cancelled
    job = submit(jobs)
    assert state(jobs.cancel("p", "j", "US")) in ("PENDING", "RUNNING")
    error = ended(jobs, job).resource["status"]["errorResult"]
    assert (error["reason"], error["message"]) == (
        "stopped",
        "Job execution was cancelled: User requested cancellation",
    )


def test_cancelling_a_job_that_has_ended_changes_nothing(jobs: Jobs) -> None:
    done = ended(jobs, submit(jobs))
    assert jobs.cancel("p", "j", "US").resource == done.resource


def test_a_job_is_found_in_its_location_only(jobs: Jobs) -> None:
    ended(jobs, submit(jobs))
    assert state(jobs.get("p", "j", None)) == "DONE"
    with pytest.raises(ApiError, match=r"Not found: Job p:EU.j"):
        jobs.get("p", "j", "EU")
    with pytest.raises(ApiError, match=r"Not found: Job p:us-central1.j"):
        jobs.get("p", "j", "US-CENTRAL1")


def test_a_timeout_passes_on_the_clouds_clock(jobs: Jobs, engine: ToldEngine, context: Context) -> None:
    started = threading.Event()

    def work(statement: Statement, change: Transaction) -> None:
        started.set()
        until_cancelled(statement, change)

    engine.work = work
    job = submit(jobs, jobTimeoutMs="3600000")
    assert started.wait(10)
    context.clock.advance(3601)
    error = ended(jobs, job).resource["status"]["errorResult"]
    assert (error["reason"], "timed out after 3600 sec" in error["message"]) == ("stopped", True)


def test_jobs_left_by_a_killed_server_have_failed_and_written_nothing(context: Context, jobs: Jobs) -> None:
    done = ended(jobs, submit(jobs, "finished"))
    unfinished = done.resource | {"status": {"state": "PENDING"}, "id": "p:US.lost"}
    with context.store.transaction() as change:
        change.put("job", "p:US.lost", {"resource": unfinished})
    again = Jobs(context, ToldEngine(context.store))
    assert again.get("p", "finished", "US") == done
    assert again.get("p", "lost", "US").resource["status"]["errorResult"]["reason"] == "jobInternalError"


def ask(jobs: Jobs, engine: ToldEngine, work: Callable[[Statement, Transaction], None]) -> tuple[Job, Future[bytes]]:
    engine.work = work
    query = {"query": {"query": "INSERT …", "useLegacySql": False}}
    reference, member = {"jobId": "j"}, "user:a@example.com"
    return jobs.insert_with_answer(reference, "p", query, "US", member, lambda job: state(job).encode())


def kept(context: Context) -> list[str]:
    """The documents about jobs that are in the file."""
    found = context.store.cursor().execute("SELECT kind FROM localcloud.documents WHERE kind LIKE 'job%' ORDER BY kind")
    return [kind for (kind,) in found.fetchall()]


def test_who_waits_for_a_job_gets_what_was_made_of_its_end(jobs: Jobs, engine: ToldEngine, context: Context) -> None:
    before: list[list[str]] = []
    _, answer = ask(jobs, engine, lambda statement, change: before.append(kept(context)))
    assert answer.result(timeout=10) == b"DONE"
    assert (before, kept(context)) == ([[]], ["job"]), "one commit: no client was given its id before it ended"


def test_a_job_is_kept_before_anybody_is_told_of_it(jobs: Jobs, engine: ToldEngine, context: Context) -> None:
    started, go = threading.Event(), threading.Event()

    def work(statement: Statement, change: Transaction) -> None:
        change.sql.execute("SELECT count(*) FROM localcloud.documents").fetchall()  # its snapshot is taken
        started.set()
        assert go.wait(10)

    for look in (lambda: jobs.get("p", "j", "US"), lambda: jobs.newest("p", "", lambda job: True, 1)[0][0][1]):
        started.clear()
        go.clear()
        _, answer = ask(jobs, engine, work)
        assert started.wait(10)
        assert kept(context) == []
        assert state(look()) == "RUNNING"
        assert kept(context) == ["job_shown"]
        with pytest.raises(ApiError, match="Already Exists"):
            submit(jobs)
        again = Jobs(context, engine)  # what a server finds that is started after this one was killed
        assert state(again.get("p", "j", "US")) == "DONE"
        with pytest.raises(ApiError, match="ended while it ran"):
            again.get("p", "j", "US").raise_error()
        again.delete("p", "j", "US")
        go.set()
        assert answer.result(timeout=10) == b"DONE"
        jobs.delete("p", "j", "US")


def test_who_has_stopped_waiting_costs_no_answer(jobs: Jobs, engine: ToldEngine) -> None:
    go = threading.Event()
    job, answer = ask(jobs, engine, lambda statement, change: None if go.wait(10) else pytest.fail("waited"))
    assert answer.cancel()
    go.set()
    assert state(ended(jobs, job)) == "DONE"


def test_the_newest_jobs_come_first_and_pages_neither_repeat_nor_skip(jobs: Jobs, context: Context) -> None:
    for number in range(7):
        ended(jobs, submit(jobs, f"j{number}"))
        context.clock.advance(1)
    seen, after = list[str](), ""
    while True:
        found, more = jobs.newest("p", after, lambda job: job.resource["jobReference"]["jobId"] != "j3", 2)
        seen += [job.resource["jobReference"]["jobId"] for _, job in found]
        if not more:
            break
        after = found[-1][0]
        ended(jobs, submit(jobs, f"later{len(seen)}"))
    assert seen == ["j6", "j5", "j4", "j2", "j1", "j0"]
    assert jobs.newest("other", "", lambda job: True, 2) == ([], False)
    assert jobs.states() == {"DONE": 9}


def test_stopping_ends_what_runs_and_is_quick(jobs: Jobs, engine: ToldEngine) -> None:
    engine.work = until_cancelled
    job = submit(jobs)
    jobs.stop(5)
    error = jobs.get("p", "j", "US").resource["status"]["errorResult"]
    assert "shutting down" in error["message"]
    assert jobs.ended(job) is None


def test_a_deleted_job_is_gone_and_a_running_one_stays(jobs: Jobs, engine: ToldEngine) -> None:
    ended(jobs, submit(jobs))
    jobs.delete("p", "j", "US")
    with pytest.raises(ApiError, match="Not found: Job"):
        jobs.get("p", "j", "US")
    engine.work = until_cancelled
    submit(jobs, "running")
    with pytest.raises(ApiError, match="not in state DONE"):
        jobs.delete("p", "running", "US")


def test_answers_are_kept_for_a_day(jobs: Jobs, context: Context) -> None:
    ended(jobs, submit(jobs))
    context.clock.advance(23 * 3600)
    ended(jobs, submit(jobs, "later"))
    jobs.get("p", "j", "US").raise_error()
    context.clock.advance(2 * 3600)
    ended(jobs, submit(jobs, "last"))
    until(lambda: jobs.get("p", "j", "US").failure is not None)
    with pytest.raises(ApiError, match="has expired") as error:
        jobs.get("p", "j", "US").raise_error()
    assert error.value.code == 404
    jobs.get("p", "later", "US").raise_error()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
