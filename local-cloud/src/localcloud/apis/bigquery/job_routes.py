"""jobs.* and projects.queries over HTTP (https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs).

Requests that wait for a job (jobs.query, jobs.getQueryResults) wait on the event loop and hold no thread.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.apis.bigquery.access import Access
from localcloud.apis.bigquery.job_resources import Job, Result
from localcloud.apis.bigquery.jobs import Jobs
from localcloud.apis.bigquery.query_configuration import (
    checked_configuration,
    configuration_of,
    datasets_of,
    location_of,
    without_literals,
)
from localcloud.apis.bigquery.row_pages import Page, Window, envelope, read, window
from localcloud.apis.bigquery.statement_access import Demand, demands
from localcloud.core.errors import ApiError, Unsupported, invalid
from localcloud.core.store import Document
from localcloud.http.context import Context, json_of, member_of
from localcloud.http.rest import (
    canonical_location,
    check_reference,
    etag,
    flag,
    from_token,
    integer,
    partial_json,
    to_token,
)

_PROJECT = "/bigquery/v2/projects/{project}"
#: How long jobs.query and getQueryResults wait without `timeoutMs`, and at most. Milliseconds.
_DEFAULT_TIMEOUT_MS, _MAX_TIMEOUT_MS = 10_000, 200_000
_PAGE_SIZE = 1_000
_MAX_REQUEST_ID = 36
_SHORT_STATEMENT = 20_000
"""Characters: the dataset names of a statement this short are found in a millisecond."""


def routes(context: Context, jobs: Jobs, access: Access) -> list[Route]:
    """insert, query, get, list, cancel, delete, getQueryResults."""
    handlers = _Handlers(context, jobs, access)
    jobs_path, queries = f"{_PROJECT}/jobs", f"{_PROJECT}/queries"
    return [
        Route(jobs_path, handlers.insert, methods=["POST"]),
        Route(jobs_path, handlers.list, methods=["GET"]),
        Route(f"{jobs_path}/{{job}}", handlers.get, methods=["GET"]),
        Route(f"{jobs_path}/{{job}}/cancel", handlers.cancel, methods=["POST"]),
        Route(f"{jobs_path}/{{job}}/delete", handlers.delete, methods=["DELETE"]),
        Route(queries, handlers.query, methods=["POST"]),
        Route(f"{queries}/{{job}}", handlers.results, methods=["GET"]),
        Route(f"/upload{jobs_path}", _upload, methods=["POST", "PUT"]),
    ]


def _upload(request: Request) -> Response:
    raise Unsupported("load jobs")


class _CheckedQuery(NamedTuple):
    """A query job whose configuration and caller were checked."""

    project: str
    configuration: Document
    location: str
    member: str


class _Handlers:
    def __init__(self, context: Context, jobs: Jobs, access: Access) -> None:
        self._context = context
        self._jobs = jobs
        self._access = access

    def insert(self, request: Request) -> Response:
        body, project = json_of(request), request.path_params["project"]
        configuration, reference = body.get("configuration") or {}, body.get("jobReference") or {}
        configuration = checked_configuration(configuration)
        check_reference(reference, request.path_params)
        _check_id(reference.get("jobId"))
        location = self._location(project, configuration, reference.get("location"))
        self._check_access(request, project, configuration)
        if configuration.get("dryRun"):
            return partial_json(
                request, _resource(self._jobs.dry_run(project, configuration, location, member_of(request)))
            )
        job = self._jobs.insert(project, reference, configuration, location, member_of(request))
        return partial_json(request, _resource(job))

    async def query(self, request: Request) -> Response:
        body, project, kind = json_of(request), request.path_params["project"], "bigquery#queryResponse"
        wanted = window({f"formatOptions.{k}": v for k, v in (body.get("formatOptions") or {}).items()} | body)
        timeout = _timeout(body.get("timeoutMs"))
        # Accepting a job reads only memory: done here it waits for no thread, and the job's own writes its answer.
        short = len(str(body.get("query"))) <= _SHORT_STATEMENT
        arguments, fields = (request, body, project), request.query_params.get("fields", "")
        job = self._checked(*arguments) if short else await run_in_threadpool(self._checked, *arguments)
        if body.get("dryRun"):
            tried = await run_in_threadpool(self._jobs.dry_run, *job)
            return await run_in_threadpool(self._answer, tried, wanted, kind, fields)
        reference = {"jobId": _id_of(body["requestId"], job.configuration)} if body.get("requestId") else {}
        try:
            accepted, answer = self._jobs.insert_with_answer(
                reference, *job, lambda ended: self._body(ended, wanted, kind, fields)
            )
        except ApiError as error:
            if error.reason != "duplicate":
                raise
            accepted = await run_in_threadpool(self._jobs.get, project, reference["jobId"], job.location)
            await self._wait_for_end(accepted, timeout)  # the same request, sent again
        else:
            waiting = asyncio.wrap_future(answer)
            await asyncio.wait([waiting], timeout=timeout)
            if waiting.done():
                return Response(waiting.result(), media_type="application/json")
            waiting.cancel()
        return await run_in_threadpool(self._answer, accepted, wanted, kind, fields)

    def get(self, request: Request) -> Response:
        return partial_json(request, _resource(self._found(request)))

    def list(self, request: Request) -> Response:
        project, parameters = request.path_params["project"], request.query_params
        self._access.to_project(request, "bigquery.jobs.list")
        states = {state.upper() for state in parameters.getlist("stateFilter")}
        everyone = flag(request, "allUsers")
        if everyone:
            self._access.to_project(request, "bigquery.jobs.listAll")
        first, last = integer(request, "minCreationTime", 0), integer(request, "maxCreationTime", 10**15)

        children = bool(parameters.get("parentJobId"))  # of scripts, which are refused: there are none

        def wanted(job: Job) -> bool:
            in_time = not children and first <= _created(job) <= last
            return in_time and (everyone or _is_own(job, request)) and (not states or _state(job) in states)

        full = parameters.get("projection", "minimal").lower() == "full"
        after = from_token(parameters.get("pageToken", ""))
        count = min(integer(request, "maxResults", _PAGE_SIZE) or _PAGE_SIZE, _PAGE_SIZE)
        found, more = self._jobs.newest(project, after, wanted, count)
        token = to_token(found[-1][0]) if more and found else None
        items = [_item(job, full=full) for _, job in found]
        answer = {"kind": "bigquery#jobList", "etag": etag({"jobs": items}), "jobs": items}
        return partial_json(request, answer | ({"nextPageToken": token} if token else {}))

    def cancel(self, request: Request) -> Response:
        self._found(request, "bigquery.jobs.update")
        job = self._jobs.cancel(*self._named(request))
        return partial_json(request, {"kind": "bigquery#jobCancelResponse", "job": _resource(job)})

    def delete(self, request: Request) -> Response:
        self._found(request, "bigquery.jobs.delete")
        self._jobs.delete(*self._named(request))
        return Response(status_code=204)

    async def results(self, request: Request) -> Response:
        wanted = window(dict(request.query_params))
        job = await run_in_threadpool(self._found, request)
        await self._wait_for_end(job, _timeout(request.query_params.get("timeoutMs")))
        fields = request.query_params.get("fields", "")
        return await run_in_threadpool(self._answer, job, wanted, "bigquery#getQueryResultsResponse", fields)

    def _checked(self, request: Request, body: Document, project: str) -> _CheckedQuery:
        configuration = configuration_of(body)
        location = self._location(project, configuration, body.get("location"))
        self._check_access(request, project, configuration)
        return _CheckedQuery(project, configuration, location, member_of(request))

    async def _wait_for_end(self, job: Job, timeout: float) -> None:
        ended = self._jobs.ended(job) if "jobId" in job.resource["jobReference"] else None
        if ended:
            await asyncio.wait([asyncio.wrap_future(ended)], timeout=timeout)

    def _answer(self, job: Job, wanted: Window, kind: str, fields: str) -> Response:
        return Response(self._body(job, wanted, kind, fields), media_type="application/json")

    def _body(self, job: Job, wanted: Window, kind: str, fields: str) -> bytes:
        reference = job.resource["jobReference"]
        if not job.done:
            job = self._jobs.get(reference["projectId"], reference["jobId"], reference["location"])
        job.raise_error()
        answer: Document = {"kind": kind, "jobReference": reference, "jobComplete": job.done}
        rows: Page | None = None
        if job.done and job.result:
            answer |= _completed_fields(job, job.result, whole=kind == "bigquery#queryResponse")
            result = job.result
            if result.table:
                answer["totalRows"] = str(result.total_rows)
                rows = read(self._jobs.engine, result.table, result.schema, result.total_rows, wanted)
        return envelope(answer, rows, fields)

    def _check_access(self, request: Request, project: str, configuration: Document) -> None:
        query = configuration["query"]
        data = bool(datasets_of(self._context.store, project, configuration))
        wanted = list(demands(without_literals(configuration), data=data))
        kept = query.get("destinationTable")
        if kept:
            path = (kept.get("projectId", project), str(kept.get("datasetId")))
            wanted.append(Demand("bigquery.tables.create", "dataset", path))
        default = query.get("defaultDataset") or {}
        named = (default["datasetId"],) if default else ()
        self._access.to_query(request, wanted, (default.get("projectId", project), *named))

    def _found(self, request: Request, permission: str = "bigquery.jobs.get") -> Job:
        job = self._jobs.get(*self._named(request))
        if not _is_own(job, request):
            self._access.to_project(request, permission)
        return job

    def _named(self, request: Request) -> tuple[str, str, str | None]:
        return request.path_params["project"], request.path_params["job"], request.query_params.get("location")

    def _location(self, project: str, configuration: Document, given: str | None) -> str:
        return canonical_location(given) if given else location_of(self._context.store, project, configuration)


def _completed_fields(job: Job, result: Result, *, whole: bool) -> Document:
    statistics = job.resource["statistics"]
    query = statistics["query"]
    about: Document = {"cacheHit": False, "totalBytesProcessed": query["totalBytesProcessed"]}
    if result.schema.get("fields"):
        about["schema"] = result.schema
    if "numDmlAffectedRows" in query:
        about["numDmlAffectedRows"] = query["numDmlAffectedRows"]
    if not whole:
        return about | {"etag": etag({"job": job.resource["id"]})}
    about |= {name: query[name] for name in ("dmlStats", "statementType") if name in query}
    about |= {name: statistics[name] for name in ("creationTime", "startTime", "endTime")}
    return about | {"location": job.resource["jobReference"]["location"]}


def _resource(job: Job) -> Document:
    return job.resource | {"etag": etag(job.resource)}


def _item(job: Job, *, full: bool) -> Document:
    names = ["kind", "id", "jobReference", "statistics", "status", "user_email"] + ["configuration"] * full
    item = {name: job.resource[name] for name in names} | {"state": job.resource["status"]["state"]}
    failure = job.resource["status"].get("errorResult")
    return item | ({"errorResult": failure} if failure else {})


def _is_own(job: Job, request: Request) -> bool:
    return bool(job.resource["user_email"] == member_of(request).partition(":")[2])


def _created(job: Job) -> int:
    return int(job.resource["statistics"]["creationTime"])


def _state(job: Job) -> str:
    return str(job.resource["status"]["state"])


def _timeout(milliseconds: int | str | None) -> float:
    wanted = int(milliseconds) if milliseconds not in (None, "") else _DEFAULT_TIMEOUT_MS
    return min(max(wanted, 0), _MAX_TIMEOUT_MS) / 1000


def _check_id(job_id: str | None) -> None:
    if job_id is not None and not re.fullmatch(r"[a-zA-Z0-9_-]{1,1024}", job_id):
        raise invalid(f'Invalid job ID "{job_id}". Job IDs must be alphanumeric (plus underscores and dashes).')


def _id_of(request_id: str, configuration: Document) -> str:
    """The same job for the same request, so that a retried jobs.query runs once. As the reference has it, two requests
    are the same only when what decides the answer is, too."""
    if len(request_id) > _MAX_REQUEST_ID or not request_id.isascii():
        raise invalid(f"Invalid requestId: at most {_MAX_REQUEST_ID} ASCII characters are allowed.")
    same = json.dumps([request_id, configuration], sort_keys=True)
    return "job_" + hashlib.sha256(same.encode()).hexdigest()[:28]
