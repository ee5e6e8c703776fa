"""The pages: `/` asks and answers, `/picture` is a thumbnail. GET alone; every page works without a script."""

from __future__ import annotations

import time
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jinja2
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
from imagesearch.stacks.report import status
from imagesearch.stacks.stack import Stack
from imagesearch.web import address
from imagesearch.web.address import BadAddress
from imagesearch.web.guard import Guard, Hosts
from imagesearch.web.thumbnails import Thumbnails

_HERE = Path(__file__).parent
_FILES = {"/style.css": "text/css", "/copy.js": "text/javascript", "/icon.svg": "image/svg+xml"}
FOLDERS_SECONDS = 300.0
"""How long the list of folders is believed."""


def application(stack: Stack, hosts: Hosts) -> Starlette:
    """The search page of a stack, for whoever calls it by one of `hosts`."""
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
        self._outputs = status(stack.outputs)
        self._warehouse = stack.warehouse
        self._explorer = Explorer.of(self._warehouse, stack.searches)
        self._thumbnails = Thumbnails(self._warehouse, stack.name("object_table"))
        self._folders: tuple[float, list[Folder]] = (0.0, [])
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def search(self, request: Request) -> Response:
        """The form, and what was found for the question of the address."""
        question = address.parse(request.query_params, self._outputs["distance"])
        began = time.monotonic()
        found = self._explorer.ask(question) if question.text or question.like else None
        if found:
            shown = [hit.uri for hit in found.hits]
            self._thumbnails.expect([question.like, *shown] if question.like else shown)
        return self._page("search", question, found=found, waited=time.monotonic() - began)

    def picture(self, request: Request) -> Response:
        """A thumbnail of a picture that a page has shown."""
        data = self._thumbnails.get(request.query_params.get("uri", ""))
        if data is None:
            return Response("", 404)
        return Response(data, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})

    def failed(self, request: Request, error: Exception) -> Response:
        """An error of ours as a page."""
        assert isinstance(error, ImageSearchError)
        moved = " If the stack has changed since this server started, start it again."
        remedy = error.remedy + (moved if isinstance(error, NotThere) else "")
        return self._error(_status_of(error), error.what, remedy)

    def refused(self, request: Request, error: Exception) -> Response:
        """A path or a method that does not exist."""
        assert isinstance(error, HTTPException)
        phrase = HTTPStatus(error.status_code).phrase
        return self._error(error.status_code, f"{phrase}: {request.method} {request.url.path}", "Search anew.")

    def _error(self, code: int, what: str, remedy: str) -> Response:
        question = Question("", "", address.TOP_K, self._outputs["distance"])
        return self._page("error", question, code, what=what, remedy=remedy)

    def _page(self, name: str, question: Question, code: int = 200, **values: Any) -> Response:
        text = self._templates.get_template(f"{name}.html.j2").render(
            outputs=self._outputs,
            question=question,
            most=address.MOST,
            distances=interactive_search.DISTANCES,
            folders=self._known_folders() if name == "search" else [],
            address=lambda **changes: address.write(question, self._outputs["distance"], **changes),
            picture=lambda uri: "/picture?" + urlencode({"uri": uri}),
            job=lambda answer: _job(self._warehouse.target, answer),
            index_words=index_words,
            **values,
        )
        return HTMLResponse(text, code)

    def _known_folders(self) -> list[Folder]:
        asked, folders = self._folders
        if not asked or time.monotonic() - asked > FOLDERS_SECONDS:
            folders = self._explorer.folders()
            self._folders = (time.monotonic(), folders)
        return folders


def index_words(found: Found) -> str:
    """Whether the index was used, as BigQuery tells it, and why not."""
    told: Mapping[str, Any] = found.steps[-1].answer.statistics.get("vectorSearchStatistics", {})
    reasons = "; ".join(each.get("message") or each.get("code", "") for each in told.get("indexUnusedReasons", []))
    words = {
        "FULLY_USED": "the vector index answered",
        "PARTIALLY_USED": "the vector index answered, and rows that it does not cover yet were compared one by one",
        "UNUSED": "not used: every vector was compared",
    }.get(told.get("indexUsageMode", ""), "BigQuery does not say")
    return f"{words}. {reasons}" if reasons else words


def _job(target: Target, answer: QueryResult) -> dict[str, str]:
    """Where a job can be looked at: in the console, or where the stack's own endpoint tells of it."""
    if target.endpoint:
        path = f"{target.endpoint.rstrip('/')}/projects/{target.project}/jobs/{answer.job_id}"
        return {"id": answer.job_id, "address": f"{path}?{urlencode({'location': target.location})}"}
    query = {
        "project": target.project,
        "j": f"bq:{target.location}:{answer.job_id}",
        "page": "queryresults",
    }
    return {"id": answer.job_id, "address": f"https://console.cloud.google.com/bigquery?{urlencode(query)}"}


def _status_of(error: ImageSearchError) -> int:
    """The HTTP status of an error: whose fault it is, and whether to come back later."""
    if isinstance(error, BadAddress):
        return 400
    if isinstance(error, NotThere):
        return 404
    if isinstance(error, ServiceUnreachable):
        return 503
    if isinstance(error, StatementFailed) and error.reason in ("quotaExceeded", "rateLimitExceeded"):
        return 503
    return 502


def _file(path: str, kind: str) -> Any:
    def send(_: Request) -> Response:
        return FileResponse(_HERE / path.lstrip("/"), media_type=kind, headers={"Cache-Control": "no-cache"})

    return send
