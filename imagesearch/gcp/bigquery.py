"""The one seam to BigQuery: statements in, rows out, jobs that survive us.

Three numbers bound a job: creation (the API's retries), execution (the caller's deadline, after which the job is
cancelled) and polling (how often we look). Jobs that cost money carry a deterministic id: submitting again after a lost
answer or a restart attaches to the job that is there (409 duplicate) instead of paying twice. Contract section 10 has
the protocol.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from imagesearch.errors import (
    DeadlinePassed,
    JobCancelled,
    NotSignedIn,
    NotThere,
    PermissionMissing,
    ServiceUnreachable,
    StatementFailed,
)
from imagesearch.gcp.clients import auth_exceptions, bigquery, client_options, credentials, exceptions, retry
from imagesearch.gcp.sql import Identifier

Row = dict[str, Any]
_Answer = TypeVar("_Answer")
Parameter: TypeAlias = (
    "bigquery.ScalarQueryParameter | bigquery.ArrayQueryParameter | bigquery.StructQueryParameter"  # loaded late
)

CREATION_TIMEOUT = 60.0
"""Seconds that creating a job, or any other single request, may take with all its retries."""
POLLING_INTERVALS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds between looks at a running job; the last one goes on."""
_RESUBMIT = frozenset(
    {"jobInternalError", "jobBackendError", "jobRateLimitExceeded", "backendError", "rateLimitExceeded"}
)
"""Reasons with which a job ends though its statement is good: submit it under a new id."""
RESUBMISSION_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 0.0)
"""Seconds after each submission of one run that ended so; a run gives up after the last."""

_GRANT_MISSING = "gcp-sa-bigquery-condel.iam.gserviceaccount.com does not have"
"""What every refusal of a connection's service account contains (contract sections 3 and 4)."""


@dataclass(frozen=True)
class Target:
    """Where the warehouse is. `endpoint` and `access_token` are the gcp provider's settings of the same names."""

    project: str
    location: str
    endpoint: str = ""
    access_token: str = ""

    @classmethod
    def of(cls, config: Callable[[str], Any], project: str, location: str) -> Target:
        """As the stack's provider reaches it: `config` gives the value of a key such as gcp:accessToken, or None."""
        endpoint, token = config("gcp:bigQueryCustomEndpoint"), config("gcp:accessToken")
        return cls(project, location, str(endpoint or ""), str(token or ""))


@dataclass(frozen=True)
class Answer:
    """The rows of a statement, and the job that made them."""

    rows: list[Row]
    job_id: str
    seconds: float
    """From asking until the rows were here."""
    statistics: Row
    """The job's `statistics.query`, as BigQuery tells it."""


class Warehouse:
    """BigQuery in one project and location. Safe to share between threads."""

    def __init__(self, target: Target, *, labels: Mapping[str, str]) -> None:
        self.target = target
        self.labels = dict(labels)
        options = client_options.ClientOptions(api_endpoint=api_root(target.endpoint)) if target.endpoint else None
        given = credentials.Credentials(target.access_token) if target.access_token else None
        self._retry = retry.Retry(predicate=_transient, initial=0.2, maximum=8.0, timeout=CREATION_TIMEOUT)
        with _translated():
            self.client = bigquery.Client(
                project=target.project, location=target.location, client_options=options, credentials=given
            )

    def query(self, sql: str, parameters: Sequence[Parameter] = ()) -> list[Row]:
        """Rows of a statement that may run twice without harm.

        Raises NotThere, PermissionMissing, StatementFailed or ServiceUnreachable.
        """
        with _translated():
            rows = self.client.query_and_wait(
                sql, job_config=self._config(parameters), location=self.target.location, retry=self._retry
            )
            return [dict(row.items()) for row in rows]

    def ask(self, sql: str, parameters: Sequence[Parameter] = ()) -> Answer:
        """As `query`, and what its job says of itself. Raises what `query` raises."""
        began = time.monotonic()
        with _translated():
            found = self.client.query_and_wait(
                sql, job_config=self._config(parameters), location=self.target.location, retry=self._retry
            )
            rows = [dict(row.items()) for row in found]
            seconds = time.monotonic() - began
            job = self.client.get_job(found.job_id, location=self.target.location, retry=self._retry)
        # The client has no property for vectorSearchStatistics.
        return Answer(rows, str(found.job_id), seconds, job._properties["statistics"].get("query", {}))

    def start_once(
        self, sql: str, parameters: Sequence[Parameter] = (), *, key: str, consumed: Callable[[], bool]
    ) -> bigquery.QueryJob:
        """Submit a statement that costs money under an id made from `key`, or attach to the job that is there.

        Jobs that ended badly, or well and whose effect is gone (`consumed`), are passed over for the next id.
        Raises what `query` raises.
        """
        submission = 0
        while True:
            job, attached = self._submit(sql, parameters, f"{key}-{submission}")
            if not attached or job.state != "DONE" or not (job.error_result or consumed()):
                return job
            submission += 1

    def run_once(
        self,
        sql: str,
        parameters: Sequence[Parameter] = (),
        *,
        key: str,
        consumed: Callable[[], bool],
        deadline: float | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> None:
        """`start_once`, then wait; a job that ends with an internal error is submitted under a new id.

        `deadline` is on time.monotonic(); `progress` is called with the seconds waited so far.
        Raises what `query` raises, DeadlinePassed (the job is cancelled) and JobCancelled.
        """
        for pause in RESUBMISSION_PAUSES:
            job = self.start_once(sql, parameters, key=key, consumed=consumed)
            try:
                return self._wait(job, deadline, progress)
            except _Resubmit:
                time.sleep(pause)
        raise ServiceUnreachable(
            f"BigQuery ended the job {key} without an answer {len(RESUBMISSION_PAUSES)} times.",
            "Look at the job in the console; run `pulumi up` again later, it goes on from here.",
        )

    def running(self, prefix: str) -> Iterator[bigquery.QueryJob]:
        """Jobs whose id begins with `prefix` and that have not ended; of other callers too where we may see them."""
        for state in ("pending", "running"):  # in this order none slips through as it starts
            for job in self._jobs(state):
                if job.job_id.startswith(prefix):
                    yield job

    def _jobs(self, state: str) -> list[bigquery.QueryJob]:
        try:
            with _translated():
                return list(self.client.list_jobs(state_filter=state, all_users=True, retry=self._retry))
        except StatementFailed as error:
            if error.reason != "accessDenied":
                raise
        with _translated():  # listing everyone's takes bigquery.jobs.listAll; our own take nothing
            return list(self.client.list_jobs(state_filter=state, retry=self._retry))

    def finish(self, job: bigquery.QueryJob, deadline: float, progress: Callable[[float], None]) -> None:
        """Wait for a running job of ours; one that fails is left to be submitted again."""
        try:
            self._wait(job, deadline, progress)
        except (_Resubmit, StatementFailed, JobCancelled):
            return

    def dataset(self, name: Identifier) -> bigquery.Dataset | None:
        """A dataset's description, or None."""
        return _if_there(lambda: self.client.get_dataset(name.path, retry=self._retry))

    def drop_dataset(self, name: Identifier) -> None:
        """Delete a dataset that is empty; nothing happens when it is gone. Raises StatementFailed when it is not."""
        with _translated():
            self.client.delete_dataset(name.path, retry=self._retry, not_found_ok=True)

    def tables(self, dataset: Identifier) -> list[bigquery.table.TableListItem]:
        """Every table of a dataset; none when there is no dataset."""
        return _if_there(lambda: list(self.client.list_tables(dataset.path, retry=self._retry))) or []

    def table(self, name: Identifier) -> bigquery.Table | None:
        """A table's description, or None."""
        return _if_there(lambda: self.client.get_table(name.path, retry=self._retry))

    def source_uris(self, object_table: Identifier) -> tuple[str, ...]:
        """What an object table reads; nothing when it is gone."""
        table = self.table(object_table)
        external = table.external_data_configuration if table else None
        return tuple(external.source_uris) if external else ()

    def label_table(self, name: Identifier, labels: Mapping[str, str]) -> None:
        """Set labels on a table, beside those it has."""
        with _translated():
            table = self.client.get_table(name.path, retry=self._retry)
            table.labels = {**table.labels, **labels}
            self.client.update_table(table, ["labels"], retry=self._retry)

    def drop_table(self, name: Identifier) -> None:
        """Delete a table; nothing happens when it is gone."""
        with _translated():
            self.client.delete_table(name.path, retry=self._retry, not_found_ok=True)

    def model(self, name: Identifier) -> bigquery.Model | None:
        """A model's description, or None."""
        return _if_there(lambda: self.client.get_model(name.path, retry=self._retry))

    def label_model(self, name: Identifier, labels: Mapping[str, str]) -> None:
        """Set labels on a model, beside those it has."""
        with _translated():
            model = self.client.get_model(name.path, retry=self._retry)
            model.labels = {**model.labels, **labels}
            self.client.update_model(model, ["labels"], retry=self._retry)

    def models(self, dataset: Identifier) -> list[bigquery.Model]:
        """Every model of a dataset; none when there is no dataset."""
        return _if_there(lambda: list(self.client.list_models(dataset.path, retry=self._retry))) or []

    def drop_model(self, name: Identifier) -> None:
        """Delete a model; nothing happens when it is gone."""
        with _translated():
            self.client.delete_model(name.path, retry=self._retry, not_found_ok=True)

    def _config(self, parameters: Sequence[Parameter]) -> bigquery.QueryJobConfig:
        return bigquery.QueryJobConfig(query_parameters=list(parameters), labels=self.labels, use_query_cache=False)

    def _submit(self, sql: str, parameters: Sequence[Parameter], job_id: str) -> tuple[bigquery.QueryJob, bool]:
        with _translated():
            try:
                job = self.client.query(
                    sql,
                    job_config=self._config(parameters),
                    job_id=job_id,
                    location=self.target.location,
                    retry=self._retry,
                    job_retry=None,
                )
            except exceptions.Conflict:
                return self.client.get_job(job_id, location=self.target.location, retry=self._retry), True
            return job, False

    def _wait(self, job: bigquery.QueryJob, deadline: float | None, progress: Callable[[float], None] | None) -> None:
        began = time.monotonic()
        looks = 0
        while job.state != "DONE":
            now = time.monotonic()
            if deadline is not None and now >= deadline:
                self._cancel(job)
                raise DeadlinePassed(
                    f"The deadline passed while job {job.job_id} was running; the job was cancelled.",
                    "Run `pulumi up` again: it goes on from here. embedding.deadlineMinutes sets the deadline.",
                )
            if progress is not None:
                progress(now - began)
            time.sleep(POLLING_INTERVALS[min(looks, len(POLLING_INTERVALS) - 1)])
            looks += 1
            with _translated():
                job.reload(retry=self._retry)
        if job.error_result:
            _raise_for(job)

    def _cancel(self, job: bigquery.QueryJob) -> None:
        with _translated():
            self.client.cancel_job(job.job_id, location=self.target.location, retry=self._retry)


class _Resubmit(Exception):
    """The job failed and its statement did not: submit it under a new id."""


def _raise_for(job: bigquery.QueryJob) -> None:
    result = job.error_result or {}
    reason, message = result.get("reason", ""), result.get("message", "")
    if reason in _RESUBMIT:
        raise _Resubmit(message)
    if reason == "stopped":
        raise JobCancelled(
            f"Job {job.job_id} was cancelled by someone else.",
            "Run `pulumi up` again: it goes on from here.",
        )
    raise _failure(reason, message)


def _if_there(ask: Callable[[], _Answer]) -> _Answer | None:
    """The answer, or None when what is asked for does not exist."""
    try:
        with _translated():
            return ask()
    except NotThere:
        return None


@contextmanager
def _translated() -> Iterator[None]:
    """Turns the client library's exceptions into ours."""
    try:
        yield
    except exceptions.GoogleAPICallError as error:
        if isinstance(error, exceptions.ServerError) and not isinstance(error, exceptions.MethodNotImplemented):
            raise _unreachable(error) from None
        details = error.errors[0] if error.errors else {}
        raise _failure(details.get("reason", ""), details.get("message") or error.message) from None
    except (exceptions.RetryError, ConnectionError, OSError, auth_exceptions.TransportError) as error:
        raise _unreachable(error) from None
    except auth_exceptions.GoogleAuthError as error:
        raise NotSignedIn(
            f"Google Cloud does not know who asks: {_one_line(str(error))}",
            "Sign in: gcloud auth application-default login.",
        ) from None


def _unreachable(error: Exception) -> ServiceUnreachable:
    return ServiceUnreachable(
        f"BigQuery did not answer for {CREATION_TIMEOUT:.0f} s: {_one_line(str(error))}",
        "Check the network, and gcp:bigQueryCustomEndpoint if the stack sets one; then run again.",
    )


def _failure(reason: str, message: str) -> StatementFailed | PermissionMissing:
    line = _one_line(message)
    if _GRANT_MISSING in line or ("bqcx-" in line and "does not have" in line):
        return PermissionMissing(
            f"The connection's service account is refused: {line}",
            "A grant can take 7 minutes or more to act. If it persists, look at the grants.",
        )
    if reason == "notFound":
        return NotThere(line, "`pulumi refresh` notes what is gone, and `pulumi up` makes it again.", reason=reason)
    remedy = "Nothing was changed by this statement."
    if reason == "accessDenied":
        remedy = "Grant the role to whoever runs `pulumi up`; docs/first-run-on-google-cloud.md lists them."
    elif reason in ("quotaExceeded", "rateLimitExceeded"):
        remedy = "A quota of the project is used up; run again later, it goes on from here."
    return StatementFailed(f"BigQuery refused ({reason or 'no reason given'}): {line}", remedy, reason=reason)


def _one_line(message: str) -> str:
    return " ".join(message.split())


def _transient(error: BaseException) -> bool:
    """What is worth asking again: nothing answered, 5xx, or too many requests. After jobs.insert the outcome is
    unknown, and asking again with the same id is safe."""
    if isinstance(error, exceptions.ServerError | exceptions.TooManyRequests):
        return not isinstance(error, exceptions.MethodNotImplemented)
    if isinstance(error, exceptions.Forbidden):
        return any(item.get("reason") == "rateLimitExceeded" for item in error.errors)
    return isinstance(error, ConnectionError) or type(error).__module__.startswith(("requests.", "urllib3."))


def api_root(endpoint: str) -> str:
    """The client's `api_endpoint` from the provider's `bigQueryCustomEndpoint`, which ends in /bigquery/v2/."""
    return endpoint.removesuffix("/").removesuffix("/bigquery/v2")
