"""BigQuery's client: statements, jobs, datasets, tables and models; the library's exceptions become imagesearch.errors.

Three numbers bound a job: creation (the API's retries), execution (the caller's deadline, after which the job is
cancelled) and polling (the interval between two requests of its state). A job that costs money has a deterministic id:
submitting it again after a lost response or a restart attaches to the existing job (409 duplicate) instead of paying
twice. The protocol: docs/bigquery-contract.md#10-errors-and-jobs.
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
from imagesearch.gcp.rest import BIGQUERY, Config
from imagesearch.gcp.sql import Identifier

Row = dict[str, Any]
"""A row of a result: Python values by column name."""
_Resource = TypeVar("_Resource")
Parameter: TypeAlias = (
    "bigquery.ScalarQueryParameter | bigquery.ArrayQueryParameter | bigquery.StructQueryParameter"  # loaded late
)

CREATION_TIMEOUT = 60.0
"""Seconds that creating a job, or any other single request, may take with all its retries."""
POLLING_INTERVALS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds between two requests of a running job's state; the last one repeats."""
_RESUBMIT = frozenset(
    {"jobInternalError", "jobBackendError", "jobRateLimitExceeded", "backendError", "rateLimitExceeded"}
)
"""Reasons of a failed job whose statement is correct: it is submitted again under a new id."""
RESUBMISSION_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 0.0)
"""Seconds to wait after each submission that failed for such a reason; after the last one, `run_once` fails."""

_GRANT_MISSING = "gcp-sa-bigquery-condel.iam.gserviceaccount.com does not have"
"""In every error of a connection whose service account lacks a role.

The words: docs/bigquery-contract.md#3-remote-models. The roles on a bucket: docs/bigquery-contract.md#4-object-tables.
"""


@dataclass(frozen=True)
class Target:
    """A project and location of BigQuery, and how to reach it.

    `endpoint` and `access_token` are the gcp provider's bigQueryCustomEndpoint and accessToken; empty if not set.
    """

    project: str
    location: str
    endpoint: str = ""
    access_token: str = ""

    @classmethod
    def of(cls, config: Config, project: str, location: str) -> Target:
        """The target that a stack with this config uses: the endpoint and the token are its gcp provider's."""
        endpoint, token = config(f"gcp:{BIGQUERY.setting}"), config("gcp:accessToken")
        return cls(project, location, str(endpoint or ""), str(token or ""))


@dataclass(frozen=True)
class QueryResult:
    """The rows of a statement, and the job that returned them."""

    rows: list[Row]
    job_id: str
    seconds: float
    """From the request until all rows were received."""
    statistics: Row
    """The job's `statistics.query`, as BigQuery reports it."""


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
        """The rows of a statement that may run twice without harm.

        Raises NotThere, PermissionMissing, StatementFailed or ServiceUnreachable.
        """
        with _translated():
            rows = self.client.query_and_wait(
                sql, job_config=self._config(parameters), location=self.target.location, retry=self._retry
            )
            return [dict(row.items()) for row in rows]

    def query_with_job(self, sql: str, parameters: Sequence[Parameter] = ()) -> QueryResult:
        """As `query`, with the job's id and statistics. Raises what `query` raises."""
        began = time.monotonic()
        with _translated():
            found = self.client.query_and_wait(
                sql, job_config=self._config(parameters), location=self.target.location, retry=self._retry
            )
            rows = [dict(row.items()) for row in found]
            seconds = time.monotonic() - began
            job_id = str(found.job_id)
            job = self.client.get_job(job_id, location=self.target.location, retry=self._retry)
        # The client has no property for vectorSearchStatistics.
        return QueryResult(rows, job_id, seconds, job._properties["statistics"].get("query", {}))

    def start_once(
        self, sql: str, parameters: Sequence[Parameter] = (), *, key: str, consumed: Callable[[], bool]
    ) -> bigquery.QueryJob:
        """Submit a statement that costs money under an id made from `key`, or attach to the job that has this id.

        The next id is used if that job failed, or if it succeeded and its effect is gone (`consumed`).
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
            f"BigQuery ended the job {key} with an internal error {len(RESUBMISSION_PAUSES)} times.",
            "Look at the job in the console; run `pulumi up` again later, it goes on from here.",
        )

    def running(self, prefix: str) -> Iterator[bigquery.QueryJob]:
        """Jobs whose id begins with `prefix` and that have not ended; other callers' too if we may list them."""
        for state in ("pending", "running"):  # in this order no job is missed that starts between the two requests
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
        with _translated():  # all users' jobs need bigquery.jobs.listAll, our own need no permission
            return list(self.client.list_jobs(state_filter=state, retry=self._retry))

    def finish(self, job: bigquery.QueryJob, deadline: float, progress: Callable[[float], None]) -> None:
        """Wait until one of our running jobs ends. A failure is ignored: the caller submits the statement again."""
        try:
            self._wait(job, deadline, progress)
        except (_Resubmit, StatementFailed, JobCancelled):
            return

    def dataset(self, name: Identifier) -> bigquery.Dataset | None:
        """A dataset's description, or None."""
        return _or_none(lambda: self.client.get_dataset(name.path, retry=self._retry))

    def drop_dataset(self, name: Identifier) -> None:
        """Delete an empty dataset; a missing one is no error. Raises StatementFailed if it is not empty."""
        with _translated():
            self.client.delete_dataset(name.path, retry=self._retry, not_found_ok=True)

    def tables(self, dataset: Identifier) -> list[bigquery.table.TableListItem]:
        """Every table of a dataset; none if the dataset does not exist."""
        return _or_none(lambda: list(self.client.list_tables(dataset.path, retry=self._retry))) or []

    def table(self, name: Identifier) -> bigquery.Table | None:
        """A table's description, or None."""
        return _or_none(lambda: self.client.get_table(name.path, retry=self._retry))

    def source_uris(self, object_table: Identifier) -> tuple[str, ...]:
        """The uri patterns of an object table; none if it does not exist."""
        table = self.table(object_table)
        external = table.external_data_configuration if table else None
        return tuple(external.source_uris) if external else ()

    def label_table(self, name: Identifier, labels: Mapping[str, str]) -> None:
        """Set labels of a table; its other labels stay."""
        with _translated():
            table = self.client.get_table(name.path, retry=self._retry)
            table.labels = {**table.labels, **labels}
            self.client.update_table(table, ["labels"], retry=self._retry)

    def drop_table(self, name: Identifier) -> None:
        """Delete a table; a missing one is no error."""
        with _translated():
            self.client.delete_table(name.path, retry=self._retry, not_found_ok=True)

    def model(self, name: Identifier) -> bigquery.Model | None:
        """A model's description, or None."""
        return _or_none(lambda: self.client.get_model(name.path, retry=self._retry))

    def label_model(self, name: Identifier, labels: Mapping[str, str]) -> None:
        """Set labels of a model; its other labels stay."""
        with _translated():
            model = self.client.get_model(name.path, retry=self._retry)
            model.labels = {**model.labels, **labels}
            self.client.update_model(model, ["labels"], retry=self._retry)

    def models(self, dataset: Identifier) -> list[bigquery.Model]:
        """Every model of a dataset; none if the dataset does not exist."""
        return _or_none(lambda: list(self.client.list_models(dataset.path, retry=self._retry))) or []

    def drop_model(self, name: Identifier) -> None:
        """Delete a model; a missing one is no error."""
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
                existing = self.client.get_job(job_id, location=self.target.location, retry=self._retry)
                assert isinstance(existing, bigquery.QueryJob)  # the id is made from the query
                return existing, True
            return job, False

    def _wait(self, job: bigquery.QueryJob, deadline: float | None, progress: Callable[[float], None] | None) -> None:
        began = time.monotonic()
        polls = 0
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
            time.sleep(POLLING_INTERVALS[min(polls, len(POLLING_INTERVALS) - 1)])
            polls += 1
            with _translated():
                job.reload(retry=self._retry)
        if job.error_result:
            _raise_for(job)

    def _cancel(self, job: bigquery.QueryJob) -> None:
        with _translated():
            self.client.cancel_job(job.job_id, location=self.target.location, retry=self._retry)


class _Resubmit(Exception):
    """The job failed for a reason of _RESUBMIT: submit its statement under a new id."""


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


def _or_none(get: Callable[[], _Resource]) -> _Resource | None:
    """The result of `get`, or None if the resource does not exist."""
    try:
        with _translated():
            return get()
    except NotThere:
        return None


@contextmanager
def _translated() -> Iterator[None]:
    """Raise imagesearch.errors in place of the client library's exceptions."""
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
            f"Google Cloud does not know the caller: {_one_line(str(error))}",
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
            "A grant can take 7 minutes or more to take effect. If the error stays, check the grants.",
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
    """Whether to retry: no response, 5xx, or too many requests.

    After jobs.insert the outcome is unknown; a retry with the same job id is safe.
    """
    if isinstance(error, exceptions.ServerError | exceptions.TooManyRequests):
        return not isinstance(error, exceptions.MethodNotImplemented)
    if isinstance(error, exceptions.Forbidden):
        return any(item.get("reason") == "rateLimitExceeded" for item in error.errors)
    return isinstance(error, ConnectionError) or type(error).__module__.startswith(("requests.", "urllib3."))


def api_root(endpoint: str) -> str:
    """The client's `api_endpoint` from the provider's `bigQueryCustomEndpoint`, which ends in /bigquery/v2/."""
    return endpoint.removesuffix("/").removesuffix("/bigquery/v2")
