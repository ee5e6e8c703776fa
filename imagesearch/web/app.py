"""The pages: `/` is the form with its results, `/picture` a thumbnail. Only GET; every page works without a script."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from imagesearch.errors import ImageSearchError, NotThere, ServiceUnreachable, StatementFailed
from imagesearch.gcp.bigquery import QueryResult, Target
from imagesearch.pipeline import interactive_search
from imagesearch.pipeline.interactive_search import Explorer, Folder, Found, Question
from imagesearch.stacks.report import with_types
from imagesearch.stacks.stack import Stack
from imagesearch.web import address, rendering
from imagesearch.web.address import BadAddress
from imagesearch.web.guard import Guard, Hosts
from imagesearch.web.thumbnails import Thumbnails

_HERE = Path(__file__).parent
_FILES = {"/style.css": "text/css", "/copy.js": "text/javascript", "/icon.svg": "image/svg+xml"}
FOLDERS_SECONDS = 300.0
"""How long the list of folders is cached."""


def application(stack: Stack, hosts: Hosts) -> Starlette:
    """The search page of a stack; requests to other hosts than `hosts` are refused."""
    pages = Pages(stack)
    routes = [Route("/", pages.search), Route("/picture", pages.picture)]
    routes += [Route(path, _file(path, kind)) for path, kind in _FILES.items()]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, hosts=hosts)],
        exception_handlers={ImageSearchError: pages.failed, HTTPException: pages.refused},
    )


class Pages:
    """The pages of one stack."""

    def __init__(self, stack: Stack) -> None:
        self._outputs = with_types(stack.outputs)
        self._warehouse = stack.warehouse
        self._explorer = Explorer.of(self._warehouse, stack.searches)
        self._thumbnails = Thumbnails(self._warehouse, stack.name("object_table"))
        self._folders: tuple[float, list[Folder]] = (0.0, [])

    def search(self, request: Request) -> Response:
        """The form, and the results for the question of the address."""
        question = address.parse(request.query_params, self._outputs["distance"])
        began = time.monotonic()
        found = self._explorer.ask(question) if question.text or question.like else None
        if found:
            uris = [hit.uri for hit in found.hits]
            self._thumbnails.prepare([question.like, *uris] if question.like else uris)
        return self._page("search", question, found=found, seconds=time.monotonic() - began)

    def picture(self, request: Request) -> Response:
        """The thumbnail of a picture that a page contains."""
        data = self._thumbnails.get(request.query_params.get("uri", ""))
        if data is None:
            return Response("", 404)
        return Response(data, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})

    def failed(self, request: Request, error: Exception) -> Response:
        """The page of an ImageSearchError."""
        assert isinstance(error, ImageSearchError)
        restart = " If the stack has changed since this server started, start it again."
        remedy = error.remedy + (restart if isinstance(error, NotThere) else "")
        return self._error(_status_of(error), error.what, remedy)

    def refused(self, request: Request, error: Exception) -> Response:
        """The page of a path or a method that does not exist."""
        assert isinstance(error, HTTPException)
        phrase = HTTPStatus(error.status_code).phrase
        return self._error(error.status_code, f"{phrase}: {request.method} {request.url.path}", "Search again.")

    def _error(self, code: int, what: str, remedy: str) -> Response:
        question = Question("", "", address.TOP_K, self._outputs["distance"])
        return self._page("error", question, code, what=what, remedy=remedy)

    def _page(self, name: str, question: Question, code: int = 200, **values: object) -> Response:
        html = rendering.html(
            name,
            outputs=self._outputs,
            question=question,
            max_pictures=address.MAX_PICTURES,
            distances=interactive_search.DISTANCES,
            folders=self._cached_folders() if name == "search" else [],
            address=lambda **changes: address.write(question, self._outputs["distance"], **changes),
            picture=lambda uri: "/picture?" + urlencode({"uri": uri}),
            job=lambda result: _job(self._warehouse.target, result),
            index_usage=index_usage,
            **values,
        )
        return HTMLResponse(html, code)

    def _cached_folders(self) -> list[Folder]:
        read_at, folders = self._folders
        if not read_at or time.monotonic() - read_at > FOLDERS_SECONDS:
            folders = self._explorer.folders()
            self._folders = (time.monotonic(), folders)
        return folders


def index_usage(found: Found) -> str:
    """Whether the index was used, as BigQuery reports it, and why not."""
    statistics: Mapping[str, Any] = found.steps[-1].answer.statistics.get("vectorSearchStatistics", {})
    unused = statistics.get("indexUnusedReasons", [])
    reasons = "; ".join(reason.get("message") or reason.get("code", "") for reason in unused)
    usage = {
        "FULLY_USED": "used for every row",
        "PARTIALLY_USED": "used, and rows that it does not cover yet were compared one by one",
        "UNUSED": "not used: every vector was compared",
    }.get(statistics.get("indexUsageMode", ""), "not reported by BigQuery")
    return f"{usage}. {reasons}" if reasons else usage


def _job(target: Target, result: QueryResult) -> dict[str, str]:
    """A job's id, and its address in the console or at the stack's own endpoint."""
    if target.endpoint:
        path = f"{target.endpoint.rstrip('/')}/projects/{target.project}/jobs/{result.job_id}"
        return {"id": result.job_id, "address": f"{path}?{urlencode({'location': target.location})}"}
    query = {
        "project": target.project,
        "j": f"bq:{target.location}:{result.job_id}",
        "page": "queryresults",
    }
    return {"id": result.job_id, "address": f"https://console.cloud.google.com/bigquery?{urlencode(query)}"}


def _status_of(error: ImageSearchError) -> int:
    """The HTTP status of an error."""
    if isinstance(error, BadAddress):
        return 400
    if isinstance(error, NotThere):
        return 404
    if isinstance(error, ServiceUnreachable):
        return 503
    if isinstance(error, StatementFailed) and error.reason in ("quotaExceeded", "rateLimitExceeded"):
        return 503
    return 502


def _file(path: str, kind: str) -> Callable[[Request], Response]:
    def send(_: Request) -> Response:
        return FileResponse(_HERE / path.lstrip("/"), media_type=kind, headers={"Cache-Control": "no-cache"})

    return send
